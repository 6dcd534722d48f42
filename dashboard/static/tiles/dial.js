// The rules of a gauge: from where to where it goes, at which level a value is, and its arc as paths. Pure.

import { numberOrNull } from "./rules.js";

/** @typedef {{warn_above?: number, bad_above?: number, warn_below?: number, bad_below?: number}} Limits */
/** @typedef {{level: "good" | "warn" | "bad", word: string}} Level */

const FROM = -120; // degrees from straight up, clockwise
const SWEEP = 240;
const WIDTHS = [1, 2, 2.5, 5, 10]; // of a scale that is easily read

/**
 * The ends of the scale: as the config says, else as the channel declares, else as its unit or what was seen suggests.
 * @param {Record<string, any>} config @param {Record<string, any> | null} channel @param {string} unit
 * @param {{lowest: number, highest: number}} seen @returns {[number, number]}
 */
export function scaleEnds(config, channel, unit, seen) {
  const from = numberOrNull(config.min) ?? numberOrNull(channel?.min);
  const to = numberOrNull(config.max) ?? numberOrNull(channel?.max);
  if (from !== null && to !== null && to > from) return [from, to];
  if (unit === "%" && seen.highest <= 100 && seen.lowest >= 0) return [from ?? 0, to ?? 100];
  const step = niceStep(seen.highest - Math.min(0, seen.lowest));
  const low = from ?? Math.min(0, Math.floor(seen.lowest / step) * step);
  const high = to ?? Math.max(Math.ceil(seen.highest / step) * step, low + step);
  return high > low ? [low, high] : [low, low + 1];
}

/** @param {number} size */
function niceStep(size) {
  if (!(size > 0) || !Number.isFinite(size)) return 1;
  const power = 10 ** Math.floor(Math.log10(size));
  return power * /** @type {number} */ (WIDTHS.find((each) => each * power >= size) ?? 10) / 5;
}

/** The limits of a config, those that are numbers. @param {Record<string, any>} config @returns {Limits} */
export function limitsOf(config) {
  /** @type {Limits} */
  const found = {};
  for (const name of /** @type {(keyof Limits)[]} */ (["warn_above", "bad_above", "warn_below", "bad_below"])) {
    const value = numberOrNull(config[name]);
    if (value !== null) found[name] = value;
  }
  return found;
}

/** At which level a value is, in a word besides the colour; null without limits. @param {number} value @param {Limits} limits @returns {Level | null} */
export function levelOf(value, limits) {
  if (!Object.keys(limits).length) return null;
  if (value >= (limits.bad_above ?? Infinity)) return { level: "bad", word: "too high" };
  if (value <= (limits.bad_below ?? -Infinity)) return { level: "bad", word: "too low" };
  if (value >= (limits.warn_above ?? Infinity)) return { level: "warn", word: "high" };
  if (value <= (limits.warn_below ?? -Infinity)) return { level: "warn", word: "low" };
  return { level: "good", word: "normal" };
}

/** What is wrong with limits that a person typed; null: nothing. @param {Limits} limits */
export function problemOf(limits) {
  if ((limits.warn_above ?? -Infinity) > (limits.bad_above ?? Infinity)) return "A value is too high only above where it is high.";
  if ((limits.warn_below ?? Infinity) < (limits.bad_below ?? -Infinity)) return "A value is too low only below where it is low.";
  const above = Math.min(limits.warn_above ?? Infinity, limits.bad_above ?? Infinity);
  const below = Math.max(limits.warn_below ?? -Infinity, limits.bad_below ?? -Infinity);
  return above <= below ? "What is high must be above what is low." : null;
}

/** Where a value stands on a scale, 0 to 1. @param {number} value @param {[number, number]} ends */
export const placeOf = (value, [from, to]) => Math.min(1, Math.max(0, (value - from) / (to - from)));

/** The stretches of a scale with their level, for its rim. @param {[number, number]} ends @param {Limits} limits @returns {{from: number, to: number, level: string}[]} */
export function rimOf(ends, limits) {
  if (!Object.keys(limits).length) return [];
  const edges = [...new Set([ends[0], ...Object.values(limits).filter((each) => each > ends[0] && each < ends[1]), ends[1]])].sort((a, b) => a - b);
  return edges.slice(1).map((to, at) => ({ from: placeOf(edges[at], ends), to: placeOf(to, ends), level: levelOf((edges[at] + to) / 2, limits)?.level ?? "good" }));
}

/** A point of the arc: place 0 to 1, on a circle around the origin. @param {number} place @param {number} radius */
export function pointAt(place, radius) {
  const angle = ((FROM + SWEEP * place) * Math.PI) / 180;
  return { x: Math.round(radius * Math.sin(angle) * 100) / 100, y: Math.round(-radius * Math.cos(angle) * 100) / 100 };
}

/** The path of an arc between two places. @param {number} from @param {number} to @param {number} radius */
export function arc(from, to, radius) {
  if (to - from < 1e-4) return "";
  const [start, end] = [pointAt(from, radius), pointAt(to, radius)];
  return `M${start.x} ${start.y}A${radius} ${radius} 0 ${(to - from) * SWEEP > 180 ? 1 : 0} 1 ${end.x} ${end.y}`;
}
