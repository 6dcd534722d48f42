// What a viewer must know at once: no connection, a hub that holds, a store that is away or lags, notes of the hub. Owns the strips at
// the top; all about the history is in its dialog (store.js).

import { button, byId, h, say } from "./dom.js";
import { count, duration } from "./units.js";

const HOLDING = {
  store_full: "The hub's disk is full: devices hold their readings until there is room.",
  overload: "The hub is overloaded: devices hold their readings for a moment.",
  starting: "The hub is starting.",
};
const NOTES_SHOWN = 2; // more are in the dialog
const QUIET_MS = 1_500; // a connection that is back so soon is not spoken of
const WAYS = {
  socket: ["Live", ""],
  events: ["Live · events", "This network lets no WebSocket through: readings come as a stream of events."],
  poll: ["Live · polling", "This network lets no WebSocket through: readings come by asking again and again, and a little later."],
};
const SOON_S = 7 * 86_400; // an end that is farther away is no news

export class Banners {
  // `onRetry()`: connect now; `onHistory()`: show all about the history.
  constructor(onRetry, onHistory) {
    this.root = byId("banners");
    this.onRetry = onRetry;
    this.onHistory = onHistory;
    this.strips = new Map(); // key -> {element, text}
    this.pill = byId("connection");
    this.pillText = byId("connection-text");
    this.state = { kind: "connecting" };
    this.lagUs = 0;
    this.lostAt = Date.now();
    setInterval(() => document.hidden || this._showConnection(), 500);
  }

  connection(state) {
    if (this.state.kind === "open" && state.kind !== "open") this.lostAt = Date.now();
    this.state = state;
    this._showConnection();
  }

  // How far behind the hub the page is, µs; 0: it is not.
  behind(lagUs) {
    this.lagUs = lagUs;
    this.pill.dataset.behind = String(lagUs > 0);
    this._put("behind", lagUs > 0 ? "The connection is slow: what you see is late." : null, "warning", `Showing ${duration(lagUs / 1e6)} ago.`);
    this._showConnection();
  }

  system(item) {
    const isHolding = item.credit !== undefined && item.credit !== "open";
    this._put("holding", isHolding ? HOLDING[item.credit] ?? `The hub takes no readings now: ${item.credit}.` : null, "warning");
    this._store(item.store, item.ack_after === "store");
    this._nodes(item.nodes ?? []);
    const notes = item.notes ?? [];
    for (const key of this.strips.keys()) if (key.startsWith("note:") && !notes.slice(0, NOTES_SHOWN).includes(key.slice(5))) this._put(key, null);
    for (const note of notes.slice(0, NOTES_SHOWN)) this._put(`note:${note}`, note, "info");
    const more = notes.length - NOTES_SHOWN;
    this._put("notes", more > 0 ? `${more === 1 ? "One more note" : `${more} more notes`} about the history.` : null, "info");
  }

  // A store that is away or behind: since when, why, how long that can go on, and what it means for devices.
  _store(store, isAcking) {
    const isBad = store !== undefined && store.state !== "ok";
    if (!isBad) {
      this._put("store", null);
      return;
    }
    const since = store.since_us ? ` since ${timeOf(store.since_us)}` : "";
    const reason = store.reason ? ` (${store.reason.split(/[:;] /)[0]})` : ""; // all of it is in the dialog
    const kept = isAcking ? "Devices get no acknowledgement until it is back, and keep their readings." : "Live readings are shown, and nothing is lost: the hub keeps them until it is back.";
    const said = store.state === "down" ? `The history store ${store.name} does not answer${since}${reason}. ${kept}` : `The history store ${store.name} is behind${since}: charts of the past lack the newest messages.`;
    const left = (store.left_s ?? Infinity) > SOON_S ? "" : ` Devices must hold their readings in about ${duration(store.left_s)}.`;
    const detail = `${count(store.lag_frames)} messages are not stored yet.${left}`;
    this._put("store", said, store.state === "down" && isAcking ? "error" : "warning", detail);
  }

  // Nodes that do not answer, whose devices may have sent more than is shown.
  _nodes(silent) {
    const said = silent.map(({ name, since_us: sinceUs }) => `${name} (since ${timeOf(sinceUs)})`).join(", ");
    const isOne = silent.length === 1;
    const newer = `What devices there have sent since is shown once ${isOne ? "it answers" : "they answer"}.`;
    this._put("nodes", silent.length ? `${isOne ? "A node does" : `${silent.length} nodes do`} not answer: ${said}.` : null, "warning", newer);
  }

  _showConnection() {
    const { kind, way, nextAt } = this.state;
    const isQuiet = Date.now() - this.lostAt < QUIET_MS;
    const late = [`${duration(this.lagUs / 1e6)} behind`, "The connection is slow: what you see is late."];
    const [text, why] = kind === "open" ? (this.lagUs > 0 ? late : WAYS[way]) : [{ connecting: "Connecting", waiting: isQuiet ? "Connecting" : "Offline", ended: "Logged out", over: "Over" }[kind], ""];
    this.pill.dataset.state = kind === "waiting" && isQuiet ? "connecting" : kind;
    if (this.pillText.textContent !== text) this.pillText.textContent = text;
    if (this.pill.title !== why) this.pill.title = why;
    if (kind === "open" || kind === "over") this._put("connection", null); // over: the page itself says so (shared.js)
    else if (kind === "ended") this._put("connection", "Your login has ended. Log in again, and you come back to where you are.", "error");
    else if (isQuiet) return;
    else if (kind === "waiting") {
      const seconds = Math.max(0, Math.ceil((nextAt - Date.now()) / 1000));
      this._put("connection", "No connection to the hub. What you see is no longer live.", "error", `Next try in ${seconds} s`);
    } else if (this.strips.has("connection")) this._put("connection", "No connection to the hub. What you see is no longer live.", "error", "Trying now");
  }

  // Show a strip, or take it away where text is null. `detail` changes often and is not read aloud.
  _put(key, text, level = "info", detail = "") {
    let strip = this.strips.get(key);
    if (text === null) {
      strip?.element.remove();
      this.strips.delete(key);
      return;
    }
    if (!strip) {
      const words = h("span");
      const more = h("span", { class: "banner-detail", "aria-live": "off" });
      const isOfHistory = key === "store" || key === "notes";
      const does = key === "connection" ? button("Try now", () => (this.state.kind === "ended" ? location.reload() : this.onRetry())) : isOfHistory && button("Show the history", () => this.onHistory());
      const element = h("div", { class: "banner", data: { kind: key.split(":")[0] } }, words, more, does);
      strip = { element, words, more };
      this.strips.set(key, strip);
      this.root.append(element);
    }
    strip.element.dataset.level = level;
    say(strip.words, text);
    say(strip.more, detail);
    if (key !== "connection") return;
    const again = strip.element.querySelector("button");
    again.hidden = this.state.kind !== "waiting" && this.state.kind !== "ended";
    say(again, this.state.kind === "ended" ? "Log in" : "Try now");
  }
}

const timeOf = (us) => new Date(us / 1000).toLocaleString([], { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hour12: false });
