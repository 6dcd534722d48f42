// A tile of states: a lamp and a word for each device, and since when; or their presence, as the hub judges it.
//
// Owns its elements. since.js has since when. A lamp has a shape of its own for each level: nobody needs the colours.

import { ApiError } from "../app/api.js";
import { field, h, keyed, say } from "../app/dom.js";
import { utcText } from "../app/times.js";
import { factText } from "../parts/side.js";
import { isWord } from "./choices.js";
import { absence, choice, frame, leadTo, nameOf } from "./parts.js";
import { RECENT, ageText, isStale, localText, newestVersions, seriesOf, sourceOf, spanned } from "./rules.js";
import { levelOfWord, sinceOf, wordOf } from "./since.js";
import { sourceFields } from "./source.js";

const MOST = 60;
const PRESENCE = "(presence)"; // in the place of a channel
/** @type {Record<string, string>} */
const LEVEL_OF_PRESENCE = { online: "good", silent: "warn", unconfirmed: "warn", sleeping: "none", offline: "bad" };
/** @type {Record<string, string>} */
const SIGNS = { good: "✓", warn: "!", bad: "✕", on: "", none: "" };

/** @type {import("./index.js").TileType} */
export const type = {
  name: "state",
  label: "State",
  defaults: { w: 3, h: 3, config: {} },
  isMoment: true,
  isOfNow: (config) => isPresence(config),
  fields: stateFields,
  wanted: (config) => (isPresence(config) ? null : spanned(config, RECENT)),
  make: (app, config) => new StateTile(app, config),
};

/** @param {Record<string, any>} config */
const isPresence = (config) => config.channels?.[0] === PRESENCE;

/** @param {Record<string, any>} config @param {import("./index.js").Known} known @returns {import("./index.js").Fields} */
function stateFields(config, known) {
  // Presence is offered as a channel that every device has.
  const devices = known.devices.map((each) => ({ ...each, channels: [...(each.channels ?? []).filter(isWord), { name: PRESENCE, kind: "state", unit: "" }] }));
  const source = sourceFields(config, { ...known, devices: /** @type {any} */ (devices) }, { fits: isWord, isMany: true, most: 1, labels: { [PRESENCE]: "Presence of the device" } });
  const text = (/** @type {string} */ name, /** @type {string} */ placeholder) => h("input", { type: "text", value: config[name] ?? "", placeholder, autocomplete: "off" });
  const [on, off, good, warn, bad] = [text("on", "on"), text("off", "off"), text("good", "idle, ready"), text("warn", "busy"), text("bad", "fault")];
  const pairs = h("div", { class: "tile-pairs" }, field("Word for on", on), field("Word for off", off));
  const levels = [field("Green for", good, "Values or words, with commas between them."), field("Yellow for", warn), field("Red for", bad)];
  const read = () => {
    const found = source.read();
    if (found.channels.includes(PRESENCE) && found.channels.length > 1) throw new ApiError("Choose the presence of the device, or channels: not both.", {});
    if (found.channels.includes(PRESENCE) && found.source.where) throw new ApiError("For presence choose devices by name, or all of them.", {});
    return { ...found, on: on.value.trim(), off: off.value.trim(), good: good.value.trim(), warn: warn.value.trim(), bad: bad.value.trim() };
  };
  return { elements: [...source.elements, pairs, ...levels], read };
}

/** @typedef {{key: string, device: string, channel: string, word: string, level: string, since: string, title: string, isOld: boolean}} Lamp */

class StateTile {
  /** @param {import("../app/main.js").App} app @param {Record<string, any>} config */
  constructor(app, config) {
    this.hub = app.hub;
    this.config = config;
    this.list = h("ul", { class: "lamps" });
    this.more = h("p", { class: "hint", hidden: true });
    this.frame = frame("state", this.list, this.more);
    this.element = this.frame.element;
    this._rows = keyed(this.list, (/** @type {Lamp} */ lamp) => lamp.key, () => row(this.hub));
  }

  /** @param {number} nowUs @param {import("../parts/shared_streams.js").Readings | null} stream */
  draw(nowUs, stream) {
    const found = isPresence(this.config) ? this._devices() : newestVersions(seriesOf(stream, this.config));
    this.frame.show(isPresence(this.config) ? (found.length ? null : "No such device.") : absence(stream, found, nowUs, "24 h"));
    this.list.dataset.many = String(found.length > 1);
    const shown = found.slice(0, MOST);
    this._rows(isPresence(this.config) ? this._presences(shown, nowUs) : this._states(shown, nowUs));
    this.more.hidden = found.length <= MOST;
    say(this.more, `${found.length - MOST} more are not shown.`);
  }

  close() {}

  /** @param {any[]} found series @param {number} nowUs @returns {Lamp[]} */
  _states(found, nowUs) {
    const hasMany = new Set(found.map((each) => each.channel)).size > 1;
    return found.map((series) => {
      const { value, atUs, sinceUs, isWhole } = sinceOf(series.rows);
      const isOld = isStale(series, atUs, nowUs, this.hub.devices.get(series.device));
      const word = wordOf(value, this.config);
      const since = isOld ? ageText(atUs, nowUs) : `${isWhole ? "since" : "since before"} ${localText(sinceUs)}`;
      const device = nameOf(this.hub, series.device) + (hasMany || found.length === 1 ? ` · ${series.channel}` : "");
      return { key: series.key, device: series.device, channel: device, word, level: levelOfWord(value, word, this.config), since, title: utcText(sinceUs), isOld };
    });
  }

  /** @returns {any[]} */
  _devices() {
    const { devices } = this.hub;
    const names = sourceOf(this.config)?.devices ?? [];
    return names.includes("*") ? devices.sorted() : names.flatMap((name) => devices.get(name) ?? []);
  }

  /** @param {any[]} items devices @param {number} nowUs @returns {Lamp[]} */
  _presences(items, nowUs) {
    return items.map((item) => ({
      key: item.device, device: item.device, channel: item.title ?? item.device, word: item.presence, level: LEVEL_OF_PRESENCE[item.presence] ?? "none",
      since: this.hub.isOpen ? sinceText(item, nowUs) : "not known without a connection", title: item.last_seen_us ? utcText(item.last_seen_us) : "", isOld: !this.hub.isOpen,
    }));
  }
}

/** How long it has been so, without the word for what it is. @param {any} item @param {number} nowUs */
const sinceText = (item, nowUs) => {
  const text = factText(item, nowUs);
  return text.startsWith(item.presence) ? text.slice(item.presence.length).replace(/^, /, "").trim() : text;
};

/** @param {import("../app/hub.js").Hub} hub */
function row(hub) {
  const lamp = h("span", { class: "lamp", "aria-hidden": "true" });
  const name = h("a", { class: "lamp-name" });
  const word = h("span", { class: "lamp-word" });
  const since = h("span", { class: "lamp-since" });
  const element = h("li", {}, lamp, name, word, since);
  const show = (/** @type {Lamp} */ each) => {
    element.dataset.level = each.level;
    element.dataset.stale = String(each.isOld);
    say(lamp, SIGNS[each.level] ?? "");
    say(name, each.channel);
    leadTo(name, hub, each.device);
    say(word, each.word);
    say(since, each.since);
    since.title = each.title;
  };
  return { element, show };
}
