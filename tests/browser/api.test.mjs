// What a person is shown of a refusal.

import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./modules.mjs";

const { ApiError } = await load("app/api");

test("a refusal is said in whole sentences, however it was written", () => {
  const text = (message, hint = "") => new ApiError(message, { hint }).text;
  assert.equal(text("there is a rule hot", "edit it, or choose another name"), "There is a rule hot. Edit it, or choose another name.");
  assert.equal(text("Choose a device."), "Choose a device.");
  assert.equal(text("tiles[0].w is a whole number"), "tiles[0].w is a whole number.");
  assert.equal(text("2 rules are at most there"), "2 rules are at most there.");
});
