// The connection to the hub: by the best way that this network lets through, opened again with backoff and jitter; and the difference
// of the two clocks.
//
// Owns which way is taken (ways.js) and when, and nothing of what is said. `onOpen`, `onMessage(message)` and `onState({kind, way, nextAt})`
// are called; kind is connecting, open, waiting or ended (the login is over: only a new link helps). Whoever is called with `onOpen` goes
// on from the cursors they have: so nothing is missing and nothing comes twice, whatever way it was before.

import { Behind } from "./behind.js";
import { HubClock } from "./hub_clock.js";
import { EventsWay } from "./way_events.js";
import { PollWay } from "./way_poll.js";
import { LOGIN_ENDED, request } from "./way_session.js";
import { SocketWay } from "./way_socket.js";
import { Choice } from "./ways.js";

const WAYS = { socket: SocketWay, events: EventsWay, poll: PollWay };
const FIRST_WAIT_MS = 400;
const MAX_WAIT_MS = 10_000;
const PROBE_MS = 5_000;
const STEADY_MS = 3_000; // a way that ends sooner has failed, though it opened
const BEST_MS = 60_000; // how often a WebSocket is tried where another way is taken
const LOST = 1006; // RFC 6455 7.1.5: no close frame came
const TRUSTED_ERROR_US = 500_000; // of the clock, to judge by it how late a message is
const MEASURE_AGAIN_MS = 10_000; // a clock that was not measured well: the link was slow then
const MEASURE_EVERY_MS = 60_000; // of a page that is open all day

export class Live {
  /**
   * @param {{onOpen: () => void, onMessage: (message: any) => void, onState: (state: any) => void}} calls
   * @param {string} [probe] what tells, to whom this page is logged in as, whether the hub answers, and its time
   */
  constructor({ onOpen, onMessage, onState }, probe = "api/v1/hub") {
    this.probe = probe;
    this.onOpen = onOpen;
    this.onMessage = onMessage;
    this.onState = onState;
    this.clock = new HubClock();
    this.measuredAt = 0;
    this.behind = new Behind();
    this.failures = 0;
    this.choice = new Choice();
    /** @type {import("./way_socket.js").Way | null} */
    this.way = null;
    /** @type {import("./way_socket.js").Way | null} */
    this.trial = null; // a WebSocket that may take over
    this.isOpen = false;
    this.openedAt = 0;
    this.timer = 0;
    addEventListener("online", () => this.tryNow());
    addEventListener("pagehide", () => this._leave());
    addEventListener("pageshow", (event) => event.persisted && this.tryNow());
    setInterval(() => this._tryBest(), BEST_MS);
  }

  // This machine's time on the hub's clock, µs.
  nowUs() {
    return this.clock.nowUs();
  }

  // How far behind the hub this page is, µs; 0: it is not, as far as anybody can notice, or there is no connection.
  lagUs() {
    const sureUs = this.nowUs() - (Number.isFinite(this.clock.errorUs) ? this.clock.errorUs : 0);
    return this.isOpen ? this.behind.lagUs(sureUs, this.way?.ask !== undefined) : 0;
  }

  // Up to when the page knows what the hub knows: what is newer may be still on its way.
  knownUs() {
    const isSilent = this.isOpen && !this.way?.ask && this.lagUs() === 0; // by a way that cannot ask, silence is taken for silence
    return isSilent ? this.nowUs() : Math.min(this.behind.knownUs, this.nowUs());
  }

  // Now and then, while somebody looks.
  look() {
    if (!this.isOpen) return;
    if (this.way?.ask && this.behind.isDue(this.nowUs())) this.way.ask();
    const everyMs = this.clock.errorUs > TRUSTED_ERROR_US ? MEASURE_AGAIN_MS : MEASURE_EVERY_MS;
    if (performance.now() - this.measuredAt > everyMs) this._measureClock();
  }

  // Somebody looks again, after a while without a look.
  seen() {
    this.behind.seen(this.nowUs());
    this.tryNow();
  }

