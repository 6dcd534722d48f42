"""What people may change of rules and alerts, and what time alone raises."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trio.testing

from hub.core.entities import Entities
from hub.core.errors import Refusal
from hub.ports import StoreUnavailable
from hub.rules import RuleDesk
from hub.rules.book import Book
from hub.rules.desk import MAX_RULES
from hub.state.sqlite import SQLiteStateStore
from tests.support.waiting import until

OFFLINE = {"kind": "offline", "for_s": 10}


@asynccontextmanager
async def a_desk(directory: Path, entities: Entities | None = None) -> AsyncIterator[RuleDesk]:
    state = SQLiteStateStore(directory / "state.db")
    await state.start()
    try:
        desk = RuleDesk(state, entities or Entities(), lambda: 1_000)
        await desk.start()
        yield desk
    finally:
        with trio.CancelScope(shield=True):
            await state.aclose()


async def test_a_rule_is_changed_only_by_who_knows_its_version(tmp_path: Path) -> None:
    async with a_desk(tmp_path) as desk:
        assert (await desk.put_rule("gone", OFFLINE, None, "ann"))["version"] == 1
        with pytest.raises(Refusal) as refused:
            await desk.put_rule("gone", OFFLINE, None, "ann")
        assert refused.value.code == "exists"
        assert (await desk.put_rule("gone", OFFLINE | {"for_s": 20}, 1, "ann"))["version"] == 2
        with pytest.raises(Refusal, match=r"at version 2, not 1: it is .*20\.0.* you sent .*30\.0") as refused:
            await desk.put_rule("gone", OFFLINE | {"for_s": 30}, 1, "bob")
        assert refused.value.status == 409
        for call in (desk.put_rule("none", OFFLINE, 1, "ann"), desk.delete_rule("none", "ann"), desk.acknowledge("none", "ann")):
            with pytest.raises(Refusal) as refused:
                await call
            assert refused.value.status == 404
    async with a_desk(tmp_path) as desk:
        assert desk.rule("gone")["for_s"] == 20.0


async def test_there_is_a_limit_of_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.rules.desk.MAX_RULES", 2)
    assert MAX_RULES == 500
    async with a_desk(tmp_path) as desk:
        for name in ("a", "b"):
            await desk.put_rule(name, OFFLINE, None, "ann")
        with pytest.raises(Refusal, match="there are 2 rules"):
            await desk.put_rule("c", OFFLINE, None, "ann")


async def test_nothing_is_changed_before_the_rules_are_read(tmp_path: Path) -> None:
    desk = RuleDesk(SQLiteStateStore(tmp_path / "state.db"), Entities(), lambda: 0)
    with pytest.raises(StoreUnavailable, match="read anew"):
        await desk.put_rule("gone", OFFLINE, None, "ann")


async def test_a_device_that_stays_away_is_told_and_an_acknowledged_alert_clears_when_it_is_back(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    entities = Entities()
    pump = {"device": "pump", "presence": "online", "last_seen_us": 1}
    for item in (pump, {"device": "new", "presence": "offline"}):
        entities.put_device(item)
    async with a_desk(tmp_path, entities) as desk, trio.open_nursery() as nursery:
        await nursery.start(desk.run)
        await desk.put_rule("gone", OFFLINE, None, "ann")
        entities.put_device(pump | {"presence": "offline"})
        began_s = trio.current_time()
        await until(desk.alerts, 60)
        assert trio.current_time() - began_s >= 10
        (alert,) = desk.alerts()
        assert alert["message"] == "pump is offline for 10 s"
        await desk.acknowledge(alert["id"], "ann")
        with pytest.raises(Refusal, match="is acknowledged, by ann"):
            await desk.acknowledge(alert["id"], "bob")
        entities.put_device(pump)
        await until(lambda: [each["state"] for each in desk.alerts()] == ["cleared"], 60)
        nursery.cancel_scope.cancel()


async def test_time_before_there_was_a_rule_counts_for_none(tmp_path: Path, autojump_clock: trio.testing.MockClock) -> None:
    entities = Entities()
    entities.put_device({"device": "pump", "presence": "offline", "last_seen_us": 1})
    async with a_desk(tmp_path, entities) as desk, trio.open_nursery() as nursery:
        await nursery.start(desk.run)
        for _ in range(2):
            await trio.sleep(100)
            await desk.put_rule("gone", OFFLINE, None, "ann")
            began_s = trio.current_time()
            await until(lambda: [each for each in desk.alerts() if each["state"] == "open"], 60)
            assert trio.current_time() - began_s >= 10
            await desk.delete_rule("gone", "ann")
        nursery.cancel_scope.cancel()


async def test_a_device_that_is_back_when_its_time_is_over_raises_nothing(tmp_path: Path, autojump_clock: trio.testing.MockClock) -> None:
    entities = Entities()
    pump = {"device": "pump", "presence": "offline", "last_seen_us": 1}
    entities.put_device(pump)
    async with a_desk(tmp_path, entities) as desk, trio.open_nursery() as nursery:
        await desk.put_rule("gone", OFFLINE, None, "ann")
        await nursery.start(desk.run)
        await trio.sleep(10.1)  # seen offline at 0.25 s: it would be told at 10.25 s
        entities.put_device(pump | {"presence": "online"})
        await trio.sleep(5)
        assert desk.alerts() == []
        nursery.cancel_scope.cancel()


async def test_alerts_of_a_removed_device_are_over(tmp_path: Path, autojump_clock: trio.testing.MockClock) -> None:
    entities = Entities()
    entities.put_device({"device": "pump", "presence": "offline", "last_seen_us": 1})
    async with a_desk(tmp_path, entities) as desk, trio.open_nursery() as nursery:
        await nursery.start(desk.run)
        await desk.put_rule("gone", {"kind": "offline"}, None, "ann")
        await until(lambda: [each["state"] for each in desk.alerts()] == ["open"], 60)
        entities.remove_device("pump")
        await until(lambda: [each.get("reason") for each in desk.alerts()] == ["the device was removed"], 60)
        nursery.cancel_scope.cancel()


async def test_alerts_that_are_over_make_room_and_open_ones_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.rules.book.MAX_ALERTS", 3)
    state = SQLiteStateStore(tmp_path / "state.db")
    await state.start()
    try:
        book = Book(state, Entities())
        for number in range(5):
            body = {"id": str(number), "state": "open" if number == 0 else "cleared", "raised_us": number, "cleared_us": number}
            await book.write({("alert", str(number)): body}, None)
        assert [alert["id"] for alert in book.alerts()] == ["0", "3", "4"]
        await book.load()
        assert [alert["id"] for alert in book.alerts()] == ["0", "3", "4"]
    finally:
        await state.aclose()
