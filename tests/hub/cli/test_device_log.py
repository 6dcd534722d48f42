"""`tributary device log` on a real hub, with a real device that logs."""

import json

import trio

from devices import Channel, Device
from tests.support.command_line import CommandLine
from tests.support.hub_process import RunningHub
from tests.support.waiting import wait_until


async def log(hub: RunningHub, token: str) -> None:
    async with Device(hub.url, "pump", token, channels=[Channel("temp")]) as device:
        await device.log("info", "opened")
        await device.log("error", "stuck\x1b[31m\nat 3 %")
        await device.drained(10)


def test_what_a_device_logged_is_printed_oldest_first_and_does_nothing_to_the_terminal(run: CommandLine, hub: RunningHub) -> None:
    token = hub.provision("pump")
    assert "pump has logged nothing" in run("device", "log", "pump").err
    trio.run(log, hub, token)
    wait_until(lambda: len(run("device", "log", "pump").out.splitlines()) == 2)  # acked is not yet listed
    first, second = run("device", "log", "pump").out.splitlines()
    assert first.split()[-2:] == ["info", "opened"]
    assert second.endswith(r"stuck\x1b[31m\nat 3 %")
    items = json.loads(run("device", "log", "pump", "--json", "--level", "warning").out)
    assert [item["text"] for item in items] == ["stuck\x1b[31m\nat 3 %"]
    assert "--level is one of" in run("device", "log", "pump", "--level", "loud").err
    assert "no device is called" in run("device", "log", "nobody").err
