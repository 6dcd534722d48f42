"""Each fault around a device's links does what its name says, and a device loses and doubles nothing by any of them."""

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from devices import Channel, Device
from devices.client import Unreachable
from devices.link import Link, LinkClosed, MemoryLink, memory_link_pair
from devices.wire.messages import Data
from simulators.faults import FaultyLinks
from tests.support.little_hub import TIME_US, little_hub
from tests.support.waiting import until


class Exchange:
    """Makes in-memory connections and keeps the hub's ends."""

    def __init__(self) -> None:
        self.ends: list[MemoryLink] = []

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Link]:
        ours, theirs = memory_link_pair(1_000)
        self.ends.append(theirs)
        try:
            yield ours
        finally:
            await ours.aclose()


async def heard(link: Link, count: int) -> list[bytes | str]:
    return [await link.receive() for _ in range(count)]


async def is_nothing_heard(link: Link, for_s: float = 30.0) -> bool:
    with trio.move_on_after(for_s) as scope:
        await link.receive()
    return scope.cancelled_caught


async def test_without_faults_all_passes_both_ways_and_the_end_too(autojump_clock: trio.testing.MockClock) -> None:
    exchange = Exchange()
    async with FaultyLinks(exchange.connect).open() as link:
        for number in range(50):
            await link.send(b"%d" % number)
        assert await heard(exchange.ends[0], 50) == [b"%d" % number for number in range(50)]
        for number in range(50):
            await exchange.ends[0].send(b"%d" % number)
        await link.ping()
        await exchange.ends[0].aclose(4000, "taken over")
        assert len(await heard(link, 50)) == 50
        with pytest.raises(LinkClosed, match="4000 taken over"):
            await link.receive()
        with pytest.raises(LinkClosed, match="4000 taken over"):
            await link.ping()


async def test_a_close_goes_through(autojump_clock: trio.testing.MockClock) -> None:
    exchange = Exchange()
    async with FaultyLinks(exchange.connect).open() as link:
        await link.aclose(1000, "done")
        with pytest.raises(LinkClosed, match="1000 done"):
            await exchange.ends[0].receive()
        with pytest.raises(LinkClosed):
            await link.send(b"x")


async def test_latency_and_jitter_come_on_top_both_ways_in_order(autojump_clock: trio.testing.MockClock) -> None:
    exchange, began_s = Exchange(), trio.current_time()
    links = FaultyLinks(exchange.connect, seed=1)
    async with links.open() as link:
        links.delay(2.0, 1.0)
        for number in range(20):
            await link.send(b"%d" % number)
        assert await heard(exchange.ends[0], 20) == [b"%d" % number for number in range(20)]
        took_s = trio.current_time() - began_s
        assert 2.5 < took_s <= 3.0
        await exchange.ends[0].send(b"back")
        assert await link.receive() == b"back"
        assert 2.0 <= trio.current_time() - began_s - took_s <= 3.0


async def test_bandwidth_is_bounded_by_the_bytes(autojump_clock: trio.testing.MockClock) -> None:
    exchange, began_s = Exchange(), trio.current_time()
    links = FaultyLinks(exchange.connect)
    links.throttle(1_000)
    async with links.open() as link:
        for _ in range(10):
            await link.send(b"x" * 500)
        await heard(exchange.ends[0], 10)
    assert trio.current_time() - began_s == pytest.approx(5.0)


async def test_a_cut_ends_both_sides_and_loses_what_is_on_its_way(autojump_clock: trio.testing.MockClock) -> None:
    exchange = Exchange()
    links = FaultyLinks(exchange.connect)
    links.delay(1.0)
    async with links.open() as link:
        await link.send(b"lost")
        assert links.cut() == 1
        with pytest.raises(LinkClosed, match="1006 cut by a fault"):
            await link.receive()
    with pytest.raises(LinkClosed):
        await exchange.ends[0].receive()
    assert links.cut() == 0


async def test_a_cut_wakes_who_waits(autojump_clock: trio.testing.MockClock) -> None:
    links = FaultyLinks(Exchange().connect)
    async with links.open() as link, trio.open_nursery() as nursery:

        async def wait() -> None:
            with pytest.raises(LinkClosed, match="1006"):
                await link.receive()

        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        links.cut()


