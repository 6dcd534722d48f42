"""The rules on a real journal and a real state store: nothing is raised twice or missed, whatever is cut off in between."""

import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgpack
import pytest
import trio

from hub.core.entities import Entities
from hub.core.records import Row, RowKind
from hub.core.selector import MembersOf
from hub.journal import Entry, Journal, JournalSettings, SQLiteJournalFile
from hub.layers import layer
from hub.ports import Document, Opening, StoreUnavailable
from hub.rules import RuleDesk, RulesFollower, RulesSide
from hub.state.sqlite import SQLiteStateStore
from tests.support.owner import CHANNELS, Session
from tests.support.waiting import until

SECOND = 1_000_000
NOW_US = 1_700_000_000 * SECOND
HOT: Mapping[str, Any] = {"kind": "above", "limit": 80, "hysteresis": 5}


class Stand:
    """The rules of a hub, and a device that journals temperatures."""

    def __init__(self, directory: Path, members_of: MembersOf | None = None) -> None:
        self.journal = Journal(SQLiteJournalFile(directory / "journal.db"), JournalSettings(), lambda: NOW_US)
        self.state = SQLiteStateStore(directory / "state.db")
        self.entities = Entities(NOW_US)
        self.side = RulesSide(self.state, self.entities, self.journal, lambda: NOW_US, members_of=members_of)
        self.desk = self.side.desk
        self._session, self._seq, self._epoch = Session(), 0, 0

    async def open(self, epoch: int) -> None:
        """Begin an epoch."""
        self._epoch, self._seq = epoch, 0
        await self.journal.open_epochs(self._session, [Opening("pump", epoch, CHANNELS, 0)])

    async def says(self, *temps: float, at_us: int = NOW_US) -> None:
        """Journal readings, each in a frame of its own."""
        for temp in temps:
            self._seq += 1
            body = {"e": self._epoch, "s": self._seq, "op": "data", "t": at_us + self._seq, "c": [0], "d": [0], "v": [temp]}
            row = Row(0, "pump", self._epoch, self._seq, RowKind.DATA, NOW_US, msgpack.packb(body), None)
            self.journal.submit(Entry(self._session, row, ((self._epoch, self._seq),)))
        await self._session.is_told(self._epoch, self._seq)

    async def fan_says(self, temp: float) -> None:
        """Journal one reading of another device."""
        await self.journal.open_epochs(self._session, [Opening("fan", 3, CHANNELS, 0)])
        body = {"e": 3, "s": 1, "op": "data", "t": NOW_US, "c": [0], "d": [0], "v": [temp]}
        self.journal.submit(Entry(self._session, Row(0, "fan", 3, 1, RowKind.DATA, NOW_US, msgpack.packb(body), None), ((3, 1),)))
        await self._session.is_told(3, 1)

    async def is_judged(self) -> None:
        """Return when the rules have seen all that is committed."""
        await until(lambda: self.journal.cursor("rules").applied == self.journal.position)

    async def makes(self, name: str, body: Mapping[str, Any], version: int | None = None) -> None:
        """Make a rule as soon as the rules run."""
        await until(lambda: self.desk.is_current)
        await self.desk.put_rule(name, body, version, "ann")

    def states(self) -> list[str]:
        """Return the states of the alerts, oldest first."""
        return [alert["state"] for alert in self.desk.alerts()[::-1]]


@asynccontextmanager
async def a_stand(directory: Path, epoch: int = 7, members_of: MembersOf | None = None) -> AsyncIterator[Stand]:
    stand = Stand(directory, members_of)
    await stand.state.start()
    try:
        async with layer(stand.journal.run), layer(*stand.side.runs()):
            await stand.open(epoch)
            yield stand
    finally:
        with trio.CancelScope(shield=True):
            await stand.state.aclose()


async def test_an_alert_is_raised_told_to_viewers_and_over(tmp_path: Path) -> None:
    async with a_stand(tmp_path) as stand:
        told: list[Mapping[str, Any]] = []
        stand.entities.watch(lambda what, item: told.append({**item, "what": what}))
        await stand.makes("hot", HOT)
        with trio.fail_after(30):
            await stand.says(79.0, 81.0)
            await until(lambda: stand.states() == ["open"])
        alert = stand.desk.alerts()[0]
        assert alert["message"] == "pump temp is 81, above 80"
        assert stand.entities.alerts() == [alert]
        await stand.says(76.0)
        await stand.is_judged()
        assert stand.states() == ["open"]
        await stand.says(75.0)
        await stand.is_judged()
        assert stand.states() == ["cleared"]
        assert [(item["what"], item["version"], item["state"]) for item in told] == [("alert", 1, "open"), ("alert", 2, "cleared")]


async def test_readings_of_before_a_rule_was_made_raise_nothing(tmp_path: Path) -> None:
    async with a_stand(tmp_path) as stand:
        await stand.says(99.0)
        await stand.is_judged()
        await stand.makes("hot", HOT)
    async with a_stand(tmp_path, 8) as stand:
        await stand.says(20.0)
        await stand.is_judged()
        assert stand.states() == []


