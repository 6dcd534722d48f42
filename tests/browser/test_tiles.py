"""The tiles of dashboards in a real browser: each type on readings of a real device, its form, and what is said to those who do not see it.

A tile is mounted into the running page as the page of dashboards does it: a stream as the type wants, drawings by the painter. Needs
Chromium.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
import trio
from playwright.sync_api import Browser, Locator, Page, expect

from devices.client import Device
from devices.wire.messages import Channel, Kind
from tests.support.browser import TIMEOUT_MS
from tests.support.chance import Eager
from tests.support.hub_process import RunningHub, running_hub
from tests.support.in_thread import InThread
from tests.support.pages import page_of

pytestmark = [pytest.mark.needs_server("chromium"), pytest.mark.slow]

HOSTILE: Final = "<img src=x onerror=alert(1)>"
CHANNELS: Final = (
    Channel("temp", "Cel", min=0, max=40),
    Channel("level", "%"),
    Channel("flow", "L", kind=Kind.COUNTER),
    Channel("door", kind=Kind.STATE),
    Channel("mode", kind=Kind.STATE, values=("idle", "busy")),
    Channel("note", kind=Kind.TEXT),
    Channel("pos", kind=Kind.POSITION),
)

MOUNT: Final = """async ([name, config, wide, high, spanS]) => {
  const load = path => import(`/static/${path}.js`);
  const paths = ["app/hub", "app/painter", "app/toasts", "tiles/index"];
  const [{ Hub }, { Painter }, { Toasts }, { typeOf }] = await Promise.all(paths.map(load));
  if (!window.stage) {
    const hub = new Hub({ onState: () => {} });
    hub.start();
    window.stage = { app: { hub, painter: new Painter(() => hub.nowUs()), toasts: new Toasts(document.getElementById("toasts")) } };
    const devices = () => hub.devices.isKnown && hub.devices.get("boat")?.presence === "online";
    await new Promise(done => { const stop = hub.devices.watch(() => devices() && (stop(), done())); });
  }
  const { app } = window.stage;
  const type = typeOf(name);
  const wanted = type.wanted(config);
  const host = document.createElement("section");
  host.className = "card host";
  const style = { width: `${wide}px`, height: `${high}px`, padding: "12px" };
  for (const [key, value] of Object.entries(style)) host.style.setProperty(key, value);
  if (!window.stage.place) {
    const place = (window.stage.place = document.createElement("div"));
    for (const [key, value] of [["display", "flex"], ["flex-wrap", "wrap"], ["gap", "12px"]]) place.style.setProperty(key, value);
    document.getElementById("main").replaceChildren(place);
  }
  window.stage.place.append(host);
  const tile = type.make(app, config);
  host.append(tile.element);
  const view = { element: host, draw: nowUs => tile.draw(nowUs, stream), painted: (_, paint) => stream?.drawn(paint) };
  const stream = wanted && app.hub.subscribe({ span_s: spanS, width_us: 1_000_000, ...wanted }, () => app.painter.ask(view));
  host.addEventListener("redraw", () => app.painter.ask(view));
  app.painter.add(view);
  host.end = () => { app.painter.remove(view); stream?.close(); tile.close(); host.remove(); };
}"""

FORM: Final = """async ([name, config]) => {
  const { typeOf } = await import("/static/tiles/index.js");
  const type = typeOf(name);
  const { hub } = window.stage.app;
  const both = [{ name: "it", kind: "device", value: "boat" }, { name: "site", kind: "tags", value: "kind=x" }];
  const variables = both.slice(0, config.variables ?? 0);
  const known = { devices: hub.devices.sorted(), variables };
  const form = type.fields({ ...type.defaults.config, ...config }, known);
  const host = document.createElement("form");
  host.className = "form card";
  host.append(...form.elements);
  document.getElementById("main").replaceChildren(host);
  window.stage.place = null;
  window.readForm = () => { try { return form.read(); } catch (error) { return error.text ?? String(error); } };
}"""


def sailing(hub: RunningHub) -> InThread:
    """A device until the block is left: values of every kind five times a second, and commands."""
    token = hub.provision("boat")

    async def run(stop: trio.Event, started: Callable[[], None]) -> None:
        device = Device(hub.device_url, "boat", token, channels=CHANNELS, interval_s=0.2, rng=Eager())

        @device.command("double", description="Return twice the number", args={"number": {"type": "integer", "min": 0, "max": 100}})
        async def _double(number: int) -> int:
            return 2 * number

        @device.command("drift", description="Drift until it is stopped")
        async def _drift() -> None:
            await device.progress(0.25)
            await trio.sleep_forever()

        async with device:
            started()
            for count in range(1_000_000):
                at = (52.5 + count * 1e-5, 13.4 + count * 1e-5)
                await device.send(
                    {"temp": 20 + count % 3, "level": 91, "flow": count, "door": True, "mode": "busy", "note": HOSTILE, "pos": at}
                )
                with trio.move_on_after(0.2):  # the pace of the sensor
                    await stop.wait()
                    break

    return InThread(run)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with running_hub(tmp_path_factory.mktemp("hub") / "data") as running, sailing(running):
        yield running


@pytest.fixture
def page(browser: Browser, hub: RunningHub) -> Iterator[Page]:
    with page_of(browser, hub, at="#/nowhere") as shown:
        shown.locator("main h1").wait_for()
        yield shown


def mount(page: Page, name: str, size: tuple[int, int] = (380, 260), span_s: float = 60, **config: Any) -> Locator:
    """Put a tile of the boat's readings on the page."""
    if "channels" in config:
        config.setdefault("source", {"devices": ["boat"]})
    page.evaluate(MOUNT, [name, config, *size, span_s])
    return page.locator(".host").nth(page.locator(".host").count() - 1)


