"""The hub's connections to a Redis: calls that are cancelled, many at once, one that went away and came back, one that is full."""

from collections.abc import Awaitable, Iterator

import anyio
import pytest
import trio

from hub.ports import StoreUnavailable
from hub.redis import ANSWER_S, Client, Redis
from simulators.hub_process import free_port
from tests.support.redis import PROGRAM, RedisProcess, connected, running_redis

pytestmark = pytest.mark.needs_server(PROGRAM)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProcess]:
    """One Redis for all tests here; it runs whenever a test begins."""
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


async def ask(redis: Redis) -> bool:
    """Change something."""
    return bool(await redis.ask(lambda client: client.set(redis.key("asked"), b"1")))


async def test_a_call_rides_out_a_restart(server: RedisProcess) -> None:
    async with connected(server.url) as redis, trio.open_nursery() as nursery:
        assert await ask(redis)
        server.kill()
        nursery.start_soon(trio.to_thread.run_sync, server.start)
        assert await ask(redis)
        assert redis.away is None


@pytest.mark.parametrize("error", [anyio.ClosedResourceError, anyio.BrokenResourceError, ReferenceError])
async def test_a_connection_that_ends_just_as_it_is_asked_ends_nobody(server: RedisProcess, error: type[Exception]) -> None:
    asked = list[Client]()

    def make(client: Client) -> Awaitable[bool | None]:
        asked.append(client)
        if len(asked) == 1:
            raise error  # as the library does where Redis is killed at this moment
        return client.set("asked", b"1")

    async with connected(server.url) as redis:
        assert await redis.ask(make)
        assert len(asked) == 2
        assert asked[0] is not asked[1]


async def test_one_that_is_long_away_refuses_at_once_and_says_why() -> None:
    async with connected(f"redis://127.0.0.1:{free_port()}/0") as redis:
        began_s = trio.current_time()
        with pytest.raises(StoreUnavailable, match="Connection refused"):
            await ask(redis)
        assert trio.current_time() - began_s < ANSWER_S
        assert "Connection refused" in str(redis.away)


async def test_cancelled_calls_leave_every_connection_usable(server: RedisProcess) -> None:
    async with connected(server.url) as redis:
        for _ in range(50):  # the pool has 16
            async with trio.open_nursery() as nursery:
                nursery.start_soon(ask, redis)
                await trio.lowlevel.checkpoint()
                nursery.cancel_scope.cancel()
        assert await ask(redis)


async def test_many_calls_at_once_are_all_answered(server: RedisProcess) -> None:
    answered = []

    async def one(redis: Redis) -> None:
        answered.append(await ask(redis))

    async with connected(server.url) as redis, trio.open_nursery() as nursery:
        for _ in range(500):
            nursery.start_soon(one, redis)
    assert answered == [True] * 500


async def test_one_that_is_full_refuses_changes_and_answers_what_is_asked(server: RedisProcess) -> None:
    async with connected(server.url) as redis:
        await ask(redis)
        await redis.ask(lambda client: client.config_set({"maxmemory": "1"}))
        try:
            with pytest.raises(StoreUnavailable, match="maxmemory"):
                await ask(redis)
            assert await redis.ask(lambda client: client.get(redis.key("asked"))) == b"1"
        finally:
            await redis.ask(lambda client: client.config_set({"maxmemory": "0"}))
        assert await ask(redis)


async def test_its_settings_can_be_asked_for(server: RedisProcess) -> None:
    async with connected(server.url) as redis:
        found = await redis.settings("append*")
        assert found is not None
        assert (found["appendonly"], found["appendfsync"]) == ("yes", "always")
