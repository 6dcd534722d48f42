"""The outbox on a real state store and in virtual time: each notice arrives once, in order, however long its target was away."""

import math
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from hub.core.entities import Entities
from hub.core.errors import Refusal
from hub.core.notices import Target
from hub.ports import StoreUnavailable
from hub.rules import RuleDesk
from hub.rules.outbox import Outbox
from hub.rules.targets import TargetDesk
from hub.rules.webhook import Outcome
from hub.state.sqlite import SQLiteStateStore
from tests.support.waiting import until

DONE, DOWN, REFUSED = Outcome(True, 204), Outcome(False, error="connection refused"), Outcome(False, 400, "answered 400", True)
HOOK = {"kind": "webhook", "url": "http://10.0.0.1/"}
PUMP = {"device": "pump", "presence": "offline", "last_seen_us": 1}


class Wire:
    """What the targets do: `answers` by target, the last for ever; and what was sent, when."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Outcome]] = {}
        self.sent: list[tuple[float, str, Mapping[str, Any]]] = []
        self.lasts_s = 0.0

    def check(self, target: Target) -> None:
        if "127.0.0.1" in target.url:
            raise Refusal("bad_target", "not there", "elsewhere", 422)

    async def send(self, target: Target, notice: Mapping[str, Any]) -> Outcome:
        self.sent.append((trio.current_time(), target.name, notice))
        await trio.sleep(self.lasts_s)
        answers = self.answers.get(target.name, [DONE])
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def told(self, target: str) -> list[str]:
        """Return event and device of what was sent to a target."""
        return [
            f"{notice['event']} {notice['content'].get('alert', {}).get('device', '')}" for _, name, notice in self.sent if name == target
        ]


async def in_time(holds: Callable[[], object], timeout_s: float = 1e6) -> None:
    """Return when `holds()` is true, looked at once a (virtual) second."""
    with trio.fail_after(timeout_s):
        while not holds():  # noqa: ASYNC110
            await trio.sleep(1)


class Stand:
    """A desk of rules, its outbox and the world around them."""

    def __init__(self, state: SQLiteStateStore, wire: Wire, for_s: float = 86_400.0) -> None:
        self.state, self.wire, self.entities = state, wire, Entities()
        self.desk = RuleDesk(state, self.entities, lambda: 1_000, for_s)
        self.outbox = Outbox(self.desk.book, self.desk, wire, lambda: 1_000)
        self.desk.on_notices = self.outbox.wake
        self.targets = TargetDesk(self.desk.book, self.desk, self.outbox, wire, lambda: 1_000)

    async def goes(self, *devices: str, presence: str = "offline") -> None:
        """Have devices come or go, one after the other, and what that raises kept."""
        for device in devices:
            self.entities.put_device({**PUMP, "device": device, "presence": presence})
            state = "open" if presence == "offline" else "cleared"
            await until(lambda: any(a["device"] == device and a["state"] == state for a in self.desk.alerts()), 60)  # noqa: B023

    def log(self) -> list[tuple[str, int]]:
        """Return state and attempts of each notice, oldest first."""
        return [(each["state"], each["attempts"]) for each in self.targets.deliveries()[::-1]]

    async def all_done(self) -> None:
        await in_time(lambda: all(state != "waiting" for state, _ in self.log()))


@asynccontextmanager
async def a_stand(directory: Path, wire: Wire, *targets: str, for_s: float = 86_400.0, known: str = "") -> AsyncIterator[Stand]:
    state = SQLiteStateStore(directory / "state.db")
    await state.start()
    try:
        stand = Stand(state, wire, for_s)
        if known:
            stand.entities.put_device({**PUMP, "device": known})
        async with trio.open_nursery() as nursery:
            await nursery.start(stand.outbox.run)
            await stand.desk.start()
            await nursery.start(stand.desk.run)
            if not known:
                await stand.desk.put_rule("gone", {"kind": "offline"}, None, "ann")
            for name in targets:
                await stand.targets.put_target(name, HOOK, None, "ann")
            yield stand
            nursery.cancel_scope.cancel()
    finally:
        with trio.CancelScope(shield=True):
            await state.aclose()


async def test_an_alert_is_told_when_it_opens_and_when_it_is_over(tmp_path: Path, autojump_clock: trio.testing.MockClock) -> None:
    wire = Wire()
    async with a_stand(tmp_path, wire, "a", "b") as stand:
        await stand.goes("pump")
        await stand.desk.acknowledge(stand.desk.alerts()[0]["id"], "ann")
        await stand.goes("pump", presence="online")
        await stand.all_done()
    assert wire.told("a") == wire.told("b") == ["alert.opened pump", "alert.cleared pump"]
    first = wire.sent[0][2]["content"]["alert"]
    assert (first["message"], first["state"], first["raised_us"]) == ("pump is offline", "open", 1_000)


async def test_a_target_that_is_away_for_long_gets_everything_once_and_in_order(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    wire = Wire()
    wire.answers["a"] = [DOWN]
    async with a_stand(tmp_path, wire, "a", "b") as stand:
        await stand.goes("p1", "p2", "p3")
        await in_time(lambda: len(wire.told("a")) >= 15)
        await in_time(lambda: len(wire.told("b")) == 3)
        assert wire.told("b") == ["alert.opened p1", "alert.opened p2", "alert.opened p3"]
        assert set(wire.told("a")) == {"alert.opened p1"}
        times_s = [at_s for at_s, name, _ in wire.sent if name == "a"]
        least_s = [later - at_s + 0.01 >= min(300, 2**failures) / 2 for failures, (at_s, later) in enumerate(pairwise(times_s))]
        assert all(least_s)
        assert stand.outbox.statistics() == {"waiting": 3, "failing": 1}
        tries = len(wire.told("a"))
        wire.answers["a"] = [DONE]
        await stand.all_done()
        assert wire.told("a")[tries:] == ["alert.opened p1", "alert.opened p2", "alert.opened p3"]
        assert [state for state, _ in stand.log()] == ["delivered"] * 6
        assert stand.outbox.statistics() == {"waiting": 0, "failing": 0}


async def test_a_notice_that_a_target_refuses_holds_up_no_other(tmp_path: Path, autojump_clock: trio.testing.MockClock) -> None:
    wire = Wire()
    wire.answers["a"] = [REFUSED, DONE, REFUSED, DONE]
    async with a_stand(tmp_path, wire, "a") as stand:
        wire.lasts_s = 0.3
        await stand.goes("p1", "p2")
        await stand.all_done()
        assert wire.told("a") == ["alert.opened p1", "alert.opened p2", "alert.opened p1", "alert.opened p1"]
        assert stand.log() == [("delivered", 3), ("delivered", 1)]


async def test_after_its_time_a_notice_is_given_up_and_later_ones_are_tried(tmp_path: Path, autojump_clock: trio.testing.MockClock) -> None:
    wire = Wire()
    wire.answers["a"] = [DOWN]
    async with a_stand(tmp_path, wire, "a", for_s=6_000) as stand:
        await stand.goes("p1")
        await in_time(lambda: [state for state, _ in stand.log()] == ["given_up"])
        assert stand.targets.deliveries()[0]["error"] == "given up: its time is over; last: connection refused"
        wire.answers["a"] = [DONE]
        await stand.goes("p2")
        await stand.all_done()
        assert [state for state, _ in stand.log()] == ["given_up", "delivered"]


async def test_what_waits_goes_on_after_a_restart_under_the_same_id_and_nothing_is_told_twice(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    wire = Wire()
    wire.answers["a"] = [DOWN]
    async with a_stand(tmp_path, wire, "a", "b") as stand:
        await stand.goes("p1")
        await in_time(lambda: sorted(stand.log())[0] == ("delivered", 1) and sorted(stand.log())[1] >= ("waiting", 2))
    before = {name: notice["id"] for _, name, notice in wire.sent}
    wire.answers["a"] = [DONE]
    sent = len(wire.sent)
    async with a_stand(tmp_path, wire, known="p1") as stand:
        await stand.all_done()
        await trio.sleep(60)
        assert [(name, notice["id"]) for _, name, notice in wire.sent[sent:]] == [("a", before["a"])]
        assert [alert["state"] for alert in stand.desk.alerts()] == ["open"]


async def test_too_many_that_wait_push_out_the_oldest(
    tmp_path: Path, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.rules.outbox.MAX_WAITING", 2)
    wire = Wire()
    wire.answers["a"] = [DOWN]
    async with a_stand(tmp_path, wire, "a") as stand:
        await stand.goes("p1", "p2", "p3", "p4")
        await in_time(lambda: [state for state, _ in stand.log()].count("given_up") == 2)
        assert stand.targets.deliveries()[-1]["error"].startswith("given up: 2 newer ones wait")
        wire.answers["a"] = [DONE]
        await stand.all_done()
        assert wire.told("a")[-2:] == ["alert.opened p3", "alert.opened p4"]


async def test_the_log_is_bounded_and_what_waits_stays(
    tmp_path: Path, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.rules.book.MAX_NOTICES", 4)
    wire = Wire()
    wire.answers["b"] = [DOWN]
    async with a_stand(tmp_path, wire, "a", "b") as stand:
        await stand.goes(*(f"p{number}" for number in range(6)))
        await until(lambda: len(wire.told("a")) == 6, 60)
        await until(lambda: [each["target"] for each in stand.targets.deliveries() if each["state"] == "waiting"] == ["b"] * 6, 60)
        assert len(stand.log()) <= 6 + 4


async def test_what_was_delivered_is_not_sent_again_while_the_store_is_away(
    tmp_path: Path, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire = Wire()
    async with a_stand(tmp_path, wire, "a") as stand:
        change, failures = stand.state.change, 5

        async def shaky(*args: Any, **more: Any) -> None:
            nonlocal failures
            if any(document.kind == "notice" and document.version > 1 for document in args[0]) and failures:
                failures -= 1
                if failures == 2:
                    await change(*args, **more)  # done, and nobody is told
                raise StoreUnavailable("not now")
            await change(*args, **more)

        monkeypatch.setattr(stand.state, "change", shaky)
        await stand.goes("p1")
        await stand.all_done()
        assert (failures, wire.told("a"), stand.log()) == (0, ["alert.opened p1"], [("delivered", 1)])


async def test_a_target_that_is_deleted_gets_no_more_and_an_edited_one_is_tried_at_once(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    wire = Wire()
    wire.answers = {"a": [DOWN], "b": [DOWN]}
    async with a_stand(tmp_path, wire, "a", "b") as stand:
        await stand.goes("p1")
        await trio.sleep(1_000)
        wire.answers["b"] = [DONE]
        autojump_clock.rate, autojump_clock.autojump_threshold = 1.0, math.inf  # else time runs while the store writes
        began_s = trio.current_time()
        await stand.targets.delete_target("a", "ann")
        await stand.targets.put_target("b", HOOK, 1, "ann")
        await stand.all_done()
        assert trio.current_time() - began_s < 10
        assert sorted(state for state, _ in stand.log()) == ["delivered", "given_up"]
