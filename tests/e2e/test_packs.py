"""Packs through a real hub that is killed again and again: each value is stored once, as the float it was sent as."""

import random
import struct
from array import array
from pathlib import Path

import pytest
import trio

from devices import Channel, Device
from hub.client import HubClient
from simulators.hub_process import free_port
from tests.support.chance import Eager
from tests.support.hub_process import running_hub
from tests.support.picture import ViewerPicture
from tests.support.waiting import until

COUNT, PACKS, KILLS = 500, 60, 3
STEP_NS = 250_000


def bits(value: float) -> bytes:
    return struct.pack("<d", value)


def burst(rng: random.Random, code: str) -> "array[float]":
    """Make values of every size, also the smallest ones and both zeros."""
    values = array(code, [rng.choice((1.0, -1.0)) * 10 ** rng.uniform(-37, 37) for _ in range(COUNT)])
    values[0], values[1], values[2] = -0.0, 1e-45, 0.1  # as float32: zero with a sign, the smallest there is, not 0.1
    return values


async def test_packs_outlive_kills_of_the_hub_once_and_bit_by_bit(tmp_path: Path) -> None:
    rng = random.Random(7)
    with running_hub(tmp_path / "data", port=free_port()) as hub, trio.fail_after(120):
        token = hub.provision("rotor")
        async with HubClient(hub.url, hub.admin_token) as client:
            base_us = (await client.hub())["time_us"] - 60_000_000
            channels = [Channel("vibration", "m/s2"), Channel("phase", "deg")]
            sent: dict[str, list[tuple[int, bytes]]] = {"vibration": [], "phase": []}
            async with Device(hub.url, "rotor", token, channels=channels, spool_dir=tmp_path / "spool", rng=Eager()) as device:
                for number in range(PACKS):
                    start_us = base_us + number * COUNT * STEP_NS // 1_000
                    values = burst(rng, "f")
                    await device.send_pack("vibration", values, step_ns=STEP_NS, start_us=start_us)
                    sent["vibration"] += [(start_us + at * STEP_NS // 1_000, bits(value)) for at, value in enumerate(values)]
                    values, offsets = burst(rng, "d"), rng.sample(range(COUNT * 50), COUNT)
                    await device.send_pack("phase", values, offsets_us=offsets, start_us=start_us)
                    sent["phase"] += [(start_us + offset, bits(value)) for offset, value in zip(offsets, values, strict=True)]
                    if number % (PACKS // KILLS) == PACKS // KILLS // 2:
                        await until(lambda: device.statistics().acked_frames > 0)
                        hub.process.kill()
                        hub.process.start()
                await device.drained(60)
                assert (device.statistics().gaps, device.statistics().rejected) == (0, 0)
            hub.process.kill()
            hub.process.start()
            for channel, readings in sent.items():
                points = await stored(client, channel, base_us, len(readings))
                assert sorted((t_us, bits(value)) for t_us, _, value in points) == sorted(readings)


async def stored(client: HubClient, channel: str, base_us: int, count: int) -> list[tuple[int, int, float]]:
    """Return the readings that the store shows, once there are so many or more."""
    points: list[tuple[int, int, float]] = []
    while len(points) < count:
        for series in (await client.query("rotor", [channel], from_us=base_us - 1, limit=50_000))["series"]:
            points = series["points"]
        await trio.sleep(0.02)
    return points


async def watch(client: HubClient, width_us: int, picture: ViewerPicture) -> None:
    """Draw what the hub says of a subscription."""
    async with client.live() as live:
        await live.subscribe("a", ["rotor"], span_s=600, width_us=width_us)
        async for message in live:
            if message["op"] in ("snapshot", "update"):
                picture.apply(message)


@pytest.mark.parametrize("width_us", [0, 1_000_000])
async def test_a_viewer_sees_every_value_of_packs_as_points_or_in_a_bucket(tmp_path: Path, width_us: int) -> None:
    picture, name = ViewerPicture(), ("rotor", "vibration")
    with running_hub(tmp_path / "data") as hub, trio.fail_after(60):
        token = hub.provision("rotor")
        async with HubClient(hub.url, hub.admin_token) as client, trio.open_nursery() as nursery:
            nursery.start_soon(watch, client, width_us, picture)
            await until(lambda: picture.cursor is not None)
            async with Device(hub.url, "rotor", token, channels=[Channel("vibration", "m/s2")]) as device:
                base_us = (await client.hub())["time_us"] - 20_000_000
                await device.send_pack("vibration", range(20), step_ns=100_000_000, start_us=base_us)
                await until(lambda: name in picture.names.values() and picture.totals(name)[0] == 20)
                assert (len(picture.raw.get(name, ())) == 20) == (width_us == 0)
                for number in range(5, 15):
                    values = [float(at % 100) for at in range(4_000)]
                    values[number] = -1e6 * number
                    await device.send_pack("vibration", values, step_ns=250_000, start_us=base_us + number * 1_000_000, format="f4")
                await until(lambda: picture.totals(name)[0] >= 40_020)
                assert picture.totals(name) == (40_020, sum(range(20)) + sum(40 * 4950 - 1_000_001 * number for number in range(5, 15)))
                assert picture.extremes(name) == (-14e6, 99.0)
            nursery.cancel_scope.cancel()
