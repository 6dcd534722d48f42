"""Rules on several nodes of one Redis: each is judged once, wherever the device and the people are, and a notice goes out once."""

import random
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from tests.support.receiver import Receiver, running
from tests.support.redis import running_redis
from tests.support.rule_nodes import Node, Whereabouts, a_node, rule_of
from tests.support.waiting import until

pytestmark = pytest.mark.needs_server("redis-server")


class Pair:
    """Two nodes."""

    def __init__(self, a: Node, b: Node, whereabouts: Whereabouts) -> None:
        self.a, self.b, self.whereabouts = a, b, whereabouts

    async def both(self, states: list[str]) -> None:
        """Return when both nodes show alerts of these states."""
        await until(lambda: self.a.states() == states and self.b.states() == states)

    async def is_known(self, device: str) -> None:
        """Return when one node has kept something of a device and the other was told."""
        with trio.fail_after(30):
            while await self.a.state.document("rules_of_device", device) is None:  # noqa: ASYNC110
                await trio.sleep(0.01)
        await self.makes("later", limit=1e9)  # told after it

    async def makes(self, name: str, **body: object) -> None:
        """Make a rule on one node, and have the other know it."""
        await self.a.desk.put_rule(name, rule_of(**body), None, "ann")
        await until(lambda: name in self.b.desk.book.rules())


@asynccontextmanager
async def a_pair(directory: Path, url: str) -> AsyncIterator[Pair]:
    redis, whereabouts = (url, f"{{{secrets.token_hex(8)}}}:"), Whereabouts()
    async with a_node(directory, "a", redis, whereabouts) as a, a_node(directory, "b", redis, whereabouts) as b:
        yield Pair(a, b, whereabouts)


async def test_a_rule_that_is_made_edited_and_deleted_on_one_node_judges_on_the_other(tmp_path: Path, redis_url: str) -> None:
    async with a_pair(tmp_path, redis_url) as pair:
        await pair.makes("hot")
        await pair.b.says(99.0)
        await pair.both(["open"])
        await pair.a.desk.put_rule("hot", rule_of(limit=90), 1, "ann")
        await pair.both(["cleared"])
        await until(lambda: pair.b.desk.rule("hot")["version"] == 2)
        await pair.b.says(85.0)
        await pair.b.says(95.0)
        await pair.both(["cleared", "open"])
        await pair.b.desk.delete_rule("hot", "bob")
        await pair.both(["cleared", "cleared"])
        await until(lambda: pair.a.desk.rules() == [])


async def test_what_lasts_goes_on_when_the_device_moves_and_the_alert_is_one(tmp_path: Path, redis_url: str) -> None:
    receiver = Receiver()
    async with running(receiver), a_pair(tmp_path, redis_url) as pair:
        await pair.b.side.targets.put_target("hook", {"kind": "webhook", "url": receiver.url}, None, "ann")
        await until(pair.a.side.targets.targets)
        await pair.makes("hot", for_s=10)
        pair.whereabouts.holders["pump"] = "a"
        await pair.a.says(99.0, 0.0)
        await pair.is_known("pump")
        pair.whereabouts.holders["pump"] = "b"
        await pair.b.says(98.0, 6.0)
        assert pair.b.states() == []
        await pair.b.says(97.0, 10.0)
        await pair.both(["open"])
        pair.whereabouts.holders["pump"] = "a"
        await pair.a.says(96.0, 11.0)
        assert pair.a.states() == ["open"]
        await pair.a.says(20.0, 12.0)
        await pair.both(["cleared"])
        await until(lambda: receiver.events() == ["alert.opened", "alert.cleared"])
        await until(lambda: all(each["state"] == "delivered" for each in pair.b.side.targets.deliveries()))
        assert len(receiver.bodies) == 2


async def test_two_nodes_that_judge_a_device_at_the_same_time_raise_one_alert(tmp_path: Path, redis_url: str) -> None:
    async with a_pair(tmp_path, redis_url) as pair:
        await pair.makes("hot")
        for turn in range(10):
            device = f"pump{turn}"
            async with trio.open_nursery() as nursery:
                nursery.start_soon(pair.a.says, 99.0, turn, device)
                nursery.start_soon(pair.b.says, 98.0, turn, device)
            await pair.both(["open"] * (turn + 1))
        alerts = [each.body for each in await pair.a.state.documents("alert")]
        assert sorted(alert["device"] for alert in alerts) == sorted(f"pump{turn}" for turn in range(10))


