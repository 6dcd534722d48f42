// The rules of the tiles of dashboards: which readings, how old, at which level, where on a map, what a text means.
// Run by test_rules_of_the_page.py.

import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./modules.mjs";

globalThis.localStorage = { getItem: () => null, setItem: () => {} };
const rules = await load("tiles/rules");
const choices = await load("tiles/choices");
const dial = await load("tiles/dial");
const since = await load("tiles/since");
const trend = await load("tiles/trend");
const columns = await load("tiles/columns");
const lanes = await load("tiles/lanes");
const mercator = await load("tiles/mercator");
const marks = await load("tiles/marks");
const args = await load("parts/args");
const commanding = await load("tiles/commanding");

const S = 1e6;
const NOW = 1_700_000_000 * S;
const point = (t, v) => ({ t, n: 0, w: 0, v });
const bucket = (t, w, last, more = {}) => ({ t, n: -1, w, min: null, max: null, sum: null, count: 1, last, lastT: t + w - 1, ...more });
const series = (device, channel, rows, more = {}) => ({ key: JSON.stringify([device, channel, more.unit]), device, channel, unit: "", kind: "gauge", rows, ...more });
const streamOf = (...all) => ({ model: { series: new Map(all.map((each) => [each.key, each])) } });
const online = { device: "a", presence: "online", interval_s: 1 };

test("a config means readings only where it names devices or tags, and channels", () => {
  assert.deepEqual(rules.sourceOf({ source: { devices: ["a", 7, ""] }, channels: ["t", null] }), { devices: ["a"], channels: ["t"] });
  assert.deepEqual(rules.sourceOf({ source: { where: "kind=pump" }, channels: ["t"] }), { where: "kind=pump", channels: ["t"] });
  for (const config of [{}, { source: null }, { source: { devices: "a" }, channels: ["t"] }, { source: { devices: ["a"] } }, { source: { where: " " }, channels: ["t"] }, { source: { devices: ["a"] }, channels: "t" }]) {
    assert.equal(rules.sourceOf(config), null);
    assert.equal(rules.spanned(config, rules.RECENT), null);
  }
});

test("a tile takes its own series from a stream that others share, in the order of its config", () => {
  const stream = streamOf(series("b", "t", [point(1, 1)]), series("a10", "u", [point(1, 1)]), series("a9", "t", [point(1, 1)]), series("a9", "u", [point(1, 1)]), series("a9", "x", [point(1, 1)]), series("a9", "u", [], { unit: "V" }));
  const found = rules.seriesOf(stream, { source: { devices: ["a9", "a10"] }, channels: ["u", "t"] });
  assert.deepEqual(found.map((each) => `${each.device} ${each.channel}`), ["a9 u", "a9 t", "a10 u"]);
  assert.equal(rules.seriesOf(stream, { source: { devices: ["*"] }, channels: ["*"] }).length, 5);
  assert.deepEqual(rules.seriesOf(null, { source: { devices: ["a"] }, channels: ["t"] }), []);
});

test("of two versions of a channel the one that spoke last is shown", () => {
  const [old, now] = [series("a", "t", [point(1, 20)], { unit: "Cel" }), series("a", "t", [point(5, 300)], { unit: "K" })];
  assert.deepEqual(rules.newestVersions([now, old]), [now]);
});

test("a counter is shown as its rate, and as nothing where it was reset", () => {
  const rows = [point(NOW, 10), point(NOW + 2 * S, 30)];
  assert.deepEqual(rules.newestOf(series("a", "n", rows, { kind: "counter", unit: "L" })), { value: 10, sent: 10, unit: "L/s", atUs: NOW + 2 * S });
  const reset = rules.newestOf(series("a", "n", [...rows, point(NOW + 3 * S, 0)], { kind: "counter", unit: "L" }));
  assert.equal(rules.textOf(reset), "–");
  assert.equal(rules.textOf({ value: true, unit: "" }), "on");
});

