"""A shared dashboard in a real browser: a link is made, copied, opened by somebody without an account, and withdrawn.

On a real hub process with a real device. Needs Chromium.
"""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.browser import TIMEOUT_MS
from tests.support.hub_process import RunningHub, running_hub
from tests.support.pages import page_of, streaming

pytestmark = [pytest.mark.needs_server("chromium"), pytest.mark.slow]

SHARES: Final = "/api/v1/dashboards/hall/shares"
OVER: Final = "This link shows nothing any more"
REFUSED: Final = ("401", "404", "HTTP Authentication failed")  # a browser tells of each answer that is a refusal
SOURCE: Final = {"source": {"devices": ["pump"]}}
FLOOR: Final = {"source": {"where": "$of"}, "channels": ["temp"]}
TILES: Final = [
    {"id": "a", "type": "chart", "x": 0, "y": 0, "w": 6, "h": 5, "title": "Water", "config": SOURCE | {"channels": ["temp"]}},
    {"id": "b", "type": "number", "x": 6, "y": 0, "w": 3, "h": 3, "title": "Now", "config": SOURCE | {"channels": ["temp"]}},
    {"id": "c", "type": "state", "x": 9, "y": 0, "w": 3, "h": 3, "title": "There", "config": SOURCE | {"channels": ["(presence)"]}},
    {"id": "d", "type": "table", "x": 6, "y": 3, "w": 6, "h": 3, "title": "All", "config": FLOOR},
    {"id": "e", "type": "command", "x": 0, "y": 5, "w": 3, "h": 2, "title": "Open", "config": {"target": ["pump"], "command": "double"}},
    {"id": "f", "type": "text", "x": 0, "y": 7, "w": 4, "h": 2, "title": "", "config": {"text": "# Welcome to $of"}},
]  # fmt: skip
HALL: Final = {"title": "Hall", "variables": [{"name": "of", "kind": "tags", "value": "floor=2"}], "range": "5min", "tiles": TILES}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with running_hub(tmp_path_factory.mktemp("hub") / "data") as running, streaming(running, "pump"), streaming(running, "fan"):
        running.api("PATCH", "/api/v1/devices/pump", {"tags": ["floor=2", "secret=tag"], "title": "Main pump"})
        running.api("PUT", "/api/v1/dashboards/hall", {"version": 0, "dashboard": HALL})
        yield running


@contextmanager
def guest(
    browser: Browser,
    url: str,
    *,
    allowed: Sequence[str] = (),
    size: tuple[int, int] = (1280, 800),
    scheme: Literal["dark", "light"] = "dark",
) -> Iterator[tuple[Page, list[str]]]:
    """Open a link in a browser without a login; gives the page and what the socket told it. Nothing may be complained of."""
    complaints, told = list[str](), list[str]()
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, reduced_motion="reduce")
    try:
        page = context.new_page()
        page.set_default_timeout(TIMEOUT_MS)
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("websocket", lambda socket: socket.on("framereceived", lambda payload: told.append(str(payload))))
        page.add_init_script(
            "window.violations = []; addEventListener('securitypolicyviolation', e => violations.push(e.violatedDirective))"
        )
        page.goto(url)
        yield page, told
        assert page.evaluate("window.violations") == []
    finally:
        context.close()
    assert [text for text in complaints if not any(part in text for part in allowed)] == []


def made(hub: RunningHub, **more: Any) -> dict[str, Any]:
    share: dict[str, Any] = hub.api("POST", SHARES, {"name": "Hall screen"} | more)
    return share


def tile(page: Page, title: str) -> Locator:
    return page.locator(".board-tile").and_(page.get_by_role("region", name=title, exact=True))


def is_shown(page: Page) -> None:
    expect(page.get_by_role("heading", name="Hall", exact=True)).to_be_visible(timeout=TIMEOUT_MS)
    expect(tile(page, "Now")).to_contain_text("°C", timeout=TIMEOUT_MS)
    expect(tile(page, "All")).to_contain_text("Main pump", timeout=TIMEOUT_MS)
    expect(tile(page, "There")).to_contain_text("online", timeout=TIMEOUT_MS)


