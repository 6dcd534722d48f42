// The page of one device: its readings as charts, and in tabs what else there is of it.
//
// Owns what stands beside the charts; made of the template in index.html. What it shows is in the address.

import { say } from "../app/dom.js";
import { nodeOf } from "../app/places.js";
import { duration } from "../app/units.js";
import { Readings } from "../charts/readings.js";
import { DeviceTabs } from "../parts/device_tabs.js";
import { FirstHop } from "../parts/first_hop.js";
import { Side, factText, isConnected } from "../parts/side.js";

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
    this.readings = new Readings(app, { charts: this._part("charts"), waiting: this._part("waiting"), ranges: this._part("ranges"), note: this._part("hole") });
    this.tabs = new DeviceTabs(app, this._part("readings"), this._part("beside"), (tab) => this._choose(tab));
    this._part("tabs").replaceWith(this.tabs.tabs.element);
    this._part("readings").after(...this.tabs.elements);
    this.firstHop = new FirstHop(app);
    this._part("device-facts").after(this.firstHop.element);
    this.side = new Side(this._part("side"), app.hub);
    /** @type {(() => void)[]} */
    this._stops = [];
  }

  title() {
    return this.name;
  }

  /** @param {import("../app/router.js").Place} place */
  enter({ path, query }) {
    this.name = path[1] ?? "";
    if (!this._stops.length) this._begin();
    this.readings.show(this.name, query);
    this.side.choose(this.name);
    this.firstHop.choose(this.name);
    this._part("view").dataset.tab = this.tabs.choose(this.name, query.tab);
    this._show();
  }

  // The tab stands in the address; a step back leads to the page before and not through tabs.
  /** @param {string} tab */
  _choose(tab) {
    this.app.router.replace(["devices", this.name], { ...this.app.router.place.query, tab: tab === "readings" ? null : tab });
  }

  leave() {
    for (const stop of this._stops.splice(0)) stop();
    this.readings.leave();
    this.tabs.leave();
  }

  _begin() {
    const { hub } = this.app;
    const timer = setInterval(() => document.hidden || this._facts(), 500);
    this._stops = [
      hub.devices.watch(() => this._show()),
      this.side.start(),
      () => clearInterval(timer),
      () => this.firstHop.stop(),
    ];
    this.tabs.start();
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
    this.tabs.show(device);
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
    const node = nodeOf(device, app.hub.system);
    if (node !== null && isConnected(device)) facts.push(`on node ${node}`);
    if (device.interval_s) facts.push(`every ${device.interval_s} s`);
    if (device.firmware) facts.push(device.firmware);
    const offsetUs = device.clock_offset_us ?? 0;
    if (Math.abs(offsetUs) > 1e6) facts.push(`its clock is ${duration(Math.abs(offsetUs) / 1e6)} ${offsetUs > 0 ? "ahead" : "behind"}`);
    say(this._part("device-facts"), facts.join(" · "));
  }

  /** @param {string} id @returns {HTMLElement} */
  _part(id) {
    return /** @type {HTMLElement} */ (this.element.querySelector(`#${id}`));
  }
}
