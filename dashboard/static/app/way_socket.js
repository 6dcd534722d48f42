// The best way to the hub: a WebSocket. Owns the socket; live.js decides what comes after it.
//
// All ways are alike: `onMessage(message)` and, once, `onEnd({code, isUnfit})` are called, neither of them before the constructor has
// returned nor after `close`. `drawn` returns whether the hub is told now; where it is not, say it again a little later.

const FIRST_MS = 8_000; // for the hub's first message: proxies have swallowed upgrades without a word
const SILENCE_MS = 15_000; // then the hub is asked whether it is there: the socket alone does not notice a network that vanished
const PROBE_MS = 5_000;
const DRAWN_MS = 500;
const PROBE = { op: "ping", id: "probe" }; // an `op` that no hub knows; it must be answered

/** @typedef {{onMessage: (message: any) => void, onEnd: (end: {code: number, isUnfit?: boolean}) => void, lateUs: (message: any) => number, onAnswer: () => void}} Calls */
/** @typedef {{send: (message: any) => void, drawn: (id: string, n: number, stamp?: import("./delays.js").Stamp) => boolean, close: () => void, ask?: () => void}} Way `ask`: say something that the hub answers, whenever that comes */

// When the hub was last told what is drawn, of each subscription.
export class Told {
  constructor(everyMs) {
    this.everyMs = everyMs;
    this.at = new Map();
  }

  // Whether it is time to tell again; then it counts as told.
  isDue(id) {
    const now = performance.now();
    if (now - (this.at.get(id) ?? -Infinity) < this.everyMs) return false;
    this.at.set(id, now);
    return true;
  }
}

export class SocketWay {
  /** @param {Calls} calls */
  constructor({ onMessage, onEnd, onAnswer }) {
    this.onMessage = onMessage;
    this.onEnd = onEnd;
    this.onAnswer = onAnswer;
    this.told = new Told(DRAWN_MS);
    const address = new URL("v1/live", location.href); // beside the page, wherever a proxy has put it
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    this.socket = new WebSocket(address, "tributary.live.v1.json");
    this.socket.addEventListener("message", (event) => this._heard(JSON.parse(event.data)));
    this.socket.addEventListener("close", (event) => this._end({ code: event.code }));
    this.timer = setTimeout(() => this._end({ code: 0 }), FIRST_MS);
  }

  send(message) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  drawn(id, n, stamp) {
    if (!this.told.isDue(id)) return false;
    this.send({ op: "drawn", id, n, ...stamp });
    return true;
  }

  ask() {
    this.send(PROBE);
  }

  close() {
    this.onMessage = this.onEnd = this.onAnswer = () => {};
    clearTimeout(this.timer);
    this.socket.close();
  }

  _heard(message) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this._probe(), SILENCE_MS);
    if (message.op === "error" && message.id === PROBE.id) this.onAnswer();
    else this.onMessage(message);
  }

  _probe() {
    this.send(PROBE);
    this.timer = setTimeout(() => this._end({ code: 0 }), PROBE_MS);
  }

  _end(end) {
    const told = this.onEnd;
    this.close();
    told(end);
  }
}
