// The rules of docs/protocol.md section 12 as the page applies them, and how rows become lines. Run by test_rules_of_the_page.py.

import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./modules.mjs";

const { MAX_ROWS, Model, lastTime, lastValue, meanOf } = await load("app/model");
const { bandOf, lineOf, pointAt, rangeOf, rates } = await load("charts/lines");
const { digits, scaleOf, shown, startsAtZero } = await load("app/units");

const S = 1_000_000;
const TEMP = { s: 0, device: "pump", channel: "temp", unit: "Cel", kind: "gauge" };
const FLOW = { s: 1, device: "pump", channel: "flow", unit: "L", kind: "gauge" };
const raw = (s, ...points) => ({ s, w: 0, t: points.map((p) => p[0]), n: points.map((p) => p[1]), v: points.map((p) => p[2]) });
const buckets = (s, w, ...found) => ({
  s, w, t: found.map((b) => b[0]), min: found.map((b) => b[1]), max: found.map((b) => b[2]), sum: found.map((b) => b[3]),
  count: found.map((b) => b[4]), last: found.map((b) => b[2]), last_t: found.map((b) => b[0] + 1),
});
const snapshot = (data, more = {}) => ({ op: "snapshot", id: "a", n: 1, to: "j:1", reason: "new", from_us: 0, series: [TEMP, FLOW], data, ...more });
const update = (data, more = {}) => ({ op: "update", id: "a", n: 2, from: "j:1", to: "j:2", series: [], data, ...more });
const made = (data, width = 0, span = 300 * S) => {
  const model = new Model("a", span, width);
  model.apply(snapshot(data));
  return model;
};
const rowsOf = (model, channel = "temp") => [...model.series.values()].find((each) => each.channel === channel).rows;
const points = (rows) => rows.map((row) => [row.t, row.n, row.v]);

test("a point is keyed by time and number and replaces that key", () => {
  const model = made([raw(0, [10, 5, 1], [20, 0, 2])]);
  model.apply(update([raw(0, [10, 5, 7], [10, 2, 3], [15, 0, 4], [30, 0, 5])]));
  assert.deepEqual(points(rowsOf(model)), [[10, 2, 3], [10, 5, 7], [15, 0, 4], [20, 0, 2], [30, 0, 5]]);
});

test("a bucket replaces the one of the same start, and keeps its neighbours", () => {
  const model = made([buckets(0, S, [0, 1, 2, 3, 2], [S, 1, 1, 1, 1])], S);
  model.apply(update([buckets(0, S, [S, 1, 9, 10, 2], [2 * S, 4, 4, 4, 1])]));
  assert.deepEqual(rowsOf(model).map((row) => [row.t, row.max, row.count]), [[0, 2, 2], [S, 9, 2], [2 * S, 4, 1]]);
});

test("a bucket replaces the narrower buckets and the points it covers", () => {
  const model = made([raw(0, [S - 1, 0, 1], [S, 0, 2], [S + 5, 0, 3], [2 * S, 0, 4])]);
  model.apply(update([buckets(0, 100_000, [S + 100_000, 5, 5, 5, 1])]));
  model.apply(update([buckets(0, S, [S, 2, 5, 10, 3])]));
  assert.deepEqual(rowsOf(model).map((row) => [row.t, row.w]), [[S - 1, 0], [S, S], [2 * S, 0]]);
});

test("a narrow bucket does not take a wider one away", () => {
  const model = made([buckets(0, 10 * S, [0, 1, 9, 20, 4])], S);
  model.apply(update([buckets(0, S, [0, 1, 1, 1, 1])]));
  assert.ok(rowsOf(model).some((row) => row.w === 10 * S));
});

test("a snapshot replaces everything, and only when its last part is there", () => {
  const model = made([raw(0, [10, 0, 1])]);
  assert.equal(model.apply(snapshot([raw(0, [20, 0, 2])], { n: 5, more: true, to: undefined })), false);
  assert.deepEqual(points(rowsOf(model)), [[10, 0, 1]]);
  assert.equal(model.cursor, "j:1");
  assert.equal(model.apply(snapshot([raw(1, [30, 0, 3])], { n: 6, to: "j:9", series: [] })), true);
  assert.deepEqual(points(rowsOf(model)), [[20, 0, 2]]);
  assert.deepEqual(points(rowsOf(model, "flow")), [[30, 0, 3]]);
  assert.equal(model.cursor, "j:9");
});

