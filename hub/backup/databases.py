"""The SQLite files of a backup: copied while they are written, looked through, and given to a new journal when they are restored.

Owns which of their tables hold the journal's id and positions. Blocking; called in worker threads.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from hub.core.errors import Refusal


@dataclass(frozen=True, slots=True)
class JournalLook:
    """What a copy of a journal holds."""

    journal: str  # id
    first: int  # lowest position still there, or last + 1
    last: int
    frames: int


@dataclass(frozen=True, slots=True)
class StateLook:
    """What a copy of the state store holds."""

    devices: int
    commands: int


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy a database as it is at one moment, also while another connection writes (sqlite.org/backup.html); the copy is one file."""
    with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=30.0)) as read, closing(sqlite3.connect(target)) as write:
        read.backup(write)


def look_into_journal(path: Path) -> JournalLook:
    """Check every page of a copy and return what is in it. Raises Refusal where it is damaged."""
    with _checked(path) as copy:
        meta = dict(copy.execute("SELECT key, value FROM meta"))
        first, last, frames = copy.execute("SELECT min(first), max(first + count - 1), coalesce(sum(count), 0) FROM batches").fetchone()
        given = int(meta["given"]) if last is None else int(last)
        return JournalLook(str(meta["journal"]), given + 1 if first is None else int(first), given, int(frames))


def look_into_state(path: Path) -> StateLook:
    """Check every page of a copy and return what is in it. Raises Refusal where it is damaged."""
    with _checked(path) as copy:
        counts = [int(copy.execute(f"SELECT count(*) FROM {table}").fetchone()[0]) for table in ("devices", "commands")]
        return StateLook(*counts)


@contextmanager
def _checked(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a copy that nobody writes, leaving no file beside it."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as copy:
            (said,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
            if said != "ok":
                raise _damaged(path, said)
            yield copy
    except (sqlite3.Error, KeyError, ValueError) as error:
        raise _damaged(path, repr(error)) from error


def _damaged(path: Path, said: str) -> Refusal:
    return Refusal("bad_copy", f"the copy {path} is damaged: {said}", "check the disk, then try again")


def renew_journal(path: Path, journal: str, stored: int | None) -> None:
    """Give a journal a new id, and followers no more than what its copies hold.

    `stored` is what the history beside it has; None: it is in a database of its own. Trimming begins before a follower has said where it
    is, so a cursor that is ahead would cost it frames.
    """
    with _changed(path) as connection:
        connection.execute("UPDATE meta SET value = ? WHERE key = 'journal'", (journal,))
        if stored is not None:
            connection.execute("INSERT OR REPLACE INTO cursors VALUES ('history', ?, ?)", (stored, stored))


def renew_state(path: Path, old: str, new: str, last: int) -> dict[str, int]:
    """Carry the followers' cursors into a new journal, at most to its last position; return them by follower."""
    with _changed(path) as connection:
        connection.execute("UPDATE cursors SET journal = ?, position = min(position, ?) WHERE journal = ?", (new, last, old))
        return dict(connection.execute("SELECT follower, position FROM cursors WHERE journal = ?", (new,)).fetchall())


def lower_cursor(path: Path, follower: str, position: int) -> None:
    """Bring a follower's cursor in a journal down to a position, where it is above."""
    with _changed(path) as connection:
        changed = "UPDATE cursors SET applied = min(applied, ?), safe = min(safe, ?) WHERE follower = ?"
        connection.execute(changed, (position, position, follower))


@contextmanager
def _changed(path: Path) -> Iterator[sqlite3.Connection]:
    """Change a database in one transaction, into its file and synced."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        yield connection
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
