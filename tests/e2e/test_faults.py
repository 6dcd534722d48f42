"""Devices of made-up sensors behind every fault there is, against a real hub: each value that was made is stored, once, and no other is."""

import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import trio

from devices import Device
from devices.client.ways import Ways
from hub.client import HubClient
from simulators.faults import DeviceClock, FaultProxy, FaultyLinks, Network, fault_proxy
from simulators.sensors import Sensor, model
from tests.support.chance import Eager
from tests.support.hub_process import RunningHub, running_hub

STEP_S = 0.03
FRAMES, BREAKS, HEALS = 120, 30, 75
Act = Callable[[Any], object]
NETWORK: dict[str, Act] = {
    "delay": lambda network: network.delay(0.05, 0.1),
    "throttle": lambda network: network.throttle(8_000),
    "stall": Network.stall,
    "half-open": Network.half_open,
}
PROXY: dict[str, Act] = {
    **NETWORK,
    "reset": FaultProxy.cut,
    "end": lambda proxy: proxy.cut("fin"),
    "torn": lambda proxy: proxy.cut_after(1_333),
    "storm": lambda proxy: (proxy.refuse(), proxy.cut()),
}
LINKS: dict[str, Act] = {
    **NETWORK,
    "cut": FaultyLinks.cut,
    "duplicate": lambda links: links.duplicate(0.3),
    "reorder": lambda links: (links.reorder(), links.cut()),
}
CLOCK: dict[str, Act] = {
    "back": lambda clock: clock.step(-3_600.0),
    "ahead": lambda clock: clock.step(3_600.0),
    "skew": lambda clock: clock.skew(50_000.0),
}


def now_us() -> int:
    return time.time_ns() // 1_000


class Stage:
    """Devices of one hub, and the times at which each made its readings."""

    def __init__(self, hub: RunningHub, directory: Path) -> None:
        self.hub = hub
        self.directory = directory
        self.made: dict[str, tuple[Sensor, list[int]]] = {}

    async def device(self, name: str, broken: Any = None, act: Act = lambda _: None) -> None:
        """Be one through a fault: broken after BREAKS frames, healed after HEALS, drained at the end."""
        async with AsyncExitStack() as stack:
            token = await trio.to_thread.run_sync(self.hub.provision, name)
            options: dict[str, Any] = {"rng": Eager(), "channels": model("house").sensor(1, name).channels}
            url, clock = self.hub.url, now_us
            if broken is FaultProxy:
                broken = await stack.enter_async_context(fault_proxy(*self.hub.address))
                url = broken.url
            elif broken is FaultyLinks:
                broken = FaultyLinks(Ways(self.hub.device_url, token, None).open, seed=1)
                options["connect"] = broken.open
            elif broken is DeviceClock:
                clock = broken = DeviceClock(now_us)
                options["now"] = clock
            device = await stack.enter_async_context(Device(url, name, token, **options))
            await self.make(device, range(BREAKS), clock)
            act(broken)
            await self.make(device, range(BREAKS, HEALS), clock)
            if broken is not None:
                broken.heal()
            if name.endswith("half-open"):
                broken.cut()  # what a router says at last
            await self.make(device, range(HEALS, FRAMES), clock)
            await device.drained(25)
            assert (device.statistics().gaps, device.statistics().rejected) == (0, 0), name
            was_cut = act in (PROXY["reset"], PROXY["end"], PROXY["torn"], PROXY["storm"], LINKS["cut"], LINKS["reorder"])
            assert device.statistics().connects > was_cut, name
            assert not isinstance(broken, FaultyLinks) or bool(broken.duplicated) == name.endswith("duplicate"), name

    async def killed(self, name: str) -> None:
        """Be one that ends without warning while the hub is out of reach, and begins anew on what its spool kept."""
        token = await trio.to_thread.run_sync(self.hub.provision, name)
        async with fault_proxy(*self.hub.address) as proxy:
            options: dict[str, Any] = {
                "rng": Eager(),
                "channels": model("house").sensor(1, name).channels,
                "spool_dir": self.directory / name,
            }
            async with Device(proxy.url, name, token, **options) as device:
                await self.make(device, range(BREAKS), now_us)
                proxy.stall()
                await self.make(device, range(BREAKS, HEALS), now_us)
            proxy.heal()
            async with Device(proxy.url, name, token, **options) as device:
                assert device.statistics().unacked_frames > 0
                await self.make(device, range(HEALS, FRAMES), now_us)
                await device.drained(25)

    async def make(self, device: Device, numbers: range, clock: Callable[[], int]) -> None:
        """Send frames, one every STEP_S."""
        sensor, times = self.made.setdefault(device.name, (model("house").sensor(1, device.name), []))
        for number in numbers:
            times.append(clock() // 1_000 * 1_000 + number)  # no two readings of one microsecond, whatever the clock says
            ((time_us, values),) = sensor.rows(np.array(times[-1:]))
            await device.send(values, time_us=time_us)
            await trio.sleep(STEP_S)

    async def check(self, client: HubClient, name: str) -> None:
        """Hold what is stored of a device against what its sensor says of these times."""
        sensor, times = self.made[name]
        when = np.array(sorted(times))
        due = {each.name: list(zip(when.tolist(), sensor.column(each.name, when).values.tolist(), strict=True)) for each in sensor.channels}
        with trio.move_on_after(10):
            while await self.stored(client, name) != due:  # noqa: ASYNC110  # a store, looked at from outside
                await trio.sleep(0.1)
        stored = await self.stored(client, name)
        assert {channel: len(points) for channel, points in stored.items()} == {channel: FRAMES for channel in due}, name
        assert stored == due, name

    async def stored(self, client: HubClient, name: str) -> dict[str, list[tuple[int, Any]]]:
        times = self.made[name][1]
        answer = await client.query(name, [], from_us=min(times) - 10**6, to_us=max(times) + 10**6, width="raw", limit=20_000)
        return {each["channel"]: [(time_us, value) for time_us, _, value in each["points"]] for each in answer["series"]}


async def test_no_fault_loses_or_doubles_what_was_made(tmp_path: Path) -> None:
    with running_hub(tmp_path / "data") as hub, trio.fail_after(60):
        stage = Stage(hub, tmp_path)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stage.device, "well")
            nursery.start_soon(stage.killed, "killed")
            for kind, acts in ((FaultProxy, PROXY), (FaultyLinks, LINKS), (DeviceClock, CLOCK)):
                for name, act in acts.items():
                    nursery.start_soon(partial(stage.device, f"{kind.__name__}.{name}", kind, act))
        async with HubClient(hub.url, hub.admin_token) as client:
            for name in stage.made:
                await stage.check(client, name)
