// How far behind the page says it is. Run by test_rules_of_the_page.py.

import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./modules.mjs";

const { Behind } = await load("app/behind");
const S = 1_000_000;

function begun() {
  const behind = new Behind();
  behind.begin(100 * S);
  return behind;
}

test("what comes late is told by how late, and no more once it is on time for good", () => {
  const behind = begun();
  behind.knows(104 * S, 104 * S);
  assert.equal(behind.lagUs(108 * S, true), 0);
  assert.equal(behind.lagUs(110 * S, true), 6 * S);
  behind.knows(107 * S, 110 * S);
  assert.equal(behind.lagUs(110 * S, true), 3 * S); // it does not come and go
  behind.knows(109 * S, 110 * S);
  assert.equal(behind.lagUs(110 * S, true), 0);
  assert.equal(behind.lagUs(113 * S, true), 0);
});

test("the hub is asked once where it says nothing, and the answer tells that nothing is on its way", () => {
  const behind = begun();
  assert.equal(behind.isDue(102 * S), false);
  assert.equal(behind.isDue(104 * S), true);
  assert.equal(behind.isDue(105 * S), false);
  assert.equal(behind.lagUs(106 * S, true), 6 * S);
  behind.answered(106 * S);
  assert.equal(behind.knownUs, 104 * S);
  assert.equal(behind.isDue(106 * S), false);
  assert.equal(behind.isDue(108 * S), true);
});

test("an answer is as old as its question", () => {
  const behind = begun();
  behind.isDue(104 * S);
  behind.knows(112 * S, 113 * S);
  behind.answered(114 * S);
  assert.equal(behind.knownUs, 112 * S);
});

test("where nothing can be asked, silence is taken for silence, and what came late is told for a while", () => {
  const behind = begun();
  assert.equal(behind.lagUs(108 * S, false), 0);
  behind.knows(104 * S, 110 * S);
  assert.equal(behind.lagUs(112 * S, false), 6 * S);
  assert.equal(behind.lagUs(130 * S, false), 0);
});

test("a new connection, and somebody who looks again, begin anew", () => {
  const behind = begun();
  behind.isDue(104 * S);
  behind.begin(500 * S);
  assert.equal(behind.lagUs(501 * S, true), 0);
  assert.equal(behind.isDue(504 * S), true);
});

test("an answer to what was asked before somebody looked away says nothing of what was asked since", () => {
  const behind = begun();
  assert.equal(behind.isDue(104 * S), true);
  behind.seen(120 * S);
  assert.equal(behind.lagUs(120 * S, true), 0);
  assert.equal(behind.isDue(124 * S), false); // one question at a time
  behind.answered(130 * S);
  assert.equal(behind.knownUs, 120 * S);
  assert.equal(behind.lagUs(130 * S, true), 10 * S);
  assert.equal(behind.isDue(130 * S), true);
});
