// Where tiles lie, what variables stand for, and the other rules of dashboards. Run by test_rules_of_the_page.py.

import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./modules.mjs";

const { COLUMNS, arranged, freePlace, inOrder, settled, swapped } = await load("parts/grid");
const { boardIn, boardOfTag, differences, differing, emptyBoard, filledIn, isSame, nameFor, newId, resolved, unchosen, valuesOf, withTile } = await load("parts/board_rules");

const tile = (id, x, y, w = 4, h = 2) => ({ id, type: "text", x, y, w, h, title: id, config: {} });
const at = (tiles) => Object.fromEntries(tiles.map((each) => [each.id, [each.x, each.y, each.w, each.h]]));
const meet = (a, b) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;

test("tiles go up as far as they can and never lie over another", () => {
  assert.deepEqual(at(settled([tile("a", 0, 5), tile("b", 2, 9), tile("c", 8, 9_000)])), { a: [0, 0, 4, 2], b: [2, 2, 4, 2], c: [8, 0, 4, 2] });
  let seed = 7;
  const random = (most) => (seed = (seed * 48_271) % 2_147_483_647) % most;
  for (let round = 0; round < 200; round += 1) {
    const tiles = Array.from({ length: 12 }, (_, n) => tile(`t${n}`, random(8), random(9), 1 + random(4), 1 + random(4)));
    const found = arranged(settled(tiles), `t${random(12)}`, { x: random(20) - 4, y: random(12), w: 1 + random(14) });
    assert.equal(found.length, 12);
    for (const a of found) {
      assert.ok(a.x >= 0 && a.w >= 1 && a.x + a.w <= COLUMNS && a.y >= 0);
      assert.ok(found.every((b) => a === b || !meet(a, b)));
    }
    assert.deepEqual(at(settled(found)), at(found));
  }
});

test("a tile that is moved has the place it is moved to, and what lay there makes room", () => {
  const tiles = [tile("a", 0, 0), tile("b", 4, 0), tile("c", 0, 2)];
  assert.deepEqual(at(arranged(tiles, "c", { x: 4, y: 0 })), { a: [0, 0, 4, 2], c: [4, 0, 4, 2], b: [4, 2, 4, 2] });
  assert.deepEqual(at(arranged(tiles, "a", { y: 1 })), { c: [0, 0, 4, 2], a: [0, 2, 4, 2], b: [4, 0, 4, 2] });
  assert.deepEqual(at(arranged(tiles, "a", { w: 99, h: 0 }))["a"], [0, 0, 12, 1]);
  assert.deepEqual(at(arranged(tiles, "b", { x: 40 }))["b"], [8, 0, 4, 2]);
});

test("in one column a tile takes the place of another", () => {
  const tiles = [tile("a", 0, 0), tile("b", 4, 0), tile("c", 0, 2, 8)];
  const names = (found) => inOrder(found).map((each) => each.id);
  assert.deepEqual(names(swapped(tiles, "c", "a")), ["c", "a", "b"]);
  assert.deepEqual(names(swapped(tiles, "a", "c")), ["b", "c", "a"]);
  assert.deepEqual(names(swapped(tiles, "b", "a")), ["b", "a", "c"]);
  assert.deepEqual(swapped(tiles, "a", "nothing"), tiles);
});

test("a new tile gets the first free place and an id of its own", () => {
  assert.deepEqual(freePlace([tile("a", 0, 0), tile("b", 4, 0)], 4, 3), { x: 8, y: 0 });
  assert.deepEqual(freePlace([tile("a", 0, 0), tile("b", 4, 0)], 6, 3), { x: 0, y: 2 });
  const tiles = withTile([tile("t2", 0, 0)], { type: "text", w: 4, h: 2, title: "", config: {} });
  assert.deepEqual([tiles[1].id, tiles[1].x], ["t3", 4]);
  assert.equal(newId([tile("t3", 0, 0), tile("x", 0, 2)]), "t4");
});

const IT = { name: "it", kind: "device", value: "pump" };
const AREA = { name: "area", kind: "tags", value: "floor=2 or roof" };

