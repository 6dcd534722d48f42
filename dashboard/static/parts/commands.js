// The box of commands: a form made from what the device declares, and what became of the commands sent to it.
//
// Owns the newest version of each command. Sends over HTTP; states and results come by `commands` messages.

import { shown } from "../app/units.js";
import { isConnected } from "./side.js";

const KEPT = 200;
const LISTED = 8;
const GROUPS_LISTED = 3;
const AWAY_TTL_S = 3_600; // for a device that is not connected: it may take a while to come
const FINAL = new Set(["done", "failed", "rejected", "expired", "cancelled", "lost"]);
const INPUTS = { number: "number", integer: "number", bool: "checkbox", text: "text" };

export class Commands {
  // `root`: the box, with the elements it is made of.
  constructor(root) {
    this.items = new Map();
    this.groupItems = new Map();
    this.device = null;
    this.declared = "";
    this.mayCommand = true;
    const part = (/** @type {string} */ name) => root.querySelector(`#command-${name}`);
    this.box = root;
    this.form = part("form");
    this.name = part("name");
    this.description = part("description");
    this.fields = part("fields");
    this.error = part("error");
    this.send = part("send");
    this.list = part("list");
    this.groups = part("groups");
    this.groupList = part("group-list");
    this.name.addEventListener("change", () => this._showFields());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this._send();
    });
  }

  setRole(role) {
    this.mayCommand = role !== "viewer";
  }

  // Apply a `commands` message.
  apply(items) {
    for (const item of items) {
      const known = this.items.get(item.id);
      if (!known || known.version <= item.version) this.items.set(item.id, item);
    }
    if (this.items.size > KEPT) {
      const oldest = [...this.items.values()].sort((a, b) => a.created_us - b.created_us).slice(0, this.items.size - KEPT);
      for (const { id } of oldest) this.items.delete(id);
    }
    this._showList();
  }

  // Apply a `group_commands` message: of each of the newest its tally.
  applyGroups(items) {
    for (const item of items) {
      const known = this.groupItems.get(item.id);
      if (!known || known.version < item.version) this.groupItems.set(item.id, item);
    }
    const newest = [...this.groupItems.values()].sort((a, b) => b.created_us - a.created_us).slice(0, KEPT);
    this.groupItems = new Map(newest.map((item) => [item.id, item]));
    this.groups.hidden = !newest.length;
    this.groupList.replaceChildren(...newest.slice(0, GROUPS_LISTED).map(groupEntry));
  }

  // Show the box of a device; null for none.
  show(device) {
    const declared = JSON.stringify([device?.device, device?.commands]);
    this.device = device;
    this.box.hidden = !device?.commands?.length && !this._sent().length;
    this.form.hidden = !device?.commands?.length || !this.mayCommand;
    this.send.disabled = false;
    this.send.textContent = device && isConnected(device) ? "Send" : "Send when the device connects";
    if (declared !== this.declared) {
      this.declared = declared;
      this.name.replaceChildren(...(device?.commands ?? []).map((spec) => new Option(spec.name.replaceAll("_", " "), spec.name)));
      this._showFields();
    }
    this._showList();
  }

  _spec() {
    return this.device?.commands?.find((spec) => spec.name === this.name.value) ?? null;
  }

  _showFields() {
    const spec = this._spec();
    this._fail(null);
    this.description.textContent = spec?.description ?? "";
    this.description.hidden = !spec?.description;
    this.fields.replaceChildren(...Object.entries(spec?.args ?? {}).map(([name, rule]) => field(name, rule)));
  }

  async _send() {
    const spec = this._spec();
    if (!spec) return;
    this._fail(null);
    const args = {};
    for (const [name, rule] of Object.entries(spec.args ?? {})) {
      const input = this.fields.querySelector(`[name="${CSS.escape(name)}"]`);
      const problem = problemOf(input, rule);
      input.setAttribute("aria-invalid", String(problem !== null));
      if (problem !== null) {
        this._fail(`${labelOf(name, rule)}: ${problem}`);
        input.focus();
        return;
      }
      if (rule.type === "bool") args[name] = input.checked;
      else if (input.value !== "") args[name] = rule.type === "text" ? input.value : Number(input.value);
    }
    this.send.disabled = true;
    try {
      const answer = await fetch(`api/v1/devices/${encodeURIComponent(this.device.device)}/commands`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ name: spec.name, args, ttl_s: isConnected(this.device) ? 30 : AWAY_TTL_S }),
      });
      const said = await answer.json();
      if (answer.ok) this.apply([said]);
      else this._fail([said.message, said.hint].filter(Boolean).join(". "));
    } catch {
      this._fail("The hub does not answer. Nothing is known to have been sent; try again when the connection is back");
    } finally {
      this.send.disabled = false;
    }
  }

  async _cancel(id) {
    this._fail(null);
    try {
      const answer = await fetch(`/api/v1/commands/${encodeURIComponent(id)}/cancel`, { method: "POST" });
      const said = await answer.json();
      if (answer.ok) this.apply([said.command]);
      if (said.answer === "too_late") this._fail("Too late to cancel: it has run, or cannot be stopped any more");
      else if (!answer.ok) this._fail([said.message, said.hint].filter(Boolean).join(". "));
    } catch {
      this._fail("The hub does not answer. Whether the command is cancelled is not known; try again when the connection is back");
    }
  }

  _fail(text) {
    this.error.textContent = text ?? "";
    this.error.hidden = text === null;
  }

  _entry(item) {
    const element = entry(item);
    if (!this.mayCommand || FINAL.has(item.state)) return element;
    const cancel = part("button", "quiet", item.cancel === "asked" ? "Asked to cancel" : "Cancel");
    cancel.type = "button";
    cancel.disabled = item.cancel === "asked";
    cancel.addEventListener("click", () => {
      cancel.disabled = true;
      this._cancel(item.id).finally(() => (cancel.disabled = item.cancel === "asked"));
    });
    element.append(cancel);
    return element;
  }

  _sent() {
    const sent = [...this.items.values()].filter((item) => item.device === this.device?.device);
    return sent.sort((a, b) => b.created_us - a.created_us).slice(0, LISTED);
  }

  _showList() {
    const sent = this._sent();
    const kept = new Map([...this.list.children].map((element) => [element.dataset.id, element]));
    const elements = sent.map((item) => {
      const element = kept.get(item.id);
      return element?.dataset.version === String(item.version) ? element : this._entry(item);
    });
    if (!elements.length) {
      const none = document.createElement("li");
      none.className = "muted";
      none.textContent = "No command yet.";
      elements.push(none);
    }
    if (elements.length === this.list.children.length && elements.every((element, at) => element === this.list.children[at])) return;
    this.list.replaceChildren(...elements);
    if (this.device && sent.length) this.box.hidden = false;
  }
}

