// All commands that a device was ever given and the hub still has: page by page, each with the time at which a state was reached.
//
// Owns the pages that were read. What happens to a command meanwhile comes by the live connection, for commands to many devices by asking
// again when their tally moves.

import { get, withQuery } from "../app/api.js";
import { fill, h } from "../app/dom.js";
import { cancel } from "./cancelling.js";
import { commandEntry } from "./command_entry.js";
import { showEntries } from "./commands.js";
import { Paged } from "./paged.js";

const PAGE = 20;
const AGAIN_MS = 1_000;

export class CommandHistory {
  /** @param {import("../app/main.js").App} app */
  constructor(app) {
    this.app = app;
    this.hub = app.hub;
    this.device = "";
    /** @type {Map<string, any>} */
    this._read = new Map();
    this._timer = 0;
    this.list = h("ol", { class: "sent", id: "command-history" });
    this.pages = new Paged("Older commands", {
      ask: (after) => get(withQuery("commands", { device: this.device, limit: PAGE, after })),
      take: ({ commands }) => commands.forEach((/** @type {any} */ item) => this._read.set(item.id, item)),
      show: () => this._show(),
    });
    this.empty = h("p", { class: "muted" });
    this.element = h("section", { class: "card panel-card", "aria-labelledby": "history-title" }, h("h2", { id: "history-title" }, "Sent to this device"), this.pages.error, this.empty, this.list, this.pages.more);
  }

  /** Show those of a device, until the returned function is called. @param {string} device @returns {() => void} */
  open(device) {
    this.device = device;
    this._read.clear();
    this.pages.clear();
    this._show();
    this.pages.newest();
    const stops = [this.hub.commands.watch(() => this._show()), this.hub.groupCommands.watch(() => this._askAgain())];
    return () => {
      clearTimeout(this._timer);
      this._timer = 0;
      stops.forEach((stop) => stop());
      this.pages.clear();
    };
  }

  _askAgain() {
    this._timer ||= window.setTimeout(() => {
      this._timer = 0;
      this.pages.newest();
    }, AGAIN_MS);
  }

  _show() {
    const { isRead, next } = this.pages;
    const items = newestFirst(this._read, this.hub.commands.items, this.device, next === null && isRead);
    const { mayOperate } = this.hub;
    const how = { cancel: mayOperate ? (/** @type {any} */ item) => cancel(this.app, item) : null, isWhole: true };
    showEntries(this.list, items, (item) => commandEntry(item, how), String(mayOperate));
    fill(this.empty, isRead ? "No command was ever sent to this device." : "Asking the hub …");
    this.empty.hidden = items.length > 0;
  }
}

/**
 * The commands of a device out of the pages that were read and of what came live, each in its newest version. What is older than the oldest
 * that was read is left out while there are more pages: in between some may be missing.
 * @param {Map<string, any>} read @param {Map<string, any>} live @param {string} device @param {boolean} isWhole
 */
export function newestFirst(read, live, device, isWhole) {
  const found = new Map(read);
  const oldestUs = isWhole ? -Infinity : Math.min(...[...read.values()].map((item) => item.created_us));
  for (const item of live.values()) {
    if (item.device !== device || item.created_us < oldestUs) continue;
    if ((found.get(item.id)?.version ?? -1) < item.version) found.set(item.id, item);
  }
  return [...found.values()].sort((a, b) => b.created_us - a.created_us || (a.id < b.id ? 1 : -1));
}