async def test_an_alert_goes_on_after_a_restart(tmp_path: Path) -> None:
    async with a_stand(tmp_path) as stand:
        await stand.makes("hot", HOT)
        await stand.says(99.0)
        await stand.is_judged()
        id_ = stand.desk.alerts()[0]["id"]
        assert (await stand.desk.acknowledge(id_, "ann"))["state"] == "acknowledged"
    async with a_stand(tmp_path, 8) as stand:
        await stand.says(98.0, at_us=NOW_US + SECOND)
        await stand.is_judged()
        assert [(alert["id"], alert["state"], alert["by"]) for alert in stand.entities.alerts()] == [(id_, "acknowledged", "ann")]
        await stand.says(20.0, at_us=NOW_US + SECOND)
        await stand.is_judged()
        assert stand.states() == ["cleared"]


async def test_an_edited_rule_judges_anew_and_a_deleted_one_no_more(tmp_path: Path) -> None:
    async with a_stand(tmp_path) as stand:
        await stand.makes("hot", HOT)
        await stand.says(85.0)
        await stand.is_judged()
        await stand.makes("hot", {**HOT, "limit": 90}, 1)
        await stand.says(85.0)
        await stand.is_judged()
        assert stand.states() == ["cleared"]
        await stand.says(95.0)
        await stand.is_judged()
        await stand.desk.delete_rule("hot", "ann")
        await stand.says(95.0)
        await stand.is_judged()
        assert stand.states() == ["cleared", "cleared"]
        assert [entry.action for entry in await stand.state.audit(None, 9)] == ["delete rule", "edit rule", "create rule"]


async def test_what_led_to_an_alert_goes_on_after_a_restart_also_as_an_older_hub_kept_it(tmp_path: Path) -> None:
    lasting = {**HOT, "for_s": 10}
    async with a_stand(tmp_path) as stand:
        await stand.makes("hot", lasting)
        await stand.says(99.0)
        await stand.is_judged()
    async with a_stand(tmp_path, 8) as stand:  # what an older hub had in the place of this: one document of the rule
        await until(lambda: stand.desk.is_current)
        (kept,) = await stand.state.documents("rules_of_device")
        assert kept.body["rules"]["hot"]["spells"] == [["temp", NOW_US + 1, NOW_US + 1, 99.0]]
        older = {"spells": [["pump", "temp", NOW_US - 5 * SECOND, NOW_US, 98.0]]}
        await stand.state.change([Document("rule_state", "hot", 1, older), Document("rule_state", "lost", 1, {})], [kept])
    async with a_stand(tmp_path, 9) as stand:
        await stand.says(97.0, at_us=NOW_US + 4 * SECOND)
        await stand.is_judged()
        assert stand.states() == []
        await stand.says(96.0, at_us=NOW_US + 5 * SECOND)
        await stand.is_judged()
        assert stand.states() == ["open"]
        assert await stand.state.documents("rule_state") == []


async def test_what_is_written_of_one_alert_is_the_device_it_is_of(tmp_path: Path) -> None:
    async with a_stand(tmp_path) as stand:
        await stand.makes("rising", {"kind": "rising", "limit": 5e6})
        await stand.says(1.0, 2.0)
        await stand.fan_says(1.0)
        await stand.is_judged()
        assert await stand.state.documents("rules_of_device") == []
        await stand.says(99.0)
        await stand.is_judged()
        assert [each.key for each in await stand.state.documents("rules_of_device")] == ["pump"]
    async with a_stand(tmp_path, 8) as stand:
        assert [each.key for each in await stand.state.documents("rules_of_device")] == ["fan", "pump"]


class Shaky(SQLiteStateStore):
    """A state store that fails at times, before or after the change was made."""

    def __init__(self, path: Path, chance: random.Random) -> None:
        super().__init__(path)
        self._chance = chance

    async def change(self, *args: Any, **more: Any) -> None:
        """Change, or fail."""
        if self._chance.random() < 0.3:
            raise StoreUnavailable("not now")
        await super().change(*args, **more)
        if self._chance.random() < 0.2:
            raise StoreUnavailable("it was done, and nobody was told")


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_fails_and_however_often_it_begins_anew_each_crossing_is_raised_exactly_once(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    temps = [chance.choice((20.0, 90.0)) for _ in range(120)]
    expected, is_open = 0, False
    for temp in temps:
        expected += temp > 80 and not is_open
        is_open = temp > 80
    async with a_stand(tmp_path) as stand:
        await stand.makes("hot", HOT)
        await stand.says(*temps)
        rows = await stand.journal.read(0)
        await stand.is_judged()
        assert len(stand.states()) == expected
        state = Shaky(tmp_path / "shaky.db", chance)
        await state.start()
        try:
            await SQLiteStateStore.change(state, [document for document in await stand.state.documents("rule")])
            await _until_all_is_judged(state, stand.journal, rows, chance)
            alerts = [document.body for document in await state.documents("alert")]
            assert len(alerts) == expected
            assert sum(alert["state"] == "open" for alert in alerts) == is_open
        finally:
            await state.aclose()


async def _until_all_is_judged(state: SQLiteStateStore, journal: Journal, rows: Sequence[Row], chance: random.Random) -> None:
    """Run followers that are thrown away at any failure, until one comes to the end."""
    while True:
        follower = RulesFollower(RuleDesk(state, Entities(), lambda: NOW_US), journal)
        try:
            after = await follower.start()
            while left := [row for row in rows if row.position > after][: chance.randrange(1, 9)]:
                await follower.apply(left)
                after = left[-1].position
            assert await follower.make_safe() == rows[-1].position
        except StoreUnavailable:
            continue
        return