def shot(page: Page, name: str) -> None:
    """Keep a picture of the page where a person asked for them."""
    if folder := os.environ.get("PAGE_SHOTS"):
        page.screenshot(path=Path(folder) / f"shared-{name}.png")


def test_an_operator_makes_a_link_copies_it_and_withdraws_it(browser: Browser, hub: RunningHub) -> None:
    with page_of(browser, hub, allowed=["422"], at="#/dashboards/hall") as page:
        page.get_by_role("button", name="Share", exact=True).click()
        dialog = page.get_by_role("dialog", name="Share Hall")
        expect(dialog.get_by_text("None yet.")).to_be_visible()
        dialog.get_by_role("button", name="Make a link").click()
        form = page.get_by_role("dialog", name="Make a link")
        form.get_by_role("button", name="Make it").click()
        expect(form.get_by_role("alert")).to_contain_text("1 to 64 printable characters")
        form.get_by_label("Name").fill("Screen in the hall")
        form.get_by_label("It lasts").select_option("30 days")
        form.get_by_role("button", name="Make it").click()
        url = dialog.get_by_label("Link for Screen in the hall").input_value()
        assert "/shared/" in url
        assert len(url.split("#/")[1]) >= 43
        dialog.get_by_role("button", name="Copy", exact=True).click()
        expect(dialog.get_by_role("button", name="Copied").or_(dialog.get_by_role("button", name="Selected: copy it"))).to_be_visible()
        expect(dialog.get_by_role("listitem")).to_contain_text("never used")
        shot(page, "dialog")
        with guest(browser, url, allowed=REFUSED) as (screen, _):
            is_shown(screen)
            dialog.get_by_role("button", name="Withdraw Screen in the hall").click()
            page.get_by_role("dialog", name="Withdraw Screen").get_by_role("button", name="Withdraw", exact=True).click()
            expect(dialog.get_by_text("None yet.")).to_be_visible()
            expect(screen.get_by_role("alert")).to_contain_text(OVER, timeout=TIMEOUT_MS)
            assert screen.locator(".board-tile").count() == 0
            shot(screen, "over")


@pytest.mark.parametrize(("size", "scheme"), [((1280, 800), "dark"), ((1280, 800), "light"), ((390, 844), "dark")])
def test_a_guest_sees_the_dashboard_live_and_nothing_else(
    browser: Browser, hub: RunningHub, size: tuple[int, int], scheme: Literal["dark", "light"]
) -> None:
    url = made(hub)["url"]
    with guest(browser, url, size=size, scheme=scheme) as (page, told):
        is_shown(page)
        assert page.get_by_role("link").count() == 1  # to what is on this page
        assert tile(page, "Open").count() == 0
        before = tile(page, "Now").inner_text()
        page.wait_for_function("before => [...document.querySelectorAll('.board-tile')][1].innerText !== before", arg=before)
        messages = [json.loads(each) for each in told]
        assert {each["op"] for each in messages} <= {"ready", "devices", "snapshot", "update", "changed"}
        assert not any(word in each for each in told for word in ("fan", "secret", "firmware", "test 1", "double", "127.0.0.1"))
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        token = url.split("#/")[1]
        assert page.evaluate("document.cookie") == ""
        assert token in page.url
        shot(page, f"{scheme}-{size[0]}")
        page.get_by_role("button", name="Zoom in").click()
        expect(page.get_by_role("button", name="Back to live")).to_be_visible()
        tile(page, "All").scroll_into_view_if_needed()
        expect(tile(page, "All")).to_contain_text("Main pump", timeout=TIMEOUT_MS)  # of the past, by the expression of its tile
        page.get_by_role("button", name="Back to live").click()
        page.get_by_label("1 h", exact=True).check(force=True)
        page.wait_for_url("**range=1h")
        page.reload()
        is_shown(page)
        expect(page.get_by_label("1 h", exact=True)).to_be_checked()


