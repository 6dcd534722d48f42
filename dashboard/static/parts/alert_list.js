// The alerts themselves: those that are not over live, those that are over page by page; seen to one by one or several at once.
//
// Owns its list, filter and selection; what it shows is in the address. Silences are made in silence_form.js.

import { get, post, withQuery } from "../app/api.js";
import { askForm } from "../app/dialog.js";
import { button, fill, h, keyed, say } from "../app/dom.js";
import { linkTo } from "../app/router.js";
import { ago } from "../app/units.js";
import { SEVERITIES, countsText, filterOf, isMeant, lasting, newestFirst, worstFirst } from "./alert_words.js";
import { askSilence } from "./silence_form.js";
import { whenOf } from "./when.js";

const PAGE = 50;
const AT_ONCE = 1_000; // as many as the hub takes in one request
const MAX_SHOWN = 200; // of thousands at once nobody reads more, and the page must stay quick
const AROUND_US = 900e6; // of the chart that a link leads to, before and after
const STATES = [["current", "Not over"], ["open", "Open"], ["acknowledged", "Acknowledged"], ["past", "Past"], ["all", "All"]];

export class AlertList {
  /** @param {import("../app/main.js").App} app */
  constructor(app) {
    this.app = app;
    this.filter = filterOf({});
    /** @type {Map<string, any>} */
    this.past = new Map(); // those that came page by page
    /** @type {string | null} */
    this.next = null;
    /** @type {Set<string>} */
    this.chosen = new Set();
    this._asked = 0;
    this.list = h("ul", { class: "alerts" });
    this.empty = h("p", { class: "empty-note" });
    this.more = button("Show older", () => this._load(), { class: "quiet more" });
    this.bar = h("div", { class: "alert-bar" });
    this.inputs = this._inputs();
    this.names = { device: h("datalist", { id: "alert-devices" }), rule: h("datalist", { id: "alert-rules" }) };
    for (const name of /** @type {const} */ (["device", "rule"])) this.inputs[name].setAttribute("list", this.names[name].id);
    const shown = Object.values(this.inputs);
    this.element = h("section", { "aria-label": "Alerts" }, h("div", { class: "alert-filters" }, ...shown, ...Object.values(this.names)), this.bar, this.list, this.empty, this.more);
    this._rows = keyed(this.list, (/** @type {any} */ item) => item.id, (item) => this._row(item));
  }

  /** @param {Record<string, string>} query */
  enter(query) {
    this.filter = filterOf(query);
    for (const [name, input] of Object.entries(this.inputs)) input.value = this.filter[/** @type {"rule"} */ (name)];
    this.chosen.clear();
    this._begin();
    this._name();
    const stop = this.app.hub.alerts.watch((changed) => this._changed(changed));
    const timer = setInterval(() => document.hidden || this._ages(), 1_000);
    return () => { stop(); clearInterval(timer); this._asked += 1; };
  }

  _inputs() {
    const choose = () => this._filtered();
    const select = (/** @type {string} */ label, /** @type {string[][]} */ options) =>
      h("select", { "aria-label": label, on: { change: choose } }, ...options.map(([value, text]) => h("option", { value }, text)));
    const text = (/** @type {string} */ label) => h("input", { type: "search", placeholder: label, "aria-label": label, autocomplete: "off", spellcheck: "false", on: { change: choose } });
    return {
      state: select("State", STATES),
      severity: select("Severity", [["", "Any severity"], ...SEVERITIES.map((each) => [each, each])]),
      device: text("Device"),
      rule: text("Rule"),
    };
  }

  async _name() {
    fill(this.names.device, ...this.app.hub.devices.sorted().map((each) => h("option", { value: each.device })));
    const { rules } = await get("rules").catch(() => ({ rules: [] })); // only what is offered while somebody types
    fill(this.names.rule, ...rules.map((/** @type {any} */ each) => h("option", { value: each.rule })));
  }

  _filtered() {
    const said = Object.fromEntries(Object.entries(this.inputs).map(([name, input]) => [name, input.value.trim()]));
    this.filter = filterOf(said);
    this.app.router.keep({ ...this.filter, state: this.filter.state === "current" ? "" : this.filter.state });
    this.chosen.clear();
    this._begin();
  }