def read(page: Page) -> Any:
    return page.evaluate("readForm()")


def test_a_number_is_said_with_its_unit_and_its_course(page: Page) -> None:
    tile = mount(page, "number", channels=["temp"])
    expect(tile.locator(".number-value")).to_have_text(re.compile(r"^2[012]$"), timeout=TIMEOUT_MS)
    expect(tile.locator(".number-unit")).to_have_text("°C")
    expect(tile.locator(".tile-what")).to_have_text("boat · temp")
    expect(tile.get_by_role("img")).to_have_attribute("aria-label", re.compile(r"temp over 1 min: from 20 to 2[12] °C"))
    rate = mount(page, "number", channels=["flow"])
    expect(rate.locator(".number-unit")).to_have_text("L/s", timeout=TIMEOUT_MS)
    expect(rate.locator(".number-value")).to_have_text(re.compile(r"^[345](\.\d+)?$"), timeout=TIMEOUT_MS)


def test_a_gauge_says_its_level_in_a_word_and_takes_the_declared_scale(page: Page) -> None:
    tile = mount(page, "gauge", channels=["level"], warn_above=80, bad_above=90)
    expect(tile.get_by_role("img")).to_have_attribute("aria-label", "boat · level: 91 %, too high; scale from 0 to 100", timeout=TIMEOUT_MS)
    expect(tile.locator(".dial-word")).to_have_text("too high")
    declared = mount(page, "gauge", channels=["temp"])
    expect(declared.locator(".dial-end")).to_have_text(["0", "40"], timeout=TIMEOUT_MS)
    expect(declared.locator(".dial-word")).to_have_text("")


def test_states_have_a_lamp_a_word_and_since_when(page: Page) -> None:
    tile = mount(page, "state", channels=["door", "mode", "note"], on="Open", bad="open", warn="busy")
    expect(tile.locator(".lamp-word")).to_have_text(["Open", "busy", HOSTILE], timeout=TIMEOUT_MS)
    expect(tile.locator("li").first).to_have_attribute("data-level", "bad")
    expect(tile.locator(".lamp-since").first).to_have_text(re.compile(r"^since before \d\d:\d\d$"))
    assert tile.locator("img").count() == 0
    presence = mount(page, "state", channels=["(presence)"], source={"devices": ["*"]})
    expect(presence.locator(".lamp-word")).to_have_text("online", timeout=TIMEOUT_MS)


