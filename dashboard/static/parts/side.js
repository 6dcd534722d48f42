// The list of devices beside one of them: presence, search, last seen, and which one is shown.
//
// Owns the rows; a row is a link to the device's page.

import { h, keyed, say } from "../app/dom.js";
import { linkTo } from "../app/router.js";
import { ago, duration } from "../app/units.js";

/** @type {Record<string, string>} */
const PRESENCE = {
  online: "online",
  silent: "connected, but nothing comes",
  sleeping: "asleep, as it said it would be",
  offline: "offline",
  unconfirmed: "not heard of since the hub started",
};
/** How a device is, in words that explain it. @param {any} item */
export const presenceText = (item) => (isOfGoneNode(item) ? `not known: ${item.node ? `node ${item.node}` : "the part of the hub"} that had it does not answer` : PRESENCE[item.presence] ?? item.presence);
const isOfGoneNode = (/** @type {any} */ item) => item.presence === "unconfirmed" && item.node_gone_us !== undefined;

const FLAPPING = ", and comes and goes: 5 connections or more in 5 minutes";
const SEARCHED_FROM = 5; // fewer are seen at a glance

export class Side {
  /** @param {HTMLElement} root @param {import("../app/hub.js").Hub} hub */
  constructor(root, hub) {
    this.hub = hub;
    this.chosen = "";
    const list = /** @type {HTMLElement} */ (root.querySelector("#devices"));
    this.search = /** @type {HTMLInputElement} */ (root.querySelector("#search"));
    this.noMatch = /** @type {HTMLElement} */ (root.querySelector("#no-match"));
    this.count = /** @type {HTMLElement} */ (root.querySelector("#device-count"));
    this._rows = keyed(list, (/** @type {any} */ item) => item.device, (item) => this._row(item));
    this.search.addEventListener("input", () => this.show());
    list.addEventListener("keydown", (event) => move(list, event));
  }

  /** Follow the hub; returns how to stop. */
  start() {
    const stop = this.hub.devices.watch(() => this.show());
    const timer = setInterval(() => document.hidden || this.show(), 1_000); // how long ago something was goes on
    return () => {
      stop();
      clearInterval(timer);
    };
  }

  /** @param {string} name */
  choose(name) {
    this.chosen = name;
    this.show();
  }

  show() {
    const wanted = this.search.value.trim().toLowerCase();
    const all = this.hub.fleet();
    const shown = all.filter((item) => `${item.device} ${item.title ?? ""}`.toLowerCase().includes(wanted));
    const online = all.filter(isConnected).length;
    say(this.count, all.length ? `${online} of ${all.length} online` : "");
    this.search.hidden = all.length < SEARCHED_FROM && !wanted;
    this.noMatch.hidden = shown.length > 0 || all.length === 0;
    this._rows(shown);
  }

  /** @param {any} first */
  _row(first) {
    const name = h("span", { class: "device-label" });
    const seen = h("span", { class: "device-seen" });
    const link = h("a", { href: linkTo(["devices", first.device]) }, h("span", { class: "dot", "aria-hidden": "true" }), name, seen);
    const row = h("li", {}, link);
    const show = (/** @type {any} */ item) => {
      link.dataset.presence = item.presence;
      link.setAttribute("aria-current", String(item.device === this.chosen));
      link.title = presenceText(item) + (item.flapping ? FLAPPING : "");
      row.dataset.flapping = String(item.flapping === true);
      say(name, item.title ?? item.device);
      say(seen, seenText(item, this.hub.nowUs()));
    };
    return { element: row, show };
  }
}

/** Whether a device has a connection, be it that nothing comes. @param {any} item */
export const isConnected = (item) => item.presence === "online" || item.presence === "silent";

/** When a device was last seen, in words. @param {any} item @param {number} nowUs */
export function seenText(item, nowUs) {
  if (["online", "silent", "sleeping"].includes(item.presence)) return item.presence;
  return item.last_seen_us === undefined ? "never seen" : ago((nowUs - item.last_seen_us) / 1e6);
}

/** How a device is, in a few words with times. @param {any} item @param {number} nowUs */
export const factText = (item, nowUs) => stateText(item, nowUs) + (item.flapping ? ", comes and goes" : "");

/** @param {any} item @param {number} nowUs */
function stateText(item, nowUs) {
  const inS = (/** @type {number} */ us) => (us - nowUs) / 1e6;
  if (item.presence === "online") return item.connected_us === undefined ? "online" : `online for ${duration(Math.max(0, -inS(item.connected_us)))}`;
  if (item.last_seen_us === undefined) return "never seen";
  if (isOfGoneNode(item)) return `unconfirmed, ${item.node ? `node ${item.node}` : "a part of the hub"} is gone for ${duration(Math.max(0, -inS(item.node_gone_us)))}`;
  const seen = `${item.presence}, last ${item.presence === "silent" ? "heard of" : "seen"} ${ago(-inS(item.last_seen_us))}`;
  if (item.expected_us === undefined) return seen;
  const dueS = inS(item.expected_us);
  return dueS > 0 ? `${seen}, back in ${duration(dueS)}` : `${seen}, due now`;
}

// Arrow keys go through the list.
/** @param {HTMLElement} list @param {KeyboardEvent} event */
function move(list, event) {
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  const links = [...list.querySelectorAll("a")];
  const at = links.indexOf(/** @type {any} */ (document.activeElement)) + (event.key === "ArrowDown" ? 1 : -1);
  links[Math.min(Math.max(at, 0), links.length - 1)]?.focus();
  event.preventDefault();
}
