// The audit log: who did what to what, newest first; by person, action, thing and time, which stand in the address.
//
// Owns its filters and table. The hub gives pages by where the one before ended, so a step back in the browser is the page before.

import { get, withQuery } from "../../app/api.js";
import { button, h, say } from "../../app/dom.js";
import { count } from "../../app/units.js";
import { Table } from "../../parts/table.js";
import { keep } from "./address.js";
import { Asking } from "./asking.js";
import { when } from "./cells.js";
import { written } from "./csv.js";
import { saveFile } from "./files.js";

const PAGE = 100;
const DOWNLOAD_PAGE = 1_000;
const EVERY_MS = 10_000;

/** @param {import("../../app/main.js").App} app */
export function make(app) {
  return new Audit(app);
}

class Audit {
  /** @param {import("../../app/main.js").App} app */
  constructor(app) {
    this.app = app;
    /** @type {Record<string, string>} */
    this.query = {};
    this.asking = new Asking((signal) => this._ask(signal), EVERY_MS);
    const text = (/** @type {string} */ label) => h("input", { type: "search", "aria-label": label, placeholder: label, autocomplete: "off", spellcheck: "false" });
    const time = (/** @type {string} */ label) => h("input", { type: "datetime-local", "aria-label": label, title: `${label}, in your time zone` });
    /** @type {Record<string, HTMLInputElement>} */
    this.inputs = { who: text("Who"), action: text("Action"), what: text("To what"), from: time("From"), to: time("To") };
    this.table = new Table({
      label: "Audit log", key: (entry) => String(entry.number), empty: "Nothing was done that matches.", pageSize: DOWNLOAD_PAGE,
      columns: [
        { name: "at", label: "When", cell: (entry) => when(entry.at_us) },
        { name: "who", label: "Who", cell: (entry) => this._link("who", entry.who) },
        { name: "action", label: "Action", cell: (entry) => this._link("action", entry.action) },
        { name: "what", label: "To what", cell: (entry) => this._link("what", entry.what) },
        { name: "detail", label: "Detail", cell: (entry) => h("span", { class: "detail" }, detailOf(entry.detail)) },
      ],
    });
    this.newest = button("Newest", () => this._go({ after: null }));
    this.older = button("Older", () => this._go({ after: this.next }));
    this.save = button("Download as CSV", () => this._download());
    this.next = /** @type {number | null} */ (null);
    const form = h("form", { class: "admin-bar filters", "aria-label": "Filter" }, this.inputs.who, this.inputs.action, this.inputs.what, h("label", { class: "with-label" }, "From", this.inputs.from), h("label", { class: "with-label" }, "To", this.inputs.to), h("button", { type: "submit", class: "primary" }, "Show"), button("All", () => this._clear()), this.save);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this._go({ ...Object.fromEntries(Object.entries(this.inputs).map(([name, input]) => [name, input.value.trim() || null])), after: null });
    });
    this.element = h("section", { class: "admin-section" }, form, this.asking.error, this.table.element, h("div", { class: "pager" }, this.newest, this.older));
  }

  /** @param {Record<string, string>} query */
  enter(query) {
    this.query = query;
    for (const [name, input] of Object.entries(this.inputs)) input.value = query[name] ?? "";
    this.asking.start();
  }

  leave() {
    this.asking.leave();
  }

  /** @param {AbortSignal} signal */
  async _ask(signal) {
    const { entries, next } = await get(withQuery("audit", { ...this._wanted(), limit: PAGE, after: this.query.after ?? null }), signal);
    this.next = next;
    this.table.show(entries);
    this.older.disabled = next === null;
    this.newest.disabled = this.query.after === undefined;
  }

  // The filter as the hub takes it.
  _wanted() {
    const { who, action, what, from, to } = this.query;
    const us = (/** @type {string | undefined} */ text) => (text && !Number.isNaN(Date.parse(text)) ? Date.parse(text) * 1000 : null);
    return { who: who || null, action: action || null, what: what || null, since_us: us(from), until_us: us(to) };
  }

  /** @param {string} name @param {string} value */
  _link(name, value) {
    return button(value, () => this._go({ [name]: value, after: null }), { class: "link", title: `Only this: ${value}` });
  }

  /**
   * A step that the browser can go back.
   * @param {Record<string, any>} changes
   */
  _go(changes) {
    this.app.router.go(["admin", "audit"], { ...this.query, ...changes });
  }

  _clear() {
    this.app.router.go(["admin", "audit"]);
  }

  async _download() {
    this.save.disabled = true;
    /** @type {(string | number | null)[][]} */
    const rows = [["number", "time_utc", "who", "action", "what", "detail"]];
    try {
      for (let after = null, isMore = true; isMore; ) {
        const { entries, next } = await get(withQuery("audit", { ...this._wanted(), limit: DOWNLOAD_PAGE, after }));
        for (const each of entries) rows.push([each.number, new Date(each.at_us / 1000).toISOString(), each.who, each.action, each.what, JSON.stringify(each.detail)]);
        say(this.save, `${count(rows.length - 1)} entries …`);
        after = next;
        isMore = next !== null;
      }
      saveFile("audit.csv", "text/csv", written(rows));
    } catch (error) {
      this.app.toasts.failed(error);
    }
    say(this.save, "Download as CSV");
    this.save.disabled = false;
  }
}

/** @param {Record<string, any>} detail */
const detailOf = (detail) => Object.entries(detail).map(([name, value]) => `${name.replace(/_us$/, "")}: ${said(name, value)}`).join(", ");

/** @param {string} name @param {any} value */
function said(name, value) {
  if (name.endsWith("_us")) return new Date(value / 1000).toLocaleString();
  return typeof value === "object" ? JSON.stringify(value) : value;
}
