// The connections that a device had: when, for how long, from where, why each ended; and that it comes and goes, where it does.
//
// Owns the pages that were read; reads the newest again when the device comes or leaves. For operators: addresses are not for everybody.

import { get, withQuery } from "../app/api.js";
import { fill, h } from "../app/dom.js";
import { moment } from "../app/times.js";
import { duration } from "../app/units.js";
import { Paged } from "./paged.js";

const PAGE = 25;
const AGAIN_MS = 1_500; // the hub writes what came and left once a second
const FLAPPING = "This device comes and goes: it has connected 5 times or more in the last 5 minutes. How its connections ended says why: often a weak network, a second device with the same token, or a program that crashes and starts again.";

export class Connections {
  /** @param {import("../app/main.js").App} app */
  constructor({ hub }) {
    this.hub = hub;
    this.device = "";
    /** @type {Map<number, any>} */
    this._read = new Map();
    this._timer = 0;
    this._last = "";
    this.flapping = h("p", { class: "note warning", hidden: true }, FLAPPING);
    this.summary = h("p", { class: "muted" });
    this.rows = h("tbody");
    const head = h("thead", {}, h("tr", {}, ["Came", "Stayed", "From", "How it ended"].map((name) => h("th", { scope: "col" }, name))));
    this.frame = h("div", { class: "table-frame", tabindex: "0", role: "region", "aria-label": "Connections" }, h("table", { class: "tiers connections" }, head, this.rows));
    this.pages = new Paged("Older connections", {
      ask: (after) => get(withQuery(`devices/${encodeURIComponent(this.device)}/connections`, { limit: PAGE, after })),
      take: ({ connections }) => connections.forEach((/** @type {any} */ item) => this._read.set(item.came_us, item)),
      show: () => this._show(),
    });
    this.element = h("section", { class: "card panel-card" }, h("h2", {}, "Connections"), this.flapping, this.pages.error, this.summary, this.frame, this.pages.more);
  }

  /** @param {string} device @returns {() => void} */
  open(device) {
    this.device = device;
    this._read.clear();
    this.pages.clear();
    this._last = "";
    this._show();
    const timer = setInterval(() => document.hidden || this._show(), 1_000); // how long the present one lasts goes on
    return () => {
      clearInterval(timer);
      clearTimeout(this._timer);
      this.pages.clear();
    };
  }

  /** @param {any} device */
  show(device) {
    this.flapping.hidden = device.flapping !== true;
    const last = JSON.stringify([device.connected_us, device.presence === "online" || device.presence === "silent", this.hub.mayOperate]);
    if (last === this._last) return;
    const isFirst = this._last === "";
    this._last = last;
    clearTimeout(this._timer);
    this._timer = window.setTimeout(() => (this.hub.mayOperate ? this.pages.newest() : this._show()), isFirst ? 0 : AGAIN_MS);
  }

  _show() {
    const items = [...this._read.values()].sort((a, b) => b.came_us - a.came_us);
    this.frame.hidden = !items.length;
    fill(this.summary, this._summary(items));
    fill(this.rows, items.map((item) => row(item, this.hub.nowUs())));
  }

  /** @param {any[]} items */
  _summary(items) {
    if (!this.hub.mayOperate) return "Who may see where devices connect from: operators and administrators.";
    if (!this.pages.isRead) return "Asking the hub …";
    if (!items.length) return "This device was never connected. Give its program the address of this hub and its token.";
    const dayUs = this.hub.nowUs() - 86_400e6;
    const recent = items.filter((item) => item.came_us > dayUs).length;
    const atLeast = recent === items.length && this.pages.next !== null ? "at least " : "";
    return `Came ${atLeast}${recent === 1 ? "once" : `${recent} times`} in the last 24 hours. The hub keeps the newest 100 connections.`;
  }
}

/** @param {any} item @param {number} nowUs */
function row(item, nowUs) {
  const isOpen = item.left_us === undefined;
  const lastedS = isOpen ? Math.max(0, (nowUs - item.came_us) / 1e6) : item.lasted_s;
  const stayed = h("td", {}, isOpen ? `${duration(lastedS)} so far` : moment(item.left_us, lastedS < 1 ? "under 1 s" : duration(lastedS)));
  return h("tr", { data: { open: isOpen } }, h("td", {}, moment(item.came_us)), stayed, h("td", {}, h("code", {}, item.remote)), h("td", { class: "wraps" }, isOpen ? "it is connected" : ended(item)));
}

/** How a connection ended, with its close code. @param {any} item */
export function ended({ code, reason }) {
  const said = reason || (code === 1000 ? "the device closed it" : code === 1006 ? "it broke off" : "no reason was given");
  return code === null || code === undefined ? said : `${said} (${code})`;
}
