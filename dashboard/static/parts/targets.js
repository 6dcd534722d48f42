// Who is told of alerts: webhooks and mail, tried, deleted and brought back; and the log of what was sent.
//
// Owns both lists. Only administrators see targets, as an address may be a secret; the log is for everybody.

import { get, post, remove, withQuery } from "../app/api.js";
import { button, fill, h } from "../app/dom.js";
import { askTarget } from "./target_form.js";
import { whenOf } from "./when.js";

const PAGE = 25;
const EVERY_MS = 5_000; // while something waits

export class Targets {
  /** @param {import("../app/main.js").App} app */
  constructor(app) {
    this.app = app;
    this.list = h("ul", { class: "cards" });
    this.log = h("tbody");
    this.logEmpty = h("p", { class: "empty-note" }, "Nothing was sent yet.");
    this.more = button("Show older", () => this._older(), { class: "quiet more" });
    this.add = button("Add a target …", () => askTarget(app, null, () => this._load()), { class: "primary" });
    this.table = h("div", { class: "table-frame", tabindex: "0", role: "region", "aria-label": "Deliveries" }, h("table", { class: "tiers" },
      h("thead", {}, h("tr", {}, ...["When", "Target", "What", "How it went", "Tries"].map((each) => h("th", { scope: "col" }, each)))), this.log));
    this.element = h("section", { "aria-label": "Targets" },
      h("div", { class: "part-head" }, h("p", { class: "muted" }, "Who is told when an alert opens and when it is over."), this.add), this.list,
      h("h2", { class: "log-title" }, "Delivery log"), this.table, this.logEmpty, this.more);
    /** @type {any[]} */
    this.deliveries = [];
    /** @type {string | null} */
    this.next = null;
    /** @type {Set<string>} */
    this.going = new Set(); // deleted as soon as nobody can undo it any more
  }

  enter() {
    this._load();
    const timer = setInterval(() => !document.hidden && this.deliveries.some((each) => each.state === "waiting") && this._loadLog(), EVERY_MS);
    return () => clearInterval(timer);
  }

  async _load() {
    const { isAdmin } = this.app.hub;
    this.add.hidden = !isAdmin;
    try {
      if (isAdmin) this._show((await get("targets")).targets);
      else fill(this.list, h("li", { class: "empty-note" }, "Administrators see and set who is told."));
      await this._loadLog();
    } catch (error) {
      this.app.toasts.failed(error);
    }
  }

  /** @param {any[]} targets */
  _show(targets) {
    const shown = targets.filter((each) => !this.going.has(each.target));
    fill(this.list, ...shown.map((each) => this._row(each)));
    if (!shown.length) fill(this.list, h("li", { class: "empty-note" }, "Nobody is told of alerts yet: add a webhook or an e-mail address."));
  }

  /** @param {any} item */
  _row(item) {
    const of = item.rules.includes("*") ? "every rule" : `the rules ${item.rules.join(", ")}`;
    const where = item.kind === "email" ? item.to.join(", ") : item.url;
    return h("li", { class: "card" },
      h("div", { class: "card-head" }, h("strong", {}, item.target), h("span", { class: "chip" }, item.kind === "email" ? "e-mail" : "webhook"),
        h("div", { class: "alert-actions" },
          button("Test", (event) => this._test(item, /** @type {HTMLButtonElement} */ (event.currentTarget)), { "aria-label": `Test: ${item.target}` }),
          button("Edit …", () => askTarget(this.app, item, () => this._load()), { "aria-label": `Edit: ${item.target}` }),
          button("Delete", () => this._delete(item), { "aria-label": `Delete: ${item.target}` }))),
      h("p", {}, where),
      h("p", { class: "muted" }, `of ${of}, ${item.severity === "critical" ? "critical only" : item.severity === "warning" ? "warnings and above" : "everything"}`, item.note ? ` · ${item.note}` : ""));
  }

  /** @param {any} item @param {HTMLButtonElement} opener */
  async _test(item, opener) {
    opener.disabled = true;
    try {
      const { state, status, error } = await post(`targets/${encodeURIComponent(item.target)}/test`);
      if (state === "delivered") this.app.toasts.done(`${item.target} has the test notice.`);
      else this.app.toasts.failed(`The test notice did not reach ${item.target}: ${error || `answered ${status}`}.`);
      await this._loadLog();
    } catch (error) {
      this.app.toasts.failed(error);
    }
    opener.disabled = false;
  }

  // A target deleted could not be brought back with its secret: it goes when nobody can undo it any more.
  /** @param {any} item */
  _delete(item) {
    const name = item.target;
    this.going.add(name);
    this._load();
    const stay = () => { this.going.delete(name); this._load(); };
    this.app.toasts.done(`${name} is deleted.`, stay, async () => {
      try {
        await remove(`targets/${encodeURIComponent(name)}`);
      } catch (error) {
        this.app.toasts.failed(error);
      }
      stay();
    });
  }

  async _loadLog() {
    const found = await get(withQuery("deliveries", { limit: PAGE }));
    this.deliveries = found.deliveries;
    this.next = found.next;
    this._showLog();
  }

  async _older() {
    try {
      const found = await get(withQuery("deliveries", { limit: PAGE, after: this.next }));
      this.deliveries.push(...found.deliveries);
      this.next = found.next;
      this._showLog();
    } catch (error) {
      this.app.toasts.failed(error);
    }
  }

  _showLog() {
    const words = { "alert.opened": "an alert opened", "alert.cleared": "an alert is over", test: "test" };
    const row = (/** @type {any} */ each) => h("tr", { data: { state: each.state } },
      h("td", {}, whenOf(each.last_us ?? each.made_us)), h("td", {}, each.target), h("td", {}, words[/** @type {"test"} */ (each.event)] ?? each.event),
      h("td", {}, h("span", { class: "chip" }, each.state === "given_up" ? "given up" : each.state), " ", each.error ?? ""), h("td", {}, each.attempts));
    fill(this.log, ...this.deliveries.map(row));
    this.table.hidden = !this.deliveries.length;
    this.logEmpty.hidden = this.deliveries.length > 0;
    this.more.hidden = this.next === null;
  }
}
