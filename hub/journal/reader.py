"""What is read out of a journal: rows from memory or from the file, and a copy of the whole file, beside the commits.

Owns the newest rows in memory, the threads of reading, and what was found damaged; never waits for the thread that writes.
Used by journal.py.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import structlog
import trio

from hub.core.records import Row
from hub.journal.sqlite_values import damaged_in
from hub.journal.tail import Tail
from hub.ports import JournalDamaged, JournalFile

_log: Final = structlog.get_logger(__name__)
_MAX_TOLD: Final = 1_000  # damaged frames that are counted apart: so many are a broken disk
_COPYING: Final = trio.CapacityLimiter(1)


class Reader:
    """The reading side of a journal file, whose newest row is `last`."""

    def __init__(self, file: JournalFile, tail_bytes: int, last: int) -> None:
        self._file = file
        self._tail = Tail(tail_bytes, last)
        self._reading = trio.CapacityLimiter(1)
        self._damaged: set[int] = set()  # positions
        self._broken: JournalDamaged | None = None
        self._is_broken = trio.Event()

    def figures(self) -> dict[str, float]:
        """Return how many rows are in memory, and how many frames were found damaged since the start, _MAX_TOLD at most."""
        return {"tail_rows": len(self._tail), "damaged_rows": len(self._damaged)}

    async def watch(self) -> None:
        """Wait for ever. Raises JournalDamaged once what was read cannot be right: the next start keeps what can still be read."""
        await self._is_broken.wait()
        assert self._broken is not None
        raise self._broken

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
        try:
            rows: list[Row] = await trio.to_thread.run_sync(read, limiter=self._reading)
        except JournalDamaged as error:
            self._broken = error
            self._is_broken.set()
            raise
        self._tell_damaged(rows)
        # The file may already have what its owners have not been told yet.
        return [row for row in rows if row.position <= last]

    def _tell_damaged(self, rows: Sequence[Row]) -> None:
        fresh = set(damaged_in(rows)) - self._damaged
        if fresh and len(self._damaged) < _MAX_TOLD:
            self._damaged |= fresh
            devices = sorted({row.device for row in rows if row.position in fresh and row.device})
            _log.error("journal_damaged", first=min(fresh), last=max(fresh), frames=len(fresh), devices=devices[:10])

    async def copy_to(self, path: Path, told: Callable[[int, int], None]) -> None:
        """Copy the file as it is at this moment; a cancelled call removes what there was of the copy."""

        def told_from_thread(done: int, whole: int) -> None:
            trio.from_thread.check_cancelled()
            trio.from_thread.run_sync(told, done, whole)

        await trio.to_thread.run_sync(self._file.copy_to, path, told_from_thread, limiter=_COPYING)
