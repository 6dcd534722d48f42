"""What nodes on one Redis tell each other of their changes, and that nothing is missed without a word."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
import trio
import trio.testing

from hub.core.records import Cursor
from hub.ports import Changed, CommandRecord, Conflict, DeviceRecord, Document, StoreUnavailable
from hub.state.redis import RedisStateStore, notices
from hub.states import notes_of
from tests.support.redis import PROGRAM, RedisProcess, connected, running_redis, said

pytestmark = pytest.mark.needs_server(PROGRAM)

DEVICE: Final = DeviceRecord("pump", 1_000, b"hash", {})
COMMAND: Final = CommandRecord("c1", "pump", "blink", {}, "queued", 1, "ann", 10, 11, 99)
USER: Final = Document("user", "ann", 1, {"role": "viewer"})


@asynccontextmanager
async def nodes(directory: Path) -> AsyncIterator[tuple[RedisProcess, RedisStateStore, RedisStateStore]]:
    """Run a Redis and open the state of two nodes on it."""
    async with AsyncExitStack() as stack:
        server = stack.enter_context(running_redis(directory))
        stores = [RedisStateStore(await stack.enter_async_context(connected(server.url)), name) for name in ("one", "two")]
        for store in stores:
            await store.start()
        yield server, stores[0], stores[1]


class Told:
    """What a store yields, in order."""

    def __init__(self, store: RedisStateStore) -> None:
        self._store = store

    async def next(self) -> Changed:
        """Return the next one; one that is away is asked again, as the hub does."""
        with trio.fail_after(20):
            while True:
                with suppress(StoreUnavailable):
                    return await self._store.next_change()
                await trio.sleep(0.05)  # another process: there is nothing to be woken by


def what(*told: tuple[str, str]) -> Changed:
    """Return a change."""
    return Changed(frozenset(told))


async def test_each_kind_of_change_is_told_to_the_other_node_and_not_to_its_own(tmp_path: Path) -> None:
    async with nodes(tmp_path) as (_, one, two):
        told = Told(two)
        await one.put_device(DEVICE)
        assert await told.next() == what(("device", "pump"))
        await one.change([USER], devices=[replace(DEVICE, is_disabled=True)], cursor=("rules", Cursor("j", 4)))
        assert await told.next() == what(("user", "ann"), ("device", "pump"))
        await one.put_commands([COMMAND], puts=[Document("group command", "g", 1, {})])
        assert await told.next() == what(("command", "c1"), ("group command", "g"))
        await one.change(deletes=[USER])
        await two.put_device(DEVICE)  # of its own it is told nothing
        await one.put_commands([], cursor=Cursor("j", 9))  # and of what nobody remembers neither
        await one.delete_device("pump", ("shadow",))
        seen = (await told.next()).what or frozenset()
        while ("device", "pump") not in seen:
            seen |= (await told.next()).what or frozenset()
        assert seen == {("user", "ann"), ("device", "pump"), ("shadow", "pump")}


async def test_a_change_that_lost_is_told_to_nobody(tmp_path: Path) -> None:
    async with nodes(tmp_path) as (_, one, two):
        told = Told(two)
        await one.change([USER])
        assert await told.next() == what(("user", "ann"))
        with pytest.raises(Conflict):
            await one.change([USER])
        await one.put_device(DEVICE)
        assert await told.next() == what(("device", "pump"))


async def test_after_redis_was_away_everything_is_to_be_read_again_and_then_news_come(tmp_path: Path) -> None:
    async with nodes(tmp_path) as (server, one, two):
        told, seen = Told(two), list[Changed]()
        await one.put_device(DEVICE)
        assert await told.next() == what(("device", "pump"))

        async def take() -> None:
            seen.append(await told.next())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(take)
            await trio.to_thread.run_sync(server.kill)
            with trio.fail_after(10):
                while two._redis.away is None:  # noqa: ASYNC110
                    await trio.sleep(0.01)  # another process: there is nothing to be woken by
            await trio.to_thread.run_sync(server.start)
        assert seen == [Changed(None)]
        await one.change([USER])
        assert await told.next() == what(("user", "ann"))


async def test_a_redis_that_lost_nothing_while_nobody_asked_is_followed_on(tmp_path: Path) -> None:
    async with nodes(tmp_path) as (server, one, two):
        told = Told(two)
        await one.put_device(DEVICE)
        assert await told.next() == what(("device", "pump"))
        await trio.to_thread.run_sync(server.kill)
        await trio.to_thread.run_sync(server.start)
        await one.change([USER])
        assert await told.next() in (what(("user", "ann")), Changed(None))


async def gone_back(one: RedisStateStore) -> None:
    """Lose the last changes, as in a failover."""
    await one._redis.ask(lambda client: client.delete([one._redis.key("changes"), one._redis.key("changes_number")]))


async def trimmed(one: RedisStateStore) -> None:
    """Change more than the stream holds."""
    await one.put_device(DEVICE)
    await one._redis.ask(lambda client: client.delete([one._redis.key("changes")]))


async def test_a_redis_that_was_emptied_is_not_believed_before_the_state_is_back(tmp_path: Path) -> None:
    async with nodes(tmp_path) as (_, one, two):
        told, redis = Told(two), one._redis
        await one.put_device(DEVICE)
        assert await told.next() == what(("device", "pump"))
        kept = await redis.ask(lambda client: client.get(redis.key("id")))
        await redis.ask(lambda client: client.flushdb())
        with trio.fail_after(20):
            with pytest.raises(StoreUnavailable, match="another state"):
                await two.next_change()
            with pytest.raises(StoreUnavailable, match="another state"):
                await two.devices()  # of which there is none
            with pytest.raises(StoreUnavailable, match="another state"):
                await one.change([USER])
        assert "restart every hub" in notes_of(two._redis)[0]
        assert kept is not None
        await redis.ask(lambda client: client.set(redis.key("id"), kept))
        assert await told.next() == Changed(None)
        await two.change([USER])
        assert notes_of(two._redis) == []


@pytest.mark.parametrize("lose", [gone_back, trimmed])
async def test_what_is_missing_in_the_stream_is_noticed(tmp_path: Path, lose: Callable[[RedisStateStore], object]) -> None:
    async with nodes(tmp_path) as (_, one, two):
        told = Told(two)
        await one.put_device(DEVICE)
        assert await told.next() == what(("device", "pump"))
        await lose(one)  # type: ignore[misc]
        await one.change([USER])
        assert await told.next() == Changed(None)
        await one.put_device(DEVICE)
        assert await told.next() == what(("device", "pump"))


def questions(server: RedisProcess) -> int:
    """Return how many scripts were run."""
    found = re.search(rb"cmdstat_evalsha:calls=(\d+)", said(server.port, "INFO", "commandstats"))
    return int(found[1]) if found else 0


async def test_who_catches_up_waits_for_all_that_was_changed_before_and_many_share_a_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "CATCH_UP_S", 60.0)  # of a machine that is busy with other tests
    async with nodes(tmp_path) as (server, one, two), trio.open_nursery() as nursery:
        told, done = Told(two), list[bool]()
        await one.change([USER])
        assert await told.next() == what(("user", "ann"))
        before = questions(server)

        async def catch_up() -> None:
            done.append(await two.catch_up())

        for _ in range(100):
            nursery.start_soon(catch_up)
        with trio.fail_after(5):
            while questions(server) == before:  # noqa: ASYNC110
                await trio.sleep(0.01)  # another process: there is nothing to be woken by
        assert done == []  # it was told, and is taken in once the next one is asked for
        nursery.start_soon(told.next)
        with trio.fail_after(5):
            while len(done) < 100:
                await trio.testing.wait_all_tasks_blocked(0.01)
        assert all(done)
        assert questions(server) == before + 1
        await two.change(devices=[DEVICE])
        assert await two.catch_up()  # a change of its own is known here
        nursery.cancel_scope.cancel()
