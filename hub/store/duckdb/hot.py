"""The hot rows: what was appended since the last flush, with the cursor, and the numbers of series.

Owns the transactions that change them: an append, a flush, the deletion of a device, the forgetting of series. Its fields are changed in
the writer's thread alone, after a commit, and read anywhere. Must not know the journal. Blocking; called by store.py.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Final

import duckdb
import numpy as np
import structlog

from hub.core.records import Columns, Cursor, Series
from hub.store.duckdb.checks import Checks
from hub.store.duckdb.file import first_line
from hub.store.duckdb.flush import flush
from hub.store.duckdb.folder import Folder
from hub.store.duckdb.manifest import Manifest, files_between
from hub.store.duckdb.merging import table
from hub.store.duckdb.numbering import SeenSeries
from hub.store.duckdb.recovery import load, state_of
from hub.store.duckdb.statefile import write_state
from hub.store.duckdb.tables import Stored, insert, one
from hub.store.duckdb.tiers import RAW
from hub.store.duckdb.unlinking import Unlinking
from hub.store.duckdb.writing import Making

_log = structlog.get_logger(__name__)
_Db = duckdb.DuckDBPyConnection
# One statement for all: one for each took 0.1 ms, and thousands come at once when a fleet first connects.
_NEW_SERIES: Final = f"INSERT INTO series SELECT unnest(?::INTEGER[]){', unnest(?::VARCHAR[])' * 4}"
FLUSH_ROWS: Final = 2_000_000  # hot: 50 MB, and one series is found among them in 2 to 7 ms; sorted and written in half a second
FLUSH_AFTER_S: Final = 3_600.0  # what the database file alone holds, if it is lost, is in the journal for about so long
_FLUSH_AGAIN_AFTER_S: Final = 60.0  # after one that failed


class Hot:
    """Hot rows, cursor and series of an opened database."""

    def __init__(self, folder: Folder, manifest: Manifest, unlinking: Unlinking, checks: Checks) -> None:
        self.ids: dict[Series, int] = {}  # replaced, never changed
        self.cursor: Cursor | None = None
        self.safe: Cursor | None = None
        self.rows = self.inserted = self.flushes = 0
        self._folder = folder
        self._manifest = manifest
        self._unlinking = unlinking
        self._checks = checks
        self._next_id = 0
        self._seen = SeenSeries()
        self._has_merged = False
        self._since_s = self._flush_after_s = 0.0

    def load(self, connection: _Db, now_s: float) -> None:
        """Read the database after it was opened. Raises duckdb.Error, OSError."""
        loaded = load(connection, self._folder, self._manifest)
        self.ids, self._next_id, self._has_merged = loaded.ids, loaded.next_id, loaded.has_merged
        self._seen = SeenSeries()  # numbers of what went back are given anew
        self.cursor = self.safe = loaded.cursor
        self.rows, self._since_s = loaded.hot_rows, now_s

    def names(self) -> Mapping[int, Series]:
        """Return the series by their numbers."""
        return {number: series for series, number in self.ids.items()}

    def numbered(self, series: Sequence[Series]) -> dict[int, Series]:
        """Return those of some series that are known, by their numbers."""
        ids = self.ids
        return {number: each for each in series if (number := ids.get(each)) is not None}

    def append(self, columns: Columns, cursor: Cursor, now_s: float, connection: _Db) -> None:
        """Insert the readings and move the cursor, in one transaction; what it covers is skipped. Raises duckdb.Error, FilesDamaged."""
        before = self.cursor
        is_same_journal = before is None or before.journal == cursor.journal
        if before is not None and is_same_journal and cursor.position <= before.position:
            return
        has_merged = self._has_merged or not is_same_journal
        known, inserted = self.ids, 0
        numbers, new = self._seen.numbers(columns.series, known, self._next_id)
        ids = {**known, **{each: self._next_id + at for at, each in enumerate(new)}} if new else known
        stored = self._stored(columns) if has_merged and len(columns) else None
        connection.begin()
        try:
            if new:
                rows = [(ids[each], *each[:3], each.kind.value) for each in new]
                connection.execute(_NEW_SERIES, [list(column) for column in zip(*rows, strict=True)])
            if len(columns):
                inserted = insert(connection, columns, np.array(numbers, np.int32), stored)
            connection.execute("DELETE FROM cursor")  # no UPDATE: one that an open query might still see keeps checkpoints away
            connection.execute("INSERT INTO cursor VALUES (?, ?, ?)", [*cursor, has_merged])
            self.ids = ids  # before the commit: who sees the new cursor also finds the new series
            connection.commit()
        except duckdb.Error:
            self.ids = known
            with suppress(duckdb.Error):  # a file that has failed has no transaction left
                connection.rollback()
            raise
        self.cursor, self._has_merged = cursor, has_merged
        self._next_id += len(new)
        self.inserted += inserted
        if not self.rows:
            self._since_s = now_s
        self.rows += inserted

    def _stored(self, columns: Columns) -> Stored:
        """Return where a reading that comes perhaps again would be."""
        first_ns, last_ns = int(columns.t_ns.min()), int(columns.t_ns.max())
        files = files_between(self._manifest.files.values(), RAW.name, first_ns, last_ns)
        self._checks.ensure(files)
        place = table(self._folder, [file.name for file in files]) if files else None
        return Stored(place, self._manifest.edition.dropped_to.get(RAW.name))

    def checkpoint(self, connection: _Db) -> None:
        """Make all that was committed safe. Raises duckdb.Error."""
        connection.execute("CHECKPOINT").fetchall()
        self.safe = self.cursor
        self._unlinking.checkpointed()

    def flush_when_due(self, connection: _Db, now_s: float) -> None:
        """Flush where there is much or it is long ago. Raises duckdb.Error where the database has failed."""
        is_due = self.rows >= FLUSH_ROWS or (self.rows and now_s - self._since_s >= FLUSH_AFTER_S)
        if not is_due or now_s < self._flush_after_s:
            return
        try:
            self.flush(connection)
        except (duckdb.Error, OSError) as error:
            if isinstance(error, duckdb.FatalException | duckdb.InternalException):
                raise
            self._flush_after_s = now_s + _FLUSH_AGAIN_AFTER_S  # the readings stay hot: a checkpoint makes them safe all the same
            _log.error("history_flush_failed", reason=first_line(error))

    def flush(self, connection: _Db) -> None:
        """Put all hot rows into files. Raises duckdb.Error, OSError."""
        if not self.rows or self.cursor is None:
            return
        run = self._manifest.draw_run()
        flush(connection, self._folder, self._manifest, Making(run, run, self.cursor, self.names()))
        self.rows = 0
        self.flushes += 1
        self.checkpoint(connection)
        write_state(self._folder.path, state_of(self._manifest, self._next_id))

    def delete(self, device: str, connection: _Db) -> None:
        """Delete hot rows and series of a device; what files hold of it is no longer asked for. Raises duckdb.Error, OSError."""
        gone = [number for series, number in self.ids.items() if series.device == device]
        if not gone:
            return
        listed = ", ".join(map(str, gone))
        rows = {"gone": [[number, self._manifest.next_run - 1, False] for number in gone]}
        tables = (("numbers", "series"), ("readings", "series"), ("series", "id"))
        self._manifest.swap(connection, also=[f"DELETE FROM {name} WHERE {key} IN ({listed})" for name, key in tables], rows=rows)
        self.ids = {series: number for series, number in self.ids.items() if series.device != device}
        self._seen = SeenSeries()
        self.rows = one(connection.execute("SELECT count(*) FROM all_readings"))
        self.checkpoint(connection)
        write_state(self._folder.path, state_of(self._manifest, self._next_id))

    def forget(self, ids: Collection[int], connection: _Db) -> int:
        """Know series no more that no file holds, but for those with hot rows; return how many. Raises duckdb.Error."""
        hot = {number for (number,) in connection.execute("SELECT DISTINCT series FROM all_readings").fetchall()}
        gone = set(ids) - hot
        if gone:
            listed = ", ".join(map(str, gone))
            highest = max([*gone, *[each.id for each in self._manifest.gone if each.is_erased]])  # says that no number is given again
            also = [f"DELETE FROM series WHERE id IN ({listed})", "DELETE FROM gone WHERE is_erased"]
            self._manifest.swap(connection, also=also, rows={"gone": [[highest, 0, True]]})
            self.ids = {series: number for series, number in self.ids.items() if number not in gone}
            self._seen = SeenSeries()
        return len(gone)
