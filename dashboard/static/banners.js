// What a viewer must know at once: no connection, a hub that holds, a store that lags, notes of the hub. Owns the strips at the top.

const HOLDING = {
  store_full: "The hub's disk is full: devices hold their readings until there is room.",
  overload: "The hub is overloaded: devices hold their readings for a moment.",
  starting: "The hub is starting.",
};
const LAG_SHOWN = 1_000; // positions

export class Banners {
  constructor(onRetry) {
    this.root = document.getElementById("banners");
    this.onRetry = onRetry;
    this.strips = new Map(); // key -> {element, text}
    this.pill = document.getElementById("connection");
    this.pillText = document.getElementById("connection-text");
    this.state = { kind: "connecting" };
    this.wasOpen = false;
    setInterval(() => this._showConnection(), 500);
  }

  connection(state) {
    this.state = state;
    if (state.kind === "open") this.wasOpen = true;
    this._showConnection();
  }

  system(item) {
    const isHolding = item.credit !== undefined && item.credit !== "open";
    this._put("holding", isHolding ? HOLDING[item.credit] ?? `The hub takes no readings now: ${item.credit}.` : null, "warning");
    const isLate = item.store_lag > LAG_SHOWN;
    this._put("lag", isLate ? `Charts of the past are ${item.store_lag.toLocaleString("en")} messages behind; the hub is catching up. Live readings are shown.` : null, "warning");
    for (const key of this.strips.keys()) if (key.startsWith("note:") && !item.notes?.includes(key.slice(5))) this._put(key, null);
    for (const note of item.notes ?? []) this._put(`note:${note}`, note, "info");
  }

  _showConnection() {
    const { kind, nextAt } = this.state;
    this.pill.dataset.state = kind;
    this.pillText.textContent = { open: "Live", connecting: "Connecting", waiting: "Offline", ended: "Logged out" }[kind];
    if (kind === "open") this._put("connection", null);
    else if (kind === "ended") this._put("connection", "Your login has ended. Run `tributary login` where the hub runs and open the link it prints.", "error");
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
      const element = document.createElement("div");
      element.className = "banner";
      element.dataset.kind = key.split(":")[0];
      const words = document.createElement("span");
      const more = document.createElement("span");
      more.className = "banner-detail";
      more.setAttribute("aria-live", "off");
      element.append(words, more);
      if (key === "connection") element.append(this._retryButton());
      strip = { element, words, more };
      this.strips.set(key, strip);
      this.root.append(element);
    }
    strip.element.dataset.level = level;
    if (strip.words.textContent !== text) strip.words.textContent = text;
    if (strip.more.textContent !== detail) strip.more.textContent = detail;
    const button = strip.element.querySelector("button");
    if (button) button.hidden = this.state.kind !== "waiting";
  }

  _retryButton() {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = "Try now";
    button.addEventListener("click", () => this.onRetry());
    return button;
  }
}
