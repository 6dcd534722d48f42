// A desired document while somebody edits it: as fields or as JSON, saved in the place of the version that was read.
//
// Owns the draft. Where somebody else was first, both versions are shown and the person chooses; nothing is overwritten unseen.

import { ApiError, get, put, textOf } from "../app/api.js";
import { button, field, fill, h } from "../app/dom.js";
import { moment } from "../app/times.js";
import { documentIn, isSame, rowsOf, valueText } from "./documents.js";
import { ShadowFields } from "./shadow_fields.js";

export class ShadowEditor {
  /** @param {{onEnd: () => void, onSaved: (shadow: any) => void}} calls */
  constructor({ onEnd, onSaved }) {
    this.onEnd = onEnd;
    this.onSaved = onSaved;
    this.device = "";
    this.version = 0; // of the desired document that the draft began with
    /** @type {import("./documents.js").Doc} */
    this.draft = {};
    /** @type {any} */
    this.shadow = null;
    this.fields = new ShadowFields((document) => { this.draft = document; });
    this.text = h("textarea", { class: "code", rows: 14, spellcheck: "false", on: { input: () => this._readText() } });
    this.json = h("div", { hidden: true }, field("The desired document as JSON", this.text));
    this.error = h("p", { class: "error", role: "alert", hidden: true });
    this.conflict = h("div", { class: "conflict", role: "alert", hidden: true });
    this.save = h("button", { type: "submit", class: "primary" }, "Save");
    this.how = button("Edit as JSON", () => this._switch(), { class: "outlined" });
    const submit = (/** @type {Event} */ event) => {
      event.preventDefault();
      this._save(this.version);
    };
    const actions = h("div", { class: "actions" }, this.save, this.how, button("Cancel", onEnd, { class: "outlined" }));
    this.element = h("form", { class: "shadow-editor", novalidate: true, on: { submit } }, this.conflict, this.fields.element, this.json, this.error, actions);
  }

  /** Begin with a shadow. @param {any} shadow */
  begin(shadow) {
    this.shadow = shadow;
    this.device = shadow.device;
    this.version = shadow.desired.version;
    this.draft = shadow.desired.document;
    this.json.hidden = true;
    this.fields.element.hidden = false;
    fill(this.how, "Edit as JSON");
    this.conflict.hidden = true;
    this._fail(null);
    this.fields.show(this.draft, shadow.reported.document);
  }

  _switch() {
    const isToText = this.json.hidden;
    if (!isToText && !this._readText()) return this.text.focus();
    if (isToText) this.text.value = JSON.stringify(this.draft, null, 2);
    else this.fields.show(this.draft, this.shadow.reported.document);
    this.json.hidden = !isToText;
    this.fields.element.hidden = isToText;
    fill(this.how, isToText ? "Edit as fields" : "Edit as JSON");
    if (isToText) this.text.focus();
  }

  /** Take what was written as JSON; tells whether it could be read. */
  _readText() {
    const { document, problem } = documentIn(this.text.value);
    this.text.setAttribute("aria-invalid", String(document === null));
    this._fail(problem || null);
    if (document !== null) this.draft = document;
    return document !== null;
  }

  /** @param {number} version which the draft is to take the place of */
  async _save(version) {
    if (!this.json.hidden && !this._readText()) return this.text.focus();
    if (this.json.hidden && !this.fields.isWhole) return this._fail("A field holds nothing that can be read; it is marked");
    this._fail(null);
    this.save.disabled = true;
    try {
      const shadow = await put(`${this._path}/desired`, { version, document: this.draft });
      this.onSaved(shadow);
      this.onEnd();
    } catch (error) {
      if (error instanceof ApiError && error.code === "conflict") await this._showConflict();
      else this._fail(textOf(error));
    }
    this.save.disabled = false;
  }

  get _path() {
    return `devices/${encodeURIComponent(this.device)}/shadow`;
  }

  async _showConflict() {
    try {
      const shadow = await get(this._path);
      this.onSaved(shadow);
      fill(this.conflict, ...this._sides(shadow));
      this.conflict.hidden = false;
      this.conflict.querySelector("button")?.focus();
    } catch (error) {
      this._fail(textOf(error));
    }
  }

  /** @param {any} shadow as it is now */
  _sides(shadow) {
    const { desired } = shadow;
    const rows = rowsOf(this.draft, desired.document).map((row) => {
      const isApart = !isSame(row.desired, row.reported);
      return h("tr", { data: { apart: isApart } }, h("th", { scope: "row" }, row.path.join(" › ")), h("td", {}, valueText(row.desired)), h("td", {}, valueText(row.reported)));
    });
    const head = h("thead", {}, h("tr", {}, ["", "Yours", "Theirs"].map((name) => h("th", { scope: "col" }, name))));
    return [
      h("p", {}, h("strong", {}, `${desired.by || "Somebody"} changed it first`), ", ", moment(desired.at_us), ". Which one is to hold?"),
      h("div", { class: "table-frame" }, h("table", { class: "tiers shadow-table" }, head, h("tbody", {}, rows))),
      h("div", { class: "actions" }, button("Keep theirs", () => this.onEnd(), { class: "outlined" }), button("Put mine in its place", () => this._save(desired.version), { class: "outlined" }), button("Go on with theirs", () => this.begin(shadow), { class: "outlined" })),
    ];
  }

  /** @param {string | null} text */
  _fail(text) {
    fill(this.error, text);
    this.error.hidden = text === null;
  }
}
