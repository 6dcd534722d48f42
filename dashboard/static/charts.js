// The charts of one device: one for each unit, with the channels that have it; and tiles for states, texts and positions.
//
// Owns how a series becomes lines: raw points a line, buckets a line of means in a band from minimum to maximum; a silence longer than
// three intervals breaks it. Plotly draws. main.js calls `draw`.

import { lastTime, lastValue, meanOf, numberOf } from "./model.js";
import { colours } from "./theme.js";
import { ago, digits, quantity, scaleOf, shown, startsAtZero, symbol } from "./units.js";

const GAP_INTERVALS = 3;
const MAX_LINES = 8; // shown at first; more are a click away
const MIN_RANGE = 0.01; // of the value: noise in the last digit does not fill a chart
const CONFIG = { displayModeBar: false, responsive: false, showTips: false, doubleClick: false, scrollZoom: false };

export class Charts {
  constructor(root, waiting) {
    this.root = root;
    this.waiting = waiting;
    this.cards = new Map(); // unit -> Card, "values" -> Tiles
    this.isVisible = new WeakMap();
    this.seen = new IntersectionObserver((entries) => {
      for (const entry of entries) this.isVisible.set(entry.target, entry.isIntersecting);
    }, { rootMargin: "200px" });
    this.sized = new ResizeObserver((entries) => {
      for (const entry of entries) for (const card of this.cards.values()) if (card.plot === entry.target) card.resize();
    });
  }

  clear() {
    for (const card of this.cards.values()) card.remove();
    this.cards.clear();
  }

  // Colours have changed.
  restyle() {
    for (const card of this.cards.values()) card.palette = null;
  }

  // Draw what a model has of a device, up to `nowUs` on the hub's clock.
  draw(model, device, nowUs) {
    const groups = grouped(model, device);
    this.waiting.hidden = groups.size > 0;
    for (const [unit, card] of this.cards) {
      if (groups.has(unit)) continue;
      card.remove();
      this.cards.delete(unit);
    }
    for (const [unit, channels] of groups) {
      let card = this.cards.get(unit);
      if (!card) {
        card = unit === "values" ? new Tiles() : new Card(unit);
        this.cards.set(unit, card);
        this.root.append(card.element);
        this.seen.observe(card.element);
        if (card.plot) this.sized.observe(card.plot);
      }
      const view = { fromUs: nowUs - model.spanUs, nowUs, intervalUs: (device.interval_s ?? 0) * 1e6, hole: model.hole, keptFromUs: model.keptFromUs };
      card.draw(channels, view, this.isVisible.get(card.element) !== false);
    }
  }
}

// The channels that a device declares and those it once had with data, by unit; in the device's own order.
function grouped(model, device) {
  const order = new Map((device.channels ?? []).map((channel, at) => [channel.name, at]));
  const found = [...model.series.values()].filter((each) => each.device === device.device && each.rows.length > 0);
  found.sort((a, b) => (order.get(a.channel) ?? 1e6) - (order.get(b.channel) ?? 1e6) || a.channel.localeCompare(b.channel));
  const groups = new Map();
  const values = [];
  for (const series of found) {
    if (series.kind === "text" || series.kind === "position" || (series.kind === "state" && !isNumeric(series.rows))) {
      values.push(series);
      continue;
    }
    const unit = series.kind === "counter" ? perSecond(series.unit) : series.kind === "state" ? "state" : series.unit === "1" ? "" : series.unit;
    if (!groups.has(unit)) groups.set(unit, []);
    groups.get(unit).push(series);
  }
  if (values.length) groups.set("values", values);
  return groups;
}

const perSecond = (unit) => `${unit === "1" ? "" : unit}/s`;
const isNumeric = (rows) => numberOf(lastValue(rows.at(-1))) !== null;

// Parts are a click away where their whole is shown (cpu.0 beside cpu), and so are all beyond the first few.
function hiddenAtFirst(channels) {
  const names = channels.map((each) => each.channel);
  const isPart = (each) => names.some((name) => each.channel.startsWith(`${name}.`));
  const wholes = channels.filter((each) => !isPart(each));
  return new Set([...channels.filter(isPart), ...wholes.slice(MAX_LINES)].map((each) => each.key));
}

function titleOf(unit, channels) {
  if (unit === "state") return "States";
  if (unit === "s" && channels.length === 1) return capital(channels[0].channel);
  const stems = new Set(channels.map((each) => each.channel.split(/[. ]/)[0]));
  if (unit === "" && stems.size === 1) return capital([...stems][0]);
  return unit.endsWith("/s") && quantity(unit) === symbol(unit) ? "Rate" : quantity(unit);
}