def test_a_table_has_newest_values_and_is_sorted_by_a_press(page: Page) -> None:
    tile = mount(page, "table", size=(700, 200), channels=["temp", "flow", "note"])
    expect(tile.locator("tbody th")).to_have_text("boat", timeout=TIMEOUT_MS)
    expect(tile.locator("thead th")).to_have_text(["Device ▲", "temp", "flow", "note", "Age"])
    expect(tile.locator("tbody td").nth(0)).to_have_text(re.compile(r"^2\d °C$"))
    expect(tile.locator("tbody td").nth(2)).to_have_text(HOSTILE)
    tile.get_by_role("button", name="temp").press("Enter")
    expect(tile.locator("thead th").nth(1)).to_have_attribute("aria-sort", "ascending")
    expect(tile.get_by_role("button", name="temp")).to_be_focused()
    page.keyboard.press("Enter")
    expect(tile.locator("thead th").nth(1)).to_have_attribute("aria-sort", "descending")


def test_a_chart_has_a_plot_for_each_unit_and_says_what_is_no_number(page: Page) -> None:
    tile = mount(page, "chart", size=(700, 420), channels=["temp", "level", "door", "mode"])
    expect(tile.locator(".lane")).to_have_count(3, timeout=TIMEOUT_MS)
    expect(tile.locator(".legend-name")).to_have_text(["temp", "level", "door"])
    expect(tile.locator("[aria-label^='Chart over 1 min: temp 2']")).to_have_count(1)
    expect(tile.get_by_text("No numbers, so no line: mode.")).to_be_visible()
    line = tile.locator(".legend button").first
    line.press("Enter")
    expect(line).to_have_attribute("aria-pressed", "false")
    expect(tile.locator("[aria-label='Chart over 1 min: no line is shown']")).to_have_count(1)


def test_a_map_shows_where_a_device_is_and_moves_by_keys(page: Page) -> None:
    tile = mount(page, "map", size=(500, 360), channels=["pos"])
    expect(tile.get_by_role("img")).to_have_attribute(
        "aria-label", re.compile(r"^Map: boat at 52\.5\d+°N 13\.4\d+°E, "), timeout=TIMEOUT_MS
    )
    expect(tile.locator(".map-markers text")).to_have_text("boat")
    expect(tile.locator(".map-length")).to_have_text(re.compile(r"^\d+ (m|km|cm)$"))
    assert tile.locator(".map-lines path").count() >= 2
    length = tile.locator(".map-length").text_content()
    tile.locator(".map-pane").focus()
    for _ in range(3):
        page.keyboard.press("-")
    expect(tile.locator(".map-length")).not_to_have_text(length or "")
    fit = tile.get_by_role("button", name="Show all devices")
    expect(fit).to_be_enabled()
    page.keyboard.press("ArrowLeft")
    fit.click()
    expect(fit).to_be_disabled()


