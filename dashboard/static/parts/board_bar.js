// What stands above the tiles of a dashboard: its title, variables, range, and what can be done with it.
//
// Owns these controls; what they lead to is given to it as calls.

import { button, fill, h, say } from "../app/dom.js";
import { linkTo } from "../app/router.js";
import { RangeBar } from "../charts/rangebar.js";
import { RANGES, short } from "../charts/span.js";

/** @typedef {import("./board_rules.js").Variable} Variable */
/**
 * @typedef {{shown: import("./board_rules.js").Board, context: {values: Variable[], range: {name: string}, past: import("../charts/span.js").Stretch | null, isEditing: boolean},
 *   saved: {version: number, at_us: number, by: string}, isChanged: boolean, mayEdit: boolean, devices: Record<string, any>[]}} State
 */
/** @typedef {Record<"add" | "settings" | "edit" | "save" | "discard" | "versions" | "exported" | "copy" | "share" | "remove" | "wall", () => void>} Deeds */
/** @typedef {Deeds & import("../charts/rangebar.js").Choices & {value: (name: string, value: string) => void}} Calls */

const MOST_TAGS = 500;

export class BoardBar {
  /** @param {import("../app/main.js").App} app @param {Calls} calls */
  constructor(app, calls) {
    this.app = app;
    this.calls = calls;
    this.title = h("h1", {});
    this.facts = h("p", { class: "facts" });
    this.variables = h("div", { class: "board-values" });
    const ranges = h("fieldset", { class: "segments" }, h("legend", { class: "visually-hidden" }, "Time range"));
    const time = h("div", { class: "board-time" }, ranges);
    this.range = new RangeBar(ranges, calls);
    this.actions = h("div", { class: "board-actions", role: "group", "aria-label": "This dashboard" });
    const back = h("a", { class: "board-back", href: linkTo(["dashboards"]) }, "Dashboards");
    this.element = h("div", { class: "board-bar" },
      h("div", { class: "view-head" }, h("div", {}, back, this.title, this.facts), this.actions),
      h("div", { class: "board-controls" }, this.variables, time));
    this.save = button("Save", () => calls.save(), { class: "primary board-save" });
    const wall = button("Full screen", () => calls.wall());
    const versions = button("Versions", () => calls.versions());
    const exported = button("Export", () => calls.exported());
    const copy = button("Copy", () => calls.copy());
    const share = button("Share", () => calls.share());
    this._viewing = [wall, versions, exported];
    this._operating = [button("Edit", () => calls.edit(), { class: "quiet board-edit" }), wall, share, versions, exported, copy, button("Delete", () => calls.remove())];
    this._editing = [button("Add a tile", () => calls.add(), { class: "quiet board-edit" }), button("Title and variables", () => calls.settings()), button("Discard", () => calls.discard()), this.save];
    this._key = ""; // of the variables as they are shown
    this._shown = "";
    this._tags = h("datalist", { id: "board-tags" });
  }

  /** @param {State} state */
  show(state) {
    const { shown, context, isChanged, mayEdit } = state;
    say(this.title, shown.title);
    say(this.facts, context.isEditing ? (isChanged ? "Changed, not saved yet" : "Nothing changed yet") : `Version ${state.saved.version}, by ${state.saved.by}`);
    this.range.show({ range: RANGES.find((each) => short(each) === context.range.name) ?? RANGES[0], past: context.past }, false);
    const actions = context.isEditing ? this._editing : mayEdit ? this._operating : this._viewing;
    if (this.actions.firstChild !== actions[0] || this.actions.childElementCount !== actions.length) fill(this.actions, ...actions);
    this._values(context.values, state.devices);
  }

  /** @param {boolean} isBusy what is sent has not been answered yet */
  busy(isBusy) {
    this.save.disabled = isBusy;
  }

  // Made anew where variables, their values or the devices are others: never while somebody types into one.
  /** @param {Variable[]} values @param {Record<string, any>[]} devices */
  _values(values, devices) {
    const key = JSON.stringify([values, values.length ? devices.map((each) => [each.device, each.title, each.tags]) : []]);
    const isTypedInto = this.variables.contains(document.activeElement) && JSON.stringify(values) === this._shown;
    if (key === this._key || isTypedInto) return;
    this._key = key;
    this._shown = JSON.stringify(values);
    this.variables.hidden = values.length === 0;
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset.variable;
    fill(this.variables, ...values.map((each) => this._value(each, devices)), this._tags);
    if (values.some((each) => each.kind === "tags")) fill(this._tags, ...tagsOf(devices).map((value) => h("option", { value })));
    for (const each of this.variables.querySelectorAll("[data-variable]")) if (/** @type {HTMLElement} */ (each).dataset.variable === focused) /** @type {HTMLElement} */ (each).focus();
  }

  /** @param {Variable} variable @param {Record<string, any>[]} devices */
  _value({ name, kind, value }, devices) {
    const change = (/** @type {Event} */ event) => this.calls.value(name, /** @type {HTMLInputElement} */ (event.target).value.trim());
    if (kind === "tags") {
      const input = h("input", { type: "text", value, placeholder: "all devices", list: "board-tags", spellcheck: "false", autocomplete: "off", maxlength: 1_024, "aria-label": name, data: { variable: name }, on: { change } });
      return h("label", {}, h("span", {}, name), input);
    }
    const known = devices.some((each) => each.device === value);
    const options = [h("option", { value: "" }, "Choose …"), ...devices.map((each) => h("option", { value: each.device }, each.title ?? each.device)), value && !known && h("option", { value }, `${value} (no such device)`)];
    const select = h("select", { "aria-label": name, data: { variable: name }, on: { change } });
    fill(select, options);
    select.value = value;
    return h("label", {}, h("span", {}, name), select);
  }
}

/** @param {Record<string, any>[]} devices @returns {string[]} */
const tagsOf = (devices) => [...new Set(devices.flatMap((each) => each.tags ?? []))].sort().slice(0, MOST_TAGS);
