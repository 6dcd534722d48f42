// How long readings take from a device to a screen, hop by hop, for the whole hub: the typical times, and those of the slowest.
//
// Owns the strip and its words; health.js asks the hub. Every page that is seen reports how long drawing took, so the last hop is of all of
// them.

import { h, say } from "../../app/dom.js";
import { linkTo } from "../../app/router.js";
import { count, fine, milliseconds } from "../../app/units.js";

/** @typedef {{hop: string, count: number, p50_ms: number | null, p95_ms: number | null, p99_ms: number | null}} Hop */
/** @typedef {{value: string, more: string, hint: string}} Shown */

/** @type {Record<string, {name: string, end: string, what: string, of: string}>} */
const HOPS = {
  device_to_hub: { name: "Device → hub", end: "hub", what: "From the newest reading of a frame to its arrival, with the device's clock corrected", of: "frames" },
  hub_to_durable: { name: "Hub → disk", end: "disk", what: "From the arrival of a frame until it is on disk", of: "frames" },
  durable_to_sent: { name: "Disk → sent", end: "sending", what: "From then until it was handed to the connections of who watches; of each update the frame that waited longest", of: "updates to viewers" },
  sent_to_painted: { name: "Sent → screen", end: "screen", what: "From then until it was painted, as pages that are seen report it: the network, and drawing, ten times a second at most", of: "reports" },
};
const TOTAL = "total";

export class Hops {
  constructor() {
    /** @type {Map<string, {box: HTMLElement, name: HTMLElement, value: HTMLElement, more: HTMLElement}>} */
    this._facts = new Map();
    const list = h("dl", { class: "hops-list" });
    for (const key of [TOTAL, ...Object.keys(HOPS)]) list.append(this._add(key));
    const words = [
      "Times of the last minute; the first figure is the sum of the typical ones. p99: 99 of 100 were quicker.",
      "A device's clock is estimated from its quickest frames and half of its quickest ping. A delay that is always there and in one direction only looks like a clock that is wrong, so it is not seen; nor is what happens in the sensor before a reading gets its time.",
      "Not counted: frames that waited in their device for a connection, pages while they are hidden, viewers that cannot keep up, and programs, which paint nothing.",
    ];
    const more = h("details", { class: "hops-words" }, h("summary", {}, "What these times mean"), ...words.map((text) => h("p", {}, text)));
    this.past = h("a", { class: "hops-past", hidden: true }, "Over time");
    this.element = h("section", { class: "hops", "aria-label": "Delay from device to screen" }, list, h("div", { class: "hops-foot" }, more, this.past));
  }

  /** @param {string} key */
  _add(key) {
    const [name, value, more] = [h("dt", {}, key === TOTAL ? "Device → screen" : HOPS[key].name), h("span", { class: "health-value" }, "–"), h("span", { class: "health-more" })];
    const box = h("div", {}, name, h("dd", {}, value, " ", more));
    this._facts.set(key, { box, name, value, more });
    return box;
  }

  /** @param {{over_s: number, hops: Hop[]}} latency @param {string | undefined} own the device of the hub's own figures */
  show(latency, own) {
    this.past.hidden = !own;
    if (own && this.past.getAttribute("href") !== linkTo(["devices", own])) this.past.href = linkTo(["devices", own]);
    const shown = shownOf(latency);
    const total = this._facts.get(TOTAL);
    if (total) say(total.name, shown.name);
    for (const [key, { value, more, hint }] of Object.entries(shown.facts)) {
      const fact = this._facts.get(key);
      if (!fact) continue;
      say(fact.value, value);
      say(fact.more, more);
      if (fact.box.title !== hint) fact.box.title = hint;
    }
  }
}

/** What the strip says: the whole way as far as there are figures of it, and each hop. @param {{over_s: number, hops: Hop[]}} latency */
export function shownOf({ over_s: overS, hops }) {
  /** @type {Record<string, Shown>} */
  const facts = {};
  for (const hop of hops) if (HOPS[hop.hop]) facts[hop.hop] = factOf(hop, overS);
  const unknown = hops.findIndex((each) => each.p50_ms === null);
  const known = unknown < 0 ? hops : hops.slice(0, unknown);
  const whole = known.length ? milliseconds(known.reduce((sum, each) => sum + (each.p50_ms ?? 0), 0)) : "–";
  const end = HOPS[known.at(-1)?.hop ?? "sent_to_painted"]?.end;
  facts[TOTAL] = { value: whole, more: known.length ? "typical" : "", hint: `The sum of the typical times of each hop${unknown > 0 ? "; of the rest there are no figures now" : ""}` };
  return { name: `Device → ${end}`, facts };
}

/** @param {Hop} hop @param {number} overS @returns {Shown} */
function factOf({ hop, count: number, p50_ms: p50, p95_ms: p95, p99_ms: p99 }, overS) {
  const { what, of } = HOPS[hop];
  if (p50 === null || p95 === null || p99 === null) return { value: "–", more: "", hint: `${what}. None was counted in the last ${overS.toFixed(0)} s` };
  return { value: fine(p50), more: `p99 ${fine(p99)}`, hint: `${what}. Half were quicker than ${fine(p50)}, 95 of 100 than ${fine(p95)}, 99 than ${fine(p99)}: ${count(number)} ${of} in the last ${overS.toFixed(0)} s` };
}
