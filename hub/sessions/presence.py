"""The looks at presence: what nobody says, because nothing comes, is found by looking again and again.

Owns when it is looked, and what keeps devices from being heard; core/presence.py judges. Started by control.py.
"""

from collections.abc import Callable
from typing import Protocol

import trio

from hub.core.presence import LOOK_S


class Looked(Protocol):
    """Who keeps presence: the registry."""

    def look(self, passed_s: float, *, may_hear: bool, may_send: bool) -> None:
        """Show what time alone makes of presence."""


class PresenceWatch:
    """Looks twice a second. `holding()` is why devices have no credit, None where they have."""

    def __init__(self, devices: Looked, holding: Callable[[], str | None]) -> None:
        self._devices = devices
        self._holding = holding

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Look until cancelled."""
        task_status.started()
        before_s = trio.current_time()
        while True:
            await trio.sleep(LOOK_S)
            now_s, holding = trio.current_time(), self._holding()
            self._devices.look(now_s - before_s, may_hear=holding != "overload", may_send=holding is None)
            before_s = now_s
