// Which node has a device, and what is said where that does not answer. Run by test_rules_of_the_page.py.

import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./modules.mjs";

const { nodeOf, silencesText, silentNodeOf } = await load("app/places");
const { nodesOf } = await load("parts/overview/choosing");
const { factText } = await load("parts/side");

const CLUSTER = { node: "a", nodes: [] };
const SILENT = { node: "a", nodes: [{ name: "b", since_us: 8e6 }] };
const here = { device: "pump", presence: "online", last_seen_us: 1 };
const there = { ...here, device: "fan", node: "b" };

test("a device is where a node says, else here, and nowhere where it never was", () => {
  assert.deepEqual([nodeOf(here, CLUSTER), nodeOf(there, CLUSTER)], ["a", "b"]);
  assert.equal(nodeOf({ device: "new", presence: "offline" }, CLUSTER), null);
  assert.equal(nodeOf(here, {}), null); // a hub that stands alone
  assert.deepEqual([nodesOf([there], CLUSTER), nodesOf([], CLUSTER), nodesOf([here], {})], [["a", "b"], ["a"], []]);
});

test("only a device of a node that does not answer is spoken of", () => {
  assert.equal(silencesText([here, there], CLUSTER, 20e6), null);
  assert.equal(silencesText([here], SILENT, 20e6), null);
  assert.equal(silencesText([here, there], SILENT, 20e6), "Node b has not answered for 12 s: newer readings come once it does.");
});

test("a node that nobody hears of is silent, too, since whichever was sooner", () => {
  const lost = { ...there, presence: "unconfirmed", node_gone_us: 6e6 };
  assert.deepEqual(silentNodeOf(lost, CLUSTER), { name: "b", sinceUs: 6e6 });
  assert.deepEqual(silentNodeOf(lost, SILENT), { name: "b", sinceUs: 6e6 });
  assert.equal(factText(lost, 20e6), "unconfirmed, node b is gone for 14 s");
});

test("a guest is not told of names, and of several nodes one line is said", () => {
  assert.match(silencesText([{ device: "fan", node_gone_us: 6e6 }], {}, 20e6), /^A part of the hub has not answered for 14 s/);
  const other = { ...there, node: "c", node_gone_us: 2e6 };
  assert.match(silencesText([there, other], SILENT, 20e6), /^2 nodes of its devices do not answer, one for 18 s/);
});
