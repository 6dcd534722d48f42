// The fields of a rule by its kind, with sensible defaults; between what a form holds and what the hub takes. Pure.

/** @typedef {Record<string, any>} Item */

export const KINDS = [
  { name: "above", label: "Value above a limit" },
  { name: "below", label: "Value below a limit" },
  { name: "rising", label: "Value that rises fast" },
  { name: "falling", label: "Value that falls fast" },
  { name: "text", label: "Text that matches" },
  { name: "no_data", label: "No data" },
  { name: "offline", label: "Device offline" },
];
const NUMBERS = ["above", "below", "rising", "falling"];
const DEFAULTS = { kind: "above", severity: "warning", for_s: 0, hysteresis: 0, late_s: 60, devices: ["*"], channels: ["*"] };
const FOR_S = { no_data: 300, offline: 60 };

/** Which fields a kind has. @param {string} kind */
export function fieldsOf(kind) {
  const fields = ["devices", "for_s", "severity", "note"];
  if (kind !== "offline") fields.push("channels", "late_s");
  if (NUMBERS.includes(kind)) fields.push("limit", "hysteresis");
  if (kind === "text") fields.push("text");
  return fields;
}

/** How long it must last where nobody has said so yet, s. @param {string} kind */
export const usualFor = (kind) => FOR_S[/** @type {"offline"} */ (kind)] ?? 0;

/** @param {string} text @returns {string[]} names as people list them; all where there is none */
export function namesIn(text) {
  const names = text.split(",").map((each) => each.trim()).filter(Boolean);
  return names.length ? names : ["*"];
}

/** @param {string[] | undefined} names */
export const namesText = (names) => (!names || names.includes("*") ? "" : names.join(", "));

/**
 * What the hub takes, of what a form holds as text.
 * @param {Record<string, string>} form with `among`: all, tags or names
 * @returns {{rule: Item, wrong: Record<string, string>}} what is wrong, by field
 */
export function ruleIn(form) {
  const fields = fieldsOf(form.kind);
  /** @type {Record<string, string>} */
  const wrong = {};
  /** @param {string} name @param {string} said */
  const number = (name, said) => {
    const value = Number(form[name]);
    if (!form[name]?.trim() || !Number.isFinite(value)) wrong[name] = said;
    return value;
  };
  /** @type {Item} */
  const rule = { kind: form.kind, severity: form.severity };
  rule.for_s = form.for?.trim() ? number("for", "Give a number, as 5.") * Number(form.for_unit) : 0;
  if (form.kind === "no_data" && !wrong.for && rule.for_s < 1) wrong.for = "Say how long silence is allowed, at least 1 s.";
  if (form.among === "tags") {
    rule.where = form.where.trim();
    if (!rule.where) wrong.where = "Say which tags, as floor=2.";
  } else {
    rule.devices = form.among === "names" ? namesIn(form.devices) : ["*"];
    if (form.among === "names" && rule.devices.includes("*")) wrong.devices = "Name at least one device.";
  }
  if (fields.includes("channels")) rule.channels = namesIn(form.channels);
  if (fields.includes("limit")) {
    rule.limit = number("limit", "Give a number.");
    rule.hysteresis = form.hysteresis?.trim() ? number("hysteresis", "Give a number, or nothing.") : 0;
    if (rule.hysteresis < 0) wrong.hysteresis = "Give 0 or more.";
  }
  if (fields.includes("late_s")) rule.late_s = form.late_s?.trim() ? number("late_s", "Give seconds, as 60.") : 60;
  if (fields.includes("text")) {
    rule.text = form.text;
    if (!form.text) wrong.text = "Say which text, as *error*.";
  }
  if (form.note.trim()) rule.note = form.note.trim();
  return { rule, wrong };
}

/** What a form holds of a rule. @param {Item} rule @returns {Record<string, string>} */
export function formOf(rule) {
  const whole = { ...DEFAULTS, ...rule };
  const unit = whole.for_s >= 3_600 && whole.for_s % 3_600 === 0 ? 3_600 : whole.for_s >= 60 && whole.for_s % 60 === 0 ? 60 : 1;
  const among = whole.where ? "tags" : whole.devices.includes("*") ? "all" : "names";
  return {
    rule: whole.rule ?? "", kind: whole.kind, severity: whole.severity, for: String(whole.for_s / unit), for_unit: String(unit), among,
    where: whole.where ?? "", devices: namesText(whole.devices), channels: namesText(whole.channels), limit: String(whole.limit ?? ""),
    hysteresis: String(whole.hysteresis), late_s: String(whole.late_s), text: whole.text ?? "", note: whole.note ?? "",
  };
}

/** The field that a refusal of the hub is about. @param {{code?: string, message: string}} error @returns {string | null} */
export function fieldOf(error) {
  if (error.code === "bad_name" || error.code === "exists") return "rule";
  if (error.code === "bad_where") return "where";
  const word = /^[a-z_]+/.exec(error.message)?.[0] ?? "";
  const name = word === "for_s" ? "for" : word;
  return ["for", "limit", "hysteresis", "text", "severity", "late_s", "note", "devices", "channels", "where", "kind"].includes(name) ? name : null;
}