  start() {
    clearTimeout(this.timer);
    this.onState({ kind: "connecting" });
    this.way = this._begin(this.choice.kind);
  }

  // Try at once instead of waiting; nothing where a connection is open or being opened.
  tryNow() {
    if (this.way === null) this.start();
  }

  send(message) {
    if (this.isOpen) this.way?.send(message);
  }

  // Tell the hub what is drawn. Returns whether it was told; where it was not, say it again a little later.
  drawn(id, n, stamp) {
    return this.isOpen && this.way !== null && this.way.drawn(id, n, stamp);
  }

  _begin(kind) {
    const way = new WAYS[kind]({
      onMessage: (message) => this._heard(way, message),
      onEnd: (end) => this._ended(way, end),
      onAnswer: () => this.behind.answered(this.nowUs()),
      lateUs: (message) => (this.clock.errorUs < TRUSTED_ERROR_US ? this.nowUs() - message.sent_us : 0),
    });
    return way;
  }

  _heard(way, message) {
    if (way === this.trial) this._take(way);
    if (message.op === "ready") this._opened(message);
    else this.onMessage(message);
    if (message.op === "update" && !message.more) this.behind.knows(message.sent_us, this.nowUs());
  }

  _opened(message) {
    this.failures = 0;
    this.clock.greeted(message.time_us);
    this.behind.begin(message.time_us);
    this.isOpen = true;
    this.openedAt = performance.now();
    this.onState({ kind: "open", way: this.choice.kind });
    this.onMessage(message);
    this.onOpen();
    this._measureClock();
  }

  // `ready` is late by the way it took; a round trip says by how much at most.
  async _measureClock() {
    this.measuredAt = performance.now();
    for (let time = 0; time < 3; time += 1) {
      const began = performance.now();
      const { status, said } = await request(this.probe, {}, PROBE_MS);
      if (status !== 200) return; // the connection went; the next one measures anew
      this.clock.answered(began, said.time_us);
    }
  }

  _tryBest() {
    if (!this.choice.isBest && this.trial === null) this.trial = this._begin("socket");
  }

  // The WebSocket that was tried works: go on over it.
  _take(way) {
    clearTimeout(this.timer);
    this.way?.close();
    this.way = way;
    this.trial = null;
    this.choice.best();
  }

  _ended(way, end) {
    if (way === this.trial) {
      this.trial = null;
      return;
    }
    // What lasted was good, and so was what the hub itself has ended.
    const wasGood = this.isOpen && !end.isUnfit && (performance.now() - this.openedAt > STEADY_MS || (end.code !== 0 && end.code !== LOST));
    this.way = null;
    this.isOpen = false;
    if (end.code === LOGIN_ENDED) this._judge(end);
    else if (wasGood) {
      this.choice.worked();
      this._wait();
    } else this._judge(end);
  }

  // What failed: the login, the hub, or only the way to it?
  async _judge(end) {
    const { status } = await request(this.probe, {}, PROBE_MS);
    if (this.way !== null) return;
    if (status === 401) this._end();
    else if (status === 200 && end.code !== LOGIN_ENDED && this.choice.failed(end.isUnfit)) this.start();
    else this._wait(); // with LOGIN_ENDED another tab has logged in anew: this one goes on with the new login
  }

  _wait() {
    const longest = Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** this.failures);
    const wait = longest * (0.5 + Math.random() / 2);
    this.failures += 1;
    this.onState({ kind: "waiting", nextAt: Date.now() + wait });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.tryNow(), wait);
  }

  _end() {
    clearTimeout(this.timer);
    this.trial?.close();
    this.trial = null;
    this.onState({ kind: "ended" });
  }

  // The page goes; it may come back as it was, out of the browser's memory.
  _leave() {
    clearTimeout(this.timer);
    this.trial?.close();
    this.way?.close();
    this.way = this.trial = null;
    this.isOpen = false;
  }
}
