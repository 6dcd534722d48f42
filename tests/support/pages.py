"""The page in a real browser, for every test of it: a device that streams, a login, and that nothing is complained of.

Owns what the tests of the page share. Every page is checked at its end: no error in the console, no broken Content-Security-Policy.
"""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Literal
from weakref import WeakKeyDictionary

import trio
from playwright.sync_api import Browser, Page, WebSocketRoute, expect

from devices.client import Device
from devices.wire.messages import Channel, Kind
from tests.support.browser import TIMEOUT_MS
from tests.support.chance import Eager
from tests.support.hub_process import RunningHub
from tests.support.in_thread import InThread

CHANNELS = (Channel("temp", "Cel"), Channel("flow", "L"), Channel("mode", "", kind=Kind.STATE, values=("idle", "busy")))


def streaming(hub: RunningHub, name: str, *, has_texts: bool = True) -> InThread:
    """A device until the block is left: five readings a second, and a command that doubles a number. Not every store takes texts."""
    token = hub.provision(name)
    channels = tuple(each for each in CHANNELS if has_texts or each.kind is not Kind.STATE)

    async def run(stop: trio.Event, started: Callable[[], None]) -> None:
        device = Device(hub.device_url, name, token, channels=channels, interval_s=0.2, firmware="test 1", rng=Eager())

        @device.command("double", description="Return twice the number", args={"number": {"type": "integer", "min": 0, "max": 100}})
        async def _double(number: int) -> int:
            return 2 * number

        @device.command("refuse", description="Fail")
        def _refuse() -> None:
            raise RuntimeError("the valve is stuck")

        async with device:
            started()
            for count in range(1_000_000):
                mode = "busy" if count % 10 < 5 else "idle"
                readings: dict[str, float | str] = {"temp": 20 + 5 * math.sin(count / 10), "flow": count % 7, "mode": mode}
                await device.send({each.name: readings[each.name] for each in channels})
                with trio.move_on_after(0.2):  # the pace of the sensor
                    await stop.wait()
                    break

    return InThread(run)


GUARD: Final = "window.violations = []; addEventListener('securitypolicyviolation', e => violations.push(e.violatedDirective))"


@contextmanager
def page_of(
    browser: Browser,
    hub: RunningHub,
    *,
    allowed: Sequence[str] = (),
    size: tuple[int, int] = (1280, 800),
    scheme: Literal["dark", "light"] = "dark",
    wire: "Wire | None" = None,
    at: str = "#/devices/pump",
    is_new: bool = False,
) -> Iterator[Page]:
    """Log a browser in and show a page; afterwards nothing may have been complained of but what contains one of `allowed`.

    `wire` stands between page and hub and changes what the hub says. The tab is that of a test before, without its login and what it
    kept: a new one takes as much CPU time again. `is_new`: nothing is in the browser's cache, and the test may do to the tab what it likes.
    """
    resting = _RESTING.setdefault(browser, {})
    kind = hub.url, wire is not None
    tab = _Tab(browser, is_wired=wire is not None) if is_new or kind not in resting else resting.pop(kind)
    page, tab.wire = tab.page, wire
    tab.complaints.clear()
    try:
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        way_in = hub.login_url()
        page.context.request.get(way_in)  # logs in by the link without showing where it leads to, the overview, which is drawn for long
        page.goto(way_in.partition("login")[0] + at)
        page.locator("#connection").wait_for()
        yield page
        assert page.evaluate("window.violations") == []
        complaints = [text for text in tab.complaints if not any(part in text for part in allowed)]
        if is_new:
            page.context.close()
        else:
            tab.leave()
            resting[kind] = tab
    except BaseException:
        page.context.close()
        raise
    assert complaints == []


