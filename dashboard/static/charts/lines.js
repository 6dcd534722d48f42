// How a series becomes a line: raw points a line, buckets a line of means in a band from minimum to maximum; a silence longer than three
// intervals breaks it. Pure: knows neither plotly nor the screen.

import { lastTime, lastValue, meanOf, numberOf } from "../app/model.js";
import { startsAtZero } from "../app/units.js";
import { bounded } from "./bounded.js";

const GAP_INTERVALS = 3;
const SENT = { of: (value) => value, factor: 1 }; // shown as it was sent
const MIN_RANGE = 0.01; // of the value: noise in the last digit does not fill a chart
const ROOM = 0.08; // of what the values take, above and below them
const FULL = 0.75; // of an axis: with less in it, it is made anew

// The columns of a line: times in ms since 1970, mean, low, high; null where it breaks, and `silences`, where nothing came. Numbers are
// converted as conversion.js says; a rate by its factor alone.
export function lineOf(series, { fromUs, nowUs, intervalUs, clockUs = nowUs, widthPx = Infinity }, converted = SENT) {
  const rows = bounded(series, series.kind === "counter" ? rates(series.rows) : series.rows, nowUs - fromUs, widthPx);
  const of = (value) => (value === null ? null : series.kind === "counter" ? value * converted.factor : converted.of(value));
  const gapUs = GAP_INTERVALS * Math.max(intervalUs, usualStep(rows), 50_000);
  const x = [];
  const mean = [];
  const low = [];
  const high = [];
  let largest = 0;
  let lowest = Infinity;
  let highest = -Infinity;
  let hasBand = false;
  /** @type {[number, number][]} */
  const silences = [];
  for (let at = 0; at < rows.length; at += 1) {
    const row = rows[at];
    if (at > 0 && isGap(rows, at, gapUs)) {
      silences.push([lastTime(rows[at - 1]), row.t]);
      x.push((rows[at - 1].t + rows[at - 1].w + 1) / 1000);
      mean.push(null);
      low.push(null);
      high.push(null);
    }
    const value = of(meanOf(row));
    const bottom = row.w === 0 ? value : of(row.min);
    const top = row.w === 0 ? value : of(row.max);
    x.push((row.w === 0 ? row.t : Math.min(row.t + row.w / 2, Math.max(row.lastT, row.t))) / 1000);
    mean.push(value);
    low.push(bottom);
    high.push(top);
    if (top !== bottom) hasBand = true;
    if (row.t + row.w >= fromUs && row.t <= nowUs && bottom !== null && top !== null) {
      largest = Math.max(largest, Math.abs(top), Math.abs(bottom));
      lowest = Math.min(lowest, bottom);
      highest = Math.max(highest, top);
    }
  }
  const isAlone = (at) => mean[at] !== null && (mean[at - 1] ?? null) === null && (mean[at + 1] ?? null) === null;
  const dots = mean.some((_, at) => isAlone(at)) ? mean.map((_, at) => (isAlone(at) ? 5 : 0)) : null; // a line of one point cannot be seen
  const last = rows.at(-1);
  const lastUs = last ? lastTime(last) : series.rows.length ? lastTime(series.rows.at(-1)) : fromUs;
  const newest = !last ? null : series.kind === "counter" ? meanOf(last) : lastValue(last);
  const now = typeof newest === "number" ? of(newest) : newest;
  if (rows.length && rows[0].t - fromUs > gapUs) silences.unshift([-Infinity, rows[0].t]);
  const isStale = Math.min(nowUs, clockUs) - lastUs > gapUs + 2e6;
  if (isStale && rows.length) silences.push([lastUs, Infinity]);
  return { x, mean, low, high, dots, largest, lowest, highest, hasBand, now, lastUs, isStale, silences, gapUs };
}

function isGap(rows, at, gapUs) {
  const step = rows[at].t - rows[at - 1].t;
  if (step <= gapUs) return false;
  // An interval that was changed is no silence: the steps around are then as long.
  const around = [];
  for (let near = Math.max(1, at - 2); near <= Math.min(rows.length - 1, at + 2); near += 1) around.push(rows[near].t - rows[near - 1].t);
  return around.length < 4 || step > GAP_INTERVALS * middle(around);
}

function usualStep(rows) {
  const steps = [];
  const stride = Math.max(1, Math.floor(rows.length / 100));
  for (let at = stride; at < rows.length; at += stride) steps.push(rows[at].t - rows[at - 1].t);
  return steps.length ? middle(steps) : 0;
}

