// A tile of one number: its newest value, how it changed over the dashboard's range, and its course as a small line.
//
// Owns its elements. trend.js has the change and the line.

import { displayed } from "../app/conversion.js";
import { field, fill, h, say } from "../app/dom.js";
import { utcText } from "../app/times.js";
import { digits, duration, scaleOf } from "../app/units.js";
import { lineOf } from "../charts/lines.js";
import { isNumeric } from "./choices.js";
import { absence, choice, frame, nameOf, put, svg } from "./parts.js";
import { ageText, isStale, newestVersions, seriesOf, sourceOf } from "./rules.js";
import { sourceFields } from "./source.js";
import { changeOf, sparkOf } from "./trend.js";

const WIDE = 240;
const HIGH = 60;
const SIGNS = { up: "▲", down: "▼", same: "=" };

/** @type {import("./index.js").TileType} */
export const type = {
  name: "number",
  label: "Number with trend",
  defaults: { w: 3, h: 3, config: {} },
  isMoment: true,
  fields(config, known) {
    const source = sourceFields(config, known, { fits: isNumeric, isMany: false });
    const good = choice([["", "Neither is better"], ["up", "Rising is good"], ["down", "Falling is good"]], config.good ?? "");
    return { elements: [...source.elements, field("Change", good)], read: () => ({ ...source.read(), good: good.value }) };
  },
  wanted: (config) => sourceOf(config),
  make: (app, config) => new NumberTile(app, config),
};

class NumberTile {
  /** @param {import("../app/main.js").App} app @param {Record<string, any>} config */
  constructor(app, config) {
    this.hub = app.hub;
    this.config = config;
    this.what = h("p", { class: "tile-what" });
    this.value = h("span", { class: "number-value" });
    this.unit = h("span", { class: "number-unit" });
    this.change = h("p", { class: "number-change" });
    this.line = svg("path", { class: "spark-line" });
    this.band = svg("path", { class: "spark-band" });
    this.dots = svg("path", { class: "spark-dots" });
    this.spark = svg("svg", { class: "spark", viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", role: "img" }, this.band, this.line, this.dots);
    this.frame = frame("number", this.what, h("p", { class: "number-line" }, this.value, this.unit), this.change, this.spark);
    this.element = this.frame.element;
  }

  /** @param {number} nowUs @param {import("../parts/shared_streams.js").Readings | null} stream */
  draw(nowUs, stream) {
    const [series] = newestVersions(seriesOf(stream, this.config));
    const spanUs = stream?.model.spanUs ?? 0;
    this.frame.show(absence(stream, series ? [series] : [], nowUs, duration(spanUs / 1e6)));
    if (!stream || !series) return;
    const device = this.hub.devices.get(series.device);
    const view = { fromUs: nowUs - spanUs, nowUs, intervalUs: (device?.interval_s ?? 0) * 1e6 };
    const shownIn = displayed(series.unit);
    const line = lineOf(series, view, shownIn);
    const unit = series.kind === "counter" ? `${shownIn.unit === "1" ? "" : shownIn.unit}/s` : shownIn.unit;
    say(this.what, `${nameOf(this.hub, series.device)} · ${series.channel}`);
    this._show(line, unit, isStale(series, line.lastUs, nowUs, device), nowUs);
    this._trend(line, unit, view, series);
  }

  close() {}

  /** @param {any} line @param {string} unit @param {boolean} old @param {number} nowUs */
  _show(line, unit, old, nowUs) {
    const scale = scaleOf(unit, typeof line.now === "number" ? line.now : 0);
    say(this.value, typeof line.now === "number" ? digits(line.now / scale.factor) : "–");
    say(this.unit, scale.symbol + (old ? ` · ${ageText(line.lastUs, nowUs)}` : ""));
    this.element.dataset.stale = String(old);
    this.element.title = utcText(line.lastUs);
  }

  /** @param {any} line @param {string} unit @param {{fromUs: number, nowUs: number}} view @param {import("./rules.js").Series} series */
  _trend(line, unit, view, { channel, isPast }) {
    const span = duration((view.nowUs - view.fromUs) / 1e6);
    const change = changeOf(line, view.fromUs);
    const since = duration(Math.max(1, (view.nowUs - (change?.sinceUs ?? view.fromUs)) / 1e6));
    this.change.hidden = change === null;
    const scale = scaleOf(unit, Math.abs(change?.by ?? 0));
    const amount = change && `${digits(Math.abs(change.by) / scale.factor)}${scale.symbol ? ` ${scale.symbol}` : ""}`;
    if (change) {
      const text = change.way === "same" ? `as ${since} ${isPast ? "before" : "ago"}` : `${amount} ${change.way === "up" ? "more" : "less"} than ${since} ${isPast ? "before" : "ago"}`;
      if (this.change.dataset.text !== text) fill(this.change, h("span", { "aria-hidden": "true" }, `${SIGNS[change.way]} `), text);
      this.change.dataset.text = text;
      this.change.dataset.level = !this.config.good || change.way === "same" ? "none" : change.way === this.config.good ? "good" : "bad";
    }
    const spark = sparkOf(line, view, WIDE, HIGH);
    put(this.line, { d: spark.line });
    put(this.band, { d: spark.band });
    put(this.dots, { d: spark.dots });
    const edge = scaleOf(unit, line.largest);
    const range = Number.isFinite(line.lowest) ? `from ${digits(line.lowest / edge.factor)} to ${digits(line.highest / edge.factor)} ${edge.symbol}` : "without a number";
    put(this.spark, { "aria-label": `${channel} over ${span}: ${range}` });
  }
}
