"""The charts of a device in a real browser: zoomed and moved through a past that is known, pointed at, saved, cut off and compared with the
store.

Needs Chromium.
"""

import base64
import csv
import io
import json
import re
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote
from xml.etree import ElementTree

import msgpack
import pytest
import trio
from playwright.sync_api import Browser, Locator, Page, expect

from devices.wire.codec import encode
from devices.wire.messages import Channel, Gap, Hello, Kind
from simulators.faults import FaultProxy
from tests.support.browser import TIMEOUT_MS
from tests.support.hub_process import RunningHub, free_port, running_hub
from tests.support.in_thread import InThread
from tests.support.pages import is_live, page_of, streaming
from tests.support.shown import Shown, equals_the_store, pump, shown_on

pytestmark = [pytest.mark.needs_server("chromium"), pytest.mark.slow]

READINGS: Final = 10_000  # one a second
SPIKE: Final = 6_001
BEGIN_S: Final = int(time.time()) - 14_400
NETWORK: Final = ["WebSocket connection", "ERR_", "Failed to load resource"]  # what Chromium itself says of connections that fail
SIGNS: Final = (
    "<img src=x onerror=alert(1)>",
    "<b>fat</b>",
    "%{y}",
    "&lt;i&gt;",
    "<a href='javascript:alert(1)'>go</a>",
    "{{x}}",
    "<script>alert(1)</script>",
    "\"'`",
    "</text><svg onload=alert(1)>",
    "a<br>b",
)
HOSTILE: Final = [f"{sign} {number}" for number in range(5) for sign in SIGNS]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with running_hub(tmp_path_factory.mktemp("hub") / "data") as running, streaming(running, "pump"):
        bring(running, [("tank", "temp", "Cel", at, 99.5 if at == SPIKE else 20 + at % 2) for at in range(READINGS)])
        bring(running, [("tank", "volume", "L", at, at % 7) for at in range(READINGS) if not 3_000 <= at < 4_000])
        bring(running, [("odd", name, name[:20], at, number) for number, name in enumerate(HOSTILE) for at in range(3)])
        yield running


