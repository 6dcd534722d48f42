// The grid of a dashboard: a cell for each tile, in the order in which they are read; which cells are in sight.
//
// Owns the cells. What is arranged goes to `onArranged`; what the tools of a tile do is the board's.

import { h } from "../app/dom.js";
import { Arranging } from "./arranging.js";
import { inOrder, settled } from "./grid.js";
import { SharedStreams } from "./shared_streams.js";
import { TileCell } from "./tile_cell.js";

/** @typedef {import("./grid.js").Tile} Tile */

export class TileGrid {
  /**
   * @param {import("../app/main.js").App} app @param {import("./tile_cell.js").Calls & {arranged: (tiles: Tile[], id: string) => void}} calls
   */
  constructor(app, calls) {
    this.app = app;
    this.calls = calls;
    this.streams = new SharedStreams(app.hub);
    /** @type {Map<string, TileCell>} */
    this._cells = new Map();
    /** @type {Tile[]} */
    this._tiles = [];
    this.element = h("div", { class: "board-grid" });
    this._arranging = new Arranging(this.element, {
      tiles: () => this._tiles,
      preview: (tiles, id) => this._preview(tiles, id),
      done: (tiles, id) => {
        this._preview(tiles, null);
        calls.arranged(tiles, id);
      },
    });
    this._sight = new IntersectionObserver((entries) => {
      for (const entry of entries) this._cells.get(/** @type {HTMLElement} */ (entry.target).dataset.id ?? "")?.seen(entry.isIntersecting);
    }, { rootMargin: "150px" });
  }

  /** Show tiles. @param {Tile[]} tiles @param {import("./tile_cell.js").Context} context */
  show(tiles, context) {
    this._tiles = settled(tiles);
    this._arranging.isOn = context.isEditing;
    const wanted = new Set(tiles.map((each) => each.id));
    for (const id of [...this._cells.keys()]) if (!wanted.has(id)) this._remove(id);
    inOrder(this._tiles).forEach((tile, at) => {
      const cell = this._cells.get(tile.id) ?? this._add(tile.id);
      cell.show(tile, context);
      if (this.element.children[at] !== cell.element) this.element.insertBefore(cell.element, this.element.children[at] ?? null);
    });
  }

  /** Bring a tile into sight, and the focus to it. @param {string} id */
  reveal(id) {
    const cell = this._cells.get(id);
    cell?.element.scrollIntoView({ block: "nearest" });
    /** @type {HTMLElement | null | undefined} */ (cell?.element.querySelector(".board-grip"))?.focus({ preventScroll: true });
  }

  /** End all that costs something. */
  close() {
    for (const id of [...this._cells.keys()]) this._remove(id);
    this.streams.close();
  }

  /** What a person must know of the readings that are shown. @param {number} nowUs @returns {string | null} */
  note(nowUs) {
    for (const stream of this.streams.streams) {
      const note = stream.note(nowUs);
      if (note !== null) return note;
    }
    return null;
  }

  /** @param {string} id */
  _add(id) {
    const cell = new TileCell(this.app, this.streams, id, this.calls);
    this._cells.set(id, cell);
    this._sight.observe(cell.element);
    return cell;
  }

  /** @param {string} id */
  _remove(id) {
    const cell = this._cells.get(id);
    if (!cell) return;
    this._sight.unobserve(cell.element);
    this._cells.delete(id);
    cell.close();
  }

  // The elements stay in their order while one is dragged: one that is taken out of the page loses the pointer.
  /** @param {Tile[]} tiles @param {string | null} id */
  _preview(tiles, id) {
    for (const tile of tiles) this._cells.get(tile.id)?.place(tile);
    for (const [each, cell] of this._cells) cell.element.classList.toggle("is-lifted", each === id);
    for (const [at, tile] of inOrder(tiles).entries()) this._cells.get(tile.id)?.element.style.setProperty("--order", String(at));
  }
}
