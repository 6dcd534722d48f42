"""The journal's file: SQLite in WAL mode with synchronous=FULL, so that a commit that returned is on disk.

Owns the transactions; sqlite_state.py has the tables, sqlite_errors.py tells SQLite's errors apart. Called by journal.py from one worker
thread at a time, but for `read`, which has a connection of its own and may run beside a commit.
"""

import errno
import os
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

from devices.durable import sync
from devices.sqlite_log import keep_aside, look_at_log, lost_commits
from hub.core.records import Cursor, Row
from hub.journal import aside
from hub.journal.salvage import salvage
from hub.journal.sqlite_bulk import columns_of, delete_rows, insert, moves_of, oldest_rows, open_marks, packed, read_rows, skip_lost
from hub.journal.sqlite_copy import copy_database
from hub.journal.sqlite_errors import told_apart
from hub.journal.sqlite_marks import FollowingMarks
from hub.journal.sqlite_state import is_new, make_tables, packed_channels, read_state, verify
from hub.ports import FollowerCursor, JournalBroken, JournalDamaged, JournalFull, JournalState, Opening

T = TypeVar("T")
_CHECKPOINT_BYTES: Final = 4 << 20  # of changes; as SQLite's own 1,000 pages
_CHANGE_BYTES: Final = 200  # of a mark or a row beside its body, roughly


