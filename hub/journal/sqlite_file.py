"""The journal's file: SQLite in WAL mode with synchronous=FULL, so that a commit that returned is on disk.

Owns the tables and how SQLite's errors are told apart; called by journal.py from one worker thread at a time, but for `read`, which
has a connection of its own and may run beside a commit.
"""

import os
import secrets
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import msgpack

from devices.wire.hello import channel_to_map, channels_from_list
from devices.wire.messages import Channel
from hub.core.records import Row
from hub.ports import EpochMark, FollowerCursor, JournalBroken, JournalFull, JournalState, Opening

FORMAT: Final = 1  # PRAGMA user_version; a change comes with a migration in hub/datadir.py
_FULL, _IOERR = 13, 10  # sqlite.org/rescode.html, primary codes
# What SQLite says when the disk is full while it grows the WAL's index: no data was written by then.
_IOERR_SHMSIZE: Final = 4874
_NO_ROOM_BYTES: Final = 1 << 20
_CHUNK_ROWS: Final = 256

# AUTOINCREMENT: a position is never given twice, also when the table was trimmed empty. No second index: with one a commit
# takes four times as long.
_TABLES: Final = """
CREATE TABLE frames (position INTEGER PRIMARY KEY AUTOINCREMENT, device TEXT NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL,
    kind INTEGER NOT NULL, arrived_us INTEGER NOT NULL, body BLOB NOT NULL, rejects BLOB);
CREATE TABLE marks (device TEXT NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, position INTEGER NOT NULL,
    opened_us INTEGER NOT NULL, channels BLOB NOT NULL, PRIMARY KEY (device, epoch)) WITHOUT ROWID;
CREATE TABLE cursors (follower TEXT PRIMARY KEY, applied INTEGER NOT NULL, safe INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
# The row's own position (?1) is 0 before the commit: SQLite gives it.
_INSERT: Final = "INSERT INTO frames (device, epoch, seq, kind, arrived_us, body, rejects) VALUES (?2, ?3, ?4, ?5, ?6, ?7, ?8)"
_OPEN: Final = "INSERT OR IGNORE INTO marks (device, epoch, seq, position, opened_us, channels) VALUES (?, ?, 0, 0, ?, ?)"
_MARK: Final = "UPDATE marks SET seq = max(seq, ?), position = ? WHERE device = ? AND epoch = ?"
_READ: Final = (
    "SELECT position, device, epoch, seq, kind, arrived_us, body, rejects FROM frames WHERE position > ? ORDER BY position LIMIT ?"
)


class SQLiteJournalFile:
    """A JournalFile on one SQLite database."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._reading = threading.Lock()

    def open(self) -> JournalState:
        """Open or make the file and read what it knows. Raises JournalBroken where it is no journal."""
        with self._told_apart():
            self._writer = _connect(self._path)
            if self._writer.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
                self._make(self._writer)
            self._reader = _connect(self._path)
            return _state(self._writer)

    def _make(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        for statement in _TABLES.strip().split(";\n"):
            connection.execute(statement)
        connection.execute("INSERT INTO meta VALUES ('journal', ?)", (secrets.token_hex(8),))
        connection.execute(f"PRAGMA user_version = {FORMAT}")
        connection.execute("COMMIT")
        _sync_folder(self._path.parent)

    def commit(self, openings: Sequence[Opening], rows: Sequence[Row], marks: Mapping[tuple[str, int], int]) -> int:
        """Append rows, open epochs, move marks and sync, all or nothing; return the position of the first row."""
        writer = self._open_writer()
        with self._told_apart(), _transaction(writer):
            packed = [(o.device, o.epoch, o.opened_us, _packed(o.channels)) for o in openings]
            writer.executemany(_OPEN, packed)
            writer.executemany(_INSERT, rows)
            (last,) = writer.execute("SELECT last_insert_rowid()").fetchone()
            writer.executemany(_MARK, [(seq, last, device, epoch) for (device, epoch), seq in marks.items()])
        return int(last) - len(rows) + 1

    def read(self, after: int, max_rows: int, max_bytes: int) -> list[Row]:
        """Return rows above `after`, oldest first; at least one where there is one."""
        rows: list[Row] = []
        size_bytes = 0
        with self._reading, self._told_apart():
            assert self._reader is not None
            with closing(self._reader.execute(_READ, (after, max_rows))) as found:
                while size_bytes < max_bytes and (chunk := found.fetchmany(_CHUNK_ROWS)):
                    for row in map(Row._make, chunk):
                        if rows and size_bytes + len(row.body) > max_bytes:
                            return rows
                        rows.append(row)
                        size_bytes += len(row.body)
        return rows

    def set_cursor(self, follower: str, cursor: FollowerCursor) -> None:
        """Keep a follower's cursor."""
        writer = self._open_writer()
        with self._told_apart(), _transaction(writer):
            writer.execute("INSERT OR REPLACE INTO cursors VALUES (?, ?, ?)", (follower, *_numbers(cursor)))

    def trim(self, below: int, max_rows: int) -> int:
        """Delete at most `max_rows` rows with positions lower than `below`; return how many went."""
        writer = self._open_writer()
        with self._told_apart(), _transaction(writer):
            (first,) = writer.execute("SELECT min(position) FROM frames").fetchone()
            if first is None or first >= below:
                return 0
            return writer.execute("DELETE FROM frames WHERE position < ?", (min(below, first + max_rows),)).rowcount

    def forget_marks(self, marks: Iterable[tuple[str, int]]) -> None:
        """Forget epochs (device, epoch) that no device will send again."""
        writer = self._open_writer()
        with self._told_apart(), _transaction(writer):
            writer.executemany("DELETE FROM marks WHERE device = ? AND epoch = ?", list(marks))

    def size_bytes(self) -> int:
        """Return the bytes of pages in use, free pages not counted."""
        with self._told_apart():
            pages, free, page_bytes = self._pages()
        return (pages - free) * page_bytes

    def free_bytes(self) -> int:
        """Return the bytes that may still be written: free disk and the file's own free pages."""
        with self._told_apart():
            _, free, page_bytes = self._pages()
        return self._disk_free_bytes() + free * page_bytes

    def disk_bytes(self) -> int:
        """Return the size of the disk the file is on."""
        disk = os.statvfs(self._path.parent)
        return disk.f_blocks * disk.f_frsize

    def close(self) -> None:
        """Close the file; idempotent."""
        for connection in (self._reader, self._writer):
            if connection is not None:
                connection.close()
        self._reader = self._writer = None

    def _open_writer(self) -> sqlite3.Connection:
        if self._writer is None:
            raise JournalBroken(f"{self._path} is not open")
        return self._writer

    def _pages(self) -> tuple[int, int, int]:
        writer = self._open_writer()
        pages, free, page_bytes = (
            int(writer.execute(f"PRAGMA {what}").fetchone()[0]) for what in ("page_count", "freelist_count", "page_size")
        )
        return pages, free, page_bytes

    def _disk_free_bytes(self) -> int:
        disk = os.statvfs(self._path.parent)
        return disk.f_bavail * disk.f_frsize

    @contextmanager
    def _told_apart(self) -> Iterator[None]:
        """Raise JournalFull where nothing was written for want of room, JournalBroken for everything else."""
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) or 0
            is_full = code & 0xFF == _FULL or (code == _IOERR_SHMSIZE and self._disk_free_bytes() < _NO_ROOM_BYTES)
            if is_full:
                raise JournalFull(f"no room for {self._path}: {error}") from error
            raise JournalBroken(f"{self._path}: {error} ({getattr(error, 'sqlite_errorname', 'no code')})") from error


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30.0)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA journal_size_limit = 67108864")
    return connection


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _state(connection: sqlite3.Connection) -> JournalState:
    (journal,) = connection.execute("SELECT value FROM meta WHERE key = 'journal'").fetchone()
    (given,) = connection.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'frames'").fetchone()
    (first,) = connection.execute("SELECT min(position) FROM frames").fetchone()
    marks = [
        EpochMark(device, epoch, seq, position, channels_from_list(msgpack.unpackb(channels)), opened_us)
        for device, epoch, seq, position, opened_us, channels in connection.execute(
            "SELECT device, epoch, seq, position, opened_us, channels FROM marks"
        )
    ]
    cursors = {name: FollowerCursor(applied, safe) for name, applied, safe in connection.execute("SELECT * FROM cursors")}
    return JournalState(journal, given + 1 if first is None else first, given, marks, cursors)


def _packed(channels: Sequence[Channel]) -> bytes:
    return bytes(msgpack.packb([channel_to_map(channel) for channel in channels]))


def _numbers(cursor: FollowerCursor) -> tuple[int, int]:
    return cursor.applied, cursor.safe


def _sync_folder(folder: Path) -> None:
    """Make the new file's name durable: SQLite syncs the file, and its folder only for journals of its own."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
