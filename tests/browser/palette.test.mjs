// What a text in the palette means. Run by test_rules_of_the_page.py.

import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./modules.mjs";

const { matching } = await load("parts/palette");
const entries = ["Overview", "hall-pump", "pump", "Dark theme", "Export readings", "pump-room sensor"].map((label) => ({ label, run: () => {} }));
const found = (text) => matching(entries, text).map((entry) => entry.label);

test("nothing typed means everything, in its order", () => assert.deepEqual(found(" "), entries.map((entry) => entry.label)));

test("what begins with it comes before what has a word that does, and that before the rest", () => {
  assert.deepEqual(found("pump"), ["pump", "pump-room sensor", "hall-pump"]);
  assert.deepEqual(found("THE"), ["Dark theme"]);
  assert.deepEqual(found("view"), ["Overview"]);
});

test("letters in their order are enough", () => {
  assert.deepEqual(found("hpmp"), ["hall-pump"]);
  assert.deepEqual(found("zz"), []);
});
