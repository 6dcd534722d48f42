"""A backup of the embedded history while it is in use opens by itself, holds what its cursor says, and has its progress told."""

from pathlib import Path

import pytest
import trio

from devices.wire.messages import Kind
from hub.core.errors import Refusal
from hub.core.records import Cursor, Series
from hub.ports import Retention
from hub.store.duckdb import DuckDBStore
from hub.store.duckdb.copies import look_into_history
from tests.support.readings import plain, raw_of

FOR_EVER = Retention(raw_days=0, minutes_days=0, hours_days=0)
TEMP = Series("pump", "temp", "Cel", Kind.GAUGE)
DAY_NS = 86_400_000_000_000


async def filled(path: Path) -> DuckDBStore:
    store = DuckDBStore(path, FOR_EVER)
    await store.start()
    for position in range(1, 4):
        await store.append(plain(TEMP, (position * DAY_NS + n * 10**9 for n in range(100))), Cursor("j", position))
        if position < 3:
            await store._flush_all()
    return store


@pytest.mark.parametrize("has_links", [True, False])
async def test_a_backup_holds_files_and_hot_rows_up_to_its_cursor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, has_links: bool
) -> None:
    (tmp_path / "live").mkdir()
    store = await filled(tmp_path / "live" / "history.duckdb")
    if not has_links:
        monkeypatch.setattr("hub.store.duckdb.backup.os.link", lambda *_: (_ for _ in ()).throw(OSError(18, "Invalid cross-device link")))
    said: list[tuple[int, int]] = []
    assert await store.backup(tmp_path / "copy", lambda done, of: said.append((done, of))) == Cursor("j", 3)
    assert said == sorted(said)
    assert said[-1][0] == said[-1][1]
    await store.append(plain(TEMP, [9 * DAY_NS]), Cursor("j", 4))
    await store.delete_device("pump")
    for _ in range(5):
        await store.tend(4 * DAY_NS // 1_000)
    await store.aclose()
    look = look_into_history(tmp_path / "copy" / "history.duckdb")
    assert (look.cursor, look.series, look.readings) == (Cursor("j", 3), 1, 300)
    copy = DuckDBStore(tmp_path / "copy" / "history.duckdb", FOR_EVER)
    await copy.start()
    assert await copy.cursor() == Cursor("j", 3)
    assert len((await raw_of(copy, [TEMP]))[TEMP]) == 300
    assert copy.notes == []
    await copy.aclose()


async def test_appends_and_queries_go_on_while_the_files_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = await filled(tmp_path / "history.duckdb")
    found: list[int] = []

    def meanwhile(done_bytes: int, all_bytes: int) -> None:
        if done_bytes == all_bytes:
            trio.from_thread.run(store.append, plain(TEMP, [9 * DAY_NS]), Cursor("j", 4))
            found.append(len(trio.from_thread.run(raw_of, store, [TEMP])[TEMP]))

    with trio.fail_after(30):
        assert await store.backup(tmp_path / "copy", meanwhile) == Cursor("j", 3)
    assert found == [301]
    await store.aclose()


async def test_a_damaged_copy_is_refused(tmp_path: Path) -> None:
    store = await filled(tmp_path / "history.duckdb")
    await store.backup(tmp_path / "copy", lambda *_: None)
    await store.aclose()
    file = next((tmp_path / "copy" / "history").glob("1h-*"))
    held = file.read_bytes()
    file.unlink()  # it is a link
    file.write_bytes(held[:-1] + b"?")
    with pytest.raises(Refusal, match=r"1h-.*checksum is wrong"):
        look_into_history(tmp_path / "copy" / "history.duckdb")
