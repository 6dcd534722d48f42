// The page judges tag expressions as the hub does: the same table, and expressions that test_tags_of_the_page.py draws. Run by
// test_rules_of_the_page.py.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { load } from "./modules.mjs";

const { expressionOf, factsOf, parse } = await load("app/tags");
const TABLE = JSON.parse(readFileSync(new URL("../vectors/tag_expressions.json", import.meta.url), "utf8"));
const PUMP = new Map(Object.entries(TABLE.facts));

test("what is known of a device is what the hub asks", () => {
  assert.deepEqual(Object.fromEntries(factsOf(TABLE.item)), TABLE.facts);
  assert.deepEqual([...factsOf({ device: "x", presence: "offline", disabled: true }).keys()], ["name", "presence", "disabled"]);
});

for (const [expression, isMeant] of TABLE.meant) {
  test(`${JSON.stringify(expression)} is ${isMeant}`, () => assert.equal(parse(expression)(PUMP), isMeant));
}

for (const [expression, said] of TABLE.refused) {
  test(`${JSON.stringify(expression).slice(0, 60)} is refused with the place`, () => {
    assert.throws(() => parse(expression), (error) => error.message.includes(said) || assert.fail(`${error.message} lacks ${said}`));
  });
}

test("a tag becomes the expression that means it", () => {
  for (const tag of ["outdoor", "floor=2", "room=hall 3", "x=and", "x=a=b", "x=(y)"]) assert.equal(parse(expressionOf(tag))(factsOf({ device: "d", tags: [tag] })), true, tag);
});
