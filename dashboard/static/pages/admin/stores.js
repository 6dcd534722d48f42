// How the journal and what reads on in it fare: lag, room, what was trimmed, notes for the operator; administrators take a backup here.
//
// Owns what it shows and a backup on its way, which goes on when the section is left and ends with the page.

import { get } from "../../app/api.js";
import { fill, h, say } from "../../app/dom.js";
import { bytes, count, duration } from "../../app/units.js";
import { Table } from "../../parts/table.js";
import { Asking } from "./asking.js";
import { takeBackup } from "./backup.js";
import { chip, factsOf, when } from "./cells.js";
import { asked } from "./form.js";

const EVERY_MS = 2_000;
/** @type {Record<string, string>} */
const FOLLOWERS = {
  history: "The history store: charts of the past",
  ledger: "What came of commands and shadows",
  rules: "Rules and their alerts",
  live: "Live views",
};
/** @type {Record<string, [string, string]>} */
const STATES = { ok: ["stores what comes", "good"], behind: ["is behind", "warn"], down: ["does not answer", "bad"] };

/** @param {import("../../app/main.js").App} app */
export function make(app) {
  return new Stores(app);
}

class Stores {
  /** @param {import("../../app/main.js").App} app */
  constructor(app) {
    this.app = app;
    this.asking = new Asking(async (signal) => this._show(await get("store", signal)), EVERY_MS);
    this.state = h("div", { class: "card padded" });
    this.journal = h("div", { class: "card padded" });
    this.notes = h("ul", { class: "notes" });
    this.followers = new Table({
      label: "Followers of the journal", key: (each) => each.name, empty: "",
      columns: [
        { name: "name", label: "Follower", cell: (each) => h("strong", {}, each.name) },
        { name: "what", label: "For", cell: (each) => FOLLOWERS[each.name] ?? "" },
        { name: "lag", label: "Frames behind", cell: (each) => count(each.lag_frames), isNumber: true },
      ],
    });
    const section = (/** @type {string} */ title, /** @type {HTMLElement[]} */ ...parts) => h("section", { "aria-label": title }, h("h2", {}, title), ...parts);
    this.noted = section("What you should know", this.notes);
    this.backup = this._backupForm();
    this.element = h("section", { class: "admin-section" }, this.asking.error, section("History store", this.state), this.noted, section("Journal", this.journal), section("Who reads on in the journal", this.followers.element), this.backup);
  }

  enter() {
    this.asking.start();
    this.backup.hidden = !this.app.hub.isAdmin;
  }

  leave() {
    this.asking.leave();
  }

  /** @param {any} store */
  _show(store) {
    const [text, tone] = STATES[store.state] ?? [store.state ?? "not known yet", ""];
    fill(this.state, factsOf([
      ["Store", `${store.name} (${store.url})`],
      ["State", store.since_us ? [chip(text, tone), " since ", when(store.since_us)] : chip(text, tone)],
      ["Why", store.reason],
      ["Not stored yet", `${count(store.lag_frames ?? 0)} messages`],
      ["Room for", store.left_s === null ? null : `about ${duration(store.left_s)}, then devices must hold their readings`],
      ["Acknowledged", store.ack_after === "store" ? "once the store has a reading" : "once the journal is on disk"],
      ["Could not be stored", store.parked_readings ? `${count(store.parked_readings)} readings: parked.jsonl in the data directory` : null],
      ["Damaged files", store.damaged_files ? count(store.damaged_files) : null],
    ]));
    const { journal } = store;
    fill(this.journal, factsOf([
      ["Size", bytes(journal.size_bytes)],
      ["Room until devices are held", bytes(journal.left_bytes)],
      ["Free on the disk", bytes(journal.free_bytes)],
      ["Newest frame", `number ${count(journal.position)}`],
      ["Trimmed", journal.first_position > 1 ? `what came before number ${count(journal.first_position)}: every follower has it` : "nothing yet"],
      ["Frames in it", count(Math.max(0, journal.position - journal.first_position + 1))],
    ]));
    this.followers.show(store.followers);
    this.noted.hidden = store.notes.length === 0;
    fill(this.notes, store.notes.map((/** @type {string} */ note) => h("li", {}, note)));
    this.backup.hidden = !this.app.hub.isAdmin;
  }

  _backupForm() {
    const folder = asked("Folder on the hub's machine", h("input", { autocomplete: "off", spellcheck: "false", placeholder: "/var/backups/tributary" }), { hint: "An absolute path of an empty folder, or one to be made, outside the data directory" });
    const bar = h("progress", { max: 1, value: 0, hidden: true, "aria-label": "Backup" });
    const told = h("p", { class: "muted", role: "status" });
    const submit = h("button", { type: "submit", class: "primary" }, "Take a backup");
    const form = h("form", { class: "form admin-form card padded", novalidate: true }, folder.element, h("div", { class: "form-actions" }, submit), bar, told);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      folder.fail("");
      submit.disabled = true;
      bar.hidden = false;
      try {
        const taken = await takeBackup(folder.input.value.trim(), ({ step, done_bytes, all_bytes }) => {
          say(told, `${step}: ${bytes(done_bytes)} of ${bytes(all_bytes)}`);
          Object.assign(bar, { max: Math.max(1, all_bytes), value: done_bytes });
        });
        say(told, `The backup is in ${taken.backup}: ${bytes(taken.size_bytes)}, taken in ${taken.took_s} s.`);
        this.app.toasts.done("The backup is taken.");
      } catch (error) {
        say(told, "");
        folder.fail(error.text ?? error.message);
      }
      bar.hidden = true;
      submit.disabled = false;
    });
    return h("section", { "aria-label": "Backup", hidden: true }, h("h2", {}, "Backup"), h("p", { class: "muted" }, "Everything the hub keeps, while it goes on. To go back to it: ", h("code", {}, "tributary restore"), "."), form);
  }
}
