// The rules of states: since when a value holds, the word for it, and at which level it is. Pure.

import { lastTime, lastValue } from "../app/model.js";

/** How many letters of a text fit a tile. */
const LETTERS = 120;

/**
 * The newest value of rows, and since when it holds; isWhole is false where it may hold longer than the rows go back. Of buckets it is known
 * to their width: the last other value came before, and the bucket that ends with this one holds its change.
 * @param {any[]} rows not empty @returns {{value: any, atUs: number, sinceUs: number, isWhole: boolean}}
 */
export function sinceOf(rows) {
  const value = lastValue(rows.at(-1));
  const atUs = lastTime(rows.at(-1));
  let at = rows.length - 1;
  while (at > 0 && lastValue(rows[at - 1]) === value && !isMixed(rows[at])) at -= 1;
  const row = rows[at];
  const isWhole = at > 0 || isMixed(row);
  // The change lies in this bucket: it began with it at the earliest, and after the last other value.
  const sinceUs = row.w === 0 ? row.t : Math.max(row.t, at > 0 ? lastTime(rows[at - 1]) : row.t);
  return { value, atUs, sinceUs, isWhole };
}

/** A bucket of an on and off that was both: which of them when is not known, but that it changed in it. @param {any} row */
const isMixed = (row) => row.w > 0 && typeof row.min === "number" && row.min !== row.max;

/** @param {any} value @param {Record<string, any>} config */
export function wordOf(value, config) {
  if (value === true) return String(config.on || "on");
  if (value === false) return String(config.off || "off");
  const text = value === null || value === undefined ? "–" : String(value);
  return text.length > LETTERS ? `${text.slice(0, LETTERS)}…` : text || "(empty)";
}

/** The level of a value that a config gives it by the value or its word, large or small letters alike. @param {any} value @param {string} word @param {Record<string, any>} config */
export function levelOfWord(value, word, config) {
  const said = new Set([word, typeof value === "boolean" ? (value ? "on" : "off") : String(value)].map((each) => each.toLowerCase()));
  for (const level of ["bad", "warn", "good"]) {
    const words = String(config[level] ?? "").split(",").map((each) => each.trim().toLowerCase()).filter(Boolean);
    if (words.some((each) => said.has(each))) return level;
  }
  return value === true ? "on" : "none";
}