def test_a_wall_shows_the_tiles_only_and_comes_back(browser: Browser, hub: RunningHub) -> None:
    with guest(browser, made(hub)["url"]) as (page, _):
        is_shown(page)
        page.get_by_role("button", name="Full screen").click()
        expect(page.locator(".top")).to_be_hidden()
        shot(page, "wall")
        page.reload()
        expect(tile(page, "Now")).to_contain_text("°C", timeout=TIMEOUT_MS)
        expect(page.locator(".top")).to_be_hidden()
        page.keyboard.press("Escape")
        expect(page.locator(".top")).to_be_visible()


def test_what_is_saved_later_is_shown_at_once_and_an_old_tile_is_out_of_reach(browser: Browser, hub: RunningHub) -> None:
    with guest(browser, made(hub)["url"], allowed=["out_of_reach"]) as (page, told):
        is_shown(page)
        version = hub.api("GET", "/api/v1/dashboards/hall")["version"]
        fewer = HALL | {"tiles": TILES[2:3], "title": "Hall, less"}
        try:
            version = hub.api("PUT", "/api/v1/dashboards/hall", {"version": version, "dashboard": fewer})["version"]
            expect(page.get_by_role("heading", name="Hall, less")).to_be_visible(timeout=TIMEOUT_MS)
            expect(page.locator(".board-tile")).to_have_count(1)
            told.clear()
            page.wait_for_function("() => document.querySelector('.lamp-word')?.textContent === 'online'")
            assert not any(json.loads(each)["op"] in ("snapshot", "update") for each in told)
        finally:
            hub.api("PUT", "/api/v1/dashboards/hall", {"version": version, "dashboard": HALL})


def test_what_is_shown_stays_where_the_hub_cannot_answer_for_a_moment(browser: Browser, hub: RunningHub) -> None:
    with guest(browser, made(hub)["url"], allowed=["503", "out_of_reach"]) as (page, _):
        is_shown(page)
        busy = {"status": 503, "json": {"code": "busy", "message": "the hub is busy", "hint": "try again"}}
        page.route("**/api/v1/shared", lambda route: route.fulfill(**busy) if route.request.method == "GET" else route.continue_())
        version = hub.api("GET", "/api/v1/dashboards/hall")["version"]
        try:
            with page.expect_response(lambda answer: answer.status == 503):  # the connection ends, as the link reaches something else now
                version = hub.api("PUT", "/api/v1/dashboards/hall", {"version": version, "dashboard": HALL | {"tiles": TILES[:3]}})[
                    "version"
                ]
            before = tile(page, "Now").inner_text()
            page.wait_for_function("before => [...document.querySelectorAll('.board-tile')][1]?.innerText !== before", arg=before)
            expect(tile(page, "Now")).to_contain_text("°C")
            expect(page.get_by_text("It cannot be shown now")).to_have_count(0)
            page.unroute("**/api/v1/shared")
            expect(tile(page, "All")).to_have_count(0, timeout=TIMEOUT_MS)  # as it is saved now
        finally:
            hub.api("PUT", "/api/v1/dashboards/hall", {"version": version, "dashboard": HALL})


def test_a_link_that_is_cut_short_says_so_and_an_administrator_is_a_guest_there(browser: Browser, hub: RunningHub) -> None:
    url = made(hub)["url"]
    with guest(browser, url[:-3], allowed=REFUSED) as (page, _):
        expect(page.get_by_role("alert")).to_contain_text(OVER, timeout=TIMEOUT_MS)
    with page_of(browser, hub, at="#/dashboards/hall") as page:
        other = page.context.new_page()
        other.goto(url)
        is_shown(other)
        assert other.evaluate("fetch('api/v1/shared').then(a => a.status)") == 200
        assert other.evaluate("fetch('api/v1/devices').then(a => a.status)") == 404
        expect(page.get_by_role("button", name="Share", exact=True)).to_be_visible()  # and still an administrator here
