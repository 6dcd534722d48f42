"""Commands, wishes to cancel, groups and shadows on two nodes of one real Redis: each reaches its device wherever that is."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from structlog.testing import capture_logs

from devices.client import Device
from hub.core.wanted import Wanted
from hub.core.wanted_group import WantedGroup
from hub.followers import run_restarted
from hub.nodes.taking_in import TakingIn
from hub.ports import CommandRecord, Document
from hub.state.redis import RedisStateStore
from simulators.faults.proxy import FaultProxy
from tests.support.cluster import Node, Road, device_on, node
from tests.support.redis import PROGRAM, RedisProcess, connected, running_redis
from tests.support.waiting import until

pytestmark = pytest.mark.needs_server(PROGRAM)
FINAL = ("done", "failed", "expired", "cancelled", "rejected")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisProcess]:
    with running_redis(tmp_path / "redis") as server:
        yield server


@asynccontextmanager
async def two_nodes(directory: Path, server: RedisProcess, *names: str) -> AsyncIterator[tuple[Node, Node]]:
    """Run two nodes which both know these devices, of which none is connected."""
    async with node(directory, "one", server.url) as one:
        await one.registry.add_devices(names)
        for name in names:
            await declared(one, name)
        async with node(directory, "two", server.url) as two:
            yield one, two


async def declared(at: Node, name: str) -> None:
    """Let a device say what it takes, and go."""
    road = Road(name, at)
    async with blinking(road, []):
        await until(lambda: at.is_here(name))
    await until(lambda: not at.is_here(name))


@asynccontextmanager
async def blinking(road: Road, runs: list[int]) -> AsyncIterator[Device]:
    device = device_on(road)

    @device.command("blink", args={"n": {"type": "integer"}})
    def blink(n: int) -> int:
        runs.append(n)
        return n

    @device.command("wait")
    async def wait() -> None:
        await trio.sleep_forever()

    @device.on_desired
    def desired(document: object, delta: object) -> None:
        return None

    async with device:
        yield device


def state_of(at: Node, command_id: str) -> str:
    """Return how a command is as a node's viewers see it."""
    return next((item["state"] for item in at.control.entities.commands() if item["id"] == command_id), "")


async def ended(at: Node, command_id: str, state: str = "done") -> CommandRecord:
    """Return a command as a node has it once it has ended there."""
    await until(lambda: state_of(at, command_id) in FINAL)
    found = await at.desk.get(command_id)
    assert found is not None
    assert found.state == state
    return found


async def test_a_command_made_on_either_node_reaches_the_device_and_its_end_is_known_on_both(tmp_path: Path, server: RedisProcess) -> None:
    runs = list[int]()
    async with two_nodes(tmp_path, server, "pump") as (one, two), blinking(Road("pump", one), runs):
        await until(lambda: one.is_here("pump"))
        made = [await at.desk.create("pump", "blink", {"n": n}, 60.0, "ann") for n, at in enumerate((one, two))]
        for record in made:
            here, there = [await ended(at, record.id) for at in (one, two)]
            assert here == there
        assert sorted(runs) == [0, 1]


async def test_of_three_nodes_one_has_the_device_one_is_asked_and_all_know_the_end(tmp_path: Path, server: RedisProcess) -> None:
    runs = list[int]()
    async with two_nodes(tmp_path, server, "pump") as (one, two), node(tmp_path, "three", server.url) as three:
        road = Road("pump", one)
        async with blinking(road, runs):
            for n, (has, asked) in enumerate([(one, two), (two, three), (three, one)]):
                await road.lead(has)
                record = await asked.desk.create("pump", "blink", {"n": n}, 60.0, "ann")
                assert await ended(one, record.id) == await ended(two, record.id) == await ended(three, record.id)
        assert runs == [0, 1, 2]


