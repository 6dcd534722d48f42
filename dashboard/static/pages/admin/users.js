// Users: who may log in and as what; a new password or a link for who is locked out of theirs; the end of their logins.
//
// Owns its tables. A user who is changed is logged out everywhere, which the hub sees to.

import { get, patch, post, remove } from "../../app/api.js";
import { button, fill, h } from "../../app/dom.js";
import { duration } from "../../app/units.js";
import { Table } from "../../parts/table.js";
import { keep } from "./address.js";
import { Asking } from "./asking.js";
import { chip, when } from "./cells.js";
import { WrongField, ask, asked, choice, confirmTyped, copied, showSecret } from "./form.js";

const EVERY_MS = 5_000;
/** @type {[string, string][]} */
export const ROLES = [["viewer", "Viewer: reads"], ["operator", "Operator: also sends commands, acknowledges"], ["admin", "Admin: may do everything"]];
const MIN_PASSWORD = 10; // characters, as the hub has it

/** @param {import("../../app/main.js").App} app */
export function make(app) {
  return new Users(app);
}

class Users {
  /** @param {import("../../app/main.js").App} app */
  constructor(app) {
    this.app = app;
    this.asking = new Asking(async (signal) => this._take(await Promise.all([get("users", signal), get("locked", signal)])), EVERY_MS);
    this.table = new Table({
      label: "Users", key: (user) => user.name, sort: "name", onMove: (place) => keep(app, place),
      empty: "No user yet: who is here came by a login link or the token of the hub. Add a user for each person, so that the audit log can say who did what.",
      columns: [
        { name: "name", label: "Name", cell: (user) => [h("strong", {}, user.name), user.disabled && [" ", chip("disabled", "warn")]].flat(), by: (user) => user.name },
        { name: "role", label: "Role", cell: (user) => this._roleOf(user), by: (user) => user.role },
        { name: "created", label: "Added", cell: (user) => when(user.created_us), by: (user) => user.created_us },
        { name: "changed", label: "Changed", cell: (user) => when(user.changed_us), by: (user) => user.changed_us },
        { name: "does", label: "Actions", isHidden: true, cell: (user) => this._actionsOf(user) },
      ],
    });
    this.lockedTable = new Table({
      label: "Locked out", key: (locked) => `${locked.what} ${locked.key}`, empty: "Nobody has to wait.",
      columns: [
        { name: "key", label: "Who", cell: (locked) => `${locked.what} ${locked.key}` },
        { name: "tries", label: "Wrong tries", isNumber: true, cell: (locked) => locked.tries },
        { name: "left", label: "Must wait", cell: (locked) => duration(locked.left_s) },
        { name: "does", label: "Actions", isHidden: true, cell: (locked) => button("Let try again", () => this._lift(locked), { "aria-label": `Let ${locked.key} try again` }) },
      ],
    });
    const bar = h("div", { class: "admin-bar" }, h("p", { class: "muted" }, "A user logs in by name and password. A change of role or password logs them out everywhere; who is disabled stays out, with the tokens they made, until they are enabled again."), button("Add a user …", () => this._add(), { class: "primary" }));
    const locked = h("section", { "aria-label": "Locked out" }, h("h2", {}, "Locked out after wrong tries"), this.lockedTable.element);
    this.element = h("section", { class: "admin-section" }, this.asking.error, bar, this.table.element, locked);
  }

  /** @param {Record<string, string>} query */
  enter(query) {
    this.table.go(query);
    this.asking.start();
  }

  leave() {
    this.asking.leave();
  }

  /** @param {any[]} said */
  _take([{ users }, { locked }]) {
    this.table.show(users);
    this.lockedTable.show(locked);
  }

  /** @param {any} user */
  _roleOf(user) {
    const names = ROLES.map(([role]) => /** @type {[string, string]} */ ([role, role]));
    const select = choice(names, user.role, { "aria-label": `Role of ${user.name}`, class: "small", data: { role: user.role } });
    select.addEventListener("change", async () => {
      if (!(await this._setRole(user.name, select.value, user.role))) select.value = user.role;
    });
    return select;
  }

  /** @param {any} user */
  _actionsOf({ name, role, disabled }) {
    const able = disabled
      ? button("Enable", () => this._setDisabled(name, false), { "aria-label": `Enable ${name}` })
      : button("Disable", () => this._setDisabled(name, true), { "aria-label": `Disable ${name}` });
    return h(
      "span", { class: "row-actions" },
      able,
      button("Password …", () => this._setPassword(name), { "aria-label": `New password for ${name}` }),
      button("Link …", () => this._link(name, role), { "aria-label": `Login link for ${name}` }),
      button("Log out", () => this._do(() => remove(`users/${encodeURIComponent(name)}/sessions`), `${name} is logged out everywhere.`), { "aria-label": `Log ${name} out everywhere` }),
      button("Remove …", () => this._remove(name), { class: "quiet danger", "aria-label": `Remove ${name}` }),
    );
  }

