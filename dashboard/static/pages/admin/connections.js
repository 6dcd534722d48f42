// The connections that are open now: devices and viewers, from where, since when, what goes through them and what waits.
//
// Owns its table and filter; asks again every few seconds.

import { get, withQuery } from "../../app/api.js";
import { h, say } from "../../app/dom.js";
import { linkTo } from "../../app/router.js";
import { bytes, count, duration, milliseconds } from "../../app/units.js";
import { Table } from "../../parts/table.js";
import { keep } from "./address.js";
import { Asking } from "./asking.js";
import { chip } from "./cells.js";
import { choice } from "./form.js";

const EVERY_MS = 3_000;
const PAGE = 1_000;
const MOST = 5_000; // more are not sorted here: the answer has 2 MB by then

/** @param {import("../../app/main.js").App} app */
export function make(app) {
  return new Connections(app);
}

class Connections {
  /** @param {import("../../app/main.js").App} app */
  constructor(app) {
    this.app = app;
    /** @type {any[]} */
    this.all = [];
    this.isCut = false;
    this.asking = new Asking((signal) => this._ask(signal), EVERY_MS);
    this.kind = choice([["", "Devices and viewers"], ["device", "Devices"], ["viewer", "Viewers"]], "", { "aria-label": "Kind" });
    this.search = h("input", { type: "search", placeholder: "Search who and where", "aria-label": "Search connections", autocomplete: "off", spellcheck: "false" });
    this.kind.addEventListener("change", () => this._filtered());
    this.search.addEventListener("input", () => this._filtered());
    this.told = h("p", { class: "muted", role: "status" });
    this.table = new Table({
      label: "Open connections", key: (each) => String(each.id), sort: "-age", empty: "No connection matches.", onMove: (place) => keep(app, place),
      columns: [
        { name: "who", label: "Who", cell: whoOf, by: (each) => each.who },
        { name: "remote", label: "From", cell: (each) => each.remote, by: (each) => each.remote },
        { name: "age", label: "For", cell: (each) => duration(each.age_s), by: (each) => each.age_s, isNumber: true },
        { name: "trip", label: "Round trip", cell: (each) => (each.round_trip_s === null || each.round_trip_s === undefined ? "–" : milliseconds(each.round_trip_s * 1000)), by: (each) => each.round_trip_s, isNumber: true },
        { name: "in", label: "Received", cell: (each) => through(each.received_bytes, each.received_frames), by: (each) => each.received_bytes, isNumber: true },
        { name: "out", label: "Sent", cell: (each) => through(each.sent_bytes, each.sent_frames), by: (each) => each.sent_bytes, isNumber: true },
        { name: "waits", label: "Waits", cell: waitsOf, by: (each) => each.uncommitted_frames ?? each.waiting_bytes ?? 0, isNumber: true },
      ],
    });
    const bar = h("div", { class: "admin-bar filters" }, this.search, this.kind, this.told);
    this.element = h("section", { class: "admin-section" }, this.asking.error, bar, this.table.element);
  }

  /** @param {Record<string, string>} query */
  enter(query) {
    this.search.value = query.q ?? "";
    this.kind.value = query.kind ?? "";
    this.table.go(query);
    this.asking.start();
  }

  leave() {
    this.asking.leave();
  }

  _filtered() {
    keep(this.app, { q: this.search.value || null, kind: this.kind.value || null, page: null });
    this.table.page = 1;
    this._show();
  }

  /** @param {AbortSignal} signal */
  async _ask(signal) {
    /** @type {any[]} */
    const found = [];
    let after = null;
    do {
      const said = await get(withQuery("connections", { limit: PAGE, after }), signal);
      found.push(...said.connections);
      after = said.next;
    } while (after !== null && found.length < MOST);
    this.all = found;
    this.isCut = after !== null;
    this._show();
  }

  _show() {
    const wanted = this.search.value.trim().toLowerCase();
    const found = this.all.filter((each) => (!this.kind.value || each.kind === this.kind.value) && `${each.who ?? ""} ${each.remote}`.toLowerCase().includes(wanted));
    const devices = this.all.filter((each) => each.kind === "device").length;
    const cut = this.isCut ? `; only the oldest ${count(MOST)} are shown` : "";
    say(this.told, `${count(devices)} of devices, ${count(this.all.length - devices)} of viewers${cut}`);
    this.table.show(found);
  }
}

/** @param {any} each */
function whoOf(each) {
  const name = each.kind === "device" && each.who ? h("a", { href: linkTo(["devices", each.who]) }, each.who) : each.who ?? "not known yet";
  return [name, " ", chip(each.kind), each.is_conflated ? [" ", chip("slow: gets less", "warn")] : ""].flat();
}

/** @param {number} size @param {number} frames */
const through = (size, frames) => h("span", { title: `${count(frames)} messages` }, bytes(size));

/** @param {any} each */
function waitsOf(each) {
  if (each.kind === "viewer") return each.waiting_bytes ? bytes(each.waiting_bytes) : "–";
  return each.uncommitted_frames ? `${count(each.uncommitted_frames)} frames` : "–";
}