test("a number is stale after three intervals, a state only without its device", () => {
  const number = series("a", "t", []);
  assert.equal(rules.isStale(number, NOW - 7 * S, NOW, online), false);
  assert.equal(rules.isStale(number, NOW - 9 * S, NOW, online), true);
  assert.equal(rules.isStale(number, NOW - 250 * S, NOW, { presence: "online" }), false);
  assert.equal(rules.isStale(number, NOW - 301 * S, NOW, { presence: "online" }), true);
  assert.equal(rules.isStale(number, NOW - 600 * S, NOW, { presence: "sleeping", sleep_s: 600 }), false);
  const door = series("a", "door", [], { kind: "state" });
  assert.equal(rules.isStale(door, NOW - 9_000 * S, NOW, online), false);
  for (const presence of ["offline", "silent", "unconfirmed"]) assert.equal(rules.isStale(door, NOW, NOW, { presence }), true);
  assert.equal(rules.isStale(door, NOW, NOW, null), true);
});

test("a new tile shows the first fitting channels of a device that is there, or of the dashboard's variable", () => {
  const channels = [{ name: "note", kind: "text" }, { name: "t", kind: "gauge", unit: "Cel" }, { name: "h", kind: "gauge", unit: "%" }, { name: "u", kind: "gauge", unit: "Cel" }];
  const devices = [{ device: "off", presence: "offline", channels }, { device: "bare", presence: "online" }, { device: "on", presence: "online", channels }];
  const known = { devices, variables: [] };
  assert.deepEqual(choices.suggested(known, choices.isNumeric, 1), { source: { devices: ["on"] }, channels: ["t"] });
  assert.deepEqual(choices.suggested(known, choices.isNumeric, 4).channels, ["t", "u"]);
  assert.deepEqual(choices.suggested(known, choices.isNumeric, 6).channels, ["t", "h", "u"]);
  assert.deepEqual(choices.suggested(known, choices.isPosition, 1), { source: { devices: [] }, channels: [] });
  const varied = { devices, variables: [{ name: "it", kind: "device", value: "off" }] };
  assert.deepEqual(choices.suggested(varied, choices.isNumeric, 1).source, { devices: ["$it"] });
  assert.deepEqual(choices.suggestedTarget({ devices: [{ device: "a", presence: "offline", commands: [{ name: "x" }] }, ...devices], variables: [] }), { devices: ["a"] });
});

test("a scale ends where the config says, else where the channel declares, else roundly around what was seen", () => {
  const seen = { lowest: 18, highest: 23 };
  assert.deepEqual(dial.scaleEnds({ min: 10, max: 30 }, { min: 0, max: 50 }, "Cel", seen), [10, 30]);
  assert.deepEqual(dial.scaleEnds({ max: 30 }, { min: 0, max: 50 }, "Cel", seen), [0, 30]);
  assert.deepEqual(dial.scaleEnds({}, null, "%", seen), [0, 100]);
  assert.deepEqual(dial.scaleEnds({}, null, "Cel", seen), [0, 25]);
  assert.deepEqual(dial.scaleEnds({}, null, "Cel", { lowest: 0, highest: 0 }), [0, 1]);
  const [low, high] = dial.scaleEnds({}, null, "Cel", { lowest: -18, highest: -3 });
  assert.ok(low <= -18 && high >= -3 && low < high);
  for (const odd of [{ min: 5, max: 5 }, { min: "x", max: null }, { min: 9, max: 1 }]) assert.ok(dial.scaleEnds(odd, null, "", seen)[0] < dial.scaleEnds(odd, null, "", seen)[1]);
});

test("a level is a word besides a colour, and limits that contradict are refused", () => {
  const limits = dial.limitsOf({ warn_above: 80, bad_above: "90", warn_below: 10, bad_below: 5, other: 1 });
  assert.deepEqual([95, 85, 50, 8, 2].map((value) => dial.levelOf(value, limits)?.word), ["too high", "high", "normal", "low", "too low"]);
  assert.equal(dial.levelOf(5, {}), null);
  assert.equal(dial.problemOf(limits), null);
  for (const wrong of [{ warn_above: 95, bad_above: 90 }, { warn_below: 3, bad_below: 5 }, { warn_above: 10, warn_below: 10 }]) assert.notEqual(dial.problemOf(wrong), null);
  assert.deepEqual(dial.rimOf([0, 100], { warn_above: 80 }), [{ from: 0, to: 0.8, level: "good" }, { from: 0.8, to: 1, level: "warn" }]);
  assert.equal(dial.rimOf([0, 100], limits).length, 5);
});

