// The hub as the page knows it: one connection, what it tells of whole (devices, commands, alerts, shadows, dashboards, system), and subscriptions.
//
// Owns who gets which message. Draws nothing.

import { Entities } from "./entities.js";
import { Live } from "./live.js";
import { Stream } from "./stream.js";

const KEPT_COMMANDS = 1_000;
const REST_MS = 5_000; // who only looks something up elsewhere is back sooner

export class Hub {
  /** @param {{onState: (state: any) => void, probe?: string}} calls `probe`: of the connection, live.js */
  constructor({ onState, probe }) {
    this.devices = new Entities("device");
    this.commands = new Entities("id", KEPT_COMMANDS);
    this.groupCommands = new Entities("id", KEPT_COMMANDS);
    this.alerts = new Entities("id");
    this.shadows = new Entities("device");
    this.dashboards = new Entities("name"); // without what they hold
    this.role = "viewer";
    /** @type {Record<string, any>} */
    this.system = {};
    /** @type {Set<(system: Record<string, any>) => void>} */
    this._onSystem = new Set();
    /** @type {Map<string, Stream>} */
    this._streams = new Map();
    this._opened = 0; // streams, ever
    this._resting = 0;
    /** @type {Set<string>} */
    this._heard = new Set(); // kinds of which this connection has told: the first message of one holds all there are
    this.live = new Live({ onOpen: () => this._open(), onMessage: (/** @type {any} */ message) => this._message(message), onState }, probe);
  }

  start() {
    this.live.start();
  }

  get isOpen() {
    return this.live.isOpen;
  }

  /** This machine's time on the hub's clock, µs. */
  nowUs() {
    return this.live.nowUs();
  }

  /** How far behind the hub the page is, µs; 0: not so that anybody could notice. */
  lagUs() {
    return this.live.lagUs();
  }

  /** Up to when the page knows what the hub knows, µs on the hub's clock: of what is newer nobody can say that nothing came. */
  knownUs() {
    return this.live.knownUs();
  }

  /** Whether the person who is logged in may change things. */
  get mayOperate() {
    return this.role === "operator" || this.isAdmin;
  }

  /** Whether this is the page of a shared dashboard: there is no other page to go to. */
  get isGuest() {
    return this.role === "guest";
  }

  get isAdmin() {
    return this.role === "admin";
  }

  /** The devices of the fleet, by name; the hub's own is none of them. */
  fleet() {
    return this.devices.sorted().filter((each) => !each.own);
  }

  /** @param {unknown} message */
  send(message) {
    this.live.send(message);
  }

  /** Call `told` with each `system` message, and with the present one. @param {(system: Record<string, any>) => void} told */
  onSystem(told) {
    this._onSystem.add(told);
    told(this.system);
    return () => this._onSystem.delete(told);
  }

  /** Watch readings. @param {import("./stream.js").Wanted} wanted @param {() => void} onChange */
  subscribe(wanted, onChange) {
    this._opened += 1;
    const id = `page-${this._opened}`;
    const stream = new Stream(id, this, wanted, onChange);
    this._streams.set(id, stream);
    if (this.isOpen) stream.opened();
    return stream;
  }

  /** A stream is wanted no longer. @param {Stream} stream */
  closed(stream) {
    if (this._streams.delete(stream.id)) this.send({ op: "unsubscribe", id: stream.id });
  }

  /** Now and then. */
  look() {
    this.live.look();
    for (const stream of this._streams.values()) stream.look();
  }

  /** Nobody looks at the page, or somebody does again. @param {boolean} isSeen */
  seen(isSeen) {
    clearTimeout(this._resting);
    if (isSeen) {
      this.live.seen();
      for (const stream of this._streams.values()) stream.wake();
    } else {
      this._resting = setTimeout(() => this._streams.forEach((stream) => stream.rest()), REST_MS);
    }
  }

  _open() {
    this._heard.clear();
    for (const stream of this._streams.values()) stream.opened();
  }

  /** @param {any} message */
  _message(message) {
    switch (message.op) {
      case "ready":
        this.role = message.role;
        break;
      case "devices":
      case "commands":
      case "alerts":
      case "shadows":
      case "dashboards":
        this[/** @type {"devices"} */ (message.op)].apply(message.items, this._isFirst(message.op));
        break;
      case "group_commands":
        this.groupCommands.apply(message.items, this._isFirst(message.op));
        break;
      case "system":
        this.system = message;
        for (const told of this._onSystem) told(message);
        break;
      case "error":
        if (!this._streams.has(message.id)) console.warn(`the hub refused a request: ${message.code}: ${message.message}`);
        this._streams.get(message.id)?.heard(message);
        break;
      default:
        this._streams.get(message.id)?.heard(message);
    }
  }

  /** @param {string} kind */
  _isFirst(kind) {
    const isFirst = !this._heard.has(kind);
    this._heard.add(kind);
    return isFirst;
  }
}
