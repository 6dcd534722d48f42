// A stretch of the past in the place of a subscription: tiles draw it as they draw what is live, and it stands still.
//
// Owns its History. What is asked for of the live side only (drawn, trim) does nothing here, or looks whether late readings have come.

import { History } from "./history.js";

/** @typedef {{fromUs: number, toUs: number}} Stretch */
/** @typedef {{devices?: string[], where?: string, channels?: string[], span_s: number, isMoment?: boolean}} PastWanted */

export class Past {
  /**
   * @param {import("./hub.js").Hub} hub @param {PastWanted} wanted `span_s` is how far back from the end values are looked for; `isMoment`: the
   * last ones matter, and nothing after the end may be among them
   * @param {Stretch} stretch @param {() => void} onChange
   */
  constructor(hub, { devices, where, channels, span_s: spanS, isMoment = false }, stretch, onChange) {
    this.isPast = true;
    this.fromUs = stretch.toUs - spanS * 1e6;
    this.spanUs = spanS * 1e6;
    this.history = new History(hub, { devices, where, channels }, onChange, isMoment);
    const intervals = (devices ?? []).map((name) => (hub.devices.get(name)?.interval_s ?? 0) * 1e6);
    this.history.show(this.fromUs, stretch.toUs, intervals.length ? Math.min(...intervals) : 0);
  }

  /** As a stream's: what was answered, empty until then. */
  get model() {
    const { model } = this.history;
    return { series: model?.series ?? new Map(), hole: null, keptFromUs: model?.keptFromUs ?? null, spanUs: this.spanUs, cursor: model && "past" };
  }

  get isLoading() {
    return this.history.isLoading;
  }

  /** What a person must know of what is shown; null: nothing. @returns {string | null} */
  note() {
    return this.history.note(this.fromUs);
  }

  knownUs() {
    return this.history.hub.knownUs();
  }

  trim() {
    this.history.look();
  }

  drawn() {}

  close() {
    this.history.close();
  }
}
