// What a device declared lost, and its alerts and commands: what charts mark on the time line. Live where the hub tells of it, over HTTP for
// what was before.
//
// Owns what was asked for. Of losses the journal tells, which the hub keeps for an hour or so; only its newest part is looked through.

import { get, withQuery } from "../app/api.js";
import { holeOfGap, markOfAlert, markOfCommand } from "./holes.js";

const JOURNAL_ROWS = 200_000; // looked through at first
const AGAIN_MS = 30_000;
const PAGE = 1_000;
const MAX_PAGES = 10;

/** A list of the hub's that goes back in time. */
class Past {
  /** @param {string} path @param {string} name of the list in the answer @param {(item: any) => number} timeOf */
  constructor(path, name, timeOf) {
    this.path = path;
    this.name = name;
    this.timeOf = timeOf;
    /** @type {Map<string, any>} */
    this.items = new Map();
    /** @type {string | null | undefined} undefined: nothing was asked for yet; null: that is all */
    this.after = undefined;
    this.reachesUs = Infinity;
  }

  /** Know of all since a time. @param {string} device @param {number} fromUs @param {AbortSignal} signal */
  async reach(device, fromUs, signal) {
    for (let pages = 0; pages < MAX_PAGES && this.after !== null && this.reachesUs > fromUs; pages += 1) {
      const answer = await get(withQuery(this.path, { device, limit: PAGE, after: this.after }), signal);
      this.after = answer.next;
      for (const item of answer[this.name]) {
        this.items.set(item.id, item);
        this.reachesUs = Math.min(this.reachesUs, this.timeOf(item));
      }
    }
  }
}

const pastAlerts = () => new Past("alerts", "alerts", (item) => item.raised_us);
const pastCommands = () => new Past("commands", "commands", (item) => item.created_us);

export class Happenings {
  /** @param {import("../app/hub.js").Hub} hub @param {() => void} onChange */
  constructor(hub, onChange) {
    this.hub = hub;
    this.onChange = onChange;
    /** @type {import("./holes.js").Mark[] | null} */
    this._marks = null;
    this.device = "";
    this.fromUs = Infinity;
    this._stop = new AbortController();
    this._isLooking = false;
    this._dueAt = 0;
    /** @type {any[]} */
    this._gaps = [];
    this._position = -1; // of the journal, up to which losses were looked for
    this._alerts = pastAlerts();
    this._commands = pastCommands();
  }

  /** Tell of a device, back to a time: called again and again while somebody looks. @param {string} device @param {number} fromUs */
  show(device, fromUs) {
    if (device !== this.device) this._begin(device);
    const isFarther = fromUs < this.fromUs;
    this.fromUs = Math.min(fromUs, this.fromUs);
    if ((isFarther || performance.now() > this._dueAt) && !this._isLooking) this._look();
  }

  /** What the hub tells of whole is another now. */
  changed() {
    this._marks = null;
    this.onChange();
  }

  close() {
    this._begin("");
  }

  /** What the device gave up. @returns {import("./holes.js").Hole[]} */
  get holes() {
    return this._gaps.flatMap((gap) => holeOfGap(gap) ?? []);
  }

  /** Alerts and commands, oldest first. @returns {import("./holes.js").Mark[]} */
  get marks() {
    this._marks ??= this._sorted();
    return this._marks;
  }

  _sorted() {
    const isOurs = (/** @type {any} */ item) => item.device === this.device;
    const both = (/** @type {Past} */ past, /** @type {Map<string, any>} */ live) => new Map([...past.items, ...[...live].filter(([, item]) => isOurs(item))]).values();
    const marks = [...[...both(this._alerts, this.hub.alerts.items)].map(markOfAlert), ...[...both(this._commands, this.hub.commands.items)].map(markOfCommand)];
    return /** @type {import("./holes.js").Mark[]} */ (marks).sort((a, b) => a.atUs - b.atUs);
  }

  /** @param {string} device */
  _begin(device) {
    this._stop.abort();
    this.device = device;
    this.fromUs = Infinity;
    this._marks = null;
    this._stop = new AbortController();
    this._isLooking = false;
    this._gaps = [];
    this._position = -1;
    this._alerts = pastAlerts();
    this._commands = pastCommands();
  }

  // Ask for what is new.
  async _look() {
    const { device, _stop: { signal } } = this;
    this._isLooking = true;
    try {
      await Promise.all([this._losses(device, signal), this._alerts.reach(device, this.fromUs, signal), this._commands.reach(device, this.fromUs, signal)]);
      if (!signal.aborted) this.changed();
    } catch {
      // The hub is away, or this login may not see them: charts are drawn without, and it is asked again.
    }
    if (signal.aborted) return;
    this._isLooking = false;
    this._dueAt = performance.now() + AGAIN_MS;
  }

  /** @param {string} device @param {AbortSignal} signal */
  async _losses(device, signal) {
    const { position } = await get("hub", signal);
    let after = this._position >= 0 ? this._position : Math.max(0, position - JOURNAL_ROWS);
    for (let pages = 0; pages < MAX_PAGES && after !== null && after < position; pages += 1) {
      const answer = await get(withQuery(`devices/${encodeURIComponent(device)}/losses`, { after }), signal);
      if (signal.aborted) return;
      this._gaps.push(...answer.gaps);
      after = answer.next;
    }
    this._position = after ?? position;
  }
}
