// What is wrong now: the alerts that are not over, worst first, and who has seen them.
//
// Owns the button with their number and the dialog it opens; the hub judges.

import { post, textOf } from "../app/api.js";
import { ago } from "../app/units.js";

const SEVERITIES = ["critical", "warning", "info"];
const AGES_MS = 1_000;
const MAX_SHOWN = 200; // of thousands nobody reads more, and the page must stay quick

export class Alerts {
  /** @param {HTMLElement} opener @param {any} dialog @param {import("../app/hub.js").Hub} hub */
  constructor(opener, dialog, hub) {
    this.opener = opener;
    this.dialog = dialog;
    this.hub = hub;
    this.timer = 0;
    hub.alerts.watch(() => this._show());
    this.count = /** @type {HTMLElement} */ (opener.querySelector(".count"));
    this.body = dialog.querySelector(".dialog-body");
    this.error = dialog.querySelector(".error");
    opener.addEventListener("click", () => this.open());
    dialog.querySelector(".dialog-close").addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => clearInterval(this.timer));
    // A click beside the dialog is one on its backdrop, which is the dialog itself.
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    this._show();
  }

  open() {
    if (this.dialog.open) return;
    this._fail(null);
    this.dialog.showModal();
    this._ages();
    this.timer = setInterval(() => this._ages(), AGES_MS);
  }

  _show() {
    const rank = (item) => SEVERITIES.indexOf(item.severity);
    const present = [...this.hub.alerts.items.values()].filter((item) => item.state !== "cleared");
    const sorted = present.sort((a, b) => rank(a) - rank(b) || b.raised_us - a.raised_us);
    const open = sorted.filter((item) => item.state === "open" && !item.silenced);
    this.opener.dataset.severity = open[0]?.severity ?? "none";
    this.count.textContent = open.length ? String(open.length) : "";
    const more = sorted.length - open.length;
    this.opener.title = `${open.length || "No"} open ${open.length === 1 ? "alert" : "alerts"}${more ? `, ${more} acknowledged or silenced` : ""}`;
    const active = document.activeElement;
    const focused = active instanceof HTMLElement && this.dialog.contains(active) ? active.dataset.alert : undefined;
    const list = part("ul", "alerts");
    list.append(...sorted.slice(0, MAX_SHOWN).map((item) => this._entry(item)));
    if (sorted.length > MAX_SHOWN) list.append(part("li", "muted", `and ${sorted.length - MAX_SHOWN} more: tributary alert list`));
    this.body.replaceChildren(sorted.length ? list : part("p", "muted", "Nothing is wrong: no alert is open."));
    if (focused) (this.body.querySelector(`[data-alert="${CSS.escape(focused)}"]`) ?? this.dialog.querySelector(".dialog-close")).focus();
    this._ages();
  }

  _entry(item) {
    const element = part("li");
    element.dataset.severity = item.severity;
    const head = part("div", "alert-head");
    const since = part("time", "muted");
    since.dateTime = new Date(item.raised_us / 1_000).toISOString();
    since.title = new Date(item.raised_us / 1_000).toLocaleString();
    head.append(part("span", "alert-severity", item.severity), part("strong", "", item.device), since);
    const facts = [`rule ${item.rule}`, item.by && `acknowledged by ${item.by}`, item.silenced && "silenced"].filter(Boolean).join(" · ");
    element.append(head, part("p", "", item.message), part("p", "muted", facts));
    if (item.state === "open" && this.hub.mayOperate) {
      const button = part("button", "quiet", "Acknowledge");
      button.type = "button";
      button.dataset.alert = item.id;
      button.setAttribute("aria-label", `Acknowledge: ${item.message}`);
      button.addEventListener("click", () => this._acknowledge(item.id, button));
      element.append(button);
    }
    return element;
  }

  _ages() {
    for (const time of this.body.querySelectorAll("time")) {
      const text = ago(Math.max(0, (this.hub.nowUs() - Date.parse(time.dateTime) * 1_000) / 1e6));
      if (time.textContent !== text) time.textContent = text;
    }
  }

  async _acknowledge(id, button) {
    button.disabled = true;
    this._fail(null);
    try {
      this.hub.alerts.apply([await post(`alerts/${encodeURIComponent(id)}/acknowledge`)], false);
    } catch (error) {
      this._fail(textOf(error));
    } finally {
      button.disabled = false;
    }
  }

  _fail(text) {
    this.error.textContent = text ?? "";
    this.error.hidden = text === null;
  }
}

function part(name, className = "", text = "") {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}