def test_a_map_is_zoomed_by_wheel_and_pinch_and_dragged_and_lets_the_page_scroll(page: Page) -> None:
    tile = mount(page, "map", size=(500, 360), channels=["pos"])
    pane, fit = tile.locator(".map-pane"), tile.get_by_role("button", name="Show all devices")
    expect(tile.locator(".map-markers text")).to_have_text("boat", timeout=TIMEOUT_MS)
    box = pane.bounding_box()
    assert box is not None
    x, y = box["x"] + 250, box["y"] + 180
    page.mouse.move(x, y)
    page.mouse.wheel(0, -200)
    expect(tile.locator(".map-hint")).to_be_visible()
    expect(fit).to_be_disabled()
    page.mouse.down()
    page.mouse.move(x + 40, y + 30, steps=3)
    page.mouse.up()
    expect(fit).to_be_enabled()
    expect(pane).to_be_focused()
    length = tile.locator(".map-length").text_content() or ""
    for _ in range(2):  # twice as far each: from 24 m to 48 m the bar would say 20 m as before
        page.mouse.wheel(0, 600)
    expect(tile.locator(".map-length")).not_to_have_text(length)
    fit.click()
    expect(fit).to_be_disabled()
    length = tile.locator(".map-length").text_content() or ""
    fingers = page.context.new_cdp_session(page)
    for apart in (20, 30, 60, 100, 150):
        points = [{"x": x - apart, "y": y, "id": 1}, {"x": x + apart, "y": y, "id": 2}]
        fingers.send("Input.dispatchTouchEvent", {"type": "touchStart" if apart == 20 else "touchMove", "touchPoints": points})
    fingers.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(fit).to_be_enabled()
    expect(tile.locator(".map-length")).not_to_have_text(length)
    assert page.evaluate("visualViewport.scale") == 1


def test_a_text_is_a_text_whatever_stands_in_it(page: Page) -> None:
    tile = mount(page, "text", text=f"# Plant\n- one\n- two\n\n{HOSTILE} [docs](https://example.org/x) [odd](javascript:alert(1))")
    expect(tile.get_by_role("heading", name="Plant")).to_be_visible()
    expect(tile.get_by_role("listitem")).to_have_text(["one", "two"])
    expect(tile.get_by_role("link")).to_have_attribute("href", "https://example.org/x")
    expect(tile.get_by_text(HOSTILE)).to_be_visible()
    assert tile.locator("img").count() == 0


def test_a_command_is_confirmed_sent_and_answered(page: Page) -> None:
    source = {"devices": ["boat"]}
    tile = mount(page, "command", source=source, command="double", args={"number": 21}, label="Twice")
    tile.get_by_role("button", name="Twice").click()
    page.get_by_role("dialog").get_by_role("button", name="Send").click()
    expect(tile.get_by_role("status")).to_have_text("done: 42", timeout=TIMEOUT_MS)
    many = mount(page, "command", source={"where": "name=boat"}, command="double", args={"number": 4}, confirm=False)
    many.get_by_role("button", name="double").click()
    expect(many.get_by_role("status")).to_have_text("1 done", timeout=TIMEOUT_MS)
    asking = mount(page, "command", source=source, command="double", ask=True)
    asking.get_by_role("button", name="double").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("number").fill("700")
    dialog.get_by_role("button", name="Send").click()
    expect(dialog.get_by_role("alert")).to_have_text("Number: must be 0 to 100.")
    dialog.get_by_label("number").fill("7")
    dialog.get_by_role("button", name="Send").click()
    expect(asking.get_by_role("status")).to_have_text("done: 14", timeout=TIMEOUT_MS)


def test_a_command_that_runs_shows_how_far_it_is_and_is_cancelled_by_whom_sent_it_and_by_another(page: Page) -> None:
    tile = mount(page, "command", source={"devices": ["boat"]}, command="drift", confirm=False)
    tile.get_by_role("button", name="drift", exact=True).click()
    expect(tile.get_by_role("status")).to_have_text("running", timeout=TIMEOUT_MS)
    expect(tile.get_by_role("progressbar")).to_have_js_property("value", 0.25)
    tile.get_by_role("button", name="Cancel drift").click()
    expect(tile.get_by_role("status")).to_have_text(re.compile("^cancelled"), timeout=TIMEOUT_MS)
    expect(tile.get_by_role("progressbar")).to_be_hidden()
    expect(tile.get_by_role("button", name="Cancel drift")).to_be_hidden()
    expect(tile.get_by_role("button", name="drift", exact=True)).to_be_focused()
    tile.get_by_role("button", name="drift", exact=True).click()
    expect(tile.get_by_role("status")).to_have_text("running", timeout=TIMEOUT_MS)
    later = mount(page, "command", source={"devices": ["boat"]}, command="drift")
    expect(later.get_by_role("status")).to_have_text("running")
    later.get_by_role("button", name="Cancel drift").click()
    expect(tile.get_by_role("status")).to_have_text(re.compile("^cancelled"), timeout=TIMEOUT_MS)
    many = mount(page, "command", source={"where": "name=boat"}, command="drift", confirm=False)
    many.get_by_role("button", name="drift", exact=True).click()
    expect(many.get_by_role("status")).to_have_text("1 running", timeout=TIMEOUT_MS)
    many.get_by_role("button", name="Cancel drift").click()
    expect(many.get_by_role("status")).to_have_text("1 cancelled", timeout=TIMEOUT_MS)


