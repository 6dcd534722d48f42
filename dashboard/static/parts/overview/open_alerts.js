// What is wrong now, in a few lines: how many alerts are open by severity, the worst of them, the way to all.
//
// Owns its card; acknowledging and the rest is the page of the alerts.

import { h, keyed, say } from "../../app/dom.js";
import { linkTo } from "../../app/router.js";
import { wholeText } from "../../app/times.js";
import { ago } from "../../app/units.js";
import { SEVERITIES, worstFirst } from "../alert_words.js";

const SHOWN = 3;

export class OpenAlerts {
  /** @param {import("../../app/hub.js").Hub} hub */
  constructor(hub) {
    this.hub = hub;
    this.counts = h("p", { class: "alert-counts" });
    this.list = h("ul", { class: "alert-lines" });
    const link = h("a", { href: linkTo(["alerts"]) }, "All alerts");
    this.element = h("section", { class: "card open-alerts", "aria-label": "Open alerts" }, h("div", { class: "open-alerts-head" }, this.counts, link), this.list);
    this._entries = keyed(this.list, (/** @type {any} */ item) => item.id, () => entry());
  }

  /** @param {number} nowUs */
  show(nowUs) {
    const { open, quiet } = openOf([...this.hub.alerts.items.values()]);
    say(this.counts, countsText(open, quiet.length));
    this.element.dataset.severity = open[0]?.severity ?? "none";
    this._entries(open.slice(0, SHOWN).map((item) => ({ ...item, said: ago(Math.max(0, (nowUs - item.raised_us) / 1e6)) })));
  }
}

/** Those that nobody has seen to, worst first, and those that are acknowledged or silenced. @param {any[]} items */
export function openOf(items) {
  const present = items.filter((item) => item.state !== "cleared");
  const isOpen = (/** @type {any} */ item) => item.state === "open" && !item.silenced;
  const open = present.filter(isOpen).sort(worstFirst);
  return { open, quiet: present.filter((item) => !isOpen(item)) };
}

/** @param {any[]} open @param {number} quiet */
export function countsText(open, quiet) {
  const counts = SEVERITIES.map((name) => ({ name, count: open.filter((item) => item.severity === name).length })).filter(({ count }) => count);
  const said = counts.length ? counts.map(({ name, count }) => `${count.toLocaleString("en")} ${name}`).join(" · ") : "No open alert";
  return quiet ? `${said}, ${quiet.toLocaleString("en")} acknowledged or silenced` : said;
}

function entry() {
  const link = h("a", {});
  const more = h("span", { class: "muted" });
  const element = h("li", {}, link, " ", more);
  const show = (/** @type {any} */ item) => {
    element.dataset.severity = item.severity;
    link.href = linkTo(["devices", item.device]);
    say(link, item.message);
    say(more, item.said);
    more.title = wholeText(item.raised_us);
  };
  return { element, show };
}
