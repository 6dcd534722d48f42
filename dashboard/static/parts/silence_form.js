// The dialog that makes a silence: of which alerts, for how long, and why; begun from an alert or from nothing.
//
// Owns the dialog; the hub checks what is said.

import { ApiError, post } from "../app/api.js";
import { askForm } from "../app/dialog.js";
import { field, h } from "../app/dom.js";

const LENGTHS = [["3600", "1 hour"], ["28800", "8 hours"], ["86400", "1 day"], ["until", "Until …"], ["", "Until it is lifted"]];

/** Ask for a silence. @param {import("../app/main.js").App} app @param {any} alert null: of nothing yet @param {() => void} [onMade] */
export function askSilence(app, alert, onMade = () => {}) {
  const tags = alert ? tagsOf(app.hub.devices.get(alert.device)) : [];
  const rule = h("input", { type: "checkbox", checked: alert !== null });
  const device = h("input", { type: "checkbox", checked: alert !== null });
  const names = { rule: text(alert?.rule ?? "", "Any rule"), device: text(alert?.device ?? "", "Any device"), where: text(tags[0] ?? "", "floor=2 and pump") };
  const byTags = h("input", { type: "checkbox" });
  const length = h("select", {}, ...LENGTHS.map(([value, label]) => h("option", { value }, label)));
  const until = h("input", { type: "datetime-local", value: localText(Date.now() + 8 * 3_600_000) });
  const untilField = field("Until", until);
  const reason = h("input", { type: "text", maxlength: 500, required: true, autocomplete: "off" });
  const show = () => { untilField.hidden = length.value !== "until"; };
  length.addEventListener("change", show);
  show();
  const fields = alert
    ? [h("fieldset", { class: "choices" }, h("legend", {}, "Alerts"), check(rule, `of the rule ${alert.rule}`), check(device, `of ${alert.device}`), check(byTags, "of devices with the tags", names.where))]
    : [field("Rule", names.rule, "Leave out what does not matter."), field("Device", names.device), field("Tags", names.where)];
  const form = askForm("Silence alerts", [
    h("p", { class: "muted" }, "They are still raised and shown, and told to nobody."), ...fields, field("For how long", length), untilField, field("Reason", reason),
  ], "Silence", async () => {
    const body = alert
      ? { rule: rule.checked ? alert.rule : undefined, device: device.checked ? alert.device : undefined, where: byTags.checked ? names.where.value.trim() : undefined }
      : Object.fromEntries(Object.entries(names).map(([name, input]) => [name, input.value.trim() || undefined]));
    await post("silences", { ...body, ...endOf(length.value, until.value), reason: reason.value.trim() });
    app.toasts.done("Silenced.");
    onMade();
  });
  if (alert) names.where.setAttribute("aria-label", "Tags");
  form.form.classList.add("alert-form");
  names.where.addEventListener("input", () => { byTags.checked = true; });
  (alert ? length : names.rule).focus();
  return form;
}

/** @param {string} value @param {string} placeholder */
const text = (value, placeholder) => h("input", { type: "text", value, placeholder, autocomplete: "off", spellcheck: "false" });

/** @param {HTMLInputElement} box @param {string} label @param {HTMLElement} [more] */
const check = (box, label, more) => h("div", { class: "check" }, h("label", { class: "check" }, box, label), more);

/** @param {any} device */
function tagsOf(device) {
  return device?.tags ?? [];
}

/** @param {string} length @param {string} until */
function endOf(length, until) {
  const untilMs = new Date(until).getTime();
  if (length === "until" && Number.isNaN(untilMs)) throw new ApiError("Say until when", {});
  if (length === "until") return { until_us: untilMs * 1_000 };
  return length ? { for_s: Number(length) } : {};
}

/** @param {number} ms */
function localText(ms) {
  const date = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
  return date.toISOString().slice(0, 16);
}
