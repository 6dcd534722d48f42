// The last way to the hub, which passes wherever a page does: a request that waits for what the hub says, then the next. As way_socket.js
// says, all ways are alike. Asking again says that what came is drawn, so it waits for the drawing; no report of its own is needed.

import { Session, codeOf, mayPass, pause, request } from "./way_session.js";

const POLL_MS = 45_000; // the hub answers after 30 s
const UNDRAWN_MS = 2_000; // a page that is hidden draws nothing and asks all the same
const TRIES = 4;
const AGAIN_MS = 250;
const EMPTY_MS = 1_000; // where answers come at once and are empty, something between answers for the hub

export class PollWay {
  /** @param {import("./way_socket.js").Calls} calls */
  constructor({ onMessage, onEnd }) {
    this.onMessage = onMessage;
    this.onEnd = onEnd;
    /** @type {AbortController | null} */
    this.stop = null;
    this.isClosed = false;
    this.undrawn = new Map(); // subscription -> n of its newest message
    /** @type {(value?: any) => void} */
    this.onDrawn = () => {};
    this.session = new Session((end) => this._end(end));
    this._poll();
  }

  send(message) {
    this.drawn(message.id, Infinity); // numbers begin anew, or nobody draws it any more
    this.session.say(message);
  }

  drawn(id, n) {
    if (this.undrawn.get(id) <= n) this.undrawn.delete(id);
    if (this.undrawn.size === 0) this.onDrawn();
    return true;
  }

  close() {
    this.isClosed = true;
    this.onMessage = this.onEnd = () => {};
    this.onDrawn();
    this.stop?.abort();
    this.session.close();
  }

  async _poll() {
    const path = await this.session.begin();
    for (let after = 0, failures = 0; path !== null && !this.isClosed; ) {
      this.stop = new AbortController();
      const began = performance.now();
      const { status, said } = await request(`${path}?after=${after}`, {}, POLL_MS, this.stop);
      if (this.isClosed) return;
      if (status === 200 && said !== null) {
        failures = 0;
        after = said.next;
        for (const message of said.messages) this._heard(message);
        if (said.closed) return this._end(said.closed);
        if (said.messages.length) await this._drawing();
        else if (performance.now() - began < EMPTY_MS) await pause(EMPTY_MS);
      } else {
        failures += 1;
        if (failures === TRIES || !mayPass(status)) return this._end({ code: codeOf(status) });
        await pause(AGAIN_MS * failures); // the same question: what was lost on the way is answered again
      }
    }
  }

  _heard(message) {
    if (message.op === "snapshot" || message.op === "update") this.undrawn.set(message.id, message.n);
    this.onMessage(message);
  }

  // Return when all that came is drawn, after a while at most.
  async _drawing() {
    if (this.undrawn.size > 0) {
      const drawn = new Promise((resolve) => (this.onDrawn = resolve));
      await Promise.race([drawn, pause(UNDRAWN_MS)]);
    }
    this.undrawn.clear();
  }

  _end(end) {
    const told = this.onEnd;
    this.close();
    told(end);
  }
}
