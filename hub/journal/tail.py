"""The newest rows of the journal in memory, so that followers that keep up never read the file.

Owns a bounded stretch of commits with rising positions; older ones fall out whole. Plain code, used by journal.py.
"""

from bisect import bisect_right
from collections.abc import Sequence

from hub.core.records import Row

_ROW_BYTES = 300  # of a row beside its body: tuple, integers, names


class Tail:
    """The newest commits, at most about `max_bytes` of them."""

    def __init__(self, max_bytes: int, last: int) -> None:
        self._max_bytes = max_bytes
        self._commits: list[Sequence[Row]] = []
        self._firsts: list[int] = []  # position of the first row of each
        self._sizes: list[int] = []
        self._gone = 0  # how many at the front of the lists have fallen out
        self._size_bytes = 0
        self._after = last  # every row above this position is here
        self._last = last

    def __len__(self) -> int:
        return self._last - self._after

    def append(self, rows: Sequence[Row], body_bytes: int) -> None:
        """Take the rows of a commit and the size of their bodies; their positions follow the last one without a hole."""
        rejects = [len(row[7]) for row in rows if row[7] is not None]  # may be many times the body
        size_bytes = body_bytes + sum(rejects) + len(rows) * _ROW_BYTES
        self._commits.append(rows)
        self._firsts.append(self._last + 1)
        self._sizes.append(size_bytes)
        self._size_bytes += size_bytes
        self._last += len(rows)
        while self._size_bytes > self._max_bytes:
            self._after += len(self._commits[self._gone])
            self._commits[self._gone] = ()
            self._size_bytes -= self._sizes[self._gone]
            self._gone += 1
        if self._gone * 2 > len(self._commits):
            for each in (self._commits, self._firsts, self._sizes):
                del each[: self._gone]
            self._gone = 0

    def has_all_above(self, position: int) -> bool:
        """Tell whether every row above a position is here."""
        return position >= self._after

    def read(self, after: int, max_rows: int, max_bytes: int) -> list[Row]:
        """Return rows above `after`, at least one where there is one."""
        at = max(0, bisect_right(self._firsts, after + 1) - 1)
        rows: list[Row] = []
        while at < len(self._commits) and len(rows) < max_rows:
            skipped = max(0, after + 1 - self._firsts[at])
            rows += self._commits[at][skipped : skipped + max_rows - len(rows)]
            at += 1
        size_bytes = 0
        for count, row in enumerate(rows):
            size_bytes += len(row.body)
            if size_bytes > max_bytes and count:
                return rows[:count]
        return rows
