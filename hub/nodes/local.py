"""Leases of a hub that is alone: always granted, without asking anybody.

Owns the fence of each connection. It rises over restarts and restores of the hub, too: by the clock, and by what devices were told
before, so that an older process of the same hub, which hangs on somewhere, is not listened to any more. Made by control.py.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import trio

from devices.wire.limits import MAX_FENCE
from hub.ports import Lease, Now


class LocalLease(NamedTuple):
    """A lease that always holds."""

    device: str
    fence: int | None


class LocalLeases:
    """The leases of the only node. Its clock may go back: then a device's own word counts."""

    def __init__(self, now: Now) -> None:
        self._now = now

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Nothing runs out."""
        task_status.started()

    async def take(self, device: str, seen: int) -> Lease:
        """Give a lease without a checkpoint."""
        return LocalLease(device, min(max(self._now(), seen + 1), MAX_FENCE))

    async def refresh(self, kind: str, keys: Sequence[str]) -> None:
        """There is no other node."""

    async def reload(self) -> None:
        """There is no other node."""

    async def last(self, devices: Collection[str]) -> Mapping[str, str]:
        """There is no other node."""
        return {}

    def drop(self, lease: Lease) -> None:
        """Nobody wants it back."""

    def on_lost(self, callback: Callable[[Lease, str], None]) -> None:
        """None is ever lost."""
