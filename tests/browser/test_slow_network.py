"""The page over a link of 10 KB/s: usable from the first seconds, right in what it shows, and it says how far behind it is.

All connections of the page share that rate (tests/support/narrow_link.py). Needs Chromium.
"""

import math
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import trio
from playwright.sync_api import Browser, Page, expect

from devices.client import Device
from devices.wire.messages import Channel
from tests.support.browser import TIMEOUT_MS
from tests.support.hub_process import RunningHub, running_hub
from tests.support.in_thread import InThread
from tests.support.narrow_link import NarrowLink
from tests.support.pages import Through, is_live, newest_drawn, page_of, streaming
from tests.support.shown import Shown, equals_the_store, shown_on

pytestmark = [pytest.mark.needs_server("chromium"), pytest.mark.slow]

SLOW: Final = 10_000.0  # bytes a second
UNITS: Final = ("Cel", "L", "V", "A")
CHANNELS: Final = tuple(Channel(f"c{number}", UNITS[number % 4]) for number in range(20))
LADDER_US: Final = (100_000, 1_000_000, 10_000_000, 60_000_000)
LATE: Final = re.compile(r"Showing (\d+) s ago")


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[RunningHub]:
    with running_hub(tmp_path / "data") as running:
        yield running


def much(hub: RunningHub) -> InThread:
    """Two hundred readings a second: more than the link takes."""
    token = hub.provision("pump")

    async def run(stop: trio.Event, started: Any) -> None:
        async with Device(hub.device_url, "pump", token, channels=CHANNELS, interval_s=0.1) as device:
            started()
            for count in range(1_000_000):
                await device.send({each.name: 20 + math.sin(count / 10) * number for number, each in enumerate(CHANNELS)})
                with trio.move_on_after(0.1):  # the pace of the sensor
                    await stop.wait()
                    break
            await device.drained(20)

    return InThread(run)


def test_the_first_visit_shows_devices_and_numbers_long_before_charts_and_a_second_one_costs_little(
    browser: Browser, hub: RunningHub
) -> None:
    link = NarrowLink(*hub.address, bytes_per_s=SLOW)
    with streaming(hub, "pump"), link.in_thread(), page_of(browser, Through(hub, link.port), is_new=True) as page:
        began_s = time.monotonic()
        expect(page.locator("#device-name")).to_have_text("pump", timeout=40_000)
        number = page.locator(".legend-value").first
        expect(number).to_contain_text("°C", timeout=TIMEOUT_MS)
        assert time.monotonic() - began_s < 40
        before = number.inner_text()
        expect(number).not_to_have_text(before)  # live, though no chart is there
        assert not page.evaluate("'Plotly' in window")
        expect(page.locator(".plot").first).to_contain_text("as soon as its program has come")
        clicks_answer(page)
        link.bytes_per_s = math.inf
        is_live(page)
        expect(page.locator(".plot").first).not_to_contain_text("as soon as")
        link.bytes_per_s, passed_bytes = SLOW, link.passed_bytes
        page.reload()
        is_live(page)
        assert link.passed_bytes - passed_bytes < 60_000  # what is live, and the page's first file: neither its program nor plotly


