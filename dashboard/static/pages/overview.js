// The overview: every device with its presence, found by name; the way to each.
//
// Owns its list; asks for no readings.

import { fill, h, keyed, say } from "../app/dom.js";
import { linkTo } from "../app/router.js";
import { isConnected, seenText } from "../parts/side.js";

/** @param {import("../app/main.js").App} app @returns {import("../app/shell.js").Page} */
export function make(app) {
  return new Overview(app);
}

class Overview {
  /** @param {import("../app/main.js").App} app */
  constructor(app) {
    this.app = app;
    this.list = h("ul", { class: "device-cards" });
    this.count = h("p", { class: "muted" });
    this.empty = empty();
    this.search = h("input", { type: "search", placeholder: "Search devices", "aria-label": "Search devices", autocomplete: "off", spellcheck: "false", on: { input: () => this._show() } });
    this.body = h("div", {}, h("div", { class: "view-head" }, h("div", {}, h("h1", {}, "Devices"), this.count), this.search), this.list);
    this.element = h("div", { class: "page" }, this.empty, this.body);
    this._rows = keyed(this.list, (/** @type {any} */ item) => item.device, (item) => this._row(item));
    this._stop = () => {};
    this._timer = 0;
  }

  title() {
    return "Overview";
  }

  enter() {
    this.leave();
    this._stop = this.app.hub.devices.watch(() => this._show());
    this._timer = setInterval(() => this._show(), 1_000);
    this._show();
  }

  leave() {
    this._stop();
    clearInterval(this._timer);
  }

  _show() {
    const { devices } = this.app.hub;
    this.empty.hidden = devices.items.size > 0 || !devices.isKnown;
    this.body.hidden = devices.items.size === 0;
    const wanted = this.search.value.trim().toLowerCase();
    const all = devices.sorted();
    const online = all.filter(isConnected).length;
    say(this.count, `${online} of ${all.length} online`);
    this._rows(all.filter((item) => item.device.toLowerCase().includes(wanted)));
  }

  /** @param {any} first */
  _row(first) {
    const name = h("span", { class: "device-label" }, first.device);
    const seen = h("span", { class: "device-seen" });
    const link = h("a", { class: "card device-card", href: linkTo(["devices", first.device]) }, h("span", { class: "dot", "aria-hidden": "true" }), name, seen);
    const show = (/** @type {any} */ item) => {
      link.dataset.presence = item.presence;
      say(name, item.title ?? item.device);
      say(seen, seenText(item, this.app.hub.nowUs()));
    };
    return { element: h("li", {}, link), show };
  }
}

function empty() {
  const section = h("section", { class: "empty", id: "empty", hidden: true });
  fill(
    section,
    h("img", { src: "./static/mark.svg", alt: "", width: 56, height: 56 }),
    h("h1", {}, "No device yet"),
    h("p", {}, "Add one on the machine where the hub runs; it prints the token the device connects with:"),
    h("pre", {}, h("code", {}, "tributary device add NAME")),
    h("p", { class: "muted" }, "Devices show up here by themselves as soon as they are added."),
  );
  return section;
}
