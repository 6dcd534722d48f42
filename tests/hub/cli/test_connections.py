"""`tributary device connections` on a real hub, with a real device that comes and goes."""

import json

import trio

from devices import Channel, Device
from tests.support.command_line import CommandLine
from tests.support.hub_process import RunningHub


async def come_and_go(hub: RunningHub, token: str) -> None:
    async with Device(hub.url, "pump", token, channels=[Channel("temp")]) as device:
        await device.send({"temp": 1.0})
        await device.drained(10)


def test_a_device_that_came_and_went_is_listed_with_how_it_ended(run: CommandLine, hub: RunningHub) -> None:
    token = hub.provision("pump")
    assert "never connected" in run("device", "connections", "pump").err
    for _ in range(2):
        trio.run(come_and_go, hub, token)
    listed = run("device", "connections", "pump").out.splitlines()
    assert listed[0].split() == ["came", "left", "lasted", "from", "code", "why"]
    assert len(listed) == 3
    items = json.loads(run("device", "connections", "pump", "--json", "--limit", "1").out)
    assert len(items) == 1
    assert items[0]["remote"].startswith("127.0.0.1:")
    assert "no device is called" in run("device", "connections", "nobody").err


def test_an_open_connection_is_listed_with_what_went_over_it(run: CommandLine, hub: RunningHub) -> None:
    token, listed = hub.provision("fan"), list[str]()

    async def watch() -> None:
        async with Device(hub.url, "fan", token, channels=[Channel("temp")]) as device:
            await device.send({"temp": 1.0})
            await device.drained(10)
            for more in ((), ("--json",)):
                listed.append((await trio.to_thread.run_sync(lambda more=more: run("connections", *more))).out)  # type: ignore[misc]

    trio.run(watch)
    head, row = listed[0].splitlines()
    assert head.split() == ["kind", "who", "from", "age", "in", "out", "ping", "waits"]
    assert row.split()[:2] == ["device", "fan"]
    (item,) = json.loads(listed[1])
    assert item["received_frames"] == 2
