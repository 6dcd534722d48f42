// A dashboard as a guest sees it: live, in the range they choose, full page or on a wall; nothing can be changed and nothing left.
//
// Owns the document that is shown, and what is said where the link shows none any more. app/shared.js has the way in.

import { ApiError, get, textOf } from "../app/api.js";
import { button, fill, h, say } from "../app/dom.js";
import { RangeBar } from "../charts/rangebar.js";
import { RANGES as SPANS, short, shownOf } from "../charts/span.js";
import { rangeOf, RANGES } from "../parts/board_rules.js";
import { BoardTime } from "../parts/board_time.js";
import { TileGrid } from "../parts/tile_grid.js";
import { Wall } from "../parts/wall.js";

const LOOK_AGAIN_MS = 60_000; // whether somebody has saved it
const AGAIN_MS = 5_000; // where the hub could not say

/** @typedef {import("../parts/board_rules.js").Board} Document */

export class SharedBoard {
  /** @param {import("../app/main.js").App} app @param {HTMLElement} title @param {HTMLElement} wallButton */
  constructor(app, title, wallButton) {
    this.app = app;
    this.title = title;
    this.wallButton = wallButton;
    /** @type {Document | null} */
    this.document = null;
    this.grid = new TileGrid(app, { arranged: () => {}, edit: () => {}, copy: () => {}, remove: () => {} });
    this.draft = null; // nothing is edited here
    this.time = new BoardTime(/** @type {any} */ (this));
    this.wall = new Wall(() => this.go({ wall: null }));
    wallButton.addEventListener("click", () => {
      this.wall.fill();
      this.go({ wall: "1" });
    });
    const ranges = h("fieldset", { class: "segments" }, h("legend", { class: "visually-hidden" }, "Time range"));
    const time = h("div", { class: "board-time" }, ranges);
    this.range = new RangeBar(ranges, this.time.choices);
    this.note = h("p", { class: "note", hidden: true });
    this.empty = h("section", { class: "empty board-empty", hidden: true }, h("h2", {}, "No tiles yet"));
    const leaveWall = button("Leave full screen", () => this.go({ wall: null }), { class: "board-leave" });
    this.bar = h("div", { class: "board-bar" }, h("div", { class: "board-controls" }, time));
    this.body = h("div", { class: "board", hidden: true }, this.bar, this.note, this.empty, this.grid.element, leaveWall);
    this.end = h("section", { class: "card shared-over", role: "alert", hidden: true });
    this.element = h("div", {}, this.end, this.body);
    setInterval(() => document.hidden || !app.hub.isOpen || this.load(), LOOK_AGAIN_MS);
    setInterval(() => document.hidden || this._look(), 1_000);
  }

  /** Read what is saved. */
  async load() {
    try {
      this.document = (await get("shared")).dashboard;
    } catch (error) {
      if (!(error instanceof ApiError) || error.status === 0 || error.status === 401) return; // the connection tells
      const isSoonOver = error.status === 429 || error.status >= 500;
      if (isSoonOver) setTimeout(() => this.load(), AGAIN_MS);
      if (this.document === null || !isSoonOver) this.failed(textOf(error)); // else it is shown on: nobody may sit at a wall
      return;
    }
    this.end.hidden = true;
    this.wallButton.hidden = false;
    this.show(this.app.router.place.query);
  }

  /** Show what there is, as the address says. @param {Record<string, string>} query */
  show(query) {
    const shown = this.document;
    this.body.hidden = shown === null;
    if (shown === null) return;
    const context = this.context();
    say(this.title, shown.title);
    document.title = `${shown.title} – Tributary`;
    this.range.show({ range: SPANS.find((each) => short(each) === context.range.name) ?? SPANS[0], past: context.past }, false);
    this.wall.set(query.wall === "1");
    this.grid.show(shown.tiles, context);
    this.empty.hidden = shown.tiles.length > 0;
  }

  /** The link is over: nothing of what it showed stays. */
  over() {
    this.failed("It was withdrawn, its time is over, or it was not copied whole. Ask whoever gave it to you for a new one.", "This link shows nothing any more");
  }

  /** Say why nothing is shown. @param {string} text @param {string} [head] */
  failed(text, head = "It cannot be shown now") {
    this.document = null;
    this.grid.close();
    this.wall.set(false);
    this.body.hidden = this.wallButton.hidden = true;
    say(this.title, "");
    document.title = "Shared dashboard – Tributary";
    fill(this.end, h("h2", {}, head), h("p", {}, text));
    this.end.hidden = false;
  }

  get query() {
    return this.app.router.place.query;
  }

  /** What tiles are shown by: variables at their saved values, a range or a stretch of the past. */
  context() {
    const range = rangeOf(this.query.range) ?? rangeOf(this.document?.range) ?? RANGES[2];
    return { values: this.document?.variables ?? [], range, past: shownOf(this.query).past, isEditing: false };
  }

  /** Say in the address what is shown; the link's token stays there. @param {Record<string, string | null>} changed @param {boolean} [isStep] one of many */
  go(changed, isStep = false) {
    const query = { ...this.query, ...changed };
    if (query.range === this.document?.range) query.range = null;
    this.app.router[isStep ? "replace" : "go"](this.app.router.place.path, query);
  }

  _look() {
    const note = this.grid.note(this.app.hub.nowUs());
    this.note.hidden = note === null;
    if (note !== null) say(this.note, note);
  }
}
