"""The page of the API in a real browser: every route is on it, it is searched and read with keys alone, on wide and narrow screens.

Needs Chromium, and nothing from elsewhere: whatever the page would load from another host is a failure here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import TIMEOUT_MS
from tests.support.hub_process import RunningHub, running_hub
from tests.support.pages import from_menu

pytestmark = [pytest.mark.needs_server("chromium"), pytest.mark.slow]
SIZES = [(1280, 800), (390, 844)]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with running_hub(tmp_path_factory.mktemp("hub") / "data") as running:
        yield running


@contextmanager
def api_page(
    browser: Browser, hub: RunningHub, size: tuple[int, int] = SIZES[0], scheme: Literal["dark", "light"] = "dark", place: str = ""
) -> Iterator[Page]:
    """Open the page without a login; afterwards nothing may have been complained of, or asked of another host."""
    complaints: list[str] = []
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    try:
        page = context.new_page()
        page.set_default_timeout(TIMEOUT_MS)
        page.on("console", lambda said: complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda asked: None if asked.url.startswith(hub.url) else complaints.append(asked.url))
        page.goto(f"{hub.url}/api/v1/docs{place}")
        expect(page.locator("#count")).not_to_have_text("")
        yield page
    finally:
        context.close()
    assert complaints == []


def operations(hub: RunningHub) -> dict[str, dict[str, Any]]:
    paths = httpx.get(f"{hub.url}/api/v1/openapi.json").json()["paths"]
    return {operation["operationId"]: operation for path in paths.values() for operation in path.values()}


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("size", SIZES)
def test_every_route_is_there_and_each_opens_wholly(
    browser: Browser, hub: RunningHub, size: tuple[int, int], scheme: Literal["dark", "light"]
) -> None:
    with api_page(browser, hub, size, scheme) as page:
        known = operations(hub)
        assert sorted(page.locator("details.route").evaluate_all("all => all.map(each => each.id)")) == sorted(known)
        page.locator("details.route").evaluate_all("all => all.forEach(each => { each.open = true; })")
        expect(page.locator(".route-more")).to_have_count(len(known))
        assert "undefined" not in page.locator("#routes").inner_text()
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_what_is_searched_for_is_left_by_path_word_or_code(browser: Browser, hub: RunningHub) -> None:
    with api_page(browser, hub) as page:
        page.get_by_label("Search routes").fill("unknown_command")
        expect(page.locator("details.route:visible")).to_have_count(1)
        assert page.locator("details.route:visible").get_attribute("id") == "post_devices_name_commands"
        page.get_by_label("Search routes").fill("no such word")
        expect(page.get_by_text("No route matches.")).to_be_visible()


def test_keys_alone_open_a_route_and_reach_its_curl_line(browser: Browser, hub: RunningHub) -> None:
    with api_page(browser, hub) as page:
        page.get_by_label("Search routes").focus()
        page.keyboard.type("post /api/v1/devices/{name}/commands")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.getAttribute('href')") == "#group-commands"
        for _ in range(20):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.tagName") == "SUMMARY":
                break
        page.keyboard.press("Enter")
        line = page.locator(".with-copy code")
        expect(line).to_be_visible()
        assert "'Content-Type: application/json'" in line.inner_text()
        assert line.inner_text().endswith(f"'{hub.url}/api/v1/devices/greenhouse/commands'")


def test_a_link_to_a_route_opens_it_and_the_page_links_here(browser: Browser, hub: RunningHub) -> None:
    with api_page(browser, hub, place="#get_query") as page:
        expect(page.locator("#get_query .route-more")).to_be_visible()
        page.goto(hub.login_url())
        from_menu(page, "API")
        expect(page.get_by_role("heading", name="Tributary's HTTP API")).to_be_visible()
