"""A device whose cable is cut: new readings go first when it is back, the spool drains beside them, and the chart fills its hole."""

from pathlib import Path

import pytest
import trio

from devices import Channel, Device
from hub.client import HubClient
from simulators.faults import fault_proxy
from tests.support.chance import Eager
from tests.support.hub_process import RunningHub, running_hub
from tests.support.picture import ViewerPicture
from tests.support.waiting import until

BEFORE, AWAY, AFTER = range(20), range(20, 2_020), range(2_020, 2_040)
STEP_US = 1_000


async def watch(client: HubClient, name: str, picture: ViewerPicture, arrivals: list[int]) -> None:
    """Draw what the hub says, and note the values in the order in which they come."""
    async with client.live() as live:
        await live.subscribe("a", [name], span_s=3_600)
        async for message in live:
            if message["op"] in ("snapshot", "update"):
                picture.apply(message)
                arrivals.extend(int(value) for column in message["data"] if column["w"] == 0 for value in column["v"])


@pytest.mark.parametrize("how", ["rst", "half open"])
async def test_new_readings_go_first_and_the_hole_is_filled(tmp_path: Path, how: str) -> None:
    with running_hub(tmp_path / "data") as hub:
        with trio.fail_after(90):
            await cut_and_come_back(hub, tmp_path, how)


async def cut_and_come_back(hub: RunningHub, directory: Path, how: str) -> None:
    picture, arrivals = ViewerPicture(), list[int]()
    token = hub.provision("buoy")
    host, port = hub.address
    async with HubClient(hub.url, hub.admin_token) as client, fault_proxy(host, port) as proxy, trio.open_nursery() as nursery:
        nursery.start_soon(watch, client, "buoy", picture, arrivals)
        base_us = (await client.hub())["time_us"]
        channels = [Channel("level", "m")]
        async with Device(proxy.url, "buoy", token, channels=channels, spool_dir=directory / "spool", rng=Eager()) as device:

            async def send(numbers: range) -> None:
                for number in numbers:
                    await device.send({"level": number}, time_us=base_us + number * STEP_US)

            await send(BEFORE)
            await until(lambda: len(arrivals) == len(BEFORE))
            proxy.refuse()
            if how == "rst":
                proxy.cut("rst")
            else:
                proxy.half_open()
            await send(AWAY)
            assert len(arrivals) == len(BEFORE)
            proxy.heal()
            if how == "half open":
                proxy.cut("fin")  # what the router says at last
            connects = device.statistics().connects
            await until(lambda: device.statistics().connects > connects, 30)
            await send(AFTER)
            await device.drained(30)
        everything = len(BEFORE) + len(AWAY) + len(AFTER)
        await until(lambda: picture.totals(("buoy", "level"))[0] == everything)
        assert picture.totals(("buoy", "level"))[1] == sum(range(everything))
        newest_first = arrivals.index(AFTER[0]) < arrivals.index(AWAY[-1])
        assert newest_first, "the spool was drained before a new reading was sent"
        nursery.cancel_scope.cancel()
