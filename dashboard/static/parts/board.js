// One dashboard: shown, edited, saved; its variables and range; on a wall.
//
// Owns the document that is shown, the draft while it is edited, and which version it was made of. A draft stays when one goes to another
// page and comes back. Where tiles lie is tile_grid.js's; draft_tiles.js changes them, board_drafts.js begins drafts and keeps those that
// were left, board_deeds.js saves, copies and deletes.

import { ApiError, get } from "../app/api.js";
import { button, fill, h, say } from "../app/dom.js";
import { linkTo } from "../app/router.js";
import { shownOf } from "../charts/span.js";
import { BoardBar } from "./board_bar.js";
import { BoardDeeds } from "./board_deeds.js";
import { askSettings, askType } from "./board_dialogs.js";
import { BoardDrafts } from "./board_drafts.js";
import { DraftTiles } from "./draft_tiles.js";
import { BoardTime } from "./board_time.js";
import { differing, isSame, rangeOf, RANGES, valuesOf } from "./board_rules.js";
import { openShares } from "./share_dialog.js";
import { TileGrid } from "./tile_grid.js";
import { Wall } from "./wall.js";

/** @typedef {import("./board_rules.js").Board} Document */
/** @typedef {{name: string, version: number, at_us: number, by: string, dashboard: Document}} Saved */

export class Board {
  /** @param {import("../app/main.js").App} app */
  constructor(app) {
    this.app = app;
    this.name = "";
    /** @type {Record<string, string>} */
    this.query = {};
    /** @type {Saved | null} */
    this.saved = null;
    /** @type {Document | null} */
    this.draft = null;
    this.grid = new TileGrid(app, {
      arranged: (tiles, id) => {
        this.change({ tiles });
        say(this.live, placeText(tiles.find((each) => each.id === id)));
      },
      edit: (id) => this.tiles.edit(id),
      copy: (id) => this.tiles.copy(id),
      remove: (id) => this.tiles.remove(id),
    });
    this.tiles = new DraftTiles(this);
    this.drafts = new BoardDrafts(this);
    this.deeds = new BoardDeeds(this);
    this.time = new BoardTime(this);
    this.wall = new Wall(() => this.go({ wall: null }));
    this.bar = new BoardBar(app, {
      ...this.time.choices,
      value: (name, value) => this._choose(name, value),
      add: () => askType((type) => this.tiles.add(type)),
      settings: () => this.draft && askSettings(this.draft, (title, variables) => this.change({ title, variables })),
      edit: () => this.drafts.begin(),
      save: () => this.deeds.save(),
      discard: () => this.drafts.discard(),
      versions: () => this.deeds.versions(),
      exported: () => this.deeds.exportFile(),
      copy: () => this.deeds.copy(),
      share: () => this.saved && openShares(app, this.name, this.saved.dashboard.title),
      remove: () => this.deeds.remove(),
      wall: () => { this.wall.fill(); this.go({ wall: "1" }); },
    });
    this.note = h("p", { class: "note", hidden: true });
    this.news = h("p", { class: "note board-news", role: "status", hidden: true });
    this.missing = h("section", { class: "empty", hidden: true });
    this.empty = h("section", { class: "empty board-empty", hidden: true }, h("h2", {}, "No tiles yet"));
    const leaveWall = button("Leave full screen", () => this.go({ wall: null }), { class: "board-leave" });
    const keys = h("span", { id: "board-keys", hidden: true }, "Arrow keys move the tile, Shift and arrow keys resize it.");
    this.live = h("p", { class: "visually-hidden", "aria-live": "polite" });
    this.body = h("div", { class: "board", hidden: true }, this.bar.element, this.news, this.note, this.empty, this.grid.element, keys, this.live, leaveWall);
    this.element = h("div", {}, this.missing, this.body);
    /** @type {(() => void)[]} */
    this._stops = [];
    this._isBarOld = false; // devices or the person's role are others
    this._isAway = false; // the hub could not be asked
  }

  /** What is shown: the draft, or what is saved. @returns {Document | null} */
  get document() {
    return this.draft ?? this.saved?.dashboard ?? null;
  }

  get isChanged() {
    return this.draft !== null && this.saved !== null && !isSame(this.draft, this.saved.dashboard);
  }

  /** Whether somebody looks at it, and not at another page. */
  get isShown() {
    return this._stops.length > 0;
  }

  /** Show a dashboard as an address says. @param {string} name @param {Record<string, string>} query */
  open(name, query) {
    this.query = query;
    if (!this.isShown) this._begin();
    if (name !== this.name) {
      Object.assign(this, this.drafts.turn(name), { name });
      this.grid.show([], this.context());
    }
    this.load(); // also what somebody saved while this page showed another
    this.show();
  }

  /** It is not shown now. */
  leave() {
    for (const stop of this._stops.splice(0)) stop();
    this.wall.set(false);
    this.grid.close();
  }

  _begin() {
    const { hub } = this.app;
    const notes = setInterval(() => document.hidden || this._look(), 1_000);
    const told = (/** @type {import("../app/entities.js").Item[]} */ changed) => changed.some((each) => each.name === this.name) && this._told();
    this._stops = [() => clearInterval(notes), hub.dashboards.watch(told), hub.devices.watch(() => { this._isBarOld = true; }), hub.onSystem(() => { this._isBarOld = true; })];
  }

