// What every tile goes by: which readings a config means, the newest value of a series, how old is too old, and how a value is said. Pure.

import { displayed } from "../app/conversion.js";
import { lastTime, lastValue } from "../app/model.js";
import { duration, shown } from "../app/units.js";
import { rates } from "../charts/lines.js";

/** @typedef {Record<string, any>} Config */
/** @typedef {{key: string, device: string, channel: string, unit: string, kind: string, rows: any[], isPast?: boolean}} Series */

// Newest values are asked for over a day, so that a sensor which reports once an hour has one whatever the dashboard's range is.
export const RECENT = { span_s: 86_400, width_us: 60_000_000 }; // of a few series: since when, to the minute
export const LATEST = { span_s: 86_400, width_us: 3_600_000_000 }; // of many
const INTERVALS = 3; // missed, as where a line breaks
const SLACK_US = 5e6;
const UNDECLARED_US = 300e6; // old for a device that declares no interval

const texts = (/** @type {unknown} */ list) => (Array.isArray(list) ? list.filter((each) => typeof each === "string" && each !== "") : []);

/**
 * The readings that a config means, null where it means none: what it holds may have been written by anybody.
 * @param {Config} config @returns {{devices?: string[], where?: string, channels: string[]} | null}
 */
export function sourceOf(config) {
  const channels = texts(config.channels);
  const where = config.source?.where;
  const devices = texts(config.source?.devices);
  if (!channels.length) return null;
  if (typeof where === "string" && where.trim()) return { where, channels };
  return devices.length ? { devices, channels } : null;
}

/** The readings that a config means, over a span of its own. @param {Config} config @param {{span_s: number, width_us: number}} span */
export function spanned(config, span) {
  const source = sourceOf(config);
  return source && { ...source, ...span };
}

/**
 * The series of a stream that a config means, by device and in the order of its channels.
 * @param {import("../parts/shared_streams.js").Readings | null} stream @param {Config} config @returns {Series[]}
 */
export function seriesOf(stream, config) {
  const source = sourceOf(config);
  if (!stream || !source) return [];
  const order = new Map(source.channels.map((name, at) => [name, at]));
  const names = source.devices && !source.devices.includes("*") ? new Set(source.devices) : null;
  const isAll = order.has("*");
  /** @type {Series[]} */
  const found = [...stream.model.series.values()].filter((each) => each.rows.length && (isAll || order.has(each.channel)) && (!names || names.has(each.device)));
  const place = (/** @type {Series} */ each) => order.get(each.channel) ?? 0;
  const marked = stream.isPast ? found.map((each) => ({ ...each, isPast: true })) : found;
  return marked.sort((a, b) => collator.compare(a.device, b.device) || place(a) - place(b) || collator.compare(a.channel, b.channel));
}

export const collator = new Intl.Collator("en", { numeric: true });

/** Of the versions of one channel, with other units or kinds, the one that spoke last. @param {Series[]} found */
export function newestVersions(found) {
  /** @type {Map<string, Series>} */
  const newest = new Map();
  for (const each of found) {
    const key = JSON.stringify([each.device, each.channel]);
    const known = newest.get(key);
    if (!known || lastTime(known.rows.at(-1)) < lastTime(each.rows.at(-1))) newest.set(key, each);
  }
  return [...newest.values()];
}

/**
 * The newest value of a series as it is shown: a counter as its rate, null where nobody knows that; numbers in the chosen unit.
 * `sent` is the same before it was converted.
 * @param {Series} series @returns {{value: any, sent: any, unit: string, atUs: number}}
 */
export function newestOf(series) {
  const row = series.rows.at(-1);
  const { unit, of, factor } = displayed(series.unit);
  const atUs = lastTime(row);
  if (series.kind === "counter") {
    const rate = rates(series.rows.slice(-6)).at(-1)?.v ?? null;
    return { value: rate === null ? null : rate * factor, sent: rate, unit: `${unit === "1" ? "" : unit}/s`, atUs };
  }
  const value = lastValue(row);
  return { value: typeof value === "number" ? of(value) : value, sent: value, unit, atUs };
}

/** @param {{value: any, unit: string}} newest */
export const textOf = ({ value, unit }) => (value === null ? "–" : shown(value, unit));

/**
 * Whether a value may be another by now: nothing came for three intervals, or the device is not there. A state or a text is said when it
 * changes, so that only its device can make it old. In the past nothing is.
 * @param {{kind: string, isPast?: boolean}} series @param {number} atUs @param {number} nowUs @param {Record<string, any> | null} device
 */
export function isStale(series, atUs, nowUs, device) {
  if (series.isPast) return false;
  if (!device || device.removed) return true;
  if (["offline", "silent", "unconfirmed"].includes(device.presence)) return true;
  if (series.kind === "state" || series.kind === "text") return false;
  const plannedUs = Math.max(device.interval_s ?? 0, device.sleep_s ?? 0) * 1e6;
  return nowUs - atUs > (plannedUs ? INTERVALS * plannedUs + SLACK_US : UNDECLARED_US);
}

/** How old, in words for a value that is stale. @param {number} atUs @param {number} nowUs */
export const ageText = (atUs, nowUs) => `${duration(Math.max(0, (nowUs - atUs) / 1e6))} old`;

const TODAY = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit", hour12: false });
const BEFORE = new Intl.DateTimeFormat([], { dateStyle: "medium", timeStyle: "short", hour12: false });

/** A time on this machine's clock, to the minute. @param {number} us */
export function localText(us) {
  const date = new Date(us / 1000);
  return (date.toDateString() === new Date().toDateString() ? TODAY : BEFORE).format(date);
}

/** A number that a person typed, null for none. @param {unknown} text */
export function numberOrNull(text) {
  const value = typeof text === "number" ? text : typeof text === "string" && text.trim() ? Number(text) : NaN;
  return Number.isFinite(value) ? value : null;
}