def test_a_viewer_sees_a_command_and_may_not_send_it(page: Page) -> None:
    mount(page, "text", text="x")
    page.evaluate("stage.app.hub.role = 'viewer'")
    tile = mount(page, "command", source={"devices": ["boat"]}, command="double", args={"number": 1})
    expect(tile.get_by_role("button", name="double")).to_be_disabled()
    expect(tile.get_by_text("Your login may look and not send commands.")).to_be_visible()


@pytest.mark.parametrize(
    ("name", "channels"),
    [("number", ["temp"]), ("gauge", ["temp"]), ("chart", ["temp"]), ("map", ["pos"]), ("state", ["door"])],
)
def test_a_form_suggests_what_a_new_tile_shows(page: Page, name: str, channels: list[str]) -> None:
    mount(page, "text", text="x")
    page.evaluate(FORM, [name, {}])
    assert (read(page)["source"], read(page)["channels"]) == ({"devices": ["boat"]}, channels)
    page.evaluate(FORM, [name, {"variables": 2}])
    assert read(page)["source"] == {"devices": ["$it"]}


def test_a_form_gives_back_what_it_was_given_and_says_what_is_missing(page: Page) -> None:
    mount(page, "text", text="x")
    given = {"source": {"where": "name=b*"}, "channels": ["temp", "gone"], "sort": "age"}
    page.evaluate(FORM, ["table", given])
    assert read(page) == given
    page.get_by_label("Tags").fill(" ")
    assert read(page) == "Choose a device, or say its tags."
    page.evaluate(FORM, ["gauge", {"source": {"devices": ["boat"]}, "channels": ["temp"], "max": 30}])
    assert read(page)["max"] == 30
    page.get_by_label("Scale from").fill("31")
    assert read(page) == "The scale must end above where it begins."
    page.evaluate(FORM, ["command", {}])
    page.get_by_label("number").fill("21")
    assert read(page) | {"label": ""} == {
        "source": {"devices": ["boat"]}, "command": "double", "args": {"number": 21}, "label": "", "confirm": True, "ask": False,
    }  # fmt: skip


def test_a_tile_without_readings_says_so(page: Page) -> None:
    for name in ("number", "gauge", "state", "table", "chart", "map"):
        expect(mount(page, name).locator(".tile-empty")).to_have_text(re.compile("Nothing is chosen yet"), timeout=TIMEOUT_MS)
    gone = mount(page, "number", channels=["gone"])
    expect(gone.locator(".tile-empty")).to_have_text("No value in the last 1 min.", timeout=TIMEOUT_MS)
    expect(mount(page, "odd").locator(".tile-empty")).to_contain_text("no tile of type odd")


def test_a_value_of_a_device_that_is_gone_is_shown_as_old(page: Page) -> None:
    tile = mount(page, "gauge", channels=["level"])
    expect(tile.locator("[data-stale='false']")).to_have_count(1, timeout=TIMEOUT_MS)
    page.evaluate("() => { const { hub, painter } = stage.app; hub.devices.get('boat').presence = 'offline'; painter.askAll(); }")
    expect(tile.locator("[data-stale='true']")).to_have_count(1)
    expect(tile.locator(".dial-word")).to_have_text(re.compile(r"^\d+ s old$"))


