"""How much room the journal has, and when it must hold: the bounds of disk and memory, each with a way back.

Owns the thresholds; plain code that is told sizes. Used by journal.py.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

FOLLOWERS: Final = ("history", "ledger", "rules")  # of a hub, that hold rows back: what none of them needs any more is trimmed
MAX_PENDING_BYTES: Final = 64 << 20  # of frames that wait for a commit, all devices together
_REST_PER_ROW_S: Final = 0.000_3
_BACK: Final = 0.05  # of a bound: so much better it must be before credit is given again, so that it does not flutter


@dataclass(frozen=True, slots=True)
class JournalSettings:
    """The bounds of the journal."""

    max_bytes: int = 20_000_000_000  # of pages in use
    min_free_bytes: int = 2_000_000_000  # of the disk; never more than 10 % of it
    resume_window_s: float = 3_600.0  # rows kept for viewers that come back, though every follower has them
    resume_bytes: int = 2_000_000_000  # beyond this size rows go as soon as every follower has them
    followers: tuple[str, ...] = ("history", "ledger")  # who holds rows back
    tail_bytes: int = 32 << 20  # of the newest rows in memory, for followers that keep up
    is_known: Callable[[str], bool] = lambda device: True  # else it was removed: its epochs are forgotten
    gather_s: float = 0.005  # from the beginning of a commit to that of the next: what comes in between shares one sync

    def rest_s(self, rows: int) -> float:
        """Return how long after the beginning of a commit of so many rows the next one may begin.

        The busier the longer, up to twice `gather_s`: a commit costs some 200 µs of CPU beside its rows. 5,000 rows/s of 1,000 devices
        cost 2 µs less a row so, and wait 2 ms longer; up to 3,300 rows/s nothing changes.
        """
        return min(2 * self.gather_s, max(self.gather_s, rows * _REST_PER_ROW_S))


class Room:
    """Decides whether the journal holds, and why."""

    def __init__(self, settings: JournalSettings, disk_bytes: int) -> None:
        self._max_bytes = settings.max_bytes
        self._min_free_bytes = min(settings.min_free_bytes, disk_bytes // 10)
        self.size_bytes = 0
        self.free_bytes = disk_bytes
        self.is_full = False  # a commit found no room
        self._is_short = False
        self._is_overloaded = False

    @property
    def holding(self) -> str | None:
        """Why credit is 0, or None."""
        if self.is_full or self._is_short:
            return "store_full"
        return "overload" if self._is_overloaded else None

    @property
    def left_bytes(self) -> int:
        """How much the journal may still grow until it holds."""
        return max(0, min(self._max_bytes - self.size_bytes, self.free_bytes - self._min_free_bytes))

    def figures(self) -> dict[str, float]:
        """Return figures for metrics."""
        return {"size_bytes": self.size_bytes, "free_bytes": self.free_bytes, "left_bytes": self.left_bytes}

    def measured(self, size_bytes: int, free_bytes: int) -> None:
        """Take the sizes of file and disk."""
        self.size_bytes, self.free_bytes = size_bytes, free_bytes
        back = _BACK if self._is_short else 0.0
        self._is_short = size_bytes > self._max_bytes * (1 - back) or free_bytes < self._min_free_bytes * (1 + back)

    def pending(self, size_bytes: int) -> None:
        """Take the bytes that wait for a commit."""
        self._is_overloaded = size_bytes > (MAX_PENDING_BYTES // 2 if self._is_overloaded else MAX_PENDING_BYTES)