test("an arc goes clockwise from the lower left to the lower right", () => {
  assert.deepEqual([dial.pointAt(0, 100), dial.pointAt(0.5, 100), dial.pointAt(1, 100)], [{ x: -86.6, y: 50 }, { x: 0, y: -100 }, { x: 86.6, y: 50 }]);
  assert.match(dial.arc(0, 1, 80), /^M-69.28 40A80 80 0 1 1 69.28 40$/);
  assert.equal(dial.arc(0.3, 0.3, 80), "");
  assert.equal(dial.placeOf(-5, [0, 10]), 0);
});

test("since when a state holds is told from points, and from buckets to their width", () => {
  assert.deepEqual(since.sinceOf([point(1, "a"), point(2, "b"), point(3, "b")]), { value: "b", atUs: 3, sinceUs: 2, isWhole: true });
  assert.deepEqual(since.sinceOf([point(1, "b"), point(2, "b")]), { value: "b", atUs: 2, sinceUs: 1, isWhole: false });
  const rows = [bucket(0, 60, false), bucket(60, 60, true, { min: 0, max: 1 }), bucket(120, 60, true, { min: 1, max: 1 })];
  assert.deepEqual(since.sinceOf(rows), { value: true, atUs: 179, sinceUs: 60, isWhole: true });
  assert.equal(since.sinceOf([rows[1]]).isWhole, true);
});

test("a state has its word and its level, by value or word", () => {
  const config = { on: "Open", off: "Shut", good: "shut, ready", bad: "OPEN" };
  assert.deepEqual([true, false, "ready", "x", null, ""].map((value) => since.wordOf(value, config)), ["Open", "Shut", "ready", "x", "–", "(empty)"]);
  assert.equal(since.levelOfWord(true, "Open", config), "bad");
  assert.equal(since.levelOfWord(false, "Shut", config), "good");
  assert.equal(since.levelOfWord(true, "on", {}), "on");
  assert.equal(since.levelOfWord("x", "x", {}), "none");
  assert.equal(since.wordOf("y".repeat(500), {}).length, 121);
});

const line = (values) => ({
  x: values.map((_, at) => (NOW + at * S) / 1000), mean: values, low: values, high: values, now: values.at(-1),
  lowest: Math.min(...values.filter((each) => each !== null)), highest: Math.max(...values.filter((each) => each !== null)),
});
const view = { fromUs: NOW, nowUs: NOW + 10 * S };

test("a change is from the first value in the range to the newest; one value is none", () => {
  assert.deepEqual(trend.changeOf(line([20, 21, 19]), NOW), { by: -1, way: "down", sinceUs: NOW });
  assert.deepEqual(trend.changeOf(line([null, 20, 20]), NOW), { by: 0, way: "same", sinceUs: NOW + S });
  assert.deepEqual(trend.changeOf(line([20, 25, 26]), NOW + 0.5 * S), { by: 1, way: "up", sinceUs: NOW + S });
  assert.equal(trend.changeOf(line([20]), NOW), null);
});

test("a sparkline breaks where the line does, and keeps a spike that is narrower than its column", () => {
  const broken = trend.sparkOf(line([1, 2, null, 3, null, 2]), view, 100, 20);
  assert.equal(broken.line.split("M").length - 1, 1);
  assert.equal(broken.dots.split("M").length - 1, 2);
  const many = Array.from({ length: 5_000 }, (_, at) => (at === 2_500 ? 100 : 1));
  const spiked = trend.sparkOf({ ...line(many), x: many.map((_, at) => (NOW + at * 2_000) / 1000) }, view, 100, 20);
  assert.ok(spiked.band.includes(" 3L") || spiked.band.includes(" 3M"), spiked.band);
  assert.ok(spiked.line.length < 2_500);
});

test("a table has a row for each device and a cell for each channel; what has no value comes last", () => {
  const found = [series("a", "t", [point(NOW - S, 20)], { unit: "Cel" }), series("a", "on", [point(NOW, true)], { kind: "state" }), series("b", "t", [point(NOW - 60 * S, 5)], { unit: "Cel" }), series("c", "on", [point(NOW, false)], { kind: "state" })];
  const devices = { get: (name) => (name === "c" ? null : { ...online, device: name, title: name === "a" ? "<b>Anna</b>" : undefined }) };
  const { columns: names, rows } = columns.rowsOf(found, devices, ["t", "on", "gone"]);
  assert.deepEqual(names, ["t", "on"]);
  assert.deepEqual(rows.map((row) => columns.cellsOf(row, devices.get(row.device), NOW).map((cell) => cell.text)), [["20 °C", "on"], ["5 °C (1 min ago)", "–"], ["–", "off (just now)"]]);
  assert.deepEqual(rows[0].title, "<b>Anna</b>");
  const order = (by, isDown) => columns.orderOf(rows, { by, isDown }).map((row) => row.device);
  assert.deepEqual(order("=t", false), ["b", "a", "c"]);
  assert.deepEqual(order("=t", true), ["a", "b", "c"]);
  assert.deepEqual(order("age", true), ["b", "a", "c"]);
  assert.deepEqual(order("=gone", false), ["a", "b", "c"]);
});

