// The silences: those that are coming, at work and over for a week; made, lifted, and brought back where that was a mistake.
//
// Owns its list, which it asks for when it is shown and after each change.

import { get, post, remove } from "../app/api.js";
import { button, fill, h } from "../app/dom.js";
import { askSilence } from "./silence_form.js";
import { whenOf } from "./when.js";

const EVERY_MS = 15_000; // somebody else may lift one, and they end by themselves

export class Silences {
  /** @param {import("../app/main.js").App} app */
  constructor(app) {
    this.app = app;
    this.list = h("ul", { class: "cards" });
    this.add = button("Silence alerts …", () => askSilence(app, null, () => this._load()), { class: "primary" });
    this.element = h("section", { "aria-label": "Silences" }, h("div", { class: "part-head" }, h("p", { class: "muted" }, "Alerts under a silence are raised and shown, and told to nobody."), this.add), this.list);
  }

  enter() {
    this._load();
    const timer = setInterval(() => document.hidden || this._load(), EVERY_MS);
    return () => clearInterval(timer);
  }

  async _load() {
    try {
      this._show((await get("silences")).silences);
    } catch (error) {
      this.app.toasts.failed(error);
    }
  }

  /** @param {any[]} items */
  _show(items) {
    this.add.hidden = !this.app.hub.mayOperate;
    const rank = (/** @type {any} */ item) => ["active", "coming", "over"].indexOf(item.state);
    items.sort((a, b) => rank(a) - rank(b));
    fill(this.list, ...items.map((item) => this._row(item)));
    if (!items.length) fill(this.list, h("li", { class: "empty-note" }, this.app.hub.mayOperate ? "Nothing is silenced. Silence an alert from the list of alerts, or add a silence before planned work." : "Nothing is silenced."));
  }

  /** @param {any} item */
  _row(item) {
    const of = [item.rule && `the rule ${item.rule}`, item.device && item.device, item.where && `devices with ${item.where}`].filter(Boolean).join(", ");
    const until = item.until_us === null ? "until it is lifted" : h("span", {}, "until ", whenOf(item.until_us));
    const lift = this.app.hub.mayOperate && item.state !== "over" ? button("Lift", () => this._lift(item), { "aria-label": `Lift the silence of ${of}` }) : null;
    return h("li", { class: "card", data: { state: item.state } },
      h("div", { class: "card-head" }, h("strong", {}, of), h("span", { class: "chip" }, item.state), lift),
      h("p", {}, item.reason),
      h("p", { class: "muted" }, "from ", whenOf(item.from_us), " ", until, ` · by ${item.by}`));
  }

  /** @param {any} item */
  async _lift(item) {
    try {
      await remove(`silences/${encodeURIComponent(item.id)}`);
      const { rule, device, where, from_us, until_us, reason } = item;
      this.app.toasts.done("Silence lifted.", () => this._bringBack({ rule, device, where, from_us, until_us, reason }));
    } catch (error) {
      this.app.toasts.failed(error);
    }
    this._load();
  }

  /** @param {any} body */
  async _bringBack(body) {
    try {
      await post("silences", body);
    } catch (error) {
      this.app.toasts.failed(error);
    }
    this._load();
  }
}
