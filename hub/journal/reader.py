"""What is read out of a journal: rows from memory or from the file, and a copy of the whole file, beside the commits.

Owns the newest rows in memory and the threads of reading; never waits for the thread that writes. Used by journal.py.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import trio

from hub.core.records import Row
from hub.journal.tail import Tail
from hub.ports import JournalFile

_COPYING: Final = trio.CapacityLimiter(1)


class Reader:
    """The reading side of a journal file, whose newest row is `last`."""

    def __init__(self, file: JournalFile, tail_bytes: int, last: int) -> None:
        self._file = file
        self._tail = Tail(tail_bytes, last)
        self._reading = trio.CapacityLimiter(1)

    @property
    def tail_rows(self) -> int:
        """How many rows are in memory."""
        return len(self._tail)

    def committed(self, rows: Sequence[Row], body_bytes: int) -> None:
        """Take the rows of a commit."""
        self._tail.append(rows, body_bytes)

    async def read(self, after: int, max_rows: int, max_bytes: int, position: Callable[[], int]) -> list[Row]:
        """Return rows above `after`, at least one where there is one, none above what is committed. Raises JournalBroken."""
        await trio.lowlevel.checkpoint()
        if self._tail.has_all_above(after):
            return self._tail.read(after, max_rows, max_bytes)
        last = position()
        read = partial(self._file.read, after, max_rows, max_bytes)
        rows: list[Row] = await trio.to_thread.run_sync(read, limiter=self._reading)
        # The file may already have what its owners have not been told yet.
        return [row for row in rows if row.position <= last]

    async def copy_to(self, path: Path, told: Callable[[int, int], None]) -> None:
        """Copy the file as it is at this moment; a cancelled call removes what there was of the copy."""

        def told_from_thread(done: int, whole: int) -> None:
            trio.from_thread.check_cancelled()
            trio.from_thread.run_sync(told, done, whole)

        await trio.to_thread.run_sync(self._file.copy_to, path, told_from_thread, limiter=_COPYING)
