// A tile with one number on a scale: an arc with limits, the value in it, and its level in a colour and a word.
//
// Owns its elements. dial.js has the scale and the paths. Config numbers are in the channel's unit as it is sent.

import { ApiError } from "../app/api.js";
import { displayed } from "../app/conversion.js";
import { numberOf } from "../app/model.js";
import { field, h, say } from "../app/dom.js";
import { utcText } from "../app/times.js";
import { digits, scaleOf, symbol } from "../app/units.js";
import { isNumeric } from "./choices.js";
import { arc, levelOf, limitsOf, placeOf, pointAt, problemOf, rimOf, scaleEnds } from "./dial.js";
import { absence, frame, nameOf, put, svg } from "./parts.js";
import { RECENT, ageText, isStale, newestOf, newestVersions, numberOrNull, seriesOf, spanned } from "./rules.js";
import { sourceFields } from "./source.js";

const RADIUS = 80;
const RIM = 94;
/** @type {[string, string][]} */
const LIMITS = [["bad_below", "Too low at or below"], ["warn_below", "Low at or below"], ["warn_above", "High at or above"], ["bad_above", "Too high at or above"]];

/** @type {import("./index.js").TileType} */
export const type = {
  name: "gauge",
  label: "Gauge",
  defaults: { w: 3, h: 4, config: {} },
  isMoment: true,
  fields: gaugeFields,
  wanted: (config) => spanned(config, RECENT),
  make: (app, config) => new GaugeTile(app, config),
};

/** @param {Record<string, any>} config @param {import("./index.js").Known} known @returns {import("./index.js").Fields} */
function gaugeFields(config, known) {
  const input = (/** @type {string} */ name) => h("input", { type: "number", step: "any", value: config[name] ?? "", autocomplete: "off" });
  /** @type {Record<string, HTMLInputElement>} */
  const inputs = Object.fromEntries(["min", "max", ...LIMITS.map(([name]) => name)].map((name) => [name, input(name)]));
  const unit = h("p", { class: "hint" });
  const hint = () => {
    const channel = source.channel();
    inputs.min.placeholder = channel?.min ?? "by itself";
    inputs.max.placeholder = channel?.max ?? "by itself";
    const sent = symbol(channel?.unit ?? "");
    say(unit, sent ? `Numbers here are in ${sent}${channel?.kind === "counter" ? " a second" : ""}, as the device sends them.` : "");
  };
  const source = sourceFields(config, known, { fits: isNumeric, isMany: false, onChange: hint });
  hint();
  const read = () => {
    /** @type {Record<string, any>} */
    const found = { ...source.read() };
    for (const [name, each] of Object.entries(inputs)) {
      if (each.validity.badInput) throw new ApiError(`“${name.replace("_", " ")}” is no number.`, {});
      const value = numberOrNull(each.value);
      if (value !== null) found[name] = value;
    }
    if (found.min !== undefined && found.max !== undefined && found.min >= found.max) throw new ApiError("The scale must end above where it begins.", {});
    const problem = problemOf(limitsOf(found));
    if (problem) throw new ApiError(problem, {});
    return found;
  };
  const pairs = h("div", { class: "tile-pairs" }, field("Scale from", inputs.min), field("Scale to", inputs.max), ...LIMITS.map(([name, text]) => field(text, inputs[name])));
  return { elements: [...source.elements, pairs, unit], read };
}

class GaugeTile {
  /** @param {import("../app/main.js").App} app @param {Record<string, any>} config */
  constructor(app, config) {
    this.hub = app.hub;
    this.config = config;
    this.limits = limitsOf(config);
    this.what = h("p", { class: "tile-what" });
    this.track = svg("path", { class: "dial-track", d: arc(0, 1, RADIUS) });
    this.fill = svg("path", { class: "dial-fill" });
    this.needle = svg("path", { class: "dial-needle" });
    this.rim = svg("g", { class: "dial-rim" });
    this.value = svg("text", { class: "dial-value", x: 0, y: 4 });
    this.unit = svg("text", { class: "dial-unit", x: 0, y: 26 });
    this.word = svg("text", { class: "dial-word", x: 0, y: 52 });
    this.from = svg("text", { class: "dial-end", x: -70, y: 66 });
    this.to = svg("text", { class: "dial-end", x: 70, y: 66 });
    this.dial = svg("svg", { class: "dial", viewBox: "-104 -104 208 180", role: "img" }, this.track, this.fill, this.rim, this.needle, this.value, this.unit, this.word, this.from, this.to);
    this.frame = frame("gauge", this.what, this.dial);
    this.element = this.frame.element;
    this._rim = "";
  }

