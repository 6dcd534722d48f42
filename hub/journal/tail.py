"""The newest rows of the journal in memory, so that followers that keep up never read the file.

Owns a bounded stretch of rows with rising positions; older ones fall out. Plain code, used by journal.py.
"""

from collections.abc import Sequence

from hub.core.records import Row

_ROW_BYTES = 300  # of a row beside its body: tuple, integers, names


class Tail:
    """The newest rows, at most about `max_bytes` of them."""

    def __init__(self, max_bytes: int, last: int) -> None:
        self._max_bytes = max_bytes
        self._rows: list[Row] = []
        self._gone = 0  # how many at the front of the list have fallen out
        self._size_bytes = 0
        self._after = last  # every row above this position is here

    def __len__(self) -> int:
        return len(self._rows) - self._gone

    def append(self, rows: Sequence[Row]) -> None:
        """Take the rows of a commit; their positions follow the last one without a hole."""
        self._rows += rows
        self._size_bytes += sum(len(row.body) for row in rows) + len(rows) * _ROW_BYTES
        while self._size_bytes > self._max_bytes and self._gone < len(self._rows):
            oldest = self._rows[self._gone]
            self._gone += 1
            self._size_bytes -= len(oldest.body) + _ROW_BYTES
            self._after = oldest.position
        if self._gone * 2 > len(self._rows):
            del self._rows[: self._gone]
            self._gone = 0

    def has_all_above(self, position: int) -> bool:
        """Tell whether every row above a position is here."""
        return position >= self._after

    def read(self, after: int, max_rows: int, max_bytes: int) -> list[Row]:
        """Return rows above `after`, at least one where there is one."""
        begin = self._gone + after - self._after
        rows: list[Row] = []
        size_bytes = 0
        for row in self._rows[begin : begin + max_rows]:
            size_bytes += len(row.body)
            if rows and size_bytes > max_bytes:
                break
            rows.append(row)
        return rows
