"""Dashboards in a real browser: made, arranged, saved, in conflict, deleted and back, with variables, on a wall and on a phone.

On a real hub process with a real device. Needs Chromium.
"""

import json
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trio
from playwright.sync_api import Browser, Locator, Page, Route, expect

from devices.client import Device
from devices.wire.messages import Channel
from tests.support.browser import TIMEOUT_MS
from tests.support.hub_process import RunningHub, running_hub
from tests.support.pages import Wire, page_of, streaming

pytestmark = [pytest.mark.needs_server("chromium"), pytest.mark.slow]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with running_hub(tmp_path_factory.mktemp("hub") / "data") as running, streaming(running, "pump"):
        running.provision("fan")
        running.api("PATCH", "/api/v1/devices/pump", {"tags": ["floor=2"]})
        yield running


def number(id_: str, x: int, y: int, **more: Any) -> dict[str, Any]:
    config = {"source": {"devices": ["pump"]}, "channels": ["temp"]}
    return {"id": id_, "type": "number", "x": x, "y": y, "w": 4, "h": 3, "title": f"Tile {id_}", "config": config} | more


def text(id_: str, x: int, y: int, **more: Any) -> dict[str, Any]:
    return number(id_, x, y, type="text", config={"text": f"words of {id_}"}) | more


@pytest.fixture
def saved(hub: RunningHub, request: pytest.FixtureRequest) -> Iterator[str]:
    """Save a dashboard of two tiles and return its name, which is the test's own."""
    name = str(request.node.name)[5:60].split("[")[0].replace("_", "-")
    put(hub, name, {"tiles": [text("a", 0, 0), text("b", 4, 0)]})
    yield name
    with suppress(AssertionError):  # a test may have deleted it
        hub.api("DELETE", f"/api/v1/dashboards/{name}")


def put(hub: RunningHub, name: str, more: dict[str, Any], version: int = 0) -> dict[str, Any]:
    document = {"title": "Hall", "variables": [], "range": "5min", "tiles": []} | more
    answer: dict[str, Any] = hub.api("PUT", f"/api/v1/dashboards/{name}", {"version": version, "dashboard": document})
    return answer


def kept(hub: RunningHub, name: str) -> dict[str, list[int]]:
    tiles = hub.api("GET", f"/api/v1/dashboards/{name}")["dashboard"]["tiles"]
    return {each["id"]: [each["x"], each["y"], each["w"], each["h"]] for each in tiles}


def at(name: str, query: str = "") -> str:
    return f"#/dashboards/{name}" + (f"?{query}" if query else "")


def tile(page: Page, title: str) -> Locator:
    return page.locator(".board-tile").and_(page.get_by_role("region", name=title, exact=True))


def edit(page: Page) -> None:
    page.get_by_role("button", name="Edit", exact=True).click()
    expect(page.get_by_role("button", name="Save", exact=True)).to_be_visible()


def save(page: Page) -> None:
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("button", name="Edit", exact=True)).to_be_visible(timeout=TIMEOUT_MS)


def drag(page: Page, handle: Locator, dx: int, dy: int) -> None:
    box = handle.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx / 2, y + dy / 2, steps=3)
    page.mouse.move(x + dx, y + dy, steps=3)
    page.mouse.up()


def test_a_dashboard_of_a_tag_is_made_and_live_and_found_in_the_list(browser: Browser, hub: RunningHub) -> None:
    with page_of(browser, hub, at="#/dashboards") as page:
        page.get_by_role("button", name="New dashboard").click()
        page.get_by_label("Title").fill("Zürich floor 2")
        page.get_by_role("button", name="Create").click()
        page.wait_for_url("**/dashboards/zurich-floor-2")
        expect(page.get_by_text("No tiles yet")).to_be_visible()
        page.get_by_role("link", name="Dashboards", exact=True).last.click()
        page.get_by_role("button", name="New dashboard").click()
        page.get_by_label("Title").fill("All of floor 2")
        page.get_by_label("Begin with").select_option("tags")
        page.get_by_label("Devices, by tags").fill("floor=9")
        page.get_by_role("button", name="Create").click()
        expect(page.get_by_role("alert")).to_contain_text("No device is meant by floor=9")
        page.get_by_label("Devices, by tags").fill("floor=2")
        page.get_by_role("button", name="Create").click()
        page.wait_for_url("**/dashboards/all-of-floor-2")
        expect(tile(page, "temp")).to_be_visible(timeout=TIMEOUT_MS)
        expect(tile(page, "Newest values")).to_contain_text("°C", timeout=TIMEOUT_MS)
        page.get_by_role("link", name="Dashboards", exact=True).last.click()
        expect(page.locator(".board-card")).to_have_count(2)
        page.get_by_label("Search dashboards").fill("zür")
        expect(page.locator(".board-card")).to_have_count(1)
        assert "q=z" in page.url
        page.reload()
        expect(page.locator(".board-card")).to_have_count(1, timeout=TIMEOUT_MS)


