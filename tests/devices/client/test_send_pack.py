"""Packs take the way of all frames of a device: kept, numbered, sent, dropped with a gap that counts their readings."""

import random
import struct
from array import array
from pathlib import Path

import pytest
import trio.testing

from devices import Channel, Device
from devices.client import Unreachable
from devices.wire.messages import Pack
from tests.support.little_hub import TIME_US, LittleHub, little_hub

CHANNELS = [Channel("temp", "Cel"), Channel("vibration", "m/s2")]


def device_of(hub: LittleHub, spool: Path | None = None, spool_max_bytes: int = 1 << 26) -> Device:
    return Device(
        "memory",
        "d1",
        "token",
        channels=CHANNELS,
        spool_dir=spool,
        spool_max_bytes=spool_max_bytes,
        connect=hub.connect,
        rng=random.Random(1),
        now=lambda: TIME_US,
    )


def values(hub: LittleHub) -> list[float]:
    packs = [frame for frame in hub.frames if isinstance(frame, Pack)]
    return [value for frame in packs for value in struct.unpack(f"<{frame.count}f", frame.values)]


async def test_a_long_pack_goes_in_several_frames_beside_other_readings(autojump_clock: trio.testing.MockClock) -> None:
    async with little_hub() as hub, device_of(hub) as device:
        await hub.until(lambda: hub.hellos)
        await device.send({"temp": 21.5})
        await device.send_pack("vibration", array("f", range(40_000)), step_ns=25_000)
        await device.send_pack("vibration", [1.0, 2.0], offsets_us=[0, 7], start_us=TIME_US, format="f4")
        await device.drained(10)
        assert hub.values() == [21.5]
        assert values(hub) == [*range(40_000), 1.0, 2.0]
        first, *_, last = [frame for frame in hub.frames if isinstance(frame, Pack)]
        assert (first.seq, first.channel, first.base_us) == (2, 1, TIME_US - 999_975)
        assert (last.base_us, last.offsets_us) == (TIME_US, struct.pack("<2i", 0, 7))
        assert device.statistics().acked_frames == 5


async def test_what_is_wrong_with_a_pack_is_raised_and_nothing_is_kept(autojump_clock: trio.testing.MockClock) -> None:
    async with little_hub() as hub, device_of(hub) as device:
        with pytest.raises(ValueError, match="give step_ns"):
            await device.send_pack("vibration", [1.0])
        with pytest.raises(ValueError, match="value 1 of 2"):
            await device.send_pack("vibration", [1.0, float("inf")], step_ns=1_000)
        assert device.statistics().spooled_frames == 0


async def test_packs_on_the_spool_outlive_the_program_and_go_as_backfill(tmp_path: Path) -> None:
    async with little_hub() as hub:
        hub.down = Unreachable("down")
        async with device_of(hub, tmp_path) as device:
            for number in range(20):
                await device.send_pack("vibration", array("f", [number] * 5_000), step_ns=1_000_000, start_us=TIME_US + number)
        hub.down = None
        async with device_of(hub, tmp_path) as device:
            await device.send_pack("vibration", array("f", [-1]), step_ns=1)
            await device.drained(60)
        assert sorted(values(hub)) == [-1, *(number for number in range(20) for _ in range(5_000))]
        assert not hub.gaps()


async def test_a_gap_counts_the_readings_of_the_packs_it_stands_for(autojump_clock: trio.testing.MockClock) -> None:
    async with little_hub() as hub:
        hub.down = Unreachable("down")
        async with device_of(hub, spool_max_bytes=200_000) as device:
            for number in range(20):
                await device.send_pack("vibration", array("f", [number] * 5_000), step_ns=1_000, start_us=TIME_US + number * 5_000)
            hub.down = None
            await device.drained(60)
            (gap,) = hub.gaps()
            assert gap.reason == "spool_full"
            assert gap.readings + len(values(hub)) == 100_000
            assert (gap.from_us, gap.to_us) == (TIME_US, TIME_US + gap.readings - 1)
            assert device.statistics().dropped_readings == gap.readings