  _add() {
    const name = asked("Name", h("input", { autocomplete: "off", spellcheck: "false" }), { hint: "1 to 64 of a-z 0-9 . _ @ + -", codes: ["user_exists", "bad_request"] });
    const role = asked("Role", choice(ROLES));
    const password = passwordField();
    ask("Add a user", [name, role, password], "Add", async () => {
      checkPassword(password);
      const user = await post("users", { name: name.input.value.trim(), role: role.input.value, password: password.input.value });
      this.app.toasts.done(`${user.name} can log in as ${user.role}.`);
      this.asking.now();
    });
  }

  /** @param {string} name */
  _setPassword(name) {
    const password = passwordField();
    const text = h("p", { class: "muted" }, `${name} is logged out everywhere, and the password so far is good no longer.`);
    ask(`New password for ${name}`, [text, password], "Set it", async () => {
      checkPassword(password);
      await patch(`users/${encodeURIComponent(name)}`, { password: password.input.value });
      this.app.toasts.done(`${name} has a new password.`);
      this.asking.now();
    });
  }

  /** @param {string} name @param {string} role */
  _link(name, role) {
    const text = h("p", { class: "muted" }, `Whoever opens the link within 10 minutes is logged in once as ${role}, without a password, and stays so for 30 days, also if ${name} is changed or removed. To set a password, use that instead.`);
    ask(`Login link for ${name}`, [text], "Make a link", async () => {
      const { url } = await post("logins", { name, role });
      showSecret(`Login link for ${name}`, "Login link", url);
    });
  }

  /** @param {string} name */
  _remove(name) {
    confirmTyped(`Remove ${name}`, [`${name} is logged out everywhere and cannot log in again. API tokens that they made stay. The password cannot be brought back.`], name, "Remove", async () => {
      await remove(`users/${encodeURIComponent(name)}`);
      this.app.toasts.done(`${name} is removed.`);
      this.asking.now();
    });
  }

  /** @param {string} name @param {string} role @param {string} before */
  _setRole(name, role, before) {
    const set = (/** @type {string} */ each) => patch(`users/${encodeURIComponent(name)}`, { role: each });
    return this._do(() => set(role), `${name} is now ${role}.`, () => this._do(() => set(before), `${name} is ${before} again.`));
  }

  /** @param {string} name @param {boolean} isDisabled */
  _setDisabled(name, isDisabled) {
    const set = (/** @type {boolean} */ disabled) => patch(`users/${encodeURIComponent(name)}`, { disabled });
    const text = isDisabled ? `${name} is disabled: logged out everywhere, and tokens and links that they made are good for nothing.` : `${name} can log in again.`;
    this._do(() => set(isDisabled), text, isDisabled ? () => this._do(() => set(false), `${name} can log in again.`) : null);
  }

  /** @param {any} locked */
  _lift(locked) {
    this._do(() => post("locked/lift", { key: locked.key }), `${locked.key} may try again.`);
  }

  /**
   * Do it and tell; returns whether it was done.
   * @param {() => Promise<unknown>} send @param {string} text @param {(() => void) | null} [undo]
   */
  async _do(send, text, undo = null) {
    try {
      await send();
    } catch (error) {
      this.app.toasts.failed(error);
      return false;
    }
    this.app.toasts.done(text, undo);
    this.asking.now();
    return true;
  }
}

function passwordField() {
  const made = asked("Password", h("input", { type: "password", autocomplete: "new-password" }), { hint: `At least ${MIN_PASSWORD} characters`, codes: ["bad_password"] });
  const drawn = h("div");
  const draw = () => {
    made.input.value = drawnPassword();
    made.fail("");
    fill(drawn, copied("Password", made.input.value), h("p", { class: "hint" }, "Copy it now: it is not shown again."));
  };
  made.element.append(button("Draw one", draw), drawn);
  return made;
}

/** @param {import("./form.js").Asked} password */
function checkPassword(password) {
  if (password.input.value.length < MIN_PASSWORD) throw new WrongField(password, `A password has at least ${MIN_PASSWORD} characters.`);
}

// 20 of 32 letters that nobody mistakes for another: 100 bits.
function drawnPassword() {
  const drawn = crypto.getRandomValues(new Uint8Array(20));
  const letters = [...drawn].map((byte) => "abcdefghijkmnpqrstuvwxyz23456789"[byte % 32]).join("");
  return letters.replace(/(.{5})(?=.)/g, "$1-");
}
