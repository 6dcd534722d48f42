// Which lines a chart tile has, in which of its charts, and what each is called. Pure.

import { displayed } from "../app/conversion.js";
import { lastValue, numberOf } from "../app/model.js";

/** @typedef {import("./rules.js").Series} Series */

export const MOST_LINES = 16; // colours are used twice then

/**
 * Series by the unit that they are shown in, `state` for on and off; those that are no numbers by name, and how many are beyond the bound.
 * @param {Series[]} found @returns {{lanes: Map<string, Series[]>, left: number, words: string[]}}
 */
export function byUnit(found) {
  const drawable = found.filter((each) => numberOf(lastValue(each.rows.at(-1))) !== null);
  /** @type {Map<string, Series[]>} */
  const lanes = new Map();
  for (const each of drawable.slice(0, MOST_LINES)) {
    const unit = unitOf(each);
    lanes.set(unit, [...(lanes.get(unit) ?? []), each]);
  }
  const words = new Set(found.filter((each) => !drawable.includes(each)).map((each) => each.channel));
  return { lanes, left: Math.max(0, drawable.length - MOST_LINES), words: [...words] };
}

/** @param {Series} series */
function unitOf({ kind, unit }) {
  if (kind === "state") return "state";
  const shown = unit === "1" ? "" : displayed(unit).unit;
  return kind === "counter" ? `${shown}/s` : shown;
}

/**
 * What each line is called: by its channel where all are of one device, by its device where all are of one channel, else by both.
 * @param {Series[]} series @param {(device: string) => string} nameOf @returns {Map<string, string>}
 */
export function labelsOf(series, nameOf) {
  const hasOneDevice = new Set(series.map((each) => each.device)).size === 1;
  const hasOneChannel = new Set(series.map((each) => each.channel)).size === 1;
  return new Map(series.map((each) => [each.key, hasOneDevice ? each.channel : hasOneChannel ? nameOf(each.device) : `${nameOf(each.device)} ${each.channel}`]));
}
