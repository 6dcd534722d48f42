// What is shown in another unit than it was sent in. Run by test_rules_of_the_page.py.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { load } from "./modules.mjs";

const store = new Map([["tributary.units", "no JSON"]]);
globalThis.localStorage = { getItem: (key) => store.get(key) ?? null, setItem: (key, value) => store.set(key, value) };
const { CHOICES, choiceOf, choose, displayed } = await load("app/conversion");
const near = (value, wanted) => assert.ok(Math.abs(value - wanted) < 1e-9 * Math.max(1, Math.abs(wanted)), `${value} is not ${wanted}`);

beforeEach(() => Object.keys(CHOICES).forEach((quantity) => choose(quantity, "")));

test("what nobody has chosen is shown as it was sent", () => {
  for (const unit of ["Cel", "[psi]", "V", "", "unheard of"]) {
    const { unit: shown, of } = displayed(unit);
    assert.equal(shown, unit);
    assert.equal(of(21.5), 21.5);
  }
});

test("temperatures are converted with their zero, from each to each", () => {
  for (const [wanted, boiling] of [["[degF]", 212], ["K", 373.15], ["Cel", 100]]) {
    choose("Temperature", wanted);
    for (const [unit, value] of [["Cel", 100], ["[degF]", 212], ["K", 373.15]]) {
      assert.equal(displayed(unit).unit, wanted);
      near(displayed(unit).of(value), boiling);
    }
  }
});

test("a difference of temperatures knows no zero", () => {
  choose("Temperature", "[degF]");
  near(displayed("Cel").factor, 1.8);
});

test("pressures, speeds, lengths and volumes are converted", () => {
  for (const [quantity, unit, from, value, wanted] of [
    ["Pressure", "[psi]", "bar", 1, 14.503773773], ["Pressure", "bar", "Pa", 100_000, 1], ["Pressure", "hPa", "mbar", 1013, 1013],
    ["Speed", "km/h", "m/s", 10, 36], ["Speed", "[kn_i]", "km/h", 1.852, 1], ["Length", "[ft_i]", "m", 0.3048, 1], ["Volume", "L", "m3", 2, 2000],
  ]) {
    choose(quantity, unit);
    assert.equal(displayed(from).unit, unit);
    assert.ok(Math.abs(displayed(from).of(value) - wanted) < 1e-6);
  }
});

test("a choice is kept, and one that is none is none", () => {
  choose("Temperature", "K");
  assert.deepEqual(JSON.parse(store.get("tributary.units")).Temperature, "K");
  assert.equal(choiceOf("Temperature"), "K");
  choose("Temperature", "V");
  assert.equal(choiceOf("Temperature"), "");
  assert.equal(displayed("Cel").unit, "Cel");
});
