// API tokens: what programs log in with, what each may do, for which devices, and until when.
//
// Owns its table. A token is shown once, when it is made.

import { get, post, remove } from "../../app/api.js";
import { button, h } from "../../app/dom.js";
import { Table } from "../../parts/table.js";
import { keep } from "./address.js";
import { Asking } from "./asking.js";
import { leftUntil, when } from "./cells.js";
import { ask, asked, choice, confirmTyped, copied, showSecret } from "./form.js";
import { ROLES } from "./users.js";

const EVERY_MS = 15_000;
/** @type {[string, string][]} */
const DAYS = [["1", "1 day"], ["7", "7 days"], ["30", "30 days"], ["90", "90 days"], ["365", "A year"], ["3650", "10 years"]];

/** @param {import("../../app/main.js").App} app */
export function make(app) {
  return new Tokens(app);
}

class Tokens {
  /** @param {import("../../app/main.js").App} app */
  constructor(app) {
    this.app = app;
    this.asking = new Asking(async (signal) => this.table.show((await get("tokens", signal)).tokens), EVERY_MS);
    this.table = new Table({
      label: "API tokens", key: (token) => token.name, sort: "name", onMove: (place) => keep(app, place),
      empty: "No API token yet. Make one for each program, so that it can be revoked alone.",
      columns: [
        { name: "name", label: "Name", cell: (token) => h("strong", {}, token.name), by: (token) => token.name },
        { name: "role", label: "Role", cell: (token) => token.role, by: (token) => token.role },
        { name: "where", label: "For", cell: (token) => (token.where ? h("code", {}, token.where) : "all devices"), by: (token) => token.where ?? "" },
        { name: "by", label: "Made by", cell: (token) => token.by, by: (token) => token.by },
        { name: "created", label: "Made", cell: (token) => when(token.created_us), by: (token) => token.created_us },
        { name: "expires", label: "Ends", cell: (token) => [when(token.expires_us), " ", leftUntil(token.expires_us, Date.now() * 1000)], by: (token) => token.expires_us },
        { name: "does", label: "Actions", isHidden: true, cell: (token) => button("Revoke …", () => this._revoke(token.name), { class: "quiet danger", "aria-label": `Revoke ${token.name}` }) },
      ],
    });
    const bar = h("div", { class: "admin-bar" }, h("p", { class: "muted" }, "Programs send ", h("code", {}, "Authorization: Bearer TOKEN"), ". ", h("a", { href: "./api/v1/docs" }, "What they can ask"), "."), button("Make a token …", () => this._make(), { class: "primary" }));
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
    const name = asked("Name", h("input", { autocomplete: "off", spellcheck: "false" }), { hint: "The program it is for", codes: ["token_exists", "bad_request", "bad_name"] });
    const role = asked("Role", choice(ROLES));
    const days = asked("Good for", choice(DAYS, "90"), { codes: ["bad_days"] });
    const where = asked("Only for devices", h("input", { autocomplete: "off", spellcheck: "false", placeholder: "all" }), { hint: "A tag expression: floor=2 and not kind=test", codes: ["bad_where"] });
    ask("Make a token", [name, role, days, where], "Make it", async () => {
      const body = { name: name.input.value.trim(), role: role.input.value, days: Number(days.input.value), where: where.input.value.trim() };
      const made = await post("tokens", body);
      const line = `curl -H "Authorization: Bearer ${made.token}" ${addressOf("api/v1/devices")}`;
      showSecret(`Token ${made.name}`, "Token", made.token, h("h3", {}, "Try it"), copied("curl line", line));
      this.asking.now();
    });
  }

  /** @param {string} name */
  _revoke(name) {
    confirmTyped(`Revoke ${name}`, ["The program that has it is cut off at once. A revoked token cannot be brought back; make another one."], name, "Revoke", async () => {
      await remove(`tokens/${encodeURIComponent(name)}`);
      this.app.toasts.done(`${name} is revoked.`);
      this.asking.now();
    });
  }
}

/** @param {string} path beside the page, wherever a proxy has put it */
export const addressOf = (path) => new URL(path, location.href.split("#")[0]).href;