def bring(hub: RunningHub, readings: list[tuple[str, str, str, float, float]]) -> None:
    """Store readings of the past: device, channel, unit, seconds since the begin, value."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["time", "device", "channel", "unit", "kind", "value"])
    writer.writerows([stamp(at), device, channel, unit, "gauge", value] for device, channel, unit, at, value in readings)
    headers = {"Authorization": f"Bearer {hub.admin_token}", "Content-Type": "text/csv"}
    address = f"{hub.url}/api/v1/import?create=true"
    with urllib.request.urlopen(urllib.request.Request(address, data=text.getvalue().encode(), headers=headers), timeout=60) as answer:
        assert json.loads(answer.read())["readings"] == len(readings)
    device, channel = quote(readings[0][0]), quote(readings[0][1])
    deadline = time.monotonic() + 30
    while not hub.api("GET", f"/api/v1/query?device={device}&channel={channel}&from={stamp(0)}&limit=1")["series"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)  # between two looks at another process


def stamp(at_s: float) -> str:
    """Return a moment so many seconds after the begin of what is known."""
    return datetime.fromtimestamp(BEGIN_S + at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def at(from_s: float, to_s: float, device: str = "tank") -> str:
    """Return the address of a stretch of the past."""
    return f"#/devices/{device}?from={stamp(from_s)}&to={stamp(to_s)}"


def is_drawn(page: Page) -> None:
    """Wait until the stretch that was asked for has come and is drawn."""
    expect(page.locator(".range-label:not(.is-loading)")).not_to_have_text("", timeout=TIMEOUT_MS)
    page.wait_for_function("() => [...document.querySelectorAll('.plot')].some(plot => plot.querySelector('.js-line, .point'))")


def points_drawn(page: Page) -> int:
    """Return how many points the longest line within what is seen has."""
    lines = "[...document.querySelectorAll('.plot')].flatMap(plot => plot.data.filter(each => each.name))"
    found: int = page.evaluate(f"Math.max(...{lines}.map(each => each.x.length))")
    return found


def place_of(chart: Locator) -> dict[str, float]:
    """Return where on the screen a chart is."""
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box is not None
    return {"left": box["x"] + 46, "width": box["width"] - 62, "middle": box["y"] + box["height"] / 2}


# How many pixels near the top of the first chart are not its ground: there only the spike is.
COLOURED: Final = """async ({ image, box }) => {
  const picture = new Image();
  picture.src = image;
  await picture.decode();
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [picture.width, picture.height];
  const context = canvas.getContext('2d');
  context.drawImage(picture, 0, 0);
  const { data } = context.getImageData(box.left, box.top, box.width, box.height);
  let found = 0;
  const apart = (at, of) => Math.abs(data[at + of] - data[of]);
  for (let at = 4; at < data.length; at += 4) if (apart(at, 0) + apart(at, 1) + apart(at, 2) > 30) found += 1;
  return found;
}"""


def coloured(page: Page) -> int:
    """Return how many pixels of the first chart between 60 % and 90 % of its height show something."""
    chart = page.locator(".plot-frame").first
    image = "data:image/png;base64," + base64.b64encode(chart.screenshot()).decode()
    size = page.evaluate("(() => { const p = document.querySelector('.plot-frame'); return [p.clientWidth, p.clientHeight] })()")
    ticks = page.evaluate("(() => { const a = document.querySelector('.plot')._fullLayout.yaxis; return [a.l2p(88), a.l2p(72)] })()")
    box = {"left": 50, "top": round(8 + ticks[0]), "width": size[0] - 70, "height": max(4, round(ticks[1] - ticks[0]))}
    found: int = page.evaluate(COLOURED, {"image": image, "box": box})
    return found


HIGHEST: Final = "Math.max(...document.querySelector('.plot').data.flatMap(trace => trace.y.filter(y => y !== null)))"
SPAN: Final = "(range => range[1] - range[0])(document.querySelector('.plot').layout.xaxis.range)"


def test_a_spike_of_one_reading_in_ten_thousand_is_seen_at_every_zoom(browser: Browser, hub: RunningHub) -> None:
    with page_of(browser, hub, at=at(-40_000, 12_000)) as page:
        for from_s, to_s in [(-40_000, 12_000), (0, 10_000), (3_000, 9_000), (5_000, 7_000), (5_900, 6_100), (5_995, 6_005)]:
            page.evaluate("at => { location.hash = at }", at(from_s, to_s))
            is_drawn(page)
            page.wait_for_function(f"span => {SPAN} === span", arg=(to_s - from_s) * 1_000)
            is_drawn(page)
            assert page.evaluate(HIGHEST) == 99.5
            assert points_drawn(page) <= 2_200
            assert coloured(page) > 5


def test_a_spike_is_seen_on_the_live_page_as_well(browser: Browser, hub: RunningHub) -> None:
    for name in ("6h", "24h", "7d"):
        with page_of(browser, hub, at=f"#/devices/tank?range={name}") as page:
            is_live(page)
            assert page.evaluate(HIGHEST) == 99.5


def test_another_device_over_the_same_stretch_of_the_past_shows_its_own_readings(browser: Browser, hub: RunningHub) -> None:
    bring(hub, [("vat", "temp", "Cel", at, 50) for at in range(100)])
    with page_of(browser, hub, at=at(0, 100)) as page:
        is_drawn(page)
        page.evaluate("at => { location.hash = at }", at(0, 100, "vat"))
        page.wait_for_function(f"() => document.querySelector('.plot')?.data && {HIGHEST} === 50", timeout=TIMEOUT_MS)
        page.go_back()
        page.wait_for_function(f"() => document.querySelector('.plot')?.data && {HIGHEST} < 50", timeout=TIMEOUT_MS)


def test_dragging_zooms_to_finer_readings_and_back_leads_back(browser: Browser, hub: RunningHub) -> None:
    with page_of(browser, hub, at=at(0, 10_000)) as page:
        is_drawn(page)
        place = place_of(page.locator(".plot-frame").first)
        page.mouse.move(place["left"] + 0.5 * place["width"], place["middle"])
        page.mouse.down()
        page.mouse.move(place["left"] + 0.55 * place["width"], place["middle"], steps=4)
        expect(page.locator(".selection").first).to_be_visible()
        page.mouse.move(place["left"] + 0.6 * place["width"], place["middle"], steps=4)
        page.mouse.up()
        page.wait_for_function(f"() => {SPAN} < 1.2e6")
        is_drawn(page)
        # Raw readings: each second has its own, and no band.
        page.wait_for_function(
            "() => document.querySelector('.plot').data.length === 1 && document.querySelector('.plot').data[0].x.length > 900"
        )
        zoomed = page.evaluate("location.hash")
        page.reload()
        is_drawn(page)
        assert page.evaluate("location.hash") == zoomed
        page.go_back()
        page.wait_for_function(f"() => {SPAN} > 9e6")
        page.get_by_role("button", name="Back to live").click()
        expect(page.get_by_label("5 min", exact=True)).to_be_checked()


def test_time_is_moved_by_drag_wheel_keys_and_buttons(browser: Browser, hub: RunningHub) -> None:
    left = "document.querySelector('.plot').layout.xaxis.range[0]"
    with page_of(browser, hub, at=at(5_000, 6_000)) as page:
        is_drawn(page)
        chart = page.locator(".plot-frame").first
        place = place_of(chart)

        def moves(do: Callable[[], object], *, is_back: bool) -> None:
            before = page.evaluate(left)
            do()
            page.wait_for_function(f"before => {left} {'<' if is_back else '>'} before", arg=before)

        def drag() -> None:
            page.mouse.move(place["left"] + 100, place["middle"])
            page.keyboard.down("Shift")
            page.mouse.down()
            page.mouse.move(place["left"] + 180, place["middle"], steps=3)
            page.mouse.up()
            page.keyboard.up("Shift")

        moves(drag, is_back=True)
        moves(lambda: page.mouse.wheel(80, 0), is_back=False)
        moves(lambda: page.get_by_role("button", name="Earlier").click(), is_back=True)
        moves(lambda: page.get_by_role("button", name="Later").click(), is_back=False)
        chart.focus()
        moves(lambda: page.keyboard.press("Shift+ArrowLeft"), is_back=True)
        moves(lambda: page.keyboard.press("+"), is_back=False)
        moves(lambda: page.keyboard.press("-"), is_back=True)
        is_drawn(page)
        page.wait_for_function("() => decodeURIComponent(location.hash).includes('from=')")
        page.keyboard.press("0")
        expect(page.get_by_label("5 min", exact=True)).to_be_checked()


def test_a_range_of_ones_own_is_asked_for_in_local_time_and_stands_in_the_address(browser: Browser, hub: RunningHub) -> None:
    with page_of(browser, hub, at="#/devices/tank?range=6h") as page:
        is_live(page)
        page.get_by_role("button", name=re.compile("From .* to")).click()
        page.get_by_label("From").fill("2026-01-02T03:04:05")
        page.get_by_label("To", exact=True).fill("2026-01-01T00:00:00")
        page.get_by_role("button", name="Show", exact=True).click()
        expect(page.get_by_role("alert").filter(has_text="before the second")).to_be_visible()
        page.get_by_label("To", exact=True).fill("2026-01-02T04:04:05")
        page.get_by_role("button", name="Show", exact=True).click()
        assert "from=2026-01-02T03:04:05" in page.evaluate("decodeURIComponent(location.hash)")
        expect(page.locator("#waiting")).to_contain_text("No readings in this time range", timeout=TIMEOUT_MS)


# The page's own model of what it shows, told when it next takes a message.
MODEL: Final = """async () => {
  const { Model } = await import(new URL("model.js", document.querySelector("script[type=module]").src));
  const { apply } = Model.prototype;
  Model.prototype.apply = function (message) { window.model = this; return apply.call(this, message); };
}"""
ROWS: Final = """() => Object.fromEntries([...model.series.values()].filter(each => each.kind === 'gauge').map(({ channel, rows }) =>
  [channel, rows.map(({ t, n, w, v, min, max, sum, count, last, lastT }) => [t, w, n, v ?? null, min, max, sum, count, last, lastT])]))"""
Rows = dict[str, list[list[float | None]]]


@pytest.mark.parametrize(("name", "width_us"), [("5min", 0), ("15min", 1_000_000), ("6h", 60_000_000)])
def test_a_range_up_to_now_drawn_twice_five_seconds_apart_is_equal_but_for_the_newest_bucket(
    browser: Browser, hub: RunningHub, name: str, width_us: int
) -> None:
    device = f"steady-{name}"
    with streaming(hub, device):
        since = int(time.time()) - BEGIN_S
        bring(
            hub,
            [(device, channel, unit, at, at % 7) for channel, unit in (("temp", "Cel"), ("flow", "L")) for at in range(0, since - 60, 7)],
        )
        with page_of(browser, hub, at=f"#/devices/{device}?range={name}") as page:
            is_live(page)
            page.evaluate(MODEL)
            whole = "window.model?.newestUs && !model.isMerged && document.querySelector('.plot').data.at(-1).x.length > 10"
            page.wait_for_function(f"() => {whole}", timeout=TIMEOUT_MS)
            newest_us = page.evaluate("model.newestUs")
            rows, lines = page.evaluate(ROWS), shown_on(page)
            page.wait_for_function(f"than => {whole} && model.newestUs > than", arg=newest_us + 5_000_000, timeout=TIMEOUT_MS)
            closed_us = newest_us // width_us * width_us if width_us else newest_us
            is_kept(rows, page.evaluate(ROWS), closed_us, width_us)
            is_drawn_alike(lines, shown_on(page), closed_us)


def is_kept(before: Rows, after: Rows, until_us: int, width_us: int) -> None:
    """See to it that what the page had of the time until then it still has, row by row, but for what has left the range by now."""
    assert set(before) == set(after) == {"temp", "flow"}
    for channel, rows in after.items():
        assert {row[1] for row in rows} == {width_us}
        kept = [row for row in before[channel] if float(row[0] or 0) < until_us and row[0] >= rows[0][0]]  # type: ignore[operator]
        assert len(kept) > 5
        assert kept == [row for row in rows if float(row[0] or 0) < until_us]


def is_drawn_alike(before: Shown, after: Shown, until_us: int) -> None:
    """See to it that what was drawn of the time until then is drawn still, point by point, but for what has left the range by now."""
    for channel in ("temp", "flow"):
        begin_us = min(after[channel])
        kept = {t: value for t, value in before[channel].items() if begin_us <= t < until_us}
        assert len(kept) > 5
        assert kept == {t: value for t, value in after[channel].items() if t < until_us}


def test_the_crosshair_goes_through_all_charts_and_keys_say_the_values(browser: Browser, hub: RunningHub) -> None:
    with page_of(browser, hub, at=at(5_900, 6_100)) as page:
        is_drawn(page)
        charts = page.locator(".plot-frame")
        expect(charts).to_have_count(2)
        place = place_of(charts.first)
        page.mouse.move(place["left"] + place["width"] * (SPIKE - 5_900) / 200, place["middle"])
        for number in range(2):
            expect(charts.nth(number).locator(".crosshair")).to_be_visible()
        readout = page.locator(".readout:visible")
        expect(readout).to_contain_text("99.5 °C")
        expect(readout).to_contain_text(f"{stamp(SPIKE).replace('T', ' ').removesuffix('Z')} UTC")
        expect(page.locator(".legend-value").nth(1)).to_have_text(f"{SPIKE % 7} L")
        page.set_viewport_size({"width": 390, "height": 844})
        page.wait_for_function("() => document.querySelector('.plot .main-svg').clientWidth < 390")
        place = place_of(charts.first)
        for share in (0.01, 0.45, 0.99):
            page.mouse.move(place["left"] + place["width"] * share, place["middle"])
            expect(readout).to_have_count(1)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.mouse.move(1, 1)
        expect(page.locator(".crosshair:visible")).to_have_count(0)
        charts.first.focus()
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
        said = page.locator("#charts + [aria-live]")
        expect(said).to_contain_text("temp 21 °C")
        page.keyboard.press("Escape")
        expect(page.locator(".crosshair:visible")).to_have_count(0)


def test_what_is_missing_is_shaded_and_said_and_what_happened_is_marked(browser: Browser, hub: RunningHub) -> None:
    token, reason = hub.provision("lossy"), "<b>spool</b> %{x} full"
    now_us = time.time_ns() // 1_000
    channels = (Channel("level", "m"),)
    gap = Gap(epoch=7, seq=1, last=40, readings=40, from_us=now_us - 200_000_000, to_us=now_us - 100_000_000, reason=reason)
    say(hub, token, Hello("lossy", 7, channels, clock_us=now_us), gap)
    (command,) = (hub.api("POST", "/api/v1/devices/pump/commands", {"name": "double", "args": {"number": 3}}),)
    bring(hub, [("lossy", "level", "m", now_us / 1e6 - BEGIN_S - ago, 1) for ago in (240, 239, 238, 60, 59, 58)])
    with page_of(browser, hub, at="#/devices/lossy") as page:
        is_live(page)
        shades = "document.querySelector('.plot').layout.shapes.filter(each => each.type === 'rect').length"
        page.wait_for_function(f"() => {shades} >= 2", timeout=TIMEOUT_MS)
        place = place_of(page.locator(".plot-frame").first)
        page.mouse.move(place["left"] + place["width"] * 0.5, place["middle"])
        readout = page.locator(".readout:visible")
        expect(readout).to_contain_text(f"40 readings lost on the device: {reason}")
        expect(readout).to_contain_text("Nothing came")
    with page_of(browser, hub) as page:
        is_live(page)
        page.wait_for_function("() => document.querySelector('.plot').layout.shapes.some(each => each.type === 'line')", timeout=TIMEOUT_MS)
        share = 1 - (time.time() - command["created_us"] / 1e6) / 300
        place = place_of(page.locator(".plot-frame").first)
        page.mouse.move(place["left"] + place["width"] * share, place["middle"])
        expect(page.locator(".readout:visible")).to_contain_text("Command double")


def test_an_alert_is_marked_on_the_time_line(browser: Browser, hub: RunningHub) -> None:
    with page_of(browser, hub) as page:
        is_live(page)
        hub.api("POST", "/api/v1/rules", {"rule": "any", "kind": "above", "limit": -100, "devices": ["pump"], "channels": ["temp"]})
        page.wait_for_function("() => document.querySelector('.plot').layout.shapes.some(each => each.yanchor === 1)", timeout=TIMEOUT_MS)
        place = place_of(page.locator(".plot-frame").first)
        (alert,) = hub.api("GET", "/api/v1/alerts?rule=any")["alerts"]
        share = 1 - (time.time() - alert["at_us"] / 1e6) / 300
        page.mouse.move(place["left"] + place["width"] * share, place["middle"])
        expect(page.locator(".readout:visible")).to_contain_text("Alert any, open: ")
        hub.api("DELETE", "/api/v1/rules/any")


def test_readings_that_come_late_are_shown_in_a_stretch_that_somebody_looks_at(browser: Browser, hub: RunningHub) -> None:
    now_s = time.time() - BEGIN_S
    bring(hub, [("late", "level", "m", now_s - 3_000, 1), ("late", "level", "m", now_s - 2_900, 2)])
    with page_of(browser, hub, at=at(now_s - 3_600, now_s + 60, "late")) as page:
        is_drawn(page)
        bring(hub, [("late", "level", "m", now_s - 2_800, 3)])
        page.wait_for_function("() => document.querySelector('.plot').data.at(-1).y.includes(3)", timeout=TIMEOUT_MS)


def say(hub: RunningHub, token: str, *messages: Any) -> None:
    """Say something as a device, over HTTP."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/msgpack"}
    path = "/api/v1/device"
    for message in messages:
        body = msgpack.packb({"messages": [encode(message)], **({} if path == "/api/v1/device" else {"after": 0})})
        with urllib.request.urlopen(urllib.request.Request(hub.url + path, data=body, headers=headers), timeout=30) as answer:
            path = path if path != "/api/v1/device" else f"/api/v1/device/{msgpack.unpackb(answer.read())['session']}"


