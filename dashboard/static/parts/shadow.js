// The shadow of a device: what is desired of it beside what it reports, where these differ, and whether it is in step.
//
// Owns the table, which follows the hub live; shadow_editor.js has the draft of who edits it.

import { get, textOf } from "../app/api.js";
import { button, fill, h } from "../app/dom.js";
import { moment } from "../app/times.js";
import { rowsOf, valueText } from "./documents.js";
import { ShadowEditor } from "./shadow_editor.js";

/** @param {string} device @returns {any} */
const nothing = (device) => ({ device, desired: { version: 0, document: {} }, reported: { version: 0, document: {} }, delta: {}, is_in_step: true });

export class Shadow {
  /** @param {import("../app/main.js").App} app */
  constructor({ hub }) {
    this.hub = hub;
    this.device = "";
    /** @type {any} */
    this.said = null; // what the hub answered, for who is not told live: nothing was ever desired or reported
    this.isEditing = false;
    this.editor = new ShadowEditor({ onEnd: () => this._edit(false), onSaved: (shadow) => this._saved(shadow) });
    this.status = h("p", { class: "shadow-status", role: "status" });
    this.problem = h("p", { class: "note warning", hidden: true });
    this.error = h("p", { class: "error", role: "alert", hidden: true });
    this.meanwhile = h("p", { class: "note", role: "status", hidden: true });
    this.view = h("div");
    this.edit = button("Edit what is desired", () => this._edit(true), { class: "outlined" });
    this.actions = h("div", { class: "actions" }, this.edit);
    this.editor.element.hidden = true;
    this.element = h("section", { class: "card panel-card" }, h("h2", {}, "Shadow"), this.status, this.problem, this.error, this.meanwhile, this.view, this.editor.element, this.actions);
  }

  /** @param {string} device @returns {() => void} */
  open(device) {
    if (device !== this.device) this._edit(false);
    this.device = device;
    this.said = null;
    this._show();
    this._ask();
    return this.hub.shadows.watch((changed) => changed.some((item) => item.device === device) && this._show());
  }

  show() {
    this.actions.hidden = this.isEditing || !this.hub.mayOperate || this.said?.takes_shadow === false || this.said === null;
  }

  get shadow() {
    return this.hub.shadows.get(this.device) ?? this.said ?? nothing(this.device);
  }

  // Whether its program takes a shadow at all is not told live.
  async _ask() {
    const { device } = this;
    try {
      const said = await get(`devices/${encodeURIComponent(device)}/shadow`);
      if (device !== this.device) return;
      this.said = said;
      this.error.hidden = true;
    } catch (error) {
      fill(this.error, textOf(error));
      this.error.hidden = false;
    }
    this._show();
  }

  // What the answer to a change says is told live, too; until then it stands here, and never in the place of something newer.
  /** @param {any} shadow */
  _saved(shadow) {
    const { version = 0, desired } = this.shadow;
    if (shadow.desired.version > desired.version) this.hub.shadows.apply([{ ...shadow, version }], false);
  }

  /** @param {boolean} isEditing */
  _edit(isEditing) {
    this.isEditing = isEditing;
    this.editor.element.hidden = !isEditing;
    this.view.hidden = isEditing;
    if (isEditing) {
      this.editor.begin(this.shadow);
      this.editor.element.querySelector("input")?.focus();
    }
    this._show();
    if (!isEditing && this.element.isConnected) this.edit.focus();
  }

  _show() {
    const { shadow } = this;
    const { desired, reported } = shadow;
    fill(this.status, ...(this.said === null ? ["Asking the hub …"] : statusOf(shadow, this.said.takes_shadow)));
    this.status.dataset.state = desired.version === 0 ? "none" : shadow.is_in_step ? "ok" : "behind";
    this.problem.hidden = !reported.error;
    fill(this.problem, `The device says: ${reported.error}`);
    const isOvertaken = this.isEditing && desired.version !== this.editor.version;
    this.meanwhile.hidden = !isOvertaken;
    fill(this.meanwhile, isOvertaken ? `${desired.by || "Somebody"} has changed what is desired meanwhile. When you save you see both.` : null);
    if (!this.isEditing) fill(this.view, tableOf(shadow));
    this.show();
  }
}

/** What is desired and what is reported, side by side. @param {any} shadow */
function tableOf({ desired, reported }) {
  const rows = rowsOf(desired.document, reported.document);
  if (!rows.length) return null;
  const heading = (/** @type {string} */ name, /** @type {any} */ side) => h("th", { scope: "col" }, name, side.at_us ? h("span", { class: "hint" }, " ", moment(side.at_us), side.by ? ` by ${side.by}` : null) : null);
  const head = h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Value"), heading("Desired", desired), heading("Reported", reported)));
  const body = rows.map((row) => {
    const isApart = row.state === "differs";
    const told = h("td", {}, valueText(row.reported), isApart && h("span", { class: "chip apart" }, row.reported === undefined ? "not reported" : "differs"));
    return h("tr", { data: { apart: isApart } }, h("th", { scope: "row" }, row.path.join(" › ")), h("td", {}, valueText(row.desired)), told);
  });
  const table = h("table", { class: "tiers shadow-table" }, head, h("tbody", {}, body));
  return h("div", { class: "table-frame", tabindex: "0", role: "region", "aria-label": "Desired and reported" }, table);
}

/** Whether it is in step, and since when. @param {any} shadow @param {boolean | null} takes */
function statusOf({ desired, reported, is_in_step: isInStep }, takes) {
  if (takes === false) return ["Its program takes no shadow: nothing can be desired of it. Send it commands instead."];
  if (!desired.version && !reported.at_us) return ["Nothing was ever desired of this device, and it has reported nothing. What is desired here is kept for it while it is away."];
  if (!desired.version) return ["Nothing is desired of it. It reported ", moment(reported.at_us), "."];
  if (isInStep) return ["In step: it reported what is desired, ", moment(reported.at_us), "."];
  const sinceUs = reported.version === desired.version ? reported.at_us : desired.at_us;
  const what = reported.version === desired.version ? "it goes by what is desired, and reports something else" : "it has not reported what is desired";
  return ["Not in step since ", moment(sinceUs), `: ${what}.`];
}
