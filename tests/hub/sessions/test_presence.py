"""Presence of devices on real sessions and a virtual clock: each loss is seen within the bound of docs/protocol.md section 11."""

import math
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import trio
import trio.lowlevel
from trio.testing import MockClock

from devices.link import LinkClosed, MemoryLink, memory_link_pair
from devices.wire.limits import HEARTBEAT_S, CloseCode
from hub.sessions.presence import PresenceWatch
from hub.web.heartbeat import Heartbeats
from tests.support.ingest_hub import DeviceEnd, IngestHub, ingest_hub, now_us


class Wire:
    """The hub's end of a connection as the door has it: it asks for signs of life; the other end may be dead."""

    def __init__(self, link: MemoryLink) -> None:
        self.link = link
        self.is_dead = False

    def is_halfway(self) -> bool:
        return False

    def beat(self) -> bool:
        return not self.is_dead

    def fail(self, code: CloseCode, reason: str) -> None:
        self.link._closing.append(LinkClosed(code, reason))
        self.link._incoming.close()


class Watched:
    """A hub whose presence is looked after, and what every viewer saw of it."""

    def __init__(self, hub: IngestHub, clock: MockClock) -> None:
        self.hub = hub
        self._clock = clock
        self.heartbeats = Heartbeats(HEARTBEAT_S)
        self._epoch = 76
        self.seen: list[tuple[float, str, str]] = []  # when, device, presence
        hub.entities.watch(self._saw)

    def _saw(self, what: str, item: Any) -> None:
        if what == "device" and (not self.seen or (item["device"], item["presence"]) != self.seen[-1][1:]):
            self.seen.append((trio.current_time(), item["device"], item["presence"]))

    @contextmanager
    def storing(self) -> Iterator[None]:
        """Let time go as it does outside: a disk is waited for, and no virtual clock knows of it."""
        self._clock.rate, self._clock.autojump_threshold = 1.0, math.inf
        try:
            yield
        finally:
            self._clock.rate, self._clock.autojump_threshold = 0.0, 0.0

    async def connect(self, name: str, **hello: Any) -> tuple[DeviceEnd, Wire]:
        """Let a device say hello, on a connection that is asked for signs of life."""
        ours, theirs = memory_link_pair(1_000)
        wire = Wire(theirs)
        self.heartbeats.add(wire)
        self.hub.connections.start_soon(self.hub.sessions.serve, name, theirs)
        device = DeviceEnd(ours, name)
        self._epoch += 1
        with self.storing():
            await device.hello(self._epoch, **hello)
            await self.is_seen(name, "online")
        return device, wire

    async def data(self, device: DeviceEnd, seq: int) -> None:
        """Let a device send a reading on its newest connection."""
        with self.storing():
            await device.data(self._epoch, seq, [20.5])
            await device.is_acked(self._epoch, seq)

    async def is_seen(self, name: str, presence: str) -> float:
        """Return when a device was seen to be so, once it is; how it is now."""
        with trio.fail_after(2_000):
            while (self.hub.registry.item(name) or {}).get("presence") != presence:  # noqa: ASYNC110
                await trio.sleep(0.1)
        return next(at for at, device, state in reversed(self.seen) if (device, state) == (name, presence))


@asynccontextmanager
async def watched_hub(directory: Path, clock: MockClock) -> AsyncIterator[Watched]:
    clock.rate, clock.autojump_threshold = 1.0, math.inf
    async with ingest_hub(directory) as hub, trio.open_nursery() as nursery:
        watched = Watched(hub, clock)
        await nursery.start(PresenceWatch(hub.registry, lambda: hub.journal.holding).run)
        await nursery.start(watched.heartbeats.run)
        with watched.storing():
            await hub.registry.add_device("pump")
        yield watched
        clock.rate, clock.autojump_threshold = 1.0, math.inf
        nursery.cancel_scope.cancel()


async def test_a_dead_peer_is_offline_within_65_seconds_of_its_last_byte(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with watched_hub(tmp_path, autojump_clock) as watched:
        for wait_s in (0.0, 7.3, 19.9):  # wherever in the period of pings it dies
            _, wire = await watched.connect("pump")
            await trio.sleep(wait_s)
            wire.is_dead = True
            died_s = trio.current_time()
            assert await watched.is_seen("pump", "offline") - died_s <= 65
            watched.heartbeats.remove(wire)


async def test_a_closed_socket_is_offline_at_once(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with watched_hub(tmp_path, autojump_clock) as watched:
        device, _ = await watched.connect("pump")
        await device.link.aclose()
        closed_s = trio.current_time()
        assert await watched.is_seen("pump", "offline") - closed_s <= 1


async def test_silence_is_seen_within_a_second_of_two_intervals_and_ends_with_the_next_frame(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with watched_hub(tmp_path, autojump_clock) as watched:
        device, _ = await watched.connect("pump", interval_s=30.0)
        await trio.sleep(29)
        await watched.data(device, 1)
        heard_s, heard_us = trio.current_time(), now_us()
        assert 60 <= await watched.is_seen("pump", "silent") - heard_s <= 61
        assert (watched.hub.registry.item("pump") or {})["last_seen_us"] <= heard_us  # to the frame, not to the look
        spoke_s = trio.current_time()
        await watched.data(device, 2)
        assert await watched.is_seen("pump", "online") - spoke_s <= 1


async def test_a_sleeper_is_offline_only_after_its_plan(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with watched_hub(tmp_path, autojump_clock) as watched:
        device, _ = await watched.connect("pump", sleep_s=300.0)
        await device.link.aclose()
        left_s = await watched.is_seen("pump", "sleeping")
        assert 345 <= await watched.is_seen("pump", "offline") - left_s <= 346


async def test_a_loop_that_was_blocked_for_5_seconds_raises_no_false_silence(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with watched_hub(tmp_path, autojump_clock) as watched:
        device, _ = await watched.connect("pump", interval_s=1.0)
        for seq in range(1, 10):
            await watched.data(device, seq)
            await trio.sleep(1)
            if seq % 4 == 0:
                autojump_clock.jump(5)
                await trio.lowlevel.checkpoint()
        assert [state for _, _, state in watched.seen] == ["offline", "online"]