  get isPaged() {
    return this.filter.state === "past" || this.filter.state === "all";
  }

  _begin() {
    this.past.clear();
    this.next = null;
    this._asked += 1;
    if (this.isPaged) this._load();
    else this._show();
  }

  async _load() {
    const { state, severity, device, rule } = this.filter;
    const asked = this._asked;
    this.more.disabled = true;
    try {
      const query = { state: state === "past" ? "cleared" : null, severity: severity || null, device: device || null, rule: rule || null, after: this.next, limit: PAGE };
      const found = await get(withQuery("alerts", query));
      if (asked !== this._asked) return; // another filter meanwhile
      for (const item of found.alerts) this.past.set(item.id, item);
      this.next = found.next;
      this._show();
    } catch (error) {
      if (asked === this._asked) this.app.toasts.failed(error);
    } finally {
      this.more.disabled = false;
    }
  }

  /** @param {any[]} changed */
  _changed(changed) {
    // What is older than the pages that are here comes with its own page.
    const oldest = this.next === null ? -Infinity : Math.min(...[...this.past.values()].map((each) => each.raised_us));
    for (const item of this.isPaged ? changed : []) {
      if (item.removed) continue; // it is no longer among the newest; it stays in the list
      if (!isMeant(this.filter, item)) this.past.delete(item.id);
      else if (this.past.has(item.id) || item.raised_us > oldest) this.past.set(item.id, item);
    }
    this._show();
  }

  /** @returns {any[]} */
  get items() {
    if (this.isPaged) return [...this.past.values()].sort(newestFirst);
    return [...this.app.hub.alerts.items.values()].filter((item) => isMeant(this.filter, item)).sort(worstFirst);
  }

  _show() {
    const all = this.items;
    const items = this.isPaged ? all : all.slice(0, MAX_SHOWN);
    this._rows(items);
    for (const id of this.chosen) if (!items.some((item) => item.id === id && item.state === "open")) this.chosen.delete(id);
    this.more.hidden = this.next === null;
    const isFiltered = Boolean(this.filter.severity || this.filter.device || this.filter.rule);
    this.empty.hidden = items.length > 0 && items.length === all.length;
    fill(this.empty, items.length ? `and ${all.length - items.length} more: filter to see them` : isFiltered ? "No alert is like this." : this._nothing());
    this._bar(items);
    this._ages();
  }

  _nothing() {
    if (!this.isPaged && !this.app.hub.alerts.isKnown) return "Asking the hub …";
    if (this.isPaged) return "No rule has raised an alert yet.";
    return ["Nothing is wrong: no alert is open. ", h("a", { href: linkTo(["alerts", "rules"]) }, "See what is watched"), "."];
  }

  /** @param {any[]} items */
  _bar(items) {
    const open = items.filter((item) => item.state === "open");
    this.bar.hidden = !this.app.hub.mayOperate || open.length < 2;
    if (this.bar.hidden) return;
    const all = h("input", { type: "checkbox", checked: this.chosen.size === open.length, on: { change: () => {
      this.chosen = new Set(all.checked ? open.map((item) => item.id) : []);
      this._show();
    } } });
    const go = button(this.chosen.size ? `Acknowledge ${this.chosen.size}` : "Acknowledge", () => this._acknowledgeChosen(), { disabled: !this.chosen.size });
    const isHere = this.bar.contains(document.activeElement);
    fill(this.bar, h("label", { class: "check" }, all, `All ${open.length} open`), go);
    if (isHere) all.focus();
  }