class _Tab:
    """A tab of a browser, which tests have one after the other."""

    def __init__(self, browser: Browser, *, is_wired: bool) -> None:
        self.page = browser.new_context().new_page()
        self.complaints: list[str] = []
        self.wire: Wire | None = None
        self.page.set_default_timeout(TIMEOUT_MS)
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.add_init_script(GUARD)
        if is_wired:
            self.page.route_web_socket("**/v1/live", self._join)

    def leave(self) -> None:
        """Make it as if nobody had been in it, but for what of the hub's own files is in the cache."""
        page = self.page
        for other in page.context.pages:
            if other is not page:
                other.close()
        page.unroute_all()
        page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
        page.goto("about:blank")
        page.context.clear_cookies()
        page.mouse.move(0, 0)

    def _join(self, page: WebSocketRoute) -> None:
        if self.wire is not None:
            self.wire.join(page)


# Tabs at rest, for the next test: of each browser, for each hub, with a wire between or without.
_RESTING: Final[WeakKeyDictionary[Browser, dict[tuple[str, bool], _Tab]]] = WeakKeyDictionary()


def walk(page: Page, at: str) -> None:
    """Go to another place of the page that is shown, as a link in it does; return when it is there."""
    page.evaluate(
        """at => new Promise(done => {
          if (location.hash === at) return done();
          addEventListener('hashchange', () => setTimeout(done), { once: true });
          location.hash = at;
        })""",
        at,
    )


class Through(RunningHub):
    """A hub whose page is reached by the port of a proxy."""

    def __init__(self, hub: RunningHub, port: int) -> None:
        super().__init__(hub.process)
        self._port = port

    def login_url(self) -> str:
        """Return a new one-time login link that leads through the proxy."""
        return super().login_url().replace(f":{self.address[1]}/", f":{self._port}/")


class Wire:
    """The live connection of a page, with states of the hub that no test can bring about in time put into the hub's own messages."""

    def __init__(self, change: Callable[[dict[str, Any]], None] = lambda message: None) -> None:
        self._change = change
        self._page: WebSocketRoute | None = None
        self.asked: list[dict[str, Any]] = []  # subscriptions

    def join(self, page: WebSocketRoute) -> None:
        hub, self._page = page.connect_to_server(), page

        def from_page(raw: str | bytes) -> None:
            message = json.loads(raw)
            if message["op"] == "subscribe":
                self.asked.append(message)
            hub.send(raw)

        def from_hub(raw: str | bytes) -> None:
            message = json.loads(raw)
            self._change(message)
            page.send(json.dumps(message))

        page.on_message(from_page)
        hub.on_message(from_hub)

    def say(self, message: dict[str, Any]) -> None:
        """Say something as the hub."""
        assert self._page is not None
        self._page.send(json.dumps(message))

    def cut(self) -> None:
        """End the connection, as a hub that is started anew does."""
        assert self._page is not None
        self._page.close(code=1012)

    def asked_again(self, page: Page, times: int) -> dict[str, Any]:
        """Wait until the page has subscribed so often, and return how it did."""
        deadline = page.evaluate("performance.now()") + TIMEOUT_MS
        while len(self.asked) < times:
            assert page.evaluate("performance.now()") < deadline
        return self.asked[times - 1]


def newest_drawn(page: Page) -> float:
    """Return the newest time, in ms, that a chart shows."""
    found: Any = page.evaluate(
        "Math.max(...[...document.querySelectorAll('.plot')].flatMap(p => (p.data ?? []).map(t => t.x.at(-1) ?? 0)))"
    )
    return float(found)


def wait_for_newer(page: Page, than: float) -> None:
    """Return when a chart shows something newer."""
    newest = "Math.max(...[...document.querySelectorAll('.plot')].flatMap(p => (p.data ?? []).map(t => t.x.at(-1) ?? 0)))"
    page.wait_for_function(f"than => {newest} > than", arg=than)


def from_menu(page: Page, name: str) -> None:
    """Choose an entry of the menu."""
    page.get_by_role("button", name="Menu").click()
    page.locator("#menu").get_by_text(name, exact=True).click()


def is_live(page: Page) -> None:
    """Wait until the page is connected and a chart is drawn."""
    expect(page.locator("#connection")).to_have_attribute("data-state", "open", timeout=TIMEOUT_MS)
    page.wait_for_function("() => [...document.querySelectorAll('.plot')].some(plot => plot.querySelector('.js-line, .point'))")
