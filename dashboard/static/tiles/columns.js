// The rules of the table: which rows and columns there are, what stands in each cell, and their order. Pure.

import { displayed } from "../app/conversion.js";
import { lastTime, lastValue } from "../app/model.js";
import { timeText, utcText } from "../app/times.js";
import { ago, shown } from "../app/units.js";
import { collator, isStale, newestVersions } from "./rules.js";

/** @typedef {{text: string, isOld: boolean, hint: string}} Cell */
/** @typedef {{device: string, title: string, values: any[], units: string[], series: (import("./rules.js").Series | undefined)[], columns: string[], atUs: number, isPast: boolean}} Row */

const NOTHING = { text: "–", isOld: false, hint: "no value" };

/**
 * @param {import("./rules.js").Series[]} found @param {{get: (name: string) => Record<string, any> | null}} devices
 * @param {string[]} wanted names of channels, in the order in which they are to stand
 * @returns {{columns: string[], rows: Row[]}}
 */
export function rowsOf(found, devices, wanted) {
  const series = newestVersions(found);
  const present = new Set(series.map((each) => each.channel));
  const columns = wanted.includes("*") ? [...present].sort(collator.compare) : wanted.filter((name) => present.has(name));
  /** @type {Map<string, Map<string, import("./rules.js").Series>>} */
  const byDevice = new Map();
  for (const each of series) {
    const known = byDevice.get(each.device) ?? new Map();
    byDevice.set(each.device, known.set(each.channel, each));
  }
  const rows = [...byDevice].map(([device, channels]) => {
    const cells = columns.map((name) => channels.get(name));
    const atUs = Math.max(...[...channels.values()].map((each) => lastTime(each.rows.at(-1))));
    return { device, title: devices.get(device)?.title ?? device, series: cells, values: cells.map(valueOf), units: cells.map((each) => (each ? displayed(each.unit).unit : "")), columns, atUs, isPast: Boolean(series[0]?.isPast) };
  });
  return { columns, rows };
}

/** @param {import("./rules.js").Series | undefined} series */
function valueOf(series) {
  if (!series) return null;
  const { of, factor } = displayed(series.unit);
  const sent = lastValue(series.rows.at(-1));
  // A counter is said as it stands: its rate over what is asked for here would be one of an hour.
  return typeof sent === "number" ? (series.kind === "counter" ? sent * factor : of(sent)) : sent;
}

/** What stands in the cells of a row, made for those rows alone that are shown. @param {Row} row @param {Record<string, any> | null} device @param {number} nowUs @returns {Cell[]} */
export function cellsOf(row, device, nowUs) {
  return row.series.map((series, at) => {
    if (!series) return NOTHING;
    const atUs = lastTime(series.rows.at(-1));
    const isOld = isStale(series, atUs, nowUs, device);
    const age = ageOf({ atUs, isPast: row.isPast }, nowUs);
    const hint = `${series.kind === "counter" ? "counted so far; " : ""}${age}, ${utcText(atUs)}`;
    return { text: `${shown(row.values[at], row.units[at])}${isOld ? ` (${age})` : ""}`, isOld, hint };
  });
}

/** How long ago a value came; of the past, when. @param {{atUs: number, isPast: boolean}} row @param {number} nowUs */
export const ageOf = ({ atUs, isPast }, nowUs) => (isPast ? timeText(atUs) : ago(Math.max(0, (nowUs - atUs) / 1e6)));

/** Rows in an order: by `device`, `age` or `=` and a channel's name. What has no value comes last, whichever way. @param {Row[]} rows @param {{by: string, isDown: boolean}} sort */
export function orderOf(rows, { by, isDown }) {
  const names = (/** @type {Row} */ a, /** @type {Row} */ b) => collator.compare(a.title, b.title) || collator.compare(a.device, b.device);
  const turned = isDown ? -1 : 1;
  if (by === "device") return [...rows].sort((a, b) => turned * names(a, b));
  if (by === "age") return [...rows].sort((a, b) => turned * (b.atUs - a.atUs) || names(a, b));
  const at = rows[0]?.columns.indexOf(by.slice(1)) ?? -1;
  return [...rows].sort((a, b) => compare(a.values[at] ?? null, b.values[at] ?? null, turned) || names(a, b));
}

/** @param {any} a @param {any} b @param {number} turned */
function compare(a, b, turned) {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  if (typeof a === "string" || typeof b === "string") return turned * collator.compare(String(a), String(b));
  return turned * (Number(a) - Number(b));
}
