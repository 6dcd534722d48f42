// The charts of one device: one for each unit, with the channels that have it; and tiles for states, texts and positions.
//
// Owns the cards and their order; card.js has one of them, linechart.js how lines are drawn.

import { displayed } from "../app/conversion.js";
import { fill, h } from "../app/dom.js";
import { lastTime, lastValue, numberOf } from "../app/model.js";
import { ago, shown } from "../app/units.js";
import { Card } from "./card.js";

export class Charts {
  /** @param {HTMLElement} root @param {HTMLElement} waiting shown where there is nothing @param {import("./card.js").Shared} shared */
  constructor(root, waiting, shared) {
    this.root = root;
    this.waiting = waiting;
    this.shared = shared;
    this.cards = new Map(); // unit -> Card, "values" -> Tiles
    this.isVisible = new WeakMap();
    this.seen = new IntersectionObserver((entries) => {
      for (const entry of entries) this.isVisible.set(entry.target, entry.isIntersecting);
      root.dispatchEvent(new CustomEvent("redraw"));
    }, { rootMargin: "200px" });
  }

  clear() {
    for (const card of this.cards.values()) this._remove(card);
    this.cards.clear();
  }

  // Colours or units have changed.
  restyle() {
    for (const card of this.cards.values()) card.palette = null;
  }

  // Draw what a model has of a device in a stretch of time: a view as linechart.js wants it.
  draw(model, device, view) {
    const groups = grouped(model, device);
    this.waiting.hidden = groups.size > 0;
    for (const [unit, card] of this.cards) {
      if (groups.has(unit)) continue;
      this._remove(card);
      this.cards.delete(unit);
    }
    let at = 0;
    for (const [unit, channels] of groups) {
      let card = this.cards.get(unit);
      if (!card) {
        card = unit === "values" ? new Tiles() : new Card(unit, this.shared);
        this.cards.set(unit, card);
        this.root.insertBefore(card.element, this.root.children[at] ?? null);
        this.seen.observe(card.element);
      }
      at += 1;
      card.draw(channels, view, this.isVisible.get(card.element) !== false);
    }
  }

  _remove(card) {
    this.seen.unobserve(card.element);
    card.remove();
  }
}

// The channels that a device declares and those it once had with data, by unit; in the device's own order.
function grouped(model, device) {
  const order = new Map((device.channels ?? []).map((channel, at) => [channel.name, at]));
  const found = [...model.series.values()].filter((each) => each.device === device.device && each.rows.length > 0);
  found.sort((a, b) => (order.get(a.channel) ?? 1e6) - (order.get(b.channel) ?? 1e6) || a.channel.localeCompare(b.channel));
  const groups = new Map();
  const values = [];
  for (const series of found) {
    if (series.kind === "text" || series.kind === "position" || (series.kind === "state" && !isNumeric(series.rows))) {
      values.push(series);
      continue;
    }
    const unit = series.kind === "counter" ? perSecond(displayed(series.unit).unit) : series.kind === "state" ? "state" : series.unit === "1" ? "" : displayed(series.unit).unit;
    if (!groups.has(unit)) groups.set(unit, []);
    groups.get(unit).push(series);
  }
  if (values.length) groups.set("values", values);
  return groups;
}

const perSecond = (unit) => `${unit === "1" ? "" : unit}/s`;
const isNumeric = (rows) => numberOf(lastValue(rows.at(-1))) !== null;

// States with words, texts and positions: the newest value of each.
class Tiles {
  constructor() {
    this.list = h("dl", { class: "tiles" });
    this.element = h("section", { class: "card chart" }, h("h2", {}, "Values"), this.list);
  }

  remove() {
    this.element.remove();
  }

  draw(channels, view) {
    fill(this.list, channels.map((series) => {
      const row = series.rows.findLast((each) => each.t <= view.nowUs) ?? series.rows.at(-1);
      const title = ago((view.nowUs - lastTime(row)) / 1e6);
      return h("div", {}, h("dt", {}, series.channel), h("dd", { title }, shown(lastValue(row), series.unit)));
    }));
  }
}