test("lines go by their unit, and are called by what tells them apart", () => {
  const found = [series("a", "t", [point(1, 1)], { unit: "Cel" }), series("b", "t", [point(1, 1)], { unit: "Cel" }), series("a", "n", [point(1, 1)], { unit: "L", kind: "counter" }), series("a", "door", [point(1, true)], { kind: "state" }), series("a", "mode", [point(1, "idle")], { kind: "state" })];
  const { lanes: units, words, left } = lanes.byUnit(found);
  assert.deepEqual([...units.keys()], ["Cel", "L/s", "state"]);
  assert.deepEqual([words, left], [["mode"], 0]);
  const called = (...some) => [...lanes.labelsOf(some, (name) => name.toUpperCase()).values()];
  assert.deepEqual(called(found[0], found[1]), ["A", "B"]);
  assert.deepEqual(called(found[0], found[2]), ["t", "n"]);
  assert.deepEqual(called(found[1], found[2]), ["B t", "A n"]);
  assert.equal(lanes.byUnit(Array.from({ length: 20 }, (_, at) => series("a", `t${at}`, [point(1, 1)]))).left, 4);
});

test("a place comes back from where it was drawn, and odd values are no places", () => {
  for (const place of [{ lat: 52.52, lon: 13.405 }, { lat: -33.9, lon: -179.9 }, { lat: 0, lon: 0 }]) {
    const back = mercator.unproject(mercator.project(place));
    assert.ok(Math.abs(back.lat - place.lat) < 1e-9 && Math.abs(back.lon - place.lon) < 1e-9);
  }
  for (const odd of [null, [91, 0], [0, 181], ["1", "2"], [1], "x", [NaN, 0]]) assert.equal(mercator.placeOfValue(odd), null);
  assert.ok(Number.isFinite(mercator.project({ lat: 90, lon: 0 }).y));
});

test("a view holds all places, and zooming keeps the place under the pointer", () => {
  const places = [{ lat: 52.5, lon: 13.3 }, { lat: 52.6, lon: 13.5 }];
  const found = mercator.fitted(places, 400, 300);
  for (const place of places) {
    const { x, y } = mercator.pixelOf(place, found, 400, 300);
    assert.ok(x >= 35.9 && x <= 364.1 && y >= 35.9 && y <= 264.1, `${x} ${y}`);
  }
  const at = mercator.pixelOf(places[0], found, 400, 300);
  const closer = mercator.pixelOf(places[0], mercator.zoomed(found, 2, at, 400, 300), 400, 300);
  assert.ok(Math.hypot(closer.x - at.x, closer.y - at.y) < 0.01);
  for (const few of [[], [places[0]], [places[0], places[0]]]) assert.ok(Object.values(mercator.fitted(few, 400, 300)).every(Number.isFinite));
});

test("graticule and scale bar are round and there at every zoom", () => {
  for (let zoom = 8; zoom <= 32; zoom += 0.5) {
    const { lons, lats } = mercator.graticule({ ...mercator.project({ lat: 52.5, lon: 13.4 }), zoom }, 400, 300);
    assert.ok(lons.length + lats.length >= 2 && lons.length < 12 && lats.length < 12, `${zoom}: ${lons.length}, ${lats.length}`);
    assert.equal(new Set(lons.map((each) => each.text)).size, lons.length);
    const bar = mercator.scaleBar({ ...mercator.project({ lat: 52.5, lon: 13.4 }), zoom }, 400);
    assert.ok(bar.px >= 15 && bar.px <= 111, `${zoom}: ${bar.px}`);
    assert.match(bar.text, /^[125]0* (km|m|cm)$/);
  }
});

