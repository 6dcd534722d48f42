// The overview, the way in: how the hub fares, what is wrong, and every device with how it is and the line of a channel.
//
// Owns what is chosen, which stands in the address, and what has to be worked out anew; only rows in sight are made and drawn.

import { h, say } from "../app/dom.js";
import { nodeOf, silencesText } from "../app/places.js";
import { expressionOf } from "../app/tags.js";
import { SORTS, channelsOf, choiceIn, countsOf, narrowed, nodesOf, queryOf, readWhere, sorted, STATES, turned, usualChannel } from "../parts/overview/choosing.js";
import { DeviceRow } from "../parts/overview/device_row.js";
import { Health } from "../parts/overview/health.js";
import { Lines, wantedFor } from "../parts/overview/lines.js";
import { OpenAlerts } from "../parts/overview/open_alerts.js";
import { Toolbar } from "../parts/overview/toolbar.js";
import { VirtualList } from "../parts/virtual_list.js";
import { empty } from "../parts/overview/empty.js";
import { count } from "../app/units.js";

const COLUMNS = { name: "Device", state: "State", kind: "Kind" };

/** @param {import("../app/main.js").App} app @returns {import("../app/shell.js").Page} */
export function make(app) {
  return new Overview(app);
}

class Overview {
  /** @param {import("../app/main.js").App} app */
  constructor(app) {
    this.app = app;
    const { hub, painter } = app;
    this.choice = choiceIn({});
    this.health = new Health(hub);
    this.alerts = new OpenAlerts(hub);
    this.toolbar = new Toolbar((change) => this._choose(change));
    this.lines = new Lines(hub, () => painter.ask(this.view));
    this.empty = empty();
    this.count = h("p", { class: "muted", role: "status" });
    this.head = h("div", { role: "row", class: "device-row device-head", "aria-rowindex": 1 });
    this.grid = h("div", { role: "grid", class: "device-grid", "aria-label": "Devices" }, h("div", { role: "rowgroup", class: "device-head-group" }, this.head), h("div", { role: "rowgroup", class: "device-rows" }));
    const clear = h("button", { type: "button", class: "quiet", on: { click: () => this._choose({ words: "", state: "", where: "", node: "" }) } }, "Show all devices");
    this.noMatch = h("div", { class: "empty-note", hidden: true }, h("p", {}, "No device matches."), clear);
    this.note = h("p", { class: "note", hidden: true });
    this.body = h("div", {},
      h("div", { class: "overview-top" }, this.health.element, this.alerts.element),
      h("div", { class: "overview-head" }, h("h1", {}, "Devices"), this.count), this.toolbar.element, this.note, this.grid, this.noMatch);
    this.element = h("div", { class: "page overview" }, this.empty.element, this.body);
    this._makeHead();
    // On a phone nothing stays at the top.
    const covered = () => (this.head.offsetParent === null ? 0 : this.head.getBoundingClientRect().bottom);
    this.rows = new VirtualList(/** @type {HTMLElement} */ (this.grid.lastElementChild), (/** @type {any} */ item) => item.device, () => new DeviceRow((tag) => this._tag(tag)), { first: 2, top: covered });
    this.view = { element: this.element, draw: (/** @type {number} */ nowUs) => this._draw(nowUs), painted: (/** @type {number} */ _, /** @type {import("../app/delays.js").Paint} */ paint) => this.lines.stream?.drawn(paint) };
    /** @type {import("../app/tags.js").Where | null} */
    this._test = null; // the last expression that could be read
    this._read = "";
    this._isListed = false;
    this._isScrolled = false;
    /** @type {string | undefined} of a hub that is several, the one that tells us */
    this._node = undefined;
    this._left = { query: "", y: 0 };
    this._scroll = () => this._scrolled();
    this._resize = () => { this.rows.resized(); painter.ask(this.view); };
    /** @type {(() => void)[]} */
    this._stops = [];
  }

  title() {
    return "Overview";
  }

  /** @param {import("../app/router.js").Place} place */
  enter({ query }) {
    this.choice = choiceIn(query);
    this._apply();
    if (this._stops.length) return;
    const { hub, painter } = this.app;
    const again = () => { this._isListed = false; painter.ask(this.view); };
    const told = (/** @type {Record<string, any>} */ { node }) => node !== this._node && ((this._node = node), again()); // who has what is known with it
    this._stops = [hub.devices.watch(again), hub.onSystem(told), hub.alerts.watch(() => painter.ask(this.view))];
    addEventListener("scroll", this._scroll, { passive: true });
    addEventListener("resize", this._resize);
    this.health.start();
    painter.add(this.view);
    this._draw(hub.nowUs());
    // Who comes back from a device finds the list where it was.
    if (JSON.stringify(queryOf(this.choice)) === this._left.query) scrollTo(0, this._left.y);
  }

  leave() {
    // The address is another page's by now.
    this._left = { query: JSON.stringify(queryOf(this.choice)), y: scrollY };
    for (const stop of this._stops.splice(0)) stop();
    removeEventListener("scroll", this._scroll);
    removeEventListener("resize", this._resize);
    this.health.stop();
    this.lines.close();
    this.app.painter.remove(this.view);
  }

  /** @param {Partial<import("../parts/overview/choosing.js").Choice>} change */
  _choose(change) {
    this.choice = { ...this.choice, ...change };
    this.app.router.keep(queryOf(this.choice));
    this._apply();
    this._draw(this.app.hub.nowUs());
  }

