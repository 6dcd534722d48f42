"""The same zoom twice, five seconds apart, while readings come: every bucket but the newest is what it was.

A real hub, asked over HTTP, on each store. VictoriaMetrics shows what it was given up to 30 s later: there, what is older is compared.
"""

import math
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from devices.client import Device
from devices.wire.messages import Channel, Kind
from hub.client import HubClient
from tests.support.hub_process import RunningHub, running_hub
from tests.support.stored import Stored, store_readings
from tests.support.victoria import PROGRAM, running_victoria

APART_S = 5.0
WIDTHS = ("100ms", "1s", "10s", "1min")
SETTLING_US = {"duckdb": 0, "victoriametrics": 30_000_000}
Buckets = dict[tuple[str, int], tuple[Any, ...]]  # channel and start -> what is in it


@pytest.fixture(params=["duckdb", pytest.param("victoriametrics", marks=[pytest.mark.needs_server(PROGRAM), pytest.mark.slow])])
def hub(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, RunningHub]]:
    if request.param == "duckdb":
        with running_hub(tmp_path / "data") as running:
            yield request.param, running
        return
    with (
        running_victoria(tmp_path / "victoria") as server,
        running_hub(tmp_path / "data", environment={"TRIBUTARY_STORE": f"victoriametrics+{server.url}"}) as running,
    ):
        yield request.param, running


@asynccontextmanager
async def streaming(hub: RunningHub, token: str) -> AsyncIterator[None]:
    """Have a device send twenty readings a second, of a gauge and of a counter."""
    channels = [Channel("temp", "Cel"), Channel("count", "1", kind=Kind.COUNTER)]

    async def stream() -> None:
        async with Device(hub.device_url, "live", token, channels=channels) as device:
            for number in range(10**6):
                await device.send({"temp": 20 + math.sin(number / 9), "count": number})
                await trio.sleep(0.05)  # the pace of the sensor

    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream)
        yield
        nursery.cancel_scope.cancel()


async def render(client: HubClient, device: str, width: str, from_us: int) -> Buckets:
    """Ask for everything up to now, as a page does."""
    found: Buckets = {}
    for series in (await client.query(device, width=width, from_us=from_us, limit=50_000))["series"]:
        buckets = series["buckets"]
        rows = zip(*(buckets[name] for name in ("t", "min", "max", "sum", "count", "last", "last_t")), strict=True)
        found |= {(series["channel"], row[0]): row for row in rows}
    return found


def older(buckets: Buckets, before_us: int) -> Buckets:
    """Return those of each channel but its newest, and none that ends after a time."""
    newest: dict[str, int] = {}
    for channel, start in buckets:
        newest[channel] = max(newest.get(channel, start), start)
    return {key: row for key, row in buckets.items() if key[1] < newest[key[0]] and key[1] < before_us}


@pytest.mark.slow
def test_every_bucket_but_the_newest_is_what_it_was(hub: tuple[str, RunningHub]) -> None:
    kind, running = hub
    now_us = time.time_ns() // 1_000
    past = [(now_us - 600_000_000 + at * 100_000, at % 13) for at in range(5_000)]
    store_readings(running, Stored("past", {"temp": past}))
    token = running.provision("live")

    async def look_twice() -> None:
        async with HubClient(running.url, running.admin_token) as client, streaming(running, token):
            with trio.fail_after(60):
                while len(await render(client, "live", "1s", now_us)) < 8:  # noqa: ASYNC110  # over HTTP
                    await trio.sleep(0.05)
            began_s, first_us = trio.current_time(), time.time_ns() // 1_000
            first = {
                (name, width): await render(client, name, width, now_us - 700_000_000) for name in ("live", "past") for width in WIDTHS
            }
            await trio.sleep_until(began_s + APART_S)
            for (name, width), before in first.items():
                after = await render(client, name, width, now_us - 700_000_000)
                kept = older(before, first_us - SETTLING_US[kind])
                assert kept == {key: after.get(key) for key in kept}, (name, width)
                assert len(kept) > 4 or name == "live", (name, width)
                if kind == "duckdb" and width in ("100ms", "1s"):
                    assert len(kept) > 4, "what came just before is compared as well"

    trio.run(look_twice)
