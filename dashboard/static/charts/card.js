// One chart of the device's page: its title, its lines, and a legend with the present values, or those of the moment that is pointed at.
//
// Owns which lines are switched off, and how the chart is saved.

import { displayed } from "../app/conversion.js";
import { fill, h, say } from "../app/dom.js";
import { colours } from "../app/theme.js";
import { ago, quantity, shown, symbol } from "../app/units.js";
import { attach } from "./gestures.js";
import { LineChart } from "./linechart.js";
import { lineOf } from "./lines.js";
import { keep } from "./picture.js";
import { valueText } from "./readout.js";
import { moment } from "./ticks.js";

const MAX_LINES = 8; // shown at first; more are a click away
const HINT = "Arrow keys read the values. Shift and arrow keys move in time, plus and minus zoom, 0 goes back to live.";

/**
 * What the charts of a page share.
 * @typedef {{crosshair: import("./crosshair.js").Crosshair, actions: import("./gestures.js").Actions, failed: (error: unknown) => void,
 *   exportOf: (channels: string[], format: string) => string}} Shared
 */

export class Card {
  /** @param {string} unit @param {Shared} shared */
  constructor(unit, shared) {
    this.unit = unit;
    this.shared = shared;
    this.palette = null;
    this.hidden = null; // keys of series that the viewer has switched off
    this.items = new Map(); // key -> elements of the legend
    this.letters = 0; // of the longest entry of the legend so far
    this.entryPx = 0;
    this.channels = [];
    /** @type {number | null} the moment that is pointed at */
    this.atUs = null;
    this.title = h("h2");
    this.unitLabel = h("span", { class: "chart-unit" });
    this.chart = new LineChart({ crosshair: shared.crosshair, onPoint: (us) => this._point(us) });
    attach(this.chart, shared.actions);
    this.legend = h("ul", { class: "legend" });
    const head = h("div", { class: "chart-head" }, this.title, h("div", { class: "chart-more" }, this.unitLabel, this._saving()));
    this.element = h("section", { class: "card chart" }, head, this.chart.element, this.legend);
    this.lines = [];
    this.view = null;
  }

  remove() {
    this.chart.remove();
    this.element.remove();
  }

  draw(channels, view, isVisible) {
    this.hidden ??= hiddenAtFirst(channels);
    this.channels = channels;
    this.view = view;
    say(this.title, titleOf(this.unit, channels));
    this.palette ??= colours();
    this.lines = channels.map((series, at) => ({ series, colour: this.palette.series[at % this.palette.series.length], ...lineOf(series, view, this.unit === "state" ? undefined : displayed(series.unit)) }));
    this._legend();
    if (!isVisible) return;
    const drawn = this.lines.filter((line) => !this.hidden.has(line.series.key));
    const scale = this.chart.draw(drawn, view, this.unit, this.palette);
    say(this.unitLabel, scale.symbol);
    this.chart.describe(`Chart of ${channels.map((each) => each.channel).join(", ")}. ${HINT}`);
  }

  _legend() {
    const gone = new Set(this.items.keys());
    for (const { series, colour, isStale } of this.lines) {
      gone.delete(series.key);
      const { button } = this.items.get(series.key) ?? this._legendItem(series.key, series.channel);
      button.setAttribute("aria-pressed", String(!this.hidden.has(series.key)));
      button.style.setProperty("--line", colour);
      button.classList.toggle("stale", isStale);
    }
    for (const key of gone) {
      this.items.get(key).item.remove();
      this.items.delete(key);
    }
    this._values();
  }

  /** @param {number | null} us */
  _point(us) {
    if (this.view === null || (us === null && this.atUs === null)) return;
    this.atUs = us;
    this._values();
  }

  // The present values, or those of the moment that is pointed at.
  _values() {
    for (const line of this.lines) {
      const item = this.items.get(line.series.key);
      if (!item) continue;
      const now = line.now === null ? "–" : shown(line.now, this.unit === "state" ? "" : this.unit);
      say(item.value, this.atUs === null ? now : valueText(line, this.atUs, this.unit, true));
      if (this.atUs === null) this._widen(item);
      const isOn = !this.hidden.has(line.series.key);
      const when = this.view.isPast ? moment(line.lastUs, this.view.nowUs - this.view.fromUs) : ago((this.view.nowUs - line.lastUs) / 1e6);
      item.button.title = `${line.series.channel}: ${now}, ${when}. Click to ${isOn ? "hide" : "show"} the line`;
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
    const name = h("span", { class: "legend-name" }, channel);
    const value = h("span", { class: "legend-value" });
    const click = () => {
      if (!this.hidden.delete(key)) this.hidden.add(key);
      this.element.dispatchEvent(new CustomEvent("redraw", { bubbles: true }));
    };
    const button = h("button", { type: "button", on: { click } }, h("span", { class: "swatch" }), name, value);
    const elements = { item: h("li", {}, button), button, name, value };
    this.legend.append(elements.item);
    this.items.set(key, elements);
    return elements;
  }

  // A menu: the chart as a picture, and what it shows as a file.
  _saving() {
    const list = h("div", { class: "save-list" });
    const menu = h("details", { class: "save" }, h("summary", { "aria-label": "Save this chart", title: "Save this chart" }, "⤓"), list);
    const picture = async () => {
      menu.open = false;
      try {
        const name = `${this.channels[0]?.device ?? "chart"} ${this.title.textContent}`;
        keep(await this.chart.picture(`${this.channels[0]?.device ?? ""}: ${this.title.textContent}`), `${name}.png`);
      } catch (error) {
        this.shared.failed(error);
      }
    };
    const link = (/** @type {string} */ format, /** @type {string} */ label) => {
      const shownNow = this.channels.filter((each) => !this.hidden.has(each.key)).map((each) => each.channel);
      return h("a", { href: this.shared.exportOf(shownNow, format), download: "", class: "quiet", on: { click: () => (menu.open = false) } }, label);
    };
    // Made when it is opened: what is shown by then.
    menu.addEventListener("toggle", () => menu.open && fill(list, h("button", { type: "button", class: "quiet", on: { click: picture } }, "Picture (PNG)"), link("csv", "Readings (CSV)"), link("parquet", "Readings (Parquet)")));
    menu.addEventListener("focusout", (event) => menu.contains(/** @type {Node | null} */ (event.relatedTarget)) || (menu.open = false));
    return menu;
  }
}

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

// The width of an element's text, also where a part of it is not shown.
function textWidth(element) {
  const range = document.createRange();
  range.selectNodeContents(element);
  return range.getBoundingClientRect().width;
}
