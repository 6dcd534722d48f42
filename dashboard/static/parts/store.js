// The history as a person asks for it: what holds it and how it fares, how full it is, how long what is kept, what is missing.
//
// Owns the dialog and the button that opens it; asks the hub while it is open. main.js tells it of each `system` message.

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
      this.body.replaceChildren(...show(said));
    } catch (error) {
      this.body.replaceChildren(part("p", "error", error instanceof TypeError ? "The hub does not answer." : error.message));
    }
    if (this.dialog.open) this.timer = setTimeout(() => this._ask(), AGAIN_MS);
  }
}

function show(store) {
  const facts = part("dl", "facts-list");
  const add = (name, ...values) => facts.append(part("dt", "", name), ...values.map((value) => (value instanceof Node ? value : part("dd", "", value))));
  add("Store", `${store.name} (${store.url})`);
  const state = part("dd", "state", `It ${STATES[store.state] ?? store.state}${store.reason ? `: ${store.reason}` : ""}`);
  state.dataset.state = store.state;
  add("State", state);
  if (store.lag_frames) add("Not stored yet", `${count(store.lag_frames)} messages`);
  if (store.left_s !== null && store.left_s !== undefined) add("Room for", `about ${duration(store.left_s)}, then devices must hold their readings`);
  if (store.ack_after === "store") add("Acknowledged", "once the store has a reading");
  if (store.readings !== undefined) {
    const hot = store.tiers.length && store.hot_readings ? `, the newest ${count(store.hot_readings)} not in files yet` : "";
    add("Readings", `${count(store.readings)}${store.series === undefined ? "" : ` of ${count(store.series)} series`}${hot}`);
  }
  if (store.bytes !== undefined) add("Size", ...sizeOf(store));
  if (!store.tiers.length && store.retention.raw_days !== undefined) add("Kept for", days(store.retention.raw_days));
  if (store.parked_readings) add("Could not be stored", `${count(store.parked_readings)} readings: parked.jsonl in the data directory`);
  const parts = [facts];
  if (store.tiers.length) parts.push(tiersOf(store.tiers));
  if (store.notes.length) {
    const list = part("ul", "notes");
    list.append(...store.notes.map((note) => part("li", "", note)));
    parts.push(part("h3", "", "What you should know"), list);
  }
  return parts;
}

function sizeOf(store) {
  const values = [part("dd", "", store.limit_bytes ? `${bytes(store.bytes)} of ${bytes(store.limit_bytes)}` : bytes(store.bytes))];
  if (store.limit_bytes) {
    const bar = document.createElement("progress");
    Object.assign(bar, { max: store.limit_bytes, value: Math.min(store.bytes, store.limit_bytes), title: "At 95 % the oldest readings go; their minutes and hours stay" });
    values[0].append(bar);
  }
  return values;
}

function tiersOf(tiers) {
  const table = part("table", "tiers");
  const head = table.createTHead().insertRow();
  for (const name of ["Detail", "Size", "From", "To", "Kept for"]) head.append(part("th", "", name));
  const body = table.createTBody();
  for (const tier of tiers) {
    const row = body.insertRow();
    for (const text of [TIERS[tier.tier] ?? tier.tier, bytes(tier.bytes), day(tier.oldest_us), day(tier.newest_us), days(tier.keep_days)]) row.insertCell().textContent = text;
  }
  const frame = part("div", "table-frame");
  frame.append(table);
  return frame;
}

const days = (number) => (number ? `${count(number)} ${number === 1 ? "day" : "days"}` : "ever");
const day = (us) => (us === null ? "–" : new Date(us / 1000).toLocaleDateString([], { year: "numeric", month: "short", day: "numeric" }));

function part(name, className = "", text = "") {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}
