// Asking the hub again and again for what a section shows, while somebody looks at it.
//
// Owns the timer and the request on its way; ends both when the section is left. A hidden tab asks nothing and asks at once when it is back.

import { textOf } from "../../app/api.js";
import { h, say } from "../../app/dom.js";

export class Asking {
  /** @param {(signal: AbortSignal) => Promise<void>} ask shows what it was told @param {number} everyMs */
  constructor(ask, everyMs) {
    this.ask = ask;
    this.everyMs = everyMs;
    this.error = h("p", { class: "error", role: "alert", hidden: true });
    this._timer = 0;
    this._isOn = false;
    /** @type {AbortController | null} */
    this._stop = null;
    document.addEventListener("visibilitychange", () => !document.hidden && this._isOn && this.now());
  }

  start() {
    this._isOn = true;
    return this.now();
  }

  leave() {
    this._isOn = false;
    clearTimeout(this._timer);
    this._stop?.abort();
  }

  /** Ask now; what was asked before is not waited for. */
  async now() {
    clearTimeout(this._timer);
    this._stop?.abort();
    const stop = (this._stop = new AbortController());
    try {
      await this.ask(stop.signal);
      if (!stop.signal.aborted) this.error.hidden = true;
    } catch (error) {
      if (stop.signal.aborted) return;
      say(this.error, textOf(error));
      this.error.hidden = false;
    }
    if (this._isOn && !stop.signal.aborted) this._timer = setTimeout(() => document.hidden || this.now(), this.everyMs);
  }
}
