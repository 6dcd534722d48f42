// What the hub tells of whole, in its order. Run by test_rules_of_the_page.py.

import assert from "node:assert/strict";
import { test } from "node:test";

const { load } = await import("./modules.mjs");
const { Entities } = await load("app/entities");

const item = (device, version = 1, more = {}) => ({ device, version, ...more });
const names = (entities) => entities.sorted().map((each) => each.device);

test("things stand in the order in which people count, also after one came, changed or went", () => {
  const entities = new Entities("device");
  entities.apply([item("pump-10"), item("pump-9"), item("Pump-1")], true);
  assert.deepEqual(names(entities), ["Pump-1", "pump-9", "pump-10"]);
  entities.apply([item("pump-9", 2, { presence: "online" })], false);
  assert.equal(entities.sorted()[1].presence, "online");
  entities.apply([item("pump-2")], false);
  assert.deepEqual(names(entities), ["Pump-1", "pump-2", "pump-9", "pump-10"]);
  entities.apply([item("pump-9", 3, { removed: true })], false);
  assert.deepEqual(names(entities), ["Pump-1", "pump-2", "pump-10"]);
  entities.apply([item("pump-3")], true);
  assert.deepEqual(names(entities), ["pump-3"]);
});

test("of more than are kept the oldest go", () => {
  const entities = new Entities("device", 2);
  entities.apply([item("a", 3), item("b", 1), item("c", 2)], false);
  assert.deepEqual(names(entities), ["a", "c"]);
});

test("who has a list of all may change it", () => {
  const entities = new Entities("device");
  entities.apply([item("a"), item("b")], true);
  entities.sorted().reverse().pop();
  assert.deepEqual(names(entities), ["a", "b"]);
});
