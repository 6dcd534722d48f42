"""A whole hub on the data directory of an earlier one: its device comes in by its old token, its readings are shown, and it goes on."""

import time
from pathlib import Path

import pytest
import trio

from devices.client import Device
from devices.wire.messages import Channel
from tests.support.hub_process import RunningHub, running_hub
from tests.support.older_hubs import LEFT, SENT, left_by


async def shown_after_one_more(hub: RunningHub, token: str, folder: Path) -> list[tuple[int, float]]:
    """Have the device send one more reading, and return all that the hub then shows."""
    more = (time.time_ns() // 1_000, 25.0)
    with trio.fail_after(30):
        async with Device(hub.url, "pump", token, channels=[Channel("temp", "Cel")], spool_dir=folder) as device:
            await device.send({"temp": more[1]}, time_us=more[0])
            await device.drained()
        while True:
            shown = await trio.to_thread.run_sync(shown_of, hub, f"from={min(SENT[0], more)[0]}&to={max(SENT[-1], more)[0] + 1}")
            if more in shown:
                return shown


def shown_of(hub: RunningHub, stretch: str) -> list[tuple[int, float]]:
    """Return time and value of each reading in a stretch."""
    said = hub.api("GET", f"/api/v1/query?device=pump&channel=temp&width=raw&{stretch}")
    return [(point[0], point[2]) for series in said["series"] for point in series["points"]]


@pytest.mark.parametrize("number", [min(LEFT), 5])
async def test_a_hub_goes_on_where_an_earlier_one_ended(tmp_path: Path, number: int) -> None:
    folder = left_by(number, tmp_path / "data")
    with running_hub(folder, environment={"TRIBUTARY_KEEP_RAW_DAYS": "0"}) as hub:
        shown = await shown_after_one_more(hub, LEFT[number][2], tmp_path / "spool")
        assert [each for each in sorted(shown) if each[1] != 25.0] == SENT
        assert hub.process.stop() == 0
