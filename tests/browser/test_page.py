"""The page in a real browser, on a real hub process with a real device: what people see, and that the browser has nothing to complain of.

Every test ends with the same check: no error in the console, no broken Content-Security-Policy. Needs Chromium.
"""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from dashboard.csp import content_security_policy, style_hashes
from simulators.crash.disk import DiskUnavailable, small_disk
from tests.support.browser import TIMEOUT_MS
from tests.support.hub_process import RunningHub, free_port, running_hub
from tests.support.pages import Wire, from_menu, is_live, newest_drawn, page_of, streaming, wait_for_newer

pytestmark = [pytest.mark.needs_server("chromium"), pytest.mark.slow]

SHADED = "document.querySelector('.plot').layout.shapes.filter(shape => shape.type === 'rect' && shape.opacity === 0.5).length"
LONG_OFFLINE = re.compile("No connection to the hub")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with running_hub(tmp_path_factory.mktemp("hub") / "data") as running, streaming(running, "pump"):
        yield running


def test_the_charts_move_and_say_what_is_shown(browser: Browser, hub: RunningHub) -> None:
    with page_of(browser, hub) as page:
        is_live(page)
        expect(page.locator("#device-name")).to_have_text("pump")
        expect(page.locator(".chart h2")).to_contain_text(["Temperature", "Volume", "Values"])
        expect(page.locator(".legend-value").first).to_contain_text("°C")
        wait_for_newer(page, newest_drawn(page))
        expect(page.locator("#latency-hub")).to_contain_text(re.compile(r"\d (ms|s)"))
        page.locator("#latency").focus()
        expect(page.locator("#latency-more")).to_be_visible()


def test_every_time_range_is_shown(browser: Browser, hub: RunningHub) -> None:
    with page_of(browser, hub) as page:
        is_live(page)
        for name in ("15 min", "1 h", "6 h", "24 h", "7 d", "30 d", "1 y", "5 min"):
            page.get_by_label(name, exact=True).check(force=True)
            is_live(page)
            wait_for_newer(page, 0)


def test_a_command_gets_its_result_and_a_failure_its_reason(browser: Browser, hub: RunningHub) -> None:
    with page_of(browser, hub) as page:
        is_live(page)
        page.get_by_label("Command", exact=True).select_option("double")
        page.get_by_label("number").fill("21")
        page.get_by_role("button", name="Send").click()
        first = page.locator("#command-list li").first
        expect(first).to_have_attribute("data-state", "done", timeout=TIMEOUT_MS)
        expect(first.locator(".sent-value")).to_have_text("42")
        page.get_by_label("Command", exact=True).select_option("refuse")
        page.get_by_role("button", name="Send").click()
        expect(first).to_have_attribute("data-state", "failed", timeout=TIMEOUT_MS)
        expect(first).to_contain_text("the valve is stuck")


def test_a_command_to_many_devices_shows_its_tally(browser: Browser, hub: RunningHub) -> None:
    with page_of(browser, hub) as page:
        is_live(page)
        hub.api("POST", "/api/v1/group-commands", {"name": "double", "args": {"number": 4}, "where": "name=*"})
        group = page.locator("#command-group-list li").first
        expect(group).to_contain_text("double", timeout=TIMEOUT_MS)
        expect(group.locator(".sent-value")).to_have_text("1 done", timeout=TIMEOUT_MS)
        expect(group.locator(".chip")).to_have_text("ended")


def test_an_argument_out_of_range_is_told_before_it_is_sent(browser: Browser, hub: RunningHub) -> None:
    with page_of(browser, hub) as page:
        is_live(page)
        page.get_by_label("Command", exact=True).select_option("double")
        page.get_by_label("number").fill("200")
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_role("alert")).to_contain_text("must be 0 to 100")
        expect(page.get_by_label("number")).to_be_focused()


def test_a_line_is_switched_off_and_on_by_keyboard(browser: Browser, hub: RunningHub) -> None:
    with page_of(browser, hub) as page:
        is_live(page)
        line = page.locator(".legend button").first
        line.focus()
        page.keyboard.press("Enter")
        expect(line).to_have_attribute("aria-pressed", "false")
        page.keyboard.press("Enter")
        expect(line).to_have_attribute("aria-pressed", "true")


