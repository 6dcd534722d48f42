// How long one device's readings are under way to the hub, and how far its clock is off: a line on the device's page.
//
// Owns the line and when it asks: every five seconds while somebody looks. The figure for the delay to this screen uses the offset, too.

import { get } from "../app/api.js";
import { h, say } from "../app/dom.js";
import { fine, milliseconds } from "../app/units.js";

const AGAIN_MS = 5_000;
const UNTIL_KNOWN_MS = 500;

/** @typedef {{count: number, p50_ms: number | null, p95_ms: number | null, p99_ms: number | null, backfill_frames: number, clock_offset_ms: number | null, clock_error_ms: number | null, round_trip_ms: number | null}} Figures */

export class FirstHop {
  /** @param {import("../app/main.js").App} app */
  constructor(app) {
    this.app = app;
    this.name = "";
    this.timer = 0;
    this.value = h("strong", {});
    this.summary = h("summary", {}, "To the hub: ", this.value);
    this.more = h("p", {});
    this.element = h("details", { class: "first-hop", hidden: true }, this.summary, this.more);
  }

  /** Ask about a device from now on. @param {string} name */
  choose(name) {
    if (name === this.name && this.timer) return;
    this.name = name;
    this.element.hidden = true;
    this._ask();
  }

  stop() {
    clearTimeout(this.timer);
    this.timer = 0;
  }

  async _ask() {
    clearTimeout(this.timer);
    const { hub } = this.app;
    const mayAsk = hub.isOpen && hub.devices.get(this.name) !== null;
    const mine = (this.timer = setTimeout(() => this._ask(), mayAsk ? AGAIN_MS : UNTIL_KNOWN_MS)); // a newer one ends this one
    if (document.hidden || !mayAsk) return;
    const said = await get(`devices/${encodeURIComponent(this.name)}/latency`).catch(() => null); // what is wrong stands elsewhere on the page
    if (this.timer === mine) this._show(said?.device_to_hub ?? null);
  }

  /** @param {Figures | null} figures */
  _show(figures) {
    const { offsets } = this.app.latency;
    if (figures?.clock_offset_ms != null) offsets.set(this.name, figures.clock_offset_ms * 1000);
    else offsets.delete(this.name);
    this.element.hidden = figures === null;
    if (figures === null) return;
    say(this.value, figures.p50_ms === null ? "–" : fine(figures.p50_ms));
    say(this.more, wordsOf(figures));
  }
}

/** What is said of the figures. @param {Figures} figures */
export function wordsOf({ count, p50_ms: p50, p95_ms: p95, p99_ms: p99, backfill_frames: backfill, clock_offset_ms: offset, clock_error_ms: error, round_trip_ms: roundTrip }) {
  const said = [];
  if (p50 !== null && p95 !== null && p99 !== null) said.push(`From the newest reading of a frame to its arrival at the hub, in the last minutes: half of ${count.toLocaleString("en")} frames within ${fine(p50)}, 95 of 100 within ${fine(p95)}, 99 within ${fine(p99)}.`);
  else said.push("No frame came in the last minutes.");
  if (offset !== null) said.push(`Its clock ${clockText(offset)}${error === null ? "; a ping will tell soon how sure that is" : `, to within ${fine(Math.max(error, 0.1))}`}.`);
  if (roundTrip !== null) said.push(`A ping takes ${fine(roundTrip)} there and back.`);
  said.push("A delay that is always there and in one direction only cannot be told from a clock that is wrong.");
  if (backfill) said.push(`${backfill.toLocaleString("en")} frames had waited in the device for a connection, and do not count.`);
  return said.join(" ");
}

/** @param {number} ms */
const clockText = (ms) => (Math.abs(ms) < 1 ? "agrees with the hub's" : `is ${milliseconds(Math.abs(ms))} ${ms > 0 ? "ahead" : "behind"}, which is taken out`);
