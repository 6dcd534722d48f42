// Dialogs: one that shows something, one that asks a form. Closed by Escape, by its button, by a click beside it; focus goes back.
//
// Owns the element while it is open.

import { textOf } from "./api.js";
import { button, fill, h } from "./dom.js";

let dialogs = 0;

/**
 * Open a dialog; returns it and its body. It is gone when it is closed.
 * @param {string} title @param {...import("./dom.js").Child} children
 */
export function openDialog(title, ...children) {
  const id = `dialog-${(dialogs += 1)}`;
  const body = h("div", { class: "dialog-body" }, ...children);
  const head = h("div", { class: "dialog-head" }, h("h2", { id }, title), button("Close", () => dialog.close(), { class: "quiet dialog-close" }));
  const dialog = h("dialog", { class: "dialog", "aria-labelledby": id }, head, body);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("mousedown", (event) => event.target === dialog && dialog.close()); // a click beside it is one on its backdrop
  document.body.append(dialog);
  dialog.showModal();
  return { dialog, body };
}

/**
 * Ask for something: `send()` is called when the form is submitted; what it throws is shown, else the dialog closes.
 * @param {string} title @param {import("./dom.js").Child[]} fields @param {string} action label of the button
 * @param {(dialog: HTMLDialogElement) => Promise<unknown>} send returns true to keep the dialog open
 * @param {boolean} [isDanger] what it does cannot be undone
 */
export function askForm(title, fields, action, send, isDanger = false) {
  const error = h("p", { class: "error", role: "alert", hidden: true });
  const submit = h("button", { type: "submit", class: isDanger ? "primary danger" : "primary" }, action);
  const form = h("form", { class: "form", novalidate: true }, ...fields, error, h("div", { class: "form-actions" }, submit));
  const { dialog, body } = openDialog(title, form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    error.hidden = submit.disabled = true;
    try {
      if ((await send(dialog)) !== true) dialog.close();
    } catch (caught) {
      fill(error, textOf(caught));
      error.hidden = false;
    }
    submit.disabled = false;
  });
  return { dialog, body, form };
}