const capital = (name) => name.replace(/^./, (letter) => letter.toUpperCase()).replaceAll("_", " ");

class Card {
  constructor(unit) {
    this.unit = unit;
    this.palette = null;
    this.hidden = null; // keys of series that the viewer has switched off
    this.items = new Map(); // key -> elements of the legend
    this.letters = 0; // of the longest entry of the legend so far
    this.entryPx = 0;
    this.element = make("section", "card chart");
    const head = make("div", "chart-head");
    this.title = make("h2");
    this.unitLabel = make("span", "chart-unit");
    head.append(this.title, this.unitLabel);
    this.plot = make("div", "plot");
    this.plot.setAttribute("role", "img");
    this.legend = make("ul", "legend");
    this.element.append(head, this.plot, this.legend);
  }

  remove() {
    window.Plotly.purge(this.plot);
    this.element.remove();
  }

  resize() {
    if (this.plot.classList.contains("js-plotly-plot") && this.plot.offsetWidth) window.Plotly.Plots.resize(this.plot);
  }

  draw(channels, view, isVisible) {
    this.hidden ??= hiddenAtFirst(channels);
    this.title.textContent = titleOf(this.unit, channels);
    this.palette ??= colours();
    const lines = channels.map((series, at) => ({ series, colour: this.palette.series[at % this.palette.series.length], ...lineOf(series, view) }));
    this._legend(lines, view);
    if (!isVisible) return;
    const drawn = lines.filter((line) => !this.hidden.has(line.series.key));
    const largest = drawn.reduce((most, line) => Math.max(most, line.largest), 0);
    const scale = scaleOf(this.unit === "state" ? "" : this.unit, largest);
    this.unitLabel.textContent = scale.symbol;
    this.plot.setAttribute("aria-label", `Chart of ${channels.map((each) => each.channel).join(", ")}`);
    const traces = drawn.flatMap((line) => tracesOf(line, scale, this.unit === "state"));
    window.Plotly.react(this.plot, traces, layoutOf(this.palette, view, this.unit, drawn, scale), CONFIG);
  }

  _legend(lines, view) {
    const gone = new Set(this.items.keys());
    for (const line of lines) {
      const { key, channel } = line.series;
      gone.delete(key);
      const item = this.items.get(key) ?? this._legendItem(key, channel);
      const isOn = !this.hidden.has(key);
      item.button.setAttribute("aria-pressed", String(isOn));
      item.button.style.setProperty("--line", line.colour);
      const value = line.now === null ? "–" : shown(line.now, this.unit === "state" ? "" : this.unit);
      if (item.value.textContent !== value) item.value.textContent = value;
      this._widen(item);
      const seconds = (view.nowUs - line.lastUs) / 1e6;
      item.button.classList.toggle("stale", line.isStale);
      item.button.title = `${channel}: ${value}, ${ago(seconds)}. Click to ${isOn ? "hide" : "show"} the line`;
    }
    for (const key of gone) {
      this.items.get(key).item.remove();
      this.items.delete(key);
    }
  }

  // Columns of the legend are as wide as its longest entry was so far: no name is cut where there is room, and nothing jumps.
  _widen({ button, name, value }) {
    const letters = name.textContent.length + value.textContent.length;
    if (letters <= this.letters) return; // to measure means to lay the page out
    this.letters = letters;
    const besidePx = button.offsetWidth - name.offsetWidth - value.offsetWidth;
    this.entryPx = Math.max(this.entryPx, Math.ceil(besidePx + textWidth(name) + textWidth(value)));
    this.legend.style.setProperty("--entry", `${this.entryPx}px`);
  }

  _legendItem(key, channel) {
    const item = make("li");
    const button = make("button");
    button.type = "button";
    const name = make("span", "legend-name");
    name.textContent = channel;
    const value = make("span", "legend-value");
    button.append(make("span", "swatch"), name, value);
    button.addEventListener("click", () => {
      if (!this.hidden.delete(key)) this.hidden.add(key);
      this.element.dispatchEvent(new CustomEvent("redraw", { bubbles: true }));
    });
    item.append(button);
    this.legend.append(item);
    const elements = { item, button, name, value };
    this.items.set(key, elements);
    return elements;
  }
}

// States with words, texts and positions: the present value of each.
class Tiles {
  constructor() {
    this.element = make("section", "card chart");
    const title = make("h2");
    title.textContent = "Values";
    this.list = make("dl", "tiles");
    this.element.append(title, this.list);
  }

  remove() {
    this.element.remove();
  }