async def test_nodes_that_make_room_for_alerts_and_notices_at_the_same_time_lose_none(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.rules.book.MAX_ALERTS", 80)
    devices = [f"pump{number}" for number in range(80)]
    async with a_pair(tmp_path, redis_url) as pair:
        await pair.makes("hot")
        for node in (pair.a, pair.b):
            await node.say([(device, 99.0) for device in devices[node is pair.b :: 2]])
        await pair.both(["open"] * 80)
        for node in (pair.a, pair.b):
            await node.say([(device, 20.0) for device in devices[node is pair.b :: 2]])
        await pair.both(["cleared"] * 80)
        async with trio.open_nursery() as nursery:
            for node in (pair.a, pair.b):
                nursery.start_soon(node.say, [(device, 98.0) for device in devices[node is pair.b :: 2]])
        await until(lambda: pair.a.states() == pair.b.states() == ["open"] * 80)


async def test_a_node_that_a_device_comes_to_knows_of_its_alert_before_it_was_told(tmp_path: Path, redis_url: str) -> None:
    redis, whereabouts = (redis_url, f"{{{secrets.token_hex(8)}}}:"), Whereabouts()
    async with a_node(tmp_path, "a", redis, whereabouts) as a:
        await a.desk.put_rule("hot", rule_of(for_s=5), None, "ann")
        async with a_node(tmp_path, "b", redis, whereabouts, is_told=False) as b:
            whereabouts.holders["pump"] = "a"
            a.comes("pump")
            await a.says(99.0, 0.0)
            await a.says(98.0, 6.0)
            whereabouts.holders["pump"] = "b"
            b.comes("pump")
            await b.says(97.0, 7.0)
            assert b.states() == ["open"]
            await b.says(20.0, 8.0)
            assert b.states() == ["cleared"]
            await until(lambda: a.states() == ["cleared"])


async def test_a_node_that_a_device_comes_to_knows_that_its_alert_is_over_before_it_was_told(tmp_path: Path, redis_url: str) -> None:
    redis, whereabouts = (redis_url, f"{{{secrets.token_hex(8)}}}:"), Whereabouts(holders={"pump": "a"})
    async with a_node(tmp_path, "a", redis, whereabouts) as a:
        await a.desk.put_rule("hot", rule_of(), None, "ann")
        await a.says(99.0, 0.0)
        async with a_node(tmp_path, "b", redis, whereabouts, is_told=False) as b:
            await a.says(20.0, 1.0)
            assert b.states() == ["open"]
            whereabouts.holders["pump"] = "b"
            b.comes("pump")
            await b.says(98.0, 2.0)
            assert b.states() == ["cleared", "open"]


@pytest.mark.parametrize("seed", range(3))
async def test_however_often_devices_move_each_crossing_is_one_alert(tmp_path: Path, redis_url: str, seed: int) -> None:
    chance, expected, is_open = random.Random(seed), 0, dict.fromkeys(("pump", "fan", "mill"), False)
    async with a_pair(tmp_path, redis_url) as pair:
        await pair.makes("hot", hysteresis=0)
        await pair.makes("lasting", hysteresis=0, for_s=1)
        for turn in range(40):
            device, node, temp = chance.choice([*is_open]), chance.choice((pair.a, pair.b)), chance.choice((20.0, 90.0))
            if pair.whereabouts.holders.get(device) != node.name:
                pair.whereabouts.holders[device] = node.name
                node.comes(device, turn)
            await node.says(temp, turn / 1e3, device)
            expected += temp > 80 and not is_open[device]
            is_open[device] = temp > 80
        await until(lambda: pair.a.entities.alerts() == pair.b.entities.alerts() and len(pair.a.entities.alerts()) >= expected)
        alerts = [each.body for each in await pair.a.state.documents("alert") if each.body["rule"] == "hot"]
        assert len(alerts) == expected
        assert {alert["device"] for alert in alerts if alert["state"] == "open"} == {device for device in is_open if is_open[device]}


async def test_an_alert_that_is_acknowledged_on_one_node_is_so_on_all_and_no_other_may(tmp_path: Path, redis_url: str) -> None:
    async with a_pair(tmp_path, redis_url) as pair:
        await pair.makes("hot")
        await pair.a.says(99.0)
        await pair.both(["open"])
        id_ = pair.a.desk.alerts()[0]["id"]
        refused = 0

        async def acknowledges(node: Node) -> None:
            nonlocal refused
            _, why = await node.desk.acknowledge_all([id_], node.name)
            refused += len(why)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(acknowledges, pair.a)
            nursery.start_soon(acknowledges, pair.b)
        assert refused == 1
        await pair.both(["acknowledged"])
        assert pair.a.entities.alerts() == pair.b.entities.alerts()


async def test_a_device_that_is_at_no_node_is_missed_once_and_not_while_it_is_at_one(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.rules.duties._ASK_EVERY_S", 0.2)
    async with a_pair(tmp_path, redis_url) as pair:
        pair.whereabouts.holders = {"pump": "a", "fan": "b"}
        for node in (pair.a, pair.b):
            node.shows("pump", "online")
            node.shows("fan", "online")
        await pair.a.desk.put_rule("gone", {"kind": "offline", "for_s": 0.5}, None, "ann")
        await until(pair.b.desk.rules)
        pair.a.shows("fan", "offline")  # as far as it knows: it is the other node's
        del pair.whereabouts.holders["pump"]
        for node in (pair.a, pair.b):
            node.shows("pump", "offline")
        await pair.both(["open"])
        assert pair.a.desk.alerts()[0]["device"] == "pump"
        pair.whereabouts.alive.discard("b")
        pair.whereabouts.gone_s = 1.0
        await pair.b.kill()
        asked = pair.a.place.asked
        await until(lambda: pair.a.place.asked > asked + 2)
        assert pair.a.states() == ["open"]
        pair.whereabouts.gone_s = 100.0
        await until(lambda: pair.a.states() == ["open", "open"])
        pair.whereabouts.holders = {"pump": "a", "fan": "a"}
        pair.a.shows("fan", "online")
        pair.a.shows("pump", "online")
        await until(lambda: pair.a.states() == ["cleared", "cleared"])


async def test_silence_is_judged_where_the_device_is_heard_and_begins_anew_where_it_comes(tmp_path: Path, redis_url: str) -> None:
    async with a_pair(tmp_path, redis_url) as pair:
        pair.whereabouts.holders = {"pump": "b"}
        for node in (pair.a, pair.b):
            node.shows("pump", "online")
        await pair.a.desk.put_rule("silent", {"kind": "no_data", "for_s": 1}, None, "ann")
        await until(pair.b.desk.rules)
        began_s = heard_s = trio.current_time()
        longest_s = 0.0  # between two readings: a disk that is busy with other things may take a while for one
        while heard_s - began_s < 2.5:
            await pair.b.says(20.0, heard_s - began_s)
            longest_s, heard_s = max(longest_s, trio.current_time() - heard_s), trio.current_time()
        assert pair.a.states() == pair.b.states() == [] or longest_s > 0.5
        await until(lambda: "open" not in pair.a.states() + pair.b.states())
        moved_s = trio.current_time()
        pair.whereabouts.holders = {"pump": "a"}
        pair.a.comes("pump")
        await until(lambda: "open" in pair.a.states() and pair.a.states() == pair.b.states())
        assert trio.current_time() - moved_s >= 1.0
        await pair.a.says(20.0, 10.0)
        await until(lambda: set(pair.a.states()) == set(pair.b.states()) == {"cleared"})


async def test_a_notice_that_a_dead_node_has_left_goes_out_once(tmp_path: Path, redis_url: str) -> None:
    receiver = Receiver(answers=[500, 204])
    async with running(receiver), a_pair(tmp_path, redis_url) as pair:
        await pair.b.side.targets.put_target("hook", {"kind": "webhook", "url": receiver.url}, None, "ann")
        await until(pair.a.side.targets.targets)
        await pair.makes("hot")
        await pair.a.says(99.0)
        await until(lambda: len(receiver.bodies) == 1)
        await pair.a.kill()
        pair.whereabouts.alive.discard("a")
        pair.b.side.outbox.wake()
        await until(lambda: receiver.events() == ["alert.opened"])
        await until(lambda: [each["state"] for each in pair.b.side.targets.deliveries()] == ["delivered"])
        assert len(receiver.bodies) == 2


async def test_while_redis_is_away_rules_wait_and_then_each_alert_is_raised_once(tmp_path: Path) -> None:
    with running_redis(tmp_path / "redis") as server:
        async with a_pair(tmp_path, server.url) as pair:
            await pair.makes("hot")
            await pair.a.says(99.0, 0.0)
            await pair.both(["open"])
            server.kill()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(pair.a.says, 20.0, 1.0)
                nursery.start_soon(pair.b.says, 98.0, 1.0, "fan")
                await until(lambda: pair.a.journal.position == 2 and pair.b.journal.position == 1)
                await trio.to_thread.run_sync(server.start)
            await pair.both(["cleared", "open"])
            assert {alert["device"] for alert in pair.a.desk.alerts() if alert["state"] == "open"} == {"fan"}


async def test_an_alert_that_a_node_raised_by_a_rule_that_was_deleted_meanwhile_ends(tmp_path: Path, redis_url: str) -> None:
    redis, whereabouts = (redis_url, f"{{{secrets.token_hex(8)}}}:"), Whereabouts()
    async with a_node(tmp_path, "a", redis, whereabouts) as a:
        await a.desk.put_rule("hot", rule_of(), None, "ann")
        async with a_node(tmp_path, "b", redis, whereabouts, is_told=False) as b:
            await a.desk.delete_rule("hot", "ann")
            await b.says(99.0)
            assert b.states() == ["open"]
            await until(lambda: a.states() == ["cleared"])


async def test_an_alert_whose_silence_ends_while_the_node_that_was_to_tell_of_it_dies_is_told(tmp_path: Path, redis_url: str) -> None:
    redis, whereabouts = (redis_url, f"{{{secrets.token_hex(8)}}}:"), Whereabouts()
    async with a_node(tmp_path, "a", redis, whereabouts) as a:
        whereabouts.alive.add("b")  # which does nothing any more
        device = next(name for name in (f"d{number}" for number in range(100)) if not a.side._duties.draws(name))
        await a.desk.put_rule("hot", rule_of(), None, "ann")
        silence = await a.side.silences.put_silence({"device": device, "reason": "work", "for_s": 3600}, "ann")
        await a.says(99.0, device=device)
        await a.side.silences.lift(silence["id"], "ann")
        lived_s = a.desk._lived_s
        await until(lambda: a.desk._lived_s > lived_s + 0.5)
        assert "silenced" in a.desk.alerts()[0]
        whereabouts.alive.discard("b")
        await until(lambda: "silenced" not in a.desk.alerts()[0])
