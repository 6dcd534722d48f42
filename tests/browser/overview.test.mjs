// What the overview lists, in which order, and what its strips say. Run by test_rules_of_the_page.py.

import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./modules.mjs";

const { channelsOf, choiceIn, countsOf, narrowed, queryOf, readWhere, sorted, turned, usualChannel } = await load("parts/overview/choosing");
const { wantedFor } = await load("parts/overview/lines");
const { factsOf } = await load("parts/overview/health");
const { countsText, openOf } = await load("parts/overview/open_alerts");
const { boundsOf, pathsOf } = await load("parts/overview/sparkline");

const gauge = (name) => ({ name, kind: "gauge" });
const device = (name, more = {}) => ({ device: name, presence: "online", channels: [], ...more });
const names = (items) => items.map((item) => item.device);

test("each word is looked for in all that a row shows", () => {
  const all = [device("pump-1", { title: "North hall", tags: ["floor=2"] }), device("fan-1", { kind: "pump", firmware: "2.1" }), device("x")];
  assert.deepEqual(names(narrowed(all, "PUMP", null)), ["pump-1", "fan-1"]);
  assert.deepEqual(names(narrowed(all, " pump  floor=2 ", null)), ["pump-1"]);
  assert.deepEqual(names(narrowed(all, "2.1", null)), ["fan-1"]);
  assert.deepEqual(names(narrowed(all, "", readWhere("floor=2 or name=x").test)), ["pump-1", "x"]);
  assert.match(readWhere("floor=").error, /needs a value after character 6/);
  assert.deepEqual(readWhere("  "), { test: null, error: "" });
});

test("states are counted, a disabled one in its presence as well", () => {
  const counts = countsOf([device("a"), device("b", { presence: "offline", disabled: true }), device("c", { flapping: true })]);
  assert.deepEqual([counts.online, counts.offline, counts.disabled, counts.flapping, counts.silent], [2, 1, 1, 1, 0]);
});

test("names are sorted as people count, and any order has a reverse", () => {
  const all = [device("p10"), device("p9", { presence: "offline", last_seen_us: 5 }), device("z", { title: "p2", presence: "offline", last_seen_us: 9 }), device("never", { presence: "offline" })];
  assert.deepEqual(names(sorted(all, "name")), ["never", "z", "p9", "p10"]);
  assert.deepEqual(names(sorted(all, "-name")), ["p10", "p9", "z", "never"]);
  assert.deepEqual(names(sorted(all, "state")), ["never", "z", "p9", "p10"]);
  assert.deepEqual(names(sorted(all, "seen")), ["p10", "z", "p9", "never"]);
  assert.deepEqual(names(sorted([...all, device("q")], "seen")).slice(0, 2), ["p10", "q"]); // both are seen now
  assert.deepEqual([turned("name", "name"), turned("-name", "name"), turned("state", "name")], ["-name", "name", "name"]);
});

test("the address holds what is chosen, and nonsense in it is no choice", () => {
  const choice = { words: "a b", state: "offline", where: "floor=2", sort: "-seen", channel: "temp", node: "b" };
  assert.deepEqual(choiceIn(queryOf(choice)), choice);
  assert.deepEqual(choiceIn({ state: "toString", sort: "constructor" }), { words: "", state: "", where: "", sort: "name", channel: "", node: "" });
  assert.ok(Object.values(queryOf(choiceIn({}))).every((value) => value === ""));
});

test("the usual channel is the number that most devices have", () => {
  const all = [device("a", { channels: [{ name: "log", kind: "text" }, gauge("temp")] }), device("b", { channels: [{ name: "log", kind: "text" }, gauge("hum")] }), device("c", { channels: [gauge("hum")] })];
  assert.deepEqual(channelsOf(all).map(({ name, devices }) => [name, devices]), [["log", 2], ["hum", 2], ["temp", 1]]);
  assert.equal(usualChannel(channelsOf(all)), "hum");
  assert.equal(usualChannel([]), "");
});

