// The dialog of a dashboard's links: make one and copy it, see those there are, withdraw one.
//
// Owns nothing once it is closed. The address of a new link is shown this once: the hub keeps no copy that could be read.

import { get, post, remove } from "../app/api.js";
import { askForm, openDialog } from "../app/dialog.js";
import { button, field, fill, h, say } from "../app/dom.js";
import { moment } from "../app/times.js";
import { ago } from "../app/units.js";

/** @typedef {{id: string, name: string, by: string, created_us: number, is_good: boolean, expires_us?: number, used_us?: number}} Share */
/** @type {[string, string][]} */
const DAYS = [["1", "1 day"], ["7", "1 week"], ["30", "30 days"], ["", "Until it is withdrawn"]];

/** @param {import("../app/main.js").App} app @param {string} name of the dashboard @param {string} title */
export function openShares(app, name, title) {
  const path = `dashboards/${encodeURIComponent(name)}/shares`;
  const made = h("div", { class: "shares-made", hidden: true });
  const list = h("div", {}, h("p", { class: "muted" }, "Asking the hub …"));
  const show = async () => fill(list, ...rows(app, path, (await get(path)).shares, show));
  const make = button("Make a link", () => askShare(path, (/** @type {any} */ share) => {
    fill(made, ...madeOf(share));
    made.hidden = false;
    /** @type {HTMLElement | null} */ (made.querySelector("button"))?.focus();
    show().catch((error) => app.toasts.failed(error));
  }), { class: "primary board-save" });
  const text = h("p", {}, "Whoever has a link sees this dashboard live, without an account: as it is saved, with its variables at their saved values, and nothing else of this hub.");
  openDialog(`Share ${title}`, h("div", { class: "shares" }, text, h("p", {}, make), made, h("h3", {}, "Links"), list));
  show().catch((error) => app.toasts.failed(error));
}

/** @param {string} path @param {(share: any) => void} done */
function askShare(path, done) {
  const name = h("input", { type: "text", maxlength: 64, required: true, autocomplete: "off", placeholder: "Screen in the hall" });
  const days = h("select", {}, DAYS.map(([value, label]) => h("option", { value, selected: value === "7" }, label)));
  askForm("Make a link", [field("Name", name, "Whom it is for: so that you know which one to withdraw."), field("It lasts", days)], "Make it", async () => {
    done(await post(path, { name: name.value.trim(), ...(days.value ? { days: Number(days.value) } : {}) }));
  });
}

/** @param {Share & {url: string}} share */
function madeOf({ name, url }) {
  const address = h("input", { type: "text", readonly: true, value: url, "aria-label": `Link for ${name}`, on: { focus: () => address.select() } });
  const copy = button("Copy", () => copyOf(address, copy), { class: "primary board-save" });
  return [h("p", { class: "note" }, `The link for ${name}. It is shown this once: copy it now.`), address, h("p", {}, copy)];
}

/** @param {HTMLInputElement} address @param {HTMLElement} told */
async function copyOf(address, told) {
  try {
    await navigator.clipboard.writeText(address.value);
    say(told, "Copied");
  } catch {
    address.select(); // a page over plain http may not copy
    say(told, "Selected: copy it");
  }
}

/** @param {import("../app/main.js").App} app @param {string} path @param {Share[]} shares @param {() => Promise<void>} again */
function rows(app, path, shares, again) {
  if (!shares.length) return [h("p", { class: "muted" }, "None yet.")];
  const row = (/** @type {Share} */ each) => {
    const used = each.used_us ? ["last used ", moment(each.used_us, ago(Math.max(0, (app.hub.nowUs() - each.used_us) / 1e6)))] : ["never used"];
    const ends = each.expires_us ? [each.is_good ? "good until " : "ends ", moment(each.expires_us)] : ["good until it is withdrawn"];
    const state = each.is_good ? null : h("span", { class: "chip", data: { tone: "bad" } }, each.expires_us && each.expires_us <= app.hub.nowUs() ? "over" : "not good now");
    const withdraw = button("Withdraw …", () => askWithdraw(app, path, each, again), { class: "quiet danger", "aria-label": `Withdraw ${each.name}` });
    return h("li", {}, h("span", { class: "shares-name" }, each.name), state, withdraw, h("span", { class: "muted" }, `by ${each.by}, `, moment(each.created_us), " · ", ...used, " · ", ...ends));
  };
  return [h("ul", { class: "shares-list" }, shares.map(row))];
}

/** @param {import("../app/main.js").App} app @param {string} path @param {Share} share @param {() => Promise<void>} again */
function askWithdraw(app, path, { id, name }, again) {
  const text = h("p", {}, `Whoever looks at the dashboard by the link ${name} sees nothing any more, at once. It cannot be brought back; a new link can be made.`);
  askForm(`Withdraw ${name}`, [text], "Withdraw", async () => {
    await remove(`${path}/${id}`);
    app.toasts.done(`The link ${name} is withdrawn`);
    await again();
  }, true);
}
