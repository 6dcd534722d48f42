// The connection to the hub: one WebSocket, opened again with backoff and jitter, and the difference of the two clocks.
//
// Owns the socket and nothing of what is said on it. `onOpen`, `onMessage(message)` and `onState({kind, nextAt, reason})` are called;
// kind is connecting, open, waiting or ended (the login is over: only a new link helps).

const FIRST_WAIT_MS = 400;
const MAX_WAIT_MS = 10_000;
const SILENCE_MS = 15_000; // then the hub is asked whether it is there
const PROBE_MS = 5_000;
const LOGIN_ENDED = 4504;

export class Live {
  constructor({ onOpen, onMessage, onState }) {
    Object.assign(this, { onOpen, onMessage, onState });
    this.offsetUs = 0; // hub's clock minus this one
    this.offsetErrorUs = Infinity; // half the round trip it was measured by
    this.failures = 0;
    this.socket = null;
    this.timer = 0;
    this.heardAt = 0;
    addEventListener("online", () => this.tryNow());
    setInterval(() => this._watch(), 3_000);
  }

  // This machine's time on the hub's clock, µs.
  nowUs() {
    return (performance.timeOrigin + performance.now()) * 1000 + this.offsetUs;
  }

  get isOpen() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  start() {
    clearTimeout(this.timer);
    this.onState({ kind: "connecting" });
    const address = new URL("v1/live", location.href); // beside the page, wherever a proxy has put it
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address, "tributary.live.v1.json");
    this.socket = socket;
    this.heardAt = Date.now();
    socket.addEventListener("message", (event) => this._heard(socket, event));
    socket.addEventListener("close", (event) => this._closed(socket, event));
  }

  // Try at once instead of waiting; nothing where a connection is open or being opened.
  tryNow() {
    if (this.socket === null) this.start();
  }

  send(message) {
    if (this.isOpen) this.socket.send(JSON.stringify(message));
  }

  _heard(socket, event) {
    if (socket !== this.socket) return;
    this.heardAt = Date.now();
    const message = JSON.parse(event.data);
    if (message.op === "ready") {
      this.failures = 0;
      this.offsetUs = 0;
      this.offsetErrorUs = Infinity;
      this.offsetUs = message.time_us - this.nowUs();
      this.onState({ kind: "open" });
      this.onMessage(message);
      this.onOpen();
      this._measureClock();
    } else {
      this.onMessage(message);
    }
  }

  // `ready` is late by the way it took; a round trip says by how much at most.
  async _measureClock() {
    for (let time = 0; time < 3; time += 1) {
      try {
        const began = performance.now();
        const answer = await fetch("api/v1/hub");
        const tookUs = (performance.now() - began) * 1000;
        if (!answer.ok || tookUs / 2 >= this.offsetErrorUs) continue;
        const { time_us: hubUs } = await answer.json();
        const middleUs = (performance.timeOrigin + began) * 1000 + tookUs / 2;
        this.offsetUs = hubUs - middleUs;
        this.offsetErrorUs = tookUs / 2;
      } catch {
        return; // the connection went; the next one measures anew
      }
    }
  }

  _closed(socket, event) {
    if (socket !== this.socket) return;
    this.socket = null;
    if (event.code === LOGIN_ENDED) this._loginEnded();
    else this._wait();
  }

  // Another tab has logged out, or has logged in anew: then this one goes on with the new login.
  async _loginEnded() {
    const said = await status("api/v1/hub");
    if (this.socket !== null) return;
    if (said === 401) this._end();
    else this._wait();
  }

  _wait() {
    const longest = Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** this.failures);
    const wait = longest * (0.5 + Math.random() / 2);
    this.failures += 1;
    this.onState({ kind: "waiting", nextAt: Date.now() + wait });
    this.timer = setTimeout(() => this._retry(), wait);
  }

  // A refused upgrade looks like a dead hub; an ended login is told apart by asking over HTTP.
  async _retry() {
    if (this.failures > 1 && (await status("api/v1/hub")) === 401) this._end();
    else if (this.socket === null) this.start();
  }

  _end() {
    clearTimeout(this.timer);
    this.onState({ kind: "ended" });
  }

  // A network that vanishes tells nobody: ask, and give the connection up where no answer comes.
  async _watch() {
    const socket = this.socket;
    if (!this.isOpen || Date.now() - this.heardAt < SILENCE_MS) return;
    this.heardAt = Date.now();
    if ((await status("healthz")) === 0 && socket === this.socket && socket !== null) {
      this.socket = null;
      socket.close();
      this._wait();
    }
  }
}

async function status(path) {
  try {
    return (await fetch(path, { signal: AbortSignal.timeout(PROBE_MS), cache: "no-store" })).status;
  } catch {
    return 0;
  }
}
