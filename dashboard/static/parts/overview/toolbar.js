// Above the list: search, tag expression, states with their numbers, the channel of the lines, and on a phone the order.
//
// Owns the controls and says what was chosen; what that means is choosing.js.

import { fill, h, keyed, say } from "../../app/dom.js";
import { SORTS, STATES } from "./choosing.js";

let made = 0;

export class Toolbar {
  /** @param {(change: Partial<import("./choosing.js").Choice>) => void} onChoice */
  constructor(onChoice) {
    this.onChoice = onChoice;
    made += 1;
    const errorId = `where-error-${made}`;
    this.words = this._input("Search devices", "Name, kind, tag, firmware", "words");
    this.where = this._input("Tag expression", "floor=2 and not kind=test", "where");
    this.where.setAttribute("aria-describedby", errorId);
    this.error = h("p", { id: errorId, class: "error", role: "status" });
    this.channel = h("select", { "aria-label": "Channel of the lines", on: { change: () => onChoice({ channel: this.channel.value }) } });
    this.node = h("select", { "aria-label": "Node", hidden: true, on: { change: () => onChoice({ node: this.node.value }) } });
    this.sort = h("select", { "aria-label": "Sort by", on: { change: () => onChoice({ sort: this.sort.value }) } });
    fill(this.sort, Object.entries(SORTS).flatMap(([name, { label }]) => [option(name, `By ${label.toLowerCase()}`), option(`-${name}`, `By ${label.toLowerCase()}, turned round`)]));
    this.states = h("div", { class: "state-filter", role: "group", "aria-label": "Show only" });
    this._states = keyed(this.states, (/** @type {any} */ each) => each.name, (each) => this._state(each.name));
    this.fields = h("div", { class: "toolbar-fields" }, this.words, this.where, this.node, this.channel, this.sort);
    this.element = h("div", { class: "toolbar" }, this.fields, this.error, this.states);
    this._channels = this._nodes = "";
  }

  /** @param {string} label @param {string} placeholder @param {"words" | "where"} key */
  _input(label, placeholder, key) {
    const input = h("input", { type: "search", placeholder: key === "words" ? label : placeholder, "aria-label": label, title: placeholder, autocomplete: "off", autocapitalize: "off", spellcheck: "false" });
    input.addEventListener("input", () => this.onChoice({ [key]: input.value }));
    return input;
  }

  /** @param {string} name */
  _state(name) {
    const count = h("span", { class: "count" });
    const label = name === "" ? "All" : name;
    const element = h("button", { type: "button", class: "state-button", data: { presence: name } }, name === "" ? null : h("span", { class: "dot", "aria-hidden": "true" }), label, " ", count);
    element.addEventListener("click", () => this.onChoice({ state: element.getAttribute("aria-pressed") === "true" ? "" : name }));
    const show = (/** @type {any} */ each) => {
      element.setAttribute("aria-pressed", String(each.isChosen));
      say(count, each.count.toLocaleString("en"));
    };
    return { element, show };
  }

  /** Show what is chosen, also what came by the address. @param {import("./choosing.js").Choice} choice @param {string} error of the expression */
  choose(choice, error) {
    for (const [input, value] of /** @type {const} */ ([[this.words, choice.words], [this.where, choice.where]])) if (input.value !== value) input.value = value;
    this.sort.value = choice.sort;
    this.where.setAttribute("aria-invalid", String(error !== ""));
    say(this.error, error && `Not applied: ${error}.`);
  }

  /** @param {Record<string, number>} counts @param {number} all @param {string} chosen */
  count(counts, all, chosen) {
    const shown = Object.keys(STATES).filter((name) => counts[name] || name === chosen || name === "online");
    this._states([{ name: "", count: all, isChosen: chosen === "" }, ...shown.map((name) => ({ name, count: counts[name], isChosen: name === chosen }))]);
  }

  /** Offer the nodes that have devices, where there are several. @param {string[]} names @param {string} chosen */
  offerNodes(names, chosen) {
    const all = chosen && !names.includes(chosen) ? [...names, chosen] : names;
    const told = all.join();
    if (told !== this._nodes) {
      this._nodes = told;
      fill(this.node, option("", "All nodes"), all.map((name) => option(name, `On node ${name}`)));
    }
    if (this.node.value !== chosen) this.node.value = chosen;
    this.node.hidden = all.length < 2;
    this.fields.classList.toggle("has-nodes", !this.node.hidden);
  }

  /** @param {{name: string, devices: number}[]} channels @param {string} chosen */
  offer(channels, chosen) {
    const told = JSON.stringify(channels);
    if (told !== this._channels) {
      this._channels = told;
      const missing = chosen && !channels.some(({ name }) => name === chosen) ? [option(chosen, `${chosen} (no device)`)] : [];
      fill(this.channel, missing, channels.map(({ name, devices }) => option(name, `${name} (${devices.toLocaleString("en")} ${devices === 1 ? "device" : "devices"})`)));
    }
    if (this.channel.value !== chosen) this.channel.value = chosen;
    this.channel.hidden = channels.length === 0;
  }
}

const option = (/** @type {string} */ value, /** @type {string} */ text) => h("option", { value }, text);