def clicks_answer(page: Page) -> None:
    """Go to a tab and back, and open the menu: none of it waits for the link, by which the page's program would need 40 s."""
    began_s = time.monotonic()
    page.get_by_role("tab", name="About").click()
    expect(page.get_by_role("tab", name="About")).to_have_attribute("aria-selected", "true")
    page.get_by_role("tab", name="Readings").click()
    page.get_by_role("button", name="Menu").click()
    expect(page.locator("#menu")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#menu")).to_be_hidden()
    assert time.monotonic() - began_s < 10  # a second, where other tests leave it the machine


def test_a_page_that_cannot_follow_says_how_far_behind_it_is_shows_nothing_wrong_and_stops_saying_it(
    browser: Browser, hub: RunningHub
) -> None:
    link = NarrowLink(*hub.address)
    with much(hub) as device, link.in_thread(), page_of(browser, Through(hub, link.port), is_new=True) as page:
        is_live(page)
        pill, banner = page.locator("#connection-text"), page.locator('.banner[data-kind="behind"]')
        expect(pill).to_have_text("Live")
        link.bytes_per_s = SLOW
        expect(banner).to_contain_text(LATE, timeout=40_000)
        expect(pill).to_have_text(re.compile(r"^\d+ s behind$"))
        is_said_truly(page)
        clicks_answer(page)
        is_of_the_store(shown_on(page), stored(hub))
        nothing_is_shaded_that_may_be_on_its_way(page)
        link.bytes_per_s = math.inf
        expect(banner).to_have_count(0, timeout=TIMEOUT_MS)
        expect(pill).to_have_text("Live")
        device.stop()
        equals_the_store(page, hub)  # merged no more either


def test_a_chart_on_a_dashboard_shades_nothing_that_may_be_on_its_way(browser: Browser, hub: RunningHub) -> None:
    config = {"source": {"devices": ["pump"]}, "channels": [each.name for each in CHANNELS]}
    tile = {"id": "a", "type": "chart", "x": 0, "y": 0, "w": 12, "h": 6, "title": "Pump", "config": config}
    document = {"title": "Hall", "variables": [], "range": "5min", "tiles": [tile]}
    hub.api("PUT", "/api/v1/dashboards/hall", {"version": 0, "dashboard": document})
    link = NarrowLink(*hub.address)
    with much(hub), link.in_thread(), page_of(browser, Through(hub, link.port), is_new=True, at="#/dashboards/hall") as page:
        is_live(page)
        link.bytes_per_s = SLOW
        expect(page.locator('.banner[data-kind="behind"]')).to_contain_text(LATE, timeout=40_000)
        nothing_is_shaded_that_may_be_on_its_way(page)


def is_said_truly(page: Page) -> None:
    """See to it that the newest that is drawn is no older than what is said."""
    said = LATE.search(page.locator("#banners").inner_text())
    assert said is not None
    drawn_ago_s = time.time() - newest_drawn(page) / 1e3
    assert 1 < drawn_ago_s < int(said[1]) + 3  # a second of the words, a part of an update that is drawn early, and the look at it


def nothing_is_shaded_that_may_be_on_its_way(page: Page) -> None:
    """See to it that no stretch of the last seconds is shown as one in which nothing came."""
    shades = page.evaluate("document.querySelector('.plot').layout.shapes.filter(each => each.type === 'rect').map(each => each.x1)")
    assert all(each < (time.time() - 2) * 1e3 for each in shades)


def stored(hub: RunningHub) -> Shown:
    """Return what the store has."""
    answer = hub.api("GET", "/api/v1/query?device=pump&span_s=290&limit=100000")["series"]
    return {series["channel"]: {t: value for t, _, value in series["points"]} for series in answer}


def is_of_the_store(shown: Shown, truth: Shown) -> None:
    """See to it that each point of a line is a reading, or the mean of all of a bucket that its time is in."""
    assert set(shown) == {each.name for each in CHANNELS}
    for channel, points in shown.items():
        readings = truth[channel]
        for t_us, value in list(points.items())[:-1]:  # the newest bucket may grow yet
            assert any(value == pytest.approx(mean) for mean in means_at(readings, t_us)), (channel, t_us, value)


def means_at(readings: dict[int, float], t_us: int) -> Iterator[float]:
    """Yield what may be shown at a time: the reading, and the mean of each bucket around it."""
    if t_us in readings:
        yield readings[t_us]
    for width_us in LADDER_US:
        start_us = t_us // width_us * width_us
        within = [value for at_us, value in readings.items() if start_us <= at_us < start_us + width_us]
        if within:
            yield sum(within) / len(within)