async def test_a_command_for_a_device_that_is_away_goes_out_where_it_comes(tmp_path: Path, server: RedisProcess) -> None:
    runs = list[int]()
    async with two_nodes(tmp_path, server, "pump") as (one, two):
        record = await one.desk.create("pump", "blink", {"n": 7}, 60.0, "ann")
        assert record.state == "queued"
        async with blinking(Road("pump", two), runs):
            await ended(one, record.id)
        assert runs == [7]


async def test_a_device_moves_to_the_other_node_with_a_command_in_flight(tmp_path: Path, server: RedisProcess) -> None:
    runs = list[int]()
    async with two_nodes(tmp_path, server, "pump") as (one, two):
        road = Road("pump", one)
        async with blinking(road, runs):
            await until(lambda: one.is_here("pump"))
            made = [await one.desk.create("pump", "blink", {"n": n}, 60.0, "ann") for n in range(20)]
            await road.lead(two)
            made += [await one.desk.create("pump", "blink", {"n": n}, 60.0, "ann") for n in range(20, 40)]
            for record in made:
                assert await ended(two, record.id) == await ended(one, record.id)
        assert sorted(runs) == list(range(40))


async def test_the_node_that_a_device_has_left_closes_its_connection_as_taken_over(tmp_path: Path, server: RedisProcess) -> None:
    async with two_nodes(tmp_path, server, "pump") as (one, two), blinking(Road("pump", one), []) as first:
        await until(lambda: one.is_here("pump"))
        async with blinking(Road("pump", two), []):  # the cable of the first was pulled, say: nobody has said so
            await until(lambda: two.is_here("pump"))
            await until(lambda: first.statistics().last_error == "4000 the device has connected to node two")


async def test_a_command_is_cancelled_on_another_node_than_its_devices(tmp_path: Path, server: RedisProcess) -> None:
    async with two_nodes(tmp_path, server, "pump") as (one, two), blinking(Road("pump", one), []):
        await until(lambda: one.is_here("pump"))
        record = await one.desk.create("pump", "wait", {}, 60.0, "ann")
        waiting = await two.desk.create("pump", "wait", {}, 60.0, "ann")
        await until(lambda: state_of(two, record.id) == state_of(two, waiting.id) == "accepted")
        await two.desk.cancel(record.id, "bob", wait_s=0.0)
        assert await ended(one, record.id, "cancelled") == await ended(two, record.id, "cancelled")
        assert state_of(one, waiting.id) == "accepted"


async def test_the_same_idempotency_key_on_two_nodes_at_once_is_one_command(tmp_path: Path, server: RedisProcess) -> None:
    async with two_nodes(tmp_path, server, "pump") as (one, two):
        made = list[CommandRecord]()

        async def create(at: Node) -> None:
            made.append(await at.desk.create("pump", "blink", {"n": 1}, 60.0, "ann", "key-1"))

        for _ in range(20):
            async with trio.open_nursery() as nursery:
                for at in (one, two):
                    nursery.start_soon(create, at)
        assert len({record.id for record in made}) == 1


async def test_a_command_to_many_reaches_those_on_both_nodes_and_is_counted_on_both(tmp_path: Path, server: RedisProcess) -> None:
    names, runs = [f"d{number}" for number in range(6)], list[int]()
    async with two_nodes(tmp_path, server, *names) as nodes, trio.open_nursery() as nursery:
        for number, name in enumerate(names):
            await nursery.start(stay, Road(name, nodes[number % 2]), runs)
        await until(lambda: all(nodes[number % 2].is_here(name) for number, name in enumerate(names)))
        group, _ = await nodes[0].desk.groups.create(WantedGroup(Wanted("blink", {"n": 1}, 60.0, "ann"), devices=tuple(names)))
        for at in nodes:
            await until(lambda at=at: is_counted(at, group.id, {"done": 6}))  # type: ignore[misc]
        assert runs == [1] * 6
        nursery.cancel_scope.cancel()


def is_counted(at: Node, group_id: str, tally: dict[str, int]) -> bool:
    shown = [item for item in at.control.entities.group_commands() if item["id"] == group_id]
    return bool(shown) and shown[0]["tally"] == tally and "ended_us" in shown[0]