  /** @param {any} first */
  _row(first) {
    const box = h("input", { type: "checkbox", "aria-label": `Choose: ${first.message}`, on: { change: () => {
      if (box.checked) this.chosen.add(first.id);
      else this.chosen.delete(first.id);
      this._show();
    } } });
    const head = h("div", { class: "alert-head" });
    const facts = h("p", { class: "muted" });
    const actions = h("div", { class: "alert-actions" });
    const element = h("li", {}, head, h("p", {}, first.message), facts, actions);
    let version = "";
    const show = (/** @type {any} */ item) => {
      box.checked = this.chosen.has(item.id);
      box.hidden = item.state !== "open" || !this.app.hub.mayOperate;
      const now = `${item.version} ${item.state} ${this.app.hub.role}`;
      if (now === version) return;
      version = now;
      Object.assign(element.dataset, { severity: item.severity, state: item.state });
      const state = item.silenced && item.state === "open" ? "silenced" : item.state === "cleared" ? "over" : item.state;
      fill(head, box, h("span", { class: "alert-severity" }, item.severity), h("strong", {}, h("a", { href: linkTo(["devices", item.device]) }, item.device)), h("span", { class: "chip", data: { state } }, state), whenOf(item.raised_us));
      fill(facts, ...factsOf(item));
      const isHere = actions.contains(document.activeElement);
      fill(actions, ...this._actions(item));
      if (isHere) /** @type {HTMLElement | null} */ (actions.firstElementChild)?.focus();
    };
    return { element, show };
  }

  /** @param {any} item */
  _actions(item) {
    const [fromUs, toUs] = [item.at_us - AROUND_US, Math.min((item.cleared_us ?? item.raised_us) + AROUND_US, item.at_us + 96 * AROUND_US)];
    const chart = h("a", { class: "quiet", href: linkTo(["devices", item.device], { from: new Date(fromUs / 1e3).toISOString(), to: new Date(toUs / 1e3).toISOString() }), "aria-label": `Chart of ${item.message}` }, "Chart");
    if (!this.app.hub.mayOperate || item.state === "cleared") return [chart];
    const silence = button("Silence …", () => askSilence(this.app, item), { "aria-label": `Silence: ${item.message}` });
    if (item.state !== "open") return [silence, chart];
    return [button("Acknowledge", () => this._acknowledge(item.id), { "aria-label": `Acknowledge: ${item.message}` }), silence, chart];
  }

  /** Acknowledge one. @param {string} id */
  async _acknowledge(id) {
    try {
      this.app.hub.alerts.apply([await post(`alerts/${encodeURIComponent(id)}/acknowledge`)], false);
    } catch (error) {
      this.app.toasts.failed(error);
    }
  }

  /** Acknowledge those that are chosen, in one request: it cannot be undone, so it is asked for first. */
  _acknowledgeChosen() {
    const ids = [...this.chosen].slice(0, AT_ONCE);
    const said = h("p", {}, `${countsText(this.items.filter((item) => ids.includes(item.id)))}. They stay until they are over; everybody sees that you have seen them. This cannot be undone.`);
    askForm(`Acknowledge ${ids.length} ${ids.length === 1 ? "alert" : "alerts"}?`, [said], "Acknowledge", async () => {
      const { alerts, refusals } = await post("alerts/acknowledge", { alerts: ids });
      this.app.hub.alerts.apply(alerts, false);
      for (const id of ids) this.chosen.delete(id);
      const left = refusals.length ? ` ${refusals.length} ${refusals.length === 1 ? "was" : "were"} no longer open.` : "";
      this.app.toasts.done(`${alerts.length} ${alerts.length === 1 ? "alert" : "alerts"} acknowledged.${left}`);
      this._show();
    });
  }

  _ages() {
    for (const time of this.list.querySelectorAll("time")) say(time, ago(Math.max(0, (this.app.hub.nowUs() - Date.parse(time.dateTime) * 1_000) / 1e6)));
  }
}

/** @param {any} item */
function factsOf(item) {
  const facts = [h("span", {}, "rule ", h("a", { href: linkTo(["alerts", "rules"], { edit: item.rule }) }, item.rule))];
  if (item.by) facts.push(h("span", {}, `acknowledged by ${item.by}`));
  if (item.silenced && item.state !== "cleared") facts.push(h("span", {}, h("a", { href: linkTo(["alerts", "silences"]) }, "silenced"), item.held ? ", told to nobody" : ""));
  if (item.cleared_us) facts.push(h("span", {}, `lasted ${lasting(Math.max(1, Math.round((item.cleared_us - item.raised_us) / 1e6)))}: ${item.reason}`));
  return facts;
}
