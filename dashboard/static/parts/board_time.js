// The time that a dashboard shows: a range that follows the present, or a stretch of the past; chosen above it, or on any of its charts.
//
// Owns no state: what is shown stands in the address. A step of many (zooming, moving) leaves none behind.

import { fitted, panned, queryOf, short, shownOf, stretchOf, zoomed } from "../charts/span.js";

export class BoardTime {
  /** @param {import("./board.js").Board} board */
  constructor(board) {
    this.board = board;
    board.grid.element.addEventListener("stretch", (event) => this._asked(/** @type {CustomEvent} */ (event).detail));
    /** What the bar above the tiles leads to. @type {import("../charts/rangebar.js").Choices} */
    this.choices = {
      range: (range) => board.go({ range: short(range), from: null, to: null }),
      own: (fromUs, toUs) => this._go({ fromUs, toUs }, false),
      select: (fromUs, toUs) => this._go(fitted({ fromUs, toUs }, this._nowUs()), false),
      pan: (share) => this._go(panned(this._seen(), share, this._nowUs()), true),
      zoom: (factor, aroundUs = this._past === null ? this._nowUs() : undefined) => this._go(zoomed(this._seen(), factor, this._nowUs(), aroundUs), true),
      live: () => this._go(null, false),
      seen: () => this._seen(),
    };
  }

  get _past() {
    return shownOf(this.board.query).past;
  }

  _nowUs() {
    return this.board.app.hub.nowUs();
  }

  _seen() {
    const { range, past } = this.board.context();
    return stretchOf({ range, past }, this._nowUs());
  }

  /** @param {import("../charts/span.js").Stretch | null} past @param {boolean} isStep */
  _go(past, isStep) {
    const { range } = this.board.context();
    const { from = null, to = null } = /** @type {Record<string, string>} */ (queryOf({ range, past }));
    this.board.go({ from, to }, isStep);
  }

  /** What a gesture on a chart asks for. @param {Record<string, number | undefined>} asked */
  _asked({ fromUs, toUs, share, factor, aroundUs }) {
    if (this.board.draft) return; // tiles are being moved
    if (fromUs !== undefined && toUs !== undefined) this.choices.select(fromUs, toUs);
    else if (share !== undefined) this.choices.pan(share);
    else if (factor !== undefined) this.choices.zoom(factor, aroundUs);
    else this.choices.live();
  }
}
