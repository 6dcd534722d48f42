"""This machine as a device: its sensors are channels with units, and its three commands answer."""

import random
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
import trio

from devices.client import device_url
from devices.host import Sensors, run_host
from devices.readings import Readings
from devices.wire.codec import encode
from devices.wire.messages import Command, Desired, Reported
from tests.support.little_hub import TIME_US, listening_hub

UNITS = {"%", "1", "By", "By/s", "Cel", "s", "/min"}


def test_every_sensor_is_a_channel_with_a_known_unit_and_a_plausible_value() -> None:
    sensors = Sensors()
    began_s, busy_s = time.monotonic(), time.process_time()
    while time.process_time() - busy_s < 0.1:  # the processor has something to do between two readings
        random.random()
    values = sensors.read()
    share = 100 * 0.1 / (time.monotonic() - began_s)  # all of a processor, where others leave it to us
    channels = {channel.name: channel for channel in sensors.channels}
    assert {channel.unit for channel in sensors.channels} <= UNITS
    assert {"cpu.0", "memory", "memory.used", "load.1m", "disk /", "disk / used", "uptime", "process.memory"} <= set(values)
    for name, value in values.items():
        low, high = channels[name].min, channels[name].max
        assert low is None or value >= low, name
        assert high is None or value <= high or channels[name].unit == "Cel", name
    assert values["process.cpu"] > share / 2
    assert values["process.memory"] > 1_000_000
    assert len(Readings(sensors.channels).drafts([(TIME_US, values)])) == 1


def test_a_rate_that_goes_back_is_not_known() -> None:
    sensors = Sensors()

    def rates(counts: Iterable[float]) -> list[float | None]:
        found = []
        for count in counts:
            sensors._read_at_s += 2.0
            found.append(sensors._rate("made up", count))
        return found

    assert rates([100, 120, 5, 25]) == [None, 10.0, None, 10.0]


@pytest.mark.parametrize("interval_s", [0.05])
async def test_it_streams_and_obeys_its_commands(tmp_path: Path, interval_s: float) -> None:
    async with listening_hub() as (hub, url), trio.open_nursery() as nursery:
        nursery.start_soon(lambda: run_host(url, "d1", "right", spool_dir=tmp_path, interval_s=interval_s))
        await hub.until(lambda: len(hub.frames) >= 3, 10)
        (hello,) = hub.hellos
        assert {command.name for command in hello.commands} == {"set_interval", "identify", "ping"}
        assert hello.firmware.startswith("tributary-host")
        assert hello.interval_s == interval_s

        await hub.say(Command("c1", "ping", {}, 60.0, TIME_US))
        await hub.say(Command("c2", "identify", {}, 60.0, TIME_US))
        await hub.say(Command("c3", "set_interval", {"interval_s": 0.2}, 60.0, TIME_US))
        await hub.say(Command("c4", "set_interval", {"interval_s": 4_000}, 60.0, TIME_US))
        await hub.until(lambda: all(hub.outcomes(id_)[-1:] in (["done"], ["rejected"]) for id_ in ("c1", "c2", "c3", "c4")), 10)
        assert hub.result("c1").value["pong"] is True
        assert abs(hub.result("c1").value["time_us"] - time.time() * 1e6) < 60e6
        assert {"hostname", "platform", "boot_us"} <= set(hub.result("c2").value)
        assert hub.result("c3").value == 0.2
        assert "0.1...3600" in hub.result("c4").reason
        nursery.cancel_scope.cancel()


def test_an_address_may_be_http_or_websocket_with_or_without_a_path() -> None:
    assert device_url("http://hub:8080") == "ws://hub:8080/v1/device"
    assert device_url("https://hub/") == "wss://hub/v1/device"
    assert device_url("wss://hub/behind/proxy") == "wss://hub/behind/proxy"


async def test_its_interval_is_set_by_its_shadow_and_a_wrong_one_is_said_to_be_so(tmp_path: Path) -> None:
    def last() -> Reported | None:
        return next((frame for frame in reversed(hub.frames) if isinstance(frame, Reported)), None)

    def is_reported(interval_s: float) -> bool:
        return (report := last()) is not None and report.document == {"interval_s": interval_s}

    async def desire(version: int, document: dict[str, object]) -> None:
        assert hub.current is not None
        await hub.current.link.send(encode(Desired(version, document)))

    async with listening_hub() as (hub, url), trio.open_nursery() as nursery:
        nursery.start_soon(lambda: run_host(url, "d1", "right", spool_dir=tmp_path, interval_s=0.2))
        await hub.until(lambda: is_reported(0.2), 10)
        await desire(5, {"interval_s": 0.1})
        await hub.until(lambda: is_reported(0.1), 10)
        await desire(6, {"interval_s": "often"})
        await hub.until(lambda: (report := last()) and report.error, 10)
        assert getattr(last(), "error", "") == "ValueError: interval_s must be a number within 0.1...3600, not 'often'"
        await desire(7, {})
        await hub.until(lambda: is_reported(0.2), 10)
        nursery.cancel_scope.cancel()