  /** Read what is saved; while it is edited, what is being edited stays. */
  async load() {
    const { name } = this;
    if (this.draft) return;
    try {
      const saved = await get(`dashboards/${encodeURIComponent(name)}`);
      if (name !== this.name || this.draft || saved.version === this.saved?.version) return;
      this.saved = saved;
    } catch (error) {
      if (name !== this.name) return;
      if (this.saved !== null && /** @type {ApiError} */ (error).status !== 404) return; // it is shown on; the top says that the hub is away
      this._absent(error);
    }
    this.show();
  }

  /** @param {any} error */
  _absent(error) {
    this.saved = null;
    const isGone = error instanceof ApiError && error.status === 404;
    this._isAway = !isGone;
    const text = isGone ? h("p", {}, "No dashboard is called ", h("code", {}, this.name), ". It may have been deleted.") : h("p", {}, error instanceof ApiError ? error.text : String(error));
    fill(this.missing, h("h1", {}, isGone ? "No such dashboard" : "It cannot be shown now"), text, h("p", {}, h("a", { href: linkTo(["dashboards"]) }, "See all dashboards"), "."));
    this.missing.hidden = false;
  }

  /** What a tile is shown by: the values of the variables, the range, whether it is edited. */
  context() {
    const shown = this.document;
    const range = rangeOf(this.query.range) ?? rangeOf(shown?.range) ?? RANGES[2];
    return { values: valuesOf(shown?.variables ?? [], this.query), range, past: shownOf(this.query).past, isEditing: this.draft !== null };
  }

  /** Show what there is now. */
  show() {
    if (!this.isShown) return; // what was asked for has come after somebody left
    const shown = this.document;
    this.body.hidden = shown === null;
    if (shown === null) return;
    this.missing.hidden = true;
    this._isAway = false;
    this.wall.set(this.query.wall === "1" && !this.draft);
    this.body.classList.toggle("is-editing", this.draft !== null);
    this.grid.show(shown.tiles, this.context());
    this.empty.hidden = shown.tiles.length > 0;
    this._bar();
    this._showNews();
  }

  _bar() {
    const shown = this.document;
    if (shown === null || this.saved === null) return;
    const context = this.context();
    this.bar.show({ shown, context, saved: this.saved, isChanged: this.isChanged, mayEdit: this.app.hub.mayOperate, devices: this.app.hub.devices.sorted() });
    const text = this.draft ? "Add the first one." : this.app.hub.mayOperate ? "Edit this dashboard to add some." : "Whoever may edit it can add some.";
    if (!this.empty.hidden) fill(this.empty, h("h2", {}, "No tiles yet"), h("p", { class: "muted" }, text));
  }

  // Of a thousand devices one changes all the time: once a second is often enough. The hub may be back by now, too.
  _look() {
    if (this._isBarOld) this._bar();
    this._isBarOld = false;
    if (this._isAway && this.app.hub.isOpen) this.load();
    const note = this.grid.note(this.app.hub.nowUs());
    this.note.hidden = note === null;
    if (note !== null) say(this.note, note);
  }

  // Somebody has saved, deleted or restored it. A wall, which nobody sits at, shows it at once.
  _told() {
    const now = this.app.hub.dashboards.get(this.name);
    if (this.deeds.isSaving) return;
    if (now === null && !this.draft) this._absent(new ApiError("", { status: 404 }));
    else if (this.wall.isOn || this.saved === null) this.load();
    this.show();
  }

  _showNews() {
    const { dashboards } = this.app.hub;
    const now = dashboards.get(this.name);
    const isNewer = now !== null && this.saved !== null && now.version > this.saved.version;
    const isGone = now === null && dashboards.isKnown && this.draft !== null;
    this.news.hidden = !(isNewer || isGone) || this.deeds.isSaving;
    if (this.news.hidden) return;
    if (isGone) fill(this.news, "This dashboard was deleted meanwhile. ", button("Save mine as a copy", () => this.deeds.copy()));
    else fill(this.news, `Changed by ${now?.by} meanwhile. `, this.draft ? button("See both", () => this.deeds.compare()) : button("Show it", () => this.load()));
  }

  // Say in the address what is shown; `isStep`: as one of many, through which no step back leads.
  /** @param {Record<string, string | null>} changed */
  go(changed, isStep = false) {
    const query = { ...this.query, ...changed };
    const shown = this.document;
    if (query.range === shown?.range) query.range = null;
    this.app.router[isStep ? "replace" : "go"](["dashboards", this.name], query);
  }

  /** @param {string} name @param {string} value */
  async _choose(name, value) {
    const shown = this.document;
    if (!shown) return;
    const variable = shown.variables.find((each) => each.name === name);
    try { // before every tile is told so
      if (variable?.kind === "tags" && value.trim()) await get(`devices?limit=1&where=${encodeURIComponent(value)}`);
    } catch (error) {
      this.app.toasts.failed(error);
      return;
    }
    const values = valuesOf(shown.variables, this.query).map((each) => (each.name === name ? { ...each, value } : each));
    const others = Object.fromEntries(Object.entries(this.query).filter(([key]) => !key.startsWith("var-")));
    this.app.router.go(["dashboards", this.name], { ...others, ...differing(shown.variables, values) });
  }

  /** Change the draft. @param {Partial<Document>} changed */
  change(changed) {
    if (!this.draft) return;
    this.draft = { ...this.draft, ...changed };
    this.show();
  }
}

/** Where a tile lies, for who does not see it. @param {import("./grid.js").Tile | undefined} tile */
const placeText = (tile) => (tile ? `Column ${tile.x + 1}, row ${tile.y + 1}, ${tile.w} wide, ${tile.h} high` : "");
