// One device of the overview: its name, how it is, its tags, and the newest of the chosen channel with the line of the last minutes.
//
// Owns the row's elements, which are of one device and later of another; asks nobody for anything.

import { displayed } from "../../app/conversion.js";
import { fill, h, say } from "../../app/dom.js";
import { linkTo } from "../../app/router.js";
import { wholeText } from "../../app/times.js";
import { shown } from "../../app/units.js";
import { factText, presenceText } from "../side.js";
import { nameOf } from "./choosing.js";
import { Sparkline } from "./sparkline.js";

/** @typedef {{series: any, hasChannel: boolean, time: import("./sparkline.js").Time}} Picture */

export class DeviceRow {
  /** @param {(tag: string) => void} onTag somebody wants the devices that have a tag */
  constructor(onTag) {
    this.onTag = onTag;
    this.link = h("a", { class: "row-link" });
    this.id = h("span", { class: "row-id muted" });
    this.flags = h("span", { class: "row-flags" });
    this.silent = h("span", { class: "chip", data: { flag: "silent" }, hidden: true }, "node silent");
    this.facts = h("span", { class: "row-facts" });
    this.tags = h("div", { class: "row-tags" });
    this.kind = h("span", { class: "row-kind" });
    this.value = h("span", { class: "row-value" });
    this.spark = new Sparkline();
    const cell = (/** @type {string} */ name, /** @type {(Node | null)[]} */ ...parts) => h("div", { role: "gridcell", class: name }, parts);
    this.element = h("div", { role: "row", class: "device-row" },
      h("div", { role: "rowheader", class: "cell-name" }, h("span", { class: "dot", "aria-hidden": "true" }), h("span", { class: "row-names" }, this.link, this.id, this.flags, this.silent)),
      cell("cell-state", this.facts),
      cell("cell-kind", this.kind),
      cell("cell-tags", this.tags),
      cell("cell-value", this.value),
      cell("cell-spark", this.spark.element));
    /** @type {any} */
    this.item = null;
  }

  /** Be the row of a device, as it is now. @param {any} item */
  show(item) {
    if (this.item === item) return;
    this.item = item;
    this.link.href = linkTo(["devices", item.device]);
    say(this.link, nameOf(item));
    say(this.id, item.title && item.title !== item.device ? item.device : "");
    say(this.kind, item.kind ?? "");
    this.element.dataset.presence = item.presence;
    this.element.dataset.flapping = String(item.flapping === true);
    fill(this.flags, item.disabled && h("span", { class: "chip", data: { flag: "disabled" } }, "disabled"), item.flapping && h("span", { class: "chip", data: { flag: "flapping" } }, "flapping"));
    const tags = /** @type {string[]} */ (item.tags ?? []);
    fill(this.tags, tags.map((tag) => h("button", { type: "button", class: "tag", tabindex: -1, title: `Show the devices with ${tag}`, on: { click: () => this.onTag(tag) } }, tag)));
    this.tags.title = tags.join(", ");
    const seenUs = item.last_seen_us;
    const when = seenUs === undefined ? "" : `; last seen ${wholeText(seenUs)}`;
    this.facts.title = `${presenceText(item)}${when}`;
  }

  /** Say how the device is at a moment, and what is to be said where its node does not answer. @param {number} nowUs @param {string | null} silence */
  tell(nowUs, silence) {
    this.silent.hidden = silence === null;
    if (silence !== null && this.silent.title !== silence) this.silent.title = silence;
    say(this.facts, factText(this.item, nowUs).replace(", comes and goes", "")); // that is a flag beside the name
  }

  /** Draw the line and say the newest value. @param {Picture} picture */
  draw({ series, hasChannel, time }) {
    const converted = displayed(series?.unit ?? "");
    const newest = this.spark.draw(series, { ...time, intervalUs: Math.max(time.intervalUs, (this.item.interval_s ?? 0) * 1e6) }, converted);
    const unit = series?.kind === "counter" ? `${converted.unit}/s` : converted.unit;
    say(this.value, series ? shown(newest, unit) : hasChannel ? "–" : "");
    this.value.dataset.live = String(this.item.presence === "online" && this.silent.hidden);
  }
}