def test_a_tile_is_added_by_a_form_and_shows_readings_and_is_kept(browser: Browser, hub: RunningHub, saved: str) -> None:
    with page_of(browser, hub, at=at(saved)) as page:
        edit(page)
        page.get_by_role("button", name="Add a tile").click()
        page.get_by_role("button", name="Number with trend").click()
        page.get_by_label("Title").fill("Water")
        page.get_by_label("Device").select_option("pump")
        page.get_by_role("button", name="Add", exact=True).click()
        expect(tile(page, "Water")).to_contain_text("°C", timeout=TIMEOUT_MS)
        save(page)
        page.reload()
        expect(tile(page, "Water")).to_contain_text("°C", timeout=TIMEOUT_MS)
        assert list(kept(hub, saved)) == ["a", "b", "t3"]


def test_tiles_are_moved_and_resized_by_keys_and_by_mouse(browser: Browser, hub: RunningHub, saved: str) -> None:
    with page_of(browser, hub, at=at(saved)) as page:
        edit(page)
        grip = page.get_by_role("button", name="Move Tile a", exact=True)
        grip.focus()
        for key in ("Shift+ArrowRight", "Shift+ArrowDown", "ArrowRight", "ArrowDown"):
            page.keyboard.press(key)
        expect(grip).to_be_focused()
        expect(page.locator(".board [aria-live]")).to_have_text("Column 2, row 4, 5 wide, 4 high")
        save(page)
        assert kept(hub, saved) == {"b": [4, 0, 4, 3], "a": [1, 3, 5, 4]}
        edit(page)
        column = page.locator(".board-grid").evaluate("grid => (grid.clientWidth + 12) / 12")
        drag(page, tile(page, "Tile b").get_by_role("heading"), -4 * round(column), 0)
        drag(page, tile(page, "Tile a").locator(".board-corner"), 3 * round(column), -72)
        save(page)
        assert kept(hub, saved) == {"b": [0, 0, 4, 3], "a": [1, 3, 8, 3]}


def test_what_is_changed_is_discarded_and_undone_and_a_tile_removed_comes_back(browser: Browser, hub: RunningHub, saved: str) -> None:
    with page_of(browser, hub, at=at(saved)) as page:
        edit(page)
        page.get_by_role("button", name="Duplicate Tile a", exact=True).click()
        expect(page.locator(".board-tile")).to_have_count(3)
        page.get_by_role("button", name="Remove Tile b", exact=True).click()
        expect(tile(page, "Tile b")).to_have_count(0)
        page.get_by_role("button", name="Undo").click()
        expect(tile(page, "Tile b")).to_be_visible()
        expect(page.get_by_text("Changed, not saved yet")).to_be_visible()
        page.get_by_role("button", name="Discard").click()
        expect(page.locator(".board-tile")).to_have_count(2)
        page.get_by_role("button", name="Undo").click()
        expect(page.locator(".board-tile")).to_have_count(3)
        page.evaluate("location.hash = '#/'")  # a draft waits for who comes back
        page.get_by_role("heading", name="Devices").first.wait_for()
        page.go_back()
        expect(page.get_by_text("Changed, not saved yet")).to_be_visible()
        save(page)
        assert len(kept(hub, saved)) == 3


