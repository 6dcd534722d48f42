"""The page after its connection was gone for a while (`make cut-test`: a minute), with the hub still knowing what came meanwhile and with
the hub no longer knowing: every series is what the store has, value by value, with nothing doubled.

A second and a restart of the hub are tried in test_charts.py. Needs Chromium.
"""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
import trio
from playwright.sync_api import Browser, Page, expect

from devices.wire.messages import Channel, Kind
from simulators.faults import FaultProxy
from tests.support.browser import TIMEOUT_MS
from tests.support.hub_process import RunningHub, free_port, running_hub
from tests.support.in_thread import InThread
from tests.support.pages import Through, is_live, page_of
from tests.support.shown import equals_the_store, pump

pytestmark = [pytest.mark.needs_server("chromium"), pytest.mark.slow]

NETWORK: Final = ["WebSocket connection", "ERR_", "Failed to load resource"]  # what Chromium itself says of connections that fail
CUT_S: Final = float(os.environ.get("TRIBUTARY_TEST_CUT_S", "20"))
CHANNELS: Final = (
    Channel("temp", "Cel"),
    Channel("total", "L", kind=Kind.COUNTER),
    Channel("open", "", kind=Kind.STATE),
    Channel("said", "", kind=Kind.TEXT),
)
# What each series of the page's own model holds: its times, which must each be there once and in order.
TWICE: Final = """() => [...document.querySelectorAll('.plot')].flatMap(plot => (plot.data ?? []).filter(each => each.name))
  .flatMap(line => line.x.filter((x, at) => at > 0 && x <= line.x[at - 1]))"""
# The reasons for which the page was sent a whole picture.
REASONS: Final = """window.reasons = []; window.WebSocket = class extends WebSocket {
  constructor(...given) {
    super(...given);
    this.addEventListener('message', event => {
      const said = JSON.parse(event.data);
      if (said.op === 'snapshot' && !said.more) reasons.push(said.reason);
    });
  }
};"""


def sensors(count: int) -> dict[str, Any]:
    """Return the readings of a device that has a channel of each kind that is a line, and a text."""
    return {"temp": 20 + count % 13, "total": 3 * count, "open": count % 10 < 5, "said": f"number {count}"}


class Cutter:
    """A proxy between page and hub, that lets nothing through when it is told so."""

    def __init__(self, hub: RunningHub, port: int) -> None:
        self.proxy = FaultProxy(*hub.address, port=port)
        self.thread = InThread(self._run)

    async def _run(self, stop: trio.Event, started: Callable[[], None]) -> None:
        async with trio.open_nursery() as nursery:
            await nursery.start(self.proxy.run)
            started()
            await stop.wait()
            nursery.cancel_scope.cancel()

    def cut(self, page: Page, for_s: float, meanwhile: Callable[[], object]) -> None:
        """Be no way to the hub for so long while something is done; return once the page has found it again."""
        before = page.evaluate("performance.now()")
        self.proxy.refuse()
        self.thread.call(self.proxy.cut)
        expect(page.locator("#connection")).not_to_have_attribute("data-state", "open", timeout=TIMEOUT_MS)
        meanwhile()
        page.wait_for_function(
            "([before, ms]) => performance.now() - before > ms", arg=[before, for_s * 1_000], timeout=TIMEOUT_MS + for_s * 1_000
        )
        self.proxy.heal()
        is_live(page)


def started_anew(hub: RunningHub, data: Path) -> None:
    """Stop the hub, which stores everything, and start it without its journal: no cursor of before means anything."""
    hub.process.stop()
    for each in data.glob("journal.db*"):
        each.rename(data.parent / each.name)
    hub.process.start()


# Seconds of the cut, and whether the hub has forgotten meanwhile what it told before. Beyond 10 s more waits than a page is sent by itself.
@pytest.mark.parametrize(("for_s", "is_forgotten"), [(CUT_S, False), (5.0, True)])
def test_a_page_that_was_cut_off_shows_what_the_store_has(browser: Browser, tmp_path: Path, for_s: float, is_forgotten: bool) -> None:
    port = free_port()
    with running_hub(
        tmp_path / "data",
        port=free_port(),
    ) as hub:
        cutter = Cutter(hub, port)
        with (
            cutter.thread,
            pump(hub, CHANNELS, sensors) as device,
            page_of(browser, Through(hub, port), allowed=NETWORK, is_new=True) as page,
        ):
            page.add_init_script(REASONS)
            page.reload()
            is_live(page)
            page.wait_for_function("() => document.querySelector('.plot').data.at(-1).x.length > 10")
            expect(page.locator("#connection")).to_have_attribute("data-state", "open")
            cutter.cut(page, for_s, partial(started_anew, hub, tmp_path / "data") if is_forgotten else int)
            device.stop()
            equals_the_store(page, hub)
            assert page.evaluate(TWICE) == []
            asked_anew = [reason for reason in page.evaluate("reasons") if reason != "new"]
            assert bool(asked_anew) is is_forgotten, asked_anew