const label = (name) => name.replaceAll("_", " ");

// What an argument is called: its unit stands beside its limits.
const labelOf = (name, rule) => label(rule.unit && name.endsWith(`_${rule.unit}`) ? name.slice(0, -rule.unit.length - 1) : name);

function field(name, rule) {
  const row = document.createElement("div");
  row.className = rule.type === "bool" ? "field check" : "field";
  const input = document.createElement("input");
  input.id = `argument-${name}`;
  input.name = name;
  input.type = INPUTS[rule.type] ?? "text";
  input.autocomplete = "off";
  if (rule.type === "bool") {
    input.checked = rule.default === true;
  } else {
    if (rule.min !== undefined) input.min = rule.min;
    if (rule.max !== undefined) input.max = rule.max;
    if (input.type === "number") input.step = rule.type === "integer" ? "1" : "any";
    if (rule.default !== undefined) input.value = rule.default;
  }
  const text = document.createElement("label");
  text.htmlFor = input.id;
  text.textContent = labelOf(name, rule);
  const limits = document.createElement("span");
  limits.className = "muted";
  limits.id = `${input.id}-limits`;
  limits.textContent = limitsOf(rule);
  input.setAttribute("aria-describedby", limits.id);
  if (rule.type === "bool") row.append(input, text);
  else row.append(text, limits, input);
  return row;
}

function limitsOf(rule) {
  const unit = rule.unit ? ` ${rule.unit}` : "";
  if (rule.min !== undefined && rule.max !== undefined) return `${rule.min} to ${rule.max}${unit}`;
  if (rule.min !== undefined) return `at least ${rule.min}${unit}`;
  if (rule.max !== undefined) return `at most ${rule.max}${unit}`;
  return unit.trim();
}

function problemOf(input, rule) {
  if (rule.type === "bool" || rule.type === "text") return null;
  if (input.validity.badInput) return "this is no number";
  if (input.value === "") return rule.default === undefined ? "a number is needed" : null;
  const value = Number(input.value);
  if (rule.type === "integer" && !Number.isInteger(value)) return "a whole number is needed";
  if ((rule.min !== undefined && value < rule.min) || (rule.max !== undefined && value > rule.max)) return `must be ${limitsOf(rule)}`;
  return null;
}

function entry(item) {
  const element = document.createElement("li");
  element.dataset.id = item.id;
  element.dataset.version = item.version;
  element.dataset.state = item.state;
  const head = part("div", "sent-head");
  head.append(part("span", "sent-name", label(item.name)), part("span", "chip", item.state.replaceAll("_", " ")));
  const args = Object.entries(item.args ?? {}).map(([name, value]) => `${label(name)} ${plain(value)}`).join(", ");
  const time = new Date(item.created_us / 1000).toLocaleTimeString([], { hour12: false });
  element.append(head, part("p", "muted", [time, args, item.by && `by ${item.by}`].filter(Boolean).join(" · ")));
  if (typeof item.progress === "number" && !FINAL.has(item.state)) {
    const bar = document.createElement("progress");
    bar.max = 1;
    bar.value = item.progress;
    element.append(bar);
  }
  if (item.value !== undefined && item.value !== null) element.append(part("p", "sent-value", resultText(item.value)));
  if (item.reason) element.append(part("p", "sent-reason", item.reason));
  return element;
}

function groupEntry(item) {
  const element = document.createElement("li");
  element.dataset.id = item.id;
  const head = part("div", "sent-head");
  head.append(part("span", "sent-name", label(item.name)), part("span", "chip", item.ended_us ? "ended" : `${item.devices} devices`));
  const tally = Object.entries(item.tally).map(([state, count]) => `${count} ${state}`).join(", ");
  const who = item.where ? `${item.where} · by ${item.by}` : `by ${item.by}`;
  element.append(head, part("p", "muted", who), part("p", "sent-value", tally));
  return element;
}

const plain = (value) => (typeof value === "number" ? String(value) : shown(value, ""));
const resultText = (value) => (typeof value === "object" ? JSON.stringify(value, null, 1) : plain(value));

function part(name, className, text = "") {
  const element = document.createElement(name);
  element.className = className;
  element.textContent = text;
  return element;
}