test("one subscription for all, in coarser steps for many, and none that the hub would refuse", () => {
  assert.deepEqual(wantedFor("temp", 1, "", 1), { devices: ["*"], channels: ["temp"], span_s: 120, width_us: 1_000_000 });
  assert.equal(wantedFor("temp", 1_000, "", 1_000).width_us, 10_000_000);
  assert.equal(wantedFor("temp", 3_000, "", 3_000), null);
  assert.deepEqual(wantedFor("temp", 3_000, "floor=2", 40), { where: "floor=2", channels: ["temp"], span_s: 120, width_us: 1_000_000 });
  assert.equal(wantedFor("", 3, "", 3), null);
});

test("the strip says what the hub says, and what is late", () => {
  const load = { over_s: 10, frames_per_s: 100, durable_p99_ms: 6.24, lag_frames: { history: 150, ledger: 0, rules: 0, live: 0 } };
  const hub = { load, credit: "open", devices: 1_200, connected: 1_100, viewers: 2 };
  const said = factsOf(hub);
  assert.deepEqual([said.Frames.value, said.Connected.value, said.Connected.more], ["100", "1,100", "of 1,200"]);
  assert.equal(said.Behind.value, "Nothing"); // a second and a half is how the store gathers
  const late = factsOf({ ...hub, credit: "store_full", load: { ...load, durable_p99_ms: null, lag_frames: { history: 60_000, ledger: 1, rules: 0, live: 0 } } });
  assert.deepEqual([late.Behind.value, late.Behind.level, late.Behind.more], ["10 min", "warning", "history, 60,000 frames"]);
  assert.deepEqual([late.Intake.value, late.Intake.more], ["Held", "its disk is full"]);
});

test("open alerts are counted by severity, those that somebody has seen to beside them", () => {
  const alert = (id, severity, state, more = {}) => ({ id, severity, state, raised_us: 0, ...more });
  const { open, quiet } = openOf([alert(1, "warning", "open"), alert(2, "critical", "open"), alert(3, "info", "acknowledged"), alert(4, "info", "cleared"), alert(5, "info", "open", { silenced: "s" })]);
  assert.deepEqual(open.map(({ id }) => id), [2, 1]);
  assert.equal(countsText(open, quiet.length), "1 critical · 1 warning, 2 acknowledged or silenced");
  assert.equal(countsText([], 0), "No open alert");
});

test("a line has a hole where nothing came, and ends at the newest reading itself", () => {
  const S = 1_000_000;
  const line = { x: [-1_000, 10_000, 20_000, null, 50_000, 60_000], mean: [5, 0, 10, null, 10, 5], low: [5, 0, 10, null, 10, 4], high: [5, 0, 10, null, 10, 6], lowest: 0, highest: 10, hasBand: false, now: 0, lastUs: 65 * S };
  const { path, dot, band } = pathsOf(line, { fromUs: 0, nowUs: 100 * S });
  assert.equal(path, "M0.0 50.0h0.1L99.0 90.0L198.0 10.0M495.0 10.0h0.1L594.0 50.0L643.5 90.0");
  assert.equal(dot, "M643.5 90.0h0");
  assert.equal(band, "");
  assert.equal(pathsOf({ ...line, hasBand: true }, { fromUs: 0, nowUs: 100 * S }).band.split("M").length, 4); // none across the hole
  assert.equal(pathsOf({ ...line, lowest: Infinity, highest: -Infinity }, { fromUs: 0, nowUs: 1 }).path, "");
});

test("noise in the last digit is drawn flat, and a flat line in the middle", () => {
  assert.deepEqual(boundsOf({ lowest: 0, highest: 10 }), { low: 0, high: 10 });
  const { low, high } = boundsOf({ lowest: 100, highest: 100.01 });
  assert.ok(high - low > 1.9 && low < 100 && high > 100.01);
});
