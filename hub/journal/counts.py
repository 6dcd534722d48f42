"""What the journal counts of its commits, for metrics and doctor.

Owns the numbers; plain code. Used by journal.py.
"""

from collections.abc import Mapping


class Counts:
    """Commits so far."""

    def __init__(self) -> None:
        self._commits = self._rows = self._last_us = 0
        self._seconds = self._last_s = 0.0

    def committed(self, seconds: float, rows: int, now_us: int) -> None:
        """Count a commit."""
        self._commits += 1
        self._rows += rows
        self._seconds += seconds
        self._last_s, self._last_us = seconds, now_us

    def figures(self) -> Mapping[str, float]:
        """Return the counts."""
        counts = {"commits": self._commits, "committed_rows": self._rows, "last_commit_time_us": self._last_us}
        return {**counts, "commit_seconds": self._seconds, "last_commit_seconds": self._last_s}