test("a track breaks at the date line and where nothing came", () => {
  const step = (lon, atUs) => ({ place: { lat: 0, lon }, atUs });
  const whole = { x: 0.5, y: 0.5, zoom: 9 };
  const pieces = (track) => mercator.trackPath(track, whole, 512, 300, 10).split("M").length - 1;
  assert.equal(pieces([step(0, 0), step(10, 5), step(20, 9)]), 1);
  assert.equal(pieces([step(170, 0), step(179, 5), step(-179, 9)]), 2);
  assert.equal(pieces([step(0, 0), step(10, 5), step(20, 90)]), 2);
});

test("a text has headings, lists and paragraphs, and what looks like HTML is text", () => {
  const blocks = marks.blocksOf("# Plant\n\nline one\nline *two*\n- a\n- b\n\n1. x\n2) y\n<script>alert(1)</script>");
  assert.deepEqual(blocks.map((each) => [each.name, each.lines.length]), [["h2", 1], ["p", 2], ["ul", 2], ["ol", 2], ["p", 1]]);
  assert.deepEqual(blocks[4].lines, [["<script>alert(1)</script>"]]);
  assert.deepEqual(marks.piecesOf("a **b** `c` d"), ["a ", { name: "strong", text: "b" }, " ", { name: "code", text: "c" }, " d"]);
});

test("a link leads to http and https alone", () => {
  assert.deepEqual(marks.piecesOf("[a](https://x.example/y)"), [{ name: "a", text: "a", href: "https://x.example/y" }]);
  for (const odd of ["[a](javascript:alert(1))", "[a](data:text/html,x)", "[a](//x.example)", "[a](JaVaScRiPt:1)", "[a](http://)", "[a](./x)"]) {
    assert.deepEqual(marks.piecesOf(odd).filter((each) => each.name === "a"), [], odd);
    assert.equal(marks.piecesOf(odd).join(""), odd);
  }
  assert.equal(marks.blocksOf(`${"*".repeat(50_000)}\n${"[".repeat(50_000)}`).length, 1);
});

test("an argument is held against what is declared", () => {
  const rule = { type: "integer", min: 0, max: 10, unit: "s" };
  assert.deepEqual(["5", "", "1.5", "11", "x"].map((text) => args.problemOf(text, rule)), [null, "a number is needed", "a whole number is needed", "must be 0 to 10 s", "this is no number"]);
  assert.equal(args.problemOf("", { type: "number", default: 1 }), null);
});

test("a command goes to a device, or once to many", () => {
  const items = new Map([["a/b", { device: "a/b", presence: "online", title: "Anna" }], ["c", { device: "c", presence: "offline" }]]);
  const devices = { items, get: (name) => items.get(name) ?? null };
  const call = (target) => commanding.callOf(target, "open", { n: 1 }, devices);
  assert.deepEqual(call({ devices: ["a/b"] }), { path: "devices/a%2Fb/commands", body: { name: "open", args: { n: 1 }, ttl_s: 30 }, isGroup: false });
  assert.equal(call({ devices: ["c"] }).body.ttl_s, 3_600);
  assert.deepEqual(call({ devices: ["a/b", "c"] }).body.devices, ["a/b", "c"]);
  assert.deepEqual(call({ where: "kind=x" }), { path: "group-commands", body: { name: "open", args: { n: 1 }, ttl_s: 30, where: "kind=x" }, isGroup: true });
  assert.equal(commanding.targetText({ devices: ["a/b"] }, devices), "Anna");
  assert.equal(commanding.targetOf({ source: { devices: [] } }), null);
});

test("what became of a command is said with its result, and of many with the tally", () => {
  assert.deepEqual(commanding.outcomeOf({ state: "running", progress: 0.4 }, false), { text: "running", state: "running", progress: 0.4 });
  assert.deepEqual(commanding.outcomeOf({ state: "done", value: 42, progress: 1 }, false), { text: "done: 42", state: "done", progress: null });
  assert.equal(commanding.outcomeOf({ state: "failed", reason: "stuck" }, false).text, "failed: stuck");
  assert.deepEqual(commanding.outcomeOf({ devices: 4, refused: 1, tally: { done: 2, sent: 1 } }, true), { text: "2 done, 1 sent, 1 cannot take it", state: "running", progress: 0.5 });
  assert.equal(commanding.outcomeOf({ devices: 2, refused: 0, tally: { done: 2 }, ended_us: 1 }, true).state, "done");
});
