// Readings up to a moment: buckets that end after it are asked for finer, until it is known to the reading.

import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./modules.mjs";

const { endedAt } = await load("app/ended");
const S = 1e6;
const readings = Array.from({ length: 7_200 }, (_, at) => ({ t: at * S, n: at, w: 0, v: at }));

function bucketsOf(fromUs, toUs, width) {
  if (width === 0) return readings.filter((each) => each.t >= fromUs && each.t < toUs);
  const found = new Map();
  for (const { t, v } of readings) {
    const start = Math.floor(t / width) * width;
    if (start + width <= fromUs || start >= toUs) continue;
    const bucket = found.get(start) ?? { t: start, n: -1, w: width, min: v, max: v, sum: 0, count: 0 };
    found.set(start, { ...bucket, max: v, sum: bucket.sum + v, count: bucket.count + 1, last: v, lastT: t });
  }
  return [...found.values()];
}

const named = { device: "a", channel: "x", unit: "m", kind: "gauge" };
const modelOf = (rows) => ({ series: new Map([[JSON.stringify(["a", "x", "m", "gauge"]), { ...named, rows }]]), hole: null, keptFromUs: null });

test("the last value before a moment is the reading before it, however wide the buckets are", async () => {
  for (const width of [1, 10, 60, 600, 3_600, 86_400].map((each) => each * S)) {
    const asked = [];
    const ask = async (fromUs, toUs, finer) => {
      asked.push(finer);
      return modelOf(bucketsOf(fromUs, toUs, finer));
    };
    const endUs = 4_321.5 * S;
    const found = await endedAt(modelOf(bucketsOf(0, endUs, width)), endUs, ask);
    const [{ rows }] = found.series.values();
    const last = rows.at(-1);
    assert.equal(last.w ? last.last : last.v, 4_321, `of ${width / S} s`);
    const counted = rows.reduce((sum, row) => sum + (row.w ? row.count : 1), 0);
    assert.equal(counted, 4_322);
    assert.ok(asked.length <= 2 && rows.every((row, at) => at === 0 || rows[at - 1].t < row.t));
  }
});

test("where no bucket is cut nothing more is asked for, and a series that began in the cut is not lost", async () => {
  const never = async () => assert.fail("asked");
  const rows = (await endedAt(modelOf(bucketsOf(0, 100 * S, 0)), 50 * S, never)).series.values().next().value.rows;
  assert.equal(rows.at(-1).v, 49);
  const one = await endedAt(modelOf(bucketsOf(0, 60 * S, 60 * S)), 30 * S, async (a, b, width) => modelOf(bucketsOf(a, b, width)));
  assert.equal([...one.series.values()][0].rows.length, 30);
});
