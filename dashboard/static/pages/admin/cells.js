// What cells of tables and lists of facts hold: times, tags, facts.
//
// Owns no state.

import { h } from "../../app/dom.js";
import { moment } from "../../app/times.js";
import { duration } from "../../app/units.js";

const none = () => h("span", { class: "muted" }, "–");

/**
 * A time, to the second.
 * @param {number | null | undefined} us µs since 1970
 */
export const when = (us) => (us ? moment(us) : none());

/**
 * The day of a time.
 * @param {number | null | undefined} us
 */
export const dayOf = (us) => (us ? moment(us, new Date(us / 1000).toLocaleDateString([], { year: "numeric", month: "short", day: "numeric" })) : none());

/**
 * How long something has still got, or that it is over.
 * @param {number} us when it ends @param {number} nowUs
 */
export function leftUntil(us, nowUs) {
  if (us <= nowUs) return h("span", { class: "chip", data: { tone: "bad" } }, "over");
  const seconds = (us - nowUs) / 1e6;
  return h("span", { class: "chip", data: { tone: seconds < 7 * 86_400 ? "warn" : "" } }, `in ${duration(seconds)}`);
}

/** @param {string} text @param {string} [tone] good, warn or bad */
export const chip = (text, tone = "") => h("span", { class: "chip", data: { tone } }, text);

/**
 * Tags as chips.
 * @param {string[] | undefined} tags
 */
export const tagsOf = (tags) => h("span", { class: "chips" }, (tags ?? []).map((tag) => chip(tag)));

/**
 * A list of facts: name and value, those without a value left out.
 * @param {[string, import("../../app/dom.js").Child | import("../../app/dom.js").Child[]][]} facts
 */
export function factsOf(facts) {
  const given = facts.filter(([, value]) => value !== null && value !== undefined && value !== false && value !== "");
  return h("dl", { class: "facts-list" }, ...given.map(([name, value]) => [h("dt", {}, name), h("dd", {}, .../** @type {any[]} */ ([value].flat()))]).flat());
}
