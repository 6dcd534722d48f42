// How tiles are dragged and resized, by mouse, touch and keyboard. Owns the gesture while it lasts; where tiles come to lie is grid.js's.

import { arranged, inOrder, swapped } from "./grid.js";

const EDGE_PX = 48; // so near to the edge of the window the page moves along
const STEP_PX = 14;
const ARROWS = /** @type {Record<string, [number, number]>} */ ({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] });

/** @typedef {import("./grid.js").Tile} Tile */
/** @typedef {{id: string, isResize: boolean, tiles: Tile[], x: number, y: number, now: Tile[]}} Gesture */

export class Arranging {
  /**
   * @param {HTMLElement} grid @param {{tiles: () => Tile[], preview: (tiles: Tile[], id: string | null) => void, done: (tiles: Tile[], id: string) => void}} calls
   * `preview` shows how it would be; `done` takes it
   */
  constructor(grid, calls) {
    this.grid = grid;
    this.calls = calls;
    this.isOn = false;
    /** @type {Gesture | null} */
    this._gesture = null;
    grid.addEventListener("pointerdown", (event) => this._begin(event));
    grid.addEventListener("pointermove", (event) => this._move(event));
    grid.addEventListener("pointerup", () => this._end(true));
    grid.addEventListener("pointercancel", () => this._end(false));
    grid.addEventListener("keydown", (event) => this._key(event));
  }

  /** Phones show one tile below the other. */
  get isNarrow() {
    return getComputedStyle(this.grid).getPropertyValue("--columns").trim() === "1";
  }

  /** @param {PointerEvent} event */
  _begin(event) {
    const target = /** @type {Element} */ (event.target);
    const isResize = target.closest(".board-corner") !== null;
    const isGrip = target.closest(".board-grip") !== null;
    const isHead = event.pointerType === "mouse" && target.closest(".board-tile-head") !== null && !target.closest("button");
    const cell = /** @type {HTMLElement | null} */ (target.closest(".board-tile"));
    if (!this.isOn || !cell || event.button !== 0 || !(isResize || isGrip || isHead)) return;
    event.preventDefault();
    if (isGrip) /** @type {HTMLElement} */ (target.closest(".board-grip")).focus({ preventScroll: true });
    this.grid.setPointerCapture(event.pointerId);
    const tiles = this.calls.tiles();
    this._gesture = { id: cell.dataset.id ?? "", isResize, tiles, x: event.pageX, y: event.pageY, now: tiles };
  }

  /** @param {PointerEvent} event */
  _move(event) {
    const { _gesture: gesture } = this;
    if (!gesture) return;
    if (event.clientY > innerHeight - EDGE_PX) scrollBy(0, STEP_PX);
    else if (event.clientY < EDGE_PX) scrollBy(0, -STEP_PX);
    gesture.now = this._arranged(gesture, event);
    this.calls.preview(gesture.now, gesture.id);
  }

  /** @param {Gesture} gesture @param {PointerEvent} event */
  _arranged(gesture, event) {
    const { id, isResize, tiles } = gesture;
    const tile = tiles.find((each) => each.id === id);
    const { columnPx, rowPx } = this._sizes();
    if (!tile) return tiles;
    const dy = Math.round((event.pageY - gesture.y) / rowPx);
    if (this.isNarrow && !isResize) {
      const over = [...this.grid.querySelectorAll(".board-tile")].find((each) => within(each.getBoundingClientRect(), event.clientY));
      return swapped(gesture.now, id, /** @type {HTMLElement | undefined} */ (over)?.dataset.id ?? id);
    }
    const dx = Math.round((event.pageX - gesture.x) / columnPx);
    return arranged(tiles, id, isResize ? { w: this.isNarrow ? tile.w : tile.w + dx, h: tile.h + dy } : { x: tile.x + dx, y: tile.y + dy });
  }

  /** @param {boolean} isTaken */
  _end(isTaken) {
    const gesture = this._gesture;
    this._gesture = null;
    if (!gesture) return;
    if (isTaken) this.calls.done(gesture.now, gesture.id);
    else this.calls.preview(gesture.tiles, null);
  }

  /** @param {KeyboardEvent} event */
  _key(event) {
    if (!this.isOn) return;
    if (event.key === "Escape" && this._gesture) {
      this._end(false);
      return;
    }
    const grip = /** @type {Element} */ (event.target).closest(".board-grip");
    const step = ARROWS[event.key];
    if (!grip || !step || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    const id = /** @type {HTMLElement} */ (grip.closest(".board-tile")).dataset.id ?? "";
    this.calls.done(this._stepped(id, step, event.shiftKey), id);
    /** @type {HTMLElement} */ (grip).focus();
  }

  /** @param {string} id @param {[number, number]} step @param {boolean} isResize */
  _stepped(id, [dx, dy], isResize) {
    const tiles = this.calls.tiles();
    const tile = tiles.find((each) => each.id === id);
    if (!tile) return tiles;
    if (isResize) return arranged(tiles, id, { w: Math.max(1, tile.w + dx), h: Math.max(1, tile.h + dy) });
    if (this.isNarrow) {
      const order = inOrder(tiles);
      const other = order[order.indexOf(tile) + dy + dx];
      return other ? swapped(tiles, id, other.id) : tiles;
    }
    if (dx) return arranged(tiles, id, { x: tile.x + dx });
    return this._passed(tiles, tile, dy);
  }

  // Up and down go past the next tile, as a step of one row would only be undone by those that move up.
  /** @param {Tile[]} tiles @param {Tile} tile @param {number} dy */
  _passed(tiles, tile, dy) {
    for (let by = dy; Math.abs(by) <= 200 && tile.y + by >= 0; by += dy) {
      const found = arranged(tiles, tile.id, { y: tile.y + by });
      if (found.some((each) => each.id === tile.id && each.y !== tile.y)) return found;
    }
    return tiles;
  }

  _sizes() {
    const style = getComputedStyle(this.grid);
    const gapPx = parseFloat(style.columnGap) || 0;
    return { columnPx: (this.grid.clientWidth + gapPx) / 12, rowPx: (parseFloat(style.gridAutoRows) || 60) + (parseFloat(style.rowGap) || 0) };
  }
}

/** @param {DOMRect} box @param {number} y */
const within = (box, y) => y >= box.top && y < box.bottom;
