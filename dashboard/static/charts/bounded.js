// No line has more points than a screen can show: rows that lie close together become buckets, which keep every minimum and maximum.
//
// Buckets begin at multiples of their width since 1970, so that a line keeps its shape while time moves on. Pure.

import { lastTime, lastValue, numberOf } from "../app/model.js";
import { MAX_POINTS } from "./span.js";

const FEW = 0.75; // of the most: from there on rows are drawn as they are again, a number that sways changes no shape
const ROWS_PER_PX = 4; // more cannot be told apart
const BUCKETS_PER_PX = 2; // of which each is drawn with its mean, minimum and maximum
const LEAST_PX = 200;
const SECONDS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800, 432_000, 864_000, 2_592_000];
const WIDTHS_US = [100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, ...SECONDS.map((each) => each * 1e6)];

/** Series whose rows are too many. @type {WeakSet<object>} */
const crowded = new WeakSet();

/**
 * Rows of a series as they are drawn over a stretch of time, so many pixels wide.
 * @param {object} series @param {any[]} rows @param {number} spanUs @param {number} [widthPx] @returns {any[]}
 */
export function bounded(series, rows, spanUs, widthPx = Infinity) {
  const most = (/** @type {number} */ perPx) => Math.min(MAX_POINTS, perPx * Math.max(LEAST_PX, widthPx));
  if (rows.length > most(ROWS_PER_PX)) crowded.add(series);
  else if (rows.length < FEW * most(ROWS_PER_PX)) crowded.delete(series);
  return crowded.has(series) ? merged(rows, WIDTHS_US.find((width) => spanUs / width <= most(BUCKETS_PER_PX)) ?? /** @type {number} */ (WIDTHS_US.at(-1))) : rows;
}

/** @param {any[]} rows @param {number} width */
function merged(rows, width) {
  const found = [];
  let bucket = null;
  for (const row of rows) {
    if (row.w > width) {
      found.push(row);
      bucket = null;
      continue;
    }
    const start = Math.floor(row.t / width) * width;
    if (bucket === null || bucket.t !== start) {
      bucket = { t: start, n: -1, w: width, min: null, max: null, sum: null, count: 0, last: null, lastT: row.t };
      found.push(bucket);
    }
    add(bucket, row);
  }
  // Of the first one a part may be forgotten by now.
  if (found.length > 1 && found[0].n === -1 && found[0].t < rows[0].t) found.shift();
  return found;
}

/** @param {any} bucket @param {any} row */
function add(bucket, row) {
  bucket.last = lastValue(row);
  bucket.lastT = lastTime(row);
  const value = row.w === 0 ? numberOf(row.v) : row.sum;
  if (value === null) return;
  bucket.min = Math.min(bucket.min ?? Infinity, row.w === 0 ? value : row.min);
  bucket.max = Math.max(bucket.max ?? -Infinity, row.w === 0 ? value : row.max);
  bucket.sum = (bucket.sum ?? 0) + value;
  bucket.count += row.w === 0 ? 1 : row.count;
}
