"""How a device is, seen from the node that has it, from the other one, and when a node is gone without a word."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from devices.client import Device
from devices.link import Link
from devices.wire.limits import CloseCode
from devices.wire.messages import Channel, Hello
from hub.core.presence import Pulse
from hub.nodes import membership
from hub.redis import Redis
from simulators.faults.proxy import FaultProxy
from tests.support.cluster import Road, device_on, node
from tests.support.redis import PROGRAM, RedisProcess, connected, running_redis
from tests.support.waiting import until

pytestmark = pytest.mark.needs_server(PROGRAM)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisProcess]:
    with running_redis(tmp_path / "redis") as server:
        yield server


async def test_a_device_is_shown_on_every_node_as_it_is_on_its_own(tmp_path: Path, server: RedisProcess) -> None:
    async with node(tmp_path, "one", server.url) as one, node(tmp_path, "two", server.url) as two:
        await one.registry.add_devices(["pump"])
        road = Road("pump", one)
        async with device_on(road):
            await until(lambda: two.item("pump").get("presence") == "online")
            assert two.item("pump")["node"] == "one"
            assert two.item("pump")["connected_us"] == one.item("pump")["connected_us"]
            assert not two.is_here("pump")
            await road.lead(two)
            await until(lambda: one.item("pump").get("node") == "two")
            assert (one.item("pump")["presence"], two.item("pump")["presence"]) == ("online", "online")
        await until(lambda: one.item("pump")["presence"] == two.item("pump")["presence"] == "offline")


async def test_a_node_that_starts_knows_who_is_where(tmp_path: Path, server: RedisProcess) -> None:
    async with node(tmp_path, "one", server.url) as one:
        await one.registry.add_devices(["pump"])
        async with device_on(Road("pump", one)):
            await until(lambda: one.is_here("pump"))
            async with node(tmp_path, "two", server.url) as two:
                await until(lambda: two.item("pump").get("presence") == "online")
                assert two.item("pump")["node"] == "one"


async def test_what_redis_has_lost_of_presence_is_said_again(tmp_path: Path, server: RedisProcess) -> None:
    async with node(tmp_path, "one", server.url) as one, node(tmp_path, "two", server.url) as two:
        await one.registry.add_devices(["pump"])
        async with device_on(Road("pump", one)):
            await until(lambda: two.item("pump").get("presence") == "online")
            async with connected(server.url) as redis:
                await redis.ask(lambda client: client.delete([redis.key(name) for name in ("presence", "changes", "changes_number")]))
            await one.registry.edit("pump", {"title": "Pump"})  # by which both notice that something is missing
            await until(lambda: two.item("pump").get("title") == "Pump")
            await two.registry.edit("pump", {"kind": "pump"})
            await until(lambda: (two.item("pump").get("kind"), two.item("pump").get("presence")) == ("pump", "online"))
            async with node(tmp_path, "three", server.url) as three:
                await until(lambda: three.item("pump").get("node") == "one")


async def test_devices_of_a_node_that_is_gone_are_unconfirmed_until_they_come_elsewhere(
    tmp_path: Path, server: RedisProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(membership, "ALIVE_S", 1.0)
    monkeypatch.setattr(membership, "RENEW_S", 0.1)
    proxy = FaultProxy("127.0.0.1", server.port)
    async with trio.open_nursery() as nursery:
        await nursery.start(proxy.run)
        url = f"redis://127.0.0.1:{proxy.port}/0"
        async with node(tmp_path, "one", server.url) as one, node(tmp_path, "cut", url) as cut:
            await one.registry.add_devices(["pump"])
            await until(lambda: cut.item("pump"))
            road = Road("pump", cut)
            async with device_on(road):
                await until(lambda: one.item("pump").get("presence") == "online")
                proxy.half_open()
                await until(lambda: one.item("pump")["presence"] == "unconfirmed")
                assert one.item("pump")["node"] == "cut"
                assert one.item("pump")["node_gone_us"] > one.item("pump")["last_seen_us"] - 5_000_000
                assert "connected_us" not in one.item("pump")
                await road.lead(one)
                await until(lambda: one.item("pump")["presence"] == "online")
                proxy.heal()
                proxy.cut()
                await until(lambda: cut.item("pump").get("node") == "one")
        nursery.cancel_scope.cancel()


async def test_a_node_that_stops_in_order_leaves_its_devices_unconfirmed(tmp_path: Path, server: RedisProcess) -> None:
    async with node(tmp_path, "one", server.url) as one:
        await one.registry.add_devices(["pump"])
        async with node(tmp_path, "two", server.url) as two, device_on(Road("pump", two)):
            await until(lambda: one.item("pump").get("presence") == "online")
        await until(lambda: one.item("pump")["presence"] in ("unconfirmed", "offline"))


class OneWay(Road):
    """A road that is closed behind the first who comes."""

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Link]:
        """Let the first one through."""
        if self.is_closed:
            await trio.sleep_forever()
        self.is_closed = True
        async with super().connect() as link:
            yield link

    is_closed = False


async def test_a_node_that_stops_gives_its_devices_back_and_says_that_nobody_knows_how_they_are(
    tmp_path: Path, server: RedisProcess
) -> None:
    async def run(device: Device) -> None:
        async with device:
            await trio.sleep_forever()

    async with node(tmp_path, "two", server.url) as two, trio.open_nursery() as nursery:
        async with node(tmp_path, "one", server.url) as one:
            await one.registry.add_devices(["pump"])
            nursery.start_soon(run, device_on(OneWay("pump", one)))
            await until(lambda: two.item("pump").get("presence") == "online")
        await until(lambda: two.item("pump").get("presence") == "unconfirmed")
        async with connected(server.url) as redis:
            kept = await redis.ask(lambda client: client.hget(redis.key("leases"), "pump"))
            said = await redis.ask(lambda client: client.hget(redis.key("presence"), "pump"))
        assert kept is not None
        assert kept.split()[1] == b"0"  # until when it lasts
        assert said is not None
        assert b"unconfirmed" in said  # by its own word, and not because it is gone
        nursery.cancel_scope.cancel()


async def said_of(redis: Redis, device: str) -> bytes:
    """Return how a device is by the last word in Redis."""
    return await redis.ask(lambda client: client.hget(redis.key("presence"), device)) or b""


async def test_a_node_whose_old_connection_hangs_on_shows_the_device_where_it_is_once_that_ends(
    tmp_path: Path, server: RedisProcess
) -> None:
    hello = Hello("pump", 7, (Channel("temp"),))
    async with node(tmp_path, "one", server.url) as one, node(tmp_path, "two", server.url) as two:
        await one.registry.add_devices(["pump"])
        await until(lambda: two.item("pump"))
        await one.control.leases.take("pump", 0)
        await one.registry.connected(hello, Pulse())
        await until(lambda: two.item("pump").get("node") == "one")
        await two.control.leases.take("pump", 1)
        await two.registry.connected(hello, Pulse())
        async with connected(server.url) as redis:
            with trio.fail_after(20):
                while b'["two"' not in (await said_of(redis, "pump")):  # noqa: ASYNC110
                    await trio.sleep(0.01)  # another process: there is nothing to be woken by
        await two.registry.edit("pump", {"title": "Pump"})
        await until(lambda: one.item("pump").get("title") == "Pump")  # behind what was said of presence
        one.registry.disconnected("pump", CloseCode.TAKEN_OVER)
        await until(lambda: (one.item("pump")["presence"], one.item("pump").get("node")) == ("online", "two"))
