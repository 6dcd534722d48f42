// The choice of time above the charts: ranges that follow the present, a range of one's own, and buttons to zoom, move and go back to live.
//
// Owns its elements; what is chosen is called out.

import { ApiError } from "../app/api.js";
import { askForm } from "../app/dialog.js";
import { button, field, fill, h, say } from "../app/dom.js";
import { utcText } from "../app/times.js";
import { RANGES, short } from "./span.js";
import { moment } from "./ticks.js";

const STEP = 0.5; // of what is seen

/**
 * @typedef {{range: (range: import("./span.js").Range) => void, own: (fromUs: number, toUs: number) => void,
 *   seen: () => import("./span.js").Stretch} & import("./gestures.js").Actions} Choices
 */

export class RangeBar {
  /** @param {HTMLElement} fieldset @param {Choices} choices */
  constructor(fieldset, choices) {
    this.fieldset = fieldset;
    this.choices = choices;
    const input = (/** @type {import("./span.js").Range} */ each) => (
      h("label", {}, h("input", { type: "radio", name: "range", value: short(each), on: { change: () => choices.range(each) } }), h("span", {}, each.name))
    );
    fill(fieldset, fieldset.firstElementChild, RANGES.map(input));
    this.label = h("span", { class: "range-label" });
    this.live = button("Back to live", () => choices.live(), { class: "primary", hidden: true });
    const tool = (/** @type {string} */ sign, /** @type {string} */ name, /** @type {() => void} */ click) => button(sign, click, { class: "quiet", "aria-label": name, title: name });
    const tools = h("div", { class: "range-tools", role: "group", "aria-label": "Move in time" },
      this.label, this.live,
      tool("‹", "Earlier", () => choices.pan(-STEP)), tool("−", "Zoom out", () => choices.zoom(2)), tool("+", "Zoom in", () => choices.zoom(0.5)), tool("›", "Later", () => choices.pan(STEP)),
      button("From – to …", () => this._ask()),
    );
    const both = h("div", { class: "range-bar" });
    fieldset.replaceWith(both);
    both.append(fieldset, tools);
  }

  /** Show what is chosen. @param {import("./span.js").Shown} shown @param {boolean} isLoading */
  show({ range, past }, isLoading) {
    for (const input of this.fieldset.querySelectorAll("input")) input.checked = past === null && input.value === short(range);
    this.live.hidden = past === null;
    const spanUs = past === null ? 0 : past.toUs - past.fromUs;
    say(this.label, past === null ? "" : `${moment(past.fromUs, spanUs)} – ${moment(past.toUs, spanUs)}`);
    this.label.title = past === null ? "" : `${utcText(past.fromUs)} – ${utcText(past.toUs)}`;
    this.label.classList.toggle("is-loading", isLoading);
  }

  _ask() {
    const { fromUs, toUs } = this.choices.seen();
    const input = (/** @type {number} */ us) => h("input", { type: "datetime-local", step: "1", value: localText(us) });
    const [from, to] = [input(fromUs), input(toUs)];
    askForm("Show a range of time", [field("From", from), field("To", to, "Times are of this computer's clock")], "Show", async () => {
      const [fromMs, toMs] = [Date.parse(from.value), Date.parse(to.value)];
      if (Number.isNaN(fromMs) || Number.isNaN(toMs)) throw new ApiError("Both times are needed", {});
      if (fromMs >= toMs) throw new ApiError("The first time must be before the second", {});
      this.choices.own(fromMs * 1000, toMs * 1000);
    });
  }
}

/** A time as an input for local times wants it. @param {number} us */
const localText = (us) => new Date(us / 1000 - new Date(us / 1000).getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
