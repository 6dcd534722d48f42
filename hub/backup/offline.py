"""A backup of a data directory on which no hub runs: its parts are opened as a hub would, and closed again.

Owns that; the lock is taken, so that no hub starts meanwhile. Called by the command line.
"""

import time
from pathlib import Path

import trio

from hub.backup.progress import Said
from hub.backup.taking import Parts, Taken, made_by, take_backup
from hub.config import Settings
from hub.core.errors import Refusal
from hub.datadir import DataDir
from hub.journal import Journal, SQLiteJournalFile
from hub.layers import layer
from hub.part_settings import journal_settings, retention, store_token
from hub.state.sqlite import SQLiteStateStore
from hub.stores import make_store


def _now_us() -> int:
    return time.time_ns() // 1_000


async def offline_backup(settings: Settings, folder: Path, said: Said) -> Taken:
    """Take a backup where no hub runs. Raises DataDirError where one does, and what take_backup raises."""
    journal_path = DataDir(settings.data_dir).journal
    if not await trio.Path(journal_path).exists():
        raise Refusal("no_hub", f"no hub has ever run on {settings.data_dir}", "name its data directory with --data-dir")
    with DataDir(settings.data_dir) as data:
        state = SQLiteStateStore(data.state)
        journal = Journal(SQLiteJournalFile(data.journal), journal_settings(settings), _now_us)
        history = make_store(settings.store, store_token(settings), retention(settings), data.history)
        parts = Parts(data, journal, history, _now_us, made_by(), int(settings.min_free_bytes), settings.state == "redis")
        try:
            await state.start()
            if settings.store == "duckdb":
                await history.start()
            async with layer(journal.run):
                return await take_backup(parts, folder, said)
        finally:
            with trio.CancelScope(shield=True):
                await history.aclose()
                await state.aclose()
