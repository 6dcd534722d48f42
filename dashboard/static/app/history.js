// Readings of a stretch of the past, over HTTP: the same rows as a stream's model has, in the finest detail of which no line has too many.
//
// Owns the model of what was asked for last, which stays until the next answer is there. A stretch is asked for again while somebody looks
// at it: soon as long as the hub has not stored all of it, else now and then, as late readings may come (304 where none did).

import { get, textOf, withQuery } from "./api.js";
import { endedAt } from "./ended.js";
import { keyOf } from "./model.js";
import { keptNote } from "./stream.js";
import { EVERYTHING } from "./tags.js";
import { MAX_POINTS, WIDTHS, widthsFor } from "../charts/span.js";

const LIMIT = 100_000; // points or buckets of an answer, which the hub gives
const MAX_RAW = 2 * MAX_POINTS; // of one series, which are drawn as buckets then
const MARGIN = 0.05; // of the stretch, to both sides: the line comes in from the edges
const SOON_MS = 5_000;
const AGAIN_MS = 60_000;
const STORED_US = 5e6; // so long after its time a reading is stored, as a rule

/** @typedef {{devices?: string[], where?: string, channels?: string[]}} Readings */

export class History {
  /**
   * @param {{nowUs: () => number, knownUs: () => number}} hub @param {Readings} wanted @param {() => void} onChange what the model has, or the note, is another now
   * @param {boolean} [isEnded] nothing at or after the end is wanted, to the reading
   */
  constructor(hub, wanted, onChange, isEnded = false) {
    this.isEnded = isEnded;
    this.hub = hub;
    this.wanted = wanted;
    this.onChange = onChange;
    /** @type {ReturnType<typeof modelOf> | null} */
    this.model = null;
    this.isLoading = false;
    this.error = "";
    this._stop = new AbortController();
    this._timer = 0;
    this._stretch = { fromUs: 0, toUs: 0, intervalUs: 0 };
    this._dueAt = Infinity; // performance.now() at which it is asked for again
  }

  /** Ask for a stretch, after a while where it may be another one soon. @param {number} fromUs @param {number} toUs @param {number} intervalUs */
  show(fromUs, toUs, intervalUs, afterMs = 0) {
    this.close();
    this.isLoading = true;
    this._stretch = { fromUs, toUs, intervalUs };
    this._stop = new AbortController();
    const { signal } = this._stop;
    this._timer = setTimeout(() => this._load(signal), afterMs);
  }

  /** It is looked at. */
  look() {
    if (performance.now() > this._dueAt) this._load(this._stop.signal);
  }

  /** What a person must know of what is shown; null: nothing. @param {number} fromUs @returns {string | null} */
  note(fromUs) {
    return this.error || keptNote(this.model?.keptFromUs ?? null, fromUs);
  }

  close() {
    clearTimeout(this._timer);
    this._dueAt = Infinity;
    this._stop.abort();
  }

  /** @param {AbortSignal} signal */
  async _load(signal) {
    const { fromUs, toUs, intervalUs } = this._stretch;
    this._dueAt = Infinity;
    const askedUs = this.hub.nowUs();
    let isWhole = true;
    try {
      this.model = await this._asked(fromUs, toUs, intervalUs, signal);
      this.error = "";
      isWhole = toUs < askedUs - STORED_US;
    } catch (error) {
      if (signal.aborted) return;
      this.error = textOf(error);
      isWhole = false;
    }
    if (signal.aborted) return;
    this.isLoading = false;
    this._dueAt = performance.now() + (isWhole ? AGAIN_MS : SOON_MS);
    this.onChange();
  }

  /** @param {number} fromUs @param {number} toUs @param {number} intervalUs @param {AbortSignal} signal */
  async _asked(fromUs, toUs, intervalUs, signal) {
    const { devices, where, channels } = this.wanted;
    const marginUs = (toUs - fromUs) * MARGIN;
    const of = devices?.includes("*") ? { where: EVERYTHING } : { device: devices, where }; // a query has to say of which
    const what = { ...of, channel: channels?.includes("*") ? undefined : channels, limit: LIMIT };
    const range = { ...what, from: Math.floor(fromUs - marginUs), to: Math.ceil(toUs + (this.isEnded ? 0 : marginUs)) };
    const widths = widthsFor(toUs - fromUs, intervalUs);
    for (;;) {
      const width = /** @type {number} */ (widths.shift());
      const answer = await get(withQuery("query", { ...range, width: WIDTHS.get(width) }), signal);
      const longest = answer.series.reduce((/** @type {number} */ most, /** @type {any} */ each) => Math.max(most, each.points?.length ?? 0), 0);
      // A wider width may reach further back, and holds what is too much for this one.
      const isLess = answer.truncated || longest > MAX_RAW || (answer.kept_from_us ?? 0) > fromUs;
      if (isLess && widths.length) continue;
      const ask = async (/** @type {number} */ from, /** @type {number} */ to, /** @type {number} */ finer) => modelOf(await get(withQuery("query", { ...what, from, to, width: WIDTHS.get(finer) }), signal));
      return this.isEnded ? endedAt(modelOf(answer), toUs, ask) : modelOf(answer);
    }
  }
}

/** What charts draw of an answer. @param {any} answer */
export function modelOf(answer) {
  const series = new Map();
  for (const { device, channel, unit, kind, points, buckets } of answer.series) {
    const key = keyOf({ device, channel, unit, kind });
    series.set(key, { key, device, channel, unit, kind, rows: points ? points.map(pointOf) : rowsOf(buckets) });
  }
  return { series, hole: null, keptFromUs: answer.kept_from_us ?? null };
}

/** @param {[number, number, any]} point */
const pointOf = ([t, n, v]) => ({ t, n, w: 0, v });

/** @param {any} columns */
function rowsOf({ width_us: w, t, min, max, sum, count, last, last_t: lastT }) {
  return t.map((/** @type {number} */ start, /** @type {number} */ at) => (
    { t: start, n: -1, w, min: min[at], max: max[at], sum: sum[at], count: count[at], last: last[at], lastT: lastT[at] }
  ));
}
