// What stands below the head of a device's page: readings, commands, shadow, connections, log, and what it is, one at a time.
//
// Owns which is shown and ends what the others cost; each panel owns what is in it. pages/device.js has the address.

import { h } from "../app/dom.js";
import { CommandHistory } from "./command_history.js";
import { Commands } from "./commands.js";
import { Connections } from "./connections.js";
import { Facts } from "./facts.js";
import { Logs } from "./logs.js";
import { Shadow } from "./shadow.js";
import { Tabs } from "./tabs.js";

/**
 * What is shown in a tab: from `open` on, until the function is called that it returns; `show` with each change of the device.
 * @typedef {{element: HTMLElement, open: (device: string) => () => void, show?: (device: any) => void}} Panel
 */

const nothing = () => {};

export class DeviceTabs {
  /** @param {import("../app/main.js").App} app @param {HTMLElement} readings @param {HTMLElement} beside where commands stand beside them @param {(name: string) => void} onChoose */
  constructor(app, readings, beside, onChoose) {
    this.hub = app.hub;
    this.beside = beside;
    this.commands = new Commands(app);
    const history = new CommandHistory(app);
    this.commandPanel = h("div", { class: "command-columns" }, h("div"), history.element);
    /** @type {Record<string, Panel>} */
    this.panels = {
      commands: { element: this.commandPanel, open: (device) => history.open(device) },
      shadow: new Shadow(app),
      connections: new Connections(app),
      log: new Logs(app),
      about: new Facts(app),
    };
    this.tabs = new Tabs("Of this device", [
      { name: "readings", label: "Readings", panel: readings },
      { name: "commands", label: "Commands", panel: this.commandPanel },
      { name: "shadow", label: "Shadow", panel: this.panels.shadow.element },
      { name: "connections", label: "Connections", panel: this.panels.connections.element },
      { name: "log", label: "Log", panel: this.panels.log.element },
      { name: "about", label: "About", panel: this.panels.about.element },
    ], onChoose);
    this.device = "";
    this._isOpen = false;
    this._close = nothing;
    this._stop = nothing;
  }

  /** The panels but for the readings. */
  get elements() {
    return Object.values(this.panels).map((panel) => panel.element);
  }

  /** Show a tab of a device; one that is not known is the first. @param {string} device @param {string} [wanted] @returns {string} which one */
  choose(device, wanted = "") {
    const name = wanted in this.panels ? wanted : "readings";
    if (name === this.tabs.chosen && device === this.device) return name;
    this._end();
    this.device = device;
    this._place(name);
    this.tabs.choose(name);
    return name;
  }

  /** Follow the hub. */
  start() {
    const stops = [this.commands.start(), this.hub.shadows.watch(() => this._mark())];
    this._stop = () => stops.forEach((stop) => stop());
  }

  /** The device is another now. @param {any} device null: there is none of this name, or none is known yet */
  show(device) {
    const panel = this.panels[this.tabs.chosen];
    this.commands.show(device);
    this.beside.hidden = this.commands.isEmpty;
    this.tabs.offer("connections", this.hub.mayOperate);
    this.tabs.mark("connections", device?.flapping ? "It comes and goes" : "");
    this._mark();
    if (device === null) this._end();
    else if (!this._isOpen) {
      this._isOpen = true;
      this.tabs.reveal();
      this._close = panel?.open(this.device) ?? nothing;
    }
    if (device !== null) panel?.show?.(device);
  }

  _mark() {
    const shadow = this.hub.shadows.get(this.device);
    this.tabs.mark("shadow", shadow && shadow.desired.version && !shadow.is_in_step ? "Not in step" : "");
  }

  /** End what it costs. */
  leave() {
    this._end();
    this._stop();
    this._stop = nothing;
    this.tabs.chosen = "";
  }

  _end() {
    this._close();
    this._close = nothing;
    this._isOpen = false;
  }

  // There is one form: what somebody has typed goes along from beside the charts to the tab of commands.
  /** @param {string} name */
  _place(name) {
    const isWhole = name === "commands";
    const place = /** @type {Element} */ (isWhole ? this.commandPanel.firstElementChild : this.beside);
    if (this.commands.element.parentElement !== place) place.append(this.commands.element);
    this.commands.recent.hidden = isWhole;
  }
}
