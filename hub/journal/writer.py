"""The one thread in which a journal file is written.

Owns the order of blocking calls (one at a time, never abandoned), what of a commit is done in the thread, and remembers whether the
file broke. Used by journal.py and upkeep.py.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

import trio

from hub.core.records import Row, as_row
from hub.journal.batch import Batch
from hub.ports import JournalBroken, JournalFile, Opening

T = TypeVar("T")


class Written(NamedTuple):
    """What a commit has made durable."""

    openings: Sequence[Opening]
    rows: list[Row]  # with their positions
    marks: Mapping[tuple[str, int], int]


def written_by(file: JournalFile, batch: Batch) -> Written:
    """Commit a batch; also what comes before and after is done here, in the thread, and not in the event loop."""
    openings, rows = batch.openings(), batch.rows()
    columns = tuple(zip(*rows, strict=True))
    if rows and batch.is_plain:  # those of an epoch come in order
        marks, said = dict(zip(zip(*columns[1:3], strict=True), columns[3], strict=True)), {}
    else:
        marks = said = batch.marks()
    first = file.commit(openings, rows, said)
    return Written(openings, list(map(as_row, zip(range(first, first + len(rows)), *columns[1:], strict=True))), marks)


class Writer:
    """A journal file and its thread."""

    def __init__(self, file: JournalFile) -> None:
        self.file = file
        self.is_broken = False  # after that nothing may be written on it
        self._one = trio.CapacityLimiter(1)

    async def call(self, call: Callable[[], T]) -> T:
        """Run a blocking call on the file; once it has begun a cancellation waits for its end.

        Raises JournalBroken, from the first failed write on at every call: a sync after one that failed would say that all is well.
        """
        try:
            return await trio.to_thread.run_sync(partial(self._unbroken, call), limiter=self._one)
        except JournalBroken:
            self.is_broken = True
            raise

    async def close(self) -> None:
        """Close the file, also where it broke; idempotent."""
        await trio.to_thread.run_sync(self.file.close, limiter=self._one)

    def _unbroken(self, call: Callable[[], T]) -> T:
        if self.is_broken:
            raise JournalBroken("a write to the journal failed before: nothing more is written on this file")
        return call()
