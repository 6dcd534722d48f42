// How long readings are kept, in how much room, and what to set to change it. A hub reads its settings when it starts, so nothing is set here.
//
// Owns what it shows; asks again every few seconds.

import { get } from "../../app/api.js";
import { fill, h } from "../../app/dom.js";
import { bytes, count } from "../../app/units.js";
import { Table } from "../../parts/table.js";
import { Asking } from "./asking.js";
import { dayOf, factsOf } from "./cells.js";
import { copied } from "./form.js";

const EVERY_MS = 5_000;
/** @type {Record<string, string>} */
const TIERS = { raw: "Readings as they came", "1min": "Buckets of a minute", "1h": "Buckets of an hour" };

/** @param {import("../../app/main.js").App} app */
export function make(app) {
  return new Retention(app);
}

class Retention {
  /** @param {import("../../app/main.js").App} app */
  constructor(app) {
    this.app = app;
    this.asking = new Asking(async (signal) => this._show(await get("store", signal)), EVERY_MS);
    this.facts = h("div", { class: "card padded" });
    this.tiers = new Table({
      label: "What is kept", key: (tier) => tier.tier, empty: "This store keeps what it has by rules of its own.",
      columns: [
        { name: "tier", label: "What", cell: (tier) => h("strong", {}, TIERS[tier.tier] ?? tier.tier) },
        { name: "bytes", label: "Size", cell: (tier) => bytes(tier.bytes), isNumber: true },
        { name: "files", label: "Files", cell: (tier) => count(tier.files), isNumber: true },
        { name: "oldest", label: "From", cell: (tier) => dayOf(tier.oldest_us) },
        { name: "newest", label: "To", cell: (tier) => dayOf(tier.newest_us) },
        { name: "keep", label: "Kept for", cell: (tier) => days(tier.keep_days) },
      ],
    });
    this.settings = new Table({
      label: "What to set", key: (each) => each.name, empty: "",
      columns: [
        { name: "name", label: "Setting", cell: (each) => h("code", {}, each.name) },
        { name: "value", label: "Now", cell: (each) => each.now },
        { name: "means", label: "Meaning", cell: (each) => each.means },
      ],
    });
    this.example = h("div");
    const how = h("section", { "aria-label": "To change it" }, h("h2", {}, "To change it"), h("p", { class: "muted" }, "Put it into the file that the hub is started with (", h("code", {}, "tributary serve --config hub.toml"), ") or into its environment, then start it anew. Devices keep their readings meanwhile."), this.settings.element, this.example);
    this.element = h("section", { class: "admin-section" }, this.asking.error, this.facts, this.tiers.element, how);
  }

  enter() {
    this.asking.start();
  }

  leave() {
    this.asking.leave();
  }

  /** @param {any} store */
  _show(store) {
    fill(this.facts, meter(store), factsOf([
      ["Store", `${store.name} (${store.url})`],
      ["Readings", store.readings === undefined ? null : `${count(store.readings)}${store.series === undefined ? "" : ` of ${count(store.series)} series`}`],
      ["Free on the disk", store.journal.free_bytes === undefined ? null : bytes(store.journal.free_bytes)],
      ["Went by the quota", store.evicted_bytes ? `${bytes(store.evicted_bytes)} since the start` : null],
      ["Went by age", store.expired_bytes ? `${bytes(store.expired_bytes)} since the start` : null],
    ]));
    this.tiers.show(store.tiers);
    this.settings.show(settingsOf(store));
    const lines = settingsOf(store).map(({ name, toml }) => `${name} = ${toml}`);
    const shown = this.example.querySelector("code")?.textContent;
    if (shown !== lines.join("\n")) fill(this.example, copied("settings", lines.join("\n")));
  }
}

// How full it is, against the quota or what the disk has.
function meter(/** @type {any} */ store) {
  if (!store.limit_bytes) return null;
  const limit = store.quota_bytes ? "of its quota" : "of what the disk has for it";
  const text = `${bytes(store.bytes ?? 0)} ${limit}, ${bytes(store.limit_bytes)}`;
  const bar = h("progress", { max: store.limit_bytes, value: Math.min(store.bytes ?? 0, store.limit_bytes), "aria-label": text });
  return h("div", { class: "meter" }, h("strong", {}, text), bar, h("p", { class: "hint" }, "At 95 % the oldest readings go; their minutes and hours stay."));
}

/** @param {any} store @returns {{name: string, now: string, toml: string, means: string}[]} */
function settingsOf({ retention, quota_bytes }) {
  const kept = (/** @type {string} */ name, /** @type {number} */ value, /** @type {string} */ means) => ({ name, now: days(value), toml: String(value), means: `${means}, in days; 0: for ever` });
  const found = [kept("keep_raw_days", retention.raw_days, "Readings as they came")];
  if (retention.minutes_days !== undefined) found.push(kept("keep_minutes_days", retention.minutes_days, "Buckets of a minute"));
  if (retention.hours_days !== undefined) found.push(kept("keep_hours_days", retention.hours_days, "Buckets of an hour"));
  if (quota_bytes !== undefined) found.push({ name: "history_max_bytes", now: quota_bytes ? bytes(quota_bytes) : "what the disk has", toml: quota_bytes ? String(quota_bytes) : "0", means: "The quota of all of it, in bytes or as \"50GB\"; 0: what the disk has but for min_free_bytes" });
  return found;
}

/** @param {number} number */
const days = (number) => (number ? `${count(number)} ${number === 1 ? "day" : "days"}` : "ever");
