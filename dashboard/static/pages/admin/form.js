// What the pages of the administration ask and show in dialogs: forms whose errors stand beside their field, typed confirmations, and
// secrets that are shown once.
//
// Owns nothing after a dialog is closed: a secret is in its element alone, which goes with the dialog.

import { ApiError } from "../../app/api.js";
import { button, field, h, say } from "../../app/dom.js";
import { askForm, openDialog } from "../../app/dialog.js";

/**
 * A field of a form and the codes of the refusals that are about it.
 * @typedef {{element: HTMLElement, input: any, codes: string[], fail: (text: string) => void}} Asked
 */

/** A refusal that the page itself knows of, at a field. */
export class WrongField extends Error {
  /** @param {Asked} at @param {string} message */
  constructor(at, message) {
    super(message);
    this.at = at;
  }
}

/**
 * A field with room for what is wrong with it.
 * @param {string} label @param {HTMLElement} input @param {{hint?: string, codes?: string[]}} [more]
 * @returns {Asked}
 */
export function asked(label, input, more = {}) {
  const { hint = "", codes = [] } = more;
  const element = field(label, input, hint);
  const error = h("p", { class: "error field-error", role: "alert", hidden: true, id: `${input.id}-error` });
  element.append(error);
  const described = input.getAttribute("aria-describedby") ?? "";
  const fail = (/** @type {string} */ text) => {
    say(error, text);
    error.hidden = text === "";
    if (text) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
    input.setAttribute("aria-describedby", `${described} ${text ? error.id : ""}`.trim());
    if (text) input.focus();
  };
  input.addEventListener("input", () => fail(""));
  return { element, input, codes, fail };
}

/**
 * Ask a form. What the hub refuses is shown beside the field it is about, else below all of them.
 * @param {string} title @param {(Asked | Node | null)[]} parts @param {string} action
 * @param {(dialog: HTMLDialogElement) => Promise<unknown>} send @param {boolean} [isDanger]
 */
export function ask(title, parts, action, send, isDanger = false) {
  const fields = /** @type {Asked[]} */ (parts.filter((each) => each !== null && "input" in each));
  const guarded = async (/** @type {HTMLDialogElement} */ dialog) => {
    for (const each of fields) each.fail("");
    try {
      return await send(dialog);
    } catch (error) {
      const at = error instanceof WrongField ? error.at : fields.find(({ codes }) => error instanceof ApiError && codes.includes(error.code));
      if (!at) throw error;
      at.fail(error instanceof ApiError ? error.text : error.message);
      return true;
    }
  };
  const shown = parts.map((each) => (each !== null && "input" in each ? each.element : each));
  const opened = askForm(title, shown, action, guarded, isDanger);
  opened.form.classList.add("admin-form");
  (fields[0]?.input ?? opened.form.querySelector("button"))?.focus();
  return opened;
}

/**
 * Ask for a word to be typed before what cannot be undone is done.
 * @param {string} title @param {import("../../app/dom.js").Child[]} text @param {string} word @param {string} action
 * @param {() => Promise<unknown>} send @param {(Node | null)[]} [more]
 */
export function confirmTyped(title, text, word, action, send, more = []) {
  const typed = asked(`Type ${word} to go on`, h("input", { autocomplete: "off", spellcheck: "false" }));
  const check = async () => {
    if (typed.input.value.trim() !== word) throw new WrongField(typed, `This is not ${word}.`);
    return send();
  };
  return ask(title, [h("p", {}, ...text), ...more, typed], action, check, true);
}

/**
 * Show a secret, this once. The dialog is closed by its button or Escape, not by a click beside it.
 * @param {string} title @param {string} name what it is @param {string} secret @param {...import("../../app/dom.js").Child} more
 */
export function showSecret(title, name, secret, ...more) {
  const note = h("p", { class: "note" }, "It is shown this once: the hub keeps no copy that could be read. Put it where it is needed now.");
  const { dialog, body } = openDialog(title, note, copied(name, secret), ...more);
  dialog.classList.add("secret-dialog");
  dialog.addEventListener("mousedown", (event) => event.target === dialog && event.stopImmediatePropagation(), { capture: true });
  dialog.addEventListener("close", () => body.replaceChildren()); // nothing that still knows the dialog has it
  return { dialog, body };
}

/**
 * A text with a button that copies it.
 * @param {string} name @param {string} text
 */
export function copied(name, text) {
  const code = h("code", {}, text);
  const copy = button("Copy", () => copyOf(code, copy), { class: "quiet copy", "aria-label": `Copy ${name}` });
  return h("div", { class: "copied" }, h("pre", { tabindex: "0", "aria-label": name }, code), copy);
}

/** @param {HTMLElement} code @param {HTMLElement} told */
async function copyOf(code, told) {
  try {
    await navigator.clipboard.writeText(code.textContent ?? "");
    say(told, "Copied");
  } catch {
    getSelection()?.selectAllChildren(code); // a page over plain http may not copy
    say(told, "Selected: copy it");
  }
}

/**
 * A choice.
 * @param {[string, string][]} options value and text @param {string} [value] @param {Record<string, any>} [props]
 */
export function choice(options, value = options[0][0], props = {}) {
  return h("select", props, options.map(([each, text]) => h("option", { value: each, selected: each === value }, text)));
}

/**
 * What a person typed as tags: by commas or semicolons.
 * @param {string} text
 */
export const tagsIn = (text) => text.split(/[;,]/).map((tag) => tag.trim()).filter(Boolean);