def test_fifty_hostile_names_and_units_are_shown_as_text_also_in_a_picture(browser: Browser, hub: RunningHub) -> None:
    spoken: list[str] = []
    with page_of(browser, hub, at=at(-5, 10, "odd")) as page:
        page.on("dialog", lambda dialog: spoken.append(dialog.message))
        is_drawn(page)
        names = page.locator(".legend-name").all_text_contents()
        assert sorted(set(names)) == sorted(HOSTILE)
        assert (
            page.locator("#charts :is(img, script, b, i, br)").filter(has_not=page.locator("li b")).count()
            == page.locator(".readout b").count()
        )
        drawn = page.evaluate(
            """async names => {
              const { plain } = await import('./static/charts/plain.js');
              const data = names.map(name => ({ x: [1, 2], y: [1, 2], name: plain(name), showlegend: true }));
              const address = await Plotly.toImage({ data, layout: { height: 2000 } }, { format: 'svg', height: 2000, width: 900 });
              return decodeURIComponent(address.slice(address.indexOf(',') + 1));
            }""",
            HOSTILE,
        )
        texts = [
            text for text in ElementTree.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text") if "legendtext" in text.get("class", "")
        ]
        assert ["".join(text.itertext()).replace("\xa0", " ") for text in texts] == HOSTILE
    assert spoken == []


