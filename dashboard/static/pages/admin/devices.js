// The devices as an administrator has them: found, chosen, tagged, disabled, removed; new ones by hand or from a file.
//
// Owns its table and what is chosen. The devices are the live ones of the page.

import { button, h, say } from "../../app/dom.js";
import { linkTo } from "../../app/router.js";
import { count } from "../../app/units.js";
import { isConnected, seenText } from "../../parts/side.js";
import { Table } from "../../parts/table.js";
import { addDevice, editDevice, newToken } from "./add_device.js";
import { keep } from "./address.js";
import { askRemove, askTags, setDisabled } from "./bulk.js";
import { chip, tagsOf } from "./cells.js";
import { choice } from "./form.js";
import { importFleet } from "./import.js";

const SHOW_MS = 500; // a fleet changes all the time
const SEEN_LOOKS = 10; // how long ago something was goes on, too
/** @type {[string, string, (item: any) => boolean][]} */
const STATES = [
  ["", "All", () => true],
  ["connected", "Connected", isConnected],
  ["away", "Not connected", (item) => !isConnected(item)],
  ["never", "Never connected", (item) => !item.last_seen_us],
  ["disabled", "Disabled", (item) => Boolean(item.disabled)],
];

/** @param {import("../../app/main.js").App} app */
export function make(app) {
  return new Devices(app);
}

class Devices {
  /** @param {import("../../app/main.js").App} app */
  constructor(app) {
    this.app = app;
    this._stop = () => {};
    this.search = h("input", { type: "search", placeholder: "Search name, title, kind, tags", "aria-label": "Search devices", autocomplete: "off", spellcheck: "false" });
    this.state = choice(STATES.map(([value, label]) => [value, label]), "", { "aria-label": "Which devices" });
    this.search.addEventListener("input", () => this._filtered());
    this.state.addEventListener("change", () => this._filtered());
    this.told = h("p", { class: "muted", role: "status" });
    this.table = new Table({
      label: "Devices", key: (item) => item.device, sort: "name", chooses: (item) => item.device, onChosen: () => this._chosen(), onMove: (place) => keep(app, place),
      empty: "No device matches.", columns: this._columns(),
    });
    this.chosenText = h("strong", { role: "status" });
    this.progress = h("span", { class: "muted", role: "status" });
    this.allMatching = button("", () => this.table.choose(this.found.map((item) => item.device)));
    /** @type {any[]} */
    this.found = [];
    this.bulk = this._bulkBar();
    const head = h("div", { class: "admin-bar filters" }, this.search, this.state, this.told, h("span", { class: "grow" }), button("Import CSV …", () => importFleet(app)), button("Add a device …", () => addDevice(app), { class: "primary" }));
    this.element = h("section", { class: "admin-section" }, head, this.bulk, this.table.element);
  }

  /** @param {Record<string, string>} query */
  enter(query) {
    this.leave();
    this.search.value = query.q ?? "";
    this.state.value = query.state ?? "";
    this.table.go(query);
    let looks = 0;
    let isOld = false;
    const stop = this.app.hub.devices.watch(() => (isOld = true));
    const timer = setInterval(() => {
      looks += 1;
      if (document.hidden || (!isOld && looks % SEEN_LOOKS !== 0)) return;
      isOld = false;
      this._show();
    }, SHOW_MS);
    this._stop = () => { stop(); clearInterval(timer); };
    this._show();
  }

  leave() {
    this._stop();
    this._stop = () => {};
  }

  _columns() {
    const name = (/** @type {any} */ item) => [h("a", { href: linkTo(["devices", item.device]) }, item.device), item.title ? h("span", { class: "muted" }, ` ${item.title}`) : null];
    return [
      { name: "name", label: "Name", cell: name, by: (/** @type {any} */ item) => item.device },
      { name: "kind", label: "Kind", cell: (/** @type {any} */ item) => item.kind ?? "", by: (/** @type {any} */ item) => item.kind ?? "" },
      { name: "tags", label: "Tags", cell: (/** @type {any} */ item) => tagsOf(item.tags) },
      { name: "state", label: "State", cell: (/** @type {any} */ item) => this._stateOf(item), by: (/** @type {any} */ item) => `${item.disabled ? "disabled" : item.presence}` },
      { name: "seen", label: "Last seen", cell: (/** @type {any} */ item) => (item.last_seen_us || isConnected(item) ? seenText(item, this.app.hub.nowUs()) : "never"), by: (/** @type {any} */ item) => (isConnected(item) ? Infinity : item.last_seen_us) },
      { name: "firmware", label: "Firmware", cell: (/** @type {any} */ item) => item.firmware ?? "", by: (/** @type {any} */ item) => item.firmware ?? "" },
      { name: "does", label: "Actions", isHidden: true, cell: (/** @type {any} */ item) => this._actionsOf(item.device) },
    ];
  }

  /** @param {any} item */
  _stateOf(item) {
    const more = [item.disabled && chip("disabled", "bad"), item.has_token === false && chip("no token", "warn"), item.old_token_until_us && chip("old token still good", "warn"), item.flapping && chip("comes and goes", "warn")];
    return h("span", { class: "chips" }, chip(item.presence, item.presence === "online" ? "good" : ""), more);
  }

  /** @param {string} name */
  _actionsOf(name) {
    const edit = () => editDevice(this.app, name).catch((error) => this.app.toasts.failed(error));
    return h("span", { class: "row-actions" }, button("Edit …", edit, { "aria-label": `Edit ${name}` }), button("New token …", () => newToken(this.app, name), { "aria-label": `New token for ${name}` }));
  }

  _bulkBar() {
    const { app } = this;
    const names = () => [...this.table.chosen];
    return h(
      "div", { class: "bulk card", role: "group", "aria-label": "The chosen devices", hidden: true }, this.chosenText, this.allMatching,
      button("Tags …", () => askTags(app, this.progress, names())),
      button("Disable", () => setDisabled(app, this.progress, names(), true)),
      button("Enable", () => setDisabled(app, this.progress, names(), false)),
      button("Remove …", () => askRemove(app, this.progress, names()), { class: "quiet danger" }),
      button("None", () => this.table.choose([])),
      this.progress,
    );
  }

  _chosen() {
    const { size } = this.table.chosen;
    this.bulk.hidden = size === 0;
    say(this.chosenText, `${count(size)} chosen`);
    say(this.allMatching, `All ${count(this.found.length)} that match`);
    this.allMatching.hidden = size >= this.found.length;
  }

  _filtered() {
    keep(this.app, { q: this.search.value.trim() || null, state: this.state.value || null, page: null });
    this.table.page = 1;
    this._show();
  }

  _show() {
    const words = this.search.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const isWanted = STATES.find(([value]) => value === this.state.value)?.[2] ?? (() => true);
    const all = this.app.hub.fleet();
    this.found = all.filter((item) => isWanted(item) && matches(item, words));
    say(this.told, this.found.length === all.length ? (all.length === 1 ? "1 device" : `${count(all.length)} devices`) : `${count(this.found.length)} of ${count(all.length)} devices`);
    this.table.show(this.found);
    this._chosen();
  }
}

/** @param {any} item @param {string[]} words */
function matches(item, words) {
  const text = [item.device, item.title, item.kind, item.firmware, ...(item.tags ?? [])].filter(Boolean).join(" ").toLowerCase();
  return words.every((word) => text.includes(word));
}
