"""A recording is sent by its devices over real connections: in its own time, faster, over and over, and what is not sent is told."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from devices import Device, Reject
from devices.client import Unreachable
from devices.wire.messages import Data
from hub.core.exchange.options import ImportOptions
from simulators.replay import Played, Playing, Recording, playing
from tests.support.little_hub import LittleHub, little_hub
from tests.support.waiting import until

BEGIN_US = 1_767_225_600_000_000  # what the file says: the first second of 2026
NOW_US = time.time_ns() // 1_000


@asynccontextmanager
async def stage(directory: Path, readings: Sequence[tuple[int, str, float]]) -> AsyncIterator[tuple[Recording, LittleHub, dict[str, Any]]]:
    """Yield a recording of device d, given as (ms, channel, value), a hub, and how its device connects."""
    rows = [f"{BEGIN_US // 1_000 + ms},d,{channel},{value}" for ms, channel, value in readings]
    (directory / "file.csv").write_text("time,device,channel,value\n" + "\n".join(rows) + "\n")
    recording = Recording.read(directory / "file.csv", ImportOptions(time_format="ms"))
    try:
        async with little_hub() as hub:
            yield recording, hub, {"d": partial(Device, "memory", "d1", "token", connect=hub.connect)}
    finally:
        recording.close()


def told(hub: LittleHub) -> list[tuple[int, int, float]]:
    """Return (time, channel, value) of what the hub has, by time."""
    frames = [frame for frame in hub.frames if isinstance(frame, Data)]
    found = [
        (int(frame.base_us or 0) + offset_us, channel, value)
        for frame in frames
        for channel, offset_us, value in zip(frame.channels, frame.offsets_us, frame.values, strict=True)
    ]
    return sorted(found)


# Series by series, as an export has them.
TWO = [(ms, "a", ms) for ms in range(0, 1_000, 10)] + [(ms, "b", -ms) for ms in range(0, 1_000, 50)]


async def test_it_takes_its_time_and_readings_get_the_times_of_now(tmp_path: Path) -> None:
    async with stage(tmp_path, TWO) as (recording, hub, connect):
        began_s = trio.current_time()
        played = await playing.play(recording, connect, Playing(speed=2.0), now=lambda: NOW_US)
        assert 0.49 <= trio.current_time() - began_s < 20
        assert (played.sent, played.unacked, played.unsent.lines()) == (120, {}, [])
        assert told(hub) == sorted((NOW_US + ms * 500, "ab".index(channel), value) for ms, channel, value in TWO)
        assert hub.hellos[0].interval_s is None


async def test_recorded_times_can_be_kept_and_channels_of_one_time_share_a_frame(tmp_path: Path) -> None:
    async with stage(tmp_path, TWO) as (recording, hub, connect):
        await playing.play(recording, connect, Playing(speed=1_000.0, keeps_times=True))
        assert told(hub) == sorted((BEGIN_US + ms * 1_000, "ab".index(channel), value) for ms, channel, value in TWO)
        together = [frame for frame in hub.frames if isinstance(frame, Data) and 1 in frame.channels]
        for frame in together:  # whatever else was due by then is in it too
            by_channel = [{at for of, at in zip(frame.channels, frame.offsets_us, strict=True) if of == channel} for channel in (0, 1)]
            assert by_channel[1] <= by_channel[0]
        assert sum(frame.channels.count(1) for frame in together) == 20


async def test_loops_go_on_in_time(tmp_path: Path) -> None:
    async with stage(tmp_path, [(0, "a", 1), (10, "a", 2), (20, "a", 3)]) as (recording, hub, connect):
        played = await playing.play(recording, connect, Playing(loops=3), now=lambda: NOW_US)
        assert (played.loops, played.sent) == (3, 9)
        assert told(hub) == [(NOW_US + at * 10_000, 0, at % 3 + 1) for at in range(9)]


async def test_it_stops_when_told_and_waits_for_acks(tmp_path: Path) -> None:
    async with stage(tmp_path, [(ms, "a", ms) for ms in range(0, 60_000, 10)]) as (recording, hub, connect):
        played, stop = Played(), trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(playing.play, recording, connect, Playing(loops=None), played=played, stop=stop))
            await until(lambda: len(hub.values()) > 10)
            stop.set()
        assert 10 < played.sent == len(hub.values()) < 1_000
        assert played.unacked == {}


async def test_what_the_hub_refuses_or_does_not_ack_is_told(tmp_path: Path) -> None:
    async with stage(tmp_path, [(ms, "a", ms) for ms in range(3)]) as (recording, hub, connect):
        hub.reject = lambda frame: Reject(1, 1, "readings", "", ((0, "too_old"), (1, "too_old"))) if isinstance(frame, Data) else None
        played = await playing.play(recording, connect, Playing(speed=1_000))
        assert played.unsent.lines() == ["2 not sent: the hub refused it: too_old"]
        hub.down = Unreachable("down")
        played = await playing.play(recording, connect, Playing(speed=1_000, drain_s=0.05))
        assert list(played.unacked) == ["d1"]


async def test_no_spool_overflows_while_the_hub_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playing, "MAX_UNACKED_FRAMES", 5)
    monkeypatch.setattr(playing, "CHUNK", 10)
    async with stage(tmp_path, [(ms, "a", ms) for ms in range(500)]) as (recording, hub, connect):
        hub.down, played = Unreachable("down"), Played()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(playing.play, recording, connect, Playing(speed=1_000), played=played))
            await until(lambda: len(hub.connected_s) > 1)
            assert played.sent <= 60
            hub.down = None
        assert sorted(hub.values()) == list(range(500))
        assert played.behind_s > 0.0
