"""A node knows where devices are, or were last, and for how long a node has been gone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from hub.nodes.leases import RedisLeases
from hub.nodes.membership import Membership
from hub.nodes.node import Own
from hub.nodes.places import NodePlaces
from hub.redis import Redis
from tests.support.redis import PROGRAM, connected, running_redis
from tests.support.waiting import until

pytestmark = pytest.mark.needs_server(PROGRAM)
NOW_US = 1_795_248_000_000_000


@asynccontextmanager
async def joined(redis: Redis, name: str) -> AsyncIterator[Membership]:
    """Be a node for the length of a block."""
    own = Own(name, "0.1.0", "victoriametrics", lambda: f"journal-{name}", lambda: f"http://{name}:8080", dict)
    membership = Membership(redis, own, lambda: NOW_US)
    async with trio.open_nursery() as nursery:
        await nursery.start(membership.run)
        yield membership
        nursery.cancel_scope.cancel()


async def test_where_devices_and_nodes_are(tmp_path: Path) -> None:
    with running_redis(tmp_path) as server:
        async with connected(server.url) as redis, joined(redis, "b") as membership, trio.open_nursery() as nursery:
            places = NodePlaces("b", RedisLeases(redis, "b"), membership, {"fan"}.__contains__, lambda: NOW_US + 5_000_000)
            assert places.alive() == {"b"}
            assert places.gone_s("a") == float("inf")
            assert await places.last(["pump"]) == {}
            async with joined(redis, "a"):
                leases = RedisLeases(redis, "a")
                await nursery.start(leases.run)
                await redis.ask(lambda client: client.hset(redis.key("devices"), {"pump": "", "fan": ""}))
                held = [await leases.take(device, 0) for device in ("pump", "fan")]
                leases.drop(held[1])
                membership.announce()
                await until(lambda: places.alive() == {"a", "b"})
                assert await places.last(["pump", "fan", "new"]) == {"pump": "a", "fan": "a"}
            membership.announce()
            await until(lambda: places.alive() == {"b"})
            assert 4.0 <= places.gone_s("a") <= 16.0
            assert places.is_here("fan")
            assert not places.is_here("pump")
            nursery.cancel_scope.cancel()
