"""Every page is scanned by axe-core in both themes: nothing serious may be found. Needs Chromium."""

from collections.abc import Iterator
from typing import Final, Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.axe import findings
from tests.support.browser import TIMEOUT_MS
from tests.support.hub_process import RunningHub, running_hub
from tests.support.pages import from_menu, is_live, page_of, streaming, walk

pytestmark = [pytest.mark.needs_server("chromium"), pytest.mark.slow]

TABS_OF_A_DEVICE: Final = [f"#/devices/pump?tab={name}" for name in ("commands", "shadow", "connections", "log", "about")]
ADMIN: Final = ("devices", "keys", "users", "tokens", "account", "retention", "stores", "nodes", "connections", "audit")
# What comes a moment after the rest.
SAID: Final = {
    "#/": "pump",
    "#/alerts/rules": "warm",
    "#/alerts/silences": "planned",
    "#/alerts/targets": "on-call",
    "#/dashboards": "Hall",
    "#/dashboards/hall": "gauge",
}
TYPES: Final = ("chart", "number", "gauge", "state", "table", "command", "text", "map")
TILE: Final = {
    **{"w": 4, "h": 3},
    "config": {
        "source": {"devices": ["$it"]},
        "channels": ["temp"],
        "command": "refuse",
        "text": "- [docs](https://example.org)",
        "warn_above": 20,
    },
}
HALL: Final = {
    **{"title": "Hall", "range": "5min", "variables": [{"name": "it", "kind": "device", "value": "pump"}]},
    "tiles": [TILE | {"id": name, "type": name, "x": at % 3 * 4, "y": at // 3 * 3, "title": name} for at, name in enumerate(TYPES)],
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with running_hub(tmp_path_factory.mktemp("hub") / "data") as running, streaming(running, "pump"):
        running.api("PUT", "/api/v1/dashboards/hall", {"version": 0, "dashboard": HALL})
        # So that each part of the page of alerts has something to show.
        running.api("POST", "/api/v1/rules", {"rule": "warm", "kind": "above", "channels": ["temp"], "limit": 0, "note": "look"})
        running.api("POST", "/api/v1/rules", {"rule": "off", "kind": "offline", "disabled": True})
        running.api("POST", "/api/v1/silences", {"where": "hall", "for_s": 3600, "reason": "planned"})
        running.api("POST", "/api/v1/targets", {"target": "on-call", "kind": "webhook", "url": "https://hook.invalid/"})
        running.api("POST", "/api/v1/targets/on-call/test", {})
        yield running


@pytest.fixture(scope="module", params=["dark", "light"])
def walked(browser: Browser, hub: RunningHub, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page that goes from place to place, as a person does."""
    with page_of(browser, hub, at="#/", scheme=request.param) as page:
        expect(page.locator("#connection")).to_have_attribute("data-state", "open", timeout=TIMEOUT_MS)
        yield page


@pytest.mark.parametrize(
    "at",
    [
        "#/",
        "#/devices/pump",
        "#/devices/pump?from=2026-01-01T00:00:00Z&to=2026-01-01T01:00:00Z",
        *TABS_OF_A_DEVICE,
        "#/alerts",
        "#/alerts/rules",
        "#/alerts/rules?new=above",
        "#/alerts/silences",
        "#/alerts/targets",
        *(f"#/admin/{each}" for each in ADMIN),
        "#/dashboards",
        "#/dashboards/hall",
        "#/dashboards/hall?from=2026-01-01T00:00:00Z&to=2026-01-01T01:00:00Z",
        "#/nowhere",
    ],
)
def test_no_page_has_a_serious_finding(walked: Page, at: str) -> None:
    walk(walked, at)
    walked.locator("main h1:visible").first.wait_for()
    if at in SAID:
        walked.locator("main").get_by_text(SAID[at]).first.wait_for()
    if at == "#/devices/pump":
        is_live(walked)
    if "admin" in at:
        walked.locator(".admin-section").wait_for()
    assert findings(walked) == []


def test_a_chart_that_is_pointed_at_and_its_menu_have_no_serious_finding(browser: Browser, hub: RunningHub) -> None:
    with page_of(browser, hub) as page:
        is_live(page)
        page.locator(".plot-frame").first.focus()
        page.keyboard.press("ArrowLeft")
        expect(page.locator(".readout:visible")).to_have_count(1)
        assert findings(page) == []
        page.locator(".save summary").first.click()
        expect(page.get_by_role("link", name="CSV")).to_be_visible()
        assert findings(page) == []


@pytest.mark.parametrize("name", ["History", "Export"])
def test_no_dialog_has_a_serious_finding(browser: Browser, hub: RunningHub, name: str) -> None:
    with page_of(browser, hub) as page:
        is_live(page)
        from_menu(page, name)
        expect(page.get_by_role("dialog")).to_be_visible(timeout=TIMEOUT_MS)
        assert findings(page) == []


# Where the focus is, and whether an outline shows it: that of the element, or of what it spans.
FOCUSED: Final = """() => {
  const element = document.activeElement;
  const isOutlined = (pseudo) => getComputedStyle(element, pseudo).outlineStyle !== 'none';
  return [element.getAttribute('aria-label') ?? element.textContent, isOutlined(null) || isOutlined('::after')];
}"""


@pytest.mark.parametrize(("at", "first", "last"), [("#/", "Search devices", "pump"), ("#/admin/audit", "Who", "Show")])
def test_each_stop_of_the_keyboard_has_an_outline(browser: Browser, hub: RunningHub, at: str, first: str, last: str) -> None:
    with page_of(browser, hub, at=at) as page:
        if last == "pump":
            expect(page.get_by_role("link", name=last, exact=True)).to_be_visible(timeout=TIMEOUT_MS)
        page.get_by_label(first, exact=True).focus()
        stops: list[tuple[str, bool]] = []
        while not stops or stops[-1][0] != last:
            page.keyboard.press("Tab")
            stops.append(tuple(page.evaluate(FOCUSED)))
            assert len(stops) < 60
        assert [name for name, is_outlined in stops if not is_outlined] == []


def test_a_dashboard_that_is_edited_has_no_serious_finding(browser: Browser, hub: RunningHub) -> None:
    with page_of(browser, hub, at="#/dashboards/hall") as page:
        page.get_by_role("button", name="Edit", exact=True).click()
        assert findings(page) == []
        for name in ("Add a tile", "Title and variables", "Edit gauge"):
            page.get_by_role("button", name=name, exact=True).click()
            page.get_by_role("dialog").wait_for()
            assert findings(page) == []
            page.keyboard.press("Escape")


FORMS: Final = [
    ("devices", "Add a device"),
    ("devices", "Import CSV"),
    ("users", "Add a user"),
    ("tokens", "Make a token"),
    ("keys", "Make a key"),
]


@pytest.mark.parametrize(("section", "name"), FORMS)
def test_no_form_of_the_administration_has_a_serious_finding(browser: Browser, hub: RunningHub, section: str, name: str) -> None:
    with page_of(browser, hub, at=f"#/admin/{section}") as page:
        page.get_by_role("button", name=name).click()
        expect(page.get_by_role("dialog")).to_be_visible(timeout=TIMEOUT_MS)
        assert findings(page) == []


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_a_token_that_is_shown_has_no_serious_finding(browser: Browser, hub: RunningHub, scheme: Literal["dark", "light"]) -> None:
    with page_of(browser, hub, at="#/admin/devices", scheme=scheme) as page:
        page.get_by_role("button", name="Add a device").click()
        page.get_by_label("Name", exact=True).fill(f"fan-{scheme}")
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.locator(".waiting")).to_be_visible(timeout=TIMEOUT_MS)
        assert findings(page) == []


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_sharing_and_what_is_shared_have_no_serious_finding(browser: Browser, hub: RunningHub, scheme: Literal["dark", "light"]) -> None:
    with page_of(browser, hub, at="#/dashboards/hall", scheme=scheme) as page:
        page.get_by_role("button", name="Share", exact=True).click()
        page.get_by_role("button", name="Make a link").click()
        page.get_by_label("Name").fill("screen")
        assert findings(page) == []
        page.get_by_role("button", name="Make it").click()
        url = page.get_by_label("Link for screen").first.input_value()
        page.get_by_role("button", name="Withdraw").first.wait_for()
        assert findings(page) == []
        page.goto(url)
        expect(page.locator("#connection")).to_have_attribute("data-state", "open", timeout=TIMEOUT_MS)
        page.locator(".board-tile").first.wait_for()
        assert findings(page) == []