class SQLiteJournalFile:
    """A JournalFile on one SQLite database."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._reading = threading.Lock()
        self._unchecked_bytes = 0  # written since the last checkpoint
        self._last = 0  # position that was given last
        self._marks: FollowingMarks | None = None

    def open(self, seen: Sequence[Cursor] = ()) -> JournalState:
        """Open or make the file, verify it, and read what it knows; of a damaged one what can still be read is put in its place.

        Raises JournalBroken where nothing can be, or it is no journal, OSError (ENOSPC) where the disk is too full to open it.
        """
        aside.finish(self._path)
        aside.hold_log(self._path)
        try:
            state = self._open(seen)
        except JournalDamaged as error:
            self.close()
            aside.bring_log_back(self._path)
            salvage(self._path, seen, error)
            state = self._open(seen)
        finally:
            aside.let_log_go(self._path)
        self._last = state.last
        return replace(state, notes=aside.notes_beside(self._path))

    def _open(self, seen: Sequence[Cursor]) -> JournalState:
        log = look_at_log(self._path)
        try:
            with self._told_apart():
                aside.check_beginning(self._path)
                self._writer = _connect(self._path)
                if lost := lost_commits(log):
                    keep_aside(log)
                if is_new(self._writer):
                    self._make(self._writer, seen)
                verify(self._writer, self._path, was_killed=log.size_bytes > 0, is_suspect=aside.is_suspect(self._path))
                with _transaction(self._writer):
                    skip_lost(self._writer, log.size_bytes if lost else 0, seen)
                self._reader = _connect(self._path)
                state, moved = read_state(self._writer)
                self._marks = FollowingMarks(self._writer, moved)
        except JournalFull as error:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path)) from error
        aside.clear(self._path)
        return state

    def _make(self, connection: sqlite3.Connection, seen: Sequence[Cursor]) -> None:
        with _transaction(connection):
            make_tables(connection, secrets.token_hex(8))
        sync(self._path.parent)  # the new file's name: SQLite syncs folders only for journals of its own
        if seen:
            aside.note_missing(self._path, max(cursor.position for cursor in seen))

    def commit(self, openings: Sequence[Opening], rows: Sequence[Row], marks: Mapping[tuple[str, int], int]) -> int:
        """Append rows, open epochs, move marks and sync, all or nothing; return the position of the first row.

        A row moves the mark of its epoch to its own seq, also where `marks` does not say so.
        """
        writer, table = self._opened(self._writer), self._opened(self._marks)
        first, last = self._last + 1, self._last + len(rows)
        columns = columns_of(rows)
        moves = moves_of(columns)
        batches = packed(first, columns, {} if moves == marks else {key: seq for key, seq in marks.items() if seq > moves.get(key, 0)})
        moves.update(marks)
        is_due = self._unchecked_bytes >= _CHECKPOINT_BYTES or (not rows and len(marks) > 0)
        # One statement is a transaction by itself.
        with self._told_apart(), _transaction(writer) if openings or is_due or len(batches) > 1 else nullcontext():
            open_marks(writer, [(o.device, o.epoch, o.opened_us, packed_channels(o.channels)) for o in openings], self._last)
            insert(writer, batches)
            if is_due:
                table.write(moves, last)
        self._last = last
        table.wrote(last) if is_due else table.note(moves)
        self._changed(sum([len(batch[2]) for batch in batches]) + _CHANGE_BYTES * len(openings), is_due=is_due)
        return first

    def read(self, after: int, max_rows: int, max_bytes: int) -> list[Row]:
        """Return rows above `after`, oldest first; at least one where there is one."""
        with self._reading, self._told_apart():
            return read_rows(self._opened(self._reader), after, max_rows, max_bytes)

    def copy_to(self, path: Path, told: Callable[[int, int], None]) -> None:
        """Write what is committed now into a new file and sync it."""
        copy_database(self._path, path, told)

    def set_cursor(self, follower: str, cursor: FollowerCursor) -> None:
        """Keep a follower's cursor."""
        writer = self._opened(self._writer)
        with self._told_apart(), _transaction(writer):
            writer.execute("INSERT OR REPLACE INTO cursors VALUES (?, ?, ?)", (follower, *_numbers(cursor)))

    def trim(self, below: int, max_rows: int) -> int:
        """Delete about `max_rows` rows, oldest first, with positions lower than `below`; return how many went.

        Rows go with the commit they came in, once it lies below as a whole.
        """
        writer, table = self._opened(self._writer), self._opened(self._marks)
        with self._told_apart():
            last, gone = oldest_rows(writer, below, max_rows)
            if not gone:
                return 0
            is_due = last > table.position  # nothing could say any more how those frames moved marks
            with _transaction(writer):
                if is_due:
                    table.write({}, self._last)
                delete_rows(writer, last)
        if is_due:
            table.wrote(self._last)
        self._changed(_CHANGE_BYTES * gone, is_due=True)
        return gone

    def forget_marks(self, marks: Iterable[tuple[str, int]]) -> None:
        """Forget epochs (device, epoch) that no device will send again."""
        writer, table = self._opened(self._writer), self._opened(self._marks)
        with self._told_apart(), _transaction(writer):
            table.forget(marks)

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
        """Close the file; idempotent.

        SQLite checkpoints once more here. After a failed sync that promises nothing new: it copies only what was synced before.
        """
        with self._reading:  # a read that still runs ends first
            for connection in (self._reader, self._writer):
                if connection is not None:
                    connection.close()
            self._reader = self._writer = self._marks = None

    def _opened(self, part: T | None) -> T:
        if part is None:
            raise JournalBroken(f"{self._path} is not open")
        return part

    def _changed(self, size_bytes: int, *, is_due: bool) -> None:
        """Checkpoint now and then. SQLite's own checkpoints hide their errors, and a failed sync must end the process."""
        self._unchecked_bytes += size_bytes
        if is_due and self._unchecked_bytes >= _CHECKPOINT_BYTES:
            self._unchecked_bytes = 0
            with suppress(JournalFull), self._told_apart():  # without room the WAL keeps what it has: that is durable too
                self._opened(self._writer).execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    def _pages(self) -> tuple[int, int, int]:
        writer = self._opened(self._writer)
        pages, free, page_bytes = (
            int(writer.execute(f"PRAGMA {what}").fetchone()[0]) for what in ("page_count", "freelist_count", "page_size")
        )
        return pages, free, page_bytes

    def _disk_free_bytes(self) -> int:
        disk = os.statvfs(self._path.parent)
        return disk.f_bavail * disk.f_frsize

    @contextmanager
    def _told_apart(self) -> Iterator[None]:
        """Raise JournalFull where nothing was written for want of room, JournalDamaged or JournalBroken for everything else."""
        try:
            yield
        except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter where SQLite names what it cannot read
            ours = told_apart(error, self._path, self._disk_free_bytes)
            if isinstance(ours, JournalDamaged) and self._marks is not None:
                aside.suspect(self._path)  # found while it is in use: the next start looks at all of it
            raise ours from error


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30.0)
    try:
        if connection.execute("PRAGMA journal_mode = WAL").fetchone() != ("wal",):
            raise JournalBroken(f"{path} cannot have a write-ahead log there; put the data directory on a local disk")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("PRAGMA journal_size_limit = 67108864")
    except BaseException:
        connection.close()
        raise
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


def _numbers(cursor: FollowerCursor) -> tuple[int, int]:
    return cursor.applied, cursor.safe
