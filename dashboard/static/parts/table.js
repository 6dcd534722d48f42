// A table of rows that a person sorts, pages through and chooses from; on a phone each row is a block of its own.
//
// Owns what it is sorted by, which page of it is shown and which rows are chosen; whoever has the rows gives them whole, as often as they
// change. A cell that looks as it did stays the same element, so that nobody loses their place in a live table.

import { button, fill, h, keyed, say } from "../app/dom.js";
import { count } from "../app/units.js";

const PAGE = 50;

/**
 * A column: `cell` makes what is shown, `by` says what it is sorted by (none: it cannot be).
 * @typedef {{name: string, label: string, cell: (row: any) => import("../app/dom.js").Child | import("../app/dom.js").Child[],
 *   by?: (row: any) => string | number | boolean | null | undefined, isNumber?: boolean, isHidden?: boolean}} Column
 *
 * `label` names the table; `key` tells rows apart; `empty` is said where there is none; `sort` is a column, `-column` for downwards; with
 * `chooses` rows have a box, and it names one for a reader; `onMove` is told of another sorting or page, `onChosen` of other chosen rows.
 * @typedef {{label: string, columns: Column[], key: (row: any) => string, empty: string, sort?: string, pageSize?: number,
 *   chooses?: ((row: any) => string) | null, onMove?: (place: {sort: string | null, page: number | null}) => void, onChosen?: () => void}} Made
 */