def test_a_tile_without_news_grows_old_beside_one_that_moves(page: Page) -> None:
    tile = mount(page, "number", channels=["temp"])
    expect(tile.locator(".number-value")).to_have_text(re.compile(r"^2"), timeout=TIMEOUT_MS)
    page.evaluate(
        "window.drawn = 0; stage.app.painter.add({ element: document.querySelector('.host'), draw: () => { window.drawn += 1 } })"
    )
    page.wait_for_function("() => window.drawn >= 3")


def test_values_are_shown_in_the_units_that_a_person_chose(browser: Browser, hub: RunningHub) -> None:
    with page_of(browser, hub, at="#/nowhere") as page:
        page.locator("main h1").wait_for()
        page.evaluate("""localStorage.setItem("tributary.units", '{"Temperature": "[degF]"}')""")
        page.reload()
        page.locator("main h1").wait_for()
        gauge = mount(page, "gauge", channels=["temp"], warn_above=21)
        expect(gauge.locator(".dial-end")).to_have_text(["32", "104"], timeout=TIMEOUT_MS)
        expect(gauge.locator(".dial-unit")).to_have_text("°F")
        number = mount(page, "number", channels=["temp"])
        expect(number.locator(".number-value")).to_have_text(re.compile(r"^(68|69\.8|71\.6)$"), timeout=TIMEOUT_MS)


def test_a_hostile_title_is_text_in_every_tile(page: Page, hub: RunningHub) -> None:
    hub.api("PATCH", "/api/v1/devices/boat", {"title": HOSTILE})
    try:
        mount(page, "text", text="x")
        page.wait_for_function("title => stage.app.hub.devices.get('boat').title === title", arg=HOSTILE)
        tiles = [
            (mount(page, "number", channels=["temp"]), ".tile-what"),
            (mount(page, "gauge", channels=["temp"]), ".tile-what"),
            (mount(page, "state", channels=["door"]), ".lamp-name"),
            (mount(page, "table", channels=["temp"]), "tbody th"),
            (mount(page, "map", channels=["pos"]), ".map-markers text"),
            (mount(page, "command", source={"devices": ["boat"]}, command="double"), ".tile-what"),
            (mount(page, "chart", channels=["*"], source={"devices": ["*"]}), ".legend-name"),
        ]
        for tile, place in tiles[:-1]:
            expect(tile.locator(place).first).to_contain_text(HOSTILE, timeout=TIMEOUT_MS)
        expect(tiles[-1][0].locator(".legend-name").first).to_be_visible(timeout=TIMEOUT_MS)
        assert page.locator("main img").count() == 0
    finally:
        hub.api("PATCH", "/api/v1/devices/boat", {"title": ""})


def test_nothing_is_left_of_a_tile_that_was_closed(page: Page) -> None:
    page.evaluate(
        """() => {
          window.kept = 0;
          for (const [name, by] of [["addEventListener", 1], ["removeEventListener", -1]]) {
            const whole = window[name];
            window[name] = (type, ...more) => {
              // Another page that is still being loaded has its own.
              if (type === "displaychange" && new Error().stack.includes("/tiles/")) kept += by;
              return whole.call(window, type, ...more);
            };
          }
        }"""
    )
    mount(page, "text", text="x")
    watchers = "[stage.app.hub.devices, stage.app.hub.commands, stage.app.hub.groupCommands].map(each => each._watchers.size)"
    before = page.evaluate(watchers)
    mount(page, "chart", channels=["temp"])
    mount(page, "map", channels=["pos"])
    mount(page, "command", source={"devices": ["boat"]}, command="double")
    assert page.evaluate("kept") == 1
    page.evaluate("for (const host of document.querySelectorAll('.host')) host.end()")
    assert page.evaluate(watchers) == before
    assert page.evaluate("kept") == 0
    assert page.evaluate("stage.app.hub._streams.size") == 0
