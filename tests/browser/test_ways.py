"""The page behind proxies that let no WebSocket through, gather streams, or cut connections: it finds a way, and misses nothing.

What a chart shows is compared with the store, point by point. Needs Chromium and nginx.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import trio
from playwright.sync_api import Browser, Page, expect

from devices.client import Device
from devices.wire.messages import Channel
from simulators.faults import FaultProxy
from tests.support.browser import TIMEOUT_MS
from tests.support.hub_process import RunningHub, free_port, running_hub
from tests.support.proxy_process import nginx

SHOWN = """() => {
  const found = {};
  for (const plot of document.querySelectorAll('.plot'))
    for (const trace of plot.data ?? []) trace.x.forEach((x, at) => trace.y[at] !== null && (found[Math.round(x * 1000)] = trace.y[at]));
  return found;
}"""
# A network that lets no WebSocket through, and one that lets no stream through; trials that come each second.
MISDIRECTED = """window.WebSocket = class extends WebSocket {
  constructor(url, kind) { super(window.isDirected ? url : url + '/none', kind); }
};"""
NO_EVENTS = "const ask = fetch; window.fetch = (path, options) => ask(String(path).replace('/events', '/none'), options);"
SOON = "const every = setInterval; window.setInterval = (call, ms) => every(call, ms === 60_000 ? 1_000 : ms);"
NETWORK = ["WebSocket connection", "ERR_", "Failed to load resource"]  # what Chromium itself says of connections that fail
pytestmark = [pytest.mark.needs_server("chromium"), pytest.mark.slow]


class InThread:
    """Something of trio's beside a test that is not: runs until the block is left, then once more for what it does at its end."""

    def __init__(self, run: Callable[[trio.Event, Callable[[], None]], Any]) -> None:
        self._run = run
        self._started = threading.Event()
        self._failure: BaseException | None = None

    def __enter__(self) -> "InThread":
        self._thread = threading.Thread(target=self._main)
        self._thread.start()
        assert self._started.wait(20)
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End it, and return when it has ended."""
        trio.from_thread.run_sync(self._stop.set, trio_token=self._token) if self._thread.is_alive() else None
        self._thread.join(30)
        if self._failure is not None:
            raise self._failure

    def _main(self) -> None:
        async def main() -> None:
            self._token, self._stop = trio.lowlevel.current_trio_token(), trio.Event()
            await self._run(self._stop, self._started.set)

        try:
            trio.run(main)
        except BaseException as error:
            self._failure = error
        finally:
            self._started.set()


def pump(hub: RunningHub) -> InThread:
    """Five readings a second until the block is left; then all of them are stored."""
    token = hub.provision("pump")

    async def run(stop: trio.Event, started: Callable[[], None]) -> None:
        async with Device(hub.device_url, "pump", token, channels=(Channel("temp", "Cel"),), interval_s=0.2) as device:
            started()
            for count in range(1_000_000):
                await device.send({"temp": 20 + 5 * math.sin(count / 10)})
                with trio.move_on_after(0.2):  # the pace of the sensor
                    await stop.wait()
                    break
            await device.drained(20)

    return InThread(run)


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
    page.wait_for_function(f"() => Object.keys(({SHOWN})()).length > 5")


def stays_live(page: Page, for_s: float) -> None:
    """Wait until the newest reading shown is so much newer than the one shown now."""
    newest = f"Math.max(...Object.keys(({SHOWN})()).map(Number))"
    page.wait_for_function(f"than => {newest} > than", arg=page.evaluate(newest) + for_s * 1e6, timeout=TIMEOUT_MS + for_s * 1000)


def equals_the_store(page: Page, hub: RunningHub) -> None:
    """Wait until the chart shows what the store has: each reading, and no other."""
    deadline = time.monotonic() + 20
    while True:
        (series,) = hub.api("GET", "/api/v1/query?device=pump&span_s=290")["series"]
        stored = {t: value for t, _, value in series["points"]}
        shown = {int(t): value for t, value in page.evaluate(SHOWN).items()}
        if shown == pytest.approx(stored):
            return
        differ = sorted(set(shown) ^ set(stored))
        assert time.monotonic() < deadline, f"{len(shown)} shown, {len(stored)} stored; only in one: {differ[:10]}"


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
