// The dialog that exports readings: devices, channels, range, width and format become the address of a plain link, which the browser
// downloads with the cookie of the login.
//
// Owns the dialog, which it makes when it is first opened. Asks the hub which series have readings; main.js gives the device that is shown.

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
    this.dialog = null;
    this.series = new Map(); // device -> names of its channels
    this.devices = new Set(); // empty: all
    this.channels = new Set(); // empty: all
    this.range = RANGES[1];
    this.format = "csv";
    opener.addEventListener("click", () => this.open());
  }

  async open() {
    if (!this.dialog) this._make();
    const current = this.current();
    this.devices = new Set(current === null ? [] : [current]);
    this.channels = new Set();
    this.search.value = "";
    this._fail(null);
    this._show();
    if (!this.dialog.open) this.dialog.showModal();
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

  _make() {
    this.dialog = element("dialog", "dialog export");
    this.dialog.setAttribute("aria-labelledby", "export-title");
    const title = element("h2", "", "Export readings");
    title.id = "export-title";
    const close = element("button", "quiet", "Close");
    close.type = "button";
    close.addEventListener("click", () => this.dialog.close());
    const head = element("div", "dialog-head");
    head.append(title, close);
    // A click beside the dialog is one on its backdrop, which is the dialog itself.
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());

    this.search = element("input", "export-search");
    Object.assign(this.search, { type: "search", placeholder: "Search devices", autocomplete: "off", spellcheck: false });
    this.search.setAttribute("aria-label", "Search devices");
    this.search.addEventListener("input", () => this._show());
    this.deviceList = element("div", "export-list");
    this.channelList = element("div", "export-list");
    this.from = this._moment("From");
    this.to = this._moment("To");
    this.times = element("div", "export-times");
    this.times.append(this.from.parentElement, this.to.parentElement);
    this.width = element("select");
    this.width.id = "export-width";
    this.width.append(...WIDTHS.map(([value, name]) => new Option(name, value)));
    this.width.addEventListener("change", () => this._show());
    const widthLabel = element("label", "export-name", "One row for");
    widthLabel.htmlFor = this.width.id;

    this.error = element("p", "error");
    this.error.setAttribute("role", "alert");
    this.summary = element("p", "muted export-summary");
    this.summary.setAttribute("aria-live", "polite");
    this.link = element("a", "primary export-link", "Download");
    const foot = element("div", "export-foot");
    foot.append(this.summary, this.link);
    const widthRow = element("div", "export-part");
    widthRow.append(widthLabel, this.width);

    const body = element("div", "dialog-body export-body");
    body.append(
      group("Devices", this.search, this.deviceList),
      group("Channels", this.channelList),
      group("Time", segments("export-range", RANGES.map((range) => range.name), this.range.name, (name) => this._choose(name)), this.times),
      widthRow,
      group("Format", segments("export-format", FORMATS.map(([, name]) => name), "CSV", (name) => {
        this.format = FORMATS.find((each) => each[1] === name)?.[0] ?? "csv";
        this._show();
      })),
      this.error,
      foot,
    );
    this.dialog.append(head, body);
    document.body.append(this.dialog);
  }

  _moment(name) {
    const input = element("input");
    input.type = "datetime-local";
    input.step = "1";
    input.addEventListener("input", () => this._show());
    const label = element("label", "export-name", name);
    label.append(input);
    return input;
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
    fill(this.deviceList, names.filter((name) => name.toLowerCase().includes(wanted)), this.devices, "All devices", () => this._show());
    const chosen = this.devices.size ? [...this.devices] : names;
    const channels = [...new Set(chosen.flatMap((name) => [...(this.series.get(name) ?? [])]))].sort();
    for (const name of this.channels) if (!channels.includes(name)) this.channels.delete(name);
    fill(this.channelList, channels, this.channels, "All channels", () => this._show());
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
function fill(list, names, chosen, all, onChange) {
  const shown = names.length <= LISTED ? names : [...names.filter((name) => chosen.has(name)), ...names.filter((name) => !chosen.has(name))].slice(0, LISTED);
  const active = document.activeElement;
  const focused = active instanceof HTMLInputElement && list.contains(active) ? active.value : null;
  const rows = [box(all, "", chosen.size === 0, () => chosen.clear(), onChange)];
  for (const name of shown) {
    rows.push(box(name, name, chosen.has(name), (isOn) => (isOn ? chosen.add(name) : chosen.delete(name)), onChange));
  }
  if (names.length > shown.length) rows.push(element("p", "muted", `and ${names.length - shown.length} more; search for them`));
  list.replaceChildren(...rows);
  if (focused !== null) [...list.querySelectorAll("input")].find((input) => input.value === focused)?.focus();
}

function box(text, value, isOn, change, onChange) {
  const input = element("input");
  Object.assign(input, { type: "checkbox", checked: isOn, value });
  input.addEventListener("change", () => {
    change(input.checked);
    onChange();
  });
  const label = element("label", "export-box");
  label.append(input, element("span", "", text));
  return label;
}

function group(name, ...parts) {
  const fieldset = element("fieldset", "export-part");
  fieldset.append(element("legend", "export-name", name), ...parts);
  return fieldset;
}

function segments(name, choices, chosen, onChange) {
  const row = element("div", "segments");
  for (const choice of choices) {
    const input = element("input");
    Object.assign(input, { type: "radio", name, checked: choice === chosen });
    input.addEventListener("change", () => onChange(choice));
    const label = element("label");
    label.append(input, element("span", "", choice));
    row.append(label);
  }
  return row;
}

// A time as an input for local times wants it.
function local(date) {
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

function element(name, className = "", text = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}
