"""What every state store must do: one suite, run on each adapter."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from hub.core.records import Cursor
from hub.ports import CommandRecord, DeviceRecord, StateStore, StoreUnavailable
from hub.state.sqlite import SQLiteStateStore

DEVICE = DeviceRecord("pump", 1_000, b"\x00hash", {"channels": [{"name": "temp", "unit": "Cel"}]}, last_seen_us=5)
COMMAND = CommandRecord("c1", "pump", "blink", {"n": 3}, "queued", 1, "ann", 10, 11, 99)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[StateStore]:
    store = SQLiteStateStore(tmp_path / "state.db")
    await store.start()
    yield store
    await store.aclose()


async def test_devices_are_kept_replaced_and_deleted_with_their_commands(store: StateStore) -> None:
    await store.put_device(DEVICE)
    await store.put_device(replace(DEVICE, last_seen_us=None, is_disabled=True))
    assert await store.devices() == [replace(DEVICE, last_seen_us=None, is_disabled=True)]
    await store.put_command(COMMAND)
    assert await store.delete_device("pump")
    assert not await store.delete_device("pump")
    assert await store.devices() == []
    assert await store.command("c1") is None


async def test_a_command_comes_back_as_it_was(store: StateStore) -> None:
    done = replace(COMMAND, state="done", version=4, progress=1.0, value={"lit": [1, 2.5, None]}, reason="r", note="n")
    await store.put_command(done)
    assert await store.command("c1") == done


async def test_an_older_version_of_a_command_changes_nothing(store: StateStore) -> None:
    await store.put_command(replace(COMMAND, state="done", version=3))
    await store.put_command(replace(COMMAND, state="sent", version=2))
    kept = await store.command("c1")
    assert kept is not None
    assert kept.state == "done"


async def test_newest_commands_come_first_and_open_ones_are_found(store: StateStore) -> None:
    for number in range(5):
        state = "done" if number % 2 else "sent"
        await store.put_command(replace(COMMAND, id=f"c{number}", created_us=number, state=state, device=f"d{number % 2}"))
    assert [command.id for command in (await store.commands(None, 3)).records] == ["c4", "c3", "c2"]
    assert [command.id for command in (await store.commands("d1", 9)).records] == ["c3", "c1"]
    assert [command.id for command in await store.open_commands()] == ["c0", "c2", "c4"]


async def test_results_and_the_cursor_are_one(store: StateStore) -> None:
    assert await store.ledger_cursor() is None
    await store.put_commands_at([COMMAND], Cursor("j", 7))
    assert await store.ledger_cursor() == Cursor("j", 7)
    assert await store.command("c1") == COMMAND


async def test_a_login_link_works_once_and_not_after_its_time(store: StateStore) -> None:
    await store.put_login(b"a", "link", "ann", "admin", 100)
    await store.put_login(b"b", "link", "ann", "admin", 100)
    assert await store.session(b"a", 50) is None
    assert await store.take_login(b"a", 50) == ("ann", "admin")
    assert await store.take_login(b"a", 50) is None
    assert await store.take_login(b"b", 100) is None


async def test_a_session_lives_until_its_time_or_its_end(store: StateStore) -> None:
    await store.put_login(b"s", "session", "ann", "viewer", 100)
    assert await store.take_login(b"s", 50) is None
    assert await store.session(b"s", 99) == ("ann", "viewer", 100)
    assert await store.session(b"s", 100) is None
    await store.end_session(b"s")
    assert await store.session(b"s", 50) is None


async def test_a_closed_store_says_so(store: StateStore) -> None:
    await store.aclose()
    await store.aclose()
    with pytest.raises(StoreUnavailable):
        await store.devices()


async def test_large_commands_come_in_an_answer_of_bounded_size_the_newest_first(store: StateStore) -> None:
    for number in range(100):
        await store.put_command(replace(COMMAND, id=f"c{number}", created_us=number, state="done", value="x" * 120_000))
    page = await store.commands(None, 1_000)
    assert not page.is_whole
    assert 10 < len(page.records) < 50
    assert [record.id for record in page.records] == [f"c{99 - at}" for at in range(len(page.records))]
    assert (await store.commands(None, 5)).is_whole