def test_two_editors_see_both_and_one_chooses(browser: Browser, hub: RunningHub, saved: str) -> None:
    with page_of(browser, hub, allowed=("409",), at=at(saved)) as page:
        edit(page)
        page.get_by_role("button", name="Remove Tile b", exact=True).click()
        put(hub, saved, {"title": "Theirs", "tiles": [text("a", 0, 0), text("c", 4, 0)]}, 1)
        page.get_by_role("button", name="Save", exact=True).click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("You1 tile removed (Tile b)", timeout=TIMEOUT_MS)
        expect(dialog).to_contain_text("1 tile added (Tile c), 1 tile removed (Tile b), the title is “Theirs”", timeout=TIMEOUT_MS)
        dialog.get_by_role("button", name="Overwrite theirs").click()
        expect(page.get_by_role("button", name="Edit", exact=True)).to_be_visible(timeout=TIMEOUT_MS)
        assert list(kept(hub, saved)) == ["a"]
        page.get_by_role("button", name="Versions").click()
        page.get_by_role("button", name="Restore version 2").click()
        expect(page.get_by_role("heading", name="Theirs")).to_be_visible(timeout=TIMEOUT_MS)
        assert list(kept(hub, saved)) == ["a", "c"]


def test_what_somebody_else_saves_is_told_in_an_open_page_and_shown_when_one_asks(browser: Browser, hub: RunningHub, saved: str) -> None:
    with page_of(browser, hub, allowed=("404",), at=at(saved)) as page:
        expect(tile(page, "Tile a")).to_be_visible(timeout=TIMEOUT_MS)
        put(hub, saved, {"title": "Theirs", "tiles": [text("c", 4, 0)]}, 1)
        news = page.locator(".board-news")
        expect(news).to_contain_text("Changed by admin meanwhile.")
        expect(tile(page, "Tile a")).to_be_visible()
        news.get_by_role("button", name="Show it").click()
        expect(tile(page, "Tile c")).to_be_visible()
        expect(page.get_by_role("heading", name="Theirs")).to_be_visible()
        expect(news).to_be_hidden()
        edit(page)
        page.get_by_role("button", name="Remove Tile c", exact=True).click()
        put(hub, saved, {"title": "Again", "tiles": [text("c", 8, 0)]}, 2)
        news.get_by_role("button", name="See both").click()
        expect(page.get_by_role("dialog")).to_contain_text("1 tile changed (Tile c), the title is “Again”")
        page.get_by_role("dialog").get_by_role("button", name="Take theirs, discard mine").click()
        expect(page.get_by_role("heading", name="Again")).to_be_visible()
        page.evaluate("location.hash += '?wall=1'")
        expect(page.get_by_role("button", name="Leave full screen")).to_be_visible()
        put(hub, saved, {"title": "Wall", "tiles": [text("d", 0, 0)]}, 3)
        expect(tile(page, "Tile d")).to_be_visible()
        page.keyboard.press("Escape")
        hub.api("DELETE", f"/api/v1/dashboards/{saved}")
        expect(page.get_by_role("heading", name="No such dashboard")).to_be_visible()
        page.get_by_role("link", name="See all dashboards").click()
        put(hub, "later", {"title": "Made meanwhile", "tiles": []})
        expect(page.get_by_role("link", name="Made meanwhile")).to_be_visible()
        hub.api("DELETE", "/api/v1/dashboards/later")
        expect(page.get_by_role("link", name="Made meanwhile")).to_be_hidden()


def test_a_deleted_dashboard_is_back_by_undo_and_from_the_list(browser: Browser, hub: RunningHub, saved: str) -> None:
    with page_of(browser, hub, at=at(saved)) as page:
        page.get_by_role("button", name="Delete", exact=True).click()
        page.get_by_role("button", name="Undo").click()
        expect(tile(page, "Tile a")).to_be_visible(timeout=TIMEOUT_MS)
        page.get_by_role("button", name="Delete", exact=True).click()
        page.get_by_role("button", name="Deleted", exact=True).click()
        page.get_by_role("button", name="Restore Hall").first.click()
        expect(tile(page, "Tile a")).to_be_visible(timeout=TIMEOUT_MS)


