// All commands that a device was ever given and the hub still has: page by page, each with the time at which a state was reached.
//
// Owns the pages that were read. What happens to a command meanwhile comes by the live connection, for commands to many devices by asking
// again when their tally moves.

import { get, textOf, withQuery } from "../app/api.js";
import { button, fill, h } from "../app/dom.js";
import { cancel } from "./cancelling.js";
import { commandEntry } from "./command_entry.js";
import { showEntries } from "./commands.js";

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
    /** @type {string | null} */
    this._next = null;
    this._isRead = false;
    this._timer = 0;
    this.list = h("ol", { class: "sent", id: "command-history" });
    this.error = h("p", { class: "error", role: "alert", hidden: true });
    this.more = button("Older commands", () => this._page(this._next));
    this.empty = h("p", { class: "muted" });
    this.element = h("section", { class: "card panel-card", "aria-labelledby": "history-title" }, h("h2", { id: "history-title" }, "Sent to this device"), this.error, this.empty, this.list, this.more);
  }

  /** Show those of a device, until the returned function is called. @param {string} device @returns {() => void} */
  open(device) {
    this.device = device;
    this._read.clear();
    this._next = null;
    this._isRead = false;
    this._show();
    this._page(null);
    const stops = [this.hub.commands.watch(() => this._show()), this.hub.groupCommands.watch(() => this._askAgain())];
    return () => {
      clearTimeout(this._timer);
      this._timer = 0;
      stops.forEach((stop) => stop());
    };
  }

  _askAgain() {
    this._timer ||= window.setTimeout(() => {
      this._timer = 0;
      this._page(null);
    }, AGAIN_MS);
  }

  /** @param {string | null} after */
  async _page(after) {
    const { device } = this;
    this.more.disabled = true;
    try {
      const said = await get(withQuery("commands", { device, limit: PAGE, after }));
      if (device !== this.device) return;
      // The first page, read again, leaves the older ones where they are.
      if (after !== null || !this._isRead) this._next = said.next;
      this._isRead = true;
      for (const item of said.commands) this._read.set(item.id, item);
      this.error.hidden = true;
    } catch (error) {
      fill(this.error, textOf(error));
      this.error.hidden = false;
    }
    this.more.disabled = false;
    this._show();
  }

  _show() {
    const items = newestFirst(this._read, this.hub.commands.items, this.device, this._next === null && this._isRead);
    const { mayOperate } = this.hub;
    const how = { cancel: mayOperate ? (/** @type {any} */ item) => cancel(this.app, item) : null, isWhole: true };
    showEntries(this.list, items, (item) => commandEntry(item, how), String(mayOperate));
    this.more.hidden = this._next === null;
    fill(this.empty, this._isRead ? "No command was ever sent to this device." : "Asking the hub …");
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