async def test_refused_are_new_connections_only(autojump_clock: trio.testing.MockClock) -> None:
    exchange = Exchange()
    links = FaultyLinks(exchange.connect)
    async with links.open() as old:
        links.refuse()
        with pytest.raises(Unreachable, match="refuses"):
            await links.open().__aenter__()
        await old.send(b"still there")
        assert await exchange.ends[0].receive() == b"still there"


async def test_a_stall_holds_everything_and_loses_nothing(autojump_clock: trio.testing.MockClock) -> None:
    exchange = Exchange()
    links = FaultyLinks(exchange.connect)
    async with links.open() as link:
        links.stall()
        await link.send(b"later")
        assert await is_nothing_heard(exchange.ends[0])
        links.heal()
        assert await exchange.ends[0].receive() == b"later"


async def test_half_open_swallows_for_good_and_new_connections_meet_silence(autojump_clock: trio.testing.MockClock) -> None:
    exchange = Exchange()
    links = FaultyLinks(exchange.connect)
    async with links.open() as link:
        links.half_open()
        await link.send(b"gone")
        await exchange.ends[0].send(b"gone too")
        assert await is_nothing_heard(exchange.ends[0])
        with pytest.raises(Unreachable, match="within 20 s"):
            await links.open().__aenter__()
        links.heal()
        await link.send(b"still silent")
        assert await is_nothing_heard(exchange.ends[0])
        with trio.move_on_after(60) as scope:
            await link.ping()
        assert scope.cancelled_caught
        assert links.swallowed == 3
        await exchange.ends[0].aclose()
        assert await is_nothing_heard(link)


def break_nothing(links: FaultyLinks) -> None:
    """Change nothing."""


def slow(links: FaultyLinks) -> None:
    """Be far away and thin."""
    links.delay(0.4, 0.3)
    links.throttle(4_000)


def mix_up(links: FaultyLinks) -> None:
    """Let old frames come after new ones."""
    links.reorder()
    links.cut()


def storm(links: FaultyLinks) -> None:
    """Throw everybody out, and let nobody in."""
    links.refuse()
    links.cut()


FAULTS: dict[str, Callable[[FaultyLinks], object]] = {
    "nothing": break_nothing,
    "cut": FaultyLinks.cut,
    "slow": slow,
    "stall": FaultyLinks.stall,
    "half open": FaultyLinks.half_open,
    "duplicate": lambda links: links.duplicate(0.5),
    "reorder": mix_up,
    "storm": storm,
}


@pytest.mark.parametrize("name", FAULTS)
async def test_a_device_loses_and_doubles_nothing(autojump_clock: trio.testing.MockClock, name: str) -> None:
    async with little_hub() as hub:
        links = FaultyLinks(hub.connect, seed=5)
        device = Device("memory", "d1", "token", channels=[Channel("n")], connect=links.open, rng=random.Random(1), now=lambda: TIME_US)
        async with device:
            for number in range(600):
                await device.send({"n": number}, time_us=TIME_US + number)
                await trio.sleep(0.1)
                if number % 100 == 20:
                    FAULTS[name](links)
                if number % 100 == 70:
                    links.heal()
            await device.drained(400)
            assert device.statistics().gaps == 0
        assert sorted(hub.values()) == list(range(600))
        assert bool(links.duplicated) == (name == "duplicate")
        assert bool(links.swallowed) == (name == "half open")
        reconnects = device.statistics().connects - 1
        assert (reconnects > 0) == (name in ("cut", "half open", "reorder", "storm"))


async def test_frames_of_an_old_epoch_come_after_those_of_the_new_one(autojump_clock: trio.testing.MockClock) -> None:
    async with little_hub() as hub:
        links = FaultyLinks(hub.connect, seed=5)
        links.reorder()
        device = Device("memory", "d1", "token", channels=[Channel("n")], connect=links.open, rng=random.Random(1), now=lambda: TIME_US)
        async with device:
            await hub.until(lambda: hub.hellos)
            hub.commit_s = 1e9  # nothing becomes durable: all of the first epoch is on the spool
            for number in range(20):
                await device.send({"n": number}, time_us=TIME_US + number)
            await until(lambda: len(links.kept) == 20, 1_000)
            hub.commit_s = 0.05
            links.cut()
            await hub.until(lambda: len(hub.hellos) > 1)
            await device.send({"n": 99}, time_us=TIME_US + 99)
            await device.drained(100)
        assert links.reordered == 20
        first = next(frame for frame in hub.frames if isinstance(frame, Data))
        assert first.epoch == hub.hellos[1].epoch
        assert sorted(hub.values()) == [*range(20), 99]
