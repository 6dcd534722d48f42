"""The DuckDB history store: readings appended with the cursor in one transaction, queries beside them.

Owns the tables' contents and the numbers of series; connection.py owns the file and the threads. Must not know the journal. Raises
StoreUnavailable for what may work later.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import trio

from devices.wire.messages import Channel, Kind
from hub.core.records import Columns, Cursor, RangeAnswer, Reading, Refused, Series
from hub.ports import Retention
from hub.store.duckdb import answers
from hub.store.duckdb.backup import copy_database
from hub.store.duckdb.connection import Connection, DuckDB
from hub.store.duckdb.numbering import SeenSeries
from hub.store.duckdb.tables import insert, one

# One statement for all: one for each took 0.1 ms, and thousands come at once when a fleet first connects.
_NEW_SERIES: Final = f"INSERT INTO series SELECT unnest(?::INTEGER[]){', unnest(?::VARCHAR[])' * 4}"


class DuckDBStore:
    """A HistoryStore in one file."""

    name = "DuckDB"
    resolution_ns = 1
    syncs_before_it_answers = True

    def __init__(self, path: Path, retention: Retention = Retention()) -> None:  # noqa: B008  # frozen
        self._path = path
        self._retention = retention
        self._file = Connection(path)
        self.notes = self._file.notes
        self._ids: dict[Series, int] = {}
        self._seen = SeenSeries()
        self._cursor: Cursor | None = None
        self._safe: Cursor | None = None
        self._has_merged = False
        self._readings = self._inserted = self._queried = 0

    async def start(self) -> None:
        """Open or recover the file. Raises StoreUnavailable where the machine is at fault: no space, no right, another process."""
        await self._file.open(self._load)

    def _load(self, connection: DuckDB) -> None:
        rows = connection.execute("SELECT id, device, channel, unit, kind FROM series").fetchall()
        self._ids = {Series(device, channel, unit, Kind(kind)): number for number, device, channel, unit, kind in rows}
        self._seen = SeenSeries()  # numbers of what went back are given anew
        found = connection.execute("SELECT journal, position, has_merged FROM cursor").fetchone()
        self._cursor = self._safe = Cursor(found[0], found[1]) if found is not None else None
        self._has_merged = found is not None and found[2]
        self._readings = one(connection.execute("SELECT count(*) FROM all_readings"))

    async def cursor(self) -> Cursor | None:
        """Return the cursor up to which rows are applied; after a failure of the file it is opened again first, and may have gone back."""
        if self._file.has_failed:
            await self.start()
        await trio.lowlevel.checkpoint()
        return self._cursor

    async def safe(self) -> Cursor | None:
        """Return the cursor of the last checkpoint."""
        await trio.lowlevel.checkpoint()
        return self._safe

    async def append(self, columns: Columns, cursor: Cursor) -> list[Refused]:
        """Store the readings and move the cursor, in one transaction; what the cursor already covers is skipped."""
        await self._file.write(partial(self._append, columns, cursor))
        return []

    def _append(self, columns: Columns, cursor: Cursor, connection: DuckDB) -> None:
        before = self._cursor
        is_same_journal = before is None or before.journal == cursor.journal
        if before is not None and is_same_journal and cursor.position <= before.position:
            return
        has_merged = self._has_merged or not is_same_journal
        known, inserted = self._ids, 0
        numbers, new = self._seen.numbers(columns.series, known)
        ids = {**known, **{each: len(known) + at for at, each in enumerate(new)}} if new else known
        connection.begin()
        try:
            if new:
                rows = [(ids[each], *each[:3], each.kind.value) for each in new]
                connection.execute(_NEW_SERIES, [list(column) for column in zip(*rows, strict=True)])
            if len(columns):
                inserted = insert(connection, columns, np.array(numbers, np.int32), has_merged=has_merged)
            connection.execute("DELETE FROM cursor")  # no UPDATE: one that an open query might still see keeps checkpoints away
            connection.execute("INSERT INTO cursor VALUES (?, ?, ?)", [*cursor, has_merged])
            self._ids = ids  # before the commit: who sees the new cursor also finds the new series
            connection.commit()
        except duckdb.Error:
            self._ids = known
            with suppress(duckdb.Error):  # a file that has failed has no transaction left
                connection.rollback()
            raise
        self._cursor, self._has_merged = cursor, has_merged
        self._inserted += inserted
        self._readings += inserted

    async def make_safe(self) -> Cursor | None:
        """Checkpoint, and return the cursor that it holds."""

        def checkpoint(connection: DuckDB) -> Cursor | None:
            if self._safe != self._cursor:
                connection.execute("CHECKPOINT")
                self._safe = self._cursor
            return self._safe

        return await self._file.write(checkpoint)

    async def query(self, series: Sequence[Series], from_us: int, to_us: int, width_us: int, max_points: int) -> RangeAnswer:
        """Return readings or buckets, and the cursor of the same transaction."""
        self._queried += 1
        return await self._file.read(partial(self._query, list(series), from_us, to_us, width_us, max_points))

    def _query(self, wanted: list[Series], from_us: int, to_us: int, width_us: int, max_points: int, connection: DuckDB) -> RangeAnswer:
        connection.begin()
        try:
            at = connection.execute("SELECT journal, position FROM cursor").fetchone()
            answer = RangeAnswer(Cursor(*at) if at is not None else None)
            ids = {number: each for each in wanted if (number := self._ids.get(each)) is not None}
            if not ids:
                return answer
            text = answers.BUCKETS if width_us else answers.RAW
            text = text.format(ids=answers.ids_text(list(ids)), width=width_us * 1_000)
            found = connection.execute(text, [answers.point_ns(from_us), answers.point_ns(to_us), max_points + 1]).fetchnumpy()
        finally:
            with suppress(duckdb.Error):  # an interrupted query has no transaction left
                connection.rollback()
        if len(found["series"]) > max_points:
            found = {name: column[:max_points] for name, column in found.items()}
            answer.is_truncated = True
        if width_us:
            answer.buckets = answers.buckets_of(found, ids, width_us)
        else:
            answer.raw = answers.readings_of(found, ids)
        return answer

    async def list_series(self) -> list[Series]:
        """Return every series that has a reading, by device, channel, unit."""
        await trio.lowlevel.checkpoint()
        return sorted(self._ids)

    async def latest(self, series: Sequence[Series]) -> dict[Series, Reading]:
        """Return the newest reading of each."""

        def query(connection: DuckDB) -> dict[Series, Reading]:
            ids = {number: each for each in series if (number := self._ids.get(each)) is not None}
            if not ids:
                return {}
            found = connection.execute(answers.LATEST.format(ids=answers.ids_text(list(ids)))).fetchnumpy()
            return {each: readings[-1] for each, readings in answers.readings_of(found, ids).items()}

        return await self._file.read(query)

    async def read(self, series: Sequence[Series], from_ns: int, to_ns: int, first_from_ns: int, max_readings: int) -> Columns:
        """Return the first readings of a range, series by series, oldest first."""
        return await self._file.read(partial(self._read, list(series), (from_ns, to_ns, first_from_ns, max_readings)))

    def _read(self, wanted: list[Series], limits: tuple[int, int, int, int], connection: DuckDB) -> Columns:
        from_ns, to_ns, first_from_ns, max_readings = limits
        ids = [self._ids.get(each, -1) for each in wanted]
        text = answers.READ.format(ids=answers.ids_text(ids), first=ids[0] if ids else -1)
        return answers.columns_of(connection.execute(text, [from_ns, to_ns, first_from_ns, max_readings]).fetchnumpy(), wanted, ids)

    async def delete_device(self, device: str) -> None:
        """Delete every reading of a device."""

        def delete(connection: DuckDB) -> None:
            gone = [number for series, number in self._ids.items() if series.device == device]
            for table in ("readings", "numbers"):
                connection.execute(f"DELETE FROM {table} WHERE list_contains(?, series)", [gone])

        await self._file.write(delete)

    async def tend(self, now_us: int) -> None:
        """Keep the bounds."""
        await trio.lowlevel.checkpoint()

    async def backup(self, folder: Path, said: Callable[[int, int], None]) -> Cursor | None:
        """Copy the database into a folder, consistent and synced, and return the cursor in the copy; None: nothing was ever stored.

        `said(done_bytes, all_bytes)` is called from another thread, as it goes on. Queries run meanwhile, and appends but for the short
        time that the database file itself takes. Cancelled, it leaves an unfinished copy. Raises StoreUnavailable, OSError.
        """

        def copy(connection: DuckDB) -> Cursor | None:
            connection.execute("CHECKPOINT")
            self._safe = self._cursor
            copy_database(self._path, folder, said)
            return self._safe

        return await self._file.write(copy)

    def refuses(self, channel: Channel) -> str | None:
        """Return None: every kind is held."""
        return None

    async def statistics(self) -> Mapping[str, float]:
        """Return figures for metrics and doctor; `bytes` is the file's size."""
        await trio.lowlevel.checkpoint()
        file = {"readings": self._readings, "series": len(self._ids), "notes": len(self.notes)}
        work = {"inserted_readings": self._inserted, "queries": self._queried}
        return {**file, **work, "bytes": self._path.stat().st_size if self._path.exists() else 0}

    async def aclose(self) -> None:
        """Make safe and close; idempotent."""
        await self._file.aclose()
