// A fleet from a CSV file: every row is checked before any device is added; then the tokens are saved to a file, once.
//
// Owns the dialog. The tokens are in the file that is saved and in the dialog until it is closed.

import { ApiError, post, textOf } from "../../app/api.js";
import { openDialog } from "../../app/dialog.js";
import { button, fill, h, say } from "../../app/dom.js";
import { Table } from "../../parts/table.js";
import { written } from "./csv.js";
import { saveFile } from "./files.js";
import { BATCH, fleetIn, refused } from "./fleet.js";

const MAX_BYTES = 8_000_000;

/** @param {import("../../app/main.js").App} app */
export function importFleet(app) {
  const file = h("input", { type: "file", accept: ".csv,text/csv", "aria-label": "CSV file" });
  const example = h("pre", { tabindex: "0", "aria-label": "Example" }, h("code", {}, "name,title,kind,tags,notes\npump-1,North pump,pump,floor=2;outdoor,The valve sticks\npump-2,,pump,floor=3,"));
  const told = h("div", { class: "import-told", role: "status" });
  const { body } = openDialog("Import devices", h("p", {}, "The first line names the columns: name, and any of title, kind, tags, notes. Tags are separated by semicolons."), example, file, told);
  file.addEventListener("change", async () => {
    const chosen = file.files?.[0];
    if (!chosen) return;
    try {
      fill(told, h("p", { class: "muted" }, "Checking …"));
      if (chosen.size > MAX_BYTES) throw new ApiError(`The file has ${chosen.size.toLocaleString("en")} bytes; the limit is ${MAX_BYTES.toLocaleString("en")}`, { hint: "use: tributary device import FILE" });
      await check(app, body, told, await chosen.text());
    } catch (error) {
      fill(told, h("p", { class: "error", role: "alert" }, textOf(error)));
    }
    file.value = ""; // the same file again, corrected, is a change
  });
}

/** @param {import("../../app/main.js").App} app @param {HTMLElement} body @param {HTMLElement} told @param {string} text */
async function check(app, body, told, text) {
  const { rows, wrong } = fleetIn(text);
  const all = [...wrong, ...(await refused(rows, refusal))].sort((a, b) => a.line - b.line);
  if (all.length === 0) {
    const add = button(`Add ${rows.length === 1 ? "1 device" : `${rows.length.toLocaleString("en")} devices`}`, () => addAll(app, body, add, rows), { class: "primary" });
    fill(told, h("p", {}, "Every row is good."), add);
    add.focus();
    return;
  }
  const table = new Table({
    label: "Rows that are wrong", key: (each) => `${each.line} ${each.text}`, empty: "",
    columns: [
      { name: "line", label: "Line", cell: (each) => each.line, isNumber: true },
      { name: "name", label: "Name", cell: (each) => each.name || "–" },
      { name: "text", label: "What is wrong", cell: (each) => each.text },
    ],
  });
  table.show(all);
  fill(told, h("p", { class: "error", role: "alert" }, "Nothing was added. Correct these rows and choose the file again."), table.element);
}

/** @param {import("./fleet.js").Row[]} rows */
async function refusal(rows) {
  try {
    await post("devices", { devices: rows.map(({ device }) => device), check: true });
    return null;
  } catch (error) {
    // What is wrong with all of it, such as the end of the login, is in no row.
    if (error instanceof ApiError && [409, 422].includes(error.status)) return error.text;
    throw error;
  }
}

/** @param {import("../../app/main.js").App} app @param {HTMLElement} body @param {HTMLButtonElement} add @param {import("./fleet.js").Row[]} rows */
async function addAll(app, body, add, rows) {
  add.disabled = true;
  const tokens = [["name", "token"]];
  let problem = null;
  for (let at = 0; at < rows.length && problem === null; at += BATCH) {
    try {
      const { devices } = await post("devices", { devices: rows.slice(at, at + BATCH).map(({ device }) => device) });
      tokens.push(...devices.map((/** @type {any} */ each) => [each.device, each.token]));
    } catch (error) {
      problem = textOf(error);
    }
    say(add, `${(tokens.length - 1).toLocaleString("en")} added …`);
  }
  const added = tokens.length - 1;
  const failed = problem && h("p", { class: "error", role: "alert" }, `${added ? "The rest was not added: " : "Nothing was added: "}${problem}`);
  if (added === 0) return fill(body, failed);
  const save = button("Save the tokens as a file", () => saveFile("tokens.csv", "text/csv", written(tokens)), { class: "primary" });
  fill(body, failed, h("p", {}, `${added.toLocaleString("en")} ${added === 1 ? "device is" : "devices are"} added.`), h("p", { class: "note" }, "Their tokens are given this once, as a file. Save it before you close this, and keep it where nobody else reads it."), save);
  save.focus();
  app.toasts.done(`${added.toLocaleString("en")} devices are added.`);
}