export class Table {
  /** @param {Made} made */
  constructor(made) {
    this.made = made;
    this.columns = made.columns;
    this.pageSize = made.pageSize ?? PAGE;
    /** @type {any[]} */
    this.rows = [];
    /** @type {Set<string>} */
    this.chosen = new Set();
    this.sort = made.sort ?? "";
    this.page = 1;
    const { label, chooses } = made;
    this.all = h("input", { type: "checkbox", "aria-label": "Choose all on this page", on: { change: () => this._chooseAll() } });
    this.heads = this.columns.map((column) => this._head(column));
    const box = chooses ? h("th", { class: "row-choice", scope: "col", role: "columnheader" }, this.all) : null;
    this.body = h("tbody", { role: "rowgroup" });
    const head = h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, box, this.heads));
    this.table = h("table", { class: "rows", role: "table", "aria-label": label }, head, this.body);
    this.empty = h("p", { class: "empty-note", hidden: true });
    this.where = h("span", { class: "muted", role: "status" });
    this.before = button("Previous", () => this._turn(-1));
    this.next = button("Next", () => this._turn(1));
    this.pager = h("div", { class: "pager" }, this.where, this.before, this.next);
    this.sorts = this._sorter();
    const narrow = h("div", { class: "narrow-sort", hidden: !this.columns.some((column) => column.by) }, this.sorts);
    /** @type {any[]} */
    this.shown = [];
    this.element = h("div", { class: "table-part" }, narrow, h("div", { class: "card rows-frame" }, this.table), this.empty, this.pager);
    this._rows = keyed(this.body, this.made.key, (row) => this._row(row));
  }

  /**
   * Take what the address says.
   * @param {Record<string, string>} query
   */
  go(query) {
    this.sort = query.sort ?? this.made.sort ?? "";
    this.page = Math.max(1, Number.parseInt(query.page ?? "1", 10) || 1);
    this._show();
  }

  /**
   * Show these rows.
   * @param {any[]} rows
   */
  show(rows) {
    this.rows = rows;
    const keys = new Set(rows.map(this.made.key));
    const gone = [...this.chosen].filter((key) => !keys.has(key));
    for (const key of gone) this.chosen.delete(key);
    this._show();
    if (gone.length) this.made.onChosen?.();
  }

  /**
   * Choose these and no others.
   * @param {string[]} keys
   */
  choose(keys) {
    this.chosen = new Set(keys);
    this._show();
    this.made.onChosen?.();
  }

  /** @param {Column} column */
  _head(column) {
    const props = { scope: "col", role: "columnheader", class: column.isNumber ? "number" : "", data: { column: column.name } };
    if (column.isHidden) return h("th", props, h("span", { class: "visually-hidden" }, column.label));
    return h("th", props, column.by ? button(column.label, () => this._sortBy(column.name), { class: "rows-sorter" }) : column.label);
  }

  // Without heads, on a phone, it is sorted by this.
  _sorter() {
    const ways = this.columns.filter((column) => column.by).flatMap(({ name, label }) => [[name, `${label} ↑`], [`-${name}`, `${label} ↓`]]);
    const change = () => this._move(sorts.value, 1);
    const sorts = h("select", { "aria-label": "Sort by", on: { change } }, ways.map(([value, text]) => h("option", { value }, text)));
    return sorts;
  }

  /** @param {any} first */
  _row(first) {
    const { chooses, key } = this.made;
    const box = h("input", { type: "checkbox", on: { change: () => this._choose(key(first), box.checked) } });
    const cells = this.columns.map(({ label, isNumber, isHidden }) => {
      return h("td", { role: "cell", class: isNumber ? "number" : "", data: { label: isHidden ? "" : label } }, h("div", {}));
    });
    const element = h("tr", { role: "row" }, chooses ? h("td", { role: "cell", class: "row-choice" }, box) : null, cells);
    const show = (/** @type {any} */ row) => {
      if (chooses) box.setAttribute("aria-label", `Choose ${chooses(row)}`);
      box.checked = this.chosen.has(key(row));
      element.classList.toggle("is-chosen", box.checked);
      cells.forEach((cell, at) => {
        const fresh = h("div", {}, this.columns[at].cell(row));
        if (!cell.firstElementChild?.isEqualNode(fresh)) fill(cell, fresh);
        cell.classList.toggle("is-empty", fresh.textContent === "");
      });
    };
    return { element, show };
  }

  _show() {
    const { rows, pageSize, sort } = this;
    const name = sort.replace(/^-/, "");
    const column = this.columns.find((each) => each.name === name);
    const sorted = column?.by ? sortedBy(rows, column.by, sort.startsWith("-")) : rows;
    const pages = Math.max(1, Math.ceil(rows.length / pageSize));
    const page = Math.min(this.page, pages);
    const from = (page - 1) * pageSize;
    this.shown = sorted.slice(from, from + pageSize);
    this._rows(this.shown);
    for (const head of this.heads) {
      if (head.dataset.column === name && column?.by) head.setAttribute("aria-sort", sort.startsWith("-") ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
    this.sorts.value = sort;
    this.table.parentElement?.toggleAttribute("hidden", rows.length === 0);
    this.empty.hidden = rows.length > 0;
    say(this.empty, this.made.empty);
    this.pager.hidden = pages === 1;
    say(this.where, `${count(from + 1)} to ${count(from + this.shown.length)} of ${count(rows.length)}`);
    this.before.disabled = page === 1;
    this.next.disabled = page === pages;
    const keys = this.shown.map(this.made.key);
    this.all.checked = keys.length > 0 && keys.every((key) => this.chosen.has(key));
    this.all.indeterminate = !this.all.checked && keys.some((key) => this.chosen.has(key));
  }

  /** @param {string} name */
  _sortBy(name) {
    this._move(this.sort === name ? `-${name}` : name, 1);
  }

  /** @param {number} by */
  _turn(by) {
    const pages = Math.max(1, Math.ceil(this.rows.length / this.pageSize));
    this._move(this.sort, Math.max(1, Math.min(pages, Math.min(this.page, pages) + by)));
  }

  /** @param {string} sort @param {number} page */
  _move(sort, page) {
    Object.assign(this, { sort, page });
    this._show();
    this.made.onMove?.({ sort: sort === (this.made.sort ?? "") ? null : sort, page: page === 1 ? null : page });
  }

  _chooseAll() {
    for (const row of this.shown) this.chosen[this.all.checked ? "add" : "delete"](this.made.key(row));
    this._show();
    this.made.onChosen?.();
  }

  /** @param {string} key @param {boolean} isChosen */
  _choose(key, isChosen) {
    this.chosen[isChosen ? "add" : "delete"](key);
    this._show();
    this.made.onChosen?.();
  }
}

const collator = new Intl.Collator("en", { numeric: true });

/**
 * Rows in the order of what `by` says of them; those of which it says nothing stand last, whichever way.
 * @param {any[]} rows @param {(row: any) => any} by @param {boolean} isDown
 */
export function sortedBy(rows, by, isDown) {
  const isNone = (/** @type {any} */ value) => value === null || value === undefined || value === "";
  const found = rows.map((row) => ({ row, value: by(row) }));
  found.sort((a, b) => {
    if (isNone(a.value) || isNone(b.value)) return Number(isNone(a.value)) - Number(isNone(b.value));
    const order = typeof a.value === "string" ? collator.compare(a.value, b.value) : Number(a.value) - Number(b.value);
    return isDown ? -order : order;
  });
  return found.map(({ row }) => row);
}