  /** @param {string} tag */
  _tag(tag) {
    const { where } = this.choice;
    const one = expressionOf(tag);
    this._choose({ where: this._test && where.trim() ? `(${where.trim()}) and ${one}` : one });
  }

  // Take over what was chosen. An expression that is half written leaves the one before it in force.
  _apply() {
    const { test, error } = readWhere(this.choice.where);
    if (!error) [this._test, this._read] = [test, this.choice.where.trim()];
    this.toolbar.choose(this.choice, error);
    for (const cell of this.head.children) {
      const { sort } = /** @type {HTMLElement} */ (cell).dataset;
      if (sort) cell.setAttribute("aria-sort", this.choice.sort === sort ? "ascending" : this.choice.sort === `-${sort}` ? "descending" : "none");
    }
    this._isListed = false;
  }

  // Work out which devices are listed, where that may have changed.
  _list() {
    this._isListed = true;
    const { devices } = this.app.hub;
    const all = [...devices.items.values()].filter((each) => !each.own);
    this.empty.show(all.length === 0 && devices.isKnown, this.app.hub.isAdmin);
    this.body.hidden = all.length === 0;
    const { state, words, sort, node } = this.choice;
    const { system } = this.app.hub;
    this.toolbar.offerNodes(nodesOf(all, system), node);
    const meant = narrowed(node ? all.filter((each) => nodeOf(each, system) === node) : all, words, this._test);
    const shown = sorted(state ? meant.filter(STATES[state]) : meant, sort);
    this.toolbar.count(countsOf(meant), meant.length, state);
    const online = all.filter(STATES.online).length;
    say(this.count, shown.length === all.length ? `${count(online)} of ${count(all.length)} online` : `${count(shown.length)} of ${count(all.length)} shown`);
    this.grid.setAttribute("aria-rowcount", String(shown.length + 1));
    this.grid.hidden = shown.length === 0;
    this.noMatch.hidden = shown.length > 0;
    this._watch(all);
    this.rows.show(shown);
  }

  // Watch the channel that is chosen, or the usual one.
  _watch(/** @type {any[]} */ all) {
    const channels = channelsOf(all);
    const channel = this.choice.channel || usualChannel(channels);
    this.channel = channel;
    this.toolbar.offer(channels, channel);
    say(this._channelHead, channel || "Readings");
    const having = all.filter((item) => hasChannel(item, channel));
    const wanted = wantedFor(channel, having.length, this._read, narrowed(having, "", this._test).length);
    this.note.hidden = wanted !== null || having.length === 0;
    say(this.note, `${count(having.length)} devices measure ${channel}: too many for a line each. A tag expression that means fewer of them brings the lines back.`);
    this.lines.watch(wanted);
    say(this._spanHead, wanted ? `Last ${wanted.span_s / 60} minutes` : "");
  }

  /** @param {number} nowUs */
  _draw(nowUs) {
    if (!this._isListed) this._list();
    else this.rows.place();
    this.alerts.show(nowUs);
    this.lines.trim(nowUs);
    this._paint(this.rows.rows.values(), nowUs);
  }

  /** @param {Iterable<import("../parts/virtual_list.js").Row<any>>} rows @param {number} nowUs */
  _paint(rows, nowUs) {
    const { hub } = this.app;
    const { span_s, width_us } = this.lines.stream?.wanted ?? { span_s: 1, width_us: 0 };
    const time = { fromUs: nowUs - span_s * 1e6, nowUs, intervalUs: width_us };
    for (const each of rows) {
      const row = /** @type {DeviceRow} */ (each);
      if (hub.isOpen) row.tell(nowUs, silencesText([row.item], hub.system, nowUs)); // without a connection nobody knows whether it is still there
      row.draw({ series: this.lines.of(row.item.device), hasChannel: hasChannel(row.item, this.channel ?? ""), time });
    }
  }

  // Rows that come into sight are whole in the frame in which they do.
  _scrolled() {
    if (this._isScrolled) return;
    this._isScrolled = true;
    requestAnimationFrame(() => {
      this._isScrolled = false;
      if (this._stops.length) this._paint(this.rows.place(), this.app.hub.nowUs());
    });
  }

  _makeHead() {
    const sorter = (/** @type {string} */ name, /** @type {string} */ label) => {
      const click = () => this._choose({ sort: turned(this.choice.sort, name) });
      return h("div", { role: "columnheader", class: `cell-${name}`, data: { sort: name } }, h("button", { type: "button", class: "sorter", title: `Sort by ${SORTS[name].label.toLowerCase()}`, on: { click } }, label));
    };
    const plain = (/** @type {string} */ name, /** @type {string} */ label) => h("div", { role: "columnheader", class: `cell-${name}` }, label);
    this._channelHead = h("span", {});
    this._spanHead = h("span", {});
    const value = h("div", { role: "columnheader", class: "cell-value" }, this._channelHead);
    const line = h("div", { role: "columnheader", class: "cell-spark" }, this._spanHead);
    this.head.append(sorter("name", COLUMNS.name), sorter("state", COLUMNS.state), sorter("kind", COLUMNS.kind), plain("tags", "Tags"), value, line);
  }
}

const hasChannel = (/** @type {any} */ item, /** @type {string} */ channel) => (item.channels ?? []).some((/** @type {any} */ each) => each.name === channel);
