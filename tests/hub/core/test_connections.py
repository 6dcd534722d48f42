"""The connections of devices: what ended how, through restarts and crashes, and how little it costs."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import trio
from structlog.testing import capture_logs

from devices.wire.limits import CloseCode
from hub.core.connections import ALIVE, FORGET_US, KEPT, ConnectionHistory
from hub.core.entities import Entities
from hub.core.presence import Pulse
from hub.core.registry import Registry
from hub.ports import Conflict, ConnectionRecord, DeviceRecord, Document
from hub.state.sqlite import SQLiteStateStore
from tests.hub.core.test_registry import HELLO
from tests.support.waiting import until

NAMES = [f"d{number}" for number in range(1_000)]


class CountingStore(SQLiteStateStore):
    """Counts the transactions of connections."""

    writes = 0

    async def put_connections(self, connections: Sequence[ConnectionRecord], keep: int) -> None:
        self.writes += 1
        await super().put_connections(connections, keep)


class Clock:
    """A wall clock that goes on a second with each look."""

    def __init__(self) -> None:
        self.now_us = 1_000_000

    def __call__(self) -> int:
        self.now_us += 1_000_000
        return self.now_us


@asynccontextmanager
async def history_on(directory: Path, clock: Clock) -> AsyncIterator[tuple[ConnectionHistory, CountingStore]]:
    state = CountingStore(directory / "state.db")
    await state.start()
    try:
        await state.change(devices=[DeviceRecord(name, 1, name.encode(), {}) for name in (*NAMES, "pump")])
        yield ConnectionHistory(state, clock, "hub"), state
    finally:
        await state.aclose()


async def test_each_connection_has_its_times_address_and_end_and_the_newest_comes_first(tmp_path: Path) -> None:
    clock = Clock()
    async with history_on(tmp_path, clock) as (history, _):
        assert await history.load() == {}
        first = history.came("pump", "10.0.0.9:4000")
        history.left(first, clock(), 4001, "2 pings were not answered")
        history.came("pump", "10.0.0.9:4001")
        (second, over), more = await history.page("pump", None, 9)
        assert second == {"came_us": 4_000_000, "remote": "10.0.0.9:4001"}
        assert over.pop("reason") == "2 pings were not answered"
        assert over == {"came_us": 2_000_000, "remote": "10.0.0.9:4000", "left_us": 3_000_000, "lasted_s": 1.0, "code": 4001}
        assert more is None
        (only,), more = await history.page("pump", None, 1)
        assert (only["remote"], more) == ("10.0.0.9:4001", 4_000_000)
        assert [each["remote"] for each in (await history.page("pump", more, 1))[0]] == ["10.0.0.9:4000"]


async def test_a_thousand_devices_that_come_back_at_once_cost_one_transaction(tmp_path: Path) -> None:
    async with history_on(tmp_path, Clock()) as (history, state), trio.open_nursery() as nursery:
        await nursery.start(history.run)
        for name in NAMES:
            history.left(history.came(name, "a"), 9_000_000_000, 1000, "")
            history.came(name, "b")
        await until(lambda: state.writes)
        for name in NAMES[::100]:
            assert [each["remote"] for each in (await history.page(name, None, 9))[0]] == ["b", "a"]
        assert state.writes == 1
        nursery.cancel_scope.cancel()


async def test_what_waits_when_the_hub_stops_is_written(tmp_path: Path) -> None:
    async with history_on(tmp_path, Clock()) as (history, _), trio.open_nursery() as nursery:
        await nursery.start(history.run)
        history.left(history.came("pump", "a"), 9_000_000, 1012, "the hub is stopping")
        nursery.cancel_scope.cancel()
    async with history_on(tmp_path, Clock()) as (history, _):
        assert await history.load() == {"pump": 9_000_000}
        assert [each["code"] for each in (await history.page("pump", None, 9))[0]] == [1012]


async def test_what_a_crash_left_open_ends_with_the_last_mark_of_life(tmp_path: Path) -> None:
    clock = Clock()
    async with history_on(tmp_path, clock) as (history, state):
        history.came("pump", "a")
        history.came("d1", "b")
        await history.page("pump", None, 1)
        async with trio.open_nursery() as nursery:
            await nursery.start(history.run)
            while not await state.document("alive", "hub"):  # noqa: ASYNC110
                await trio.sleep(0.001)
            nursery.cancel_scope.cancel()
    async with history_on(tmp_path, Clock()) as (history, _):
        assert await history.load() == {"d1": 4_000_000, "pump": 4_000_000}
        (over,), _ = await history.page("pump", None, 9)
        assert (over["left_us"], over["code"], over["reason"]) == (4_000_000, None, "the hub ended without a word")


async def test_only_the_newest_connections_stay(tmp_path: Path) -> None:
    async with history_on(tmp_path, Clock()) as (history, _):
        for _ in range(KEPT + 20):
            history.came("pump", "a")
        assert len((await history.page("pump", None, 1_000))[0]) == KEPT


async def test_a_store_that_is_away_is_told_now_and_then_and_what_waited_is_written_later(tmp_path: Path) -> None:
    async with history_on(tmp_path, Clock()) as (history, state):
        await state.aclose()
        history.came("pump", "a")
        with capture_logs() as logs:
            async with trio.open_nursery() as nursery:
                await nursery.start(history.run)
                await until(lambda: logs)
                nursery.cancel_scope.cancel()
        assert [line["event"] for line in logs] == ["connections_not_stored"]
        await state.start()
        assert [each["remote"] for each in (await history.page("pump", None, 9))[0]] == ["a"]


async def test_after_a_crash_a_device_was_last_seen_when_its_connection_was(tmp_path: Path) -> None:
    now_us = 5_000_000
    state = SQLiteStateStore(tmp_path / "state.db")
    await state.start()
    registry = Registry(state, Entities(), lambda: now_us)
    await registry.load()
    await registry.add_device("pump")
    await registry.connected(HELLO, Pulse())
    record = registry.connections.came("pump", "a")
    now_us = 90_000_000
    registry.connections.left(record, registry.disconnected("pump", CloseCode.NORMAL), 1000, "")
    await registry.connections.page("pump", None, 1)
    again = Registry(state, Entities(), lambda: now_us)
    await again.load()
    assert (again.item("pump") or {})["last_seen_us"] == 90_000_000
    await again.remove_device("pump")
    await again.add_device("pump")
    assert await again.connections.page("pump", None, 9) == ([], None)
    await state.aclose()


async def test_a_mark_of_life_that_was_kept_though_its_answer_was_lost_ends_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.core.connections._MARK_EVERY_S", 0.01)
    async with history_on(tmp_path, Clock()) as (history, state), trio.open_nursery() as nursery:
        await history.load()
        await nursery.start(history.run)
        is_kept = False
        with trio.fail_after(20):
            while not is_kept:
                mark = await state.document(ALIVE, "hub") or Document(ALIVE, "hub", 0, {})
                with suppress(Conflict):  # the history itself was faster
                    await state.change([mark._replace(version=mark.version + 1, body={"at_us": 0})])
                    is_kept = True
            while (now := await state.document(ALIVE, "hub")) is None or not now.body["at_us"]:  # noqa: ASYNC110
                await trio.sleep(0.005)  # its next mark has no event of its own
        nursery.cancel_scope.cancel()


async def test_a_node_without_a_mark_of_life_for_a_month_is_forgotten(tmp_path: Path) -> None:
    clock = Clock()
    clock.now_us = FORGET_US + 10_000_000
    async with history_on(tmp_path, clock) as (history, state):
        marks = {"long-gone": 1, "gone": clock.now_us - FORGET_US // 2, "hub": 5}
        await state.change([Document(ALIVE, node, 1, {"at_us": at_us}) for node, at_us in marks.items()])
        await history.load()
        async with trio.open_nursery() as nursery:
            await nursery.start(history.run)
            with trio.fail_after(10):
                while [each.key for each in await state.documents(ALIVE)] != ["gone", "hub"]:  # noqa: ASYNC110
                    await trio.sleep(0.01)  # another task's thread: there is nothing to be woken by
            nursery.cancel_scope.cancel()
