"""The SQLite file of the state store and its thread: opened, changed in transactions, tried once more where room can be made.

Owns the connection; knows no table but by the statements it is given. Base of documents.py and sqlite.py.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import structlog
import trio

from devices.sqlite_log import keep_aside, look_at_log, lost_commits
from hub.ports import Changed, StoreUnavailable

_log = structlog.get_logger(__name__)
T = TypeVar("T")
_MAX_FORMAT: Final = 65_536  # far above what there will be
FORMAT: Final = 5  # PRAGMA user_version; a change comes with a migration in MIGRATIONS
TABLES: Final = """
CREATE TABLE devices (name TEXT PRIMARY KEY, created_us INTEGER NOT NULL, token_hash BLOB NOT NULL, description TEXT NOT NULL,
    last_seen_us INTEGER, is_disabled INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE commands (id TEXT PRIMARY KEY, device TEXT NOT NULL, name TEXT NOT NULL, args TEXT NOT NULL, state TEXT NOT NULL,
    version INTEGER NOT NULL, by TEXT NOT NULL, created_us INTEGER NOT NULL, updated_us INTEGER NOT NULL, expires_us INTEGER NOT NULL,
    progress REAL, value TEXT, reason TEXT, note TEXT) WITHOUT ROWID;
CREATE INDEX commands_by_time ON commands (created_us);
CREATE INDEX commands_by_device ON commands (device, created_us);
CREATE TABLE logins (token_hash BLOB PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, role TEXT NOT NULL,
    expires_us INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE cursors (follower TEXT PRIMARY KEY, journal TEXT NOT NULL, position INTEGER NOT NULL) WITHOUT ROWID;
"""
DOCUMENTS: Final = """
CREATE TABLE documents (kind TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (kind, key)) WITHOUT ROWID;
CREATE TABLE audit (number INTEGER PRIMARY KEY AUTOINCREMENT, at_us INTEGER NOT NULL, who TEXT NOT NULL, action TEXT NOT NULL,
    what TEXT NOT NULL, detail TEXT NOT NULL);
"""
COMMAND_GROUPS: Final = """
ALTER TABLE commands ADD COLUMN reached TEXT NOT NULL DEFAULT '{}';
ALTER TABLE commands ADD COLUMN group_id TEXT;
CREATE INDEX commands_by_group ON commands (group_id, created_us) WHERE group_id IS NOT NULL;
CREATE INDEX commands_open ON commands (created_us) WHERE state IN ('queued', 'sent', 'accepted', 'running');
CREATE INDEX commands_ended ON commands (updated_us) WHERE state NOT IN ('queued', 'sent', 'accepted', 'running');
"""
CONNECTIONS: Final = """
CREATE TABLE connections (device TEXT NOT NULL, came_us INTEGER NOT NULL, left_us INTEGER, remote TEXT NOT NULL, code INTEGER,
    reason TEXT NOT NULL, PRIMARY KEY (device, came_us)) WITHOUT ROWID;
"""
LOG_LINES: Final = """
CREATE TABLE log_lines (number INTEGER PRIMARY KEY AUTOINCREMENT, device TEXT NOT NULL, arrived_us INTEGER NOT NULL, at_us INTEGER,
    level TEXT NOT NULL, text TEXT NOT NULL);
CREATE INDEX log_lines_by_device ON log_lines (device, number);
"""
MIGRATIONS: Final = {1: DOCUMENTS, 2: COMMAND_GROUPS, 3: CONNECTIONS, 4: LOG_LINES}  # format n: the statements that make it n + 1


_RESTORE: Final = "restore a backup: tributary restore"


class SQLiteFile:
    """One file. Raises StoreUnavailable where SQLite fails: the same call may succeed later."""

    def __init__(
        self, path: Path, make_room: Callable[[], bool] = lambda: False, how_to_restore: Callable[[], str] = lambda: _RESTORE
    ) -> None:
        self._path = path
        self._how_to_restore = how_to_restore  # said where the file is damaged
        self._make_room = make_room  # called in our thread when the disk is full; True: try once more
        self._thread = trio.CapacityLimiter(1)
        self._connection: sqlite3.Connection | None = None
        self.notes: list[str] = []  # for the operator

    async def start(self) -> None:
        """Open or make the file."""
        await self._call(self._open)

    def _open(self) -> None:
        # From its first moment nobody else's: SQLite gives the files beside it (-wal, -shm) the same rights.
        self._path.touch(mode=0o600)
        self._path.chmod(0o600)
        self._close()  # of an opening that found no room
        log = look_at_log(self._path)
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=30.0)
        self._connection = connection
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if lost := lost_commits(log):
            keep_aside(log)
            self.notes.append(
                f"{self._path.name}: the disk has changed what was written, and the last {lost:,} changes are lost; replace it"
            )
            _log.error("state_damaged", path=str(self._path), changes=lost)
        self._bring_to_format(connection)

    def _bring_to_format(self, connection: sqlite3.Connection) -> None:
        """Make the tables of a new file, or those that an older one lacks; each step is a transaction of its own."""
        is_new = connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        if found < 0 or found >= _MAX_FORMAT:
            raise StoreUnavailable(f"{self._path} is damaged: format {found} is none that a hub wrote; {self._how_to_restore()}")
        whole = TABLES + "".join(MIGRATIONS[number] for number in sorted(MIGRATIONS))
        steps = {FORMAT: whole} if is_new else {number + 1: MIGRATIONS[number] for number in range(found, FORMAT)}
        for number, statements in steps.items():
            with self._transaction():
                for statement in statements.strip().split(";\n"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number}")

    async def next_change(self) -> Changed:
        """Wait for ever: nobody else changes the file."""
        await trio.sleep_forever()

    async def catch_up(self) -> bool:
        """Have caught up with nobody."""
        return True

    async def aclose(self) -> None:
        """Close; idempotent."""
        await self._call(self._close)

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    async def _all(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        return await self._call(lambda: self._open_connection().execute(query, values).fetchall())

    async def _change(self, statement: str, values: Sequence[Any]) -> None:
        def change() -> None:
            with self._transaction() as connection:
                connection.execute(statement, values)

        await self._call(change)

    async def _call(self, call: Callable[[], T]) -> T:
        try:
            return await trio.to_thread.run_sync(self._with_room, call, limiter=self._thread)
        except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter where SQLite names what it cannot read
            if _is_damaged(error):
                raise StoreUnavailable(f"{self._path} is damaged: {error}; {self._how_to_restore()}") from error
            said = "the disk is full; free some space" if _is_full(error) else error
            raise StoreUnavailable(f"{self._path}: {said}") from error

    def _with_room(self, call: Callable[[], T]) -> T:
        """Call, and once more where the disk was full and room could be made: nothing of a failed transaction stays."""
        try:
            return call()
        except sqlite3.Error as error:
            if not _is_full(error) or not self._make_room():
                raise
        return call()

    def _open_connection(self) -> sqlite3.Connection:
        if self._connection is None:
            raise StoreUnavailable(f"{self._path} is not open")
        return self._connection

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        connection = self._open_connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def from_json(text: str) -> Any:
    """Return what a column holds. Raises StoreUnavailable where no hub wrote it."""
    try:
        return json.loads(text)
    except (ValueError, TypeError) as error:
        raise StoreUnavailable(f"the state holds what no hub wrote ({error}); keep a copy of it, then restore a backup") from error


def _is_damaged(error: Exception) -> bool:
    """Tell whether the file says what no hub wrote. Its values have no sums: nobody could tell which of them to keep."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return isinstance(error, UnicodeDecodeError) or code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _is_full(error: Exception) -> bool:
    """Tell a full disk from other errors; SQLite says it by other codes for the index of its log and for the log itself."""
    code = getattr(error, "sqlite_errorcode", 0)
    return code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_SHMMAP)
