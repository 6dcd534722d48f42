// The readings behind the lines of the overview: the last minutes of one channel of all devices, by one subscription.
//
// Owns that subscription and which of its series is a device's. The hub tells of so many series at most in one subscription: beyond that
// there are lines only where a tag expression leaves fewer.

import { lastTime } from "../../app/model.js";

const FEW = 100; // devices: lines that are seen to move for these, coarser ones for more, so that a thousand lines stay cheap
const FINE = { span_s: 120, width_us: 1_000_000 };
const COARSE = { span_s: 300, width_us: 10_000_000 };
const MAX_SERIES = 2_000; // of a subscription
const TRIM_EVERY_US = 2_000_000;

/**
 * What to subscribe to; null: nothing, be it that nothing is chosen or that it would be too much.
 * @param {string} channel @param {number} devices that have it @param {string} where an expression that can be read @param {number} meant devices with the channel that it means
 */
export function wantedFor(channel, devices, where, meant) {
  const whose = devices <= MAX_SERIES ? { devices: ["*"] } : where && meant <= MAX_SERIES ? { where } : null;
  if (!channel || !devices || !whose) return null;
  return { ...whose, channels: [channel], ...(("where" in whose ? meant : devices) <= FEW ? FINE : COARSE) };
}

export class Lines {
  /** @param {import("../../app/hub.js").Hub} hub @param {() => void} onChange */
  constructor(hub, onChange) {
    this.hub = hub;
    this.onChange = onChange;
    /** @type {import("../../app/stream.js").Stream | null} */
    this.stream = null;
    this._wanted = "";
    this._trimmedUs = 0;
    /** @type {Map<string, any>} */
    this._byDevice = new Map();
    this._from = { series: /** @type {Map<string, any> | null} */ (null), size: 0 };
  }

  /** Watch this from now on; the same as before goes on. @param {ReturnType<typeof wantedFor>} wanted */
  watch(wanted) {
    const told = JSON.stringify(wanted);
    if (told === this._wanted) return;
    this.close();
    this._wanted = told;
    if (wanted) this.stream = this.hub.subscribe(wanted, this.onChange);
  }

  close() {
    this.stream?.close();
    this.stream = null;
    this._wanted = "";
    this._byDevice.clear();
    this._from = { series: null, size: 0 };
  }

  /** Forget what is older than the span. @param {number} nowUs */
  trim(nowUs) {
    if (nowUs - this._trimmedUs < TRIM_EVERY_US) return;
    this._trimmedUs = nowUs;
    this.stream?.trim(nowUs);
  }

  /** The series of a device: of several, after a change of its unit, the newest. @param {string} device */
  of(device) {
    const series = this.stream?.model.series;
    if (series && (series !== this._from.series || series.size !== this._from.size)) this._sort(series);
    return this._byDevice.get(device) ?? null;
  }

  /** @param {Map<string, any>} series */
  _sort(series) {
    this._from = { series, size: series.size };
    this._byDevice.clear();
    const newest = (/** @type {any} */ each) => (each?.rows.length ? lastTime(each.rows.at(-1)) : -1);
    for (const each of series.values()) if (newest(each) >= newest(this._byDevice.get(each.device))) this._byDevice.set(each.device, each);
  }
}
