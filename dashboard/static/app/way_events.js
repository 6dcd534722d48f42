// The second way to the hub: server-sent events, and requests for what the page says. Owns the stream, and whether it is of any use here:
// a proxy that gathers it lets nothing through for long, or everything late. As way_socket.js says, all ways are alike.

import { Session, codeOf } from "./way_session.js";
import { Told } from "./way_socket.js";

const FIRST_MS = 3_000; // the hub speaks at once
const SILENCE_MS = 25_000; // and then every 15 s at least
const LATE_US = 2_000_000;
const LATE_TIMES = 3; // so many pieces in a row that came late: they wait somewhere until there is enough of them
const DRAWN_MS = 1_000;

export class EventsWay {
  // `lateUs(message)`: how long it was on its way, 0 where nobody knows.
  /** @param {import("./way_socket.js").Calls} calls */
  constructor({ onMessage, onEnd, lateUs }) {
    this.onMessage = onMessage;
    this.onEnd = onEnd;
    this.lateUs = lateUs;
    this.told = new Told(DRAWN_MS);
    this.late = 0;
    this.timer = 0;
    this.isStreaming = false;
    this.stop = new AbortController();
    this.session = new Session((end) => this._end(end));
    this._stream();
  }

  send(message) {
    this.session.say(message);
  }

  drawn(id, n, stamp) {
    if (!this.told.isDue(id)) return false;
    this.send({ op: "drawn", id, n, ...stamp });
    return true;
  }

  close() {
    this.onMessage = this.onEnd = () => {};
    clearTimeout(this.timer);
    this.stop.abort();
    this.session.close(this.isStreaming); // it ends with its stream
  }

  async _stream() {
    const path = await this.session.begin();
    if (path === null) return;
    this._expect(FIRST_MS);
    this.isStreaming = true;
    try {
      const answer = await fetch(`${path}/events`, { cache: "no-store", signal: this.stop.signal });
      if (!answer.ok) return this._end({ code: codeOf(answer.status) });
      await this._read(/** @type {ReadableStream} */ (answer.body).pipeThrough(new TextDecoderStream()).getReader());
    } catch {
      // the connection broke, or this was closed
    }
    this._end({ code: 0 });
  }

  async _read(reader) {
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      this._expect(SILENCE_MS);
      const events = (rest + value).split("\n\n");
      rest = events.pop() ?? "";
      let lateUs = -1; // of the one that waited longest
      for (const event of events) {
        const message = messageOf(event);
        if (message === null) continue;
        if (event.startsWith("event: closed")) return this._end(message);
        if (message.op === "update") lateUs = Math.max(lateUs, this.lateUs(message));
        this.onMessage(message);
      }
      if (lateUs >= 0) this.late = lateUs > LATE_US ? this.late + 1 : 0;
      if (this.late >= LATE_TIMES) return this._end({ code: 0, isUnfit: true });
    }
  }

  _expect(ms) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this._end({ code: 0, isUnfit: true }), ms);
  }

  _end(end) {
    const told = this.onEnd;
    this.close();
    told(end);
  }
}

// What an event carries; null for a comment.
function messageOf(event) {
  const data = event.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trimStart());
  return data.length ? JSON.parse(data.join("\n")) : null;
}