  /** @param {number} nowUs @param {import("../parts/shared_streams.js").Readings | null} stream */
  draw(nowUs, stream) {
    const [series] = newestVersions(seriesOf(stream, this.config));
    this.frame.show(absence(stream, series ? [series] : [], nowUs, "24 h"));
    if (!series) return;
    const device = this.hub.devices.get(series.device);
    const newest = newestOf(series);
    const name = `${nameOf(this.hub, series.device)} · ${series.channel}`;
    say(this.what, name);
    this.element.title = utcText(newest.atUs);
    const old = isStale(series, newest.atUs, nowUs, device);
    this.element.dataset.stale = String(old);
    this._turn(series, newest, device, name, old ? ageText(newest.atUs, nowUs) : null);
  }

  close() {}

  /** @param {any} series @param {{sent: any, unit: string}} newest @param {any} device @param {string} name @param {string | null} age */
  _turn(series, newest, device, name, age) {
    const { of, factor } = displayed(series.unit);
    // Limits and ends are as sent; so is what they are compared with. What is said of them is converted.
    const isRate = series.kind === "counter";
    const said = (/** @type {number} */ value) => (isRate ? value * factor : of(value));
    const sent = numberOf(newest.sent);
    const channel = isRate ? null : device?.channels?.find((/** @type {any} */ each) => each.name === series.channel) ?? null;
    const ends = scaleEnds(this.config, channel, isRate ? "" : series.unit, seenOf(series, sent));
    const level = sent === null ? null : levelOf(sent, this.limits);
    const place = sent === null ? 0 : placeOf(sent, ends);
    const scale = scaleOf(newest.unit, Math.max(Math.abs(said(ends[0])), Math.abs(said(ends[1]))));
    const write = (/** @type {number} */ value) => digits(said(value) / scale.factor);
    this._drawRim(ends);
    const base = ends[0] < 0 && ends[1] > 0 ? placeOf(0, ends) : 0; // what is below zero goes the other way
    put(this.fill, { d: sent === null ? "" : arc(Math.min(base, place), Math.max(base, place), RADIUS) });
    const [tip, foot] = [pointAt(place, RADIUS + 9), pointAt(place, RADIUS - 9)];
    put(this.needle, { d: sent === null ? "" : `M${foot.x} ${foot.y}L${tip.x} ${tip.y}` });
    this.element.dataset.level = level?.level ?? "none";
    const value = sent === null ? "–" : write(sent);
    say(this.value, value);
    say(this.unit, scale.symbol);
    say(this.word, age ?? level?.word ?? (sent !== null && (sent < ends[0] || sent > ends[1]) ? "off the scale" : ""));
    say(this.from, write(ends[0]));
    say(this.to, write(ends[1]));
    const more = [level?.word, age].filter(Boolean).map((each) => `, ${each}`).join("");
    put(this.dial, { "aria-label": `${name}: ${value} ${scale.symbol}${more}; scale from ${write(ends[0])} to ${write(ends[1])}` });
  }

  /** @param {[number, number]} ends */
  _drawRim(ends) {
    const key = ends.join();
    if (key === this._rim) return;
    this._rim = key;
    const stretches = rimOf(ends, this.limits);
    const edges = stretches.slice(1).map(({ from }) => {
      const [inner, outer] = [pointAt(from, RIM - 5), pointAt(from, RIM + 5)];
      return svg("path", { class: "dial-edge", d: `M${inner.x} ${inner.y}L${outer.x} ${outer.y}` });
    });
    this.rim.replaceChildren(...stretches.map(({ from, to, level }) => svg("path", { "data-level": level, d: arc(from, to, RIM) })), ...edges);
  }
}

/** @param {{rows: any[], kind: string}} series @param {number | null} sent */
function seenOf({ rows, kind }, sent) {
  let [lowest, highest] = [sent ?? 0, sent ?? 0];
  if (kind !== "counter") for (const row of rows) [lowest, highest] = [Math.min(lowest, row.w ? row.min ?? lowest : numberOf(row.v) ?? lowest), Math.max(highest, row.w ? row.max ?? highest : numberOf(row.v) ?? highest)];
  return { lowest, highest };
}
