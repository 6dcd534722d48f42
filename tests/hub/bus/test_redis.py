"""Tests of hub/bus/redis.py on a real Redis."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from hub.bus.redis import RedisBus
from hub.bus.wire import packed
from hub.core.interest import ALL, Interest
from hub.core.records import Row, RowKind
from hub.ports import Frames
from hub.redis import Redis
from tests.support.redis import PROGRAM, RedisProcess, connected, running_redis
from tests.support.waiting import until

pytestmark = pytest.mark.needs_server(PROGRAM)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProcess]:
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


def frames(after: int, position: int, size: int = 10, device: str = "pump") -> Frames:
    rows = [Row(at, device, 7, at, RowKind.DATA, 1_000 + at, b"x" * size, None) for at in range(after + 1, position + 1)]
    return Frames("journal-a", after, position, after, rows)


@asynccontextmanager
async def bus_of(redis: Redis, journal: str, buffer_bytes: int = 1_000_000, stream_bytes: int = 1_000_000) -> AsyncIterator[RedisBus]:
    bus = RedisBus(redis, lambda: journal, buffer_bytes, stream_bytes)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bus.run)
        yield bus
        nursery.cancel_scope.cancel()


async def calls(redis: Redis) -> int:
    """Return how many entries were ever written there."""
    found = await redis.ask(lambda client: client.info("commandstats"))
    return int(found.get("cmdstat_xadd", {"calls": 0})["calls"])  # type: ignore[call-overload, index]


async def test_what_one_node_publishes_another_that_follows_it_hears_in_order(server: RedisProcess) -> None:
    heard: list[Frames] = []
    async with connected(server.url, "{a}:") as redis, bus_of(redis, "journal-a") as ours, bus_of(redis, "journal-b") as theirs:
        ours.wanted(ALL)
        theirs.follow(["journal-a"], heard.append)
        position = 0
        with trio.fail_after(20):
            while not heard:  # what was written before it read is not heard
                ours.publish(frames(position, position + 1))
                position += 1
                await trio.sleep(0.01)
        first = heard[0].after
        for after in range(position, position + 100, 10):
            ours.publish(frames(after, after + 10))
        await until(lambda: heard[-1].position == position + 100)
    assert [row.position for each in heard for row in each.rows] == list(range(first + 1, position + 101))
    assert [each.after for each in heard[1:]] == [each.position for each in heard[:-1]]
    assert heard[-1].rows[-1] == frames(0, position + 100).rows[-1]


async def test_nothing_goes_to_redis_and_no_stream_stays_while_nobody_follows(
    server: RedisProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.bus.interest.STATED_S", 0.2)
    monkeypatch.setattr("hub.bus.redis.STATED_S", 0.2)
    async with connected(server.url, "{b}:") as redis, bus_of(redis, "journal-a") as bus:
        before = await calls(redis)
        bus.publish(frames(0, 10))
        assert bus.statistics()["waiting_bytes"] == 0
        bus.wanted(ALL)
        bus.publish(frames(10, 20))
        await until(lambda: bus.statistics()["written_entries"] == 1)
        asked = before + 2  # the first one finds that there is no stream
        assert await calls(redis) == asked
        key = redis.key("frames", "journal-a")
        with trio.fail_after(20):
            while await redis.ask(lambda client: client.exists([key])):  # noqa: ASYNC110
                await trio.sleep(0.01)
        bus.publish(frames(20, 30))
        assert await calls(redis) == asked


async def test_a_stream_has_an_end_from_its_first_entry_on_and_again_where_redis_lost_it(server: RedisProcess) -> None:
    async with connected(server.url, "{ends}:") as redis, bus_of(redis, "journal-a") as bus:
        key = redis.key("frames", "journal-a")
        bus.wanted(ALL)
        for number in (1, 2, 3):
            bus.publish(frames(number, number + 1))
            await until(lambda number=number: bus.statistics()["written_entries"] == number)  # type: ignore[misc]
            assert await redis.ask(lambda client: client.ttl(key)) > 0
            if number == 2:
                await redis.ask(lambda client: client.delete([key]))


async def test_frames_of_devices_that_no_other_node_wants_are_left_out_and_counted_and_leave_no_gap(server: RedisProcess) -> None:
    heard: list[Frames] = []
    fan = Interest(frozenset(["fan"]))
    async with connected(server.url, "{g}:") as redis, bus_of(redis, "journal-a") as ours, bus_of(redis, "journal-b") as theirs:
        ours.wanted(fan)
        theirs.follow(["journal-a"], heard.append)
        position = 0
        with trio.fail_after(20):
            while not heard:
                ours.publish(frames(position, position + 9))  # of pump
                ours.publish(frames(position + 9, position + 10, device="fan"))
                position += 10
                await trio.sleep(0.01)
        ours.publish(frames(position, position + 10, device="fan"))
        await until(lambda: heard[-1].position == position + 10)
        counts = ours.statistics()
    assert {row.device for each in heard for row in each.rows} == {"fan"}
    assert {each.covers for each in heard} == {frozenset([fan.id])}
    assert [each.after for each in heard[1:]] == [each.position for each in heard[:-1]]
    assert (counts["left_out_frames"], counts["published_frames"]) == (position // 10 * 9, position // 10 + 10)


async def test_what_does_not_fit_is_dropped_and_a_stream_has_its_bound(server: RedisProcess) -> None:
    async with connected(server.url, "{c}:") as redis, bus_of(redis, "journal-a", 10_000, 1_000_000) as bus:
        bus.wanted(ALL)
        bus.publish(frames(0, 1, 20_000))
        assert bus.statistics()["dropped_frames"] == 1
        for after in range(1, 400):
            bus.publish(frames(after, after + 1, 8_000))
            await until(lambda after=after: bus.statistics()["waiting_bytes"] == 0)  # type: ignore[misc]
        await until(lambda: bus.statistics()["written_entries"] == 399)
        length = await redis.ask(lambda client: client.xlen(redis.key("frames", "journal-a")))
        assert length < 300


async def test_a_redis_that_is_killed_loses_frames_and_holds_nothing(tmp_path: Path) -> None:
    heard: list[Frames] = []
    with running_redis(tmp_path) as server:
        async with connected(server.url) as redis, bus_of(redis, "journal-a") as ours, bus_of(redis, "journal-b") as theirs:
            ours.wanted(ALL)
            theirs.follow(["journal-a"], heard.append)
            server.kill()
            for after in range(1_000):
                ours.publish(frames(after, after + 1, 10_000))
            assert ours.statistics()["waiting_bytes"] <= 1_000_000
            server.start()
            position = 1_000
            with trio.fail_after(60):
                while not heard:
                    ours.wanted(ALL)
                    ours.publish(frames(position, position + 1))
                    position += 1
                    await trio.sleep(0.02)


async def test_what_cannot_be_read_in_a_stream_ends_nothing_and_what_follows_is_heard(server: RedisProcess) -> None:
    heard: list[Frames] = []
    async with connected(server.url, "{d}:") as redis, bus_of(redis, "journal-a") as ours, bus_of(redis, "journal-b") as theirs:
        ours.wanted(ALL)
        theirs.follow(["journal-a"], heard.append)
        key = redis.key("frames", "journal-a")
        with trio.fail_after(20):
            while not heard:
                ours.publish(frames(0, 1))
                await trio.sleep(0.01)
        for entry in ({b"f": b"\xc1"}, {b"g": b""}, {b"f": packed(Frames("journal-x", 0, 9, 0, []))}):
            await redis.ask(lambda client, entry=entry: client.xadd(key, entry))  # type: ignore[misc]
        await until(lambda: theirs.statistics()["unreadable_entries"] == 3)
        ours.publish(frames(50, 60))
        await until(lambda: heard[-1].position == 60)


async def test_a_journal_that_is_followed_no_more_while_it_is_read_is_not_read_on(server: RedisProcess) -> None:
    heard: list[Frames] = []
    async with connected(server.url, "{e}:") as redis, bus_of(redis, "journal-a") as ours, bus_of(redis, "journal-b") as theirs:
        ours.wanted(ALL)

        def hear(found: Frames) -> None:
            heard.append(found)
            theirs.follow(["journal-c"], heard.append)

        theirs.follow(["journal-a"], hear)
        with trio.fail_after(20):
            while not heard:
                for after in range(5):
                    ours.publish(frames(10 * after, 10 * after + 1))  # which is no stretch of the one before: an entry each
                await trio.sleep(0.01)
        for _ in range(20):
            ours.publish(frames(100, 101))
            await until(lambda: ours.statistics()["waiting_bytes"] == 0)
        assert len(heard) == 1


async def test_the_stream_of_a_node_that_dies_does_not_stay(server: RedisProcess) -> None:
    async with connected(server.url, "{f}:") as redis, bus_of(redis, "journal-a") as bus:
        bus.wanted(ALL)
        bus.publish(frames(0, 1))
        key = redis.key("frames", "journal-a")
        with trio.fail_after(20):
            while await redis.ask(lambda client: client.ttl(key)) <= 0:  # noqa: ASYNC110
                await trio.sleep(0.01)
