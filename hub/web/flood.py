"""What one client sends to trio-websocket beside messages: too much of it ends the connection.

Owns both measures, by bytes and by frames that carry next to nothing, and the operator's line. frames.py makes it for a connection once
something of it goes to trio-websocket, and closes.
"""

import math
from typing import Final

import structlog

from hub.core.seldom import Seldom
from hub.web.settings import DoorSettings
from hub.web.small_frames import SmallFrames

# A message of fragments fits; a flood of pings, or of fragments without one, which would fill memory, does not.
_MAX_MESSAGES_HEARD: Final = 8
_WITHIN_S: Final = 10.0
_log: Final = structlog.get_logger(__name__)
_seldom = Seldom()  # of the process, as the log is


class Flood:
    """The measures of one connection."""

    __slots__ = ("_bytes", "_max_bytes", "_per_s", "_since_s", "_small")

    def __init__(self, settings: DoorSettings) -> None:
        self._max_bytes = _MAX_MESSAGES_HEARD * settings.max_message_bytes
        self._per_s = settings.max_small_frames_per_s
        self._small = SmallFrames(self._per_s)
        self._since_s = -math.inf
        self._bytes = 0  # since the last message

    @property
    def is_halfway(self) -> bool:
        """Tell whether a frame has begun of which more is to come."""
        return self._small.is_halfway

    def message_came(self) -> None:
        """Note a message: what is heard has a meaning."""
        self._bytes = 0

    def take(self, data: bytes, now_s: float) -> tuple[int, str]:
        """Return how much of the data may go on in this turn, and why the connection must end, if it must."""
        size, may_come = self._small.take(data, now_s)
        if not may_come:
            return size, f"more than {self._per_s} frames a second that carry next to nothing"
        self._bytes += size
        if self._bytes > self._max_bytes:
            if now_s - self._since_s < _WITHIN_S:
                return size, "much was sent, and no message"
            self._since_s, self._bytes = now_s, 0
        return size, ""


def tell_flood(remote: str, reason: str, now_s: float) -> None:
    """Write a line, now and then for each address."""
    if times := _seldom.times(remote.rpartition(":")[0], now_s):
        _log.warning("flood_closed", remote=remote, reason=reason, times=times)
