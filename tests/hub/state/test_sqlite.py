"""What the SQLite state store promises beyond its port: rights, durability, and values that JSON does not have."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import trio
import trio.testing
from structlog.testing import capture_logs

from hub.core.records import Cursor
from hub.ports import CommandRecord, CommandsWanted, DeviceRecord, StoreUnavailable
from hub.state.sqlite import SQLiteStateStore

COMMAND = CommandRecord("c1", "pump", "blink", {"n": 3}, "sent", 1, "ann", 10, 11, 99)


def rights_in(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


async def test_everything_is_there_after_the_file_is_opened_again(tmp_path: Path) -> None:
    device = DeviceRecord("pump", 1, b"hash", {"firmware": "ü"}, last_seen_us=2)
    first = SQLiteStateStore(tmp_path / "state.db")
    await first.start()
    await first.put_device(device)
    await first.put_commands([COMMAND], cursor=Cursor("j", 4))
    await first.aclose()
    second = SQLiteStateStore(tmp_path / "state.db")
    await second.start()
    assert await second.devices() == [device]
    assert await second.open_commands() == [COMMAND]
    assert await second.cursor_of("ledger") == Cursor("j", 4)
    await second.aclose()


async def test_only_the_owner_may_read_the_files(tmp_path: Path) -> None:
    store = SQLiteStateStore(tmp_path / "state.db")
    await store.start()
    await store.put_commands([COMMAND])
    assert rights_in(tmp_path) == {"state.db": 0o600, "state.db-wal": 0o600, "state.db-shm": 0o600}
    await store.aclose()


async def test_each_commit_is_synced(tmp_path: Path) -> None:
    store = SQLiteStateStore(tmp_path / "state.db")
    await store.start()
    assert await store._all("PRAGMA journal_mode") == [("wal",)]
    assert await store._all("PRAGMA synchronous") == [(2,)]
    await store.aclose()


async def test_bytes_of_a_device_become_text_and_never_stop_the_ledger(tmp_path: Path) -> None:
    store = SQLiteStateStore(tmp_path / "state.db")
    await store.start()
    await store.put_commands([replace(COMMAND, value={"raw": b"\xff\xfe"})], cursor=Cursor("j", 5))
    kept = await store.command("c1")
    assert kept is not None
    assert kept.value == {"raw": "__4="}
    assert await store.cursor_of("ledger") == Cursor("j", 5)
    spec = {"commands": [{"name": "go", "args": {"key": {"type": "text", "default": b"\x00"}}}]}
    await store.put_device(DeviceRecord("pump", 1, b"hash", spec))
    assert (await store.devices())[0].description["commands"][0]["args"]["key"]["default"] == "AA=="
    await store.aclose()


async def test_a_failed_transaction_leaves_nothing_behind(tmp_path: Path) -> None:
    store = SQLiteStateStore(tmp_path / "state.db")
    await store.start()
    broken = replace(COMMAND, id="c2", reason=object())  # type: ignore[arg-type]
    with pytest.raises(StoreUnavailable):
        await store.put_commands([COMMAND, broken], cursor=Cursor("j", 9))
    assert await store.commands(CommandsWanted(), 10) == ([], None)
    assert await store.cursor_of("ledger") is None
    await store.put_commands([COMMAND])
    await store.aclose()


async def test_a_change_that_is_cancelled_while_it_runs_is_made(tmp_path: Path) -> None:
    store = SQLiteStateStore(tmp_path / "state.db")
    await store.start()
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(store.put_commands, [COMMAND])
            await trio.testing.wait_all_tasks_blocked()
            scope.cancel()
    assert await store.command("c1") == COMMAND
    await store.aclose()


async def test_a_file_that_is_no_database_is_unavailable_and_says_which(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"no database at all, but long enough to be looked at" * 40)
    store = SQLiteStateStore(tmp_path / "state.db")
    with pytest.raises(StoreUnavailable, match=r"state\.db"):
        await store.start()
    await store.aclose()


async def test_another_process_that_reads_does_not_hold_it_up(tmp_path: Path) -> None:
    store = SQLiteStateStore(tmp_path / "state.db")
    await store.start()
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    try:
        other.execute("BEGIN")
        assert other.execute("SELECT count(*) FROM commands").fetchone() == (0,)
        await store.put_commands([COMMAND])
        assert other.execute("SELECT count(*) FROM commands").fetchone() == (0,)
    finally:
        other.close()
    await store.aclose()


async def test_what_no_hub_wrote_is_told_in_words(tmp_path: Path) -> None:
    store = SQLiteStateStore(tmp_path / "state.db")
    await store.start()
    await store.put_device(DeviceRecord("pump", 1, b"hash", {"notes": "x"}))
    await store.aclose()
    with closing(sqlite3.connect(tmp_path / "state.db", isolation_level=None)) as disk:
        disk.execute("UPDATE devices SET description = '{notes'")
    await store.start()
    with pytest.raises(StoreUnavailable, match="no hub wrote"):
        await store.devices()
    await store.aclose()
    content = (tmp_path / "state.db").read_bytes()
    (tmp_path / "state.db").write_bytes(content.replace(b"CREATE TABLE devices", b"CREATE TABL\xac devices"))
    with pytest.raises(StoreUnavailable, match=r"state\.db"):
        await store.start()
    await store.aclose()


async def test_changes_lost_from_a_log_that_the_disk_has_changed_are_said(tmp_path: Path) -> None:
    store = SQLiteStateStore(tmp_path / "state.db")
    await store.start()
    for number in range(20):
        await store.put_device(DeviceRecord(f"d{number}", 1, b"hash", {"notes": "x" * 500}))
    (tmp_path / "copy").mkdir()
    for name in ("state.db", "state.db-wal"):
        shutil.copy(tmp_path / name, tmp_path / "copy" / name)
    await store.aclose()
    log = tmp_path / "copy" / "state.db-wal"
    content = bytearray(log.read_bytes())
    content[-40_000] ^= 1
    log.write_bytes(content)
    again = SQLiteStateStore(tmp_path / "copy" / "state.db")
    with capture_logs() as logs:
        await again.start()
    assert 0 < len(await again.devices()) < 20
    assert "changes are lost" in again.notes[0]
    assert [line["event"] for line in logs] == ["state_damaged"]
    await again.aclose()
