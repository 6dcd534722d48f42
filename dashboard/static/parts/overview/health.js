// How the hub fares, at a glance: frames a second, who is connected, what is behind, whether devices are held.
//
// Owns the strip and when it asks: every two seconds while somebody looks. A login for some devices only is told nothing of the whole hub.

import { ApiError, get } from "../../app/api.js";
import { h, say } from "../../app/dom.js";
import { count, duration } from "../../app/units.js";
import { Hops } from "./hops.js";

const AGAIN_MS = 2_000;
const UNTIL_OPEN_MS = 200;
const FORBIDDEN = 403;
/** @type {Record<string, string>} */
const HELD = { store_full: "its disk is full", overload: "it is overloaded", starting: "it is starting" };
const FOLLOWERS = { history: "history", rules: "rules", ledger: "commands", live: "live view" };
const SOON_S = 2; // a follower that gathers is behind by so much without being late

/** @typedef {{value: string, more: string, level: "" | "warning" | "error", hint: string}} Fact */

export class Health {
  /** @param {import("../../app/hub.js").Hub} hub */
  constructor(hub) {
    this.hub = hub;
    this.timer = 0;
    this._back = () => document.hidden || this._ask();
    /** @type {Map<string, {box: HTMLElement, value: HTMLElement, more: HTMLElement}>} */
    this._facts = new Map();
    this.facts = h("dl", { class: "health", "aria-label": "The hub" });
    this.hops = new Hops();
    this.element = h("div", { class: "hub-health" }, this.facts, this.hops.element);
    for (const name of ["Frames", "Connected", "Viewers", "Behind", "Intake"]) this._add(name);
  }

  start() {
    this.stop();
    document.addEventListener("visibilitychange", this._back);
    this._ask();
  }

  stop() {
    clearTimeout(this.timer);
    this.timer = 0;
    document.removeEventListener("visibilitychange", this._back);
  }

  /** @param {string} name */
  _add(name) {
    const [value, more] = [h("span", { class: "health-value" }, "–"), h("span", { class: "health-more" })];
    const box = h("div", {}, h("dt", {}, name), h("dd", {}, value, " ", more));
    this._facts.set(name, { box, value, more });
    this.facts.append(box);
  }

  async _ask() {
    clearTimeout(this.timer);
    const mine = (this.timer = setTimeout(() => this._ask(), this.hub.isOpen ? AGAIN_MS : UNTIL_OPEN_MS)); // a newer one ends this one
    if (document.hidden || !this.hub.isOpen) return;
    try {
      const said = await get("hub");
      if (this.timer !== mine) return;
      this._show(factsOf(said));
      this.hops.show(said.latency, [...this.hub.devices.items.values()].find((each) => each.own)?.device);
    } catch (error) {
      const isForbidden = error instanceof ApiError && error.status === FORBIDDEN;
      this.element.hidden = isForbidden;
      if (isForbidden) this.stop();
      else this.element.dataset.stale = "true"; // the strip at the top of the page says what is wrong
    }
  }

  /** @param {Record<string, Fact>} facts */
  _show(facts) {
    delete this.element.dataset.stale;
    this.element.hidden = false;
    for (const [name, { value, more, level, hint }] of Object.entries(facts)) {
      const shown = this._facts.get(name);
      if (!shown) continue;
      say(shown.value, value);
      say(shown.more, more);
      shown.box.dataset.level = level;
      if (shown.box.title !== hint) shown.box.title = hint;
    }
  }
}

/** What the strip says of an answer of api/v1/hub. @param {any} hub @returns {Record<string, Fact>} */
export function factsOf({ load, credit, devices, connected, viewers }) {
  const over = `over the last ${load.over_s} s`;
  return {
    Frames: fact(load.frames_per_s.toLocaleString("en", { maximumFractionDigits: load.frames_per_s < 100 ? 1 : 0 }), "/s", `Frames that came and are on disk, ${over}`),
    Connected: fact(count(connected), `of ${count(devices)}`, "Devices with an open connection"),
    Viewers: fact(count(viewers), "", "Pages and programs that watch live, this one too"),
    Behind: behind(load),
    Intake: credit === "open" ? fact("Open", "", "Devices may send: none is held") : fact("Held", HELD[credit] ?? credit, "Devices keep their readings until it goes on", "error"),
  };
}

/** @param {any} load @returns {Fact} */
function behind({ lag_frames, frames_per_s }) {
  const all = Object.entries(FOLLOWERS).map(([name, label]) => ({ label, frames: lag_frames[name] ?? 0 }));
  const worst = all.reduce((a, b) => (b.frames > a.frames ? b : a));
  const hint = `What is on disk and not yet passed on: ${all.map(({ label, frames }) => `${label} ${count(frames)}`).join(", ")} frames`;
  const seconds = worst.frames / Math.max(frames_per_s, 1);
  if (seconds <= SOON_S) return fact("Nothing", "", hint);
  return fact(duration(seconds), `${worst.label}, ${count(worst.frames)} frames`, hint, "warning");
}

/** @param {string} value @param {string} more @param {string} hint @param {Fact["level"]} [level] @returns {Fact} */
const fact = (value, more, hint, level = "") => ({ value, more, level, hint });
