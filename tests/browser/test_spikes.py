"""One reading among ten thousand that is far from all others: seen in every live range, on a dashboard's chart, and in the overview.

Zooms of the past are tried in test_charts.py. Needs Chromium.
"""

import math
import time
from collections.abc import Iterator
from typing import Final

import pytest
import trio
from playwright.sync_api import Browser, expect

from devices.client import Device
from devices.wire.messages import Channel
from tests.support.browser import TIMEOUT_MS
from tests.support.hub_process import RunningHub, running_hub
from tests.support.pages import is_live, page_of

pytestmark = [pytest.mark.needs_server("chromium"), pytest.mark.slow]

READINGS: Final = 10_000
SPAN_S: Final = 280.0  # all of them are within the shortest range
SPIKE_AGO_S: Final = 40.0  # within the overview's lines as well
SPIKE: Final = 99.5
HIGHEST: Final = """Math.max(...[...document.querySelectorAll('.plot')].flatMap(plot => plot.data ?? [])
  .flatMap(trace => trace.y.filter(y => y !== null)))"""
# How high the line of the overview goes, and its band: 0 is the top.
TOP: Final = """Math.min(...[...document.querySelectorAll('.row-spark path')]
  .flatMap(path => [...(path.getAttribute('d') ?? '').matchAll(/[ML][\\d.-]+ ([\\d.-]+)/g)].map(found => Number(found[1]))))"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with running_hub(tmp_path_factory.mktemp("hub") / "data") as running:
        bring(running)
        yield running


def bring(hub: RunningHub) -> None:
    """Send the readings of the last minutes."""
    token, begin_us, step_us = hub.provision("needle"), int((time.time() - SPAN_S) * 1e6), int(SPAN_S * 1e6 / READINGS)
    at_spike = round((SPAN_S - SPIKE_AGO_S) / SPAN_S * READINGS)
    values = [SPIKE if at == at_spike else 20 + math.sin(at) for at in range(READINGS)]

    async def main() -> None:
        with trio.fail_after(60):
            async with Device(hub.device_url, "needle", token, channels=[Channel("temp", "Cel")]) as device:
                await device.send_many((begin_us + at * step_us, {"temp": value}) for at, value in enumerate(values))
                await device.drained(50)

    trio.run(main)


def test_a_spike_is_seen_in_the_overview(browser: Browser, hub: RunningHub) -> None:
    with page_of(browser, hub, at="#/?channel=temp") as page:
        page.wait_for_function(f"() => {TOP} <= 20", timeout=TIMEOUT_MS)  # of a hundred


def test_a_spike_is_seen_on_a_dashboard_and_in_every_live_range(browser: Browser, hub: RunningHub) -> None:
    config = {"source": {"devices": ["needle"]}, "channels": ["temp"]}
    tile = {"id": "a", "type": "chart", "x": 0, "y": 0, "w": 12, "h": 6, "title": "Needle", "config": config}
    document = {"title": "Hall", "variables": [], "range": "5min", "tiles": [tile]}
    hub.api("PUT", "/api/v1/dashboards/hall", {"version": 0, "dashboard": document})
    with page_of(browser, hub, at="#/dashboards/hall") as page:
        page.wait_for_function(f"() => {HIGHEST} === {SPIKE}", timeout=TIMEOUT_MS)
        for name in ("5min", "15min", "1h", "6h", "24h", "7d"):
            page.evaluate("at => { location.hash = at }", f"#/devices/needle?range={name}")
            is_live(page)
            expect(page.locator(".legend-value").first).to_contain_text("°C")
            page.wait_for_function(f"() => {HIGHEST} === {SPIKE}", timeout=TIMEOUT_MS)