def test_a_file_goes_out_and_in_and_a_bad_one_is_told_plainly(browser: Browser, hub: RunningHub, saved: str, tmp_path: Path) -> None:
    with page_of(browser, hub, allowed=("422",), at=at(saved)) as page:
        with page.expect_download() as download:
            page.locator(".board-actions").get_by_role("button", name="Export").click()
        file = tmp_path / download.value.suggested_filename
        download.value.save_as(file)
        document = json.loads(file.read_text())
        assert [each["id"] for each in document["tiles"]] == ["a", "b"]
        page.get_by_role("link", name="Dashboards", exact=True).last.click()
        page.get_by_role("button", name="Import").click()
        bad = tmp_path / "bad.json"
        for content, said in (("{", "This file is not JSON"), ("[]", "This file is no dashboard")):
            bad.write_text(content)
            page.get_by_label("File").set_input_files(bad)
            page.get_by_role("dialog").get_by_role("button", name="Import").click()
            expect(page.get_by_role("alert")).to_contain_text(said)
        bad.write_text(json.dumps(document | {"tiles": [text("a", 0, 0, w=14)]}))
        page.get_by_label("File").set_input_files(bad)
        page.get_by_role("dialog").get_by_role("button", name="Import").click()
        expect(page.get_by_role("alert")).to_contain_text("tiles[0].w is a whole number from 1 to 12, not 14")
        file.write_text(json.dumps(document | {"title": "Brought"}))
        page.get_by_label("File").set_input_files(file)
        page.get_by_role("dialog").get_by_role("button", name="Import").click()
        page.wait_for_url("**/dashboards/brought")
        expect(tile(page, "Tile b")).to_contain_text("words of b")


def test_a_variable_is_chosen_above_and_stands_in_the_address(browser: Browser, hub: RunningHub) -> None:
    config = {"source": {"devices": ["$it"]}, "channels": ["temp"]}
    put(
        hub,
        "by-device",
        {"variables": [{"name": "it", "kind": "device", "value": ""}], "tiles": [number("a", 0, 0, title="Of $it", config=config)]},
    )
    with page_of(browser, hub, at=at("by-device")) as page:
        expect(page.locator(".board-tile")).to_contain_text("Choose it above.", timeout=TIMEOUT_MS)
        page.get_by_label("it", exact=True).select_option("pump")
        expect(tile(page, "Of pump")).to_contain_text("°C", timeout=TIMEOUT_MS)
        assert "var-it=pump" in page.url
        page.get_by_role("radio", name="15 min").check(force=True)
        page.reload()
        expect(tile(page, "Of pump")).to_contain_text("°C", timeout=TIMEOUT_MS)
        expect(page.get_by_role("radio", name="15 min")).to_be_checked()
        page.go_back()
        expect(page.get_by_role("radio", name="5 min", exact=True)).to_be_checked()


def test_only_what_is_in_sight_is_subscribed_and_the_same_only_once(browser: Browser, hub: RunningHub) -> None:
    other = {"source": {"devices": ["pump"]}, "channels": ["flow"]}
    tiles = [number("a", 0, 0), number("b", 4, 0), text("c", 0, 3, w=12, h=40), number("d", 0, 43, config=other)]
    put(hub, "tall", {"tiles": tiles})
    wire = Wire()
    with page_of(browser, hub, wire=wire, at=at("tall")) as page:
        expect(tile(page, "Tile b")).to_contain_text("°C", timeout=TIMEOUT_MS)
        assert [each["channels"] for each in wire.asked] == [["temp"]]
        tile(page, "Tile d").scroll_into_view_if_needed()
        expect(tile(page, "Tile d")).to_contain_text("L", timeout=TIMEOUT_MS)
        assert [each["channels"] for each in wire.asked] == [["temp"], ["flow"]]


