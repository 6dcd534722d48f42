// The form of a command, made from what the device declares: a field for each argument, with its limits, checked before it is sent.
//
// Owns the fields. Sends over HTTP; what becomes of the command comes by the live connection.

import { post, textOf } from "../app/api.js";
import { fill, h } from "../app/dom.js";
import { isConnected } from "./side.js";

const AWAY_TTL_S = 3_600; // for a device that is not connected: it may take a while to come
const TTL_S = 30;
/** @type {Record<string, string>} */
const INPUTS = { number: "number", integer: "number", bool: "checkbox", text: "text" };

/** @typedef {{type: string, min?: number, max?: number, unit?: string, default?: any}} Rule */
/** @typedef {{name: string, description?: string, args?: Record<string, Rule>}} Spec */

export class CommandForm {
  /** @param {import("../app/hub.js").Hub} hub */
  constructor(hub) {
    this.hub = hub;
    /** @type {any} */
    this.device = null;
    this._declared = "";
    /** @type {Map<string, HTMLInputElement>} */
    this._inputs = new Map();
    this.name = h("select", { id: "command-name", on: { change: () => this._showFields() } });
    this.description = h("p", { class: "muted" });
    this.fields = h("div");
    this.error = h("p", { class: "error", role: "alert", hidden: true });
    this.send = h("button", { type: "submit", class: "primary" }, "Send");
    const submit = (/** @type {Event} */ event) => {
      event.preventDefault();
      this._send();
    };
    const label = h("label", { htmlFor: "command-name" }, "Command");
    this.element = h("form", { novalidate: true, on: { submit } }, label, this.name, this.description, this.fields, this.error, this.send);
  }

  /** Offer the commands of a device. @param {any} device null for none */
  show(device) {
    /** @type {Spec[]} */
    const specs = device?.commands ?? [];
    const declared = JSON.stringify([device?.device, specs]);
    this.device = device;
    this.element.hidden = !specs.length || !this.hub.mayOperate;
    fill(this.send, device && isConnected(device) ? "Send" : "Send when the device connects");
    if (declared === this._declared) return; // what somebody has typed stays
    this._declared = declared;
    fill(this.name, specs.map((spec) => h("option", { value: spec.name }, labelOf(spec.name))));
    this._showFields();
  }

  /** Say what went wrong; null for nothing. @param {string | null} text */
  fail(text) {
    fill(this.error, text);
    this.error.hidden = text === null;
  }

  /** @returns {Spec | null} */
  get _spec() {
    return this.device?.commands?.find((/** @type {Spec} */ spec) => spec.name === this.name.value) ?? null;
  }

  _showFields() {
    const spec = this._spec;
    this.fail(null);
    fill(this.description, spec?.description);
    this.description.hidden = !spec?.description;
    const rows = Object.entries(spec?.args ?? {}).map(([name, rule]) => ({ name, ...field(name, rule) }));
    this._inputs = new Map(rows.map(({ name, input }) => [name, input]));
    fill(this.fields, rows.map(({ row }) => row));
  }

  /** What was typed; null where something of it is wrong, which is then said. @param {Spec} spec @returns {Record<string, any> | null} */
  _args(spec) {
    /** @type {Record<string, any>} */
    const args = Object.create(null); // an argument may be called __proto__
    for (const [name, rule] of Object.entries(spec.args ?? {})) {
      const input = /** @type {HTMLInputElement} */ (this._inputs.get(name));
      const problem = problemOf(input, rule);
      input.setAttribute("aria-invalid", String(problem !== null));
      if (problem !== null) {
        this.fail(`${argumentLabel(name, rule)}: ${problem}`);
        input.focus();
        return null;
      }
      if (rule.type === "bool") args[name] = input.checked;
      else if (input.value !== "") args[name] = rule.type === "text" ? input.value : Number(input.value);
    }
    return args;
  }

  async _send() {
    const spec = this._spec;
    this.fail(null);
    const args = spec && this._args(spec);
    if (!spec || !args) return;
    this.send.disabled = true;
    try {
      const body = { name: spec.name, args, ttl_s: isConnected(this.device) ? TTL_S : AWAY_TTL_S };
      this.hub.commands.apply([await post(`devices/${encodeURIComponent(this.device.device)}/commands`, body)], false);
    } catch (error) {
      this.fail(textOf(error));
    }
    this.send.disabled = false;
  }
}

/** A name as people read it. @param {string} name */
export const labelOf = (name) => name.replaceAll("_", " ");

/** What an argument is called: its unit stands beside its limits. @param {string} name @param {Rule} rule */
const argumentLabel = (name, rule) => labelOf(rule.unit && name.endsWith(`_${rule.unit}`) ? name.slice(0, -rule.unit.length - 1) : name);

/** @param {string} name @param {Rule} rule */
function field(name, rule) {
  const id = `argument-${name}`;
  const shared = { id, name, type: INPUTS[rule.type] ?? "text", autocomplete: "off", "aria-describedby": `${id}-limits` };
  const isBool = rule.type === "bool";
  const step = rule.type === "integer" ? "1" : rule.type === "number" ? "any" : null;
  const input = isBool ? h("input", { ...shared, checked: rule.default === true }) : h("input", { ...shared, min: rule.min, max: rule.max, step, value: rule.default ?? "" });
  const text = h("label", { htmlFor: id }, argumentLabel(name, rule));
  const limits = h("span", { class: "muted", id: `${id}-limits` }, limitsOf(rule));
  return { input, row: h("div", { class: isBool ? "field check" : "field" }, ...(isBool ? [input, text, limits] : [text, limits, input])) };
}

/** @param {Rule} rule */
function limitsOf(rule) {
  const unit = rule.unit ? ` ${rule.unit}` : "";
  if (rule.min !== undefined && rule.max !== undefined) return `${rule.min} to ${rule.max}${unit}`;
  if (rule.min !== undefined) return `at least ${rule.min}${unit}`;
  if (rule.max !== undefined) return `at most ${rule.max}${unit}`;
  return unit.trim();
}

/** What is wrong with what was typed; null: nothing. @param {HTMLInputElement} input @param {Rule} rule */
function problemOf(input, rule) {
  if (rule.type === "bool" || rule.type === "text") return null;
  if (input.validity.badInput) return "this is no number";
  if (input.value === "") return rule.default === undefined ? "a number is needed" : null;
  const value = Number(input.value);
  if (rule.type === "integer" && !Number.isInteger(value)) return "a whole number is needed";
  if ((rule.min !== undefined && value < rule.min) || (rule.max !== undefined && value > rule.max)) return `must be ${limitsOf(rule)}`;
  return null;
}
