// What a device is: what people say of it, what its program says, its channels and how they changed, its readings as files.
//
// Owns how that is shown; device_actions.js has what can be done about it.

import { withQuery } from "../app/api.js";
import { fill, h } from "../app/dom.js";
import { linkTo } from "../app/router.js";
import { nodeOf } from "../app/places.js";
import { moment } from "../app/times.js";
import { duration, symbol } from "../app/units.js";
import { DeviceActions } from "./device_actions.js";
import { factText, isConnected } from "./side.js";

const CLOCK_IS_OFF_US = 1e6;

export class Facts {
  /** @param {import("../app/main.js").App} app */
  constructor(app) {
    this.hub = app.hub;
    this.actions = new DeviceActions(app);
    this._shown = "";
    this.said = h("dl", { class: "facts-list" });
    this.told = h("dl", { class: "facts-list" });
    this.channels = h("div");
    this.files = h("div", { class: "actions" });
    const left = h("div", {}, card("Its program says", this.told), card("Channels", this.channels));
    const right = h("div", {}, card("People say", this.said, this.actions.editing), card("Readings as files", this.files), this.actions.element);
    this.element = h("div", { class: "about-columns" }, left, right);
  }

  /** @returns {() => void} */
  open() {
    this._shown = "";
    const timer = setInterval(() => document.hidden || this._showTold(), 1_000); // how long it is online goes on
    return () => clearInterval(timer);
  }

  /** @param {any} device */
  show(device) {
    this.device = device;
    this.actions.show(device);
    const { presence: _, last_seen_us: __, version: ___, ...lasting } = device;
    const shown = JSON.stringify(lasting);
    this._showTold();
    if (shown === this._shown) return; // what somebody has selected stays selected
    this._shown = shown;
    fill(this.said, ...saidOf(device));
    fill(this.channels, ...channelsOf(device));
    fill(this.files, ...filesOf(device.device));
  }

  _showTold() {
    if (!this.device) return;
    const rows = toldOf(this.device, nodeOf(this.device, this.hub.system), this.hub.nowUs());
    const text = JSON.stringify(rows.map(([, value]) => (value instanceof Node ? value.textContent : value)));
    if (text === this._told) return;
    this._told = text;
    fill(this.told, ...pairs(rows));
  }
}

/** @param {string} title @param {...import("../app/dom.js").Child} children */
const card = (title, ...children) => h("section", { class: "card panel-card" }, h("h2", {}, title), ...children);

/** @param {[string, import("../app/dom.js").Child][]} rows */
const pairs = (rows) => rows.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]);

/** @param {any} device */
function saidOf(device) {
  const tags = (device.tags ?? []).map((/** @type {string} */ tag) => h("a", { class: "device-tag", href: linkTo([], { where: tag }) }, tag));
  const notes = device.notes ? h("span", { class: "pre-line" }, device.notes) : "–";
  return pairs([
    ["Title", device.title ?? "–"],
    ["Kind", device.kind ?? "–"],
    ["Tags", tags.length ? h("span", {}, ...tags) : "–"],
    ["Notes", notes],
  ]);
}

/** @param {any} device @param {string | null} node @param {number} nowUs @returns {[string, import("../app/dom.js").Child][]} */
function toldOf(device, node, nowUs) {
  const offsetUs = device.clock_offset_us ?? 0;
  const isOff = Math.abs(offsetUs) > CLOCK_IS_OFF_US;
  const clock = isOff ? `${duration(Math.abs(offsetUs) / 1e6)} ${offsetUs > 0 ? "ahead" : "behind"}; its readings carry its own times` : `right, to ${(Math.abs(offsetUs) / 1e3).toFixed(0)} ms`;
  /** @type {[string, import("../app/dom.js").Child][]} */
  const rows = [
    ["Name", h("code", {}, device.device)],
    ["Presence", device.disabled ? "disabled: it is kept out" : factText(device, nowUs)],
  ];
  if (isConnected(device) && device.connected_us !== undefined) rows.push(["Connected since", moment(device.connected_us)]);
  else if (device.last_seen_us !== undefined) rows.push(["Last seen", moment(device.last_seen_us)]);
  if (node !== null) rows.push([isConnected(device) ? "Node" : "Last on node", node]);
  if (device.firmware) rows.push(["Firmware", device.firmware]);
  if (device.interval_s) rows.push(["Reports every", `${device.interval_s} s`]);
  if (device.sleep_s) rows.push(["Sleeps for", duration(device.sleep_s)]);
  if (device.clock_offset_us !== undefined) rows.push(["Clock", clock]);
  rows.push(["Token", tokenText(device)]);
  return rows;
}

/** @param {any} device */
function tokenText(device) {
  if (device.has_token === false) return "withdrawn: it needs a new one to connect";
  if (device.old_token_until_us) return h("span", {}, "replaced; the old one is good until ", moment(device.old_token_until_us));
  return "given";
}

/** @param {any} device */
function channelsOf(device) {
  if (!device.channels?.length) return [h("p", { class: "muted" }, "It has said of no channel yet: it does when it first connects.")];
  const head = h("thead", {}, h("tr", {}, ["Channel", "Unit", "Kind", "Range", "Version"].map((name) => h("th", { scope: "col" }, name))));
  const body = h("tbody", {}, device.channels.map((/** @type {any} */ channel) => channelRow(channel, device.channel_versions?.[channel.name] ?? 1)));
  const frame = h("div", { class: "table-frame", tabindex: "0", role: "region", "aria-label": "Channels" }, h("table", { class: "tiers" }, head, body));
  const changes = [...(device.channel_changes ?? [])].reverse().map(changeEntry);
  return [frame, changes.length ? h("ul", { class: "changes", "aria-label": "Changes of channels" }, ...changes) : null];
}

/** @param {any} channel @param {number} version */
function channelRow(channel, version) {
  const { min, max } = channel;
  const limits = channel.values?.join(", ") ?? (min === undefined && max === undefined ? "–" : `${min ?? "…"} to ${max ?? "…"}`);
  const unit = channel.unit ? h("span", { title: `UCUM: ${channel.unit}` }, symbol(channel.unit) || channel.unit) : "–";
  return h("tr", {}, h("td", {}, channel.name), h("td", {}, unit), h("td", {}, channel.kind), h("td", {}, limits), h("td", {}, version));
}

/** @param {any} change */
function changeEntry({ channel, version, at_us: atUs, from, to }) {
  const form = (/** @type {{unit: string, kind: string}} */ each) => [each.unit ? symbol(each.unit) : "no unit", from.kind === to.kind ? "" : each.kind].filter(Boolean).join(", ");
  return h("li", {}, moment(atUs), ` ${channel} became version ${version}: ${form(from)} → ${form(to)}. Its lines before and after are apart.`);
}

/** @param {string} device */
function filesOf(device) {
  const link = (/** @type {string} */ text, /** @type {Record<string, any>} */ query) => h("a", { class: "outlined", href: withQuery("api/v1/export", { device, ...query }), download: "" }, text);
  const day = { span_s: 86_400 };
  return [link("CSV, 24 hours", { format: "csv", ...day }), link("Parquet, 24 hours", { format: "parquet", ...day }), link("CSV, all", { format: "csv" }), link("Parquet, all", { format: "parquet" })];
}
