// The hub's clock on a page that is open all day.

import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./modules.mjs";

let now = 0;
globalThis.performance = { timeOrigin: 1_700_000_000_000, now: () => now };
const { HubClock } = await load("app/hub_clock");
const AHEAD_US = 3_600_000_000;
const hubUs = (ppm = 0) => (1_700_000_000_000 + now) * 1000 + AHEAD_US + now * 1e-3 * ppm;

// Ask the hub, whose answer takes so long each way.
function ask(clock, thereMs, backMs, ppm) {
  const began = now;
  now += thereMs;
  const said = hubUs(ppm);
  now += backMs;
  clock.answered(began, said);
}

test("the quickest round trip tells, and a slow one changes nothing", () => {
  now = 0;
  const clock = new HubClock();
  clock.greeted(hubUs() - 40_000); // it was on its way for 40 ms
  assert.equal(Math.round(clock.nowUs() - hubUs()), -40_000);
  ask(clock, 30, 10);
  assert.equal(Math.round(clock.nowUs() - hubUs()), 10_000); // nobody can know that the way there took longer
  assert.equal(clock.errorUs, 20_000);
  ask(clock, 2, 2);
  ask(clock, 300, 10);
  assert.equal(Math.round(clock.nowUs() - hubUs()), 0);
  assert.equal(clock.errorUs, 2_000);
});

test("two clocks that drift apart by a second in a day are never more than a few ms apart", () => {
  now = 0;
  const clock = new HubClock();
  clock.greeted(hubUs(20));
  let worst = 0;
  for (let minute = 0; minute < 24 * 60; minute += 1) {
    ask(clock, 3, 3, 20);
    now += 60_000;
    worst = Math.max(worst, Math.abs(clock.nowUs() - hubUs(20)));
  }
  assert.ok(worst < 6_000, `${worst} µs`);
});
