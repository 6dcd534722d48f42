// The newest item of each thing that the hub tells of whole: devices, commands, alerts, shadows, dashboards. An older version of one is ignored.
//
// Owns the items; who wants to know of changes says so. Plain: no socket, no screen.

/** @typedef {Record<string, any> & {version: number, removed?: boolean}} Item */

export class Entities {
  /** @param {string} key the field that tells items apart @param {number} [limit] so many are kept, the newest */
  constructor(key, limit = Infinity) {
    this.key = key;
    this.limit = limit;
    /** @type {Map<string, Item>} */
    this.items = new Map();
    /** @type {string[] | null} names in their order; null: others are known than when they were sorted */
    this._order = null;
    this.isKnown = false; // the hub has told of all there are
    /** @type {Set<(changed: Item[]) => void>} */
    this._watchers = new Set();
  }

  /** Call `told(items)` after each change; returns how to stop it. @param {(changed: Item[]) => void} told @returns {() => void} */
  watch(told) {
    this._watchers.add(told);
    return () => this._watchers.delete(told);
  }

  /** Take what a message says. @param {Item[]} items @param {boolean} isWhole these are all there are */
  apply(items, isWhole) {
    /** @type {Item[]} */
    const changed = [];
    if (isWhole) {
      const names = new Set(items.map((item) => item[this.key]));
      for (const [name, item] of this.items) if (!names.has(name)) changed.push({ ...item, removed: true });
      for (const item of changed) this._drop(item[this.key]);
      this.isKnown = true;
    }
    for (const item of items) {
      const known = this.items.get(item[this.key]);
      if (known && known.version > item.version) continue;
      if (item.removed) this._drop(item[this.key]);
      else this._put(item);
      changed.push(item);
    }
    this._bound();
    for (const told of this._watchers) told(changed);
  }

  /** @param {string | null} name @returns {Item | null} */
  get(name) {
    return (name !== null && this.items.get(name)) || null;
  }

  /** All items, by name in the order in which people count. */
  sorted() {
    this._order ??= [...this.items.keys()].sort(collator.compare);
    return this._order.map((name) => /** @type {Item} */ (this.items.get(name)));
  }

  /** @param {Item} item */
  _put(item) {
    if (!this.items.has(item[this.key])) this._order = null;
    this.items.set(item[this.key], item);
  }

  /** @param {string} name */
  _drop(name) {
    if (this.items.delete(name)) this._order = null;
  }

  _bound() {
    if (this.items.size <= this.limit) return;
    const oldest = [...this.items.values()].sort((a, b) => a.version - b.version).slice(0, this.items.size - this.limit);
    for (const item of oldest) this._drop(item[this.key]);
  }
}

const collator = new Intl.Collator("en", { numeric: true });