const middle = (list) => list.sort((a, b) => a - b)[list.length >> 1];

// A counter as the rate at which it rises; where it was reset there is no rate, and after a silence nobody knows when it rose.
export function rates(rows) {
  const found = [];
  const longestUs = GAP_INTERVALS * Math.max(usualStep(rows), 50_000);
  for (let at = 1; at < rows.length; at += 1) {
    const rise = (numberOf(lastValue(rows[at])) ?? NaN) - (numberOf(lastValue(rows[at - 1])) ?? NaN);
    const seconds = (lastTime(rows[at]) - lastTime(rows[at - 1])) / 1e6;
    found.push({ t: lastTime(rows[at]), n: 0, w: 0, v: rise >= 0 && seconds > 0 && !isSilent(rows, at, longestUs) ? rise / seconds : null });
  }
  return found;
}

const isSilent = (rows, at, longestUs) => rows.length > 4 && isGap(rows, at, longestUs);

// The index of the point of a line that a time belongs to, -1 where it says nothing about that time.
export function pointAt({ x, mean, gapUs }, us) {
  const ms = us / 1000;
  let after = 0;
  for (let high = x.length; after < high; ) {
    const middle = (after + high) >> 1;
    if (x[middle] < ms) after = middle + 1;
    else high = middle;
  }
  const near = [after - 1, after].filter((at) => mean[at] !== null && mean[at] !== undefined && Math.abs(x[at] - ms) <= gapUs / 1000);
  if (mean[after - 1] === null && after > 0 && x[after] !== ms) return -1; // in a silence
  return near.length === 0 ? -1 : near.reduce((best, at) => (Math.abs(x[at] - ms) < Math.abs(x[best] - ms) ? at : best));
}

// The band as one closed shape for each unbroken stretch: plotly would fill across a silence otherwise.
export function bandOf({ x, low, high }, { factor }) {
  /** @type {{x: (number | null)[], y: (number | null)[]}} */
  const band = { x: [], y: [] };
  const close = (from, to) => {
    for (let at = from; at < to; at += 1) band.x.push(x[at]), band.y.push(high[at] / factor);
    for (let at = to - 1; at >= from; at -= 1) band.x.push(x[at]), band.y.push(low[at] / factor);
    band.x.push(null);
    band.y.push(null);
  };
  let from = 0;
  for (let at = 0; at <= x.length; at += 1) {
    if (at < x.length && low[at] !== null && high[at] !== null) continue;
    if (at > from) close(from, at);
    from = at + 1;
  }
  return band;
}

// From zero where nothing is zero (sizes, rates, percentages); elsewhere, as with temperatures, as wide as what is shown.
export function rangeOf(unit, drawn, { factor }) {
  if (unit === "state") return { range: [-0.1, 1.1], tickvals: [0, 1], ticktext: ["off", "on"] };
  if (unit === "%" && drawn.every((line) => line.largest <= 100 && line.lowest >= 0)) return { range: [0, 100.5] };
  const lowest = Math.min(...drawn.map((line) => line.lowest)) / factor;
  const highest = Math.max(...drawn.map((line) => line.highest)) / factor;
  if (!Number.isFinite(highest - lowest)) return { rangemode: "tozero" };
  if (startsAtZero(unit)) {
    const [low, high] = [Math.min(0, lowest), Math.max(0, highest)];
    const room = ROOM * (high - low || 1);
    return { range: [low && low - room, high || low ? high && high + room : 1] };
  }
  const span = Math.max(highest - lowest, MIN_RANGE * Math.max(Math.abs(lowest), Math.abs(highest)), 1e-9);
  const middle = (lowest + highest) / 2;
  return { range: [middle - (0.5 + ROOM) * span, middle + (0.5 + ROOM) * span] };
}

/**
 * The range that values had, for as long as they have room in it and fill most of it: an axis that moves with each new extreme cannot be read.
 * @template {{range?: number[]}} Axis @param {Axis | null} known @param {Axis} wanted @returns {Axis}
 */
export function steady(known, wanted) {
  if (!known?.range || !wanted.range) return wanted;
  const [[low, high], [from, to]] = [wanted.range, known.range];
  const room = (0.8 * ROOM * (high - low)) / (1 + 2 * ROOM);
  return from <= low + room && to >= high - room && high - low > FULL * (to - from) ? known : wanted;
}
