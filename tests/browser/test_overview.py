"""The overview in a real browser: devices and hub as it shows them, how it is cut down; the same by keyboard, link and phone."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import TIMEOUT_MS
from tests.support.hub_process import RunningHub, running_hub
from tests.support.pages import Wire, page_of, streaming

pytestmark = [pytest.mark.needs_server("chromium"), pytest.mark.slow]

LINKS = ".device-rows .row-link"
MANY = 1_000


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with running_hub(tmp_path_factory.mktemp("hub") / "data") as running, streaming(running, "pump"):
        running.api("PATCH", "/api/v1/devices/pump", {"title": "North pump", "kind": "pump", "tags": ["floor=2", "outdoor"]})
        for name in ("fan-2", "fan-10"):
            running.provision(name)
            running.api("PATCH", f"/api/v1/devices/{name}", {"tags": ["floor=1"]})
        running.api("PATCH", "/api/v1/devices/fan-2", {"disabled": True})
        yield running


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with running_hub(tmp_path_factory.mktemp("crowd") / "data") as running:
        running.api("POST", "/api/v1/devices", {"names": [f"d-{number:04}" for number in range(MANY)]})
        yield running


def listed(page: Page, *names: str) -> None:
    """Wait until these are listed, in this order."""
    expect(page.locator(LINKS)).to_have_text(list(names), timeout=TIMEOUT_MS)


def row(page: Page, name: str) -> Any:
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))


def test_the_way_in_shows_the_life_of_a_device(browser: Browser, hub: RunningHub) -> None:
    with page_of(browser, hub, at="#/") as page:
        pump = row(page, "North pump")
        expect(pump).to_contain_text("online for", timeout=TIMEOUT_MS)
        expect(pump.locator(".row-value")).to_contain_text("°C", timeout=TIMEOUT_MS)
        before = pump.locator(".row-value").inner_text()
        expect(pump.locator(".row-value")).not_to_have_text(before, timeout=TIMEOUT_MS)
        line = pump.locator(".spark-line")
        expect(line).to_have_attribute("d", re.compile("M.*L"), timeout=TIMEOUT_MS)
        before = line.get_attribute("d") or ""
        expect(line).not_to_have_attribute("d", before, timeout=TIMEOUT_MS)
        expect(row(page, "fan-2")).to_contain_text("disabled")
        expect(row(page, "fan-10")).to_contain_text("never seen")
        expect(pump.locator(".tag")).to_have_text(["floor=2", "outdoor"])


def test_the_strip_tells_how_the_hub_fares(browser: Browser, hub: RunningHub) -> None:
    with page_of(browser, hub, at="#/") as page:
        strip = page.locator(".health")
        expect(strip).to_contain_text(re.compile(r"Frames\s*[1-9][\d.]* /s"), timeout=TIMEOUT_MS)
        hops = page.locator(".hops-list")
        expect(hops).to_contain_text(re.compile(r"Hub → disk\s*[\d.]+ m?s p99 [\d.]+ m?s"), timeout=TIMEOUT_MS)
        expect(strip).to_contain_text(re.compile(r"Connected\s*1 of 3"))
        expect(strip).to_contain_text(re.compile(r"Viewers\s*[1-9]"))
        expect(strip).to_contain_text(re.compile(r"Behind\s*Nothing"))
        expect(strip).to_contain_text(re.compile(r"Intake\s*Open"))


def test_the_list_is_cut_down_and_the_address_keeps_how(browser: Browser, hub: RunningHub) -> None:
    with page_of(browser, hub, at="#/") as page:
        listed(page, "fan-2", "fan-10", "North pump")
        page.get_by_label("Search devices").fill("FAN")
        listed(page, "fan-2", "fan-10")
        page.get_by_role("group", name="Show only").get_by_role("button", name="disabled").click()
        listed(page, "fan-2")
        page.reload()
        listed(page, "fan-2")
        expect(page.get_by_label("Search devices")).to_have_value("FAN")
        page.get_by_label("Search devices").fill("nothing like it")
        page.get_by_role("button", name="Show all devices").click()
        listed(page, "fan-2", "fan-10", "North pump")
        page.get_by_role("columnheader", name="Device").get_by_role("button").click()
        listed(page, "North pump", "fan-10", "fan-2")
        expect(page.get_by_role("columnheader", name="Device")).to_have_attribute("aria-sort", "descending")
        page.get_by_label("Sort by").select_option("By last seen")
        page.reload()
        listed(page, "North pump", "fan-2", "fan-10")


def test_a_tag_expression_is_judged_at_once_and_a_wrong_one_says_where(browser: Browser, hub: RunningHub) -> None:
    with page_of(browser, hub, at="#/") as page:
        listed(page, "fan-2", "fan-10", "North pump")
        where = page.get_by_label("Tag expression")
        where.fill("floor=1 and not disabled")
        listed(page, "fan-10")
        where.fill("floor=1 and not ")
        expect(page.get_by_text("Not applied: the expression needs a tag after character 16.")).to_be_visible()
        expect(where).to_have_attribute("aria-invalid", "true")
        listed(page, "fan-10")  # what was said last is still in force
        hub.api("PATCH", "/api/v1/devices/fan-10", {"tags": ["floor=3"]})
        expect(page.get_by_text("No device matches.")).to_be_visible(timeout=TIMEOUT_MS)
        hub.api("PATCH", "/api/v1/devices/fan-10", {"tags": ["floor=1"]})
        listed(page, "fan-10")
        where.fill("")
        row(page, "North pump").get_by_role("button", name="outdoor").click()
        listed(page, "North pump")
        expect(where).to_have_value("outdoor")


def test_another_channel_is_chosen_once_for_the_page(browser: Browser, hub: RunningHub) -> None:
    wire = Wire()
    with page_of(browser, hub, at="#/", wire=wire) as page:
        expect(row(page, "North pump").locator(".row-value")).to_contain_text("°C", timeout=TIMEOUT_MS)
        page.get_by_label("Channel of the lines").select_option("flow (1 device)")
        expect(row(page, "North pump").locator(".row-value")).to_contain_text("L", timeout=TIMEOUT_MS)
        expect(page).to_have_url(re.compile("channel=flow"))
        assert [(each["devices"], each["channels"]) for each in wire.asked] == [(["*"], ["temp"]), (["*"], ["flow"])]


def test_open_alerts_are_counted_with_the_way_to_each(browser: Browser, hub: RunningHub) -> None:
    rule = {"rule": "warm", "kind": "above", "devices": ["pump"], "channels": ["temp"], "limit": -50, "severity": "critical"}
    hub.api("POST", "/api/v1/rules", rule)
    try:
        with page_of(browser, hub, at="#/") as page:
            card = page.get_by_role("region", name="Open alerts")
            expect(card).to_contain_text("1 critical", timeout=TIMEOUT_MS)
            expect(card.get_by_role("link", name="All alerts")).to_have_attribute("href", "#/alerts")
            card.get_by_role("link", name="temp").click()
            expect(page).to_have_url(re.compile("#/devices/pump"))
    finally:
        hub.api("DELETE", "/api/v1/rules/warm")


def test_a_thousand_devices_are_a_few_rows_and_the_keyboard_reaches_all(browser: Browser, crowded: RunningHub) -> None:
    with page_of(browser, crowded, at="#/") as page:
        grid = page.get_by_role("grid", name="Devices")
        expect(grid).to_have_attribute("aria-rowcount", str(MANY + 1), timeout=TIMEOUT_MS)
        assert page.locator(LINKS).count() < 40
        page.locator(LINKS).first.focus()
        page.keyboard.press("ArrowDown")
        expect(page.get_by_role("link", name="d-0001", exact=True)).to_be_focused()
        page.keyboard.press("End")
        last = page.get_by_role("link", name=f"d-{MANY - 1:04}", exact=True)
        expect(last).to_be_focused()
        expect(last).to_be_in_viewport()
        assert row(page, f"d-{MANY - 1:04}").get_attribute("aria-rowindex") == str(MANY + 1)
        page.mouse.wheel(0, -100_000)  # scrolled away, nobody loses their place
        expect(page.get_by_role("link", name="d-0003", exact=True)).to_be_in_viewport()
        expect(last).to_be_focused()
        page.keyboard.press("PageUp")
        assert page.evaluate("scrollY") > 1_000
        assert page.locator(LINKS).count() < 40
        order = page.locator(LINKS).all_inner_texts()
        assert order == sorted(order)  # a screen reader reads them in this order
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile("#/devices/d-09"))


def test_who_comes_back_from_a_device_finds_the_list_where_it_was(browser: Browser, crowded: RunningHub) -> None:
    with page_of(browser, crowded, at="#/?q=d-0") as page:
        page.get_by_role("link", name="d-0000", exact=True).wait_for()
        page.wait_for_function("() => { scrollTo(0, 20000); return scrollY === 20000; }")  # the list may still be growing
        page.locator(LINKS).nth(12).evaluate("link => link.click()")  # where it is: a click of the mouse may scroll to it
        page.locator("#device-name").wait_for()
        page.go_back()
        page.wait_for_function("() => scrollY === 20000")
        assert page.locator(LINKS).count() > 5


def test_presence_is_told_and_counted_as_the_hub_judges_it(browser: Browser, hub: RunningHub) -> None:
    def with_presence(message: dict[str, Any]) -> None:
        for item in message["items"] if message["op"] == "devices" else ():
            item.update({"presence": "silent", "flapping": True} if item["device"] == "pump" else {})

    with page_of(browser, hub, at="#/", wire=Wire(with_presence)) as page:
        pump = row(page, "North pump")
        expect(pump).to_contain_text("silent, last heard of", timeout=TIMEOUT_MS)
        expect(pump).to_contain_text("flapping")
        expect(pump.locator(".row-facts")).to_have_attribute("title", re.compile("connected, but nothing comes; last seen .* UTC"))
        expect(page.get_by_role("button", name="silent 1")).to_be_visible()
        expect(page.get_by_role("button", name="flapping 1")).to_be_visible()


@pytest.mark.parametrize("size", [(390, 844), (900, 800), (1280, 800), (1920, 1080)])
def test_nothing_is_wider_than_the_screen(browser: Browser, hub: RunningHub, size: tuple[int, int]) -> None:
    with page_of(browser, hub, at="#/", size=size) as page:
        expect(row(page, "North pump").locator(".row-value")).to_contain_text("°C", timeout=TIMEOUT_MS)
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
        heights = page.locator(".device-rows .device-row").evaluate_all("rows => rows.map(r => r.scrollHeight - r.clientHeight)")
        assert max(heights) <= 1  # nothing of a row is cut off


def test_what_devices_are_called_is_only_ever_text(browser: Browser, tmp_path: Path) -> None:
    with running_hub(tmp_path / "data") as hub:
        hub.provision("evil")
        title = "<img src=x onerror=alert(1)>\"'&"
        hub.api("PATCH", "/api/v1/devices/evil", {"title": title, "kind": "<b>", "tags": ["a=<i>x</i>"]})
        with page_of(browser, hub, at="#/") as page:
            listed(page, title)
            expect(page.locator(".tag")).to_have_text("a=<i>x</i>")
            assert page.locator(".device-rows :is(img, b, i)").count() == 0
