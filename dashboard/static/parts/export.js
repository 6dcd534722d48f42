// The dialog that exports readings: devices, channels, range, width and format become the address of a plain link, which the browser
// downloads with the cookie of the login.
//
// Owns the dialog. Asks the hub which series have readings; main.js gives the device that is shown.

import { button, fill, h } from "../app/dom.js";

const RANGES = [
  { name: "1 h", spanS: 3_600 },
  { name: "24 h", spanS: 86_400 },
  { name: "7 days", spanS: 604_800 },
  { name: "30 days", spanS: 2_592_000 },
  { name: "All", spanS: null },
  { name: "From – to", spanS: undefined },
];
const WIDTHS = [
  ["raw", "Every reading"], ["1s", "1 s"], ["10s", "10 s"], ["1min", "1 minute"], ["10min", "10 minutes"], ["1h", "1 hour"], ["1d", "1 day"],
];
const FORMATS = [["csv", "CSV"], ["parquet", "Parquet"], ["lp", "Line protocol"]];
const LISTED = 200; // of one list; the search finds the others
const MAX_ADDRESS = 6_000; // characters; the hub reads a head of 8 KiB

export class Export {
  // `current()` returns the name of the device that is shown, or null.
  constructor(opener, current) {
    this.current = current;
    this.series = new Map(); // device -> names of its channels
    this.devices = new Set(); // empty: all
    this.channels = new Set(); // empty: all
    this.range = RANGES[1];
    this.format = "csv";
    const show = () => this._show();
    const close = button("Close", () => this.dialog.close());
    const head = h("div", { class: "dialog-head" }, h("h2", { id: "export-title" }, "Export readings"), close);
    this.search = h("input", { class: "export-search", type: "search", placeholder: "Search devices", "aria-label": "Search devices", autocomplete: "off", spellcheck: "false", on: { input: show } });
    this.deviceList = h("div", { class: "export-list" });
    this.channelList = h("div", { class: "export-list" });
    const moment = () => h("input", { type: "datetime-local", step: "1", on: { input: show } });
    this.from = moment();
    this.to = moment();
    this.times = h("div", { class: "export-times" }, h("label", { class: "export-name" }, "From", this.from), h("label", { class: "export-name" }, "To", this.to));
    this.width = h("select", { id: "export-width", on: { change: show } }, WIDTHS.map(([value, name]) => h("option", { value }, name)));
    this.error = h("p", { class: "error", role: "alert" });
    this.summary = h("p", { class: "muted export-summary", "aria-live": "polite" });
    this.link = h("a", { class: "primary export-link" }, "Download");
    const formats = segments("export-format", FORMATS.map(([, name]) => name), "CSV", (name) => {
      this.format = FORMATS.find((each) => each[1] === name)?.[0] ?? "csv";
      this._show();
    });
    const body = h("div", { class: "dialog-body export-body" },
      group("Devices", this.search, this.deviceList),
      group("Channels", this.channelList),
      group("Time", segments("export-range", RANGES.map((range) => range.name), this.range.name, (name) => this._choose(name)), this.times),
      h("div", { class: "export-part" }, h("label", { class: "export-name", htmlFor: "export-width" }, "One row for"), this.width),
      group("Format", formats), this.error, h("div", { class: "export-foot" }, this.summary, this.link));
    this.dialog = h("dialog", { class: "dialog export", "aria-labelledby": "export-title" }, head, body);
    // A click beside the dialog is one on its backdrop, which is the dialog itself.
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
    this.dialog.addEventListener("close", () => this.dialog.remove());
    opener.addEventListener("click", () => this.open());
  }

  async open() {
    const current = this.current();
    this.devices = new Set(current === null ? [] : [current]);
    this.channels = new Set();
    this.search.value = "";
    this._fail(null);
    this._show();
    if (!this.dialog.open) {
      document.body.append(this.dialog);
      this.dialog.showModal();
    }
    try {
      const series = new Map();
      for (let after = ""; after !== null; ) {
        const answer = await fetch(`api/v1/series?after=${encodeURIComponent(after)}`);
        const said = await answer.json();
        if (!answer.ok) throw new Error([said.message, said.hint].filter(Boolean).join(". "));
        for (const { device, channel } of said.series) {
          if (!series.has(device)) series.set(device, new Set());
          series.get(device).add(channel);
        }
        after = said.next;
      }
      this.series = series;
    } catch (error) {
      this._fail(error instanceof TypeError ? "The hub does not answer. Try again when the connection is back." : error.message);
    }
    this._show();
  }

