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

  /** Say what was done; `undo` is offered while it is shown. @param {string} text @param {(() => void) | null} [undo] */
  done(text, undo = null) {
    this._show(text, "done", undo);
  }

  /** Say what went wrong. @param {unknown} error an ApiError, or text */
  failed(error) {
    this._show(typeof error === "string" ? error : textOf(error), "failed", null);
  }

  /** @param {string} text @param {string} kind @param {(() => void) | null} undo */
  _show(text, kind, undo) {
    const toast = h("div", { class: "toast", role: kind === "failed" ? "alert" : "status", data: { kind } }, h("span", {}, text));
    const end = () => toast.remove();
    if (undo) toast.append(button("Undo", () => { end(); undo(); }));
    toast.append(button("×", end, { class: "quiet close", "aria-label": "Dismiss" }));
    this.root.append(toast);
    while (this.root.children.length > MOST) this.root.firstElementChild?.remove();
    let timer = setTimeout(end, SHOWN_MS);
    // Who reads or aims at it has time.
    for (const type of ["pointerenter", "focusin"]) toast.addEventListener(type, () => clearTimeout(timer));
    for (const type of ["pointerleave", "focusout"]) toast.addEventListener(type, () => { clearTimeout(timer); timer = setTimeout(end, SHOWN_MS); });
  }
}
