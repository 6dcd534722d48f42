"""A tab that nobody sees: it draws nothing, is told nothing, takes no time of the main thread, and is right soon after it is seen again.

That Chromium hides the tab is said in the page's place, which is all that the page can know of it. Needs Chromium.
"""

import time
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, CDPSession, Page

from devices.wire.messages import Channel, Kind
from tests.support.browser import TIMEOUT_MS
from tests.support.hub_process import RunningHub, running_hub
from tests.support.pages import is_live, page_of
from tests.support.shown import equals_the_store, pump

pytestmark = [pytest.mark.needs_server("chromium"), pytest.mark.slow]

CHANNELS: Final = (Channel("temp", "Cel"), Channel("total", "L", kind=Kind.COUNTER), Channel("open", "", kind=Kind.STATE))
HIDE: Final = """isHidden => {
  Object.defineProperty(document, 'hidden', { configurable: true, get: () => isHidden });
  Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => (isHidden ? 'hidden' : 'visible') });
  document.dispatchEvent(new Event('visibilitychange'));
}"""
# How often charts are drawn, and readings told.
COUNTED: Final = """window.counts = { drawn: 0, told: 0 };
window.WebSocket = class extends WebSocket {
  constructor(...given) {
    super(...given);
    this.addEventListener('message', event => { if (['update', 'snapshot'].includes(JSON.parse(event.data).op)) counts.told += 1; });
  }
};"""
COUNT_DRAWN: Final = """() => new MutationObserver(() => { counts.drawn += 1; })
  .observe(document.getElementById('charts'), { subtree: true, childList: true, attributes: true })"""
WATCHED_S: Final = 4.0


def sensors(count: int) -> dict[str, Any]:
    """Return the readings of a device with a line of each kind."""
    return {"temp": 20 + count % 13, "total": 3 * count, "open": count % 10 < 5}


def subscriptions(hub: RunningHub) -> int:
    """Return how many subscriptions all viewers have."""
    return sum(each["subscriptions"] for each in hub.api("GET", "/api/v1/connections?kind=viewer")["connections"])


def share_of_time(page: Page, session: CDPSession, until: str) -> tuple[float, dict[str, int]]:
    """Return which share of the time the main thread worked until something holds, and what was counted meanwhile."""

    def worked_s() -> float:
        return float({each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}["TaskDuration"])

    page.evaluate("() => { counts.drawn = counts.told = 0 }")
    before_s, began = worked_s(), time.monotonic()
    page.wait_for_function(
        f"([began, ms]) => performance.now() - began > ms && {until}",
        arg=[page.evaluate("performance.now()"), WATCHED_S * 1e3],
        polling=500,
    )
    return (worked_s() - before_s) / (time.monotonic() - began), page.evaluate("counts")


def test_a_hidden_tab_costs_nothing_and_is_right_within_a_second_of_coming_back(browser: Browser, tmp_path: Path) -> None:
    with running_hub(tmp_path / "data") as hub, pump(hub, CHANNELS, sensors) as device, page_of(browser, hub, is_new=True) as page:
        page.add_init_script(COUNTED)
        page.reload()
        is_live(page)
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")
        page.evaluate(COUNT_DRAWN)
        seen_share, _ = share_of_time(page, session, "counts.drawn > 3 && counts.told > 3")
        page.evaluate(HIDE, True)
        deadline = time.monotonic() + TIMEOUT_MS / 1_000
        while subscriptions(hub):
            assert time.monotonic() < deadline
            time.sleep(0.02)  # between two looks at another process
        hidden_share, hidden = share_of_time(page, session, "true")
        assert hidden == {"drawn": 0, "told": 0}
        assert hidden_share < seen_share / 4
        page.evaluate(HIDE, False)
        page.wait_for_function(
            "() => document.querySelector('.plot').data.at(-1).x.at(-1) > Date.now() - 1000 && counts.drawn > 0", timeout=TIMEOUT_MS
        )
        device.stop()
        equals_the_store(page, hub)
