// Which stretch of time charts show, what is missing in it, and that no line has too many points. Run by test_rules_of_the_page.py.

import assert from "node:assert/strict";
import { test } from "node:test";

process.env.TZ = "Europe/Berlin";
const { load } = await import("./modules.mjs");
const { bounded } = await load("charts/bounded");
const { common, holeOfGap, holesOf, markOfAlert, saidAt } = await load("charts/holes");
const { rangeOf, steady } = await load("charts/lines");
const { plain } = await load("charts/plain");
const { MAX_POINTS, fitted, panned, queryOf, shownOf, widthsFor, zoomed } = await load("charts/span");
const { moment, ticksOf } = await load("charts/ticks");
const { utcText } = await load("app/times");
const { modelOf } = await load("app/history");

const S = 1_000_000;
const NOW = 1_700_000_000 * S;
const points = (count, stepUs, valueOf) => Array.from({ length: count }, (_, at) => ({ t: at * stepUs, n: 0, w: 0, v: valueOf(at) }));

test("ten thousand readings become as many points as fit, and a spike of one reading stays", () => {
  for (const at of [0, 1, 4_999, 9_999]) {
    const rows = bounded({}, points(10_000, 100_000, (each) => (each === at ? 99 : 1)), 1_000 * S);
    assert.ok(rows.length <= MAX_POINTS, String(rows.length));
    assert.equal(Math.max(...rows.map((row) => row.max)), 99);
    assert.equal(rows.reduce((sum, row) => sum + row.count, 0), 10_000);
  }
});

test("buckets of what is already drawn do not change while time moves on", () => {
  const series = {};
  const rows = points(4_000, 100_000, Math.sin);
  const before = bounded(series, rows.slice(0, 3_000), 300 * S);
  const after = bounded(series, rows.slice(500, 3_500), 300 * S);
  const known = new Map(before.slice(0, -1).map((row) => [row.t, row]));
  const again = after.filter((row) => known.has(row.t));
  assert.ok(again.length > 1_000);
  for (const row of again) assert.deepEqual(row, known.get(row.t));
});

test("a narrow chart draws no more than its pixels show, and a spike of one reading stays", () => {
  const rows = points(3_000, 100_000, (each) => (each === 1_234 ? 99 : 1));
  const drawn = bounded({}, rows, 300 * S, 379);
  assert.equal(drawn.length, 600);
  assert.equal(Math.max(...drawn.map((row) => row.max)), 99);
  assert.equal(bounded({}, rows.slice(0, 1_200), 120 * S, 379).length, 1_200);
});

test("an axis stays while the values have room in it and fill it, and is made anew where they do not", () => {
  const known = { range: [0, 100] };
  assert.equal(steady(known, { range: [4, 97] }), known);
  assert.equal(steady(known, { range: [-3, 101] }), known); // the values themselves are within
  assert.deepEqual(steady(known, { range: [-20, 100] }), { range: [-20, 100] });
  assert.deepEqual(steady(known, { range: [10, 60] }), { range: [10, 60] });
  assert.deepEqual(steady(null, { range: [4, 97] }), { range: [4, 97] });
  assert.deepEqual(steady(known, { rangemode: "tozero" }), { rangemode: "tozero" });
});

test("where nothing is zero the axis begins there, with room beyond the values", () => {
  const scale = { factor: 1, symbol: "" };
  const rangeFor = (lowest, highest) => rangeOf("W", [{ lowest, highest, largest: highest }], scale).range;
  assert.deepEqual(rangeFor(20, 100), [0, 108]);
  assert.deepEqual(rangeFor(-100, -20), [-108, 0]);
  assert.deepEqual(rangeFor(-50, 50), [-58, 58]);
  assert.deepEqual(rangeFor(0, 0), [0, 1]);
  assert.deepEqual(rangeOf("W", [], scale), { rangemode: "tozero" });
  assert.deepEqual(rangeOf("%", [{ lowest: 3, highest: 40, largest: 40 }], scale), { range: [0, 100.5] });
  assert.ok(rangeOf("%", [{ lowest: -20, highest: 40, largest: 40 }], scale).range[0] < -20); // a change may be negative
});

test("a number of points that sways about the bound changes no shape", () => {
  const series = {};
  const rows = points(2_100, 100_000, (at) => at);
  assert.notEqual(bounded(series, rows, 210 * S), rows);
  const fewer = rows.slice(0, 1_900);
  assert.notEqual(bounded(series, fewer, 210 * S), fewer);
  const few = rows.slice(0, 1_000);
  assert.equal(bounded(series, few, 210 * S), few);
});

