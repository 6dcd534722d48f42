// The rules of the table: which rows and columns there are, what stands in each cell, and their order. Pure.

import { displayed } from "../app/conversion.js";
import { lastTime, lastValue } from "../app/model.js";
import { ago, shown } from "../app/units.js";
import { collator, isStale, newestVersions, timesOf } from "./rules.js";

/** @typedef {{text: string, value: any, isOld: boolean, hint: string}} Cell */
/** @typedef {{device: string, title: string, cells: Cell[], columns: string[], atUs: number, age: string, utc: string}} Row */

const NOTHING = { text: "–", value: null, isOld: false, hint: "no value" };

/**
 * @param {import("./rules.js").Series[]} found @param {{get: (name: string) => Record<string, any> | null}} devices
 * @param {number} nowUs @param {string[]} wanted names of channels, in the order in which they are to stand
 * @returns {{columns: string[], rows: Row[]}}
 */
export function rowsOf(found, devices, nowUs, wanted) {
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
    const item = devices.get(device);
    const cells = columns.map((name) => cellOf(channels.get(name), item, nowUs));
    const atUs = Math.max(...[...channels.values()].map((each) => lastTime(each.rows.at(-1))));
    return { device, title: item?.title ?? device, cells, columns, atUs, age: ago(Math.max(0, (nowUs - atUs) / 1e6)), utc: timesOf(atUs).utc };
  });
  return { columns, rows };
}

/** @param {import("./rules.js").Series | undefined} series @param {Record<string, any> | null} device @param {number} nowUs @returns {Cell} */
function cellOf(series, device, nowUs) {
  if (!series) return NOTHING;
  const row = series.rows.at(-1);
  const { unit, of, factor } = displayed(series.unit);
  const sent = lastValue(row);
  // A counter is said as it stands: its rate over what is asked for here would be one of an hour.
  const value = typeof sent === "number" ? (series.kind === "counter" ? sent * factor : of(sent)) : sent;
  const isOld = isStale(series, lastTime(row), nowUs, device);
  const hint = [series.kind === "counter" ? "counted so far" : "", `${ago(Math.max(0, (nowUs - lastTime(row)) / 1e6))}, ${timesOf(lastTime(row)).utc}`].filter(Boolean).join("; ");
  const age = isOld ? ` (${ago(Math.max(0, (nowUs - lastTime(row)) / 1e6))})` : "";
  return { text: `${shown(value, unit)}${age}`, value, isOld, hint };
}

/** Rows in an order: by `device`, `age` or `=` and a channel's name. What has no value comes last, whichever way. @param {Row[]} rows @param {{by: string, isDown: boolean}} sort */
export function orderOf(rows, { by, isDown }) {
  const names = (/** @type {Row} */ a, /** @type {Row} */ b) => collator.compare(a.title, b.title) || collator.compare(a.device, b.device);
  const turned = isDown ? -1 : 1;
  if (by === "device") return [...rows].sort((a, b) => turned * names(a, b));
  if (by === "age") return [...rows].sort((a, b) => turned * (b.atUs - a.atUs) || names(a, b));
  const at = rows[0]?.columns.indexOf(by.slice(1)) ?? -1;
  return [...rows].sort((a, b) => compare(a.cells[at]?.value ?? null, b.cells[at]?.value ?? null, turned) || names(a, b));
}

/** @param {any} a @param {any} b @param {number} turned */
function compare(a, b, turned) {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  if (typeof a === "string" || typeof b === "string") return turned * collator.compare(String(a), String(b));
  return turned * (Number(a) - Number(b));
}