test("a variable has the value of the address, else the one that was saved", () => {
  assert.deepEqual(valuesOf([IT, AREA], { "var-it": "fan", range: "1h" }).map((each) => each.value), ["fan", "floor=2 or roof"]);
  assert.deepEqual(differing([IT, AREA], valuesOf([IT, AREA], { "var-it": "fan" })), { "var-it": "fan" });
  assert.deepEqual(differing([IT], [IT]), {});
});

test("names of variables in a config become their values", () => {
  const config = { source: { devices: ["$it", "fan"] }, channels: ["temp"], limit: 3, text: "of $it, $5 and $other" };
  assert.deepEqual(resolved(config, [IT]), { source: { devices: ["pump", "fan"] }, channels: ["temp"], limit: 3, text: "of pump, $5 and $other" });
  assert.equal(filledIn("Air of $it", [IT]), "Air of pump");
  assert.deepEqual(resolved({ devices: ["$it"] }, [{ ...IT, value: "" }]), { devices: [] });
});

test("a tag expression is put in whole, in parentheses beside others, and all devices where it is empty", () => {
  assert.equal(resolved({ where: "$area" }, [AREA]).where, "floor=2 or roof");
  assert.equal(resolved({ where: "not $area and kind=pump" }, [AREA]).where, "not (floor=2 or roof) and kind=pump");
  assert.equal(resolved({ where: "$area" }, [{ ...AREA, value: " " }]).where, "name=*");
  assert.equal(resolved({ where: "name=$it" }, [IT]).where, 'name="pump"');
});

test("a device that is still to be chosen is named", () => {
  const none = [{ ...IT, value: "" }, { ...AREA, value: "" }];
  assert.deepEqual(unchosen({ source: { devices: ["$it"] } }, none), ["it"]);
  assert.deepEqual(unchosen({ source: { where: "$area" } }, none), []);
  assert.deepEqual(unchosen({ source: { devices: ["$it"] } }, [IT]), []);
});

test("a name is made of a title and is not taken", () => {
  assert.equal(nameFor("  Zürich, Hall 2! ", []), "zurich-hall-2");
  assert.equal(nameFor("日本", []), "dashboard");
  assert.equal(nameFor("Hall", ["hall", "hall-2"]), "hall-3");
});

test("a dashboard of a tag has a chart for each channel and a table", () => {
  const channels = [{ name: "hum", kind: "gauge" }, { name: "mode", kind: "state" }];
  const board = boardOfTag("Floor 2", "floor=2", [{ channels: [{ name: "temp", kind: "gauge" }, ...channels] }, { channels }]);
  assert.deepEqual(board.tiles.map((each) => [each.type, each.title]), [["chart", "hum"], ["chart", "temp"], ["table", "Newest values"]]);
  assert.deepEqual(board.variables, [{ name: "devices", kind: "tags", value: "floor=2" }]);
  assert.deepEqual(board.tiles[0].config, { source: { where: "$devices" }, channels: ["hum"] });
  assert.deepEqual(boardOfTag("None", "floor=9", []).tiles, []);
});

test("a file that holds no dashboard is told plainly", () => {
  assert.throws(() => boardIn("{"), /not JSON/);
  assert.throws(() => boardIn("[1]"), /no dashboard/);
  assert.throws(() => boardIn('{"title": 1, "tiles": []}'), /no dashboard/);
  assert.deepEqual(boardIn(JSON.stringify(emptyBoard("Hall"))), emptyBoard("Hall"));
});

test("what differs is said in words, and the order of keys differs in nothing", () => {
  const board = { ...emptyBoard("Hall"), tiles: [tile("a", 0, 0), tile("b", 4, 0)] };
  assert.ok(isSame(board, { tiles: board.tiles, range: "1h", variables: [], title: "Hall" }));
  assert.equal(differences(board, { ...board, tiles: [tile("a", 1, 0), tile("c", 4, 0)] }), "1 tile added (c), 1 tile removed (b), 1 tile changed (a)");
  assert.equal(differences(board, { ...board, title: "Attic", range: "7d" }), "the title is “Attic”, range or variables changed");
  assert.equal(differences(board, board), "nothing that is shown");
});
