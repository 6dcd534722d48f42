// The form of a rule: every kind the hub has, said back as a sentence, errors beside the field, and what it would have raised.
//
// Owns the form; rule_fields.js knows the fields, rule_preview.js looks back, the hub checks and keeps.

import { ApiError, get, post, textOf } from "../app/api.js";
import { button, field, fill, h, say } from "../app/dom.js";
import { linkTo } from "../app/router.js";
import { symbol } from "../app/units.js";
import { sentence } from "./alert_words.js";
import { KINDS, fieldOf, fieldsOf, formOf, ruleIn, usualFor } from "./rule_fields.js";
import { unitsOf } from "./rule_list.js";
import { RulePreview } from "./rule_preview.js";

export class RuleEditor {
  /** @param {import("../app/main.js").App} app */
  constructor(app) {
    this.app = app;
    this.version = /** @type {number | null} */ (null);
    this.isDisabled = false;
    /** @type {Map<string, string>} */
    this.units = new Map();
    this.preview = new RulePreview(app);
    this.inputs = inputs();
    this.known = { devices: h("datalist", { id: "known-devices" }), channels: h("datalist", { id: "known-channels" }) };
    this.inputs.devices.setAttribute("list", "known-devices");
    this.inputs.channels.setAttribute("list", "known-channels");
    /** @type {Record<string, HTMLElement>} */
    this.errors = {};
    /** @type {Record<string, HTMLElement>} */
    this.fields = {};
    this.title = h("h2", {});
    this.sentence = h("p", { class: "sentence", "aria-live": "polite" });
    this.error = h("p", { class: "error", role: "alert", hidden: true });
    this.save = h("button", { type: "submit", class: "primary" }, "Save");
    this.form = this._form();
    this.element = h("section", { class: "rule-editor", "aria-label": "Rule" }, this.form, this.preview.element, ...Object.values(this.known));
  }

  /** Show a rule, or a new one. @param {{name: string | null, begun: Record<string, any>}} wanted */
  async open({ name, begun }) {
    this.preview.clear();
    this._fail({});
    this._fill(formOf(begun), null);
    say(this.title, name === null ? "New rule" : name);
    this.inputs.rule.disabled = name !== null;
    try {
      const [units, rule] = await Promise.all([unitsOf(), name === null ? null : get(`rules/${encodeURIComponent(name)}`)]);
      this.units = units;
      fill(this.known.devices, ...this.app.hub.devices.sorted().map((each) => h("option", { value: each.device })));
      fill(this.known.channels, ...[...units.keys()].sort().map((value) => h("option", { value })));
      if (rule) this._fill(formOf(rule), rule);
      this._changed();
    } catch (error) {
      this._fail({}, textOf(error));
    }
  }

  leave() {
    this.preview.clear();
  }

  /** @param {Record<string, string>} form @param {any} rule */
  _fill(form, rule) {
    for (const [key, input] of Object.entries(this.inputs)) input.value = form[key] ?? "";
    this.version = rule?.version ?? null;
    this.isDisabled = rule?.disabled ?? false;
    this._arrange();
  }

  _form() {
    const { inputs: all } = this;
    const put = (/** @type {string} */ name, /** @type {string} */ label, /** @type {string} */ hint = "", /** @type {HTMLElement[]} */ ...beside) => {
      const element = field(label, all[name], hint);
      this.errors[name] = h("p", { class: "error", id: `wrong-${name}`, hidden: true });
      if (beside.length) {
        const row = h("div", { class: "beside" });
        all[name].replaceWith(row);
        row.append(all[name], ...beside);
      }
      element.append(this.errors[name]);
      return (this.fields[name] = element);
    };
    this.unit = h("span", { class: "unit" });
    this.among = put("among", "Devices");
    const form = h("form", { class: "form card", novalidate: true },
      this.title, put("rule", "Name", "As too-hot: letters, digits, . _ : -"), put("kind", "Watch for"),
      this.among, put("where", "Tags", "An expression, as floor=2 and not kind=test."), put("devices", "Names of devices", "Several are parted by commas."),
      put("channels", "Channels", "Several are parted by commas; nothing means all."),
      put("limit", "Limit", "", this.unit), put("text", "Text", "A pattern: * stands for anything, as *error*."),
      put("for", "For at least", "0: at once.", all.for_unit), put("severity", "Severity"), put("note", "What to do about it", "Shown with the rule."),
      h("details", {}, h("summary", {}, "More"), h("div", { class: "form" },
        put("hysteresis", "Clears when it is back by", "So far beyond the limit a value must be to end the alert."),
        put("late_s", "Ignore readings older than (s)", "What a device brings later, after an outage, raises nothing."))),
      this.sentence, this.error,
      h("div", { class: "form-actions" }, h("a", { class: "quiet", href: linkTo(["alerts", "rules"]) }, "Cancel"), button("Look back", () => this._look()), this.save));
    form.addEventListener("input", () => this._changed());
    form.addEventListener("change", () => this._changed());
    all.kind.addEventListener("change", () => {
      const seconds = usualFor(all.kind.value);
      Object.assign(all.for, { value: String(seconds >= 60 ? seconds / 60 : seconds) });
      all.for_unit.value = seconds >= 60 ? "60" : "1";
    });
    form.addEventListener("submit", (event) => { event.preventDefault(); this._save(); });
    return form;
  }

