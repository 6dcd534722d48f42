// Provisioning keys: with one in its firmware, a device registers itself and gets a token of its own.
//
// Owns its table. A key is shown once, when it is made.

import { get, post, remove } from "../../app/api.js";
import { button, h } from "../../app/dom.js";
import { Table } from "../../parts/table.js";
import { keep } from "./address.js";
import { Asking } from "./asking.js";
import { leftUntil, tagsOf, when } from "./cells.js";
import { ask, asked, choice, confirmTyped, copied, showSecret, tagsIn } from "./form.js";
import { addressOf } from "./tokens.js";

const EVERY_MS = 5_000;
/** @type {[string, string][]} */
const DAYS = [["1", "1 day"], ["7", "7 days"], ["30", "30 days"], ["90", "90 days"], ["365", "A year"]];

/** @param {import("../../app/main.js").App} app */
export function make(app) {
  return new Keys(app);
}

class Keys {
  /** @param {import("../../app/main.js").App} app */
  constructor(app) {
    this.app = app;
    this.asking = new Asking(async (signal) => this.table.show((await get("provisioning", signal)).keys), EVERY_MS);
    this.table = new Table({
      label: "Provisioning keys", key: (key) => key.name, sort: "name", onMove: (place) => keep(app, place),
      empty: "No provisioning key. Make one to have many devices register themselves, each with a token of its own.",
      columns: [
        { name: "name", label: "Name", cell: (key) => h("strong", {}, key.name), by: (key) => key.name },
        { name: "prefix", label: "Devices called", cell: (key) => h("code", {}, `${key.prefix}…`), by: (key) => key.prefix },
        { name: "registered", label: "Registered", cell: (key) => `${key.registered} of ${key.max_devices}`, by: (key) => key.registered },
        { name: "become", label: "They become", cell: (key) => [key.kind ? `${key.kind} ` : "", tagsOf(key.tags)] },
        { name: "by", label: "Made by", cell: (key) => key.by, by: (key) => key.by },
        { name: "expires", label: "Ends", cell: (key) => [when(key.expires_us), " ", leftUntil(key.expires_us, Date.now() * 1000)], by: (key) => key.expires_us },
        { name: "does", label: "Actions", isHidden: true, cell: (key) => button("Revoke …", () => this._revoke(key.name), { class: "quiet danger", "aria-label": `Revoke ${key.name}` }) },
      ],
    });
    const bar = h("div", { class: "admin-bar" }, h("p", { class: "muted" }, "Who has a key can add devices with it, and nothing else."), button("Make a key …", () => this._make(), { class: "primary" }));
    this.element = h("section", { class: "admin-section" }, this.asking.error, bar, this.table.element);
  }

  /** @param {Record<string, string>} query */
  enter(query) {
    this.table.go(query);
    this.asking.start();
  }

  leave() {
    this.asking.leave();
  }

  _make() {
    const text = () => h("input", { autocomplete: "off", spellcheck: "false" });
    const name = asked("Name", text(), { codes: ["key_exists"] });
    const prefix = asked("Names of its devices begin with", text(), { hint: "pump- lets in pump-1, pump-2; empty: any name" });
    const most = asked("At most so many devices", h("input", { type: "number", min: "1", value: "100" }));
    const days = asked("Good for", choice(DAYS, "7"));
    const kind = asked("Kind they get", text(), { codes: ["bad_kind"] });
    const tags = asked("Tags they get", text(), { hint: "floor=2, new", codes: ["bad_tag"] });
    ask("Make a provisioning key", [name, prefix, most, days, kind, tags], "Make it", async () => {
      const made = await post("provisioning", {
        name: name.input.value.trim(), prefix: prefix.input.value.trim(), days: Number(days.input.value), max_devices: Number(most.input.value),
        kind: kind.input.value.trim(), tags: tagsIn(tags.input.value),
      });
      const line = `TRIBUTARY_PROVISION_KEY=${made.key} tributary host --url ${addressOf("").replace(/\/$/, "")} --name ${made.prefix || "device-"}1`;
      showSecret(`Provisioning key ${made.name}`, "Provisioning key", made.key, h("h3", {}, "A machine that registers itself and streams its sensors"), copied("command", line));
      this.asking.now();
    });
  }

  /** @param {string} name */
  _revoke(name) {
    confirmTyped(`Revoke ${name}`, ["No device can register with it any more. Devices that did keep their tokens. A revoked key cannot be brought back."], name, "Revoke", async () => {
      await remove(`provisioning/${encodeURIComponent(name)}`);
      this.app.toasts.done(`${name} is revoked.`);
      this.asking.now();
    });
  }
}
