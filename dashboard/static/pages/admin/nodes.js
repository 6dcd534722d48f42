// The nodes of a hub that is several: who has how many devices and viewers, what each has to do, how far behind it is, whether it is well.
//
// Owns its table; asks again every two seconds. What it says of other nodes is their own word, by the Redis they share.

import { get } from "../../app/api.js";
import { fill, h, say } from "../../app/dom.js";
import { linkTo } from "../../app/router.js";
import { bytes, count, digits, duration } from "../../app/units.js";
import { Table } from "../../parts/table.js";
import { Asking } from "./asking.js";
import { chip, when } from "./cells.js";
import { keep } from "./address.js";

const EVERY_MS = 2_000;
const SOON_S = 2; // who gathers is behind by so much without being late
/** @type {Record<string, string>} */
const READERS = { history: "history", rules: "rules", ledger: "commands", live: "live views" };
/** @type {Record<string, string>} */
const STORES = { behind: "is behind", down: "does not answer" };

/** @typedef {{name: string, url: string, alive: boolean, version: string, store: string, started_us: number, seen_us: number,
 *   unanswered_us: number | null, figures: Record<string, any>, isThis: boolean, isKnown: boolean, isFresh: boolean}} Node */

/** @typedef {{node: string, alone: boolean, stale: string | null, nodes: any[]}} Answer */

/** @param {import("../../app/main.js").App} app */
export function make(app) {
  return new Nodes(app);
}

class Nodes {
  /** @param {import("../../app/main.js").App} app */
  constructor(app) {
    this.hub = app.hub;
    this.asking = new Asking(async (signal) => this._show((this.answer = await get("nodes", signal))), EVERY_MS);
    /** @type {Answer | null} */
    this.answer = null;
    this._stop = () => {};
    this.alone = h("p", { hidden: true }, "This hub stands alone: it keeps its state by itself. With ", h("code", {}, 'state = "redis"'), " several hubs share devices, commands and rules, and are listed here.");
    this.redis = h("p", {});
    this.told = h("p", { class: "muted", role: "status" });
    const figure = (/** @type {string} */ name) => (/** @type {Node} */ each) => dated(each, each.figures[name] === undefined ? "–" : count(each.figures[name]));
    const by = (/** @type {string} */ name) => (/** @type {Node} */ each) => each.figures[name];
    this.table = new Table({
      label: "Nodes", key: (each) => each.name, sort: "name", empty: "", onMove: (place) => keep(app, place),
      columns: [
        { name: "name", label: "Node", cell: nameOf, by: (each) => each.name },
        { name: "health", label: "Health", cell: (each) => healthOf(each, this.hub.nowUs()), by: (each) => Number(each.alive) },
        { name: "devices", label: "Devices", cell: (each) => dated(each, devicesOf(each)), by: by("devices"), isNumber: true },
        { name: "viewers", label: "Viewers", cell: figure("viewers"), by: by("viewers"), isNumber: true },
        { name: "frames", label: "Frames/s", cell: (each) => dated(each, digits(each.figures.frames_per_s ?? 0)), by: by("frames_per_s"), isNumber: true },
        { name: "lag", label: "Behind", cell: (each) => dated(each, lagOf(each.figures)), by: (each) => worstOf(each.figures).frames, isNumber: true },
        { name: "store", label: "Store", cell: storeOf, by: (each) => each.figures.lag_frames?.history },
        { name: "since", label: "Since", cell: (each) => when(each.started_us), by: (each) => each.started_us },
      ],
    });
    this.body = h("div", { class: "nodes-body", hidden: true }, h("div", { class: "admin-bar" }, this.redis, this.told), this.table.element);
    this.element = h("section", { class: "admin-section nodes" }, this.asking.error, this.alone, this.body);
  }

  /** @param {Record<string, string>} query */
  enter(query) {
    this.table.go(query);
    this.asking.start();
    this._stop();
    this._stop = this.hub.onSystem(() => this.answer && this._show(this.answer)); // without Redis nobody is answered who came by a login
  }

  leave() {
    this.asking.leave();
    this._stop();
  }

