// How late what is on the screen is, of one stream: what came when, which of it a frame has drawn, and whether it could be seen all the time.
//
// Owns the newest messages' stamps, at most KEPT of them. Pure but for the clock; stream.js keeps one.

import { wasSeenFrom } from "./seen.js";

const KEPT = 64; // more than come between the beginning of a frame and its end

/**
 * When a view was drawn: the beginning of that frame, and since when the view is in sight.
 * @typedef {{beganAt: number, seenSince: number}} Paint
 */
/**
 * What the hub is told of an update that is on the screen: its own stamp, and how long ago that was.
 * @typedef {{sent_us: number, ago_us: number}} Stamp
 */

export class Delays {
  constructor() {
    /** @type {{n: number, sentUs: number | undefined, at: number}[]} */
    this._came = [];
    /** @type {{n: number, sentUs: number | undefined, at: number, paintedAt: number, isSeen: boolean} | null} */
    this._painted = null;
    this._waitsSince = Infinity; // for the next takeDelays of the model
  }

  /** Numbers begin anew. */
  clear() {
    this._came = [];
    this._painted = null;
  }

  /** A message of the stream has come. @param {{n: number, sent_us?: number}} message */
  came({ n, sent_us: sentUs }) {
    const at = performance.now();
    this._came.push({ n, sentUs, at });
    if (this._came.length > KEPT) this._came.shift();
    this._waitsSince = Math.min(this._waitsSince, at);
  }

  /** What had come when a frame began is on the screen; returns the number of the newest of it, 0 for none. @param {Paint} paint */
  painted({ beganAt, seenSince }) {
    let newest = null;
    while (this._came.length && this._came[0].at <= beganAt) newest = this._came.shift();
    if (newest) this._painted = { ...newest, paintedAt: performance.now(), isSeen: wasSeenFrom(newest.at, seenSince) };
    return this._painted?.n ?? 0;
  }

  /** What the hub is told of the newest that is on the screen; nothing where it waited for being seen. @returns {Stamp | undefined} */
  stamp() {
    if (!this._painted?.isSeen || this._painted.sentUs === undefined) return undefined;
    return { sent_us: this._painted.sentUs, ago_us: Math.round((performance.now() - this._painted.paintedAt) * 1000) };
  }

  /** Whether all that came since this was last asked could be seen at once. @param {Paint} paint */
  wasSeen({ seenSince }) {
    const since = this._waitsSince;
    this._waitsSince = Infinity;
    return wasSeenFrom(since, seenSince);
  }
}