def test_a_chart_is_saved_as_a_picture_and_what_it_shows_as_a_file(browser: Browser, hub: RunningHub, tmp_path: Path) -> None:
    with page_of(browser, hub, at=at(5_900, 6_100)) as page:
        is_drawn(page)
        menu = page.locator(".save").first
        menu.locator("summary").click()
        with page.expect_download() as download:
            page.get_by_role("button", name="Picture (PNG)").click()
        download.value.save_as(tmp_path / "chart.png")
        assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")
        assert (tmp_path / "chart.png").stat().st_size > 10_000
        for name, first in (("CSV", b"time,device,channel"), ("Parquet", b"PAR1")):
            menu.locator("summary").click()
            with page.expect_download() as download:
                page.get_by_role("link", name=name).click()
            download.value.save_as(tmp_path / name)
            assert (tmp_path / name).read_bytes().startswith(first)
        rows = (tmp_path / "CSV").read_text().splitlines()[1:]
        assert len(rows) == 200
        assert all(",temp," in row for row in rows)


def sensors(count: int) -> dict[str, Any]:
    """Return the readings of a device that has a channel of each kind that is a line, and a text."""
    return {"temp": 20 + count % 13, "total": 3 * count, "open": count % 10 < 5, "said": f"number {count}"}


SENSORS: Final = (
    Channel("temp", "Cel"),
    Channel("total", "L", kind=Kind.COUNTER),
    Channel("open", "", kind=Kind.STATE),
    Channel("said", "", kind=Kind.TEXT),
)


