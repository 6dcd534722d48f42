"""What the log says of devices: who came, who left and why, who is refused until somebody acts.

Owns the lines and how seldom they are; decides nothing. Never a reading in one: a close that quotes a frame is told by its code alone.
Called by devices.py.
"""

from typing import Final

import structlog
import trio

from devices.wire.limits import CloseCode
from hub.core.seldom import Seldom

_log: Final = structlog.get_logger(__name__)
QUOTES_A_FRAME: Final = (CloseCode.BAD_FRAME,)
_REVOKED: Final = "tributary device token NAME makes a new one"


class Comings:
    """The lines about devices."""

    def __init__(self) -> None:
        self._refused = Seldom()

    def came(self, device: str, remote: str, firmware: str) -> None:
        """Tell of a device that was welcomed."""
        _log.info("device_connected", device=device, remote=remote, firmware=firmware)

    def left(self, device: str, remote: str, code: CloseCode, reason: str) -> None:
        """Tell of a connection that ended; of one that will not be let in until somebody acts as a warning, now and then."""
        said: dict[str, object] = {"device": device, "remote": remote, "code": int(code), "why": code.name.lower()}
        if reason and code not in QUOTES_A_FRAME:
            said["reason"] = reason
        if code is CloseCode.RESTART:
            _log.debug("device_left", **said)  # all of them, when the hub stops
        elif code.may_return and code is not CloseCode.NO_ROOM:
            _log.info("device_left", **said)
        elif times := self._refused.times(device, trio.current_time()):
            hint = {"hint": _REVOKED} if code is CloseCode.REVOKED else {}
            _log.warning("device_refused", **said, times=times, **hint)
