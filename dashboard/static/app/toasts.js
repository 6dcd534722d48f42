// Short words at the bottom: what was done, with a way to undo it, or what went wrong and what to do. Owns the strip; read aloud politely.

import { textOf } from "./api.js";
import { button, h } from "./dom.js";

const SHOWN_MS = 6_000;
const MOST = 4;

export class Toasts {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
  }

  /**
   * Say what was done; `undo` is offered while it is shown, and `gone` called once it can be undone no more.
   * @param {string} text @param {(() => void) | null} [undo] @param {() => void} [gone]
   */
  done(text, undo = null, gone = () => {}) {
    this._show(text, "done", undo, gone);
  }

  /** Say what went wrong. @param {unknown} error an ApiError, or text */
  failed(error) {
    this._show(typeof error === "string" ? error : textOf(error), "failed", null, () => {});
  }

  /** @param {string} text @param {string} kind @param {(() => void) | null} undo @param {() => void} gone */
  _show(text, kind, undo, gone) {
    const toast = h("div", { class: "toast", role: kind === "failed" ? "alert" : "status", data: { kind } }, h("span", {}, text));
    let isOver = false;
    const end = () => {
      toast.remove();
      if (!isOver) gone();
      isOver = true;
    };
    toast.addEventListener("gone", end);
    if (undo) toast.append(button("Undo", () => { isOver = true; end(); undo(); }));
    toast.append(button("×", end, { class: "quiet close", "aria-label": "Dismiss" }));
    this.root.append(toast);
    while (this.root.children.length > MOST) this.root.firstElementChild?.dispatchEvent(new Event("gone"));
    let timer = setTimeout(end, SHOWN_MS);
    // Who reads or aims at it has time.
    for (const type of ["pointerenter", "focusin"]) toast.addEventListener(type, () => clearTimeout(timer));
    for (const type of ["pointerleave", "focusout"]) toast.addEventListener(type, () => { clearTimeout(timer); timer = setTimeout(end, SHOWN_MS); });
  }
}