  /** @param {Answer} answer */
  _show({ node, alone, stale: staleThen, nodes }) {
    const stale = this.hub.system.redis_away ?? staleThen;
    this.alone.hidden = !alone;
    this.body.hidden = alone;
    if (alone) return;
    const well = chip(stale === null ? "Redis answers" : "Redis does not answer", stale === null ? "good" : "bad");
    const note = stale === null ? [] : [` ${stale}. Other nodes are shown as they were; this one goes on with the devices and viewers it has.`];
    if (this.redis.textContent !== [well.textContent, ...note].join("")) fill(this.redis, well, ...note);
    /** @type {Node[]} */
    const all = nodes.map((each) => ({ ...each, isThis: each.name === node, isKnown: each.name === node || (stale === null && each.alive), isFresh: stale === null && each.alive }));
    const alive = all.filter((each) => each.alive);
    const sum = (/** @type {"device" | "viewer"} */ what) => {
      const number = alive.reduce((before, each) => before + (each.figures[`${what}s`] ?? 0), 0);
      return `${count(number)} ${what}${number === 1 ? "" : "s"}`;
    };
    say(this.told, `${alive.length} of ${all.length} alive · ${sum("device")} · ${sum("viewer")}`);
    this.table.show(all);
  }
}

/** @param {Node} each */
function nameOf(each) {
  const facts = [each.url || "does not listen yet", each.version].join(" · ");
  return [h("strong", {}, each.name), each.isThis ? [" ", chip("this one")] : "", h("span", { class: "node-url muted" }, facts)].flat();
}

/** How a node fares, by what weighs most. @param {Node} each @param {number} nowUs */
function healthOf(each, nowUs) {
  const ago = (/** @type {number} */ us) => duration(Math.max(0, nowUs - us) / 1e6);
  const { credit = "open", store_state: store = "ok" } = each.figures;
  if (!each.alive) return titled(chip(`gone for ${ago(each.seen_us)}`, "bad"), "Its devices come to another node; what it has and the store has not is shown once it is back.");
  if (!each.isKnown) return chip(`not heard of for ${ago(each.seen_us)}`, "warn");
  if (each.unanswered_us !== null) return titled(chip(`stale: no answer for ${ago(each.unanswered_us)}`, "bad"), "It is alive, and this node does not reach it: newer readings of its devices come once it does.");
  if (credit !== "open") return titled(chip("holds its devices", "bad"), `They keep their readings: ${credit}`);
  return store === "ok" ? chip("well", "good") : chip("alive", "warn");
}

/** @param {Node} each */
const devicesOf = (each) => (each.figures.devices === undefined ? "–" : h("a", { href: linkTo([], { node: each.name }) }, count(each.figures.devices)));

/** Who reads the node's journal and is farthest behind. @param {Record<string, any>} figures */
function worstOf({ lag_frames: lags = {} }) {
  return Object.entries(READERS).map(([name, label]) => ({ label, frames: lags[name] ?? 0 })).reduce((a, b) => (b.frames > a.frames ? b : a));
}

/** @param {Record<string, any>} figures */
function lagOf(figures) {
  const worst = worstOf(figures);
  const all = Object.entries(READERS).map(([name, label]) => `${label} ${count(figures.lag_frames?.[name] ?? 0)}`).join(", ");
  const size = figures.journal_bytes === undefined ? "" : `; its journal has ${bytes(figures.journal_bytes)}`;
  const isSoon = worst.frames <= SOON_S * Math.max(figures.frames_per_s ?? 0, 1);
  return h("span", { title: `Frames on its disk that are not passed on yet: ${all}${size}` }, isSoon ? "nothing" : `${worst.label}, ${count(worst.frames)} frames`);
}

/** @param {Node} each */
function storeOf(each) {
  const bad = STORES[each.figures.store_state];
  return bad ? [each.store, " ", chip(`${bad}, ${count(each.figures.lag_frames?.history ?? 0)} frames to go`, "warn")] : each.store;
}

/** What a node said last, where it may be otherwise by now. @param {Node} each @param {import("../../app/dom.js").Child} shown */
const dated = (each, shown) => (each.isFresh ? shown : h("span", { class: "is-dated", title: "As it said last" }, shown));

/** @param {HTMLElement} element @param {string} title */
function titled(element, title) {
  element.title = title;
  return element;
}