test("a resumed subscription may number the series anew", () => {
  const model = made([raw(0, [10, 0, 1])]);
  model.apply(update([raw(0, [20, 0, 8])], { series: [{ ...FLOW, s: 0 }], n: 1 }));
  assert.deepEqual(points(rowsOf(model)), [[10, 0, 1]]);
  assert.deepEqual(points(rowsOf(model, "flow")), [[20, 0, 8]]);
});

test("a changed unit makes another line", () => {
  const model = made([raw(0, [10, 0, 1])]);
  model.apply(update([raw(2, [20, 0, 50])], { series: [{ ...TEMP, s: 2, unit: "[degF]" }] }));
  assert.equal([...model.series.values()].filter((each) => each.channel === "temp").length, 2);
});

test("the cursor is that of the last complete update", () => {
  const model = made([raw(0, [10, 0, 1])]);
  model.apply(update([raw(0, [20, 0, 2])], { more: true, to: undefined }));
  assert.equal(model.cursor, "j:1");
  model.apply(update([raw(0, [30, 0, 2])], { to: "j:3", n: 3 }));
  assert.equal(model.cursor, "j:3");
});

test("memory is bounded by the span and by rows, and one row before the span stays", () => {
  const model = made([raw(0, ...Array.from({ length: 50 }, (_, at) => [at * S, 0, at]))], 0, 10 * S);
  model.trim(49 * S);
  assert.equal(rowsOf(model)[0].t, 39 * S);
  model.apply(update([raw(0, ...Array.from({ length: MAX_ROWS + 500 }, (_, at) => [50 * S + at, 0, at]))]));
  model.trim(51 * S);
  assert.ok(rowsOf(model).length <= MAX_ROWS);
});

test("a span of more points than are kept is noticed until a snapshot gives it whole", () => {
  const model = made([raw(0, [10, 0, 1])]);
  model.apply(update([raw(0, ...Array.from({ length: MAX_ROWS + 1 }, (_, at) => [S + at, 0, at]))]));
  model.trim(500 * S);
  assert.equal(model.isCut, false, "what is cut is older than the span");
  model.apply(update([raw(0, ...Array.from({ length: MAX_ROWS + 1 }, (_, at) => [499 * S + at, 0, at]))]));
  model.trim(500 * S);
  assert.equal(model.isCut, true);
  model.apply(snapshot([buckets(0, S, [499 * S, 0, 1, 2, 3])]));
  assert.equal(model.isCut, false);
});

test("raw points that came merged are noticed, buckets of a wide snapshot are not", () => {
  const merged = made([raw(0, [10, 0, 1])]);
  merged.apply(update([buckets(0, S, [S, 1, 1, 1, 1])]));
  assert.equal(merged.isMerged, true);
  const wide = made([buckets(0, S, [0, 1, 1, 1, 1])]);
  wide.apply(update([buckets(0, S, [S, 1, 1, 1, 1])]));
  assert.equal(wide.isMerged, false);
});

test("delays are of the oldest frame since the last drawing", () => {
  const model = made([]);
  model.apply(update([], { sent_us: 100, oldest_us: 90 }));
  model.apply(update([], { sent_us: 200, oldest_us: 150 }));
  assert.deepEqual(model.takeDelays(), { sentUs: 200, oldestUs: 90 });
  assert.equal(model.takeDelays(), null);
});

test("means, last values and their times are read alike from points and buckets", () => {
  const [bucket] = rowsOf(made([buckets(0, S, [0, 1, 3, 4, 2])], S));
  assert.deepEqual([meanOf(bucket), lastValue(bucket), lastTime(bucket)], [2, 3, 1]);
  const [state] = rowsOf(made([raw(0, [7, 0, true])]));
  assert.deepEqual([meanOf(state), lastValue(state), lastTime(state)], [1, true, 7]);
});

const view = { fromUs: 0, nowUs: 100 * S, intervalUs: S };
const every = (times) => ({ kind: "gauge", rows: times.map((t) => ({ t: t * S, n: 0, w: 0, v: 1 })) });

test("a silence of more than three intervals breaks the line", () => {
  assert.equal(lineOf(every([1, 2, 3, 4, 9, 10, 11]), view).mean.filter((value) => value === null).length, 1);
  assert.equal(lineOf(every([1, 2, 3, 5, 7, 8]), view).mean.includes(null), false);
});

test("an interval that was changed is no silence", () => {
  const line = lineOf(every([1, 2, 3, 4, 5, 6, 16, 26, 36, 46, 56, 66]), { ...view, intervalUs: S });
  assert.ok(line.mean.filter((value) => value === null).length <= 1);
});

