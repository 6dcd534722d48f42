"""What was sent to a viewer and is not drawn yet: the measure of how slow it is.

Owns the count and the limits of docs/protocol.md section 12; plain code that takes the monotonic time. Undrawn counts for one viewer and is
used by subscription.py; SentLog counts once for all of a group, whose members then keep one number each. Both are bounded: past MAX_ENTRIES
the newest are counted as one, and the log counts what goes out within _FOLD_S as one.
"""

from collections import deque
from collections.abc import Iterator
from typing import Final, NamedTuple

MAX_UNDRAWN_S: Final = 2.0
MAX_UNDRAWN_BYTES: Final = 64 << 10
SWAMPED_BYTES: Final = 4 * MAX_UNDRAWN_BYTES
MAX_ENTRIES: Final = 256
_FOLD_S: Final = MAX_UNDRAWN_S / 32


class Sent(NamedTuple):
    """A message, or several up to this one."""

    n: int
    size_bytes: int
    at_s: float


class Undrawn:
    """Messages by their number, oldest first."""

    def __init__(self) -> None:
        self._sent: deque[Sent] = deque()
        self._size_bytes = 0
        self._reports = False

    def sent(self, n: int, size_bytes: int, now_s: float) -> None:
        """Note a message that was handed to the connection."""
        self._size_bytes += size_bytes
        if len(self._sent) >= MAX_ENTRIES:
            last = self._sent.pop()
            size_bytes, now_s = last.size_bytes + size_bytes, last.at_s
        self._sent.append(Sent(n, size_bytes, now_s))

    def drawn(self, n: int) -> None:
        """Note that everything up to a number is drawn."""
        self._reports = True
        while self._sent and self._sent[0].n <= n:
            self._size_bytes -= self._sent.popleft().size_bytes

    def clear(self) -> None:
        """Begin anew: somebody else counts from now on."""
        self._sent.clear()
        self._size_bytes = 0

    def is_slow(self, now_s: float) -> bool:
        """Tell whether the viewer gets merged buckets: too much, or something too old, is not drawn."""
        return bool(self._sent) and (self._size_bytes > MAX_UNDRAWN_BYTES or now_s - self._sent[0].at_s > MAX_UNDRAWN_S)

    @property
    def is_swamped(self) -> bool:
        """Tell whether a viewer that does say what it has drawn has so much before it that it should get nothing more for now."""
        return self._reports and self._size_bytes > SWAMPED_BYTES


class SentLog:
    """What a group got: from it and the number that a member has drawn follows all that Undrawn knows."""

    def __init__(self) -> None:
        self._sent: deque[Sent] = deque()
        self._size_bytes = 0
        self._older: Sent | None = None  # the newest that is too old, or too much, to be undrawn

    def sent(self, n: int, size_bytes: int, now_s: float) -> None:
        """Note a message that was handed to every member."""
        self._size_bytes += size_bytes
        if self._sent and now_s - self._sent[-1].at_s < _FOLD_S:
            last = self._sent.pop()
            size_bytes, now_s = last.size_bytes + size_bytes, last.at_s
        self._sent.append(Sent(n, size_bytes, now_s))

    def slow_below(self, now_s: float) -> int:
        """Return the number that a member must have drawn not to be slow."""
        while self._sent and (self._size_bytes > MAX_UNDRAWN_BYTES or now_s - self._sent[0].at_s > MAX_UNDRAWN_S):
            self._older = self._sent.popleft()
            self._size_bytes -= self._older.size_bytes
        return 0 if self._older is None else self._older.n

    def undrawn(self, drawn_n: int) -> Iterator[Sent]:
        """Return what a member has yet to draw; of what is long past, the newest alone."""
        for sent in ([] if self._older is None else [self._older], self._sent):
            yield from (each for each in sent if each.n > drawn_n)