  _choose(name) {
    this.range = RANGES.find((range) => range.name === name) ?? RANGES[0];
    if (this.range.spanS === undefined && this.from.value === "") {
      this.from.value = local(new Date(Date.now() - 86_400_000));
      this.to.value = local(new Date());
    }
    this._show();
  }

  _show() {
    const wanted = this.search.value.trim().toLowerCase();
    const names = [...new Set([...this.series.keys(), ...this.devices])].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
    choices(this.deviceList, names.filter((name) => name.toLowerCase().includes(wanted)), this.devices, "All devices", () => this._show());
    const chosen = this.devices.size ? [...this.devices] : names;
    const channels = [...new Set(chosen.flatMap((name) => [...(this.series.get(name) ?? [])]))].sort();
    for (const name of this.channels) if (!channels.includes(name)) this.channels.delete(name);
    choices(this.channelList, channels, this.channels, "All channels", () => this._show());
    this.times.hidden = this.range.spanS !== undefined;
    const problem = this._problem();
    this.summary.textContent = problem ?? this._summary();
    this.summary.classList.toggle("error", problem !== null);
    this.link.setAttribute("aria-disabled", String(problem !== null));
    if (problem === null) {
      this.link.href = this._address();
      this.link.download = "";
    } else {
      this.link.removeAttribute("href");
    }
  }

  _address() {
    const query = new URLSearchParams({ format: this.format, width: this.width.value });
    for (const name of this.devices) query.append("device", name);
    for (const name of this.channels) query.append("channel", name);
    if (this.range.spanS) query.set("span_s", String(this.range.spanS));
    if (this.range.spanS === undefined) {
      query.set("from", new Date(this.from.value).toISOString());
      query.set("to", new Date(this.to.value).toISOString());
    }
    return `api/v1/export?${query}`;
  }

  _problem() {
    if (this.range.spanS === undefined) {
      if (!this.from.value || !this.to.value) return "Both times are needed.";
      if (new Date(this.from.value) >= new Date(this.to.value)) return "The first time must be before the second.";
    }
    if (this._address().length > MAX_ADDRESS) return "These are too many names for one address; choose fewer, or all.";
    return null;
  }

  _summary() {
    const devices = counted(this.devices, "device");
    const channels = counted(this.channels, "channel");
    const time = this.range.spanS === undefined ? "" : this.range.spanS === null ? ", all of time" : `, the last ${this.range.name}`;
    return `${devices}, ${channels}${time}`;
  }

  _fail(text) {
    this.error.textContent = text ?? "";
    this.error.hidden = text === null;
  }
}

function counted(names, what) {
  if (names.size === 0) return `all ${what}s`;
  return names.size === 1 ? [...names][0] : `${names.size} ${what}s`;
}

// A list of boxes, the first for all; what is chosen stands first where the list is longer than it shows.
function choices(list, names, chosen, all, onChange) {
  const shown = names.length <= LISTED ? names : [...names.filter((name) => chosen.has(name)), ...names.filter((name) => !chosen.has(name))].slice(0, LISTED);
  const active = document.activeElement;
  const focused = active instanceof HTMLInputElement && list.contains(active) ? active.value : null;
  /** @type {HTMLElement[]} */
  const rows = [box(all, "", chosen.size === 0, () => chosen.clear(), onChange)];
  for (const name of shown) {
    rows.push(box(name, name, chosen.has(name), (isOn) => (isOn ? chosen.add(name) : chosen.delete(name)), onChange));
  }
  if (names.length > shown.length) rows.push(h("p", { class: "muted" }, `and ${names.length - shown.length} more; search for them`));
  fill(list, rows);
  if (focused !== null) [...list.querySelectorAll("input")].find((input) => input.value === focused)?.focus();
}

function box(text, value, isOn, change, onChange) {
  const input = h("input", { type: "checkbox", checked: isOn, value, on: { change: () => {
    change(input.checked);
    onChange();
  } } });
  return h("label", { class: "export-box" }, input, h("span", {}, text));
}

const group = (name, ...parts) => h("fieldset", { class: "export-part" }, h("legend", { class: "export-name" }, name), ...parts);

function segments(name, choices, chosen, onChange) {
  const radio = (choice) => h("label", {}, h("input", { type: "radio", name, checked: choice === chosen, on: { change: () => onChange(choice) } }), h("span", {}, choice));
  return h("div", { class: "segments" }, choices.map(radio));
}

// A time as an input for local times wants it.
function local(date) {
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}
