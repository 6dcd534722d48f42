// The plain rules of a device page: documents of a shadow, commands, lines of a log. Run by test_rules_of_the_page.py.
import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./modules.mjs";

const { documentIn, isSame, rowsOf, withValue, without } = await load("parts/documents");
const { newestFirst } = await load("parts/command_history");

test("each value of both documents is a row by its place, and what the device does not have so differs", () => {
  const desired = { lamp: { colour: "red", on: true }, interval_s: 5, list: [1, 2] };
  const reported = { lamp: { colour: "blue", on: true }, serial: "A7", list: [1, 2] };
  assert.deepEqual(rowsOf(desired, reported).map((row) => [row.path.join("."), row.state]), [
    ["interval_s", "differs"], ["lamp.colour", "differs"], ["lamp.on", "same"], ["list", "same"], ["serial", "reported"],
  ]);
});

test("a value in the place of an object is one row, and an empty object is seen", () => {
  assert.deepEqual(rowsOf({ lamp: { on: true } }, { lamp: "off" }).map((row) => [row.path, row.state]), [[["lamp"], "differs"]]);
  assert.deepEqual(rowsOf({ lamp: {} }, {}).map((row) => [row.path, row.state]), [[["lamp"], "differs"]]);
});

test("names that every object has are nothing special", () => {
  assert.deepEqual(rowsOf({ constructor: 1 }, {}).map((row) => [row.path, row.reported]), [[["constructor"], undefined]]);
  assert.deepEqual(rowsOf({}, { toString: 1 }).map((row) => row.state), ["reported"]);
});

test("a value is put and taken anywhere, and the document before stays as it was", () => {
  const before = { a: { b: 1, c: 2 } };
  assert.deepEqual(withValue(before, ["a", "b"], 3), { a: { b: 3, c: 2 } });
  assert.deepEqual(withValue(before, ["x", "y", "z"], true), { a: { b: 1, c: 2 }, x: { y: { z: true } } });
  assert.deepEqual(without(withValue({}, ["x", "y"], 1), ["x", "y"]), {});
  assert.deepEqual(without(before, ["a", "b"]), { a: { c: 2 } });
  assert.deepEqual(before, { a: { b: 1, c: 2 } });
});

test("equal is what holds the same, in any order of keys", () => {
  assert.ok(isSame({ a: 1, b: [{ c: 2 }] }, { b: [{ c: 2 }], a: 1 }));
  assert.ok(!isSame({ a: 1 }, { a: true }));
  assert.ok(!isSame({ a: undefined }, { b: undefined }));
});

test("what is no document is told", () => {
  assert.deepEqual(documentIn('{"a": 1}'), { document: { a: 1 }, problem: "" });
  assert.match(documentIn('{"a": 1,\n "b": }').problem, /^This is no JSON: ./);
  assert.match(documentIn("[1]").problem, /object/);
  assert.match(documentIn('{"a": {"b": null}}').problem, /^a\.b is null/);
});

test("commands are the newest version of each, and none from a stretch that was not read", () => {
  const command = (id, version, at, device = "pump") => ({ id, version, created_us: at, device });
  const read = new Map([["c", command("c", 1, 30)], ["b", command("b", 5, 20)]]);
  const live = new Map([["c", command("c", 2, 30)], ["d", command("d", 1, 40)], ["a", command("a", 1, 10)], ["x", command("x", 1, 50, "fan")], ["b", command("b", 4, 20)]]);
  const shown = (isWhole) => newestFirst(read, live, "pump", isWhole).map((item) => `${item.id}${item.version}`);
  assert.deepEqual(shown(false), ["d1", "c2", "b5"]);
  assert.deepEqual(shown(true), ["d1", "c2", "b5", "a1"]);
});

const { Lines } = await load("parts/logs");

test("lines of a log come once and without a hole, and a flood begins anew", () => {
  const lines = (...numbers) => numbers.map((number) => ({ number }));
  const log = new Lines();
  log.take({ lines: lines(5, 4), next: 4 }, true);
  log.take({ lines: lines(3, 2), next: null }, false);
  log.take({ lines: lines(6, 5), next: 5 }, true);
  assert.deepEqual([log.items.map((line) => line.number), log.next], [[6, 5, 4, 3, 2], null]);
  log.take({ lines: lines(90, 89), next: 89 }, true);
  assert.deepEqual([log.items.map((line) => line.number), log.next], [[90, 89], 89]);
});