async def stay(road: Road, runs: list[int], *, task_status: trio.TaskStatus[None]) -> None:
    async with blinking(road, runs):
        task_status.started()
        await trio.sleep_forever()


async def test_what_is_desired_on_one_node_is_reported_on_the_other_and_known_on_both(tmp_path: Path, server: RedisProcess) -> None:
    async with two_nodes(tmp_path, server, "pump") as (one, two), blinking(Road("pump", two), []):
        await until(lambda: two.is_here("pump"))
        for interval_s in (5, 6):
            await one.shadows.desire("pump", {"interval_s": interval_s}, None, "ann")
            for at in (one, two):
                await until(lambda at=at, s=interval_s: at.shadows.shadow("pump")["reported"]["document"] == {"interval_s": s})  # type: ignore[misc]
        assert one.shadows.shadow("pump")["is_in_step"]


async def test_a_node_that_redis_was_away_from_takes_in_what_it_missed(tmp_path: Path, server: RedisProcess) -> None:
    runs = list[int]()
    proxy = FaultProxy("127.0.0.1", server.port)
    async with trio.open_nursery() as nursery:
        await nursery.start(proxy.run)
        url = f"redis://127.0.0.1:{proxy.port}/0"
        async with (
            two_nodes(tmp_path, server, "pump") as (one, _),
            node(tmp_path, "cut", url) as cut,
            blinking(Road("pump", cut), runs),
        ):
            await until(lambda: cut.is_here("pump"))
            proxy.half_open()
            record = await one.desk.create("pump", "blink", {"n": 3}, 60.0, "ann")
            assert record.state == "queued"
            proxy.heal()
            proxy.cut()
            await ended(one, record.id)
            assert runs == [3]
        nursery.cancel_scope.cancel()


async def test_what_is_changed_of_a_device_on_one_node_holds_on_the_other_at_once(tmp_path: Path, server: RedisProcess) -> None:
    async with two_nodes(tmp_path, server, "pump") as (one, two), blinking(Road("pump", two), []) as device:
        await until(lambda: two.is_here("pump"))
        token = (await one.registry.add_devices(["tank"], {"tank": {"tags": ["hall=1"]}}))["tank"]
        await until(lambda: two.item("tank").get("tags") == ["hall=1"])
        assert two.registry.device_of(token) == "tank"
        assert two.registry.select("hall=1") == ["tank"]
        newer = await one.registry.new_token("tank")
        await until(lambda: two.registry.device_of(token) is None)
        assert two.registry.device_of(newer) == "tank"
        await one.registry.remove_device("tank")
        await until(lambda: not two.item("tank"))
        await one.registry.edit("pump", {"disabled": True})
        await until(lambda: device.statistics().last_error == "4011 the device is disabled")


class Failing:
    """A part that cannot read the first change."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    async def refresh(self, kind: str, keys: Sequence[str]) -> None:
        self.heard.append(kind)
        if len(self.heard) == 1:
            raise ValueError("not understood")

    async def reload(self) -> None:
        self.heard.append("all")


async def test_a_change_that_a_part_cannot_take_in_ends_no_hub_and_is_not_left_out(server: RedisProcess) -> None:
    async with connected(server.url) as redis, trio.open_nursery() as nursery:
        one, two = RedisStateStore(redis, "one"), RedisStateStore(redis, "two")
        await one.start()
        await two.start()
        failing, well = Failing(), Failing()
        well.heard.append("nothing")
        with capture_logs() as lines:
            await nursery.start(run_restarted, "changes", TakingIn(two, (failing, well)).run)
            await one.change([Document("user", "ann", 1, {})])
            await until(lambda: failing.heard == ["user", "all"] and well.heard == ["nothing", "all"])
            await one.change([Document("rule", "hot", 1, {})])
            await until(lambda: failing.heard[-1] == well.heard[-1] == "rule")
        assert [line["event"] for line in lines] == ["follower_failed"]
        nursery.cancel_scope.cancel()