test("a bucket that is wider than a point may be stays as it is, and texts count for nothing", () => {
  const wide = { t: 0, n: -1, w: 3_600 * S, min: 1, max: 2, sum: 3, count: 2, last: 2, lastT: 5 };
  const rows = [wide, ...points(2_500, 100_000, (at) => (at % 2 ? null : 4))];
  const drawn = bounded({}, rows, 250 * S);
  assert.equal(drawn[0], wide);
  assert.ok(drawn.slice(1).every((row) => row.sum === null || row.sum / row.count === 4));
});

test("an address says which range, or which stretch in times of this zone, and is read as it was written", () => {
  assert.deepEqual(queryOf(shownOf({})), {});
  assert.deepEqual(queryOf(shownOf({ range: "1h" })), { range: "1h" });
  const past = { fromUs: Date.UTC(2023, 5, 1, 10) * 1000, toUs: Date.UTC(2023, 11, 1, 10, 0, 0, 250) * 1000 };
  const query = queryOf({ ...shownOf({}), past });
  assert.deepEqual(query, { from: "2023-06-01T12:00:00+02:00", to: "2023-12-01T11:00:00.250+01:00" });
  assert.deepEqual(shownOf(query).past, past);
  for (const bad of [{ from: "x", to: "y" }, { from: query.to, to: query.from }, { from: query.from }]) assert.equal(shownOf(bad).past, null);
});

test("zoom keeps what is pointed at in its place, and nothing goes beyond now", () => {
  assert.deepEqual(zoomed({ fromUs: 0, toUs: 100 * S }, 0.5, NOW, 20 * S), { fromUs: 10 * S, toUs: 60 * S });
  assert.deepEqual(zoomed({ fromUs: NOW - 100 * S, toUs: NOW }, 2, NOW), { fromUs: NOW - 200 * S, toUs: NOW });
  assert.deepEqual(panned({ fromUs: NOW - 100 * S, toUs: NOW - 20 * S }, 0.5, NOW), { fromUs: NOW - 80 * S, toUs: NOW });
  assert.deepEqual(panned({ fromUs: 100 * S, toUs: 200 * S }, -0.25, NOW), { fromUs: 75 * S, toUs: 175 * S });
  assert.equal(fitted({ fromUs: 0, toUs: 10 }, NOW).toUs - fitted({ fromUs: 0, toUs: 10 }, NOW).fromUs, 20_000);
});

test("the past is asked for in the finest width of which no line has too many points", () => {
  assert.deepEqual(widthsFor(300 * S, 0).slice(0, 2), [0, S]);
  assert.equal(widthsFor(3_600 * S, 10 * S)[0], 0);
  assert.equal(widthsFor(3_600 * S, S)[0], 10 * S);
  assert.equal(widthsFor(604_800 * S, S)[0], 600 * S);
  assert.deepEqual(widthsFor(50 * 31_536_000 * S, 0), [86_400 * S]);
});

test("an answer of the store becomes the rows that lines are made of", () => {
  const named = { device: "pump", channel: "temp", unit: "Cel", kind: "gauge" };
  const buckets = { width_us: S, t: [S], min: [1], max: [3], sum: [4], count: [2], last: [3], last_t: [S + 5] };
  const model = modelOf({ series: [{ ...named, points: [[5, 1, 20]] }, { ...named, channel: "flow", buckets }], kept_from_us: 4 });
  const [temp, flow] = [...model.series.values()];
  assert.deepEqual(temp.rows, [{ t: 5, n: 1, w: 0, v: 20 }]);
  assert.deepEqual(flow.rows, [{ t: S, n: -1, w: S, min: 1, max: 3, sum: 4, count: 2, last: 3, lastT: S + 5 }]);
  assert.deepEqual([temp.key, model.keptFromUs], [JSON.stringify(["pump", "temp", "Cel", "gauge"]), 4]);
});

test("a silence is a hole only where every line of a chart is silent", () => {
  assert.deepEqual(common([[[0, 10], [20, 30]], [[5, 25]]]), [[5, 10], [20, 25]]);
  assert.deepEqual(common([[[0, 10]], []]), []);
  assert.deepEqual(common([]), []);
});

