// The tiles of a draft: added, edited, duplicated, removed. Owns no document: the board has it, and shows what becomes of it.

import { typeOf } from "../tiles/index.js";
import { askTile } from "./board_dialogs.js";
import { newId, withTile } from "./board_rules.js";
import { freePlace } from "./grid.js";

export class DraftTiles {
  /** @param {import("./board.js").Board} board */
  constructor(board) {
    this.board = board;
  }

  _known() {
    return { devices: this.board.app.hub.devices.sorted(), variables: this.board.context().values };
  }

  /** Ask what a new tile is to be. @param {string} name of its type */
  add(name) {
    const { w, h: rows, config } = typeOf(name).defaults;
    const tile = { type: name, w, h: rows, title: "", config: structuredClone(config) };
    askTile(tile, this._known(), "Add", (title, chosen) => {
      const tiles = withTile(this.board.draft?.tiles ?? [], { ...tile, title, config: chosen });
      this.board.change({ tiles });
      this.board.grid.reveal(tiles[tiles.length - 1].id);
    });
  }

  /** Ask what is to change. @param {string} id */
  edit(id) {
    const tile = this.board.draft?.tiles.find((each) => each.id === id);
    if (tile) askTile(tile, this._known(), "Apply", (title, config) => this.board.change({ tiles: (this.board.draft?.tiles ?? []).map((each) => (each.id === id ? { ...each, title, config } : each)) }));
  }

  /** One more of it. @param {string} id */
  copy(id) {
    const tiles = this.board.draft?.tiles ?? [];
    const tile = tiles.find((each) => each.id === id);
    if (!tile) return;
    const copy = { ...structuredClone(tile), ...freePlace(tiles, tile.w, tile.h), id: newId(tiles) };
    this.board.change({ tiles: [...tiles, copy] });
    this.board.grid.reveal(copy.id);
  }

  /** Take it off; undone by the toast. @param {string} id */
  remove(id) {
    const before = this.board.draft?.tiles ?? [];
    const tile = before.find((each) => each.id === id);
    if (!tile) return;
    this.board.change({ tiles: before.filter((each) => each.id !== id) });
    const { name } = this.board;
    this.board.app.toasts.done(`Removed ${tile.title || typeOf(tile.type).label}`, () => {
      if (!this.board.draft || this.board.name !== name || this.board.draft.tiles.some((each) => each.id === id)) return;
      this.board.change({ tiles: [tile, ...this.board.draft.tiles] });
      this.board.grid.reveal(id);
    });
  }
}
