// The page of alerts: what is wrong, what is watched, what is silenced, who is told.
//
// Owns its four parts and which one is shown: `#/alerts`, `#/alerts/rules`, `#/alerts/silences`, `#/alerts/targets`.

import { fill, h } from "../app/dom.js";
import { linkTo } from "../app/router.js";
import { AlertList } from "../parts/alert_list.js";
import { RuleEditor } from "../parts/rule_editor.js";
import { TABS } from "../parts/alert_words.js";
import { KINDS, namesIn, usualFor } from "../parts/rule_fields.js";
import { RuleList } from "../parts/rule_list.js";
import { Silences } from "../parts/silences.js";
import { Targets } from "../parts/targets.js";

/** @param {import("../app/main.js").App} app @returns {import("../app/shell.js").Page} */
export function make(app) {
  return new AlertsPage(app);
}

class AlertsPage {
  /** @param {import("../app/main.js").App} app */
  constructor(app) {
    this.app = app;
    this.tabs = new Map(TABS.map(([name, label]) => [name, h("a", { href: linkTo(name ? ["alerts", name] : ["alerts"]) }, label)]));
    this.body = h("div", {});
    this.element = h("div", { class: "page alerts-page" },
      h("div", { class: "view-head" }, h("h1", {}, "Alerts"), h("nav", { class: "parts", "aria-label": "Parts of alerts" }, ...this.tabs.values())), this.body);
    this.alerts = new AlertList(app);
    this.rules = new RuleList(app);
    this.editor = new RuleEditor(app);
    this.silences = new Silences(app);
    this.targets = new Targets(app);
    this.tab = "";
    this._stop = () => {};
    this._unwatch = () => {};
    this._role = "";
  }

  title() {
    const [, label] = TABS.find(([name]) => name === this.tab) ?? TABS[0];
    return label;
  }

  /** @param {import("../app/router.js").Place} place */
  enter(place) {
    this._stop();
    const { path, query } = place;
    this.tab = TABS.some(([name]) => name === path[1]) ? path[1] : "";
    for (const [name, link] of this.tabs) {
      if (name === this.tab) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    this._role = this.app.hub.role;
    this._unwatch();
    // The role comes with the connection, perhaps after the page.
    this._unwatch = this.app.hub.devices.watch(() => this._role !== this.app.hub.role && this.enter(this.app.router.place));
    this._stop = this._open(query);
  }

  leave() {
    this._unwatch();
    this._stop();
    this._stop = this._unwatch = () => {};
  }

  /** @param {Record<string, string>} query @returns {() => void} */
  _open(query) {
    if (this.tab === "rules" && (query.edit || query.new) && this.app.hub.isAdmin) {
      fill(this.body, this.editor.element);
      this.editor.open({ name: query.edit ?? null, begun: begunOf(query) });
      return () => this.editor.leave();
    }
    const part = { rules: this.rules, silences: this.silences, targets: this.targets }[this.tab] ?? this.alerts;
    fill(this.body, part.element);
    return part.enter(query);
  }
}

/** What a new rule begins with: links from elsewhere name kind, device and channel. @param {Record<string, string>} query */
function begunOf(query) {
  const kind = KINDS.some(({ name }) => name === query.new) ? query.new : "above";
  return { kind, for_s: usualFor(kind), devices: namesIn(query.device ?? ""), channels: namesIn(query.channel ?? "") };
}
