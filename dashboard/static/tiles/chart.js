// A tile of lines: one chart for each unit, the charts below each other, with one legend for all.
//
// Owns its elements and which lines a viewer has switched off. lines.js says how a series becomes a line, linechart.js how it is drawn.

import { displayed } from "../app/conversion.js";
import { h, keyed, say } from "../app/dom.js";
import { loadPlotly } from "../app/plotly.js";
import { colours } from "../app/theme.js";
import { ago, duration, quantity, shown, symbol } from "../app/units.js";
import { Crosshair } from "../charts/crosshair.js";
import { attach } from "../charts/gestures.js";
import { LineChart } from "../charts/linechart.js";
import { lineOf } from "../charts/lines.js";
import { isDrawable } from "./choices.js";
import { MOST_LINES, byUnit, labelsOf } from "./lanes.js";
import { absence, askRedraw, frame, nameOf } from "./parts.js";
import { seriesOf, sourceOf } from "./rules.js";
import { sourceFields } from "./source.js";

/** @type {import("./index.js").TileType} */
export const type = {
  name: "chart",
  label: "Chart",
  defaults: { w: 6, h: 5, config: {} },
  fields: (config, known) => sourceFields(config, known, { fits: isDrawable, isMany: true, most: 4 }),
  wanted: (config) => sourceOf(config),
  make: (app, config) => new ChartTile(app, config),
};

class ChartTile {
  /** @param {import("../app/main.js").App} app @param {Record<string, any>} config */
  constructor(app, config) {
    this.hub = app.hub;
    this.config = config;
    /** @type {Map<string, Lane>} */
    this.lanes = new Map();
    /** @type {Set<string>} */
    this.off = new Set();
    this.crosshair = new Crosshair();
    this.plots = h("div", { class: "lanes" });
    this.legend = h("ul", { class: "legend tile-legend" });
    this.more = h("p", { class: "hint", hidden: true });
    this.frame = frame("chart", this.plots, this.legend, this.more);
    this.element = this.frame.element;
    this._items = keyed(this.legend, (/** @type {any} */ line) => line.series.key, (line) => this._item(line));
    this._restyle = () => (this.palette = null);
    this.palette = null;
    this.isClosed = false;
    this.paceMs = 100; // advance.js makes a drawing cheap
    addEventListener("displaychange", this._restyle);
    loadPlotly().then(() => this.isClosed || askRedraw(this.element), (error) => app.toasts.failed(error));
  }

  /** @param {number} nowUs @param {import("../parts/shared_streams.js").Readings | null} stream */
  draw(nowUs, stream) {
    const found = seriesOf(stream, this.config);
    const spanUs = stream?.model.spanUs ?? 0;
    this.frame.show(absence(stream, found, nowUs, duration(spanUs / 1e6)));
    if (!stream || !found.length) return;
    const palette = (this.palette ??= colours());
    const { lanes, left, words } = byUnit(found);
    const labels = labelsOf([...lanes.values()].flat(), (name) => nameOf(this.hub, name));
    const view = { fromUs: nowUs - spanUs, nowUs, clockUs: stream.knownUs(), isPast: stream.isPast, hole: stream.model.hole, keptFromUs: stream.model.keptFromUs };
    let at = 0;
    const lines = [...lanes].map(([unit, all]) => ({ unit, lines: all.map((series) => this._line(series, unit, view, labels, palette.series[at++ % palette.series.length])) }));
    this._drop(lanes);
    for (const lane of lines) this._lane(lane.unit).draw(lane.lines.filter((line) => !this.off.has(line.series.key)), view, palette, stream.note(nowUs));
    this._items(lines.flatMap((lane) => lane.lines));
    const notes = [left && `${left} more lines are not drawn: ${MOST_LINES} at most.`, words.length && `No numbers, so no line: ${words.join(", ")}.`].filter(Boolean);
    this.more.hidden = !notes.length;
    say(this.more, notes.join(" "));
  }

  close() {
    this.isClosed = true;
    removeEventListener("displaychange", this._restyle);
    for (const lane of this.lanes.values()) lane.remove();
    this.lanes.clear();
  }

