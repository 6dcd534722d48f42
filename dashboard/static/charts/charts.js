// The charts of one device: one for each unit, with the channels that have it; and tiles for states, texts and positions.
//
// Owns the cards and their legends; lines.js has how a series becomes a line, linechart.js how lines are drawn.

import { lastTime, lastValue, numberOf } from "../app/model.js";
import { displayed } from "../app/conversion.js";
import { colours } from "../app/theme.js";
import { ago, quantity, shown, symbol } from "../app/units.js";
import { LineChart } from "./linechart.js";
import { lineOf } from "./lines.js";

const MAX_LINES = 8; // shown at first; more are a click away

export class Charts {
  constructor(root, waiting) {
    this.root = root;
    this.waiting = waiting;
    this.cards = new Map(); // unit -> Card, "values" -> Tiles
    this.isVisible = new WeakMap();
    this.seen = new IntersectionObserver((entries) => {
      for (const entry of entries) this.isVisible.set(entry.target, entry.isIntersecting);
    }, { rootMargin: "200px" });
  }

  clear() {
    for (const card of this.cards.values()) card.remove();
    this.cards.clear();
  }

  // Colours or units have changed.
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
    let at = 0;
    for (const [unit, channels] of groups) {
      let card = this.cards.get(unit);
      if (!card) {
        card = unit === "values" ? new Tiles() : new Card(unit);
        this.cards.set(unit, card);
        this.root.insertBefore(card.element, this.root.children[at] ?? null);
        this.seen.observe(card.element);
      }
      at += 1;
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
    const unit = series.kind === "counter" ? perSecond(displayed(series.unit).unit) : series.kind === "state" ? "state" : series.unit === "1" ? "" : displayed(series.unit).unit;
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
    this.chart = new LineChart();
    this.legend = make("ul", "legend");
    this.element.append(head, this.chart.element, this.legend);
  }

  remove() {
    this.chart.remove();
    this.element.remove();
  }

  draw(channels, view, isVisible) {
    this.hidden ??= hiddenAtFirst(channels);
    this.title.textContent = titleOf(this.unit, channels);
    this.palette ??= colours();
    const lines = channels.map((series, at) => ({ series, colour: this.palette.series[at % this.palette.series.length], ...lineOf(series, view, this.unit === "state" ? undefined : displayed(series.unit)) }));
    this._legend(lines, view);
    if (!isVisible) return;
    const drawn = lines.filter((line) => !this.hidden.has(line.series.key));
    const scale = this.chart.draw(drawn, view, this.unit, this.palette);
    this.unitLabel.textContent = scale.symbol;
    this.chart.describe(`Chart of ${channels.map((each) => each.channel).join(", ")}`);
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
