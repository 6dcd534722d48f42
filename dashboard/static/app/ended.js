// Stored readings up to a moment, to the reading: buckets are whole, and the one in which the moment lies knows what came after it, too.
//
// Pure but for the question that is asked by `ask`. Used where the last value at a time is shown.

import { keyOf } from "./model.js";

// What a bucket that is cut is asked for in: its parts are few, and those in which the moment lies are cut again. [at most so wide, in these]
const FINER = [[60e6, 0], [600e6, 1e6], [3_600e6, 10e6], [Infinity, 60e6]];

/** @typedef {{series: Map<string, any>, hole: any, keptFromUs: number | null}} Past */

/**
 * A model without what came at or after a moment.
 * @param {Past} model @param {number} endUs @param {(fromUs: number, toUs: number, widthUs: number) => Promise<Past>} ask @returns {Promise<Past>}
 */
export async function endedAt(model, endUs, ask) {
  const cut = [...model.series.values()].flatMap((each) => each.rows.filter((/** @type {any} */ row) => row.w > 0 && row.t < endUs && row.t + row.w > endUs));
  const series = new Map([...model.series].map(([key, each]) => [key, { ...each, rows: each.rows.filter((/** @type {any} */ row) => (row.w ? row.t + row.w <= endUs : row.t < endUs)) }]));
  if (!cut.length) return { ...model, series };
  const widest = Math.max(...cut.map((row) => row.w));
  const fromUs = Math.min(...cut.map((row) => row.t));
  const width = /** @type {number[]} */ (FINER.find(([most]) => widest <= most))[1];
  const ends = await endedAt(await ask(fromUs, endUs, width), endUs, ask);
  for (const each of ends.series.values()) {
    const key = keyOf(each);
    const known = series.get(key) ?? { ...each, rows: [] };
    const lastUs = known.rows.length ? known.rows.at(-1).t : -Infinity;
    series.set(key, { ...known, rows: [...known.rows, ...each.rows.filter((/** @type {any} */ row) => row.t > lastUs)] });
  }
  return { ...model, series };
}