@pytest.mark.parametrize("times", [1, 3])
def test_a_socket_that_is_cut_for_a_second_leaves_every_series_as_the_store_has_it(browser: Browser, tmp_path: Path, times: int) -> None:
    port = free_port()
    proxies: list[FaultProxy] = []

    with running_hub(tmp_path / "data") as hub:

        async def run(stop: trio.Event, started: Callable[[], None]) -> None:
            proxies.append(FaultProxy(*hub.address, port=port))
            async with trio.open_nursery() as nursery:
                await nursery.start(proxies[0].run)
                started()
                await stop.wait()
                nursery.cancel_scope.cancel()

        through = type(hub)(hub.process)
        through.login_url = lambda: hub.login_url().replace(str(hub.address[1]), str(port))  # type: ignore[method-assign]
        with InThread(run) as proxy, pump(hub, SENSORS, sensors) as device, page_of(browser, through, allowed=NETWORK) as page:
            is_live(page)
            for _ in range(times):
                before = page.evaluate("performance.now()")
                proxies[0].refuse()
                proxy.call(proxies[0].cut)
                expect(page.locator("#connection")).not_to_have_attribute("data-state", "open", timeout=TIMEOUT_MS)
                page.wait_for_function("before => performance.now() - before > 1000", arg=before)
                proxies[0].heal()
                is_live(page)
            device.stop()
            equals_the_store(page, hub)


def test_a_restart_of_the_hub_leaves_every_series_as_the_store_has_it(browser: Browser, tmp_path: Path) -> None:
    with (
        running_hub(tmp_path / "data", port=free_port()) as hub,
        pump(hub, SENSORS, sensors) as device,
        page_of(browser, hub, allowed=NETWORK) as page,
    ):
        is_live(page)
        page.wait_for_function("() => document.querySelector('.plot').data.at(-1).x.length > 10")
        hub.process.kill()
        expect(page.locator("#connection")).not_to_have_attribute("data-state", "open", timeout=TIMEOUT_MS)
        hub.process.start()
        is_live(page)
        page.wait_for_function("than => document.querySelector('.plot').data.at(-1).x.at(-1) > than", arg=time.time() * 1e3)
        device.stop()
        equals_the_store(page, hub)
