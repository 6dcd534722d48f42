// The dialog of a target: where to, of which rules, from which severity on; a webhook's secret is shown once.
//
// Owns the dialog; the hub checks what is said and keeps it.

import { post } from "../app/api.js";
import { askForm, openDialog } from "../app/dialog.js";
import { field, h } from "../app/dom.js";
import { namesIn, namesText } from "./rule_fields.js";

/** Ask for a target, or change one. @param {import("../app/main.js").App} app @param {any} item @param {() => void} onDone */
export function askTarget(app, item, onDone) {
  const text = (/** @type {string} */ value, /** @type {Record<string, any>} */ more = {}) => h("input", { type: "text", autocomplete: "off", spellcheck: "false", value, ...more });
  const options = (/** @type {string[][]} */ all, /** @type {string} */ chosen) => all.map(([value, label]) => h("option", { value, selected: value === chosen }, label));
  const name = text(item?.target ?? "", { maxlength: 64, disabled: item !== null });
  const kind = h("select", { disabled: item !== null }, ...options([["webhook", "Webhook"], ["email", "E-mail"]], item?.kind));
  const url = text(item?.url ?? "", { placeholder: "https://example.com/hook", inputmode: "url" });
  const to = text((item?.to ?? []).join(", "), { placeholder: "ann@example.com", inputmode: "email" });
  const severity = h("select", {}, ...options([["info", "Everything"], ["warning", "Warnings and above"], ["critical", "Critical only"]], item?.severity ?? "warning"));
  const rules = text(namesText(item?.rules));
  const note = text(item?.note ?? "", { maxlength: 500 });
  const [urlField, toField] = [field("Address", url), field("Addresses", to, "Several are parted by commas.")];
  const show = () => {
    urlField.hidden = kind.value !== "webhook";
    toField.hidden = kind.value !== "email";
  };
  kind.addEventListener("change", show);
  show();
  const fields = [field("Name", name), field("Kind", kind), urlField, toField, field("Tell of", severity), field("Rules", rules, "Several are parted by commas; nothing means all."), field("Note", note)];
  const { form } = askForm(item ? `Edit ${item.target}` : "Add a target", fields, "Save", async () => {
    const where = kind.value === "webhook" ? { url: url.value.trim() } : { to: to.value.split(",").map((each) => each.trim()).filter(Boolean) };
    const body = { target: name.value.trim(), kind: kind.value, ...where, rules: namesIn(rules.value), severity: severity.value, ...(note.value.trim() ? { note: note.value.trim() } : {}) };
    const made = await post("targets", item ? { ...body, version: item.version } : body);
    onDone();
    if (made.secret) showSecret(made.secret);
    else app.toasts.done(`${made.target} is saved.`);
  });
  form.classList.add("alert-form");
}

/** @param {string} secret */
function showSecret(secret) {
  const value = h("input", { type: "text", readonly: true, value: secret, on: { focus: () => value.select() } });
  openDialog("The target's secret", h("div", { class: "form" }, field("What its notices are signed with, shown this once", value, "The receiver checks the signature with it (Tributary-Signature).")));
}