test("holes are told with their reason, and only as far as they are seen", () => {
  const lost = holeOfGap({ from_us: 10, to_us: 20, readings: 1_234, reason: "spool_full" });
  const view = { fromUs: 5, nowUs: 100, hole: [90, 200], keptFromUs: 8, holes: [lost, { ...lost, fromUs: 200, toUs: 300 }] };
  const holes = holesOf(view, [{ silences: [[50, 60], [95, Infinity]] }]);
  assert.deepEqual(holes.map(({ fromUs, toUs, kind }) => [fromUs, toUs, kind]), [[10, 20, "lost"], [90, 100, "storing"], [5, 8, "kept"], [50, 60, "silence"], [95, 100, "silence"]]);
  assert.deepEqual(holesOf({ fromUs: 0, nowUs: 100, clockUs: 70 }, [{ silences: [[60, Infinity]] }]).map((hole) => hole.toUs), [70], "nothing is missing in the future");
  assert.match(lost.reason, /1,234 readings lost on the device: spool_full/);
  assert.equal(holeOfGap({ from_us: null, to_us: null, readings: 0, reason: "" }), null);
});

test("at a moment it is said what is missing there and what happened near", () => {
  const alert = markOfAlert({ at_us: 50, rule: "hot", state: "open", severity: "warning", message: "temp is 31, above 30" });
  const holes = [{ fromUs: 40, toUs: 60, reason: "Nothing came", kind: "silence" }];
  assert.deepEqual(saidAt(holes, [alert], 52, 5), ["Nothing came", "Alert hot, open: temp is 31, above 30"]);
  assert.deepEqual(saidAt(holes, [alert], 80, 5), []);
  assert.equal(saidAt([], Array(8).fill(alert), 50, 5).at(-1), "and 3 more");
});

test("plotly gets nothing to obey", () => {
  assert.equal(plain("<b>a</b> & %{y} <a href='x'>"), "&lt;b&gt;a&lt;/b&gt; &amp; %&#123;y} &lt;a href='x'&gt;");
});

test("ticks stand on round times of this zone, in summer, in winter, and where the clock is changed", () => {
  const texts = (from, to, most = 6) => ticksOf(Date.parse(from) * 1000, Date.parse(to) * 1000, most).ticktext;
  assert.deepEqual(texts("2023-07-01T10:02:00+02:00", "2023-07-01T10:07:00+02:00"), ["10:02<br>Jul 1", "10:03", "10:04", "10:05", "10:06", "10:07"]);
  assert.deepEqual(texts("2023-10-28T20:00:00+02:00", "2023-10-29T12:00:00+01:00"), ["21:00<br>Oct 28", "00:00<br>Oct 29", "03:00", "06:00", "09:00", "12:00"]);
  assert.deepEqual(texts("2023-03-20T12:00:00+01:00", "2023-03-31T12:00:00+02:00"), ["Mar 21", "Mar 23", "Mar 25", "Mar 27", "Mar 29", "Mar 31"]);
  assert.deepEqual(texts("2023-01-15T00:00:00+01:00", "2023-12-20T00:00:00+01:00"), ["Mar 2023", "May 2023", "Jul 2023", "Sep 2023", "Nov 2023"]);
  assert.match(texts("2023-07-01T10:00:00.000+02:00", "2023-07-01T10:00:00.050+02:00")[1], /10:00:00\.010/);
  for (const [from, to] of [["2023-01-01", "2023-01-02"], ["2023-03-25", "2023-03-27"], ["2000-01-01", "2023-01-01"], ["2023-05-01", "2023-06-10"]]) {
    const { tickvals } = ticksOf(Date.parse(from) * 1000, Date.parse(to) * 1000, 6);
    assert.ok(tickvals.length >= 2 && tickvals.length <= 8, `${from}: ${tickvals.length}`);
    assert.deepEqual(tickvals, [...tickvals].sort((a, b) => a - b));
  }
});

test("moments are told in this zone and in UTC", () => {
  const us = Date.UTC(2023, 6, 1, 10, 2, 3, 45) * 1000;
  assert.deepEqual([moment(us, 3_600 * S), moment(us, S), moment(us, 400 * 86_400 * S), utcText(us)], ["Jul 1, 12:02:03", "Jul 1, 12:02:03.045", "Jul 1 2023, 12:02:03", "2023-07-01 10:02:03 UTC"]);
});
