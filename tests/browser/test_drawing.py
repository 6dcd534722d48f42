"""Charts that are moved on between two drawings of plotly look as plotly would draw them: path for path, and pixel for pixel.

Needs Chromium.
"""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page

from tests.support.hub_process import RunningHub, running_hub
from tests.support.pages import page_of

pytestmark = [pytest.mark.needs_server("chromium"), pytest.mark.slow]

# A chart that lives through many steps of time, beside one that is made anew for the last of them.
STAGE: Final = """async () => {
  const beside = (name) => import(new URL(name, document.querySelector("script[type=module]").src));
  const { LineChart } = await beside("../charts/linechart.js");
  const { lineOf } = await beside("../charts/lines.js");
  const { colours } = await beside("theme.js");
  await (await beside("plotly.js")).loadPlotly();
  const palette = colours();
  const react = window.Plotly.react;
  let drawings = 0;
  window.Plotly.react = (...given) => { drawings += 1; return react(...given); };
  const begin = 1_800_000_000_000_000; // µs
  const point = (at, v) => ({ t: begin + at * 1e6, n: at, w: 0, v });
  const bucket = (at, v) => (
    { t: begin + at * 1e6, n: -1, w: 1e6, min: v - 1 - at % 3, max: v + 2, sum: 4 * v, count: 4, last: v, lastT: begin + at * 1e6 + 9e5 });
  const value = (at, more) => 50 + 30 * Math.sin(at / 9 + more) + at % 5;
  const make = {
    points: (at, more) => point(at, value(at, more)),
    bands: (at, more) => bucket(at, value(at, more)),
    gaps: (at, more) => (Math.floor(at / 17) % 3 === 2 ? null : point(at, value(at, more))),
    states: (at, more) => ({ ...point(at, Math.floor((at + 7 * more) / 6) % 2 === 0) }),
  };
  const holes = [{ fromUs: begin + 60e6, toUs: begin + 90e6, reason: "lost", kind: "lost" }];
  const mark = (kind, level, at) => ({ atUs: begin + at * 1e6, kind, level, text: "" });
  const marks = [mark("alert", "critical", 70), mark("command", "done", 80)];
  const view = (now) => ({ fromUs: now - 100e6, nowUs: now, intervalUs: 1e6, hole: null, keptFromUs: null, holes, marks });
  const draw = (chart, kind, now) => {
    const isSeen = (row) => row && row.t < now && row.t > now - 101e6;
    const lines = [0, 1].map((more) => {
      const rows = Array.from({ length: 160 }, (_, at) => make[kind](at, more)).filter(isSeen);
      const series = { key: `k${more}`, channel: `c${more}`, unit: "%", kind: kind === "states" ? "state" : "gauge", rows };
      return { series, colour: palette.series[more], ...lineOf(series, view(now)) };
    });
    chart.draw(lines, view(now), kind === "states" ? "state" : "%", palette);
  };
  const place = (top) => {
    const div = document.createElement("div");
    div.style.cssText = `position: fixed; left: 0; top: ${top}px; width: 500px; height: 200px; background: white; z-index: 99`;
    document.body.append(div);
    const chart = new LineChart();
    chart.element.style.setProperty("height", "200px");
    chart.element.style.setProperty("margin", "0");
    chart.plot.style.setProperty("height", "200px");
    div.append(chart.element);
    return { div, chart };
  };
  const looks = (element) => {
    const { fill, stroke, strokeWidth, opacity, strokeDasharray, display } = getComputedStyle(element);
    const attributes = ["class", "d", "transform"].map((name) => element.getAttribute(name));
    const text = element.childElementCount ? "" : element.textContent;
    return [element.tagName, ...attributes, text, fill, stroke, strokeWidth, opacity, strokeDasharray, display].join(" ");
  };
  window.stage = async (kind) => {
    document.querySelectorAll("[data-stage]").forEach((each) => each.remove());
    const [moved, fresh] = [place(0), place(250)];
    moved.div.dataset.stage = "moved";
    fresh.div.dataset.stage = "fresh";
    await new Promise((done) => setTimeout(done, 300)); // sizes are known, and plotly has heard of them
    const steps = [];
    for (let step = 0; step <= 40; step += 1) {
      const before = drawings;
      draw(moved.chart, kind, begin + 100e6 + step * 0.37e6);
      steps.push(drawings > before);
    }
    draw(fresh.chart, kind, begin + 100e6 + 40 * 0.37e6);
    await document.fonts.ready;
    const all = ({ div }) => [...div.querySelectorAll(".main-svg :is(path, text, rect)")].map(looks);
    return { drawnByPlotly: steps.filter(Boolean).length, last: steps.at(-1), moved: all(moved), fresh: all(fresh) };
  };
}"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with running_hub(tmp_path_factory.mktemp("hub") / "data") as running:
        yield running


@pytest.fixture
def page(browser: Browser, hub: RunningHub) -> Iterator[Page]:
    with page_of(browser, hub, at="#/", scheme="light") as page:
        page.evaluate(STAGE)
        yield page


@pytest.mark.parametrize("kind", ["points", "bands", "gaps", "states"])
def test_a_moved_chart_is_path_for_path_and_pixel_for_pixel_what_plotly_draws(page: Page, kind: str) -> None:
    found: dict[str, Any] = page.evaluate("kind => window.stage(kind)", kind)
    assert not found["last"], "the last step was drawn by plotly: nothing is compared"
    assert found["drawnByPlotly"] <= 6  # the first, and whenever a time appears or goes
    assert len(found["moved"]) > 15
    assert found["moved"] == found["fresh"]
    pictures = [page.locator(f"[data-stage={which}]").screenshot() for which in ("moved", "fresh")]
    assert pictures[0] == pictures[1]


PACES: Final = """async () => {
  const { Painter } = await import(new URL("painter.js", document.querySelector("script[type=module]").src));
  const painter = new Painter(() => 0);
  const made = [100, undefined].map((paceMs) => {
    const element = document.body.appendChild(document.createElement("p"));
    const draws = [];
    return { view: { element, draw: () => draws.push(performance.now()), paceMs }, draws };
  });
  for (const { view } of made) painter.add(view);
  const asking = setInterval(() => made.forEach(({ view }) => painter.ask(view)), 5);
  await new Promise((done) => setTimeout(done, 2_000));
  clearInterval(asking);
  for (const { view } of made) painter.remove(view);
  return made.map(({ draws }) => draws.slice(1).map((at, index) => at - draws[index]));
}"""


def test_each_view_is_drawn_at_its_own_pace_at_most(page: Page) -> None:
    often, seldom = page.evaluate(PACES)
    assert len(often) >= len(seldom) > 0
    assert min(often) >= 85
    assert min(seldom) >= 235
