// One's own account: who one is here, a new password, and where one is logged in.
//
// Owns its form and table. Who came by a link has no account: then it says so.

import { ApiError, get, put, remove } from "../../app/api.js";
import { button, fill, h, say } from "../../app/dom.js";
import { Table } from "../../parts/table.js";
import { Asking } from "./asking.js";
import { chip, factsOf, when } from "./cells.js";
import { asked } from "./form.js";

const EVERY_MS = 15_000;
const MAY = { viewer: "You may look at everything.", operator: "You may also send commands, change what is desired of devices, and acknowledge alerts.", admin: "You may do everything." };

/** @param {import("../../app/main.js").App} app */
export function make(app) {
  return new Account(app);
}

class Account {
  /** @param {import("../../app/main.js").App} app */
  constructor(app) {
    this.app = app;
    this.asking = new Asking((signal) => this._ask(signal), EVERY_MS);
    this.facts = h("div", { class: "card padded" });
    this.table = new Table({
      label: "My logins", key: (session) => session.id, sort: "-since", empty: "No login.",
      columns: [
        { name: "since", label: "Since", cell: (session) => [when(session.since_us), session.is_this ? [" ", chip("this one", "good")] : ""].flat(), by: (session) => session.since_us },
        { name: "until", label: "Until", cell: (session) => when(session.until_us), by: (session) => session.until_us },
        { name: "does", label: "Actions", isHidden: true, cell: (session) => (session.is_this ? "" : button("End", () => this._end(session), { "aria-label": "End this login" })) },
      ],
    });
    this.logins = h("section", { "aria-label": "Logins", hidden: true }, h("div", { class: "admin-bar" }, h("h2", {}, "Where I am logged in"), button("Log out everywhere", () => this._endAll())), this.table.element);
    this.name = h("input", { autocomplete: "username", hidden: true, "aria-hidden": "true" }); // whose password it is, for what keeps passwords
    this.password = this._passwordForm();
    this.element = h("section", { class: "admin-section" }, this.asking.error, this.facts, this.password, this.logins);
  }

  enter() {
    this.asking.start();
  }

  leave() {
    this.asking.leave();
  }

  /** @param {AbortSignal} signal */
  async _ask(signal) {
    const who = await get("account", signal);
    const isFromPassword = who.has_password;
    this.name.value = who.name;
    fill(
      this.facts,
      factsOf([["Name", who.name], ["Role", `${who.role}. ${MAY[/** @type {"viewer"} */ (who.role)] ?? ""}`], ["Login ends", who.until_us ? when(who.until_us) : null]]),
      isFromPassword ? null : h("p", { class: "muted" }, "You came by a login link, which has no password and no account. An administrator adds users under Users."),
    );
    this.password.hidden = this.logins.hidden = !isFromPassword;
    if (isFromPassword) this.table.show((await get("account/sessions", signal)).sessions);
  }

  _passwordForm() {
    const input = (/** @type {string} */ kind) => h("input", { type: "password", autocomplete: kind });
    const old = asked("Password so far", input("current-password"), { codes: ["wrong_login"] });
    const fresh = asked("New password", input("new-password"), { hint: "At least 10 characters", codes: ["bad_password"] });
    const again = asked("New password again", input("new-password"));
    const error = h("p", { class: "error", role: "alert", hidden: true });
    const submit = h("button", { type: "submit", class: "primary" }, "Change the password");
    const form = h("form", { class: "form admin-form card padded", novalidate: true, "aria-label": "Change my password", hidden: true }, h("h2", {}, "Change my password"), this.name, old.element, fresh.element, again.element, error, h("div", { class: "form-actions" }, submit));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      for (const each of [old, fresh, again]) each.fail("");
      error.hidden = true;
      if (again.input.value !== fresh.input.value) return again.fail("This is not the new password.");
      submit.disabled = true;
      try {
        await put("account/password", { old: old.input.value, new: fresh.input.value });
        this.app.hub.live.tryNow(); // it ended with the old login, perhaps before this browser had the new one
        form.reset();
        this.app.toasts.done("Your password is changed. Your other logins have ended.");
        this.asking.now();
      } catch (caught) {
        const at = [old, fresh].find(({ codes }) => caught instanceof ApiError && codes.includes(caught.code));
        const text = caught instanceof ApiError ? caught.text : String(caught);
        if (at) at.fail(text);
        else {
          say(error, text);
          error.hidden = false;
        }
      }
      submit.disabled = false;
    });
    return form;
  }

  /** @param {any} session */
  async _end(session) {
    try {
      await remove(`account/sessions/${encodeURIComponent(session.id)}`);
      this.app.toasts.done("That login has ended.");
    } catch (error) {
      this.app.toasts.failed(error);
    }
    this.asking.now();
  }

  async _endAll() {
    try {
      await remove("account/sessions");
      location.assign("./");
    } catch (error) {
      this.app.toasts.failed(error);
    }
  }
}
