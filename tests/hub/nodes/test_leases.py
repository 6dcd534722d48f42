"""Leases of two nodes on a real Redis: who connects has the device, the other one learns of it, and nothing is held while Redis is away."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import trio

from hub.nodes.leases import RedisLeases
from hub.ports import CommandRecord, Conflict, DeviceRecord, Lease
from hub.state.redis import RedisStateStore
from simulators.faults.proxy import FaultProxy
from tests.support.redis import PROGRAM, RedisProcess, connected, running_redis
from tests.support.waiting import until

pytestmark = pytest.mark.needs_server(PROGRAM)
LONG_S, SHORT_S = 30.0, 0.3


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProcess]:
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


class Node:
    """The leases of a node, and what it has lost."""

    def __init__(self, leases: RedisLeases) -> None:
        self.leases = leases
        self.lost: list[tuple[Lease, str]] = []
        leases.on_lost(lambda lease, node: self.lost.append((lease, node)))


@asynccontextmanager
async def node(url: str, name: str, prefix: str, lease_s: float) -> AsyncIterator[Node]:
    async with connected(url, prefix) as redis, trio.open_nursery() as nursery:
        await redis.ask(lambda client: client.hset(redis.key("devices"), dict.fromkeys(("pump", "tank"), "")))
        mine = Node(RedisLeases(redis, name, lease_s))
        await nursery.start(mine.leases.run)
        yield mine
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def nodes(*urls: str, prefix: str, lease_s: float = LONG_S) -> AsyncIterator[list[Node]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(node(url, f"node-{at}", prefix, lease_s)) for at, url in enumerate(urls)]


async def test_each_lease_has_a_higher_fence_than_the_one_before_and_than_the_device_knows(server: RedisProcess) -> None:
    async with nodes(server.url, server.url, prefix="rising:") as (one, other):
        first, second = await one.leases.take("pump", 0), await other.leases.take("pump", 0)
        assert (first.fence, second.fence) == (1, 2)
        assert (await one.leases.take("pump", 70)).fence == 71
        assert (await one.leases.take("tank", 0)).fence == 1
        one.leases.drop(first)  # another one's, by now
        one.leases.drop(second := await one.leases.take("tank", 0))
        assert second.fence is None
        assert (await other.leases.take("tank", 0)).fence == 3


async def test_a_node_that_looks_learns_that_another_one_has_the_device(server: RedisProcess) -> None:
    async with nodes(server.url, server.url, prefix="lost:") as (one, other):
        pump, tank = await one.leases.take("pump", 0), await one.leases.take("tank", 0)
        await other.leases.take("pump", 0)
        await one.leases.refresh("lease", ["pump", "tank", "unknown"])
        assert one.lost == [(pump, "node-1")]
        assert pump.fence is None
        assert tank.fence == 1
        await one.leases.refresh("lease", ["pump"])
        assert len(one.lost) == 1


async def test_a_lease_is_renewed_and_lost_by_renewal_where_nobody_has_told(server: RedisProcess) -> None:
    async with nodes(server.url, server.url, prefix="renewed:", lease_s=SHORT_S) as (one, other):
        pump = await one.leases.take("pump", 0)
        with trio.fail_after(30):
            began_s = trio.current_time()
            while trio.current_time() < began_s + 3 * SHORT_S:
                await until(lambda: pump.fence == 1)
                await trio.sleep(SHORT_S / 10)
            await other.leases.take("pump", 0)
            await until(lambda: one.lost == [(pump, "node-1")])


async def test_a_node_without_redis_holds_nothing_once_its_lease_is_over_and_again_when_nobody_took_the_device(
    server: RedisProcess,
) -> None:
    proxy = FaultProxy("127.0.0.1", server.port)
    async with trio.open_nursery() as nursery:
        await nursery.start(proxy.run)
        async with nodes(f"redis://127.0.0.1:{proxy.port}/0", server.url, prefix="cut:", lease_s=SHORT_S) as (one, other):
            pump, tank = await one.leases.take("pump", 0), await one.leases.take("tank", 0)
            with trio.fail_after(30):
                proxy.half_open()
                await until(lambda: pump.fence is None and tank.fence is None)
                assert (await other.leases.take("pump", 0)).fence == 2
                assert one.lost == []  # it cannot know
                proxy.heal()
                proxy.cut()
                await until(lambda: tank.fence == 1)
                await until(lambda: [lease for lease, _ in one.lost] == [pump])
        nursery.cancel_scope.cancel()


async def test_what_connects_while_redis_is_away_is_taken_when_it_is_back(tmp_path: Path) -> None:
    with running_redis(tmp_path) as server:
        async with nodes(server.url, prefix="away:") as (one,):
            await trio.to_thread.run_sync(server.kill)
            with trio.fail_after(30):
                pump, gone = [await one.leases.take(device, 8) for device in ("pump", "gone")]
                assert (pump.fence, gone.fence) == (None, None)
                one.leases.drop(gone)
                await trio.to_thread.run_sync(server.start)
                await until(lambda: pump.fence == 9)
                assert gone.fence is None


async def test_a_redis_that_went_back_is_put_right_and_gives_no_fence_twice(server: RedisProcess) -> None:
    async with nodes(server.url, server.url, prefix="back:") as (one, other):
        pump = await one.leases.take("pump", 41)
        redis = one.leases._redis
        await redis.ask(lambda client: client.delete(["back:leases"]))
        await one.leases.refresh("lease", ["pump"])
        assert pump.fence == 42
        assert (await other.leases.take("pump", 0)).fence == 43


async def scripts_run(leases: RedisLeases) -> int:
    told = await leases._redis.ask(lambda client: client.info("commandstats"))
    calls = told.get("cmdstat_evalsha")
    return int(calls["calls"]) if isinstance(calls, dict) else 0


async def test_five_thousand_devices_at_once_are_a_few_questions(server: RedisProcess) -> None:
    async with nodes(server.url, prefix="storm:") as (one,):
        before, taken = await scripts_run(one.leases), list[Lease]()

        async def take(number: int) -> None:
            taken.append(await one.leases.take(f"d{number}", 0))

        with trio.fail_after(30):
            async with trio.open_nursery() as nursery:
                for number in range(5_000):
                    nursery.start_soon(take, number)
        assert {lease.fence for lease in taken} == {1}
        assert await scripts_run(one.leases) - before <= 11


async def test_no_command_is_kept_as_sent_by_a_node_whose_device_another_one_took(server: RedisProcess) -> None:
    queued = CommandRecord("c1", "pump", "blink", {}, "queued", 1, "ann", 10, 11, 99)
    async with nodes(server.url, server.url, prefix="sent:") as (one, other):
        state = RedisStateStore(one.leases._redis, "node-0")
        await state.start()
        await state.put_commands([queued])
        theirs = RedisStateStore(other.leases._redis, "node-1")
        await theirs.start()
        first = await one.leases.take("pump", 0)
        second = await other.leases.take("pump", 0)
        assert first.fence is not None
        assert second.fence is not None
        sent = replace(queued, state="sent", version=2)
        with pytest.raises(Conflict, match="lease pump"):
            await state.put_commands([sent], fences={"pump": first.fence})
        assert await state.commands_of(["c1", "c2"]) == [queued]
        with pytest.raises(Conflict, match="lease pump"):
            await state.put_commands([sent], fences={"pump": second.fence})  # which is the other's
        await theirs.put_commands([sent], fences={"pump": second.fence})
        assert await state.commands_of(["c1"]) == [sent]


async def test_of_two_nodes_that_were_given_the_same_fence_the_last_has_the_device(server: RedisProcess) -> None:
    async with nodes(server.url, server.url, prefix="same:") as (one, other):
        first = await one.leases.take("pump", 4)
        await one.leases._redis.ask(lambda client: client.delete(["same:leases"]))  # a failover; the device was never told of the first
        second = await other.leases.take("pump", 4)
        assert (first.fence, second.fence) == (5, 5)
        one.leases.drop(first)
        await one.leases.take("tank", 0)  # behind which the first is given back
        await other.leases.refresh("lease", ["pump"])
        assert (second.fence, other.lost) == (5, [])
        assert await other.leases.last(["pump"]) == {"pump": "node-1"}


async def test_of_two_that_hold_the_same_fence_the_one_that_has_lost_the_device_learns_it(server: RedisProcess) -> None:
    async with nodes(server.url, server.url, prefix="both:") as (one, other):
        first = await one.leases.take("pump", 4)
        await one.leases._redis.ask(lambda client: client.delete(["both:leases"]))
        second = await other.leases.take("pump", 4)
        await one.leases.reload()
        await other.leases.reload()
        assert (one.lost, other.lost) == ([(first, "node-1")], [])
        assert (first.fence, second.fence) == (None, 5)


async def test_a_lease_that_nobody_waits_for_any_more_is_given_back(server: RedisProcess) -> None:
    async with nodes(server.url, prefix="left:") as (one,):

        async def come_and_go() -> None:
            one.leases.drop(await one.leases.take("pump", 0))  # a quick Redis answers before the cancel

        for turns in range(20):
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(come_and_go)
                    for _ in range(turns):
                        await trio.lowlevel.checkpoint()
                    scope.cancel()
        await one.leases.take("tank", 0)
        await until(lambda: not one.leases._given_back)
        assert {lease.device for lease in one.leases._held} == {"tank"}


async def test_a_device_that_is_removed_leaves_no_lease(server: RedisProcess) -> None:
    async with nodes(server.url, prefix="removed:") as (one,):
        redis = one.leases._redis
        state = RedisStateStore(redis, "node-0")
        await state.start()
        await state.put_device(DeviceRecord("pump", 1, b"hash", {}))
        one.leases.drop(await one.leases.take("pump", 0))
        await one.leases.take("tank", 0)
        held = await one.leases.take("pump", 0)
        await state.delete_device("pump")
        assert await redis.ask(lambda client: client.hkeys("removed:leases")) == (b"tank",)
        await one.leases.reload()  # before the connection has ended
        one.leases.drop(held)
        one.leases.drop(await one.leases.take("pump", 0))  # it was let in a moment before
        await one.leases.take("tank", 0)
        assert await redis.ask(lambda client: client.hkeys("removed:leases")) == (b"tank",)