  draw(channels, view) {
    this.list.replaceChildren(...channels.map((series) => {
      const row = series.rows.at(-1);
      const tile = make("div");
      const name = make("dt");
      name.textContent = series.channel;
      const value = make("dd");
      value.textContent = shown(lastValue(row), series.unit);
      value.title = ago((view.nowUs - lastTime(row)) / 1e6);
      tile.append(name, value);
      return tile;
    }));
  }
}

// The columns of a line: times in ms of local time (plotly knows no zones), mean, low, high; null where it breaks.
export function lineOf(series, { fromUs, nowUs, intervalUs }) {
  const rows = series.kind === "counter" ? rates(series.rows) : series.rows;
  const gapUs = GAP_INTERVALS * Math.max(intervalUs, usualStep(rows), 50_000);
  const x = [];
  const mean = [];
  const low = [];
  const high = [];
  let largest = 0;
  let lowest = Infinity;
  let highest = -Infinity;
  let hasBand = false;
  for (let at = 0; at < rows.length; at += 1) {
    const row = rows[at];
    if (at > 0 && isGap(rows, at, gapUs)) {
      x.push(local(rows[at - 1].t + rows[at - 1].w + 1));
      mean.push(null);
      low.push(null);
      high.push(null);
    }
    const value = meanOf(row);
    const bottom = row.w === 0 ? value : row.min;
    const top = row.w === 0 ? value : row.max;
    x.push(local(row.w === 0 ? row.t : Math.min(row.t + row.w / 2, Math.max(row.lastT, row.t))));
    mean.push(value);
    low.push(bottom);
    high.push(top);
    if (top !== bottom) hasBand = true;
    if (row.t + row.w >= fromUs && bottom !== null && top !== null) {
      largest = Math.max(largest, Math.abs(top), Math.abs(bottom));
      lowest = Math.min(lowest, bottom);
      highest = Math.max(highest, top);
    }
  }
  const isAlone = (at) => mean[at] !== null && (mean[at - 1] ?? null) === null && (mean[at + 1] ?? null) === null;
  const dots = mean.some((_, at) => isAlone(at)) ? mean.map((_, at) => (isAlone(at) ? 5 : 0)) : null; // a line of one point cannot be seen
  const last = rows.at(-1);
  const lastUs = last ? lastTime(last) : series.rows.length ? lastTime(series.rows.at(-1)) : fromUs;
  const now = !last ? null : series.kind === "counter" ? meanOf(last) : lastValue(last);
  return { x, mean, low, high, dots, largest, lowest, highest, hasBand, now, lastUs, isStale: nowUs - lastUs > gapUs + 2e6 };
}

function isGap(rows, at, gapUs) {
  const step = rows[at].t - rows[at - 1].t;
  if (step <= gapUs) return false;
  // An interval that was changed is no silence: the steps around are then as long.
  const around = [];
  for (let near = Math.max(1, at - 2); near <= Math.min(rows.length - 1, at + 2); near += 1) around.push(rows[near].t - rows[near - 1].t);
  return around.length < 4 || step > GAP_INTERVALS * middle(around);
}

function usualStep(rows) {
  const steps = [];
  const stride = Math.max(1, Math.floor(rows.length / 100));
  for (let at = stride; at < rows.length; at += stride) steps.push(rows[at].t - rows[at - 1].t);
  return steps.length ? middle(steps) : 0;
}

const middle = (list) => list.sort((a, b) => a - b)[list.length >> 1];

// A counter as the rate at which it rises; where it was reset there is no rate, and after a silence nobody knows when it rose.
export function rates(rows) {
  const found = [];
  const longestUs = GAP_INTERVALS * Math.max(usualStep(rows), 50_000);
  for (let at = 1; at < rows.length; at += 1) {
    const rise = numberOf(lastValue(rows[at])) - numberOf(lastValue(rows[at - 1]));
    const seconds = (lastTime(rows[at]) - lastTime(rows[at - 1])) / 1e6;
    found.push({ t: lastTime(rows[at]), n: 0, w: 0, v: rise >= 0 && seconds > 0 && !isSilent(rows, at, longestUs) ? rise / seconds : null });
  }
  return found;
}

const isSilent = (rows, at, longestUs) => rows.length > 4 && isGap(rows, at, longestUs);
const zoneMs = (ms) => new Date(ms).getTimezoneOffset() * 60_000;
const local = (us) => us / 1000 - zoneMs(us / 1000);