def test_a_draft_waits_while_another_dashboard_is_looked_at_and_undo_leads_back_to_it(
    browser: Browser, hub: RunningHub, saved: str
) -> None:
    put(hub, "beside", {"title": "Beside", "tiles": [text("z", 0, 0)]})
    with page_of(browser, hub, at=at(saved)) as page:
        edit(page)
        page.get_by_role("button", name="Remove Tile b", exact=True).click()
        page.evaluate("at => { location.hash = at }", at("beside"))
        expect(tile(page, "Tile z")).to_be_visible(timeout=TIMEOUT_MS)
        expect(page.get_by_role("button", name="Edit", exact=True)).to_be_visible()
        page.go_back()
        expect(page.get_by_text("Changed, not saved yet")).to_be_visible()
        expect(page.locator(".board-tile")).to_have_count(1)
        page.get_by_role("button", name="Discard").click()
        expect(page.locator(".board-tile")).to_have_count(2)
        page.evaluate("at => { location.hash = at }", at("beside"))
        expect(tile(page, "Tile z")).to_be_visible()
        page.locator(".toast", has_text="Discarded").get_by_role("button", name="Undo").click()
        expect(page.get_by_text("Changed, not saved yet")).to_be_visible()
        expect(tile(page, "Tile a")).to_be_visible()
        save(page)
        assert list(kept(hub, saved)) == ["a"]
        assert list(kept(hub, "beside")) == ["z"]


def test_what_is_saved_while_somebody_goes_on_to_another_dashboard_is_not_put_in_its_place(
    browser: Browser, hub: RunningHub, saved: str
) -> None:
    put(hub, "next", {"title": "Next", "tiles": [text("z", 0, 0)]})
    with page_of(browser, hub, at=at(saved)) as page:
        edit(page)
        page.get_by_role("button", name="Remove Tile b", exact=True).click()
        held: list[Route] = []
        page.route(
            f"**/api/v1/dashboards/{saved}", lambda route: held.append(route) if route.request.method == "PUT" else route.continue_()
        )
        page.get_by_role("button", name="Save", exact=True).click()
        page.evaluate("at => { location.hash = at }", at("next"))
        expect(tile(page, "Tile z")).to_be_visible(timeout=TIMEOUT_MS)
        held[0].continue_()
        expect(page.locator(".toast", has_text="Saved")).to_be_visible(timeout=TIMEOUT_MS)
        expect(page.get_by_role("heading", name="Next", exact=True)).to_be_visible()
        expect(tile(page, "Tile z")).to_be_visible()
        page.go_back()
        expect(page.locator(".board-tile")).to_have_count(1)
        expect(page.get_by_role("button", name="Edit", exact=True)).to_be_visible()  # nothing is left to save


def test_a_wall_has_nothing_around_it_goes_on_after_a_cut_and_is_left_by_escape(browser: Browser, hub: RunningHub) -> None:
    put(hub, "wall", {"tiles": [number("a", 0, 0)]})
    wire = Wire()
    with page_of(browser, hub, wire=wire, at=at("wall", "wall=1")) as page:
        expect(tile(page, "Tile a")).to_contain_text("°C", timeout=TIMEOUT_MS)
        expect(page.locator(".top")).to_be_hidden()
        expect(page.locator(".board-bar")).to_be_hidden()
        before = len(wire.asked)
        wire.cut()
        assert wire.asked_again(page, before + 1)["channels"] == ["temp"]
        value = tile(page, "Tile a").locator(".number-value")
        shown = value.inner_text()
        expect(value).not_to_have_text(shown, timeout=TIMEOUT_MS)
        expect(page.locator(".top")).to_be_hidden()
        page.keyboard.press("Escape")
        expect(page.locator(".top")).to_be_visible()
        page.get_by_role("button", name="Full screen", exact=True).click()
        expect(page.locator(".top")).to_be_hidden()
        assert page.evaluate("navigator.wakeLock !== undefined")
        page.get_by_role("button", name="Leave full screen").focus()
        page.keyboard.press("Enter")
        expect(page.locator(".top")).to_be_visible()


