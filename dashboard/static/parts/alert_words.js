// What alerts and rules are in words, and which of them are meant: sentences for people, filters, durations. Pure.

import { digits, symbol } from "../app/units.js";

/** The parts of the page of alerts, as the address and as people name them. */
export const TABS = [["", "Alerts"], ["rules", "Rules"], ["silences", "Silences"], ["targets", "Targets"]];
export const SEVERITIES = ["critical", "warning", "info"];
const VIEWS = ["current", "open", "acknowledged", "past", "all"];

/** @typedef {Record<string, any>} Item */

/** @param {Item} item */
export const isOpen = (item) => item.state === "open";

/** @param {Item} a @param {Item} b */
export const worstFirst = (a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) || newestFirst(a, b);
/** @param {Item} a @param {Item} b */
export const newestFirst = (a, b) => b.raised_us - a.raised_us || (a.id < b.id ? 1 : -1);

/** How many of each severity there are, worst first: 1 critical, 2 warnings. @param {Item[]} items */
export function countsText(items) {
  const said = SEVERITIES.map((each) => [each, items.filter((item) => item.severity === each).length]).filter(([, count]) => count);
  return said.map(([each, count]) => `${count} ${each}${each === "warning" && count > 1 ? "s" : ""}`).join(", ");
}

/**
 * Which alerts an address asks for.
 * @param {Record<string, string>} query
 */
export function filterOf(query) {
  const { severity, device = "", rule = "" } = query;
  return { state: VIEWS.includes(query.state) ? query.state : "current", severity: SEVERITIES.includes(severity) ? severity : "", device, rule };
}

/** Whether a filter means an alert. @param {ReturnType<typeof filterOf>} filter @param {Item} item */
export function isMeant(filter, item) {
  const { state } = filter;
  const fits = state === "all" || (state === "past" ? item.state === "cleared" : state === "current" ? item.state !== "cleared" : item.state === state);
  return fits && ["severity", "device", "rule"].every((each) => !filter[/** @type {"rule"} */ (each)] || filter[/** @type {"rule"} */ (each)] === item[each]);
}

/** A duration as people say it: 5 min, 1.5 h. @param {number} seconds */
export function lasting(seconds) {
  const [size, name] = seconds >= 86_400 && seconds % 3_600 === 0 && seconds % 86_400 === 0 ? [86_400, "d"] : seconds >= 3_600 ? [3_600, "h"] : seconds >= 60 ? [60, "min"] : [1, "s"];
  return `${Number((seconds / Number(size)).toFixed(1))} ${name}`;
}

/** @param {string[]} names @param {string} last */
const listed = (names, last = "or") => (names.length > 1 ? `${names.slice(0, -1).join(", ")} ${last} ${names.at(-1)}` : names[0]);
const TAG = /^[\w.:-]+(=[\w.:-]+)?$/;

/** @param {Item} rule @param {string} [one] */
function devicesText(rule, one = "devices") {
  if (rule.where) return TAG.test(rule.where) ? `${one} tagged ${rule.where}` : `${one} with ${rule.where}`;
  const devices = rule.devices ?? ["*"];
  return devices.includes("*") ? "any device" : listed(devices);
}

/** @param {Item} rule @param {string} unit */
function breaking(rule, unit) {
  const channels = rule.channels ?? ["*"];
  const what = channels.includes("*") ? "a value" : listed(channels);
  const limit = `${typeof rule.limit === "number" ? digits(rule.limit) : "…"}${unit ? ` ${unit}` : ""}`;
  const of = devicesText(rule);
  const device = devicesText(rule, "a device");
  return {
    above: `${what} of ${of} is above ${limit}`,
    below: `${what} of ${of} is below ${limit}`,
    rising: `${what} of ${of} rises by more than ${limit} a second`,
    falling: `${what} of ${of} falls by more than ${limit} a second`,
    text: `${channels.includes("*") ? "a text" : what} of ${of} says ${rule.text || "…"}`,
    no_data: channels.includes("*") ? `${device} has sent nothing` : `${what} of ${of} has not come`,
    offline: `${device} is offline`,
  }[/** @type {"above"} */ (rule.kind)];
}

/** A rule in a sentence. @param {Item} rule @param {string} [unit] UCUM code of what it looks at */
export function sentence(rule, unit = "") {
  const forText = rule.for_s ? ` for ${lasting(rule.for_s)}` : "";
  const raises = { info: "an info", warning: "a warning", critical: "a critical alert" }[/** @type {"info"} */ (rule.severity)];
  const back = rule.hysteresis ? `, until it is back by ${digits(rule.hysteresis)}${symbol(unit) ? ` ${symbol(unit)}` : ""}` : "";
  return `When ${breaking(rule, symbol(unit))}${forText}: raise ${raises}${back}.`;
}

/** What a preview found, in a sentence. @param {Item} found */
export function foundText(found) {
  const days = found.days === 1 ? "the last day" : found.days === 7 ? "the last week" : `the last ${digits(found.days)} days`;
  if (!found.series) return `There is nothing to look at: no readings of this in ${days}.`;
  const least = found.width_us ? "at least " : "";
  if (!found.fired) return `Would not have fired in ${days}${found.width_us ? ", as far as can be seen" : ""}.`;
  const times = found.fired === 1 ? `${least}once` : `${least}${digits(found.fired)} times`;
  const where = found.of_series > 1 ? `, of ${found.of_series} of ${found.series} series` : "";
  return `Would have fired ${times} in ${days}${where}.`;
}
