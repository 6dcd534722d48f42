"""The manifest: which files hold which readings, what was dropped, what is damaged, which series were deleted.

Owns these tables and a copy of them in memory, which only the writer's thread changes, after its commit. A file exists only if it is
named here. Loaded by recovery.py, changed by the store's parts through `swap`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

import duckdb
import numpy as np

from hub.store.duckdb.folder import utc

TABLES: Final = """
CREATE TABLE IF NOT EXISTS files (name VARCHAR, tier VARCHAR, run BIGINT, period_from_ns BIGINT, period_ns BIGINT, oldest_ns BIGINT,
    newest_ns BIGINT, first_series INTEGER, last_series INTEGER, row_count BIGINT, readings BIGINT, is_plain BOOLEAN,
    size_bytes BIGINT, crc BIGINT, flush_run BIGINT, journal VARCHAR, position BIGINT);
CREATE TABLE IF NOT EXISTS dropped (tier VARCHAR, reason VARCHAR, from_ns BIGINT, to_ns BIGINT, file_count BIGINT, size_bytes BIGINT);
CREATE TABLE IF NOT EXISTS damaged (name VARCHAR, tier VARCHAR, oldest_ns BIGINT, newest_ns BIGINT, reason VARCHAR);
CREATE TABLE IF NOT EXISTS gone (id INTEGER, run BIGINT, is_erased BOOLEAN);
CREATE TABLE IF NOT EXISTS version (n BIGINT);
"""
_DROPPED: Final = """
SELECT tier, reason, min(from_ns), max(to_ns), sum(file_count)::BIGINT, sum(size_bytes)::BIGINT FROM dropped GROUP BY tier, reason
"""
TIER_WORDS: Final = {"raw": "readings", "1min": "buckets of a minute", "1h": "buckets of an hour"}


class File(NamedTuple):
    """One file in the folder, as the manifest has it."""

    name: str
    tier: str
    run: int  # of the flush or merge that wrote it: later ones are greater
    period_from_ns: int
    period_ns: int
    oldest_ns: int  # the time of its first row
    newest_ns: int  # the time of its newest reading
    first_series: int
    last_series: int
    row_count: int
    readings: int  # that its rows stand for
    is_plain: bool  # numbers alone: no integer, text or position
    size_bytes: int
    crc: int
    flush_run: int  # of the newest flush whose readings are in it,
    journal: str  # and the cursor of that flush
    position: int


class Dropped(NamedTuple):
    """Files that went because of their age or their size."""

    tier: str
    reason: str  # retention, quota, rebuilt
    from_ns: int
    to_ns: int  # what is older is perhaps no longer there
    file_count: int
    size_bytes: int


class Damaged(NamedTuple):
    """A file that was set aside, with what is missing since."""

    name: str
    tier: str
    oldest_ns: int
    newest_ns: int
    reason: str

    def note(self) -> str:
        """Return it for the operator."""
        missing = f"{TIER_WORDS[self.tier]} from {utc(self.oldest_ns)} to {utc(self.newest_ns)} UTC are missing"
        return f"history: some {missing}: {self.name} was set aside, {self.reason}"


class Gone(NamedTuple):
    """A series that was deleted. Its id is never given again."""

    id: int
    run: int  # files of later runs do not hold it
    is_erased: bool  # no file does


class Edition:
    """The manifest as one version of the database has it: made once, and then asked by every query. Never changes."""

    def __init__(self, version: int, files: Sequence[File], dropped: Iterable[Dropped]) -> None:
        self.version = version
        self.dropped_to: dict[str, int] = {}  # by tier: before when something is perhaps no longer there
        for each in dropped:
            self.dropped_to[each.tier] = max(each.to_ns, self.dropped_to.get(each.tier, each.to_ns))
        self._files = {tier: [file for file in files if file.tier == tier] for tier in TIER_WORDS}
        # Thousands of files are looked through in some µs.
        self._limits = {tier: np.array([file[5:9] for file in some], np.int64).reshape(-1, 4).T for tier, some in self._files.items()}

    def files_for(self, tier: str, ids: Collection[int], from_ns: int, to_ns: int) -> list[File]:
        """Return the files that may hold rows of these series in [from, to)."""
        if not ids:
            return []
        oldest_ns, newest_ns, first, last = self._limits[tier]
        may = (newest_ns >= from_ns) & (oldest_ns < to_ns) & (last >= min(ids)) & (first <= max(ids))
        found = [self._files[tier][at] for at in np.flatnonzero(may).tolist()]
        return found if len(ids) == 1 else [file for file in found if any(file.first_series <= each <= file.last_series for each in ids)]


class Manifest:
    """What `swap` last committed."""

    def __init__(self) -> None:
        self.edition = Edition(0, [], [])
        self.files: dict[str, File] = {}
        self.dropped: list[Dropped] = []  # one a tier and reason
        self.damaged: list[Damaged] = []
        self.gone: list[Gone] = []
        self.next_run = 1

    def load(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Read the tables."""
        columns = ", ".join(File._fields)
        self.files = {row[0]: File(*row) for row in connection.execute(f"SELECT {columns} FROM files").fetchall()}
        self.dropped = [Dropped(*row) for row in connection.execute(_DROPPED).fetchall()]
        self.damaged = [Damaged(*row) for row in connection.execute("SELECT * FROM damaged ORDER BY oldest_ns").fetchall()]
        self.gone = [Gone(*row) for row in connection.execute("SELECT * FROM gone").fetchall()]
        version = connection.execute("SELECT coalesce(max(n), 0) FROM version").fetchall()[0][0]
        self.edition = Edition(version, list(self.files.values()), self.dropped)
        self.next_run = max([self.next_run, *[each.run + 1 for each in self.files.values()], *[each.run + 1 for each in self.gone]])

    def draw_run(self) -> int:
        """Return the number of a new run."""
        self.next_run += 1
        return self.next_run - 1

    def swap(
        self,
        connection: duckdb.DuckDBPyConnection,
        added: Sequence[File] = (),
        removed: Collection[str] = (),
        *,
        dropped: Sequence[Dropped] = (),
        damaged: Sequence[Damaged] = (),
        also: Iterable[str] = (),
        rows: Mapping[str, Sequence[Sequence[Any]]] | None = None,
        undo: Callable[[], None] = lambda: None,
    ) -> None:
        """Name files and un-name others in one transaction, together with the statements in `also` and rows for other tables.

        `undo` is called where it is certain that nothing was committed; after a fatal error the next opening finds out. Raises
        duckdb.Error.
        """
        connection.begin()
        try:
            connection.execute("DELETE FROM version").fetchall()
            connection.execute("INSERT INTO version VALUES (?)", [self.edition.version + 1]).fetchall()
            for statement in also:
                connection.execute(statement).fetchall()
            if removed:
                connection.execute("DELETE FROM files WHERE list_contains(?, name)", [list(removed)]).fetchall()
            inserted: dict[str, Sequence[Sequence[Any]]] = {"files": added, "dropped": dropped, "damaged": damaged, **(rows or {})}
            for table, some in inserted.items():
                if some:
                    marks = ", ".join("?" * len(some[0]))
                    connection.executemany(f"INSERT INTO {table} VALUES ({marks})", [list(row) for row in some])
            connection.commit()
        except duckdb.Error as error:
            with suppress(duckdb.Error):  # a file that has failed has no transaction left
                connection.rollback()
            if not isinstance(error, duckdb.FatalException | duckdb.InternalException):
                undo()
            raise
        self.load(connection)

    def gone_ids(self) -> list[int]:
        """Return the deleted series that files may still hold."""
        return [each.id for each in self.gone if not each.is_erased]


def files_between(files: Iterable[File], tier: str, first_ns: int, last_ns: int) -> list[File]:
    """Return the files of a tier that may hold rows in [first, last]."""
    return [file for file in files if file.tier == tier and file.newest_ns >= first_ns and file.oldest_ns <= last_ns]
