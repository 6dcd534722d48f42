"""The dashboard of 12 charts that `tributary bench page` looks at: its document, its page in Chromium, and what is asked of that page.

Owns the scripts that run in the page; they look and change nothing of what it draws. Used by painting.py and soaking.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from hub.client import dashboards
from simulators.bench.chromium import TIMEOUT_MS
from simulators.bench.course import BenchHub
from simulators.bench.gauges import CHANNELS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHARTS: Final = 12
_COLUMNS: Final = 4
_WIDE, _HIGH = 3, 4  # of a grid of 12 columns
_SIZE: Final = {"width": 1920, "height": 1080}  # every chart is in sight
# Before the first tile is made: each drawing of a tile is counted once it is on the screen, with the age of every reading new in it.
_WATCH: Final = """async () => {
  const beside = (name) => import(new URL(name, document.querySelector("script[type=module]").src)); // the page's own modules
  const { Painter } = await beside("painter.js");
  const { Model } = await beside("model.js");
  const ms = () => performance.timeOrigin + performance.now();
  const bench = (window.bench = { draws: 0, painted: [], arrived: [] });
  const newest = new WeakMap();
  const add = Painter.prototype.add;
  Painter.prototype.add = function (view) {
    const { painted } = view;
    view.painted = (...given) => {
      painted?.call(view, ...given);
      const now = ms();
      for (const plot of view.element.querySelectorAll(".plot")) {
        bench.draws += 1;
        const times = plot.data?.findLast((trace) => trace.name)?.x ?? [];
        const last = newest.get(plot) ?? Infinity;
        for (let at = times.length - 1; at >= 0 && times[at] > last; at -= 1) bench.painted.push(now - times[at]);
        newest.set(plot, times.at(-1) ?? Infinity);
      }
    };
    add.call(this, view);
  };
  const update = Model.prototype._update;
  Model.prototype._update = function (message) {
    const now = ms();
    for (const { w, t, last_t } of message.data ?? []) for (const us of w ? last_t : t) bench.arrived.push(now - us / 1000);
    update.call(this, message);
  };
}"""
_TAKE: Final = """() => {
  const { draws, painted, arrived } = window.bench;
  Object.assign(window.bench, { draws: 0, painted: [], arrived: [] });
  return { draws, painted, arrived };
}"""
_WHOLE: Final = """count => {
  const plots = [...document.querySelectorAll(".plot")];
  return plots.length === count && plots.every((plot) => plot.data?.every((trace) => trace.x.length > 1) && plot.querySelector(".js-line"));
}"""
_CHARTS: Final = """() => [...document.querySelectorAll(".plot")].map(({ data, layout, clientWidth, clientHeight }) => (
  { data, layout, width: clientWidth, height: clientHeight }))"""
# The same lines on the same axes, moved on in time: what plotly is given is new each time, as it is for the page.
_ALONE: Final = """([charts, pace]) => {
  const root = document.body;
  root.style.cssText = "display: flex; flex-wrap: wrap; gap: 12px";
  const made = charts.map(({ data, layout, width, height }) => {
    const div = root.appendChild(document.createElement("div"));
    div.style.cssText = `width: ${width}px; height: ${height}px`;
    return { div, data, layout };
  });
  const began = performance.now();
  const draw = () => {
    const byMs = performance.now() - began;
    for (const { div, data, layout } of made) {
      const range = layout.xaxis.range.map((at) => at + byMs);
      const lines = data.map((trace) => ({ ...trace, x: [...trace.x], y: [...trace.y] }));
      window.Plotly.react(div, lines, { ...layout, xaxis: { ...layout.xaxis, range } }, { staticPlot: true, responsive: false });
    }
    window.draws += charts.length;
  };
  window.draws = 0;
  window.isWanted = false;
  setInterval(() => window.isWanted && requestAnimationFrame(draw), 1000 / pace);
}"""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was drawn since the last look: `draws` of charts; the ages of readings in ms, on the screen and when their message had come."""

    draws: int
    painted_ms: Sequence[float]
    arrived_ms: Sequence[float]


async def save_board(hub: BenchHub, name: str, devices: Sequence[str]) -> None:
    """Save a dashboard with a chart of each device, both of its gauges in it."""
    tiles: list[dict[str, Any]] = [
        {"id": f"t{at}", "type": "chart", "title": device, "config": {"source": {"devices": [device]}, "channels": list(CHANNELS)}}
        | {"x": at % _COLUMNS * _WIDE, "y": at // _COLUMNS * _HIGH, "w": _WIDE, "h": _HIGH}
        for at, device in enumerate(devices)
    ]
    await dashboards.save(hub.client, name, {"title": name, "variables": [], "range": "5min", "tiles": tiles})


def opened(browser: "Browser", link: str, name: str, charts: int = CHARTS) -> "Page":
    """Log in, show a dashboard, and return its page once every chart has both of its lines."""
    page = browser.new_page(viewport=_SIZE)  # type: ignore[arg-type]  # of a width and a height
    page.set_default_timeout(TIMEOUT_MS)
    page.goto(link)
    page.locator("#connection[data-state=open]").wait_for(state="attached")
    page.evaluate(_WATCH)
    page.evaluate("name => { location.hash = `#/dashboards/${name}` }", name)
    page.wait_for_function(_WHOLE, arg=charts)
    return page


def drawn(page: "Page") -> Drawn:
    """Return what a page has drawn since the last call."""
    said: dict[str, Any] = page.evaluate(_TAKE)
    return Drawn(said["draws"], sorted(said["painted"]), sorted(said["arrived"]))


def plotly_alone(browser: "Browser", page: "Page", pace: int) -> "Page":
    """Return an empty page in which plotly alone can redraw the charts of a page; `let_draw` lets it."""
    charts = page.evaluate(_CHARTS)
    bare = browser.new_page(viewport=_SIZE)  # type: ignore[arg-type]  # of a width and a height
    bare.set_default_timeout(TIMEOUT_MS)
    bare.add_script_tag(content=(resources.files("plotly") / "package_data" / "plotly.min.js").read_text())
    bare.evaluate(_ALONE, [charts, pace])
    return bare


def let_draw(bare: "Page", *, is_wanted: bool) -> int:
    """Let a page of `plotly_alone` draw, or stop; returns how many charts it has drawn so far."""
    draws: int = bare.evaluate("isWanted => { window.isWanted = isWanted; return window.draws }", is_wanted)
    return draws
