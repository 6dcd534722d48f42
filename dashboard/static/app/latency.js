// The delay from device to screen and from hub to screen, of what was drawn last. Owns the two figures at the top and their explanation.

import { byId } from "./dom.js";
import { milliseconds } from "./units.js";

const TRUSTED_OFFSET_US = 1_000_000; // the hub measures a device's clock one way: less than this may be the way itself
const KEPT = 20; // the figures are medians of so many

export class Latency {
  constructor(live) {
    this.live = live;
    this.root = byId("latency");
    this.device = byId("latency-device");
    this.hub = byId("latency-hub");
    this.more = byId("latency-more");
    /** @type {Map<string, number>} */
    this.offsets = new Map(); // of devices' clocks, µs ahead of the hub's, where the hub has worked it out
    this.clear();
  }

  clear() {
    /** @type {number[]} */
    this.toScreen = [];
    /** @type {number[]} */
    this.fromDevice = [];
    this.root.hidden = true;
  }

  // Note what a frame that is on the screen now has shown: takeDelays() of the stream, its newest reading, the device.
  drawn(delays, newestUs, device) {
    const nowUs = this.live.nowUs();
    const held = delays.oldestUs === null ? 0 : delays.sentUs - delays.oldestUs;
    push(this.toScreen, Math.max(0, nowUs - delays.sentUs + held) / 1000);
    const saidUs = device?.clock_offset_us ?? 0;
    const offsetUs = this.offsets.get(device?.device) ?? (Math.abs(saidUs) < TRUSTED_OFFSET_US ? 0 : saidUs);
    if (newestUs !== null) push(this.fromDevice, (nowUs - (newestUs - offsetUs)) / 1000);
    this.device.textContent = this.fromDevice?.length ? milliseconds(Math.max(0, median(this.fromDevice))) : "–";
    this.hub.textContent = milliseconds(median(this.toScreen));
    const errorMs = this.live.clock.errorUs / 1000;
    const error = Number.isFinite(errorMs) ? `to within ${Math.max(1, Math.ceil(errorMs))} ms` : "by the hub's greeting";
    this.more.textContent =
      "Device to screen: from the time stamp of the newest reading to the moment it was drawn. " +
      "Hub to screen: from the arrival of a reading's frame at the hub until it was drawn, with storing, sending and drawing. " +
      `Medians of the last ${this.toScreen?.length}. This computer's clock is ${offset(this.live.clock.offsetUs)} the hub's, corrected ${error}; ` +
      "the device's as the hub estimates it. What came while this page was hidden does not count.";
    this.root.hidden = false;
  }
}

function offset(us) {
  const ms = Math.round(Math.abs(us) / 1000);
  return ms === 0 ? "equal to" : `${milliseconds(ms)} ${us > 0 ? "behind" : "ahead of"}`;
}

function push(list, value) {
  list.push(value);
  if (list.length > KEPT) list.shift();
}

/** @param {number[] | undefined} list */
function median(list = []) {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}
