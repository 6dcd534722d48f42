// Streams of readings that tiles share, live or of the past: who wants the same gets the same one, and it ends a while after the last has gone.
//
// Owns when a subscription begins and ends; what is drawn of it is the tile's.

import { Past } from "../app/past.js";

const LINGER_MS = 8_000; // who scrolls back, or leaves editing, finds the readings still there
const MOST_AT_REST = 16; // that linger: the hub bounds the subscriptions of one page

/** @typedef {import("../app/stream.js").Stream | Past} Readings what a tile draws */
/** @typedef {import("../app/stream.js").Wanted & {past?: import("../app/past.js").Stretch, isMoment?: boolean}} Wanted `past`: of that stretch, not live */
/** @typedef {{stream: Readings, users: Set<() => void>, timer: number}} Held */

export class SharedStreams {
  /** @param {import("../app/hub.js").Hub} hub */
  constructor(hub) {
    this.hub = hub;
    /** @type {Map<string, Held>} */
    this._held = new Map();
  }

  /** All there are now. */
  get streams() {
    return [...this._held.values()].filter((each) => each.users.size).map((each) => each.stream);
  }

  /**
   * Take part in the stream of what is wanted; `onChange` is called with its news. Returns it and how to leave it.
   * @param {Wanted} wanted @param {() => void} onChange
   */
  take(wanted, onChange) {
    const key = JSON.stringify(wanted);
    const held = this._held.get(key) ?? this._open(key, wanted);
    clearTimeout(held.timer);
    held.users.add(onChange);
    return { stream: held.stream, leave: () => this._leave(key, held, onChange) };
  }

  /** End all. */
  close() {
    for (const key of [...this._held.keys()]) this._end(key);
  }

  /** @param {string} key @param {Wanted} wanted @returns {Held} */
  _open(key, { past, isMoment, ...wanted }) {
    /** @type {Set<() => void>} */
    const users = new Set();
    const tell = () => users.forEach((each) => each());
    const stream = past ? new Past(this.hub, { ...wanted, isMoment }, past, tell) : this.hub.subscribe(wanted, tell);
    const held = { stream, users, timer: 0 };
    this._held.set(key, held);
    return held;
  }

  /** @param {string} key @param {Held} held @param {() => void} onChange */
  _leave(key, held, onChange) {
    held.users.delete(onChange);
    if (held.users.size || this._held.get(key) !== held) return;
    if (held.stream.isPast) { // it is asked for again in no time; who zooms leaves many behind
      this._end(key);
      return;
    }
    held.timer = setTimeout(() => this._end(key), LINGER_MS);
    const resting = [...this._held].filter(([, each]) => !each.users.size);
    for (const [old] of resting.slice(0, Math.max(0, resting.length - MOST_AT_REST))) this._end(old);
  }

  /** @param {string} key */
  _end(key) {
    const held = this._held.get(key);
    clearTimeout(held?.timer);
    this._held.delete(key);
    held?.stream.close();
  }
}