def test_the_theme_follows_the_system_until_it_is_chosen_and_stays_chosen(browser: Browser, hub: RunningHub) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    with page_of(browser, hub) as page:
        is_live(page)
        dark = page.evaluate(ground)
        page.emulate_media(color_scheme="light")
        assert page.evaluate(ground) != dark
        page.get_by_role("button", name="Menu").click()
        page.locator("#theme").click()
        page.keyboard.press("Escape")
        assert page.evaluate(ground) == dark
        page.reload()
        is_live(page)
        assert page.evaluate(ground) == dark


@pytest.mark.parametrize("size", [(390, 844), (1000, 700), (1280, 800), (1920, 1080)])
def test_nothing_is_wider_than_the_screen(browser: Browser, hub: RunningHub, size: tuple[int, int]) -> None:
    with page_of(browser, hub, size=size) as page:
        is_live(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
        widths = page.evaluate(
            "[...document.querySelectorAll('.plot')].map(p => [p.clientWidth, p.querySelector('.main-svg').clientWidth])"
        )
        assert widths
        assert all(abs(outer - inner) <= 1 for outer, inner in widths)


def test_the_page_says_that_the_hub_is_gone_and_goes_on_when_it_is_back(browser: Browser, tmp_path: Path) -> None:
    with (
        running_hub(tmp_path / "data", port=free_port()) as hub,
        streaming(hub, "pump"),
        page_of(browser, hub, allowed=["ERR_CONNECTION", "WebSocket connection", "Failed to load resource"]) as page,
    ):
        is_live(page)
        wait_for_newer(page, 0)
        hub.process.kill()
        banner = page.locator('.banner[data-kind="connection"]')
        expect(banner).to_contain_text(LONG_OFFLINE, timeout=TIMEOUT_MS)
        expect(banner).to_contain_text("Next try in", timeout=TIMEOUT_MS)
        before = newest_drawn(page)
        hub.process.start()
        expect(banner).to_have_count(0, timeout=TIMEOUT_MS)
        wait_for_newer(page, before)


def test_a_full_disk_and_its_end_are_shown_while_it_lasts(browser: Browser, tmp_path: Path) -> None:
    try:
        with (
            small_disk(tmp_path / "disk", 64 << 20) as disk,
            running_hub(disk.path / "data") as hub,
            streaming(hub, "pump"),
            page_of(browser, hub) as page,
        ):
            is_live(page)
            banner = page.locator('.banner[data-kind="holding"]')
            expect(banner).to_have_count(0)
            disk.fill()
            expect(banner).to_contain_text("disk is full", timeout=TIMEOUT_MS)
            expect(banner).to_have_attribute("data-level", "warning")
            disk.free()
            expect(banner).to_have_count(0, timeout=TIMEOUT_MS)
            wait_for_newer(page, newest_drawn(page))
    except DiskUnavailable as error:
        pytest.skip(str(error))


def test_a_note_for_the_operator_is_shown(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "history.duckdb").write_bytes(b"no database" * 1_000)
    with running_hub(tmp_path / "data") as hub, page_of(browser, hub) as page:
        expect(page.locator('.banner[data-kind="note"]')).to_contain_text("history.duckdb is damaged and was set aside", timeout=TIMEOUT_MS)


DOWN = {
    "name": "InfluxDB",
    "state": "down",
    "lag_frames": 12_345,
    "left_s": 11_000,
    "reason": "connection refused",
    "since_us": 1_700_000_000_000_000,
}


def test_a_store_that_is_away_is_told_with_the_time_that_is_left_and_then_no_more(browser: Browser, hub: RunningHub) -> None:
    told = {"store": DOWN, "ack_after": "journal"}
    wire = Wire(lambda message: message.update(told) if message["op"] == "system" else None)
    with page_of(browser, hub, wire=wire) as page:
        banner = page.locator('.banner[data-kind="store"]')
        expect(banner).to_contain_text("InfluxDB does not answer since", timeout=TIMEOUT_MS)
        expect(banner).to_contain_text("(connection refused). Live readings are shown, and nothing is lost")
        expect(banner).to_contain_text("12,345 messages are not stored yet. Devices must hold their readings in about 3 h.")
        expect(banner).to_have_attribute("data-level", "warning")
        expect(page.locator("#store")).to_have_attribute("data-state", "down")
        told["ack_after"] = "store"
        wire.say({"op": "system", "version": 2**52, "credit": "open", "notes": [], **told})
        expect(banner).to_contain_text("no acknowledgement")
        expect(banner).to_have_attribute("data-level", "error")
        told["store"] = DOWN | {"state": "behind", "left_s": None, "reason": ""}
        wire.say({"op": "system", "version": 2**52 + 1, "credit": "open", "notes": [], **told})
        expect(banner).to_contain_text("is behind since")
        told["store"] = DOWN | {"state": "ok"}
        wire.say({"op": "system", "version": 2**53, "credit": "overload", "notes": [], **told})
        expect(banner).to_have_count(0, timeout=TIMEOUT_MS)
        expect(page.locator('.banner[data-kind="holding"]')).to_contain_text("overloaded")


def test_all_about_the_history_is_a_click_away(browser: Browser, hub: RunningHub) -> None:
    with page_of(browser, hub, size=(390, 844)) as page:
        is_live(page)
        from_menu(page, "History")
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("DuckDB (duckdb)", timeout=TIMEOUT_MS)
        expect(dialog).to_contain_text("stores what comes")
        expect(dialog.locator("tbody tr")).to_have_count(3)
        expect(dialog).to_contain_text("30 days")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()


def test_many_notes_do_not_bury_the_page(browser: Browser, hub: RunningHub) -> None:
    notes = [f"a note of the hub, number {number}" for number in range(9)]
    wire = Wire(lambda message: message.update(notes=notes) if message["op"] == "system" else None)
    with page_of(browser, hub, wire=wire) as page:
        expect(page.locator('.banner[data-kind="note"]')).to_have_count(2, timeout=TIMEOUT_MS)
        more = page.locator('.banner[data-kind="notes"]')
        expect(more).to_contain_text("7 more notes about the history")
        more.get_by_role("button", name="Show the history").click()
        expect(page.get_by_role("dialog")).to_be_visible()


def test_presence_is_shown_as_the_hub_judges_it(browser: Browser, hub: RunningHub) -> None:
    now_us = int(time.time() * 1e6)
    told: dict[str, Any] = {"presence": "silent", "last_seen_us": now_us - 7_000_000}

    def with_presence(message: dict[str, Any]) -> None:
        for item in message["items"] if message["op"] == "devices" else ():
            item.update(told)

    wire = Wire(with_presence)
    with page_of(browser, hub, wire=wire) as page:
        row, facts = page.locator("#devices a"), page.locator("#device-facts")
        expect(facts).to_contain_text("silent, last heard of", timeout=TIMEOUT_MS)
        expect(row).to_have_attribute("data-presence", "silent")
        expect(page.locator("#device-count")).to_have_text("1 of 1 online")
        expected_us = now_us + 600_000_000
        asleep = {"device": "pump", "version": 2**52, "channels": [], "commands": [], "expected_us": expected_us, "flapping": True}
        wire.say({"op": "devices", "items": [asleep | told | {"presence": "sleeping"}]})
        expect(facts).to_contain_text("sleeping, last seen", timeout=TIMEOUT_MS)
        expect(facts).to_contain_text("back in 9 min, comes and goes")
        expect(row).to_have_attribute("title", re.compile("asleep, as it said it would be, and comes and goes"))
        expect(page.locator("#device-count")).to_have_text("0 of 1 online")


def test_a_stretch_that_is_still_being_stored_is_shown_as_a_hole(browser: Browser, hub: RunningHub) -> None:
    def with_hole(message: dict[str, Any]) -> None:
        if message["op"] == "snapshot":
            message["hole"] = [message["from_us"], message["from_us"] + 60_000_000]

    with page_of(browser, hub, wire=Wire(with_hole)) as page:
        is_live(page)
        expect(page.locator("#hole")).to_contain_text("still being stored", timeout=TIMEOUT_MS)
        assert page.evaluate(SHADED) == 1


def test_what_is_no_longer_kept_is_said_and_shaded(browser: Browser, hub: RunningHub) -> None:
    def with_less(message: dict[str, Any]) -> None:
        if message["op"] == "snapshot":
            message["kept_from_us"] = message["from_us"] + 120_000_000

    with page_of(browser, hub, wire=Wire(with_less)) as page:
        is_live(page)
        expect(page.locator("#hole")).to_contain_text("no longer kept in this detail", timeout=TIMEOUT_MS)
        assert page.evaluate(SHADED) == 1


def test_data_that_changed_is_asked_for_again(browser: Browser, hub: RunningHub) -> None:
    wire = Wire()
    with page_of(browser, hub, wire=wire) as page:
        is_live(page)
        (first,) = wire.asked
        wire.say({"op": "changed", "id": first["id"], "series": [0], "from_us": 0, "to_us": 1})
        assert wire.asked_again(page, 2) == first  # the same id, without a cursor: everything anew
        is_live(page)


def test_a_reconnect_goes_on_from_the_cursor_but_not_past_data_that_changed(browser: Browser, hub: RunningHub) -> None:
    wire = Wire()
    with page_of(browser, hub, wire=wire) as page:
        is_live(page)
        wire.cut()
        assert "cursor" in wire.asked_again(page, 2)
        is_live(page)
        wire.say({"op": "changed", "id": wire.asked[0]["id"], "series": [0], "from_us": 0, "to_us": 1})
        wire.cut()  # before the page has asked
        assert "cursor" not in wire.asked_again(page, 3)
        is_live(page)


def test_a_closed_store_is_told_and_asked_again(browser: Browser, hub: RunningHub) -> None:
    wire = Wire()
    with page_of(browser, hub, wire=wire) as page:
        is_live(page)
        wire.say({"op": "error", "id": wire.asked[0]["id"], "code": "store_unavailable", "message": "full", "hint": ""})
        expect(page.locator("#hole")).to_contain_text("cannot read its stored readings", timeout=TIMEOUT_MS)
        expect(page.locator("#hole")).to_be_hidden(timeout=TIMEOUT_MS)
        assert len(wire.asked) > 1


def test_the_time_online_goes_on(browser: Browser, hub: RunningHub) -> None:
    def just_connected(message: dict[str, Any]) -> None:
        for item in message["items"] if message["op"] == "devices" else ():
            item["connected_us"] = time.time_ns() // 1_000

    with page_of(browser, hub, wire=Wire(just_connected)) as page:
        is_live(page)
        facts = page.locator("#device-facts")
        expect(facts).to_contain_text("online for")
        before = facts.inner_text()
        expect(facts).not_to_have_text(before, timeout=TIMEOUT_MS)


def test_a_hub_without_devices_says_how_to_add_one_and_shows_it_at_once(browser: Browser, tmp_path: Path) -> None:
    with running_hub(tmp_path / "data") as hub, page_of(browser, hub, at="#/") as page:
        expect(page.locator("#empty")).to_contain_text("tributary device add NAME", timeout=TIMEOUT_MS)
        hub.provision("boiler")
        page.get_by_role("link", name="boiler").click(timeout=TIMEOUT_MS)
        expect(page.locator("#device-name")).to_have_text("boiler", timeout=TIMEOUT_MS)
        page.go_back()
        expect(page.locator("#empty")).to_be_hidden()


def test_addresses_that_lead_nowhere_say_so_and_old_ones_still_lead_to_the_device(browser: Browser, hub: RunningHub) -> None:
    with page_of(browser, hub, at="#/no/such/page") as page:
        expect(page.get_by_role("heading", name="Nothing here")).to_be_visible(timeout=TIMEOUT_MS)
        page.evaluate("location.hash = '#/devices/%F0%9F'")
        expect(page.get_by_role("heading", name="No such device")).to_be_visible(timeout=TIMEOUT_MS)
        page.evaluate("location.hash = '#device=pump'")
        is_live(page)
        expect(page).to_have_title(re.compile("^pump .* Tributary$"))


def test_a_link_keeps_the_range_and_a_step_back_the_page_before(browser: Browser, hub: RunningHub) -> None:
    with page_of(browser, hub, at="#/devices/pump?range=1h") as page:
        is_live(page)
        expect(page.get_by_label("1 h", exact=True)).to_be_checked()
        page.get_by_label("24 h", exact=True).check(force=True)
        assert page.evaluate("location.hash") == "#/devices/pump?range=24h"
        page.go_back()
        expect(page.get_by_label("1 h", exact=True)).to_be_checked()
        page.reload()
        is_live(page)
        expect(page.get_by_label("1 h", exact=True)).to_be_checked()


def test_without_a_login_the_page_says_how_to_get_one(browser: Browser, hub: RunningHub) -> None:
    with page_of(browser, hub, allowed=["401"]) as page:
        is_live(page)
        from_menu(page, "Log out")
        expect(page.locator(".login h1")).to_have_text("Log in to Tributary", timeout=TIMEOUT_MS)
        expect(page.locator("code")).to_have_text("tributary login")


def test_the_policy_allows_plotlys_two_style_elements_and_nothing_inline() -> None:
    policy = content_security_policy()
    assert len(style_hashes()) == 2
    assert all(f"'{each}'" in policy for each in style_hashes())
    assert "unsafe" not in policy


def test_units_are_shown_as_they_were_chosen_and_stay_chosen(browser: Browser, hub: RunningHub) -> None:
    with page_of(browser, hub) as page:
        is_live(page)
        value = page.locator(".legend-value").first
        expect(value).to_contain_text("°C")
        from_menu(page, "Units")
        page.get_by_label("Temperature").select_option("°F")
        page.keyboard.press("Escape")
        expect(value).to_contain_text("°F")
        assert 59 <= float(value.inner_text().split()[0]) <= 77  # 15 to 25 °C
        page.reload()
        is_live(page)
        expect(page.locator(".legend-value").first).to_contain_text("°F")


def test_every_place_is_reached_by_keyboard(browser: Browser, hub: RunningHub) -> None:
    with page_of(browser, hub, at="#/") as page:
        page.get_by_role("link", name="pump").wait_for()
        page.keyboard.press("Control+k")
        expect(page.get_by_role("dialog").get_by_role("combobox")).to_be_focused()
        page.keyboard.type("pum")
        page.keyboard.press("Enter")
        is_live(page)
        page.keyboard.press("/")
        page.keyboard.type("units")
        expect(page.locator("#palette-list").get_by_role("option")).to_have_count(1)
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog", name="Units")).to_be_visible()
        page.keyboard.press("Escape")
        page.keyboard.press("Control+k")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(page.locator("#device-name")).to_be_hidden()
        assert page.evaluate("location.hash") == "#/"


def chosen(page: Page, text: str, label: str, hint: str) -> None:
    """Choose in the palette what a text means first."""
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Go to").fill(text)
    expect(page.locator("#palette-list [aria-selected=true]")).to_have_text(f"{label}{hint}")
    page.keyboard.press("Enter")


def test_the_palette_leads_to_each_part_and_does_what_the_role_may(browser: Browser, hub: RunningHub) -> None:
    board = {"title": "Boiler room", "variables": [], "range": "1h", "tiles": []}
    hub.api("PUT", "/api/v1/dashboards/boiler", {"version": 0, "dashboard": board})
    with page_of(browser, hub, at="#/") as page:
        page.get_by_role("link", name="pump").wait_for()
        for text, label, hint, place in (
            ("audit", "Admin: Audit log", "page", "#/admin/audit"),
            ("silences", "Alerts: silences", "page", "#/alerts/silences"),
            ("boiler", "Boiler room", "dashboard", "#/dashboards/boiler"),
        ):
            chosen(page, text, label, hint)
            page.wait_for_function("place => location.hash === place", arg=place)
        for text, label, dialog in (("new dash", "New dashboard", "New dashboard"), ("add a dev", "Add a device", "Add a device")):
            chosen(page, text, label, "action")
            expect(page.get_by_role("dialog", name=dialog)).to_be_visible()
            page.keyboard.press("Escape")
        chosen(page, "light", "Theme: light", "action")
        expect(page.locator("html")).to_have_attribute("data-theme", "light")
        for role, count in (("viewer", 0), ("operator", 1)):
            page.evaluate(
                """async role => {
                  const { offers } = await import('/static/parts/offers.js');
                  const nothing = { items: new Map(), sorted: () => [] };
                  const entities = { alerts: nothing, devices: nothing, dashboards: nothing };
                  const hub = { role, mayOperate: role !== 'viewer', isAdmin: false, ...entities };
                  window.offered = offers({ hub }, { links: () => [] }, {}).map(each => each.label);
                }""",
                role,
            )
            offered = page.evaluate("window.offered")
            assert offered.count("New dashboard") == count
            assert offered.count("Admin: Connections") == count
            assert not {"Add a device", "Admin: Users"} & set(offered)
            assert "Admin: My account" in offered
