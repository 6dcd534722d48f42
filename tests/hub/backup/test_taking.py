"""A backup of running parts: in order, looked through, there as a whole or not at all."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import structlog
import trio

from devices.wire.messages import Kind
from hub.backup.manifest import check_files, read_manifest
from hub.backup.progress import Step
from hub.backup.restoring import restore
from hub.backup.room import check_room
from hub.backup.service import BackupService
from hub.backup.taking import Parts, take_backup
from hub.core.errors import Refusal
from hub.core.records import Cursor, Series
from hub.datadir import DataDir
from hub.journal import Journal, JournalSettings, SQLiteJournalFile
from hub.layers import layer
from hub.ports import StoreUnavailable
from hub.state.sqlite import SQLiteStateStore
from hub.store.duckdb import DuckDBStore, hot
from tests.support.owner import Session
from tests.support.point_store import PointStore
from tests.support.readable_points import columns
from tests.support.waiting import until

NOW_US = 1_800_000_000_000_000


@asynccontextmanager
async def running(path: Path) -> AsyncIterator[Parts]:
    """Run a journal, a state store and a history with one reading."""
    with DataDir(path) as data:
        state, history = SQLiteStateStore(data.state), DuckDBStore(data.history)
        journal = Journal(SQLiteJournalFile(data.journal), JournalSettings(), lambda: NOW_US)
        data.admin_token.write_text("secret\n")
        await state.start()
        await history.start()
        try:
            async with layer(journal.run):
                yield Parts(data, journal, history, lambda: NOW_US, "test", 0)
        finally:
            await history.aclose()
            await state.aclose()


async def test_a_backup_has_everything_and_says_how_far_it_is(tmp_path: Path) -> None:
    steps: list[Step] = []
    async with running(tmp_path / "data") as parts:
        for name in ("parked.jsonl", "parked.1.jsonl"):
            (parts.data.path / name).write_text('{"reason": "too large"}\n')
        taken = await take_backup(parts, tmp_path / "backups", steps.append)
        again = await take_backup(parts, tmp_path / "backups", steps.append)
    assert taken.path == tmp_path / "backups" / "tributary-2027-01-15T080000Z"
    assert again.path.name == "tributary-2027-01-15T080000Z-2"
    manifest = read_manifest(taken.path)
    assert manifest == taken.manifest
    check_files(taken.path, manifest, lambda size_bytes: None)
    assert {"admin.token", "format", "history.duckdb", "journal.db", "parked.jsonl", "parked.1.jsonl", "state.db"} <= set(manifest.files)
    assert all(path.stat().st_mode & 0o077 == 0 for path in taken.path.rglob("*") if path.is_file() and path.name != "manifest.json")
    assert list(dict.fromkeys(step.name for step in steps)) == ["history", "journal", "state", "check"]
    assert all(step.done_bytes <= step.all_bytes for step in steps)


async def test_readings_in_a_database_of_their_own_are_its_to_keep(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as parts:
        store = PointStore()
        store.name = "VictoriaMetrics"
        taken = await take_backup(replace(parts, history=store), tmp_path / "backups", lambda step: None)
    assert not any(name.startswith("history") for name in taken.manifest.files)
    assert taken.manifest.stored is None
    assert "vmbackup" in taken.notes[0]


class Wrong(DuckDBStore):
    """A history whose copy is not what it says."""

    async def backup(self, folder: Path, said: Callable[[int, int], None]) -> Cursor | None:
        """Copy, and lie about it."""
        await super().backup(folder, said)
        return Cursor("journal", 99)


class Slow(DuckDBStore):
    """A history whose copy never ends."""

    async def backup(self, folder: Path, said: Callable[[int, int], None]) -> Cursor | None:
        """Begin."""
        (folder / "history.duckdb").touch()
        await trio.sleep_forever()
        return None


async def test_a_copy_that_is_wrong_makes_no_backup(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as parts:
        await parts.history.aclose()
        wrong = Wrong(parts.data.history)
        await wrong.start()
        await wrong.append(columns([], []), Cursor(parts.journal.id, 0))
        with pytest.raises(Refusal, match="do not fit together"):
            await take_backup(replace(parts, history=wrong), tmp_path / "backups", lambda step: None)
        await wrong.aclose()
    assert list((tmp_path / "backups").iterdir()) == []


async def test_a_backup_that_is_cancelled_or_fails_leaves_nothing(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as parts:
        with trio.move_on_after(0.05) as scope:
            await take_backup(replace(parts, history=Slow(parts.data.history)), tmp_path / "backups", lambda step: None)
        assert scope.cancelled_caught
        await parts.history.aclose()
        with pytest.raises(StoreUnavailable):
            await take_backup(parts, tmp_path / "backups", lambda step: None)
    assert list((tmp_path / "backups").iterdir()) == []


async def test_one_that_never_ended_is_removed_and_one_that_goes_on_is_not(tmp_path: Path) -> None:
    backups = tmp_path / "backups"
    (backups / "tributary-2020-01-01T000000Z.partial").mkdir(parents=True)
    async with running(tmp_path / "data") as parts, trio.open_nursery() as nursery:
        slow = replace(parts, history=Slow(parts.data.history))
        nursery.start_soon(take_backup, slow, backups, lambda step: None)
        await until((backups / "tributary-2027-01-15T080000Z.partial" / "history.duckdb").exists)
        taken = await take_backup(parts, backups, lambda step: None)
        assert taken.notes == ()
        assert sorted(os.listdir(backups)) == ["tributary-2027-01-15T080000Z-2", "tributary-2027-01-15T080000Z.partial"]
        nursery.cancel_scope.cancel()


async def test_without_room_for_it_nothing_is_begun(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as parts:
        disk = os.statvfs(tmp_path)
        with (parts.data.path / "parked.jsonl").open("wb") as file:
            file.truncate(disk.f_bavail * disk.f_frsize)
        with pytest.raises(Refusal, match="a backup needs") as refused:
            await take_backup(parts, tmp_path / "backups", lambda step: None)
    assert refused.value.status == 507
    assert not (tmp_path / "backups").exists()


async def test_the_hub_takes_one_at_a_time_and_says_how_each_ended(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as parts, trio.open_nursery() as nursery:
        slow = BackupService(replace(parts, history=Slow(parts.data.history)))
        nursery.start_soon(slow.take, tmp_path / "backups", lambda line: None)
        await until(lambda: list((tmp_path / "backups").glob("*")))
        with pytest.raises(Refusal, match="being taken already"):
            await slow.take(tmp_path / "backups", lambda line: None)
        nursery.cancel_scope.cancel()
    async with running(tmp_path / "data") as parts:
        service = BackupService(parts)
        with structlog.testing.capture_logs() as logs:
            said = await service.take(tmp_path / "backups", lambda line: None)
            with pytest.raises(Refusal):
                await service.take(Path("here"), lambda line: None)
        assert [line["event"] for line in logs] == ["backup_taken", "backup_failed"]
        assert said["holds"]["frames"] == 0


@pytest.fixture
def another_disk(tmp_path: Path) -> Path:
    if not Path("/dev/shm").is_dir() or os.stat("/dev/shm").st_dev == os.stat(tmp_path).st_dev:
        pytest.skip("/dev/shm is no other disk here")
    return Path("/dev/shm/tributary-backups")


async def test_sorted_files_need_no_room_where_they_can_have_a_second_name(tmp_path: Path, another_disk: Path) -> None:
    async with running(tmp_path / "data") as parts:
        large = parts.data.history_files / "large"
        large.parent.mkdir(exist_ok=True)
        disk = os.statvfs(tmp_path)
        with large.open("wb") as file:
            file.truncate(disk.f_bavail * disk.f_frsize)
        check_room(parts.data, tmp_path / "backups", 0)
        with pytest.raises(Refusal, match="a backup needs"):
            check_room(parts.data, another_disk, 0)


async def test_sorted_files_come_back_with_their_readings_and_go_on_in_the_new_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hot, "FLUSH_ROWS", 1_000)
    series = [Series("pump", f"c{n}", "", Kind.GAUGE) for n in range(3)]
    async with running(tmp_path / "data") as parts:
        for position, begin in enumerate((0, 2_000), 1):
            readings = [(n % 3, (begin + n) * 10**9, float(n)) for n in range(2_000 if position == 1 else 500)]
            await parts.history.append(columns(series, readings), Cursor(parts.journal.id, 0 if position == 1 else 1))
            await parts.history.make_safe()
        before = (await parts.history.query(series, 0, 10**10, 0, 10_000)).raw
        with pytest.raises(Refusal, match="its history ends at 1"):
            await take_backup(parts, tmp_path / "backups", lambda step: None)  # no journal is behind that history
        session = Session()
        parts.journal.submit(session.entry(5, 1))  # type: ignore[attr-defined]  # these parts have a real journal
        await session.is_told(5, 1)
        taken = await take_backup(parts, tmp_path / "backups", lambda step: None)
    assert any(name.startswith("history/raw-") for name in taken.manifest.files)
    assert taken.manifest.holds["readings"] == 2_500
    restored = restore(taken.path, tmp_path / "new", lambda name, done, total: None, is_forced=False)
    again = DuckDBStore(tmp_path / "new" / "history.duckdb")
    await again.start()
    assert await again.cursor() == Cursor(restored.journal, 1)
    assert (await again.query(series, 0, 10**10, 0, 10_000)).raw == before
    await again.append(columns(series, [(0, 10**9 * 9_000, 1.0)]), Cursor(restored.journal, 2))
    assert (await again.latest(series))[series[0]].value == 1.0
    await again.aclose()
