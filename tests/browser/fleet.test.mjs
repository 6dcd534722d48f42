// Rules of pages/admin that need no browser: CSV, a fleet in it, which rows the hub refuses, tags put beside others, msgpack.

import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./modules.mjs";

const { parse, written, BadCsv } = await load("pages/admin/csv");
const { fleetIn, refused } = await load("pages/admin/fleet");
const { pack } = await load("pages/admin/pack");
const { sortedBy } = await load("parts/table");

const cells = (text) => parse(text).map((row) => row.cells);

test("cells in quotes hold separators, quotes and lines", () => {
  assert.deepEqual(cells('a,"b,""c""",d\r\n"e\nf",,g\n'), [["a", 'b,"c"', "d"], ["e\nf", "", "g"]]);
});

test("a row knows the line that it begins on, also after a cell of two lines and an empty line", () => {
  assert.deepEqual(parse('name\n"a\nb"\n\nc').map((row) => row.line), [1, 2, 5]);
});

test("a file of a spreadsheet has a mark at its beginning and semicolons", () => {
  assert.deepEqual(cells("\ufeffname;title\npump;The pump\n"), [["name", "title"], ["pump", "The pump"]]);
});

test("the last line needs no end, and an empty last cell is a cell", () => {
  assert.deepEqual(cells("a,b\nc,"), [["a", "b"], ["c", ""]]);
});

test("a quote that is not closed is told with its line", () => {
  assert.throws(() => parse('a\nb\n"c'), (error) => error instanceof BadCsv && error.line === 3);
});

test("what is written reads the same, and a formula is none", () => {
  const rows = [["a", 'b"c', "d\ne"], ["=1+1", "-x", "f,g"]];
  assert.deepEqual(cells(written(rows)), [["a", 'b"c', "d\ne"], ["'=1+1", "'-x", "f,g"]]);
});

test("a fleet is read with its tags, and each wrong row is told with its line", () => {
  const { rows, wrong } = fleetIn("name,tags,title\npump-1,floor=2;new,North\npump-2,,\n,x,\npump-1,,\npump-3,a\n");
  assert.deepEqual(rows.map((row) => row.device), [{ name: "pump-1", tags: ["floor=2", "new"], title: "North" }, { name: "pump-2" }]);
  assert.deepEqual(wrong.map((each) => each.line), [4, 5, 6]);
});

test("a column that is not known is told before any row", () => {
  assert.match(fleetIn("name,colour\npump,red\n").wrong[0].text, /“colour” is not known/);
  assert.match(fleetIn("title\npump\n").wrong[0].text, /no column name/);
  assert.match(fleetIn("name\n").wrong[0].text, /no device/);
});

test("the rows that the hub refuses are found by halves, and every one of them", async () => {
  const rows = Array.from({ length: 300 }, (_, at) => ({ line: at + 2, device: { name: `pump-${at}` } }));
  const bad = new Set([0, 17, 299]);
  let asked = 0;
  const wrong = await refused(rows, async (some) => {
    asked += 1;
    const found = some.find((row) => bad.has(row.line - 2));
    return found ? `${found.device.name} exists` : null;
  });
  assert.deepEqual(wrong.map((each) => each.line), [2, 19, 301]);
  assert.ok(asked < 60, `${asked} requests`);
});

test("msgpack is what the hub reads: maps, texts, large numbers, binaries", () => {
  assert.deepEqual([...pack({ a: 1 })], [0xde, 0, 1, 0xd9, 1, 0x61, 0xcf, 0, 0, 0, 0, 0, 0, 0, 1]);
  assert.deepEqual([...pack([Uint8Array.of(7)])], [0xdc, 0, 1, 0xc4, 1, 7]);
  assert.deepEqual([...pack(0.5)], [0xcb, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0]);
});

test("rows are sorted as people count, and those without a value stand last either way", () => {
  const rows = ["pump-10", null, "pump-9"].map((name) => ({ name }));
  assert.deepEqual(sortedBy(rows, (row) => row.name, false).map((row) => row.name), ["pump-9", "pump-10", null]);
  assert.deepEqual(sortedBy(rows, (row) => row.name, true).map((row) => row.name), ["pump-10", "pump-9", null]);
});
