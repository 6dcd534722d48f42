"""A copy of a SQLite file while it is written: its online backup, out of one read transaction.

Owns that copy and its sync. A write by another connection makes a backup begin anew (sqlite.org/backup.html), and a hub writes every few
milliseconds: with a transaction of its own open the copy sees one state to its end, and the write-ahead log waits for it. Called by
sqlite_file.py in a thread of its own.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from devices.durable import sync

_STEP_PAGES: Final = 1_024  # 4 MiB: some ms, after which the copy may be given up


def copy_database(source: Path, target: Path, told: Callable[[int, int], None]) -> None:
    """Copy a database into a new file, synced with its folder; `told(pages, of)` after each step.

    What `told` raises is raised, and so is OSError where the copy fails; then no file is left.
    """
    if target.exists():
        raise FileExistsError(f"{target} exists")
    try:
        with closing(_open(source)) as origin, closing(sqlite3.connect(target, isolation_level=None)) as copy:
            origin.execute("BEGIN")
            origin.execute("SELECT count(*) FROM sqlite_master").fetchone()  # now the transaction sees what it will see
            origin.backup(copy, pages=_STEP_PAGES, progress=lambda status, left, of: told(of - left, of), sleep=0)
        sync(target)
        sync(target.parent)
    except sqlite3.Error as error:
        _remove(target)
        raise OSError(f"cannot copy {source} to {target}: {error}") from error
    except BaseException:
        _remove(target)
        raise


def _open(source: Path) -> sqlite3.Connection:
    return sqlite3.connect(source, isolation_level=None, timeout=30.0)


def _remove(target: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        target.with_name(target.name + suffix).unlink(missing_ok=True)
