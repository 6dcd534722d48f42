// What a device logs: its lines, newest first, from a level on, page by page; new ones come while it is shown.
//
// Owns the lines that were read. Asks for the newest every other second while somebody looks; where more came than one answer holds, it
// begins anew, so that no line is missing in between.

import { get, withQuery } from "../app/api.js";
import { fill, h, keyed } from "../app/dom.js";
import { moment } from "../app/times.js";
import { Paged } from "./paged.js";

const PAGE = 100;
const AGAIN_MS = 2_000;
const MOST = 1_000; // of a page that is open for days; the hub keeps fewer
const LEVELS = [["debug", "All"], ["info", "Info"], ["warning", "Warnings"], ["error", "Errors"]];

export class Logs {
  /** @param {import("../app/main.js").App} app */
  constructor({ hub }) {
    this.hub = hub;
    this.device = "";
    this.level = "debug";
    this._lines = new Lines();
    this._timer = 0;
    const inputs = LEVELS.map(([level, text]) => h("label", {}, h("input", { type: "radio", name: "log-level", value: level, checked: level === this.level, on: { change: () => this._choose(level) } }), h("span", {}, text)));
    const levels = h("fieldset", { class: "segments" }, h("legend", { class: "visually-hidden" }, "Level"), ...inputs);
    this.empty = h("p", { class: "muted" });
    const list = h("ol", { class: "log" });
    this._rows = keyed(list, (/** @type {any} */ line) => String(line.number), (line) => ({ element: entry(line), show: () => {} }));
    this.pages = new Paged("Older lines", {
      ask: (after) => get(withQuery(`devices/${encodeURIComponent(this.device)}/log`, { limit: PAGE, level: this.level, after })),
      take: (said, isNewest) => {
        this._lines.take(said, isNewest);
        this.pages.next = this._lines.next;
      },
      show: () => {
        this._show();
        this._again();
      },
    });
    this.element = h("section", { class: "card panel-card" }, h("div", { class: "panel-head" }, h("h2", {}, "Log"), levels), this.pages.error, this.empty, list, this.pages.more);
  }

  /** @param {string} device @returns {() => void} */
  open(device) {
    this.device = device;
    this._choose(this.level);
    return () => {
      clearTimeout(this._timer);
      this.pages.clear();
    };
  }

  /** @param {string} level */
  _choose(level) {
    this.level = level;
    this._lines = new Lines();
    clearTimeout(this._timer);
    this.pages.clear();
    this._show();
    this.pages.newest();
  }

  _again() {
    clearTimeout(this._timer);
    this._timer = window.setTimeout(() => (document.hidden ? this._again() : this.pages.newest()), AGAIN_MS);
  }

  _show() {
    const { items, isRead } = this._lines;
    this._rows(items);
    this.empty.hidden = items.length > 0;
    const none = this.level === "debug" ? "This device has logged nothing. A program does so with: await device.log(\"warning\", \"the valve needs 3 tries\")" : "No line of this level or worse.";
    fill(this.empty, isRead ? none : "Asking the hub …");
  }
}

/** Lines out of answers of the hub, newest first, without a hole between them. */
export class Lines {
  constructor() {
    /** @type {any[]} */
    this.items = [];
    /** @type {number | null} */
    this.next = null;
    this.isRead = false;
  }

  /** Take an answer. @param {{lines: any[], next: number | null}} said @param {boolean} isNewest it has the newest lines, not older ones */
  take({ lines, next }, isNewest) {
    const newest = this.items[0]?.number ?? 0;
    if (!isNewest) {
      this.items = [...this.items, ...lines];
      this.next = next;
    } else if (!this.isRead || (next !== null && lines[lines.length - 1].number > newest)) {
      this.items = lines;
      this.next = next;
    } else {
      this.items = [...lines.filter((line) => line.number > newest), ...this.items];
    }
    if (this.items.length > MOST) {
      this.items = this.items.slice(0, MOST);
      this.next = this.items[MOST - 1].number;
    }
    this.isRead = true;
  }
}

/** @param {any} line */
function entry({ level, text, at_us: atUs, arrived_us: arrivedUs }) {
  const time = moment(atUs ?? arrivedUs);
  if (atUs === null) time.title += ", when it came: the device has no clock";
  return h("li", { data: { level } }, time, h("span", { class: "log-level" }, level), h("span", { class: "log-text" }, text));
}