test("buckets have a band, points have none", () => {
  assert.equal(lineOf({ kind: "gauge", rows: rowsOf(made([buckets(0, S, [0, 1, 3, 4, 2])], S)) }, view).hasBand, true);
  assert.equal(lineOf(every([1, 2]), view).hasBand, false);
});

test("a band is closed before a silence and begun anew after it", () => {
  const band = bandOf({ x: [1, 2, 3, 4], low: [0, 0, null, 2], high: [2, 4, null, 6] }, { factor: 2 });
  assert.deepEqual(band, { x: [1, 2, 2, 1, null, 4, 4, null], y: [1, 2, 0, 0, null, 3, 1, null] });
});

test("a point without neighbours is a dot", () => {
  assert.deepEqual(lineOf(every([1]), view).dots, [5]);
  assert.equal(lineOf(every([1, 2, 3]), view).dots, null);
});

test("a counter is shown as a rate, and a reset of it as none", () => {
  const rows = [[0, 10], [2, 30], [3, 5], [4, 6]].map(([t, v]) => ({ t: t * S, n: 0, w: 0, v }));
  assert.deepEqual(rates(rows).map((row) => row.v), [10, null, 1]);
});

test("units and numbers are shown as people write them", () => {
  assert.equal(shown(1536, "By"), "1.50 KiB");
  assert.equal(shown(3 * 1024 ** 3, "By/s"), "3 GiB/s");
  assert.equal(shown(21.46, "Cel"), "21.5 °C");
  assert.equal(shown(14.94, "%"), "14.9 %");
  assert.equal(shown(true, ""), "on");
  assert.equal(shown(null, "V"), "–");
  assert.equal(scaleOf("s", 7_200).symbol, "h");
  assert.equal(digits(0.00001), "1.00e-5");
});

test("an axis begins at zero only where zero means nothing", () => {
  const one = (lowest, highest) => [{ lowest, highest, largest: Math.max(Math.abs(lowest), Math.abs(highest)) }];
  const whole = { factor: 1 };
  for (const unit of ["By", "By/s", "/s", "L/s", "W", "", "%", "/min"]) assert.ok(startsAtZero(unit), unit);
  for (const unit of ["Cel", "K", "hPa", "V", "dB", "[ppm]"]) assert.ok(!startsAtZero(unit), unit);
  const { range: [low, high] } = rangeOf("Cel", one(20, 22), whole);
  assert.ok(low > 19 && low < 20 && high > 22 && high < 23);
  assert.deepEqual(rangeOf("By", one(20, 22), whole), { range: [0, 23.76] });
  assert.deepEqual(rangeOf("%", one(60, 62), whole), { range: [0, 100.5] });
  assert.deepEqual(rangeOf("Cel", [], whole), { rangemode: "tozero" });
  const still = rangeOf("V", one(3.7, 3.7), whole).range;
  assert.ok(still[1] - still[0] > 0.03, "noise in the last digit does not fill the chart");
});

test("after a silence nobody knows when a counter rose", () => {
  const rows = [0, 1, 2, 3, 4, 60, 61].map((t) => ({ t: t * S, n: 0, w: 0, v: 10 * t }));
  assert.deepEqual(rates(rows).map((row) => row.v), [10, 10, 10, 10, null, 10]);
});

test("a snapshot says from when on its detail is kept, and the next one that all is there", () => {
  const model = new Model("a", 300 * S, 0);
  model.apply(snapshot([], { kept_from_us: 5, more: true }));
  assert.equal(model.keptFromUs, null);
  model.apply(snapshot([]));
  assert.equal(model.keptFromUs, 5);
  model.apply(snapshot([]));
  assert.equal(model.keptFromUs, null);
});

test("a moment belongs to the nearest point, and in a silence to none", () => {
  const line = lineOf(every([1, 2, 3, 4, 9, 10, 11]), view);
  const valued = (seconds) => line.x[pointAt(line, seconds * S)] ?? null;
  assert.deepEqual([1.2, 3.6, 4, 6, 8.9, 9, 11.4, 50].map(valued), [1_000, 4_000, 4_000, null, null, 9_000, 11_000, null]);
  assert.deepEqual(line.silences, [[4 * S, 9 * S], [11 * S, Infinity]]);
  assert.deepEqual(lineOf(every([50, 51, 52, 53, 99, 100]), view).silences, [[-Infinity, 50 * S], [53 * S, 99 * S]]);
});
