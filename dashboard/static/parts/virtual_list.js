// A list of any length of which only the rows in sight are in the document, for keyboards and screen readers as well.
//
// Owns which rows there are, where they stand, and which of them the Tab key leads to: one, from which the arrow keys go on; it stays in the
// document also when it is scrolled away, so that nobody loses their place. The page scrolls, not the list. Rows are used again.

const AHEAD = 6; // rows beyond both edges

/**
 * A row: `element`, `link` is what gets the focus, `show` makes it one of an item.
 * @template Item
 * @typedef {{element: HTMLElement, link: HTMLElement, show: (item: Item) => void}} Row
 */

/** @template Item */
export class VirtualList {
  /**
   * @param {HTMLElement} element with a position of its own; its rows are as high as its custom property --row says
   * @param {(item: Item) => string} keyOf
   * @param {() => Row<Item>} make
   * @param {{first: number, top: () => number}} place the aria-rowindex of the first row; how much of the screen's top is covered
   */
  constructor(element, keyOf, make, place) {
    this.element = element;
    this.keyOf = keyOf;
    this.make = make;
    this.where = place;
    /** @type {Item[]} */
    this.items = [];
    /** @type {Map<string, Row<Item>>} */
    this.rows = new Map();
    /** @type {Row<Item>[]} */
    this._spare = [];
    /** @type {Map<string, number>} */
    this._index = new Map();
    this._active = ""; // the key of the row that Tab leads to
    this._rowPx = 0;
    element.addEventListener("keydown", (event) => this._key(event));
    element.addEventListener("focusin", (event) => this._focused(event));
  }

  /** Show these, in this order. @param {Item[]} items */
  show(items) {
    this.items = items;
    this._index = new Map(items.map((item, at) => [this.keyOf(item), at]));
    if (!this._index.has(this._active)) this._active = items.length ? this.keyOf(items[0]) : "";
    this.resized();
  }

  /** The rows may be of another height now. */
  resized() {
    this._rowPx = parseFloat(getComputedStyle(this.element).getPropertyValue("--row"));
    this.element.style.setProperty("height", `${this.items.length * this._rowPx}px`);
    this.place();
  }

  /** Have those rows in the document that are in sight. Returns the rows that were not before. */
  place() {
    const wanted = this._wanted();
    const focused = document.activeElement;
    const focusedKey = focused instanceof HTMLElement && this.element.contains(focused) ? keyAt(focused) : null;
    for (const [key, row] of this.rows) {
      if (wanted.has(key)) continue;
      row.element.remove();
      delete row.element.dataset.key;
      this.rows.delete(key);
      this._spare.push(row);
    }
    const fresh = [];
    let next = this.element.firstElementChild;
    for (const [key, at] of wanted) {
      const row = this._row(key, at, fresh);
      if (row.element === next) next = next.nextElementSibling;
      else this.element.insertBefore(row.element, next);
    }
    // What was moved within the document has lost the focus.
    if (focusedKey !== null && document.activeElement !== focused && focused instanceof HTMLElement && keyAt(focused) === focusedKey) focused.focus({ preventScroll: true });
    return fresh;
  }

  /** @returns {Map<string, number>} the keys of the rows to have, with their places, in order */
  _wanted() {
    const top = -this.element.getBoundingClientRect().top;
    const from = Math.max(0, Math.floor(top / this._rowPx) - AHEAD);
    const to = Math.min(this.items.length, Math.ceil((top + innerHeight) / this._rowPx) + AHEAD);
    const places = new Set();
    for (let at = from; at < to; at += 1) places.add(at);
    const active = this._index.get(this._active);
    if (active !== undefined) places.add(active);
    return new Map([...places].sort((a, b) => a - b).map((at) => [this.keyOf(this.items[at]), at]));
  }

  /** @param {string} key @param {number} at @param {Row<Item>[]} fresh */
  _row(key, at, fresh) {
    let row = this.rows.get(key);
    if (!row) {
      row = this._spare.pop() ?? this.make();
      this.rows.set(key, row);
      row.element.dataset.key = key;
      fresh.push(row);
    }
    row.show(this.items[at]);
    row.element.style.setProperty("transform", `translateY(${at * this._rowPx}px)`);
    row.element.setAttribute("aria-rowindex", String(at + this.where.first));
    row.link.tabIndex = key === this._active ? 0 : -1;
    return row;
  }

  /** @param {FocusEvent} event */
  _focused(event) {
    const key = keyAt(/** @type {HTMLElement} */ (event.target));
    if (key !== null && key !== this._active) this._activate(key);
  }

  /** @param {string} key */
  _activate(key) {
    const before = this.rows.get(this._active);
    if (before) before.link.tabIndex = -1;
    this._active = key;
    const row = this.rows.get(key);
    if (row) row.link.tabIndex = 0;
  }

  /** @param {KeyboardEvent} event */
  _key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const page = Math.max(1, Math.floor((innerHeight - this.where.top()) / this._rowPx) - 1);
    /** @type {Record<string, number>} */
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    const at = this._index.get(this._active);
    if (!(event.key in steps) || at === undefined) return;
    event.preventDefault();
    this._go(Math.min(this.items.length - 1, Math.max(0, at + steps[event.key])));
  }

  /** Lead the focus to a row, wherever it is. @param {number} at */
  _go(at) {
    this._activate(this.keyOf(this.items[at]));
    const listTop = this.element.getBoundingClientRect().top;
    const top = listTop + at * this._rowPx;
    const first = this.where.top();
    if (top < first) scrollBy(0, top - first);
    else if (top + this._rowPx > innerHeight) scrollBy(0, top + this._rowPx - innerHeight);
    this.place();
    this.rows.get(this._active)?.link.focus({ preventScroll: true });
  }
}

/** The key of the row that an element is in. @param {HTMLElement} element @returns {string | null} */
const keyAt = (element) => element.closest("[data-key]")?.getAttribute("data-key") ?? null;
