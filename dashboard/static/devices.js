// The list of devices: presence, search, last seen, and which one is chosen (kept in the address, #device=NAME).
//
// Owns the newest item of each device; an older version of one is ignored. main.js is told of the choice.

import { ago, duration } from "./units.js";

const PRESENCE = {
  online: "online",
  silent: "connected, but nothing comes",
  sleeping: "asleep, as it said it would be",
  offline: "offline",
  unconfirmed: "not heard of since the hub started",
};

const FLAPPING = ", and comes and goes: 5 connections or more in 5 minutes";

export const isConnected = (device) => device.presence === "online" || device.presence === "silent";

export class Devices {
  constructor(onChoose, nowUs) {
    this.onChoose = onChoose;
    this.nowUs = nowUs;
    this.items = new Map();
    this.rows = new Map(); // name -> elements
    this.chosen = new URLSearchParams(location.hash.slice(1)).get("device");
    this.told = undefined; // the choice that onChoose was last told
    this.list = document.getElementById("devices");
    this.search = document.getElementById("search");
    this.noMatch = document.getElementById("no-match");
    this.count = document.getElementById("device-count");
    this.search.addEventListener("input", () => this.show());
    this.list.addEventListener("keydown", (event) => this._move(event));
    addEventListener("hashchange", () => {
      const name = new URLSearchParams(location.hash.slice(1)).get("device");
      if (name !== this.chosen && this.items.has(name)) this.choose(name);
    });
    setInterval(() => this._showTimes(), 1_000);
  }

  // Apply a `devices` message; the first of a connection holds every device there is.
  apply(items, isWhole) {
    if (isWhole) {
      const names = new Set(items.map((item) => item.device));
      for (const name of this.items.keys()) if (!names.has(name)) this.items.delete(name);
    }
    for (const item of items) {
      const known = this.items.get(item.device);
      if (known && known.version > item.version) continue;
      if (item.removed) this.items.delete(item.device);
      else this.items.set(item.device, item);
    }
    const name = this.items.has(this.chosen) ? this.chosen : this._first();
    // A device that the address names is chosen only when the hub has told of it.
    if (name !== this.told) this.choose(name);
    else this.show();
  }

  _first() {
    const sorted = this._sorted();
    return (sorted.find((item) => item.presence === "online") ?? sorted[0])?.device ?? null;
  }

  _sorted() {
    return [...this.items.values()].sort((a, b) => a.device.localeCompare(b.device, "en", { numeric: true }));
  }

  choose(name) {
    this.chosen = this.told = name;
    if (name !== null) history.replaceState(null, "", `#${new URLSearchParams({ device: name })}`);
    this.show();
    this.onChoose(name);
  }

  current() {
    return this.items.get(this.chosen) ?? null;
  }

  show() {
    const wanted = this.search.value.trim().toLowerCase();
    const shown = this._sorted().filter((item) => item.device.toLowerCase().includes(wanted));
    const online = [...this.items.values()].filter(isConnected).length;
    this.count.textContent = this.items.size ? `${online} of ${this.items.size} online` : "";
    this.search.hidden = this.items.size < 5 && !wanted;
    this.noMatch.hidden = shown.length > 0 || this.items.size === 0;
    const elements = shown.map((item) => this._row(item));
    for (const name of this.rows.keys()) if (!this.items.has(name)) this.rows.delete(name);
    const isSame = elements.length === this.list.children.length && elements.every((element, at) => element === this.list.children[at]);
    if (!isSame) this.list.replaceChildren(...elements);
  }

  _row(item) {
    let row = this.rows.get(item.device);
    if (!row) {
      const element = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      const [dot, name, seen] = ["dot", "device-label", "device-seen"].map((className) => {
        const part = document.createElement("span");
        part.className = className;
        return part;
      });
      name.textContent = item.device;
      button.append(dot, name, seen);
      button.addEventListener("click", () => this.choose(item.device));
      element.append(button);
      row = { element, button, seen };
      this.rows.set(item.device, row);
    }
    row.button.dataset.presence = item.presence;
    row.button.setAttribute("aria-current", String(item.device === this.chosen));
    row.seen.textContent = this.seenText(item);
    row.button.title = (PRESENCE[item.presence] ?? item.presence) + (item.flapping ? FLAPPING : "");
    row.element.dataset.flapping = String(item.flapping === true);
    return row.element;
  }

  seenText(item) {
    if (["online", "silent", "sleeping"].includes(item.presence)) return item.presence;
    if (item.last_seen_us === undefined) return "never seen";
    return ago((this.nowUs() - item.last_seen_us) / 1e6);
  }

  // How the device is, in a few words with times.
  factText(item) {
    const flapping = item.flapping ? ", comes and goes" : "";
    return this.stateText(item) + flapping;
  }

  stateText(item) {
    const inS = (us) => (us - this.nowUs()) / 1e6;
    if (item.presence === "online") return item.connected_us === undefined ? "online" : `online for ${duration(Math.max(0, -inS(item.connected_us)))}`;
    if (item.last_seen_us === undefined) return "never seen";
    const seen = `${item.presence}, last ${item.presence === "silent" ? "heard of" : "seen"} ${ago(-inS(item.last_seen_us))}`;
    if (item.expected_us === undefined) return seen;
    const dueS = inS(item.expected_us);
    return dueS > 0 ? `${seen}, back in ${duration(dueS)}` : `${seen}, due now`;
  }

  _showTimes() {
    for (const [name, row] of this.rows) {
      const item = this.items.get(name);
      if (item) row.seen.textContent = this.seenText(item);
    }
  }

  // Arrow keys go through the list.
  _move(event) {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const buttons = [...this.list.querySelectorAll("button")];
    const at = buttons.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
    buttons[Math.min(Math.max(at, 0), buttons.length - 1)]?.focus();
    event.preventDefault();
  }
}