@pytest.fixture(scope="module")
def well_us(hub: RunningHub) -> int:
    """Give the hub a device that was there three hours ago for ten minutes: a reading of 0, 1, 2 ... each second; return when it began."""
    token = hub.provision("well")
    began_us = (time.time_ns() // 1_000 // 3_600_000_000 - 3) * 3_600_000_000 + 90_500_000

    async def say() -> None:
        async with Device(hub.device_url, "well", token, channels=[Channel("depth", "m")]) as well:
            for number in range(600):
                await well.send({"depth": float(number)}, began_us + number * 1_000_000)
            with trio.fail_after(20):
                await well.drained()

    trio.run(say)
    deadline = time.monotonic() + 10
    while not hub.api("GET", f"/api/v1/query?device=well&from={began_us + 599_000_000}&to={began_us + 600_000_000}")["series"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)  # between two looks at another process
    return began_us


def of_well(id_: str, kind: str, x: int, **config: Any) -> dict[str, Any]:
    return number(id_, x, 0, type=kind, config={"source": {"devices": ["well"]}, "channels": ["depth"]} | config)


def iso(time_us: int) -> str:
    return datetime.fromtimestamp(time_us / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize("span_s", [200, 86_400])
def test_a_dashboard_of_the_past_shows_the_last_values_before_its_end_to_the_reading(
    browser: Browser, hub: RunningHub, well_us: int, span_s: int
) -> None:
    tiles = [of_well("a", "number", 0), of_well("b", "table", 4), of_well("c", "chart", 8)]
    put(hub, f"past-{span_s}", {"tiles": [*tiles, of_well("d", "gauge", 0), of_well("e", "state", 4, channels=["(presence)"])]})
    end_us = well_us + 300_500_000
    query = f"from={iso(end_us - span_s * 1_000_000)}&to={iso(end_us)}"
    with page_of(browser, hub, at=at(f"past-{span_s}", query)) as page:
        expect(tile(page, "Tile a").locator(".number-value")).to_have_text("300", timeout=TIMEOUT_MS)
        expect(tile(page, "Tile a")).to_contain_text("Last values before")
        expect(tile(page, "Tile b").locator("tbody td").first).to_have_text("300 m")
        expect(tile(page, "Tile b").locator("thead th").last).to_have_text("Time")
        expect(tile(page, "Tile d").get_by_role("img")).to_have_attribute("aria-label", re.compile("depth: 300 m"))
        expect(tile(page, "Tile e")).to_contain_text("This is known of now only.")
        page.wait_for_function("() => document.querySelector('.plot')?.data?.some(trace => trace.y.some(y => y > 250))")
        last_ms = page.evaluate("document.querySelector('.plot').layout.xaxis.range[1]")
        assert last_ms == end_us / 1_000
        expect(page.get_by_role("button", name="Back to live")).to_be_visible()


def test_a_tile_of_all_devices_shows_the_past_too(browser: Browser, hub: RunningHub, well_us: int, saved: str) -> None:
    everything = {"source": {"devices": ["*"]}}
    put(hub, saved, {"tiles": [of_well("a", "table", 0, w=6, **everything), of_well("b", "chart", 6, w=6, **everything)]}, 1)
    query = f"from={iso(well_us)}&to={iso(well_us + 300_500_000)}"
    with page_of(browser, hub, at=at(saved, query)) as page:
        expect(tile(page, "Tile a")).to_contain_text("300 m", timeout=TIMEOUT_MS)
        page.wait_for_function("() => document.querySelector('.plot')?.data?.some(trace => trace.y.some(y => y > 250))")


def test_the_time_of_a_dashboard_is_chosen_moved_zoomed_on_a_chart_and_back_to_live(
    browser: Browser, hub: RunningHub, well_us: int, saved: str
) -> None:
    put(hub, saved, {"tiles": [of_well("a", "chart", 0, w=12, h=5)]}, 1)
    with page_of(browser, hub, at=at(saved)) as page:
        page.get_by_role("button", name=re.compile("^From")).click()
        local = [
            page.evaluate("us => new Date(us / 1e3 - new Date().getTimezoneOffset() * 6e4).toISOString().slice(0, 19)", each)
            for each in (well_us - 500_000, well_us + 599_500_000)
        ]
        page.get_by_label("From", exact=True).fill(local[0])
        page.get_by_label("To", exact=True).fill(local[1])
        page.get_by_role("button", name="Show", exact=True).click()
        plot = page.locator(".plot-frame")
        page.wait_for_function("() => document.querySelector('.plot')?.data?.some(trace => trace.y.includes(599))")
        chosen = page.evaluate("location.hash")
        assert "from=" in chosen
        box = plot.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 40)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 40, steps=4)
        page.mouse.up()
        page.wait_for_function("was => location.hash !== was", arg=chosen)
        page.get_by_role("button", name="Zoom out").click()
        page.get_by_role("button", name="Earlier").click()
        page.go_back()
        page.wait_for_function("was => location.hash === was", arg=chosen)
        plot.focus()
        page.keyboard.press("+")
        page.wait_for_function("was => location.hash !== was", arg=chosen)
        page.reload()
        page.wait_for_function("() => document.querySelector('.plot')?.data?.length")
        page.get_by_role("button", name="Back to live").click()
        expect(page.get_by_role("radio", name="5 min", exact=True)).to_be_checked()
        assert "from=" not in page.evaluate("location.hash")


