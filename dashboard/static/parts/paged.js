// What the hub gives page by page, newest first: the newest page, asked for again whenever its owner wants, and older ones by a button.
//
// Owns the button, the words of an error, where the older page begins, and that one question at a time is asked: the click on the button
// goes before, and an answer to what is wanted no longer is none. What was read is its owner's.

import { textOf } from "../app/api.js";
import { button, fill, h } from "../app/dom.js";

/**
 * `ask` gets where a page begins, null for the newest; `take` what was answered, with whether it is the newest; `show` is called after each
 * answer and each error.
 * @typedef {{ask: (after: any) => Promise<any>, take: (said: any, isNewest: boolean) => void, show: () => void}} Calls
 */

export class Paged {
  /** @param {string} label of the button @param {Calls} calls */
  constructor(label, calls) {
    this.calls = calls;
    /** @type {any} where the older page begins, null: there is none */
    this.next = null;
    this.isRead = false;
    this._asked = 0;
    this._isNewest = false; // is being asked for,
    this._isOlder = false; // or an older page is,
    this._isDue = false; // and the newest is, after that
    this.error = h("p", { class: "error", role: "alert", hidden: true });
    this.more = button(label, () => this._older(), { hidden: true });
  }

  /** Forget what was asked for: it is of something else, or nobody looks any more. */
  clear() {
    this.next = null;
    this._asked += 1;
    this.isRead = this._isNewest = this._isOlder = this._isDue = false;
    this.more.disabled = false;
    this.more.hidden = this.error.hidden = true;
  }

  /** Ask for the newest page; the older ones stay where they are. */
  async newest() {
    this._isDue = this._isOlder;
    if (this._isOlder) return;
    this._isNewest = true;
    await this._page(null);
  }

  async _older() {
    if (this._isOlder) return;
    this._isDue = this._isNewest;
    this._isNewest = false;
    this._isOlder = this.more.disabled = true;
    await this._page(this.next);
  }

  /** @param {any} after */
  async _page(after) {
    const asked = (this._asked += 1);
    let failed = "";
    try {
      const said = await this.calls.ask(after);
      if (asked !== this._asked) return;
      if (after !== null || !this.isRead) this.next = said.next;
      this.isRead = true;
      this.calls.take(said, after === null);
    } catch (error) {
      if (asked !== this._asked) return;
      failed = textOf(error);
    }
    fill(this.error, failed);
    this.error.hidden = !failed;
    this.more.hidden = this.next === null;
    this._isNewest = this._isOlder = this.more.disabled = false;
    this.calls.show();
    if (this._isDue) this.newest();
  }
}
