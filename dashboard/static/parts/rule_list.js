// The rules: what is watched, in sentences, how often each fired; switched off and on, deleted and brought back.
//
// Owns its list, which it asks for when it is shown, after each change, and when alerts change. rule_editor.js makes and edits them.

import { get, post, remove } from "../app/api.js";
import { button, fill, h } from "../app/dom.js";
import { linkTo } from "../app/router.js";
import { sentence } from "./alert_words.js";
import { whenOf } from "./when.js";

const AFTER_ALERTS_MS = 2_000; // a storm of alerts asks for the list once in so long

export class RuleList {
  /** @param {import("../app/main.js").App} app */
  constructor(app) {
    this.app = app;
    this.list = h("ul", { class: "cards" });
    this.add = h("a", { class: "primary", href: linkTo(["alerts", "rules"], { new: "above" }) }, "Add a rule");
    this.element = h("section", { "aria-label": "Rules" }, h("div", { class: "part-head" }, h("p", { class: "muted" }, "What is watched. A rule judges the readings that come after it was made."), this.add), this.list);
    this._timer = 0;
  }

  enter() {
    this._load();
    const stop = this.app.hub.alerts.watch(() => {
      this._timer ||= window.setTimeout(() => { this._timer = 0; this._load(); }, AFTER_ALERTS_MS);
    });
    return () => { stop(); clearTimeout(this._timer); this._timer = 0; };
  }

  async _load() {
    try {
      const [{ rules }, series] = await Promise.all([get("rules"), unitsOf()]);
      this._show(rules, series);
    } catch (error) {
      this.app.toasts.failed(error);
    }
  }

  /** @param {any[]} rules @param {Map<string, string>} units */
  _show(rules, units) {
    this.add.hidden = !this.app.hub.isAdmin;
    const active = /** @type {HTMLElement | null} */ (document.activeElement);
    const focused = this.list.contains(active) ? active?.dataset.key : undefined;
    fill(this.list, ...rules.map((rule) => this._row(rule, units.get(rule.channels?.[0]) ?? "")));
    if (focused) /** @type {HTMLElement | null} */ (this.list.querySelector(`[data-key="${CSS.escape(focused)}"]`))?.focus();
    if (rules.length) return;
    const say = this.app.hub.isAdmin
      ? ["Nothing is watched yet. ", h("a", { href: linkTo(["alerts", "rules"], { new: "offline" }) }, "Watch for devices that go offline"), ", or ", h("a", { href: linkTo(["alerts", "rules"], { new: "above" }) }, "set a limit"), "."]
      : ["Nothing is watched yet. An administrator can add rules."];
    fill(this.list, h("li", { class: "empty-note" }, ...say));
  }

  /** @param {any} rule @param {string} unit */
  _row(rule, unit) {
    const name = this.app.hub.isAdmin ? h("a", { href: linkTo(["alerts", "rules"], { edit: rule.rule }) }, rule.rule) : rule.rule;
    const { fired } = rule;
    const state = rule.disabled ? "off" : fired.open ? `${fired.open} not over` : "on";
    const week = h("a", { href: linkTo(["alerts"], { state: "all", rule: rule.rule }) }, fired.week === 1 ? "fired once this week" : fired.week ? `fired ${fired.week} times this week` : "did not fire this week");
    const last = fired.last_us && !fired.week ? [" · last ", whenOf(fired.last_us)] : [];
    const actions = this.app.hub.isAdmin
      ? h("div", { class: "alert-actions" },
        button(rule.disabled ? "Switch on" : "Switch off", () => this._switch(rule), { "aria-label": `${rule.disabled ? "Switch on" : "Switch off"}: ${rule.rule}`, data: { key: `switch ${rule.rule}` } }),
        button("Delete", () => this._delete(rule), { "aria-label": `Delete: ${rule.rule}`, data: { key: `delete ${rule.rule}` } }))
      : null;
    return h("li", { class: "card rule", data: { severity: rule.severity, state: rule.disabled ? "off" : fired.open ? "open" : "on" } },
      h("div", { class: "card-head" }, h("strong", {}, name), h("span", { class: "chip" }, state), actions),
      h("p", {}, sentence(rule, unit)),
      rule.note ? h("p", { class: "muted" }, rule.note) : null,
      h("p", { class: "muted" }, week, ...last));
  }

  /** @param {any} rule */
  async _switch(rule) {
    const { fired, disabled, ...body } = rule;
    const done = await this._change(() => post("rules", disabled ? body : { ...body, disabled: true }));
    if (done) this.app.toasts.done(disabled ? `${rule.rule} watches again.` : `${rule.rule} is off${fired.open ? ": its alerts are over" : ""}.`);
  }

  /** @param {any} rule */
  async _delete(rule) {
    const { fired, version, ...body } = rule;
    const done = await this._change(() => remove(`rules/${encodeURIComponent(rule.rule)}`));
    if (done) this.app.toasts.done(`${rule.rule} is deleted${fired.open ? ": its alerts are over" : ""}.`, () => void this._change(() => post("rules", body)));
  }

  /** @param {() => Promise<unknown>} send */
  async _change(send) {
    let isDone = true;
    try {
      await send();
    } catch (error) {
      isDone = false;
      this.app.toasts.failed(error);
    }
    await this._load();
    return isDone;
  }
}

/** Return the unit of each channel. @returns {Promise<Map<string, string>>} */
export async function unitsOf() {
  const { series } = await get("series");
  return new Map(series.map((/** @type {any} */ each) => [each.channel, each.unit]));
}