def test_a_phone_shows_one_column(browser: Browser, hub: RunningHub, saved: str) -> None:
    with page_of(browser, hub, size=(390, 844), at=at(saved)) as page:
        boxes = [tile(page, f"Tile {name}").bounding_box() for name in ("a", "b")]
        assert boxes[0] is not None
        assert boxes[1] is not None
        assert boxes[0]["x"] == boxes[1]["x"]
        assert boxes[0]["width"] > 340
        assert boxes[1]["y"] >= boxes[0]["y"] + boxes[0]["height"]
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        edit(page)
        drag(page, page.get_by_role("button", name="Move Tile b", exact=True), 0, -260)
        save(page)
        assert kept(hub, saved)["b"][:2] == [0, 0]
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_tile_is_dragged_by_a_finger(browser: Browser, hub: RunningHub, saved: str) -> None:
    with page_of(browser, hub, at=at(saved)) as page:
        finger = page.context.new_cdp_session(page)
        finger.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
        edit(page)
        box = page.get_by_role("button", name="Move Tile a", exact=True).bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        for kind, dx in (("touchStart", 0), ("touchMove", 300), ("touchMove", 840), ("touchEnd", 840)):
            points = [] if kind == "touchEnd" else [{"x": x + dx, "y": y}]
            finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        save(page)
        assert kept(hub, saved) == {"a": [8, 0, 4, 3], "b": [4, 0, 4, 3]}


def test_a_viewer_looks_and_changes_nothing(browser: Browser, hub: RunningHub, saved: str) -> None:
    with page_of(browser, hub, at="#/") as page:
        page.goto(hub.api("POST", "/api/v1/logins", {"name": "vera", "role": "viewer"})["url"])
        page.locator("#connection").wait_for()
        page.evaluate("at => { location.hash = at }", at(saved))
        expect(tile(page, "Tile a")).to_contain_text("words of a", timeout=TIMEOUT_MS)
        expect(page.locator(".board-actions button:visible")).to_have_text(["Full screen", "Versions", "Export"])
        page.get_by_role("button", name="Versions").click()
        expect(page.get_by_role("dialog")).to_contain_text("Version 1")
        page.keyboard.press("Escape")
        page.evaluate("location.hash = '#/dashboards'")
        expect(page.locator(".board-card").first).to_be_visible()
        expect(page.get_by_role("button", name="New dashboard")).to_be_hidden()


def test_hostile_texts_and_configs_are_only_ever_text(browser: Browser, hub: RunningHub) -> None:
    hostile = "<img src=x onerror=alert(1)>{{7*7}}"
    odd = number("b", 4, 0, type="number", config={"source": {"devices": [{}, 5], "where": 7}, "channels": {"a": 1}})
    unknown = number("c", 8, 0, type="hologram", config={})
    variables = [{"name": "it", "kind": "tags", "value": "name=*"}]
    put(
        hub,
        "hostile",
        {"title": hostile, "variables": variables, "tiles": [text("a", 0, 0, title=hostile, config={"text": hostile}), odd, unknown]},
    )
    with page_of(browser, hub, at=at("hostile")) as page:
        expect(page.get_by_role("heading", level=1)).to_have_text(hostile)
        expect(tile(page, hostile)).to_contain_text("onerror")
        expect(tile(page, "Tile c")).to_contain_text("hologram")
        assert page.locator("img[src=x]").count() == 0
        edit(page)
        expect(page.get_by_role("button", name="Remove Tile b", exact=True)).to_be_visible()


def test_a_name_without_a_dashboard_says_so(browser: Browser, hub: RunningHub) -> None:
    with page_of(browser, hub, allowed=("404",), at=at("nothing-here")) as page:
        expect(page.get_by_role("heading", name="No such dashboard")).to_be_visible(timeout=TIMEOUT_MS)
