// When a subscription of the page asks the hub. Run by test_rules_of_the_page.py.

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { load } from "./modules.mjs";

const { Stream } = await load("app/stream");

const refused = { op: "error", id: "a", code: "store_unavailable", message: "the store is closed" };

/** The hub as a stream knows it, and what was said to it. */
function hubOf() {
  const said = [];
  const hub = { said, isOpen: true, nowUs: 100, knownUs: () => hub.nowUs, send: (message) => said.push(message.op), closed: () => said.push("closed"), lagUs: () => 0 };
  return hub;
}

test("while the hub cannot read, a stream asks again, until nobody wants it any more", () => {
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1e12 });
  const hub = hubOf();
  const stream = new Stream("a", hub, { devices: ["pump"], span_s: 300, width_us: 0 }, () => {});
  stream.opened();
  for (let time = 0; time < 3; time += 1) {
    stream.heard(refused);
    mock.timers.tick(10_000);
  }
  assert.deepEqual(hub.said, Array(4).fill("subscribe"));
  stream.heard(refused);
  stream.close();
  mock.timers.tick(60_000);
  assert.deepEqual(hub.said.slice(4), ["closed"]);
  mock.timers.reset();
});

test("what came while nobody looked is not taken for a silence before it is here", () => {
  const hub = hubOf();
  const stream = new Stream("a", hub, { devices: ["pump"], span_s: 300, width_us: 0 }, () => {});
  const told = (op, more) => stream.heard({ op, id: "a", n: 1, to: "c", sent_us: 1, data: [], series: [], more });
  stream.opened();
  told("snapshot");
  assert.equal(stream.knownUs(), 100);
  stream.rest();
  hub.nowUs = 900;
  stream.wake();
  assert.equal(stream.knownUs(), 100);
  told("update", true);
  assert.equal(stream.knownUs(), 100);
  told("update");
  assert.equal(stream.knownUs(), 900);
});
