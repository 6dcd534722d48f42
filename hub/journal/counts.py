"""What the journal counts of its commits, for metrics and doctor.

Owns the numbers; plain code. Filled by journal.py; sessions/devices.py asks for the pace.
"""

from collections import deque
from collections.abc import Mapping
from statistics import median


class Counts:
    """Commits so far."""

    def __init__(self) -> None:
        self._commits = self._rows = self._last_us = 0
        self._seconds = 0.0
        self._last_s = deque([0.0] * 3, maxlen=3)

    def committed(self, seconds: float, rows: int, now_us: int) -> None:
        """Count a commit."""
        self._commits += 1
        self._rows += rows
        self._seconds += seconds
        self._last_s.append(seconds)
        self._last_us = now_us

    def usual_s(self) -> float:
        """Return how long commits take now: the middle one of the last three, so that one stall is no slow disk."""
        return median(self._last_s)

    def figures(self) -> Mapping[str, float]:
        """Return the counts."""
        counts = {"commits": self._commits, "committed_rows": self._rows, "last_commit_time_us": self._last_us}
        return {**counts, "commit_seconds": self._seconds, "last_commit_seconds": self._last_s[-1]}
