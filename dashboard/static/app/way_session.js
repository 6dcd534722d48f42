// A session at the hub that needs no WebSocket: begun, spoken to and ended by requests (docs/protocol.md part C). The ways of events and
// of polls hear what it says, each as it can.

export const LOGIN_ENDED = 4504;
const ANSWER_MS = 10_000;
const TRIES = 4;
const AGAIN_MS = 250;
const MAX_MESSAGES = 32; // of one request

export class Session {
  // `onEnd({code})`: it can be spoken to no longer.
  /** @param {(end: {code: number}) => void} onEnd */
  constructor(onEnd) {
    this.onEnd = onEnd;
    /** @type {string | null} */
    this.path = null;
    /** @type {any[]} */
    this.waiting = [];
    this.isSaying = false;
    this.isClosed = false;
  }

  // Begin it; null where it could not be, and `onEnd` was called.
  async begin() {
    const answer = await request("api/v1/live", { method: "POST", body: JSON.stringify({ messages: [] }) });
    if (answer.status !== 201) {
      if (!this.isClosed) this.onEnd({ code: codeOf(answer.status) });
      return null;
    }
    this.path = `api/v1/live/${answer.said.session}`;
    if (this.isClosed) this._delete();
    else this._flush();
    return this.isClosed ? null : this.path;
  }

  say(message) {
    this.waiting.push(message);
    this._flush();
  }

  // Take no more; `isOver`: the hub ends it by itself.
  close(isOver = false) {
    if (this.isClosed) return;
    this.isClosed = true;
    if (this.path !== null && !isOver) this._delete();
  }

  _delete() {
    fetch(/** @type {string} */ (this.path), { method: "DELETE", keepalive: true }).catch(() => {}); // else it ends when nobody comes
  }

  // One request after another: what is said has an order.
  async _flush() {
    if (this.isSaying || this.path === null) return;
    this.isSaying = true;
    for (let tries = 0; this.waiting.length && !this.isClosed; ) {
      const messages = this.waiting.slice(0, MAX_MESSAGES);
      const { status } = await request(this.path, { method: "POST", body: JSON.stringify({ messages }) });
      tries += 1;
      if (status === 204) {
        this.waiting.splice(0, messages.length);
        tries = 0;
      } else if (tries < TRIES && mayPass(status)) {
        await pause(AGAIN_MS * tries);
      } else {
        if (!this.isClosed) this.onEnd({ code: codeOf(status) });
        break;
      }
    }
    this.isSaying = false;
  }
}

// Ask the hub; `{status, said}`, status 0 where no whole answer came.
/** @param {string} path @param {RequestInit} options */
export async function request(path, options = {}, timeoutMs = ANSWER_MS, stop = new AbortController()) {
  const timer = setTimeout(() => stop.abort(), timeoutMs);
  try {
    const headers = options.body === undefined ? undefined : { "Content-Type": "application/json" };
    const answer = await fetch(path, { cache: "no-store", headers, signal: stop.signal, ...options });
    const text = await answer.text();
    const isJson = answer.headers.get("Content-Type")?.startsWith("application/json") ?? false;
    return { status: answer.status, said: text && isJson ? JSON.parse(text) : null };
  } catch {
    return { status: 0, said: null };
  } finally {
    clearTimeout(timer);
  }
}

// A connection that broke, a proxy that did not get through, a session that has yet to take what came before.
export const mayPass = (status) => status === 0 || status === 429 || (status >= 502 && status <= 504);

export const codeOf = (status) => (status === 401 ? LOGIN_ENDED : 0);

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
