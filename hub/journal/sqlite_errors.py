"""What an error of SQLite means to a journal: no room, a file that the disk has changed, or a disk that cannot be trusted any more.

Owns the codes (sqlite.org/rescode.html). Plain code; called by sqlite_file.py.
"""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

from hub.ports import JournalBroken, JournalDamaged, JournalFull

# SQLite says SQLITE_FULL wherever a write meets ENOSPC, but for one place, tried on a tmpfs: growing the WAL's index while the
# file is opened. Every other I/O error is one, ENOSPC out of a sync too: after a failed sync nobody knows what is on disk.
_FULL: Final = sqlite3.SQLITE_FULL
_NO_ROOM_BYTES: Final = 1 << 20
# Our statements are right, so that one which is not understood means that the schema is another one.
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_TOOBIG})


def told_apart(error: sqlite3.Error | UnicodeDecodeError, path: Path, free_bytes: Callable[[], int]) -> Exception:
    """Return JournalFull, JournalDamaged or JournalBroken, with the words of what SQLite has raised."""
    if isinstance(error, UnicodeDecodeError):
        return JournalDamaged(f"{path} holds what no hub wrote: {error}")
    code = getattr(error, "sqlite_errorcode", 0) or 0
    if code & 0xFF == _FULL or (code == sqlite3.SQLITE_IOERR_SHMSIZE and free_bytes() < _NO_ROOM_BYTES):
        return JournalFull(f"no room for {path}: {error}")
    said = f"{path}: {error} ({getattr(error, 'sqlite_errorname', 'no code')})"
    # A head that says a future version of SQLite has written the file lets nobody else write it.
    is_damaged = code & 0xFF in _DAMAGED or (code & 0xFF == sqlite3.SQLITE_READONLY and os.access(path, os.W_OK))
    return JournalDamaged(said) if is_damaged else JournalBroken(said)
