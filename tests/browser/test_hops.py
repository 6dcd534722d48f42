"""A slowed hop shows in its place and nowhere else: on the overview, and in what the hub says. Needs Chromium."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import trio
from playwright.sync_api import Browser, Page, expect

from devices.client import Device
from simulators.faults import FaultProxy
from tests.support.browser import TIMEOUT_MS
from tests.support.hub_process import RunningHub, running_hub
from tests.support.in_thread import InThread
from tests.support.pages import CHANNELS, page_of, streaming, wait_for_newer
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.needs_server("chromium"), pytest.mark.slow]

OWN: Final = "tributary:hub"
PACE_S: Final = 0.05
STALLED: Final = 60  # frames that a stalled link holds: 3 s of them
HIDDEN_S: Final = 8.0  # far longer than a page takes to draw its first charts on a busy machine
SECONDS: Final = re.compile(r"p99 [\d.]+ s")


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[RunningHub]:
    with running_hub(tmp_path / "data") as running:
        yield running


def hops(hub: RunningHub) -> dict[str, dict[str, Any]]:
    return {each["hop"]: each for each in hub.api("GET", "/api/v1/hub")["latency"]["hops"]}


def behind_a_link_that_stalls_once(hub: RunningHub) -> InThread:
    """A device twenty times a second, whose link holds what it sends for a while."""
    token, (host, port) = hub.provision("pump"), hub.address

    async def run(stop: trio.Event, started: Callable[[], None]) -> None:
        proxy = FaultProxy(host, port)
        async with trio.open_nursery() as nursery:
            url = await nursery.start(proxy.run)
            async with Device(f"{url.replace('http', 'ws')}/v1/device", "pump", token, channels=CHANNELS[:1], interval_s=PACE_S) as device:
                started()
                for count in range(1_000_000):
                    if count == STALLED:
                        proxy.stall()
                    if count == 2 * STALLED:
                        proxy.heal()
                    await device.send({"temp": count % 7})
                    with trio.move_on_after(PACE_S):  # the pace of the sensor
                        await stop.wait()
                        break
            nursery.cancel_scope.cancel()

    return InThread(run)


def fact(page: Page, name: str) -> Any:
    return page.locator(".hops-list > div").filter(has=page.get_by_text(name, exact=True))


def test_a_link_that_stalls_shows_in_the_first_hop_and_on_the_page_of_its_device(browser: Browser, hub: RunningHub) -> None:
    with behind_a_link_that_stalls_once(hub), page_of(browser, hub, at="#/") as page:
        expect(fact(page, "Device → hub")).to_contain_text(SECONDS, timeout=TIMEOUT_MS)
        expect(fact(page, "Device → screen")).to_contain_text("typical")
        found = hops(hub)
        assert found["device_to_hub"]["p99_ms"] > 1_500
        assert all(found[hop]["p50_ms"] < 500 for hop in ("hub_to_durable", "durable_to_sent", "sent_to_painted"))
        page.get_by_text("What these times mean").click()
        expect(page.get_by_text("looks like a clock that is wrong")).to_be_visible()
        page.evaluate("location.hash = '#/devices/pump'")
        page.get_by_text(re.compile("To the hub: ")).click()
        expect(page.get_by_text(re.compile(r"95 of 100 within [\d.]+ s, 99 within [\d.]+ s\. Its clock agrees"))).to_be_visible()


def test_a_page_that_is_busy_shows_in_the_last_hop(browser: Browser, hub: RunningHub) -> None:
    with streaming(hub, "pump"), page_of(browser, hub, at="#/devices/pump") as page:
        wait_for_newer(page, 0)
        page.evaluate("setInterval(() => { const until = performance.now() + 900; while (performance.now() < until); }, 1000)")
        wait_until(lambda: (hops(hub)["sent_to_painted"]["p95_ms"] or 0) > 700)
        found = hops(hub)
        assert all(found[hop]["p50_ms"] < 300 for hop in ("device_to_hub", "hub_to_durable"))


def test_a_page_that_was_hidden_was_not_slow(browser: Browser, hub: RunningHub) -> None:
    def hide(page: Page, is_hidden: str) -> None:
        page.evaluate(f"Object.defineProperty(document, 'hidden', {{ get: () => {is_hidden}, configurable: true }})")
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    def is_conflated() -> bool:
        return any(each.get("is_conflated") for each in hub.api("GET", "/api/v1/connections?kind=viewer")["connections"])

    with streaming(hub, "pump"), page_of(browser, hub, at="#/devices/pump") as page:
        wait_for_newer(page, 0)
        wait_until(lambda: hops(hub)["sent_to_painted"]["count"] > 3)
        hide(page, "true")
        began_s = time.monotonic()
        wait_until(is_conflated)
        wait_until(lambda: time.monotonic() - began_s > HIDDEN_S)
        hidden = hops(hub)["sent_to_painted"]["count"]
        hide(page, "false")
        wait_until(lambda: hops(hub)["sent_to_painted"]["count"] > hidden + 2)
        found = hops(hub)
        assert all(found[hop]["p99_ms"] < HIDDEN_S * 500 for hop in ("durable_to_sent", "sent_to_painted"))
        expect(page.locator("#latency-hub")).to_have_text(re.compile(r"^\d+ ms$"))


def test_figures_of_the_hub_are_charted_and_alerted_on_and_are_no_device_of_the_fleet(browser: Browser, tmp_path: Path) -> None:
    rule = {"rule": "watched", "kind": "above", "devices": [OWN], "channels": ["hub_to_durable.p99"], "limit": 0, "severity": "info"}
    with running_hub(tmp_path / "data", environment={"TRIBUTARY_OWN_DEVICE": OWN}) as hub, streaming(hub, "pump"):
        hub.api("POST", "/api/v1/rules", rule)
        with page_of(browser, hub, at="#/") as page:
            expect(page.get_by_text("1 of 1 online")).to_be_visible(timeout=TIMEOUT_MS)
            assert hub.api("GET", "/api/v1/hub")["devices"] == 1
            page.get_by_role("link", name="Over time").click()
            expect(page.get_by_role("heading", name="This hub")).to_be_visible()
            wait_until(lambda: hub.api("GET", "/api/v1/alerts")["alerts"])
            assert hub.api("GET", "/api/v1/alerts")["alerts"][0]["device"] == OWN
            wait_for_newer(page, 0)
