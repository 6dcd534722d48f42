// The page of one device: its readings as charts, live and over a range, what it is, and commands to it.
//
// Owns the stream of its readings and the range; made of the template in index.html. What it shows is in the address.

import { fill, h, say } from "../app/dom.js";
import { loadPlotly } from "../app/plotly.js";
import { duration } from "../app/units.js";
import { Charts } from "../charts/charts.js";
import { Commands } from "../parts/commands.js";
import { Side, factText, isConnected } from "../parts/side.js";

const RANGES = [
  { name: "5 min", spanS: 300, widthUs: 0 },
  { name: "15 min", spanS: 900, widthUs: 1_000_000 },
  { name: "1 h", spanS: 3_600, widthUs: 10_000_000 },
  { name: "6 h", spanS: 21_600, widthUs: 60_000_000 },
  { name: "24 h", spanS: 86_400, widthUs: 600_000_000 },
  { name: "7 d", spanS: 604_800, widthUs: 600_000_000 },
  { name: "30 d", spanS: 2_592_000, widthUs: 3_600_000_000 },
  { name: "1 y", spanS: 31_536_000, widthUs: 86_400_000_000 },
];
const short = (/** @type {string} */ name) => name.replace(" ", "");

/** @param {import("../app/main.js").App} app @returns {import("../app/shell.js").Page} */
export function make(app) {
  return new DevicePage(app);
}

class DevicePage {
  /** @param {import("../app/main.js").App} app */
  constructor(app) {
    this.app = app;
    const template = /** @type {HTMLTemplateElement} */ (document.getElementById("device-page"));
    this.element = /** @type {HTMLElement} */ (/** @type {DocumentFragment} */ (template.content.cloneNode(true)).firstElementChild);
    this.name = "";
    this.range = RANGES[0];
    /** @type {import("../app/stream.js").Stream | null} */
    this.stream = null;
    this.charts = new Charts(this._part("charts"), this._part("waiting"));
    this.commands = new Commands(this._part("commands"));
    this.side = new Side(this._part("side"), app.hub);
    this.view = { element: this._part("charts"), draw: (/** @type {number} */ nowUs) => this._draw(nowUs), painted: () => this._painted() };
    /** @type {(() => void)[]} */
    this._stops = [];
    this._makeRanges();
    this._part("charts").addEventListener("redraw", () => app.painter.ask(this.view));
    addEventListener("displaychange", () => this.charts.restyle());
  }

  title() {
    return this.name;
  }

  /** @param {import("../app/router.js").Place} place */
  enter({ path, query }) {
    const name = path[1] ?? "";
    const range = RANGES.find((each) => short(each.name) === query.range) ?? RANGES[0];
    const isSame = this.stream !== null && name === this.name && range === this.range;
    Object.assign(this, { name, range });
    for (const input of this._part("ranges").querySelectorAll("input")) input.checked = input.value === short(range.name);
    if (!this._stops.length) this._begin();
    if (!isSame) this._watch();
    this.side.choose(name);
    this._show();
  }

  leave() {
    for (const stop of this._stops.splice(0)) stop();
    this.app.painter.remove(this.view);
    this.stream?.close();
    this.stream = null;
  }

  _begin() {
    const { hub, painter } = this.app;
    const timer = setInterval(() => this._facts(), 500);
    this._stops = [
      hub.devices.watch(() => this._show()),
      hub.commands.watch((changed) => this.commands.apply(changed)),
      hub.groupCommands.watch((changed) => this.commands.applyGroups(changed)),
      this.side.start(),
      () => clearInterval(timer),
    ];
    this.commands.apply([...hub.commands.items.values()]);
    this.commands.applyGroups([...hub.groupCommands.items.values()]);
    painter.add(this.view);
    loadPlotly().then(() => painter.ask(this.view), (error) => this.app.toasts.failed(error));
  }

  // Watch the readings of the device and range that are chosen now.
  _watch() {
    this.stream?.close();
    this.charts.clear();
    this.app.latency.clear();
    const wanted = { devices: [this.name], span_s: this.range.spanS, width_us: this.range.widthUs };
    this.stream = this.app.hub.subscribe(wanted, () => this.app.painter.ask(this.view));
  }

  get device() {
    return this.app.hub.devices.get(this.name);
  }

  _show() {
    const { hub } = this.app;
    const { device } = this;
    this._part("view").hidden = device === null;
    this._part("unknown").hidden = device !== null || !hub.devices.isKnown;
    say(this._part("unknown-name"), this.name);
    this.commands.setRole(hub.role);
    this.commands.show(device);
    if (device === null) return;
    say(this._part("device-name"), device.title ?? device.device);
    this._part("device-name").dataset.presence = device.presence;
    say(this._part("waiting"), isConnected(device) ? "Waiting for the first reading." : "No readings in this time range.");
    this._facts();
  }

  // What is known of the device, with times that go on.
  _facts() {
    const { device, app } = this;
    if (!device || !app.hub.isOpen) return; // without a connection nobody knows whether it is still there
    const nowUs = app.hub.nowUs();
    const facts = [factText(device, nowUs)];
    if (device.interval_s) facts.push(`every ${device.interval_s} s`);
    if (device.firmware) facts.push(device.firmware);
    const offsetUs = device.clock_offset_us ?? 0;
    if (Math.abs(offsetUs) > 1e6) facts.push(`its clock is ${duration(Math.abs(offsetUs) / 1e6)} ${offsetUs > 0 ? "ahead" : "behind"}`);
    say(this._part("device-facts"), facts.join(" · "));
  }

  /** @param {number} nowUs */
  _draw(nowUs) {
    const { stream, device } = this;
    if (!stream || !device || !(/** @type {any} */ (window).Plotly)) return;
    stream.trim(nowUs);
    this.charts.draw(stream.model, device, nowUs);
    const note = stream.note(nowUs);
    this._part("hole").hidden = note === null;
    if (note !== null) say(this._part("hole"), note);
  }

  _painted() {
    const { stream, app } = this;
    if (!stream || !app.hub.isOpen) return;
    const delays = stream.model.takeDelays();
    if (delays) app.latency.drawn(delays, stream.model.newestUs, this.device?.clock_offset_us);
    stream.drawn();
  }

  _makeRanges() {
    const inputs = RANGES.map((each) => {
      const choose = () => this.app.router.go(["devices", this.name], each === RANGES[0] ? {} : { range: short(each.name) });
      return h("label", {}, h("input", { type: "radio", name: "range", value: short(each.name), on: { change: choose } }), h("span", {}, each.name));
    });
    fill(this._part("ranges"), this._part("ranges").firstElementChild, inputs);
  }

  /** @param {string} id @returns {HTMLElement} */
  _part(id) {
    return /** @type {HTMLElement} */ (this.element.querySelector(`#${id}`));
  }
}
