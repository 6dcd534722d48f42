// One subscription of the page: what it asks the hub for, how it goes on after a cut, when it has to ask for everything again.
//
// Owns its model and what a person must be told of it (`note`). The hub object (hub.js) hands it messages and tells when a connection is
// open; who draws it calls `drawn` once what the model has is on the screen.

import { Delays } from "./delays.js";
import { Model } from "./model.js";

const ASK_AGAIN_MS = 2_000;
const ASK_SHARE = 4; // of the time: over a slow link snapshots leave room for what is new
const CAUGHT_UP_MS = 5_000;
const UNREADABLE = "The hub cannot read its stored readings now. This page asks again by itself.";
const HOLE = "Part of this range is still being stored; it is filled in as soon as that is done.";

/** @typedef {{devices?: string[], where?: string, channels?: string[], span_s: number, width_us: number}} Wanted */

export class Stream {
  /**
   * @param {string} id @param {import("./hub.js").Hub} hub @param {Wanted} wanted
   * @param {() => void} onChange what the model has, or the note, is another now
   */
  constructor(id, hub, wanted, onChange) {
    this.id = id;
    this.isPast = false; // as past.js is
    this.hub = hub;
    this.wanted = wanted;
    this.onChange = onChange;
    this.model = new Model(id, wanted.span_s * 1e6, wanted.width_us);
    this.delays = new Delays();
    this.isUnreadable = false;
    this.isResting = false;
    this._isResuming = false; // what came while nothing was told is still on its way
    this._knownUs = hub.knownUs();
    this._changes = 0; // how often the hub said that older data has changed,
    this._askedFor = 0; // of how many of them the newest snapshot that was asked for knows,
    this._shown = 0; // and the newest one that has come whole
    this._askedAt = 0;
    this._isAwaited = false; // a snapshot that was asked for
    this._tookMs = 0; // the newest snapshot, until it was here whole
    this._timer = 0;
    this._mergedAt = 0;
    this._toldN = 0;
  }

  /** A connection is open: go on from the cursor, unless what is newer than it lacks what turned out late before it. */
  opened() {
    if (this.isResting) return;
    this.delays.clear(); // numbers begin anew
    this._isResuming = true;
    this._subscribe(this._shown < this._changes ? null : this.model.cursor);
  }

  /** Nobody looks: the hub need tell nothing, until `wake` goes on from where this was. */
  rest() {
    if (this.isResting) return;
    this.isResting = true;
    clearTimeout(this._timer);
    this.hub.send({ op: "unsubscribe", id: this.id });
  }

  /** Somebody looks again. */
  wake() {
    if (!this.isResting) return;
    this.isResting = false;
    if (this.hub.isOpen) this.opened();
  }

  /** Take a message of this subscription. @param {any} message */
  heard(message) {
    switch (message.op) {
      case "snapshot":
        this.isUnreadable = false;
        if (!message.more) {
          this._shown = this._askedFor;
          this._tookMs = Date.now() - this._askedAt;
          this._isAwaited = false;
          if (this._shown < this._changes) this.askAgain();
        }
        this._apply(message);
        break;
      case "update":
        this._apply(message);
        break;
      case "changed":
        this._changes += 1;
        this.askAgain();
        break;
      case "error":
        this._isAwaited = false;
        if (message.code === "store_unavailable") this._cannotRead();
        else console.warn(`the hub refused a subscription: ${message.code}: ${message.message}`);
        break;
    }
  }

  /** Ask for everything anew: older data has changed, raw points were merged, or are too many. At most every two seconds, and seldom where that takes long. */
  askAgain() {
    clearTimeout(this._timer);
    const pauseMs = Math.max(ASK_AGAIN_MS, ASK_SHARE * this._tookMs);
    // One that is on its way comes whole before it is seen that another is wanted.
    this._timer = setTimeout(() => this.hub.isOpen && !this._isAwaited && !this.isResting && this._subscribe(null), Math.max(0, this._askedAt + pauseMs - Date.now()));
  }

  /** Now and then: what came merged is asked for once more when the page has kept up for a while. */
  look() {
    if (this.hub.lagUs() > 0) this._mergedAt = Date.now();
    if (this.model.isMerged && this.hub.isOpen && Date.now() - this._mergedAt > CAUGHT_UP_MS) this.askAgain();
  }

  /** What the model had when a frame began is on the screen: the hub merges for a viewer that cannot follow. @param {import("./delays.js").Paint} paint */
  drawn(paint) {
    const n = this.delays.painted(paint);
    if (n && n !== this._toldN && this.hub.live.drawn(this.id, n, this.delays.stamp())) this._toldN = n;
  }

  /** How late what is on the screen is, of what came since the last call; null: nothing did, or it waited for being seen. @param {import("./delays.js").Paint} paint */
  takeDelays(paint) {
    const delays = this.model.takeDelays();
    return delays && this.delays.wasSeen(paint) ? delays : null;
  }

  /** Up to when its readings are all there, µs on the hub's clock: right after a cut or a rest what is newer than that is not. */
  knownUs() {
    if (!this._isResuming) this._knownUs = this.hub.knownUs();
    return this._knownUs;
  }

  /** What a person must know of what is shown; null: nothing. @param {number} nowUs @returns {string | null} */
  note(nowUs) {
    if (this.isUnreadable) return UNREADABLE;
    if (this.model.hole !== null) return HOLE;
    return keptNote(this.model.keptFromUs, nowUs - this.model.spanUs);
  }

  /** Forget what is older than the span. @param {number} nowUs */
  trim(nowUs) {
    this.model.trim(nowUs);
    if (this.model.isCut) this.askAgain();
  }

  close() {
    clearTimeout(this._timer);
    this.hub.closed(this);
  }

  /** @param {string | null} cursor null: everything anew */
  _subscribe(cursor) {
    this._toldN = 0;
    this._askedAt = Date.now();
    this._isAwaited = cursor === null;
    if (cursor === null) this._askedFor = this._changes;
    const request = { op: "subscribe", id: this.id, channels: ["*"], ...this.wanted };
    this.hub.send(cursor === null ? request : { ...request, cursor });
  }

  /** @param {any} message */
  _apply(message) {
    const isNew = this.model.apply(message);
    if (!message.more) this._isResuming = false;
    this.delays.came(message);
    if (this.model.isMerged && this.model.mergedN === message.n) this._mergedAt = Date.now();
    if (isNew) this.onChange();
  }

  // The hub's store is closed, on a full disk say: the page says so and asks until it is open.
  _cannotRead() {
    this.isUnreadable = true;
    this.onChange();
    clearTimeout(this._timer);
    this._timer = setTimeout(() => this.isUnreadable && this.askAgain(), CAUGHT_UP_MS);
  }
}

/** What is said where a part of a stretch is older than what is kept. @param {number | null} keptFromUs @param {number} fromUs @returns {string | null} */
export function keptNote(keptFromUs, fromUs) {
  if (!keptFromUs || keptFromUs <= fromUs) return null;
  const since = new Date(keptFromUs / 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  return `What is older than ${since} is no longer kept in this detail. A longer time range may show it, in wider steps.`;
}
