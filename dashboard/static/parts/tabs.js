// Tabs: one of several panels is shown. By keyboard: arrows, Home and End go through the tabs, Tab goes on into the panel.
//
// Owns the row of tabs and which panel is hidden; which one is chosen is told by its owner, who keeps it in the address.

import { h } from "../app/dom.js";

/** @typedef {{name: string, label: string, panel: HTMLElement}} Tab */

export class Tabs {
  /** @param {string} label @param {Tab[]} tabs @param {(name: string) => void} onChoose */
  constructor(label, tabs, onChoose) {
    this.tabs = tabs;
    this.onChoose = onChoose;
    this.chosen = "";
    this._buttons = new Map(tabs.map((tab) => [tab.name, this._button(tab)]));
    this.element = h("div", { class: "device-tabs", role: "tablist", "aria-label": label, on: { keydown: (/** @type {KeyboardEvent} */ event) => this._key(event) } }, ...this._buttons.values());
  }

  /** Show a tab. @param {string} name */
  choose(name) {
    this.chosen = name;
    for (const tab of this.tabs) {
      const button = this._of(tab.name);
      const isChosen = tab.name === name;
      button.setAttribute("aria-selected", String(isChosen));
      button.tabIndex = isChosen ? 0 : -1; // one stop of the Tab key for all of them
      tab.panel.hidden = !isChosen;
    }
  }

  /** Bring the chosen tab into sight, along the row alone: the page stays where it is. */
  reveal() {
    const button = this._of(this.chosen);
    const { scrollLeft, clientWidth } = this.element;
    const end = button.offsetLeft + button.offsetWidth;
    if (button.offsetLeft < scrollLeft || end > scrollLeft + clientWidth) this.element.scrollLeft = button.offsetLeft - clientWidth / 2;
  }

  /** Offer a tab or not; one that is shown stays. @param {string} name @param {boolean} isOffered */
  offer(name, isOffered) {
    this._of(name).hidden = !isOffered && name !== this.chosen;
  }

  /** Mark a tab: there is something to see; "" for nothing. @param {string} name @param {string} text read aloud, and on hover */
  mark(name, text) {
    const button = this._of(name);
    button.title = text;
    button.dataset.marked = String(text !== "");
    if (text) button.setAttribute("aria-description", text);
    else button.removeAttribute("aria-description");
  }

  /** @param {Tab} tab */
  _button({ name, label, panel }) {
    panel.id ||= `panel-${name}`;
    Object.assign(panel, { role: "tabpanel" });
    panel.setAttribute("aria-labelledby", `tab-${name}`);
    const props = { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": panel.id };
    return h("button", { ...props, on: { click: () => this.onChoose(name) } }, label);
  }

  /** @param {KeyboardEvent} event */
  _key(event) {
    const shown = this.tabs.map((tab) => tab.name).filter((name) => !this._of(name).hidden);
    const at = shown.indexOf(this.chosen);
    /** @type {Record<string, number>} */
    const steps = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: shown.length - 1 };
    if (!(event.key in steps)) return;
    event.preventDefault();
    const name = shown[(steps[event.key] + shown.length) % shown.length];
    this._of(name).focus();
    this.onChoose(name);
  }

  /** @param {string} name */
  _of(name) {
    return /** @type {HTMLButtonElement} */ (this._buttons.get(name));
  }
}
