// How this person wants to see things: the dialog of units. What is chosen is kept in this browser and shown at once.
//
// Owns the dialog; conversion.js has the choices.

import { CHOICES, choiceOf, choose } from "../app/conversion.js";
import { openDialog } from "../app/dialog.js";
import { field, h } from "../app/dom.js";
import { symbol } from "../app/units.js";

/** Open the dialog; `onChange()` is called with each choice. @param {() => void} onChange */
export function openDisplay(onChange) {
  const fields = Object.entries(CHOICES).map(([quantity, units]) => {
    const option = (/** @type {string} */ unit, /** @type {string} */ text) => h("option", { value: unit, selected: unit === choiceOf(quantity) }, text);
    const select = h("select", { on: { change: () => {
      choose(quantity, select.value);
      onChange();
    } } }, option("", "As sent"), ...units.map((unit) => option(unit, symbol(unit))));
    return field(quantity, select);
  });
  openDialog("Units", h("p", { class: "muted" }, "Charts and values are shown in these units. What is stored and exported stays as it was sent."), h("div", { class: "form" }, ...fields));
}
