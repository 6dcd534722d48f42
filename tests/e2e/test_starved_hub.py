"""A hub that gets no CPU for 5 seconds: no device is taken for offline or silent, and no rule raises anything."""

import os
import signal
from pathlib import Path

import trio

from devices import Channel, Device
from hub.client import HubClient, rules
from tests.support.hub_process import RunningHub, running_hub
from tests.support.waiting import until

DEVICES, INTERVAL_S, STOPPED_S = 30, 0.25, 5.0


class Watch:
    """What a viewer saw of the devices."""

    def __init__(self) -> None:
        self.presence: dict[str, str] = {}
        self.wrong: list[tuple[str, str]] = []
        self.alerts: list[object] = []
        self.frames = 0

    async def run(self, client: HubClient) -> None:
        async with client.live() as live:
            await live.subscribe("a", span_s=10.0)
            async for message in live:
                for item in message["items"] if message["op"] == "devices" else ():
                    if self.presence.get(item["device"]) == "online" != item["presence"]:
                        self.wrong.append((item["device"], item["presence"]))
                    self.presence[item["device"]] = item["presence"]
                self.alerts += message["items"] if message["op"] == "alerts" else ()
                self.frames += message["op"] == "update"


async def report(hub: RunningHub, name: str, token: str) -> None:
    async with Device(hub.url, name, token, channels=[Channel("temp", "Cel")], interval_s=INTERVAL_S) as device:
        while True:
            await device.send({"temp": 20.5})
            await trio.sleep(INTERVAL_S)


async def starve(hub: RunningHub) -> None:
    tokens = {name: hub.provision(name) for name in (f"d{number}" for number in range(DEVICES))}
    watch = Watch()
    async with HubClient(hub.url, hub.admin_token) as client, trio.open_nursery() as nursery:
        await rules.put_rule(client, "gone", {"kind": "offline"})
        await rules.put_rule(client, "quiet", {"kind": "no_data", "for_s": 3})
        nursery.start_soon(watch.run, client)
        for name, token in tokens.items():
            nursery.start_soon(report, hub, name, token)
        await until(lambda: len(watch.presence) == DEVICES and set(watch.presence.values()) == {"online"}, 30)
        os.kill(hub.process.pid, signal.SIGSTOP)
        await trio.sleep(STOPPED_S)  # the outage itself
        os.kill(hub.process.pid, signal.SIGCONT)
        seen = watch.frames
        await until(lambda: watch.frames > seen + 20, 30)
        assert (watch.wrong, watch.alerts) == ([], [])
        assert (await client.hub())["connected"] == DEVICES
        nursery.cancel_scope.cancel()


async def test_five_seconds_without_cpu_raise_no_false_alarm(tmp_path: Path) -> None:
    with running_hub(tmp_path / "data") as hub, trio.fail_after(90):
        await starve(hub)
