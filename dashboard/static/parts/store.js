// The history as a person asks for it: what holds it and how it fares, how full it is, how long what is kept, what is missing.
//
// Owns the dialog and the button that opens it; asks the hub while it is open. main.js tells it of each `system` message.

import { fill, h } from "../app/dom.js";
import { bytes, count, duration } from "../app/units.js";

const AGAIN_MS = 2_000;
const STATES = { ok: "stores what comes", behind: "is behind the devices and catching up", down: "does not answer; the hub keeps what comes" };
const TIERS = { raw: "Readings", "1min": "Minutes", "1h": "Hours" };

export class StoreDialog {
  constructor(opener, dialog) {
    this.opener = opener;
    this.dialog = dialog;
    this.timer = 0;
    this.body = dialog.querySelector(".dialog-body");
    opener.addEventListener("click", () => this.open());
    dialog.querySelector(".dialog-close").addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => clearTimeout(this.timer));
    // A click beside the dialog is one on its backdrop, which is the dialog itself.
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  }

  // Apply a `system` message: the button shows at a glance how the store fares.
  system(item) {
    const state = item.store?.state ?? "ok";
    const notes = item.notes?.length ?? 0;
    this.opener.dataset.state = state === "ok" && notes ? "notes" : state;
    this.opener.title = [`The history store ${STATES[state] ?? state}`, notes && `${notes} ${notes === 1 ? "note" : "notes"}`].filter(Boolean).join(", ");
  }

  open() {
    if (!this.dialog.open) this.dialog.showModal();
    this._ask();
  }

  async _ask() {
    clearTimeout(this.timer);
    try {
      const answer = await fetch("api/v1/store");
      const said = await answer.json();
      if (!answer.ok) throw new Error(said.message);
      fill(this.body, show(said));
    } catch (error) {
      fill(this.body, h("p", { class: "error" }, error instanceof TypeError ? "The hub does not answer." : error.message));
    }
    if (this.dialog.open) this.timer = setTimeout(() => this._ask(), AGAIN_MS);
  }
}

function show(store) {
  const facts = h("dl", { class: "facts-list" });
  const add = (name, value) => facts.append(h("dt", {}, name), value instanceof Node ? value : h("dd", {}, value));
  add("Store", `${store.name} (${store.url})`);
  add("State", h("dd", { class: "state", data: { state: store.state } }, `It ${STATES[store.state] ?? store.state}${store.reason ? `: ${store.reason}` : ""}`));
  if (store.lag_frames) add("Not stored yet", `${count(store.lag_frames)} messages`);
  if (store.left_s !== null && store.left_s !== undefined) add("Room for", `about ${duration(store.left_s)}, then devices must hold their readings`);
  if (store.ack_after === "store") add("Acknowledged", "once the store has a reading");
  if (store.readings !== undefined) {
    const hot = store.tiers.length && store.hot_readings ? `, the newest ${count(store.hot_readings)} not in files yet` : "";
    add("Readings", `${count(store.readings)}${store.series === undefined ? "" : ` of ${count(store.series)} series`}${hot}`);
  }
  if (store.bytes !== undefined) add("Size", sizeOf(store));
  if (!store.tiers.length && store.retention.raw_days !== undefined) add("Kept for", days(store.retention.raw_days));
  if (store.parked_readings) add("Could not be stored", `${count(store.parked_readings)} readings: parked.jsonl in the data directory`);
  const notes = store.notes.length ? [h("h3", {}, "What you should know"), h("ul", { class: "notes" }, store.notes.map((note) => h("li", {}, note)))] : [];
  return [facts, store.tiers.length ? tiersOf(store.tiers) : null, ...notes];
}

function sizeOf(store) {
  if (!store.limit_bytes) return h("dd", {}, bytes(store.bytes));
  const title = "At 95 % the oldest readings go; their minutes and hours stay";
  const bar = h("progress", { max: store.limit_bytes, value: Math.min(store.bytes, store.limit_bytes), title });
  return h("dd", {}, `${bytes(store.bytes)} of ${bytes(store.limit_bytes)}`, bar);
}

function tiersOf(tiers) {
  const cells = (tier) => [TIERS[tier.tier] ?? tier.tier, bytes(tier.bytes), day(tier.oldest_us), day(tier.newest_us), days(tier.keep_days)];
  const head = h("tr", {}, ["Detail", "Size", "From", "To", "Kept for"].map((name) => h("th", {}, name)));
  const body = tiers.map((tier) => h("tr", {}, cells(tier).map((text) => h("td", {}, text))));
  return h("div", { class: "table-frame" }, h("table", { class: "tiers" }, h("thead", {}, head), h("tbody", {}, body)));
}

const days = (number) => (number ? `${count(number)} ${number === 1 ? "day" : "days"}` : "ever");
const day = (us) => (us === null ? "–" : new Date(us / 1000).toLocaleDateString([], { year: "numeric", month: "short", day: "numeric" }));
