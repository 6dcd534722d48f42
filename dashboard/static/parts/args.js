// The arguments of a command in a form: a field for each that is declared, with its limits, checked before anything is kept or sent.

import { ApiError } from "../app/api.js";
import { field, h } from "../app/dom.js";
import { symbol } from "../app/units.js";

/** @typedef {{type: string, min?: number, max?: number, unit?: string, default?: any}} Rule */

/**
 * The fields of what a command declares, filled with what is known. `read` throws an ApiError.
 * @param {Record<string, Rule>} declared @param {Record<string, any>} known
 * @returns {{elements: HTMLElement[], read: () => Record<string, any>}}
 */
export function argFields(declared, known) {
  const rows = Object.entries(declared).map(([name, rule]) => {
    const value = (Object.hasOwn(known, name) ? known[name] : null) ?? rule.default;
    const isBool = rule.type === "bool";
    const input = isBool ? h("input", { type: "checkbox", checked: value === true })
      : h("input", { type: rule.type === "text" ? "text" : "number", step: rule.type === "integer" ? "1" : "any", min: rule.min, max: rule.max, value: value ?? "", autocomplete: "off" });
    const label = labelOf(name, rule);
    return { name, rule, label, input, element: isBool ? h("label", { class: "tile-check" }, input, h("span", {}, label)) : field(label, input, limitsOf(rule)) };
  });
  const read = () => {
    /** @type {Record<string, any>} */
    const args = Object.create(null); // one may be called __proto__
    for (const { name, rule, label, input } of rows) {
      if (rule.type === "bool") args[name] = input.checked;
      else if (rule.type === "text") {
        if (input.value !== "") args[name] = input.value;
      } else {
        const problem = input.validity.badInput ? "this is no number" : problemOf(input.value, rule);
        input.setAttribute("aria-invalid", String(problem !== null));
        if (problem !== null) {
          input.focus();
          throw new ApiError(`${label}: ${problem}.`, {});
        }
        if (input.value !== "") args[name] = Number(input.value);
      }
    }
    return args;
  };
  return { elements: rows.map((row) => row.element), read };
}

/** A name as people read it. @param {string} name */
export const wordOf = (name) => name.replaceAll("_", " ");

/** What an argument is called: its unit stands beside its limits. @param {string} name @param {Rule} rule */
const labelOf = (name, rule) => wordOf(rule.unit && name.endsWith(`_${rule.unit}`) ? name.slice(0, -rule.unit.length - 1) : name);

/** What is wrong with a number that was typed; null: nothing. @param {string} text @param {Rule} rule */
export function problemOf(text, rule) {
  if (text === "") return rule.default === undefined ? "a number is needed" : null;
  const value = Number(text);
  if (!Number.isFinite(value)) return "this is no number";
  if (rule.type === "integer" && !Number.isInteger(value)) return "a whole number is needed";
  return value < (rule.min ?? -Infinity) || value > (rule.max ?? Infinity) ? `must be ${limitsOf(rule)}` : null;
}

/** @param {Rule} rule */
export function limitsOf(rule) {
  const unit = rule.unit ? ` ${symbol(rule.unit)}` : "";
  if (rule.min !== undefined && rule.max !== undefined) return `${rule.min} to ${rule.max}${unit}`;
  if (rule.min !== undefined) return `at least ${rule.min}${unit}`;
  return rule.max !== undefined ? `at most ${rule.max}${unit}` : unit.trim();
}
