// The number of open alerts, at the entry of their page in the navigation: how many, and how bad the worst is.
//
// Owns that number; the hub judges.

import { h, say } from "../app/dom.js";
import { isOpen, worstFirst } from "./alert_words.js";

export class Alerts {
  /** @param {HTMLElement} link @param {import("../app/hub.js").Hub} hub */
  constructor(link, hub) {
    this.link = link;
    this.hub = hub;
    this.count = h("span", { class: "count" });
    link.id = "alerts";
    link.append(this.count);
    hub.alerts.watch(() => this._show());
    this._show();
  }

  _show() {
    const present = [...this.hub.alerts.items.values()].filter((item) => item.state !== "cleared");
    const open = present.filter((item) => isOpen(item) && !item.silenced).sort(worstFirst);
    const more = present.length - open.length;
    this.link.dataset.severity = open[0]?.severity ?? "none";
    say(this.count, open.length ? String(open.length) : "");
    this.link.setAttribute("aria-label", `Alerts${open.length ? `, ${open.length} open` : ""}`);
    this.link.title = `${open.length || "No"} open ${open.length === 1 ? "alert" : "alerts"}${more ? `, ${more} acknowledged or silenced` : ""}`;
  }
}
