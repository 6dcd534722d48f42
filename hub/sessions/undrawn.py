"""What was sent to a viewer and is not drawn yet: the measure of how slow it is.

Owns the count and the limits of docs/protocol.md section 12; plain code that takes the monotonic time. Used by subscription.py. Bounded:
past MAX_ENTRIES the newest are counted as one.
"""

from collections import deque
from typing import Final, NamedTuple

MAX_UNDRAWN_S: Final = 2.0
MAX_UNDRAWN_BYTES: Final = 64 << 10
SWAMPED_BYTES: Final = 4 * MAX_UNDRAWN_BYTES
MAX_ENTRIES: Final = 256


class _Sent(NamedTuple):
    n: int
    size_bytes: int
    at_s: float


class Undrawn:
    """Messages by their number, oldest first."""

    def __init__(self) -> None:
        self._sent: deque[_Sent] = deque()
        self._size_bytes = 0
        self._reports = False

    def sent(self, n: int, size_bytes: int, now_s: float) -> None:
        """Note a message that was handed to the connection."""
        self._size_bytes += size_bytes
        if len(self._sent) >= MAX_ENTRIES:
            last = self._sent.pop()
            size_bytes, now_s = last.size_bytes + size_bytes, last.at_s
        self._sent.append(_Sent(n, size_bytes, now_s))

    def drawn(self, n: int) -> None:
        """Note that everything up to a number is drawn."""
        self._reports = True
        while self._sent and self._sent[0].n <= n:
            self._size_bytes -= self._sent.popleft().size_bytes

    def is_slow(self, now_s: float) -> bool:
        """Tell whether the viewer gets merged buckets: too much, or something too old, is not drawn."""
        return bool(self._sent) and (self._size_bytes > MAX_UNDRAWN_BYTES or now_s - self._sent[0].at_s > MAX_UNDRAWN_S)

    @property
    def is_swamped(self) -> bool:
        """Tell whether a viewer that does say what it has drawn has so much before it that it should get nothing more for now."""
        return self._reports and self._size_bytes > SWAMPED_BYTES
