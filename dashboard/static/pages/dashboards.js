// Dashboards made by people: the list of them, and one of them.
//
// Owns the list, with search and order in its address; parts/board.js has the one that is shown.

import { button, fill, h, keyed, say } from "../app/dom.js";
import { linkTo } from "../app/router.js";
import { ago } from "../app/units.js";
import { Board } from "../parts/board.js";
import { create } from "../parts/board_deeds.js";
import { askFile, askNew, showDeleted } from "../parts/board_dialogs.js";

const AGES_MS = 30_000;
const collator = new Intl.Collator("en", { numeric: true });

/** @typedef {import("../app/entities.js").Item} Listed */

/** @param {import("../app/main.js").App} app @returns {import("../app/shell.js").Page} */
export function make(app) {
  return new DashboardsPage(app);
}

class DashboardsPage {
  /** @param {import("../app/main.js").App} app */
  constructor(app) {
    this.app = app;
    this.board = new Board(app);
    this.isBoard = false;
    const keep = () => {
      this.app.router.keep({ q: this.search.value.trim(), sort: this.order.value === "newest" ? "newest" : "" });
      this._show();
    };
    this.search = h("input", { type: "search", placeholder: "Search dashboards", "aria-label": "Search dashboards", autocomplete: "off", spellcheck: "false", on: { input: keep } });
    this.order = h("select", { class: "board-order", "aria-label": "Order", on: { change: keep } }, h("option", { value: "title" }, "By title"), h("option", { value: "newest" }, "Newest first"));
    this.actions = this._actions();
    this.rows = h("ul", { class: "board-cards" });
    this.count = h("p", { class: "muted" });
    this.none = h("section", { class: "empty", hidden: true });
    this.list = h("div", {},
      h("div", { class: "view-head" }, h("div", {}, h("h1", {}, "Dashboards"), this.count), this.actions),
      h("div", { class: "board-controls" }, this.search, this.order), this.none, this.rows);
    this._rows = keyed(this.rows, (/** @type {Listed} */ each) => each.name, (each) => row(each, this.app.hub));
    this.element = h("div", { class: "page board-page" }, this.list, this.board.element);
    /** @type {(() => void)[]} */
    this._stops = [];
  }

  title() {
    return this.isBoard ? this.board.document?.title ?? this.board.name : "Dashboards";
  }

  /** @param {import("../app/router.js").Place} place */
  enter({ path, query }) {
    this.isBoard = path[1] !== undefined;
    this.list.hidden = this.isBoard;
    this.board.element.hidden = !this.isBoard;
    if (this.isBoard) {
      this._endList();
      this.board.open(path[1], query);
      return;
    }
    this.board.leave();
    this.search.value = query.q ?? "";
    this.order.value = query.sort === "newest" ? "newest" : "title";
    if (!this._stops.length) this._beginList();
    this._show();
  }

  leave() {
    this._endList();
    this.board.leave();
  }

  _actions() {
    const made = (/** @type {any} */ board) => create(this.app.router, board);
    const restored = (/** @type {string} */ name) => this.app.router.go(["dashboards", name]);
    return h("div", { class: "board-actions" },
      button("Deleted", () => showDeleted(this.app.hub.mayOperate, restored).catch((error) => this.app.toasts.failed(error))),
      button("Import", () => askFile(made)),
      button("New dashboard", () => askNew(made), { class: "primary board-save" }));
  }

  _beginList() {
    const timer = setInterval(() => document.hidden || this._show(), AGES_MS);
    this._stops = [() => clearInterval(timer), this.app.hub.dashboards.watch(() => this._show()), this.app.hub.onSystem(() => this._show())];
  }

  _endList() {
    for (const stop of this._stops.splice(0)) stop();
  }

  _show() {
    const may = this.app.hub.mayOperate;
    this.actions.hidden = !may;
    const { dashboards } = this.app.hub;
    this.none.hidden = dashboards.isKnown;
    if (!dashboards.isKnown) {
      fill(this.none, h("p", { class: "muted" }, "Asking the hub …"));
      return;
    }
    const listed = dashboards.sorted();
    const wanted = this.search.value.trim().toLowerCase();
    const found = listed.filter((each) => `${each.title} ${each.name}`.toLowerCase().includes(wanted));
    const byTitle = (/** @type {Listed} */ a, /** @type {Listed} */ b) => collator.compare(a.title, b.title) || collator.compare(a.name, b.name);
    found.sort(this.order.value === "newest" ? (a, b) => b.at_us - a.at_us : byTitle);
    say(this.count, listed.length === 1 ? "1 dashboard" : `${listed.length} dashboards`);
    this.none.hidden = found.length > 0;
    if (!found.length) fill(this.none, ...emptyWords(listed.length > 0, may));
    this._rows(found);
  }
}

/** @param {boolean} isSearched @param {boolean} may */
function emptyWords(isSearched, may) {
  if (isSearched) return [h("p", {}, "No dashboard matches.")];
  return [
    h("h2", {}, "No dashboard yet"),
    h("p", { class: "muted" }, may ? "Make one of the devices of a tag, which has a chart for each of their channels, or begin with an empty one." : "Operators and administrators can make some."),
  ];
}

/** @param {Listed} first @param {import("../app/hub.js").Hub} hub */
function row(first, hub) {
  const title = h("span", { class: "board-name" });
  const facts = h("span", { class: "muted" });
  const link = h("a", { class: "card board-card", href: linkTo(["dashboards", first.name]) }, title, facts);
  const show = (/** @type {Listed} */ each) => {
    say(title, each.title);
    say(facts, `${each.tiles} ${each.tiles === 1 ? "tile" : "tiles"} · saved ${ago(Math.max(0, (hub.nowUs() - each.at_us) / 1e6))} by ${each.by}`);
  };
  return { element: h("li", {}, link), show };
}
