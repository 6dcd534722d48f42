"""A restored directory: a new journal id, no cursor ahead of what is there, nothing of what was there deleted."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from hub.backup import restoring
from hub.backup.restoring import restore
from hub.core.errors import Refusal
from hub.core.records import Cursor
from hub.datadir import DataDir, DataDirError
from hub.journal import SQLiteJournalFile
from hub.state.sqlite import SQLiteStateStore
from hub.store.duckdb import DuckDBStore
from tests.support.backup_folder import LAST, RULES, STORED, backup_folder, cursors


def told(name: str, done_bytes: int, all_bytes: int) -> None:
    """Hear how far it is."""
    assert 0 < done_bytes <= all_bytes


@pytest.fixture
async def backup(tmp_path: Path) -> Path:
    folder = tmp_path / "backup"
    folder.mkdir()
    await backup_folder(folder)
    return folder


async def test_every_cursor_is_of_the_new_journal_and_within_it(tmp_path: Path, backup: Path) -> None:
    restored = restore(backup, tmp_path / "new", told, is_forced=False)
    with DataDir(tmp_path / "new") as data:
        assert cursors(data.journal) == {"history": (STORED, STORED), "ledger": (9, 9), "rules": (RULES, RULES)}
        file = SQLiteJournalFile(data.journal)
        state = file.open()
        assert (state.journal, state.first, state.last) == (restored.journal, 1, LAST)
        assert restored.journal != restored.manifest.journal
        assert len(file.read(0, 100, 1 << 20)) == LAST
        file.close()
        store, history = SQLiteStateStore(data.state), DuckDBStore(data.history)
        await store.start()
        await history.start()
        assert await store.cursor_of("ledger") == Cursor(restored.journal, LAST)
        assert await store.cursor_of("rules") == Cursor(restored.journal, RULES)
        assert await history.cursor() == Cursor(restored.journal, STORED)
        await store.aclose()
        await history.aclose()


async def test_without_an_embedded_history_its_follower_stays_where_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    folder.mkdir()
    await backup_folder(folder, "InfluxDB")
    restore(folder, tmp_path / "new", told, is_forced=False)
    assert cursors(tmp_path / "new" / "journal.db")["history"] == (9, 9)


@pytest.mark.parametrize("step", ["_copy", "_renew", "_check"])
async def test_a_restore_that_stops_on_the_way_leaves_no_directory_that_a_hub_starts_on(
    tmp_path: Path, backup: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    after = getattr(restoring, step)

    def stop(*arguments: Any) -> None:
        after(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(restoring, step, stop)
        with pytest.raises(KeyboardInterrupt):
            restore(backup, tmp_path / "new", told, is_forced=False)
    with pytest.raises(DataDirError, match="never ended"), DataDir(tmp_path / "new"):
        pass
    restore(backup, tmp_path / "new", told, is_forced=False)
    with DataDir(tmp_path / "new"):
        pass


async def test_what_was_there_is_moved_as_a_whole_also_where_that_is_stopped(
    tmp_path: Path, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "old"
    shutil.copytree(backup, old)
    (old / "host-spool").mkdir()
    names = {path.name for path in old.iterdir()}
    moves: list[Path] = []

    def rename(path: Path, target: Path) -> Path:
        if len(moves) == 3:
            raise KeyboardInterrupt
        moves.append(path)
        return path.replace(target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", rename)
        with pytest.raises(KeyboardInterrupt):
            restore(backup, old, told, is_forced=True)
    with pytest.raises(DataDirError, match="never ended"), DataDir(old):
        pass
    restored = restore(backup, old, told, is_forced=False)
    assert restored.moved_to is not None
    assert {path.name for path in restored.moved_to.iterdir()} == names
    with DataDir(old):
        pass


async def test_a_file_that_does_not_belong_to_a_backup_or_is_missing_is_named(tmp_path: Path, backup: Path) -> None:
    (backup / "more.db").touch()
    with pytest.raises(Refusal, match=r"more\.db does not belong"):
        restore(backup, tmp_path / "new", told, is_forced=False)
    (backup / "more.db").rename(backup / "admin.token")
    with pytest.raises(Refusal, match=r"admin\.token has 0 bytes and not 7"):
        restore(backup, tmp_path / "new", told, is_forced=False)
    (backup / "admin.token").unlink()
    with pytest.raises(Refusal, match=r"admin\.token is missing"):
        restore(backup, tmp_path / "new", told, is_forced=False)
    assert not (tmp_path / "new").exists()


async def test_a_directory_in_the_backup_itself_is_refused(tmp_path: Path, backup: Path) -> None:
    with pytest.raises(Refusal, match="lies in the backup"):
        restore(backup, backup / "new", told, is_forced=False)
