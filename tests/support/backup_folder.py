"""A backup made by hand: a journal of ten frames, a history that has eight of them, a ledger that is ahead of both.

Owns its making; checks nothing. Used by tests/hub/backup.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np

from hub.backup.manifest import Manifest, entry_of, files_of, write_manifest
from hub.core.records import Columns, Cursor, Row, RowKind
from hub.journal import SQLiteJournalFile
from hub.ports import FollowerCursor
from hub.state.sqlite import SQLiteStateStore
from hub.store.duckdb import DuckDBStore

LAST, STORED, LEDGER, RULES = 10, 8, 14, 7


async def backup_folder(folder: Path, store: str = "DuckDB") -> Manifest:
    """Fill a folder and return what its manifest says."""
    file = SQLiteJournalFile(folder / "journal.db")
    journal = file.open().journal
    file.commit([], [Row(0, "pump", 5, seq, RowKind.LOG, 1, b"{}", None) for seq in range(1, LAST + 1)], {})
    for follower in ("history", "ledger", "rules"):
        file.set_cursor(follower, FollowerCursor(9, 9))  # went on while the history was copied already
    file.close()
    state = SQLiteStateStore(folder / "state.db")
    await state.start()
    await state.put_commands([], cursor=Cursor(journal, LEDGER))
    await state.change(cursor=("rules", Cursor(journal, RULES)))
    await state.aclose()
    holds = {"frames": LAST, "devices": 0, "commands": 0}
    if store == "DuckDB":
        history = DuckDBStore(folder / "history.duckdb")
        await history.start()
        none = Columns([], np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0, np.float64))
        await history.append(none, Cursor(journal, STORED))
        await history.aclose()
        holds |= {"series": 0, "readings": 0}
    (folder / "admin.token").write_text("secret\n")
    files = {name: entry_of(folder / name, lambda size_bytes: None) for name in files_of(folder)}
    manifest = Manifest("2026-11-21T08:00:00+00:00", "test", journal, LAST, STORED if store == "DuckDB" else None, store, holds, files)
    write_manifest(folder, manifest)
    return manifest


def cursors(path: Path) -> dict[str, tuple[int, int]]:
    """Return the followers' cursors in a journal."""
    with closing(sqlite3.connect(path)) as journal:
        return {name: (applied, safe) for name, applied, safe in journal.execute("SELECT * FROM cursors")}