function tracesOf(line, scale, isState) {
  const scaled = (values) => (scale.factor === 1 ? values : values.map((value) => (value === null ? null : value / scale.factor)));
  const shape = isState ? "hv" : "linear";
  const common = { type: "scatter", mode: "lines", x: line.x, connectgaps: false, showlegend: false };
  const mean = {
    ...common, y: scaled(line.mean), name: line.series.channel, line: { color: line.colour, width: 1.7, shape },
    hovertemplate: `%{text}${scale.symbol ? ` ${scale.symbol}` : ""}`, text: scaled(line.mean).map((value) => (value === null ? "" : digits(value))),
  };
  if (line.dots) Object.assign(mean, { mode: "lines+markers", marker: { size: line.dots, color: line.colour, line: { width: 0 } } });
  if (!line.hasBand) return [mean];
  // The outline keeps a spike in sight that is narrower than a pixel.
  const band = { line: { width: 0.8, color: faint(line.colour, 0.45) }, fill: "toself", fillcolor: faint(line.colour, 0.18) };
  return [{ ...common, ...bandOf(line, scale), hoverinfo: "skip", ...band }, mean];
}

// The band as one closed shape for each unbroken stretch: plotly would fill across a silence otherwise.
export function bandOf({ x, low, high }, { factor }) {
  const band = { x: [], y: [] };
  const close = (from, to) => {
    for (let at = from; at < to; at += 1) band.x.push(x[at]), band.y.push(high[at] / factor);
    for (let at = to - 1; at >= from; at -= 1) band.x.push(x[at]), band.y.push(low[at] / factor);
    band.x.push(null);
    band.y.push(null);
  };
  let from = 0;
  for (let at = 0; at <= x.length; at += 1) {
    if (at < x.length && low[at] !== null && high[at] !== null) continue;
    if (at > from) close(from, at);
    from = at + 1;
  }
  return band;
}

function faint(colour, opacity) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return `rgba(${red},${green},${blue},${opacity})`;
}

// From zero where nothing is zero (sizes, rates, percentages); elsewhere, as with temperatures, as wide as what is shown.
export function rangeOf(unit, drawn, { factor }) {
  if (unit === "state") return { range: [-0.1, 1.1], tickvals: [0, 1], ticktext: ["off", "on"] };
  if (unit === "%" && drawn.every((line) => line.largest <= 100)) return { range: [0, 100.5] };
  const lowest = Math.min(...drawn.map((line) => line.lowest)) / factor;
  const highest = Math.max(...drawn.map((line) => line.highest)) / factor;
  if (startsAtZero(unit) || !Number.isFinite(highest - lowest)) return { rangemode: "tozero" };
  const span = Math.max(highest - lowest, MIN_RANGE * Math.max(Math.abs(lowest), Math.abs(highest)), 1e-9);
  const middle = (lowest + highest) / 2;
  return { range: [middle - 0.58 * span, middle + 0.58 * span] };
}

function layoutOf(palette, view, unit, drawn, scale) {
  const axis = { gridcolor: palette.grid, zeroline: false, linecolor: palette.border, tickfont: { color: palette.muted, size: 11 }, fixedrange: true };
  const missing = [view.hole, view.keptFromUs > view.fromUs ? [view.fromUs, Math.min(view.keptFromUs, view.nowUs)] : null];
  const shapes = missing.filter(Boolean).map(([fromUs, toUs]) => (
    { type: "rect", xref: "x", yref: "paper", x0: local(fromUs), x1: local(toUs), y0: 0, y1: 1, line: { width: 0 }, fillcolor: palette.border, opacity: 0.4 }
  ));
  const [tickformat, hoverformat] = timeFormats(view.nowUs - view.fromUs);
  return {
    autosize: true,
    margin: { l: 46, r: 16, t: 8, b: 24 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: "inherit", color: palette.text, size: 12 },
    hovermode: "x unified",
    hoverlabel: { bgcolor: palette.surface, bordercolor: palette.border, font: { color: palette.text, size: 12 } },
    dragmode: false,
    xaxis: { ...axis, type: "date", range: [local(view.fromUs), local(view.nowUs)], showgrid: false, nticks: 6, tickangle: 0, tickformat, hoverformat },
    yaxis: { ...axis, nticks: 5, ...rangeOf(unit, drawn, scale) },
    shapes,
  };
}

// How times are written below a chart, and beside the pointer.
export function timeFormats(spanUs) {
  const days = spanUs / 86_400e6;
  if (days <= 1.5) return ["%H:%M", "%b %-d, %H:%M:%S"];
  return [days <= 100 ? "%b %-d" : "%b %Y", days <= 100 ? "%b %-d, %H:%M" : "%b %-d, %Y"];
}

// The width of an element's text, also where a part of it is not shown.
function textWidth(element) {
  const range = document.createRange();
  range.selectNodeContents(element);
  return range.getBoundingClientRect().width;
}

function make(name, className = "") {
  const element = document.createElement(name);
  if (className) element.className = className;
  return element;
}
