// A desired document as fields, each of the type that its value has: a number, a switch, a text, and JSON for lists.
//
// Owns the inputs. What they hold is given to `onChange` as a new document; one that cannot be read is told and changes nothing.

import { button, field, fill, h } from "../app/dom.js";
import { rowsOf, valueText, without, withValue } from "./documents.js";

/** @type {Record<string, any>} */
const BEGINNINGS = { number: 0, text: "", switch: false };

export class ShadowFields {
  /** @param {(document: import("./documents.js").Doc) => void} onChange */
  constructor(onChange) {
    this.onChange = onChange;
    /** @type {import("./documents.js").Doc} */
    this.document = {};
    /** @type {import("./documents.js").Doc} */
    this.reported = {};
    this.rows = h("div", { class: "shadow-fields" });
    this.error = h("p", { class: "error", role: "alert", hidden: true });
    this.element = h("div", {}, this.rows, this.error, this._adding());
  }

  /** @param {import("./documents.js").Doc} document @param {import("./documents.js").Doc} reported */
  show(document, reported) {
    this.document = document;
    this.reported = reported;
    this._fail(null);
    const rows = rowsOf(document, reported);
    fill(this.rows, rows.map((row) => this._row(row)));
    if (!rows.length) fill(this.rows, h("p", { class: "muted" }, "Nothing is desired yet. Add a value below."));
  }

  /** Whether each field holds something that can be read. */
  get isWhole() {
    return !this.rows.querySelector('[aria-invalid="true"]');
  }

  /** @param {import("./documents.js").Doc} document */
  _change(document) {
    this.document = document;
    this.onChange(document);
  }

  /** @param {import("./documents.js").Row} row */
  _row({ path, desired, reported }) {
    const name = path.join(" › ");
    const hint = reported === undefined ? "not reported" : `reported: ${valueText(reported)}`;
    if (desired === undefined) {
      const take = button("Desire this", () => this._reshow(withValue(this.document, path, reported)), { class: "outlined", "aria-label": `Desire ${name}` });
      return h("div", { class: "field-row" }, h("div", { class: "field" }, h("span", { class: "field-name" }, name), h("span", { class: "hint" }, hint)), take);
    }
    const input = this._input(path, desired);
    const drop = button("×", () => this._reshow(without(this.document, path)), { class: "quiet", "aria-label": `Desire ${name} no longer`, title: "Desire this no longer" });
    return h("div", { class: "field-row" }, field(name, input, hint), drop);
  }

  /** @param {string[]} path @param {any} value */
  _input(path, value) {
    const take = (/** @type {any} */ next) => {
      input.setAttribute("aria-invalid", String(next === undefined));
      if (next !== undefined) this._change(withValue(this.document, path, next));
    };
    /** @type {HTMLInputElement} */
    const input = inputOf(value, () => take(read(input, value)));
    return input;
  }

  // A field has come or gone; the focus goes to the first, as the one that had it is no more.
  /** @param {import("./documents.js").Doc} document */
  _reshow(document) {
    this._change(document);
    this.show(document, this.reported);
    this.rows.querySelector("input")?.focus();
  }

  _adding() {
    const name = h("input", { autocomplete: "off", spellcheck: "false", placeholder: "interval_s or lamp.colour" });
    const type = h("select", {}, ...Object.keys(BEGINNINGS).map((each) => h("option", { value: each }, each)));
    const add = () => {
      const path = name.value.split(".").map((each) => each.trim());
      if (path.some((each) => !each)) {
        this._fail("Say what it is called; a point leads into an object.");
        name.focus();
        return;
      }
      this._reshow(withValue(this.document, path, BEGINNINGS[type.value]));
      this._fail(null);
      name.value = "";
    };
    return h("div", { class: "field-row adding" }, field("Another value", name), field("Type", type), button("Add", add, { class: "outlined" }));
  }

  /** @param {string | null} text */
  _fail(text) {
    fill(this.error, text);
    this.error.hidden = text === null;
  }
}

/** @param {any} value @param {() => void} input */
function inputOf(value, input) {
  if (typeof value === "boolean") return h("input", { type: "checkbox", class: "switch", checked: value, on: { change: input } });
  const type = typeof value === "number" ? { type: "number", step: "any" } : { type: "text", spellcheck: "false", autocomplete: "off" };
  return h("input", { ...type, value: valueText(value), on: { input } });
}

/** What an input holds, of the type that the value had; undefined: it cannot be read. @param {HTMLInputElement} input @param {any} value */
function read(input, value) {
  if (typeof value === "boolean") return input.checked;
  if (typeof value === "string") return input.value;
  if (typeof value === "number") return input.value === "" || input.validity.badInput ? undefined : Number(input.value);
  try {
    return JSON.parse(input.value) ?? undefined;
  } catch {
    return undefined;
  }
}
