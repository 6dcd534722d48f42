// The box of commands beside the charts: the form, the newest commands to this device, the newest to many devices.
//
// Owns the box; states and results come by the live connection. command_history.js has the older ones.

import { fill, h } from "../app/dom.js";
import { cancel } from "./cancelling.js";
import { commandEntry, groupEntry } from "./command_entry.js";
import { CommandForm } from "./command_form.js";

const LISTED = 8;
const GROUPS_LISTED = 3;

export class Commands {
  /** @param {import("../app/main.js").App} app */
  constructor(app) {
    this.app = app;
    this.hub = app.hub;
    /** @type {any} */
    this.device = null;
    this.form = new CommandForm(app.hub);
    this.list = h("ol", { class: "sent", id: "command-list", "aria-live": "polite" });
    this.recent = h("section", {}, h("h3", {}, "Sent to this device"), this.list);
    this.groupList = h("ol", { class: "sent", id: "command-group-list", "aria-live": "polite" });
    this.groups = h("section", { hidden: true }, h("h3", {}, "Sent to many devices"), this.groupList);
    this.element = h("section", { class: "card commands", "aria-labelledby": "commands-title" }, h("h2", { id: "commands-title" }, "Commands"), this.form.element, this.recent, this.groups);
    this._entries = "";
  }

  /** Follow the hub; returns how to stop. @returns {() => void} */
  start() {
    const stops = [this.hub.commands.watch(() => this._showList()), this.hub.groupCommands.watch(() => this._showGroups())];
    this._showGroups();
    return () => stops.forEach((stop) => stop());
  }

  /** Whether there is anything in the box. */
  get isEmpty() {
    return !this.device?.commands?.length && !this._sent().length;
  }

  /** Show the box of a device; null for none. @param {any} device */
  show(device) {
    this.device = device;
    this.form.show(device);
    this._showList();
  }

  _sent() {
    const sent = [...this.hub.commands.items.values()].filter((item) => item.device === this.device?.device);
    return sent.sort((a, b) => b.created_us - a.created_us).slice(0, LISTED);
  }

  _showList() {
    const { mayOperate } = this.hub;
    const how = { cancel: mayOperate ? (/** @type {any} */ item) => cancel(this.app, item) : null, isWhole: false };
    showEntries(this.list, this._sent(), (item) => commandEntry(item, how), `${mayOperate}`);
    if (!this.list.children.length) fill(this.list, h("li", { class: "muted" }, "No command yet."));
  }

  _showGroups() {
    const newest = [...this.hub.groupCommands.items.values()].sort((a, b) => b.created_us - a.created_us).slice(0, GROUPS_LISTED);
    this.groups.hidden = !newest.length;
    const stop = this.hub.mayOperate ? (/** @type {any} */ item) => cancel(this.app, item, true) : null;
    fill(this.groupList, newest.map((item) => groupEntry(item, stop)));
  }
}

/**
 * Show commands in a list; an entry that is as it was stays the same element, so that what has the focus keeps it.
 * @param {HTMLElement} list @param {any[]} items @param {(item: any) => HTMLElement} make @param {string} how what else decides how it looks
 */
export function showEntries(list, items, make, how) {
  /** @type {Map<string | undefined, HTMLElement>} */
  const kept = new Map([...list.children].map((element) => [/** @type {HTMLElement} */ (element).dataset.id, /** @type {HTMLElement} */ (element)]));
  const elements = items.map((item) => {
    const element = kept.get(item.id);
    if (element?.dataset.version === String(item.version) && element.dataset.how === how) return element;
    const made = make(item);
    made.dataset.how = how;
    return made;
  });
  if (elements.length === list.children.length && elements.every((element, at) => element === list.children[at])) return;
  fill(list, elements);
}