  get values() {
    return Object.fromEntries(Object.entries(this.inputs).map(([key, input]) => [key, input.value]));
  }

  get shownUnit() {
    return this.units.get(ruleIn(this.values).rule.channels?.[0]) ?? "";
  }

  _changed() {
    this._arrange();
    this._fail({});
    const { rule, wrong } = ruleIn(this.values);
    say(this.sentence, sentence({ ...rule, limit: wrong.limit ? undefined : rule.limit }, this.shownUnit));
  }

  // Show the fields that the kind has.
  _arrange() {
    const { kind, among } = this.values;
    const has = new Set(["rule", "kind", "among", "for", ...fieldsOf(kind)]);
    for (const [name, element] of Object.entries(this.fields)) element.hidden = !has.has(name);
    this.fields.where.hidden = among !== "tags";
    this.fields.devices.hidden = among !== "names";
    const unit = symbol(this.shownUnit);
    say(/** @type {HTMLElement} */ (this.unit), kind === "rising" || kind === "falling" ? `${unit || "units"} a second` : unit);
    const more = /** @type {HTMLElement} */ (this.form.querySelector("details"));
    more.hidden = !has.has("hysteresis") && !has.has("late_s");
  }

  /** @param {Record<string, string>} wrong @param {string} [text] */
  _fail(wrong, text = "") {
    for (const [name, element] of Object.entries(this.errors)) {
      say(element, wrong[name] ?? "");
      element.hidden = !wrong[name];
      if (wrong[name]) this.inputs[name].setAttribute("aria-invalid", "true");
      else this.inputs[name].removeAttribute("aria-invalid");
    }
    say(this.error, text);
    this.error.hidden = !text;
    const first = Object.keys(this.errors).find((name) => wrong[name]);
    if (first) {
      if (["hysteresis", "late_s"].includes(first)) /** @type {HTMLDetailsElement} */ (this.form.querySelector("details")).open = true;
      this.inputs[first].focus();
    }
  }

  /** @returns {Record<string, any> | null} */
  _checked() {
    const { rule, wrong } = ruleIn(this.values);
    this._fail(wrong);
    return Object.keys(wrong).length ? null : rule;
  }

  async _look() {
    const rule = this._checked();
    if (rule === null) return;
    try {
      await this.preview.look(rule, this.shownUnit);
    } catch (error) {
      this._refused(error);
    }
  }

  async _save() {
    const name = this.values.rule.trim();
    const rule = this._checked();
    if (rule === null) return;
    if (!name) return this._fail({ rule: "Give it a name, as too-hot." });
    this.save.disabled = true;
    try {
      await post("rules", { ...rule, rule: name, ...(this.version === null ? {} : { version: this.version }), ...(this.isDisabled ? { disabled: true } : {}) });
      this.app.toasts.done(`${name} is saved.`);
      this.app.router.go(["alerts", "rules"]);
    } catch (error) {
      this._refused(error);
    }
    this.save.disabled = false;
  }

  /** @param {unknown} error */
  _refused(error) {
    const name = error instanceof ApiError ? fieldOf(error) : null;
    if (name && !this.fields[name].hidden) this._fail({ [name]: textOf(error) });
    else this._fail({}, textOf(error));
  }
}

/** @returns {Record<string, HTMLInputElement | HTMLSelectElement>} */
function inputs() {
  const text = (/** @type {Record<string, any>} */ more = {}) => h("input", { type: "text", autocomplete: "off", spellcheck: "false", ...more });
  const number = () => text({ inputmode: "decimal" });
  const select = (/** @type {string[][]} */ options, /** @type {Record<string, any>} */ more = {}) => h("select", more, ...options.map(([value, label]) => h("option", { value }, label)));
  return {
    rule: text({ maxlength: 64 }),
    kind: select(KINDS.map(({ name, label }) => [name, label])),
    among: select([["all", "All devices"], ["tags", "Devices by their tags"], ["names", "Devices by name"]]),
    where: text(), devices: text(), channels: text(), limit: number(), text: text({ maxlength: 256 }),
    for: number(), for_unit: select([["1", "seconds"], ["60", "minutes"], ["3600", "hours"]], { "aria-label": "Unit of time" }),
    severity: select([["info", "Info"], ["warning", "Warning"], ["critical", "Critical"]]),
    note: text({ maxlength: 500 }), hysteresis: number(), late_s: number(),
  };
}
