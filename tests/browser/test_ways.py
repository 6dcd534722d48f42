"""The page behind proxies that let no WebSocket through, gather streams, or cut connections: it finds a way, and misses nothing.

What a chart shows is compared with the store, point by point. Needs Chromium and nginx.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trio
from playwright.sync_api import Browser, Page, expect

from simulators.faults import FaultProxy
from tests.support.browser import TIMEOUT_MS
from tests.support.hub_process import RunningHub, free_port, running_hub
from tests.support.in_thread import InThread
from tests.support.proxy_process import nginx
from tests.support.shown import SHOWN, equals_the_store, pump

POINTS = f"Object.values(({SHOWN})()).flatMap(points => Object.keys(points).map(Number))"
# A network that lets no WebSocket through, and one that lets no stream through; trials that come each second.
MISDIRECTED = """window.WebSocket = class extends WebSocket {
  constructor(url, kind) { super(window.isDirected ? url : url + '/none', kind); }
};"""
NO_EVENTS = "const ask = fetch; window.fetch = (path, options) => ask(String(path).replace('/events', '/none'), options);"
SOON = "const every = setInterval; window.setInterval = (call, ms) => every(call, ms === 60_000 ? 1_000 : ms);"
NETWORK = ["WebSocket connection", "ERR_", "Failed to load resource"]  # what Chromium itself says of connections that fail
pytestmark = [pytest.mark.needs_server("chromium"), pytest.mark.slow]


def cutter(hub: RunningHub, port: int, every_s: float, begins: threading.Event) -> InThread:
    """A proxy that ends every connection again and again, once that begins."""

    async def run(stop: trio.Event, started: Callable[[], None]) -> None:
        proxy = FaultProxy(*hub.address, port=port)
        async with trio.open_nursery() as nursery:
            await nursery.start(proxy.run)
            started()
            while not stop.is_set():
                with trio.move_on_after(every_s):
                    await stop.wait()
                if begins.is_set():
                    proxy.cut()
            nursery.cancel_scope.cancel()

    return InThread(run)


@contextmanager
def page_behind(browser: Browser, hub: RunningHub, port: int, script: str = "") -> Iterator[Page]:
    """Log in through the proxy and show the page; it complains of nothing but the network. `script` runs before its own."""
    complaints: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce", timezone_id="UTC")
    try:
        page = context.new_page()
        page.set_default_timeout(TIMEOUT_MS)
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.add_init_script(script)
        page.goto(hub.login_url().replace(urlsplit(hub.url).netloc, f"127.0.0.1:{port}"))
        page.locator("#connection").wait_for()  # the way in leads to the page
        page.evaluate("location.hash = '#/devices/pump'")
        yield page
    finally:
        context.close()
    assert [text for text in complaints if not any(part in text for part in NETWORK)] == []


def takes(page: Page, text: str) -> None:
    """Wait until the page is live by a way and shows readings."""
    expect(page.locator("#connection-text")).to_have_text(text, timeout=TIMEOUT_MS)
    page.wait_for_function(f"() => {POINTS}.length > 5")


def stays_live(page: Page, for_s: float) -> None:
    """Wait until the newest reading shown is so much newer than the one shown now."""
    newest = f"Math.max(...{POINTS})"
    page.wait_for_function(f"than => {newest} > than", arg=page.evaluate(newest) + for_s * 1e6, timeout=TIMEOUT_MS + for_s * 1000)


def site_of(hub: RunningHub, port: int, more: str) -> str:
    """An nginx that knows nothing of WebSockets, which it then takes for plain requests."""
    location = f"proxy_pass {hub.url}; proxy_set_header Host $http_host; {more}"
    return f"server {{ listen 127.0.0.1:{port}; location / {{ {location} }} }}"


@pytest.mark.needs_server("nginx")
def test_behind_a_proxy_that_refuses_upgrades_the_page_takes_a_stream_of_events(browser: Browser, tmp_path: Path) -> None:
    port = free_port()
    with (
        running_hub(tmp_path / "data") as hub,
        nginx(tmp_path / "nginx", site_of(hub, port, ""), port),
        pump(hub) as device,
        page_behind(browser, hub, port) as page,
    ):
        takes(page, "Live · events")
        stays_live(page, 4)
        device.stop()
        equals_the_store(page, hub)
        expect(page.locator(".banner")).to_have_count(0)


@pytest.mark.needs_server("nginx")
def test_behind_a_proxy_that_gathers_streams_the_page_polls(browser: Browser, tmp_path: Path) -> None:
    port = free_port()
    gathers = "proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;"
    with (
        running_hub(tmp_path / "data") as hub,
        nginx(tmp_path / "nginx", site_of(hub, port, gathers), port),
        pump(hub) as device,
        page_behind(browser, hub, port) as page,
    ):
        takes(page, "Live · polling")
        stays_live(page, 4)
        device.stop()
        equals_the_store(page, hub)
        expect(page.locator(".banner")).to_have_count(0)


@pytest.mark.parametrize("way", ["Live", "Live · events", "Live · polling"])
def test_connections_that_are_cut_every_five_seconds_leave_no_gap(browser: Browser, tmp_path: Path, way: str) -> None:
    port, begins = free_port(), threading.Event()
    script = "" if way == "Live" else MISDIRECTED + ("" if way == "Live · events" else NO_EVENTS)
    with (
        running_hub(tmp_path / "data") as hub,
        cutter(hub, port, 5.0, begins),
        pump(hub) as device,
        page_behind(browser, hub, port, script) as page,
    ):
        takes(page, way)
        begins.set()
        stays_live(page, 12)
        device.stop()
        equals_the_store(page, hub)
        expect(page.locator("#connection-text")).to_contain_text("Live", timeout=TIMEOUT_MS)


def test_the_page_goes_back_to_a_websocket_that_works_again(browser: Browser, tmp_path: Path) -> None:
    with (
        running_hub(tmp_path / "data") as hub,
        pump(hub) as device,
        page_behind(browser, hub, hub.address[1], MISDIRECTED + SOON) as page,
    ):
        takes(page, "Live · events")
        page.evaluate("window.isDirected = true")
        takes(page, "Live")
        stays_live(page, 2)
        device.stop()
        equals_the_store(page, hub)
