"""Two programs with one device's token: each takes the device's connection from the other, until one of them is told to stay away.

Owns the counting of takeovers, and for how long a device is locked: then its connection stays, and others are refused (4014). The newest
connection wins otherwise, as it is mostly the same device with a new link. Asked by devices.py.
"""

from collections import OrderedDict, deque
from typing import Final

import structlog

from devices.wire.limits import CloseCode
from devices.wire.session import ProtocolError
from hub.core.seldom import Seldom

MAX_TAKEOVERS: Final = 5
WITHIN_S: Final = 60.0
LOCK_S: Final = 60.0
HEARD_S: Final = 5.0  # a connection that was silent for longer is dead: who replaces it is the same device
_MAX_DEVICES: Final = 10_000
_HINT: Final = "give each its own device; tributary device token NAME makes a new token, which ends both"
_log: Final = structlog.get_logger(__name__)


class Takeovers:
    """The takeovers of connections that were alive, by device."""

    def __init__(self) -> None:
        self._at_s: OrderedDict[str, deque[float]] = OrderedDict()
        self._locked_s: dict[str, float] = {}  # until
        self._seldom = Seldom()

    def check(self, device: str, silent_s: float, remotes: tuple[str, str], now_s: float) -> None:
        """Let a newer connection take an older one's place, which was silent for so long. Raises ProtocolError 4014."""
        if now_s < self._locked_s.get(device, float("-inf")):
            raise self._locked(device, remotes, now_s)
        self._locked_s.pop(device, None)
        if silent_s > HEARD_S:
            return
        times = self._at_s.setdefault(device, deque(maxlen=MAX_TAKEOVERS))
        self._at_s.move_to_end(device)
        if len(self._at_s) > _MAX_DEVICES:
            self._at_s.popitem(last=False)
        if len(times) == MAX_TAKEOVERS and now_s - times[0] < WITHIN_S:
            del self._at_s[device]
            self._locked_s[device] = now_s + LOCK_S
            raise self._locked(device, remotes, now_s)
        times.append(now_s)

    def _locked(self, device: str, remotes: tuple[str, str], now_s: float) -> ProtocolError:
        if times := self._seldom.times(device, now_s):
            _log.warning("device_contested", device=device, remote=remotes[0], refused=remotes[1], times=times, hint=_HINT)
        return ProtocolError(CloseCode.CONTESTED, f"more than {MAX_TAKEOVERS} takeovers in {WITHIN_S:g} s: two programs use this token")
