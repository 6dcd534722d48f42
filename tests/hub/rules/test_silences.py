"""A silenced alert is raised and shown, and told to nobody until its silence ends; what people change of silences."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from hub.core.entities import Entities
from hub.core.errors import Refusal
from hub.core.members import Asked
from hub.rules import RuleDesk
from hub.rules.outbox import Outbox
from hub.rules.silences import SilenceDesk
from hub.rules.targets import TargetDesk
from hub.state.sqlite import SQLiteStateStore
from tests.hub.rules.test_outbox import HOOK, PUMP, Wire
from tests.support.waiting import until


class Quiet:
    """A desk with a target, silences, tags and a clock that the test sets."""

    def __init__(self, state: SQLiteStateStore) -> None:
        self.state, self.wire, self.entities, self.asked, self.now_us = state, Wire(), Entities(), Asked(), 1_000
        self.desk = RuleDesk(state, self.entities, self.now, 86_400.0, self.asked.members)
        self.outbox = Outbox(self.desk.book, self.desk, self.wire, self.now)
        self.desk.on_notices = self.outbox.wake
        self.targets = TargetDesk(self.desk.book, self.desk, self.outbox, self.wire, self.now)
        self.silences = SilenceDesk(self.desk.book, self.desk, self.now)

    def now(self) -> int:
        return self.now_us

    async def is_raised(self, state: str = "open", *, silenced: bool) -> dict[str, Any]:
        """Return the newest alert as soon as it is so."""
        await until(
            lambda: self.desk.alerts() and (self.desk.alerts()[0]["state"], "silenced" in self.desk.alerts()[0]) == (state, silenced)
        )
        return self.desk.alerts()[0]

    def is_told(self) -> list[str]:
        """Return what was told, or is about to be."""
        return [each["event"] for each in self.targets.deliveries()[::-1]]


@asynccontextmanager
async def quiet(directory: Path, *, is_new: bool = True) -> AsyncIterator[Quiet]:
    state = SQLiteStateStore(directory / "state.db")
    await state.start()
    try:
        stand = Quiet(state)
        if not is_new:
            stand.entities.put_device(PUMP)
        async with trio.open_nursery() as nursery:
            await nursery.start(stand.outbox.run)
            await stand.desk.start()
            await nursery.start(stand.desk.run)
            if is_new:
                await stand.desk.put_rule("gone", {"kind": "offline"}, None, "ann")
                await stand.targets.put_target("a", HOOK, None, "ann")
            yield stand
            nursery.cancel_scope.cancel()
    finally:
        with trio.CancelScope(shield=True):
            await state.aclose()


async def test_an_alert_that_is_still_open_when_its_silence_ends_is_told_then(tmp_path: Path) -> None:
    async with quiet(tmp_path) as stand:
        made = await stand.silences.put_silence({"device": "pump", "for_s": 60, "reason": "work"}, "bob")
        assert (made["state"], made["by"], made["until_us"]) == ("active", "bob", 60_001_000)
        stand.entities.put_device(PUMP)
        alert = await stand.is_raised(silenced=True)
        assert (alert["silenced"], alert["held"]) == (made["id"], True)
        assert stand.entities.alerts() == [alert]
        assert stand.is_told() == []
        stand.now_us += 60_000_000
        alert = await stand.is_raised(silenced=False)
        assert "held" not in alert
        await until(lambda: stand.wire.told("a") == ["alert.opened pump"])
        assert stand.silences.silences()[0]["state"] == "over"


async def test_an_alert_that_is_over_or_acknowledged_before_its_silence_ends_is_never_told(tmp_path: Path) -> None:
    async with quiet(tmp_path) as stand:
        made = await stand.silences.put_silence({"rule": "gone", "reason": "work"}, "bob")
        for name in ("pump", "fan"):
            stand.entities.put_device(PUMP | {"device": name})
        await until(lambda: len(stand.desk.alerts()) == 2)
        (fan,) = (each for each in stand.desk.alerts() if each["device"] == "fan")
        await stand.desk.acknowledge(fan["id"], "ann")
        stand.entities.put_device(PUMP | {"presence": "online"})
        await until(lambda: sorted(each["state"] for each in stand.desk.alerts()) == ["acknowledged", "cleared"])
        await stand.silences.lift(made["id"], "ann")
        await until(lambda: not any("silenced" in each for each in stand.desk.alerts() if each["device"] == "fan"))
        stand.entities.put_device(PUMP | {"device": "fan", "presence": "online"})
        await until(lambda: [each["state"] for each in stand.desk.alerts()] == ["cleared"] * 2)
        assert stand.is_told() == []


async def test_one_that_was_told_before_the_silence_is_marked_and_its_end_is_told(tmp_path: Path) -> None:
    async with quiet(tmp_path) as stand:
        stand.entities.put_device(PUMP)
        await stand.is_raised(silenced=False)
        made = await stand.silences.put_silence({"where": "name=*", "reason": "work"}, "bob")
        stand.asked.put("pump", {"name": "pump"})
        alert = await stand.is_raised(silenced=True)
        assert "held" not in alert
        await stand.silences.lift(made["id"], "bob")
        await stand.is_raised(silenced=False)
        await stand.silences.put_silence({"device": "pump", "reason": "work"}, "bob")
        await stand.is_raised(silenced=True)
        stand.entities.put_device(PUMP | {"presence": "online"})
        await stand.is_raised("cleared", silenced=True)
        assert stand.is_told() == ["alert.opened", "alert.cleared"]


async def test_a_silence_by_tags_follows_the_devices_and_one_that_is_to_come_waits(tmp_path: Path) -> None:
    async with quiet(tmp_path) as stand:
        await stand.silences.put_silence({"where": "floor=2", "from_us": 5_000, "reason": "work"}, "bob")
        stand.asked.put("pump", {"floor": "1"})
        stand.entities.put_device(PUMP)
        await stand.is_raised(silenced=False)
        stand.now_us = 5_000
        stand.asked.put("pump", {"floor": "2"})
        await stand.is_raised(silenced=True)
        stand.asked.put("pump", {"floor": "1"})
        await stand.is_raised(silenced=False)
        assert stand.is_told() == ["alert.opened"]


async def test_a_silence_and_what_it_holds_last_over_a_restart(tmp_path: Path) -> None:
    async with quiet(tmp_path) as stand:
        await stand.silences.put_silence({"device": "pump", "for_s": 60, "reason": "work"}, "bob")
        stand.entities.put_device(PUMP)
        await stand.is_raised(silenced=True)
    async with quiet(tmp_path, is_new=False) as stand:
        await stand.is_raised(silenced=True)
        assert stand.is_told() == []
        stand.now_us += 60_000_000
        await stand.is_raised(silenced=False)
        await until(lambda: stand.wire.told("a") == ["alert.opened pump"])


async def test_silences_are_bounded_audited_and_old_ones_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.rules.silences.MAX_SILENCES", 1)
    async with quiet(tmp_path) as stand:
        first = await stand.silences.put_silence({"device": "pump", "for_s": 1, "reason": "work"}, "bob")
        with pytest.raises(Refusal, match="there are 1 silences, which is the limit"):
            await stand.silences.put_silence({"device": "fan", "reason": "work"}, "bob")
        stand.now_us += 1_000_000
        second = await stand.silences.put_silence({"device": "fan", "reason": "work"}, "bob")
        assert [each["id"] for each in stand.silences.silences()] == [second["id"], first["id"]]
        await stand.silences.lift(second["id"], "ann")
        with pytest.raises(Refusal, match="no silence has the id"):
            await stand.silences.lift(second["id"], "ann")
        stand.now_us += 8 * 86_400_000_000
        third = await stand.silences.put_silence({"device": "fan", "reason": "work"}, "bob")
        assert [each["id"] for each in stand.silences.silences()] == [third["id"]]
        entries = await stand.state.audit(None, 4)
        assert [(entry.who, entry.action) for entry in entries] == [
            *(("bob", "silence alerts"), ("ann", "lift silence"), ("bob", "silence alerts"), ("bob", "silence alerts"))
        ]
        assert entries[0].detail["reason"] == "work"
