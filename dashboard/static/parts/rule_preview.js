// What a rule would have raised: in a sentence, on a strip of what was measured, and as a list with when and where.
//
// Owns its part of the editor. The hub looks back (POST rules/preview); strip.js draws.

import { get, post, withQuery } from "../app/api.js";
import { fill, h } from "../app/dom.js";
import { linkTo } from "../app/router.js";
import { foundText, lasting } from "./alert_words.js";
import { Strip } from "./strip.js";
import { whenOf } from "./when.js";

const DAYS = [["1", "1 day"], ["7", "7 days"], ["30", "30 days"]];
/** @type {[number, string][]} the longest span that each width is asked for, µs */
const WIDTHS = [[7_200e6, "10s"], [90_000e6, "1min"], [8 * 86_400e6, "10min"], [Infinity, "1h"]];
const LISTED = 20;
const AROUND_US = 900e6;

export class RulePreview {
  /** @param {import("../app/main.js").App} app */
  constructor(app) {
    this.app = app;
    this.days = h("select", { "aria-label": "How far to look back" }, ...DAYS.map(([value, text]) => h("option", { value, selected: value === "7" }, text)));
    this.said = h("p", { class: "found", role: "status" });
    this.body = h("div", { class: "preview-body" });
    this.element = h("aside", { class: "card preview", "aria-label": "Preview" }, h("div", { class: "card-head" }, h("h2", {}, "Looking back"), this.days), this.said, this.body);
    this.strip = new Strip();
    this._asked = 0;
    this._last = /** @type {{rule: Record<string, any>, unit: string} | null} */ (null);
    this.days.addEventListener("change", () => this._last && this.look(this._last.rule, this._last.unit).catch((error) => app.toasts.failed(error)));
    this.clear();
  }

  clear() {
    this._asked += 1;
    this._last = null;
    fill(this.said, "See what the rule would have raised before you save it.");
    fill(this.body);
  }

  /** Look back for a rule; throws what the hub refuses. @param {Record<string, any>} rule @param {string} unit */
  async look(rule, unit) {
    const asked = (this._asked += 1);
    this._last = { rule, unit };
    fill(this.said, "Looking back …");
    this.element.setAttribute("aria-busy", "true");
    try {
      const found = await post("rules/preview", { ...rule, days: Number(this.days.value) });
      if (asked !== this._asked) return;
      fill(this.said, foundText(found));
      this.said.dataset.fired = String(found.fired > 0);
      await this._show(found, rule, unit, asked);
    } catch (error) {
      if (asked === this._asked) fill(this.said, "The hub could not look back.");
      throw error;
    } finally {
      this.element.removeAttribute("aria-busy");
    }
  }

  /** @param {any} found @param {Record<string, any>} rule @param {string} unit @param {number} asked */
  async _show(found, rule, unit, asked) {
    const places = await this._places(found, rule);
    if (asked !== this._asked) return;
    const choose = h("select", { "aria-label": "Which series the strip shows" }, ...places.map(({ device, channel }, at) => h("option", { value: at }, channel ? `${device} · ${channel}` : device)));
    const draw = () => this._draw(found, rule, unit, places[Number(choose.value)], asked).catch((error) => this.app.toasts.failed(error));
    choose.addEventListener("change", draw);
    const older = found.looked_from_us > found.from_us ? [h("li", {}, "Looked at from ", whenOf(found.looked_from_us), " on.")] : [];
    fill(this.body,
      places.length > 1 ? choose : h("p", { class: "muted" }, places[0] ? [places[0].device, places[0].channel].filter(Boolean).join(" · ") : ""),
      places.length ? this.strip.element : null,
      found.alerts.length ? h("ol", { class: "would" }, ...found.alerts.slice(0, LISTED).map(rowOf)) : null,
      found.fired > LISTED ? h("p", { class: "muted" }, `and ${found.fired - LISTED} more`) : null,
      h("ul", { class: "notes-small muted" }, ...older, ...found.notes.map((/** @type {string} */ note) => h("li", {}, note))));
    if (places.length) await draw();
  }

  /** What the strip may show: what fired, else the first that the rule looks at. @param {any} found @param {Record<string, any>} rule */
  async _places(found, rule) {
    const fired = new Map(found.alerts.map((/** @type {any} */ each) => [`${each.device}\n${each.channel ?? ""}`, each]));
    if (fired.size || rule.kind === "offline" || rule.where) return [...fired.values()].slice(0, 50);
    const { series } = await get("series");
    const isIn = (/** @type {string[]} */ names, /** @type {string} */ name) => names.includes("*") || names.includes(name);
    return series.filter((/** @type {any} */ each) => isIn(rule.devices, each.device) && isIn(rule.channels, each.channel)).slice(0, 1);
  }

  /** @param {any} found @param {Record<string, any>} rule @param {string} unit @param {any} place @param {number} asked */
  async _draw(found, rule, unit, place, asked) {
    const buckets = place.channel && rule.kind !== "text" ? await bucketsOf(place, found.from_us, found.to_us) : null;
    if (asked !== this._asked) return;
    const spans = found.alerts.filter((/** @type {any} */ each) => each.device === place.device && each.channel === place.channel);
    const limit = rule.kind === "above" || rule.kind === "below" ? rule.limit : null;
    const fromUs = Math.max(found.from_us, buckets?.t[0] ?? 0); // what has no readings takes no room
    this.strip.show({ fromUs, toUs: found.to_us, buckets: buckets ?? null, limit, spans, unit, severity: rule.severity });
  }
}

/** What was measured, as fine as it can be told apart; again where the readings begin much later. @param {any} place @param {number} fromUs @param {number} toUs @returns {Promise<any>} */
async function bucketsOf({ device, channel }, fromUs, toUs) {
  const [, width] = /** @type {[number, string]} */ (WIDTHS.find(([most]) => toUs - fromUs <= most));
  const found = await get(withQuery("query", { device, channel, from: fromUs, to: toUs, width, limit: 10_000 }));
  const buckets = found.series[0]?.buckets ?? null;
  const isFiner = buckets?.t.length && WIDTHS.find(([most]) => toUs - buckets.t[0] <= most)?.[1] !== width;
  return isFiner ? bucketsOf({ device, channel }, Math.max(fromUs, buckets.t[0]), toUs) : buckets;
}

/** @param {any} alert */
function rowOf(alert) {
  const toUs = (alert.cleared_us ?? alert.raised_us) + AROUND_US;
  const link = linkTo(["devices", alert.device], { from: new Date((alert.raised_us - AROUND_US) / 1e3).toISOString(), to: new Date(toUs / 1e3).toISOString() });
  const lasted = alert.cleared_us === null ? "it would still be open" : `for ${lasting(Math.max(1, Math.round((alert.cleared_us - alert.raised_us) / 1e6)))}`;
  return h("li", {}, h("a", { href: link }, whenOf(alert.raised_us)), " ", h("span", {}, alert.message), " ", h("span", { class: "muted" }, lasted));
}
