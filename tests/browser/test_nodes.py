"""The page of a hub that is two nodes, on real ones: who has what, and what is said where one of them does not answer.

Needs Chromium, Redis and VictoriaMetrics. The page is that of node a; node b is killed and comes back.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support import redis, victoria
from tests.support.axe import findings
from tests.support.browser import TIMEOUT_MS
from tests.support.hub_process import HubProcess, RunningHub, free_port, running_hub
from tests.support.pages import is_live, page_of, streaming

pytestmark = [
    *(pytest.mark.needs_server("chromium"), pytest.mark.needs_server(redis.PROGRAM), pytest.mark.needs_server(victoria.PROGRAM)),
    pytest.mark.slow,
]
SILENCE = re.compile(r"^Node b has not answered for \d+ (s|min): newer readings come once it does\.$")
TILE = {
    "id": "t",
    "type": "number",
    "x": 0,
    "y": 0,
    "w": 4,
    "h": 3,
    "title": "Fan",
    "config": {"source": {"devices": ["fan"]}, "channels": ["temp"]},
}
HALL = {"title": "Hall", "range": "5min", "variables": [], "tiles": [TILE]}


@dataclass
class Two:
    """The hubs, and the Redis that they share."""

    a: RunningHub
    b: HubProcess
    redis: redis.RedisProcess


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    """Two hubs; pump is at a, fan at b."""
    directory = tmp_path_factory.mktemp("nodes")
    with ExitStack() as stack:
        server = stack.enter_context(redis.running_redis(directory / "redis"))
        store = stack.enter_context(victoria.running_victoria(directory / "victoria"))

        def told(name: str) -> dict[str, str]:
            settings = {"STATE": "redis", "REDIS_URL": server.url, "NODE": name, "STORE": f"victoriametrics+{store.url}"}
            return {f"TRIBUTARY_{key}": value for key, value in (settings | {"RESTART_JITTER_S": "0"}).items()}

        a = stack.enter_context(running_hub(directory / "a", environment=told("a")))
        b = HubProcess(directory / "b", port=free_port(), environment=told("b"))
        stack.callback(b.kill)
        b.start()
        stack.enter_context(streaming(a, "pump", has_texts=False))
        stack.enter_context(streaming(RunningHub(b), "fan", has_texts=False))
        a.api("PUT", "/api/v1/dashboards/hall", {"version": 0, "dashboard": HALL})
        yield Two(a, b, server)


@contextmanager
def page_at(
    browser: Browser, two: Two, at: str, size: tuple[int, int] = (1280, 800), scheme: Literal["dark", "light"] = "dark"
) -> Iterator[Page]:
    with page_of(browser, two.a, at=at, size=size, scheme=scheme, allowed=("503",)) as page:
        expect(page.locator("#connection")).to_have_attribute("data-state", "open", timeout=TIMEOUT_MS)
        yield page


def cell(page: Page, node: str, label: str) -> Locator:
    row = page.locator("table.rows tbody tr").filter(has=page.locator("strong", has_text=re.compile(f"^{node}$")))
    return row.locator(f'td[data-label="{label}"]')


def test_each_node_is_shown_with_what_it_has(browser: Browser, two: Two) -> None:
    with page_at(browser, two, "#/admin/account") as page:
        page.locator(".admin-nav").get_by_role("link", name="Nodes").click()
        for node in ("a", "b"):
            expect(cell(page, node, "Health")).to_have_text("well", timeout=TIMEOUT_MS)
            expect(cell(page, node, "Devices")).to_have_text("1", timeout=TIMEOUT_MS)
            expect(cell(page, node, "Frames/s")).to_have_text(re.compile(r"^[1-9]"), timeout=TIMEOUT_MS)
            expect(cell(page, node, "Store")).to_have_text("victoriametrics")
        expect(cell(page, "a", "Node")).to_contain_text("this one")
        expect(cell(page, "b", "Node")).to_contain_text(two.b.url)
        expect(cell(page, "a", "Viewers")).to_have_text("1")
        expect(page.locator(".nodes")).to_contain_text("Redis answers")
        expect(page.locator(".nodes")).to_contain_text("2 of 2 alive · 2 devices · 1 viewer")
        cell(page, "b", "Devices").get_by_role("link").click()
        expect(page.locator(".device-rows .row-link")).to_have_text(["fan"])
        page.get_by_label("Node", exact=True).select_option("On node a")
        expect(page.locator(".device-rows .row-link")).to_have_text(["pump"])
        page.get_by_label("Node", exact=True).select_option("All nodes")
        expect(page.locator(".device-rows .row-link")).to_have_text(["fan", "pump"])


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_nodes_have_no_serious_finding_and_fit_a_phone(
    browser: Browser, two: Two, width: int, scheme: Literal["dark", "light"]
) -> None:
    with page_at(browser, two, "#/admin/nodes", (width, 800), scheme) as page:
        expect(cell(page, "b", "Health")).to_have_text("well", timeout=TIMEOUT_MS)
        assert findings(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_what_a_node_that_does_not_answer_has_is_marked_wherever_it_is_shown(browser: Browser, two: Two) -> None:
    with page_at(browser, two, "#/devices/fan") as page:
        is_live(page)
        expect(page.locator("#device-facts")).to_contain_text("on node b")
        expect(page.locator("#hole")).to_be_hidden()
        two.b.kill()
        expect(page.locator("#hole")).to_have_text(SILENCE, timeout=TIMEOUT_MS)
        expect(page.locator('.banner[data-kind="nodes"]')).to_contain_text("A node does not answer: b (since")
        page.evaluate("location.hash = '#/dashboards/hall'")
        expect(page.locator(".board-silence")).to_have_text(SILENCE)
        page.evaluate("location.hash = '#/'")
        fan = page.locator(".device-row", has=page.get_by_role("link", name="fan", exact=True))
        expect(fan.locator('[data-flag="silent"]')).to_be_visible()
        expect(fan.locator(".cell-state")).to_contain_text("unconfirmed, node b is gone for", timeout=TIMEOUT_MS)
        expect(
            page.locator(".device-row", has=page.get_by_role("link", name="pump", exact=True)).locator('[data-flag="silent"]')
        ).to_be_hidden()
        page.evaluate("location.hash = '#/admin/nodes'")
        expect(cell(page, "b", "Health")).to_contain_text("gone for")
        expect(page.locator(".nodes")).to_contain_text("1 of 2 alive")
        two.b.start()
        expect(cell(page, "b", "Health")).to_have_text("well", timeout=TIMEOUT_MS)
        page.evaluate("location.hash = '#/devices/fan'")
        expect(page.locator("#hole")).to_be_hidden(timeout=TIMEOUT_MS)
        expect(page.locator("#device-facts")).to_contain_text("online", timeout=TIMEOUT_MS)
        expect(page.locator('.banner[data-kind="nodes"]')).to_have_count(0)


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_without_redis_the_others_are_shown_as_they_were(browser: Browser, two: Two, scheme: Literal["dark", "light"]) -> None:
    with page_at(browser, two, "#/admin/nodes", scheme=scheme) as page:
        expect(cell(page, "b", "Health")).to_have_text("well", timeout=TIMEOUT_MS)
        two.redis.kill()
        try:
            expect(page.locator(".nodes")).to_contain_text("Redis does not answer", timeout=TIMEOUT_MS)
            expect(cell(page, "a", "Health")).to_have_text("well")
            expect(cell(page, "b", "Health")).to_contain_text("not heard of for")
            expect(cell(page, "b", "Devices").locator(".is-dated")).to_be_visible()
            assert findings(page) == []
        finally:
            two.redis.start()
        expect(cell(page, "b", "Health")).to_have_text("well", timeout=TIMEOUT_MS)


def test_a_hub_that_stands_alone_says_so_in_one_line(browser: Browser, tmp_path: Path) -> None:
    with running_hub(tmp_path / "data") as hub, page_of(browser, hub, at="#/admin/nodes") as page:
        expect(page.locator(".nodes")).to_contain_text("This hub stands alone", timeout=TIMEOUT_MS)
        expect(page.locator(".nodes table")).to_be_hidden()
        expect(page.locator(".admin-nav").get_by_role("link", name="Connections")).to_be_visible()
        expect(page.locator(".admin-nav").get_by_role("link", name="Nodes")).to_have_count(0)
