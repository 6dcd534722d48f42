"""The DuckDB history store: readings appended with the cursor in one transaction, queries beside them.

Owns the connection, the numbers of series and the threads: one writes, two read. Must not know the journal. Raises StoreUnavailable
for what may work later.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import duckdb
import numpy as np
import trio

from devices.wire.messages import Kind
from hub.core.records import Columns, Cursor, RangeAnswer, Reading, Series
from hub.ports import StoreUnavailable
from hub.store.duckdb import answers
from hub.store.duckdb.file import open_file

T = TypeVar("T")
_QUERIES: Final = 2

# A store that has followed two journals (one was restored or replaced) may be given a reading twice: it looks before it inserts.
_MERGED: Final = """
 WHERE NOT EXISTS (SELECT 1 FROM readings r WHERE r.series = batch.series AND r.t_ns = batch.t_ns AND r.t_ns BETWEEN ? AND ?)
"""


class DuckDBStore:
    """A HistoryStore in one file."""

    def __init__(self, path: Path) -> None:
        self.notes: list[str] = []  # what the operator should know
        self._path = path
        self._writing = trio.CapacityLimiter(1)
        self._querying = trio.CapacityLimiter(_QUERIES)
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._ids: dict[Series, int] = {}
        self._series: dict[int, Series] = {}
        self._cursor: Cursor | None = None
        self._safe: Cursor | None = None
        self._has_merged = False
        self._inserted = self._queried = 0

    async def start(self) -> None:
        """Open or recover the file."""
        await self._write(self._start)

    def _start(self) -> None:
        self._connection = connection = open_file(self._path, self.notes)
        for number, device, channel, unit, kind in connection.execute("SELECT id, device, channel, unit, kind FROM series").fetchall():
            self._know(Series(device, channel, unit, Kind(kind)), number)
        found = connection.execute("SELECT journal, position, has_merged FROM cursor").fetchone()
        if found is not None:
            self._cursor = self._safe = Cursor(found[0], found[1])
            self._has_merged = found[2]

    async def cursor(self) -> Cursor | None:
        """Return the cursor up to which rows are applied."""
        await trio.lowlevel.checkpoint()
        return self._cursor

    async def safe(self) -> Cursor | None:
        """Return the cursor of the last checkpoint."""
        await trio.lowlevel.checkpoint()
        return self._safe

    async def append(self, columns: Columns, cursor: Cursor) -> None:
        """Store the readings and move the cursor, in one transaction; what the cursor already covers is skipped."""
        await self._write(partial(self._append, columns, cursor))

    def _append(self, columns: Columns, cursor: Cursor) -> None:
        before = self._cursor
        is_same_journal = before is None or before.journal == cursor.journal
        if before is not None and is_same_journal and cursor.position <= before.position:
            return
        has_merged = self._has_merged or not is_same_journal
        new = [series for series in columns.series if series not in self._ids]
        numbers = {series: len(self._ids) + at for at, series in enumerate(new)}
        connection = self._open()
        connection.begin()
        try:
            if new:
                connection.executemany("INSERT INTO series VALUES (?, ?, ?, ?, ?)", [[numbers[s], *s[:3], s.kind.value] for s in new])
            if len(columns):
                self._insert(connection, columns, numbers, has_merged=has_merged)
            connection.execute("DELETE FROM cursor")
            connection.execute("INSERT INTO cursor VALUES (?, ?, ?)", [*cursor, has_merged])
            connection.commit()
        except duckdb.Error:
            connection.rollback()
            raise
        for series, number in numbers.items():
            self._know(series, number)
        self._cursor, self._has_merged = cursor, has_merged
        self._inserted += len(columns)

    def _insert(self, connection: duckdb.DuckDBPyConnection, columns: Columns, new: Mapping[Series, int], *, has_merged: bool) -> None:
        ids = np.array([(new if series in new else self._ids)[series] for series in columns.series], np.int32)
        batch: dict[str, Any] = {"series": ids[columns.index], "t_ns": columns.t_ns, "num": columns.num}
        if columns.text is not None:
            batch["num"] = np.ma.masked_invalid(columns.num)  # NULL: a NaN would be the greatest of its bucket
        for name in ("exact", "text"):
            if (column := getattr(columns, name)) is not None:
                batch[name] = column
        if columns.lon is not None:
            batch["lon"] = np.ma.masked_invalid(columns.lon)
        names = ", ".join(batch)
        connection.register("batch", batch)
        try:
            statement = f"INSERT INTO readings ({names}) SELECT {names} FROM batch"
            if has_merged:
                connection.execute(statement + _MERGED, [int(columns.t_ns.min()), int(columns.t_ns.max())])
            else:
                connection.execute(statement)
        finally:
            connection.unregister("batch")

    async def make_safe(self) -> Cursor | None:
        """Checkpoint, and return the cursor that it holds."""

        def checkpoint() -> Cursor | None:
            if self._safe != self._cursor:
                self._open().execute("CHECKPOINT")
                self._safe = self._cursor
            return self._safe

        return await self._write(checkpoint)

    async def query(self, series: Sequence[Series], from_us: int, to_us: int, width_us: int, max_points: int) -> RangeAnswer:
        """Return readings or buckets, and the cursor of the same transaction."""
        self._queried += 1
        return await self._read(partial(self._query, list(series), from_us, to_us, width_us, max_points))

    def _query(
        self, wanted: list[Series], from_us: int, to_us: int, width_us: int, max_points: int, connection: duckdb.DuckDBPyConnection
    ) -> RangeAnswer:
        connection.begin()
        try:
            at = connection.execute("SELECT journal, position FROM cursor").fetchone()
            answer = RangeAnswer(Cursor(*at) if at is not None else None)
            ids = {number: each for each in wanted if (number := self._ids.get(each)) is not None}
            if not ids:
                return answer
            text = answers.BUCKETS if width_us else answers.RAW
            text = text.format(ids=answers.ids_text(list(ids)), width=width_us * 1_000)
            found = connection.execute(text, [from_us * 1_000, to_us * 1_000, max_points + 1]).fetchnumpy()
        finally:
            connection.commit()
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

        def query(connection: duckdb.DuckDBPyConnection) -> dict[Series, Reading]:
            ids = {number: each for each in series if (number := self._ids.get(each)) is not None}
            if not ids:
                return {}
            found = connection.execute(answers.LATEST.format(ids=answers.ids_text(list(ids)))).fetchnumpy()
            return {each: readings[-1] for each, readings in answers.readings_of(found, ids).items()}

        return await self._read(query)

    async def statistics(self) -> Mapping[str, float]:
        """Return figures for metrics and doctor; `bytes` is the file's size."""
        await trio.lowlevel.checkpoint()
        sizes = {"series": len(self._ids), "inserted_readings": self._inserted, "queries": self._queried, "notes": len(self.notes)}
        return {**sizes, "bytes": self._path.stat().st_size if self._path.exists() else 0}

    async def aclose(self) -> None:
        """Checkpoint and close; idempotent."""

        def close() -> None:
            if self._connection is not None:
                self._connection.close()  # DuckDB checkpoints when its last connection is closed
                self._connection = None

        await self._write(close)

    def _know(self, series: Series, number: int) -> None:
        self._ids[series] = number
        self._series[number] = series

    def _open(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            raise StoreUnavailable(f"{self._path} is not open")
        return self._connection

    async def _write(self, call: Callable[[], T]) -> T:
        return await _in_thread(call, self._writing)

    async def _read(self, call: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """Run a query on a cursor of its own; a cancelled one is waited for, as it still uses the file."""

        def with_cursor() -> T:
            with self._open().cursor() as connection:
                return call(connection)

        return await _in_thread(with_cursor, self._querying)


async def _in_thread(call: Callable[[], T], limiter: trio.CapacityLimiter) -> T:
    try:
        return await trio.to_thread.run_sync(call, limiter=limiter)
    except duckdb.Error as error:
        raise StoreUnavailable(f"DuckDB: {error}") from error