  /** @param {any} series @param {string} unit @param {any} view @param {Map<string, string>} labels @param {string} colour */
  _line(series, unit, view, labels, colour) {
    const intervalUs = (this.hub.devices.get(series.device)?.interval_s ?? 0) * 1e6;
    const label = labels.get(series.key) ?? series.channel;
    const line = lineOf(series, { ...view, intervalUs, widthPx: this.lanes.get(unit)?.chart.widthPx || undefined }, unit === "state" ? undefined : displayed(series.unit));
    // Who points at a line reads this name.
    return { ...line, series: { ...series, channel: label }, colour, label, unit, isPast: view.isPast, ageS: (view.nowUs - line.lastUs) / 1e6 };
  }

  /** @param {string} unit */
  _lane(unit) {
    const known = this.lanes.get(unit);
    if (known) return known;
    const lane = new Lane(unit, this.crosshair);
    this.lanes.set(unit, lane);
    this.plots.append(lane.element);
    return lane;
  }

  /** @param {Map<string, any>} lanes */
  _drop(lanes) {
    for (const [unit, lane] of this.lanes) {
      if (lanes.has(unit)) continue;
      lane.remove();
      this.lanes.delete(unit);
    }
  }

  /** @param {any} first */
  _item(first) {
    const { key } = first.series;
    const name = h("span", { class: "legend-name" });
    const value = h("span", { class: "legend-value" });
    const press = () => {
      if (!this.off.delete(key)) this.off.add(key);
      askRedraw(this.element);
    };
    const button = h("button", { type: "button", on: { click: press } }, h("span", { class: "swatch" }), name, value);
    const show = (/** @type {any} */ line) => {
      say(name, line.label);
      // Of the past, what stands at the pointer is said beside it.
      say(value, line.isPast ? "" : line.now === null ? "–" : shown(line.now, line.unit === "state" ? "" : line.unit));
      button.style.setProperty("--line", line.colour);
      button.setAttribute("aria-pressed", String(!this.off.has(key)));
      button.classList.toggle("stale", line.isStale && !line.isPast);
      button.title = `${line.label}${line.isPast ? ". " : ": "}${line.isPast ? "" : `${value.textContent}, ${ago(Math.max(0, line.ageS))}. `}Click to ${this.off.has(key) ? "show" : "hide"} the line`;
    };
    return { element: h("li", {}, button), show };
  }
}

/**
 * What a gesture on a chart asks of its dashboard: an event `stretch` that bubbles.
 * @param {HTMLElement} element @returns {import("../charts/gestures.js").Actions}
 */
function stretchesOf(element) {
  const ask = (/** @type {Record<string, any>} */ detail) => element.dispatchEvent(new CustomEvent("stretch", { bubbles: true, detail }));
  return {
    select: (fromUs, toUs) => ask({ fromUs, toUs }),
    pan: (share) => ask({ share }),
    zoom: (factor, aroundUs) => ask({ factor, aroundUs }),
    live: () => ask({}),
  };
}

/** The chart of one unit. */
class Lane {
  /** @param {string} unit @param {Crosshair} crosshair */
  constructor(unit, crosshair) {
    this.unit = unit;
    this.chart = new LineChart({ crosshair });
    attach(this.chart, stretchesOf(this.chart.element));
    this.label = h("span", { class: "chart-unit" });
    this.element = h("div", { class: "lane" }, this.label, this.chart.element);
  }

  /** @param {any[]} lines @param {any} view @param {any} palette @param {string | null} note */
  draw(lines, view, palette, note) {
    const scale = this.chart.draw(lines, view, this.unit, palette);
    say(this.label, [quantity(this.unit) === symbol(this.unit) ? "" : quantity(this.unit), scale.symbol].filter(Boolean).join(", "));
    this.label.title = note ?? "";
    const said = lines.map((line) => line.isPast ? line.label : `${line.label} ${line.now === null ? "without a value" : shown(line.now, this.unit === "state" ? "" : this.unit)}`);
    this.chart.describe(`Chart over ${duration((view.nowUs - view.fromUs) / 1e6)}: ${said.join(", ") || "no line is shown"}${note ? `. ${note}` : ""}`);
  }

  remove() {
    this.chart.remove();
    this.element.remove();
  }
}
