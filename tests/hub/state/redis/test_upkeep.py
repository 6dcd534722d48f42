"""What stays in Redis of what has come and gone: nothing that has no end of its own."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

import pytest
import trio

from hub.core.records import Cursor
from hub.nodes.leases import RedisLeases
from hub.ports import CommandRecord, ConnectionRecord, DeviceRecord, Document, LogLine
from hub.redis import Redis
from hub.state.redis import RedisStateStore
from tests.support.redis import PROGRAM, connected

pytestmark = pytest.mark.needs_server(PROGRAM)
ROUNDS: Final = 1_000
AT_ONCE: Final = 50


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with connected(redis_url, f"{{{secrets.token_hex(8)}}}:") as redis:
        yield redis


async def entries(redis: Redis) -> dict[str, int]:
    """Return how many entries each key without an end has: 1 of a string."""
    found = await redis.run_script(
        """
        local how = {hash = 'HLEN', set = 'SCARD', zset = 'ZCARD', stream = 'XLEN', string = 'EXISTS', list = 'LLEN'}
        local found = {}
        for _, name in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do
            if redis.call('TTL', name) == -1 then
                found[#found + 1] = name
                found[#found + 1] = redis.call(how[redis.call('TYPE', name).ok], name)
            end
        end
        return found
        """,
        redis.key("format"),
        [redis.prefix],
    )
    return {name.decode().removeprefix(redis.prefix): int(count) for name, count in zip(found[::2], found[1::2], strict=True)}


async def a_device(store: RedisStateStore, leases: RedisLeases, name: str, kinds: tuple[str, ...]) -> None:
    """Have a device come, say and be told everything, and be removed while it is connected."""
    await store.change([Document(kind, name, 1, {}) for kind in kinds], devices=[DeviceRecord(name, 1, name.encode(), {})])
    lease = await leases.take(name, 0)
    queued = CommandRecord(f"c-{name}", name, "blink", {}, "queued", 1, "ann", 1, 1, 9, group=f"g-{name}")
    await store.put_commands([queued], lines=[LogLine(name, 1, 1, "info", "up")])
    await store.put_commands([replace(queued, state="done", version=2)])
    await store.put_connections([ConnectionRecord(name, 1, None, "10.0.0.9:4000", node="one")], 10)
    await store.delete_device(name, kinds)
    leases.drop(lease)


async def test_after_a_thousand_devices_and_logins_there_is_what_was_there_before(redis: Redis) -> None:
    store, kinds = RedisStateStore(redis, "one"), ("device", "shadow", "reported")
    await store.start()
    async with trio.open_nursery() as nursery:
        leases = RedisLeases(redis, "one")
        await nursery.start(leases.run)
        await a_device(store, leases, "first", kinds)  # with which the counters come
        await store.put_login(b"stays", "session", "bob", "viewer", 10**9, 0)
        before = await entries(redis)

        async def some(numbers: range) -> None:
            for number in numbers:
                await a_device(store, leases, f"d{number}", kinds)
                name = f"user-{number}"
                await store.put_login(b"%d" % number, "session", name, "viewer", number + 10, number)
                await store.put_login(b"l%d" % number, "link", name, "viewer", number + 10, number)

        async with trio.open_nursery() as devices:
            for at in range(AT_ONCE):
                devices.start_soon(some, range(at, ROUNDS, AT_ONCE))
        await store.put_login(b"stays", "session", "bob", "viewer", 10**9, 10**6)
        await leases.take("nobody", 0)  # behind which all leases are given back
        after = await entries(redis)
        nursery.cancel_scope.cancel()
    changes = after.pop("changes"), before.pop("changes")
    assert changes[0] <= 110_000  # a stream with a bound of its own
    assert after == before


async def test_the_cursors_of_nodes_that_are_no_more_go_and_no_other(redis: Redis) -> None:
    for node in ("a", "a-1", "b"):
        store = RedisStateStore(redis, node)
        await store.start()
        await store.change(cursor=("rules", Cursor("j", 1)))
        await store.put_commands([], cursor=Cursor("j", 1))
    await store.forget_cursors(["a"])
    kept = await redis.ask(lambda client: client.hkeys(redis.key("cursors")))
    assert {*kept} == {b"a-1:rules", b"a-1:ledger", b"b:rules", b"b:ledger"}
