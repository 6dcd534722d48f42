// What the page says of the delays of the hops, and which of its own it reports.

import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./modules.mjs";

const hidden = [];
globalThis.document = { hidden: false, addEventListener: (_, told) => hidden.push(told) };
let now = 10_000;
globalThis.performance = { now: () => now };
const { Delays } = await load("app/delays");
const { shownOf } = await load("parts/overview/hops");
const { wordsOf } = await load("parts/first_hop");

const hop = (name, p50, p99 = p50) => ({ hop: name, count: p50 === null ? 0 : 1234, p50_ms: p50, p95_ms: p50, p99_ms: p50 === null ? null : p99 });
const NAMES = ["device_to_hub", "hub_to_durable", "durable_to_sent", "sent_to_painted"];

function see(isSeen) {
  document.hidden = !isSeen;
  for (const told of hidden) told();
}

test("the whole way is the sum of the typical times, and each hop tells its slowest", () => {
  const { name, facts } = shownOf({ over_s: 60, hops: NAMES.map((each, at) => hop(each, [4.04, 6, 1, 120][at], 900)) });
  assert.equal(name, "Device → screen");
  assert.equal(facts.total.value, "131 ms");
  assert.deepEqual([facts.device_to_hub.value, facts.device_to_hub.more], ["4.0 ms", "p99 900 ms"]);
  assert.match(facts.sent_to_painted.hint, /Half were quicker than 120 ms, .*: 1,234 reports in the last 60 s/);
});

test("where nothing was painted the way ends where the figures do", () => {
  const { name, facts } = shownOf({ over_s: 60, hops: [hop(NAMES[0], 4), hop(NAMES[1], 6), hop(NAMES[2], null), hop(NAMES[3], null)] });
  assert.equal(name, "Device → disk");
  assert.equal(facts.total.value, "10 ms");
  assert.equal(facts.sent_to_painted.value, "–");
  assert.equal(shownOf({ over_s: 60, hops: NAMES.map((each) => hop(each, null)) }).facts.total.value, "–");
});

test("a device's line says how far its clock is off, how sure that is, and what nobody can know", () => {
  const figures = { count: 600, p50_ms: 4.1, p95_ms: 9.8, p99_ms: 24, backfill_frames: 0, clock_offset_ms: -12.4, clock_error_ms: 2, round_trip_ms: 4.3 };
  assert.match(wordsOf(figures), /half of 600 frames within 4\.1 ms, .* Its clock is 12 ms behind, which is taken out, to within 2\.0 ms\. A ping takes 4\.3 ms/);
  assert.match(wordsOf({ ...figures, clock_offset_ms: 0.2, clock_error_ms: null, backfill_frames: 3 }), /agrees with the hub's; a ping will tell.* 3 frames had waited/);
  assert.match(wordsOf({ ...figures, p50_ms: null }), /^No frame came/);
});

test("what is painted is reported with the hub's stamp and how long ago that was", () => {
  const delays = new Delays();
  now = 20_000;
  delays.came({ n: 5, sent_us: 111 });
  now = 20_100;
  delays.came({ n: 6, sent_us: 222 }); // after the frame has begun: not in it
  now = 20_116;
  assert.equal(delays.painted({ beganAt: 20_050, seenSince: 0 }), 5);
  now = 20_316;
  assert.deepEqual(delays.stamp(), { sent_us: 111, ago_us: 200_000 });
  assert.equal(delays.painted({ beganAt: 20_310, seenSince: 0 }), 6);
  assert.deepEqual(delays.stamp(), { sent_us: 222, ago_us: 0 });
  assert.equal(delays.painted({ beganAt: 20_310, seenSince: 0 }), 6);
});

test("what waited while the page was hidden, or out of sight, is drawn and no delay", () => {
  const delays = new Delays();
  now = 30_000;
  delays.came({ n: 1, sent_us: 1 });
  see(false);
  now = 90_000;
  see(true);
  delays.came({ n: 2, sent_us: 2 }); // came in its sleep, and is heard of now
  assert.equal(delays.painted({ beganAt: 90_010, seenSince: 0 }), 2);
  assert.equal(delays.stamp(), undefined);
  assert.equal(delays.wasSeen({ seenSince: 0 }), false);
  now = 95_000;
  delays.came({ n: 3, sent_us: 3 });
  assert.equal(delays.painted({ beganAt: 95_010, seenSince: 94_000 }), 3);
  assert.equal(delays.stamp(), undefined);
  delays.came({ n: 4, sent_us: 4 });
  assert.equal(delays.painted({ beganAt: 95_010, seenSince: 0 }), 4);
  assert.deepEqual(delays.stamp(), { sent_us: 4, ago_us: 0 });
  assert.equal(delays.wasSeen({ seenSince: 0 }), true);
});

test("a snapshot is no delay", () => {
  const delays = new Delays();
  now = 100_000;
  delays.came({ n: 1 });
  assert.equal(delays.painted({ beganAt: 100_010, seenSince: 0 }), 1);
  assert.equal(delays.stamp(), undefined);
});
