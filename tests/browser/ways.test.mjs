// Which way the page takes next. Run by test_rules_of_the_page.py.

import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./modules.mjs";

const { Choice } = await load("app/ways");

test("a WebSocket may fail once", () => {
  const choice = new Choice();
  assert.equal(choice.failed(false), false);
  assert.equal(choice.kind, "socket");
  assert.equal(choice.failed(false), true);
  assert.equal(choice.kind, "events");
});

test("failures count in a row only", () => {
  const choice = new Choice();
  choice.failed(false);
  choice.worked();
  assert.equal(choice.failed(false), false);
});

test("a way that is of no use is left at once", () => {
  const choice = new Choice();
  assert.equal(choice.failed(true), true);
  assert.equal(choice.failed(true), true);
  assert.equal(choice.kind, "poll");
});

test("where everything fails it begins anew", () => {
  const choice = new Choice();
  for (let time = 0; time < 6; time += 1) choice.failed(false);
  assert.ok(choice.isBest);
  assert.equal(choice.failures, 0);
});

test("the best way is the best again when it works", () => {
  const choice = new Choice();
  choice.failed(true);
  choice.best();
  assert.equal(choice.kind, "socket");
});
