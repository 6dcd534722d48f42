"""`python -m tests.fuzz.impatient tributary serve ...`: the hub as it is served, with shorter waits for who says nothing.

Owns what differs from the product, and nothing else: ten thousand silent attackers would take hours, and where they leave the hub too
little CPU time it must not turn others away for that. Started by stage.py.
"""

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from hub.cli.starting import start_quickly

start_quickly()  # before numpy is imported

from hub import cli, main  # noqa: E402
from hub.core.pressure import Pressure  # noqa: E402
from hub.main import Hub  # noqa: E402
from hub.web.door import ASGIApp, Door, DoorSettings  # noqa: E402
from hub.web.ways import sessions  # noqa: E402

_QUICK: Final[dict[str, Any]] = {"head_timeout_s": 3.0, "idle_timeout_s": 3.0, "body_timeout_s": 3.0, "linger_s": 0.3}
_ABSENT_S: Final = 1.0  # of sessions without a socket
_LOOK_S: Final = 0.2


class _Patient(Pressure):
    """Sheds nothing because the event loop is late: here it is the attackers who take its time."""

    def judge(self, measures: Mapping[str, float], now_s: float) -> bool:
        return super().judge({**measures, "late_s": 0.0}, now_s)


class ImpatientHub(Hub):
    """The hub, whose door waits less long for who says nothing."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.strain.pressure = _Patient()

    def _make_door(self, app: ASGIApp, settings: DoorSettings) -> Door:
        return super()._make_door(app, replace(settings, **_QUICK))


def serve(hub: type[Hub]) -> None:
    """Be the command line that the arguments are, with this hub."""
    sessions.ABSENT_S, sessions._LOOK_S = _ABSENT_S, _LOOK_S  # type: ignore[misc]
    main.Hub = hub  # type: ignore[misc]
    del sys.argv[0]
    cli.main()


if __name__ == "__main__":
    serve(ImpatientHub)
