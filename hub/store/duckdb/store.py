"""The DuckDB history store: readings appended with the cursor in one transaction, queries beside them.

Owns how the parts are put together and in which thread each works: hot.py has the rows of the database, flush.py, merging.py and
upkeep.py the files, queries.py the questions, connection.py the database file and the threads. Must not know the journal.
Raises StoreUnavailable for what may work later.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import trio

from devices.wire.messages import Channel
from hub.core.records import Columns, Cursor, RangeAnswer, Reading, Refused, Series
from hub.ports import Retention
from hub.store.duckdb import paging, queries
from hub.store.duckdb.backup import Backup
from hub.store.duckdb.checks import Checks, FilesDamaged
from hub.store.duckdb.connection import Connection, DuckDB
from hub.store.duckdb.figures import figures_of
from hub.store.duckdb.folder import Folder
from hub.store.duckdb.hot import Hot
from hub.store.duckdb.manifest import Manifest
from hub.store.duckdb.parts import Parts
from hub.store.duckdb.unlinking import Unlinking
from hub.store.duckdb.upkeep import Upkeep

T = TypeVar("T")
_MAX_DAMAGED: Final = 50  # findings in one question before it is given up


class DuckDBStore:
    """A HistoryStore in one database file and a folder of sorted files beside it."""

    name = "DuckDB"
    resolution_ns = 1
    syncs_before_it_answers = True

    def __init__(self, path: Path, retention: Retention = Retention()) -> None:  # noqa: B008  # frozen
        folder, manifest, unlinking = Folder(path, retention.memory_bytes), Manifest(), Unlinking()
        checks = Checks(folder)
        self._file = Connection(path, folder)
        self._hot = Hot(folder, manifest, unlinking, checks)
        self._sight = queries.Sight(folder, checks, manifest)
        self._parts = Parts(path, self._file, folder, manifest, unlinking, checks, retention)
        self._upkeep = Upkeep(self._parts, self._hot)
        self.notes = self._file.notes
        self._listed: list[Series] = []
        self._listed_of: Mapping[Series, int] | None = None  # the ids that were sorted
        self._queried = 0

    async def start(self) -> None:
        """Open or recover the file. Raises StoreUnavailable where the machine is at fault: no space, no right, another process."""
        await self._file.open(partial(self._hot.load, now_s=trio.current_time()))
        for each in self._parts.manifest.damaged:
            self._file.note(each.note())

    async def cursor(self) -> Cursor | None:
        """Return the cursor up to which rows are applied; after a failure of the file it is opened again first, and may have gone back."""
        if self._file.has_failed:
            await self.start()
        await trio.lowlevel.checkpoint()
        return self._hot.cursor

    async def safe(self) -> Cursor | None:
        """Return the cursor of the last checkpoint."""
        await trio.lowlevel.checkpoint()
        return self._hot.safe

    async def append(self, columns: Columns, cursor: Cursor) -> list[Refused]:
        """Store the readings and move the cursor, in one transaction; what the cursor already covers is skipped."""
        await self._sound(self._file.write, partial(self._hot.append, columns, cursor, trio.current_time()))
        return []

    async def make_safe(self) -> Cursor | None:
        """Flush where it is time, checkpoint, and return the cursor that it holds."""

        def make_safe(connection: DuckDB, now_s: float) -> Cursor | None:
            self._hot.flush_when_due(connection, now_s)
            if self._hot.safe != self._hot.cursor:
                self._hot.checkpoint(connection)
            return self._hot.safe

        return await self._file.write(partial(make_safe, now_s=trio.current_time()))

    async def _flush_all(self) -> None:
        await self._file.write(self._hot.flush)

    async def _sound(self, run: Callable[[Callable[[DuckDB], T]], Awaitable[T]], call: Callable[[DuckDB], T]) -> T:
        """Run a question or a change; files that turn out damaged are set aside, and it runs again. Raises StoreUnavailable."""
        for _ in range(_MAX_DAMAGED):
            try:
                with self._parts.unlinking.reader():
                    return await run(call)
            except FilesDamaged as error:
                found = error.found
            await self._upkeep.set_aside(found)
        raise FilesDamaged(found)

    async def query(self, series: Sequence[Series], from_us: int, to_us: int, width_us: int, max_points: int) -> RangeAnswer:
        """Return readings or whole buckets, and the cursor of the same transaction."""
        self._queried += 1
        limits = queries.Limits(from_us, to_us, width_us, max_points)
        return await self._sound(self._file.read, lambda db: queries.query(db, self._sight, self._hot.numbered(series), limits))

    async def list_series(self) -> list[Series]:
        """Return every series that has a reading, by device, channel, unit."""
        await trio.lowlevel.checkpoint()
        if self._listed_of is not self._hot.ids:  # to sort 10,000 takes up to 26 ms, and every query asks for them
            self._listed_of, self._listed = self._hot.ids, sorted(self._hot.ids)
        return self._listed.copy()

    async def latest(self, series: Sequence[Series]) -> dict[Series, Reading]:
        """Return the newest reading of each."""
        return await self._sound(self._file.read, lambda db: queries.latest(db, self._sight, self._hot.numbered(series)))

    async def read(self, series: Sequence[Series], from_ns: int, to_ns: int, first_from_ns: int, max_readings: int) -> Columns:
        """Return the first readings of a range, series by series, oldest first.

        Readings of one time that come across the end of a page are all on it, so that it may be longer by these.
        """
        page, wanted = paging.Page(from_ns, to_ns, first_from_ns, max_readings), list(series)

        def read(connection: DuckDB) -> Columns:
            ids = [self._hot.ids.get(each, -1) for each in wanted]
            return paging.columns_of(paging.read(connection, self._sight, ids, page), ids, wanted)

        return await self._sound(self._file.read, read)

    async def delete_device(self, device: str) -> None:
        """Delete every reading of a device; what files hold of it is erased by `tend`."""
        await self._file.write(partial(self._hot.delete, device))

    async def tend(self, now_us: int) -> None:
        """Flush, drop, merge, look at and unlink files, each for about a second at most."""
        await self.cursor()  # opens what has failed
        await self._file.write(partial(self._hot.flush_when_due, now_s=trio.current_time()))
        await self._upkeep.run(now_us)

    async def backup(self, folder: Path, said: Callable[[int, int], None]) -> Cursor | None:
        """Copy the history into a folder, consistent and synced, and return the cursor in the copy; None: nothing was ever stored.

        `said(done_bytes, all_bytes)` is called from another thread, as it goes on. Queries run meanwhile, and appends but for the short
        time that the database file itself takes; the sorted files are linked where that is possible. Cancelled, it leaves an unfinished
        copy. Raises StoreUnavailable.
        """
        copy = Backup(self._parts.path, self._parts.folder, folder, said)

        def database(connection: DuckDB) -> Cursor | None:
            self._hot.checkpoint(connection)
            copy.database(self._parts.manifest.files.values())
            return self._hot.safe

        with self._parts.unlinking.reader():
            cursor = await self._file.write(database)
            await self._file.tend(copy.files)
        return cursor

    def refuses(self, channel: Channel) -> str | None:
        """Return None: every kind is held."""
        return None

    async def statistics(self) -> Mapping[str, float]:
        """Return figures for metrics and doctor; `bytes` is what file and folder use."""
        await trio.lowlevel.checkpoint()
        hot = self._hot
        work = {"inserted_readings": hot.inserted, "queries": self._queried, "flushes": hot.flushes}
        counts = {"series": len(hot.ids), "notes": len(self.notes), "hot_readings": hot.rows}
        return {**counts, **work, **figures_of(self._parts, hot.rows)}

    async def aclose(self) -> None:
        """Make safe and close; idempotent."""
        await self._file.aclose()
