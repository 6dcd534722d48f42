// Rules in words, what a form makes of them and back, which alerts an address means.

import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./modules.mjs";

const { countsText, filterOf, foundText, isMeant, lasting, sentence } = await load("parts/alert_words");
const { fieldOf, formOf, ruleIn } = await load("parts/rule_fields");

const RULE = { kind: "above", severity: "warning", channels: ["temp"], devices: ["*"], limit: 30, for_s: 300, hysteresis: 0 };

test("a rule of each kind is a plain sentence", () => {
  assert.equal(sentence({ ...RULE, where: "hall" }, "Cel"), "When temp of devices tagged hall is above 30 °C for 5 min: raise a warning.");
  assert.equal(sentence({ ...RULE, kind: "rising", for_s: 0, hysteresis: 2, devices: ["a", "b"] }), "When temp of a or b rises by more than 30 a second: raise a warning, until it is back by 2.");
  assert.equal(sentence({ kind: "text", text: "*error*", severity: "info", devices: ["a"], channels: ["*"] }), "When a text of a says *error*: raise an info.");
  assert.equal(sentence({ kind: "no_data", severity: "critical", devices: ["*"], channels: ["*"], for_s: 5_400 }), "When any device has sent nothing for 1.5 h: raise a critical alert.");
  assert.equal(sentence({ kind: "offline", severity: "info", where: "floor=2 and not kind=test", for_s: 90 }), "When a device with floor=2 and not kind=test is offline for 1.5 min: raise an info.");
});

test("what a form makes of a rule is the rule again", () => {
  for (const rule of [
    { kind: "above", severity: "warning", for_s: 300, devices: ["*"], channels: ["temp", "hum"], limit: 30, hysteresis: 0.5, late_s: 60 },
    { kind: "text", severity: "info", for_s: 0, where: "hall", channels: ["*"], late_s: 10, text: "*error*", note: "look" },
    { kind: "no_data", severity: "critical", for_s: 7_200, devices: ["a"], channels: ["*"], late_s: 60 },
    { kind: "offline", severity: "info", for_s: 90, devices: ["a", "b"] },
  ]) assert.deepEqual(ruleIn(formOf(rule)), { rule, wrong: {} });
});

test("how many of each severity are meant is said worst first", () => {
  assert.equal(countsText([{ severity: "warning" }, { severity: "info" }, { severity: "critical" }, { severity: "warning" }]), "1 critical, 2 warnings, 1 info");
});

test("what is wrong in a form is said of its field", () => {
  const wrong = (changes) => Object.keys(ruleIn({ ...formOf({ ...RULE, limit: 1 }), ...changes }).wrong);
  assert.deepEqual(wrong({ limit: "" }), ["limit"]);
  assert.deepEqual(wrong({ limit: "hot", for: "x" }), ["for", "limit"]);
  assert.deepEqual(wrong({ kind: "no_data", for: "0" }), ["for"]);
  assert.deepEqual(wrong({ among: "tags", where: " " }), ["where"]);
  assert.deepEqual(wrong({ among: "names", devices: "" }), ["devices"]);
  assert.equal(fieldOf({ code: "bad_rule", message: "for_s must be a number from 0 to 604800, not 1e9" }), "for");
  assert.equal(fieldOf({ code: "exists", message: "there is a rule hot" }), "rule");
  assert.equal(fieldOf({ code: "conflict", message: "rule hot is at version 3" }), null);
});

test("an address means the alerts that it names", () => {
  const item = { state: "open", severity: "warning", device: "a", rule: "r" };
  assert.ok(isMeant(filterOf({}), item));
  assert.ok(isMeant(filterOf({ state: "all", severity: "warning", device: "a", rule: "r" }), item));
  assert.ok(!isMeant(filterOf({ state: "past" }), item));
  assert.ok(!isMeant(filterOf({ severity: "critical" }), item));
  assert.ok(!isMeant(filterOf({}), { ...item, state: "cleared" }));
  assert.equal(filterOf({ state: "nonsense", severity: "x" }).state, "current");
});

test("what was found is said with its doubt", () => {
  const found = { days: 7, series: 4, of_series: 1, width_us: 0, fired: 3 };
  assert.equal(foundText(found), "Would have fired 3 times in the last week.");
  assert.equal(foundText({ ...found, fired: 1, width_us: 60e6, of_series: 2 }), "Would have fired at least once in the last week, of 2 of 4 series.");
  assert.equal(foundText({ ...found, fired: 0, days: 1 }), "Would not have fired in the last day.");
  assert.match(foundText({ ...found, series: 0 }), /nothing to look at/);
  assert.equal(lasting(90), "1.5 min");
});
