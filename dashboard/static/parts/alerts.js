// The button with the number of open alerts: it says how bad the worst is, and leads to the page of alerts.
//
// Owns that button; the hub judges.

import { say } from "../app/dom.js";
import { isOpen, worstFirst } from "./alert_words.js";

export class Alerts {
  /** @param {HTMLElement} opener @param {import("../app/hub.js").Hub} hub @param {import("../app/router.js").Router} router */
  constructor(opener, hub, router) {
    this.opener = opener;
    this.hub = hub;
    this.count = /** @type {HTMLElement} */ (opener.querySelector(".count"));
    opener.addEventListener("click", () => router.go(["alerts"]));
    hub.alerts.watch(() => this._show());
    this._show();
  }

  _show() {
    const present = [...this.hub.alerts.items.values()].filter((item) => item.state !== "cleared");
    const open = present.filter((item) => isOpen(item) && !item.silenced).sort(worstFirst);
    const more = present.length - open.length;
    this.opener.dataset.severity = open[0]?.severity ?? "none";
    say(this.count, open.length ? String(open.length) : "");
    this.opener.title = `${open.length || "No"} open ${open.length === 1 ? "alert" : "alerts"}${more ? `, ${more} acknowledged or silenced` : ""}`;
  }
}
