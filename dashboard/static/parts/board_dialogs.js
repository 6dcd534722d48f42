// The dialogs of dashboards: a new one, a file, a tile's form, its title and variables, older versions, and two who changed the same.
//
// Owns the forms while they are open. What they lead to is given to them as a call.

import { ApiError, get, post, withQuery } from "../app/api.js";
import { askForm, openDialog } from "../app/dialog.js";
import { button, field, fill, h } from "../app/dom.js";
import { utcText } from "../app/times.js";
import { TYPES, typeOf } from "../tiles/index.js";
import { boardIn, boardOfTag, differences, emptyBoard, nameFor } from "./board_rules.js";

/** @typedef {import("./board_rules.js").Board} Board */
/** @typedef {import("./board_rules.js").Variable} Variable */
/** @typedef {import("./grid.js").Tile} Tile */

/** Take what a form says; what it refuses is told to a person. @template T @param {() => T} read @returns {T} */
export function said(read) {
  try {
    return read();
  } catch (error) {
    throw error instanceof ApiError ? error : new ApiError(error instanceof Error ? error.message : String(error), {});
  }
}

/** @param {string} label @param {string} value @param {Record<string, any>} [props] */
const textInput = (label, value, props = {}) => h("input", { type: "text", value, autocomplete: "off", maxlength: 128, "data-label": label, ...props });

/** Ask what a new dashboard is to be. @param {(board: Board) => Promise<unknown>} save */
export function askNew(save) {
  const title = textInput("Title", "", { required: true });
  const where = h("input", { type: "text", placeholder: "floor=2 and not kind=test", autocomplete: "off", spellcheck: "false", maxlength: 1_024 });
  const tags = field("Devices, by tags", where, "A chart for each channel that these devices have; name=* means all devices.");
  tags.hidden = true;
  const template = h("select", { on: { change: () => { tags.hidden = template.value !== "tags"; } } }, h("option", { value: "empty" }, "Empty"), h("option", { value: "tags" }, "Devices of a tag"));
  askForm("New dashboard", [field("Title", title), field("Begin with", template), tags], "Create", async () => {
    const text = title.value.trim();
    if (!text) throw new ApiError("Give it a title", {});
    if (template.value !== "tags") return save(emptyBoard(text)).then(() => false);
    const expression = where.value.trim();
    if (!expression) throw new ApiError("Say which devices", { hint: "as in floor=2; name=* means all" });
    const { devices } = await get(withQuery("devices", { where: expression, limit: 1_000 }));
    if (!devices.length) throw new ApiError(`No device is meant by ${expression}`, { hint: "correct it, or begin with an empty one" });
    await save(boardOfTag(text, expression, devices));
  });
}

/** Ask for a file. @param {(board: Board) => Promise<unknown>} save */
export function askFile(save) {
  const file = h("input", { type: "file", accept: ".json,application/json" });
  askForm("Import a dashboard", [field("File", file, "One that Export wrote, here or at another hub.")], "Import", async () => {
    const chosen = file.files?.[0];
    if (!chosen) throw new ApiError("Choose a file", {});
    const text = await chosen.text();
    await save(said(() => boardIn(text)));
  });
}

/** Offer the types of tiles. @param {(type: string) => void} chosen */
export function askType(chosen) {
  const list = h("ul", { class: "board-catalogue" });
  const { dialog } = openDialog("Add a tile", list);
  fill(list, TYPES.map((each) => h("li", {}, button(each.label, () => { dialog.close(); chosen(each.name); }, { class: "card" }))));
}

/**
 * Ask for a tile's title and config. @param {Tile | Omit<Tile, "id" | "x" | "y">} tile @param {import("../tiles/index.js").Known} known
 * @param {string} action @param {(title: string, config: Record<string, any>) => void} done
 */
export function askTile(tile, known, action, done) {
  const type = typeOf(tile.type);
  const title = textInput("Title", tile.title);
  const form = type.fields(tile.config, known);
  askForm(type.label, [field("Title", title, "May hold variables, as in: Air of $device"), ...form.elements], action, async () => {
    done(title.value.trim(), said(() => form.read()));
  });
}

/** Ask for title and variables. @param {Board} board @param {(title: string, variables: Variable[]) => void} done */
export function askSettings(board, done) {
  const title = textInput("Title", board.title);
  const list = h("ol", { class: "board-variables" });
  /** @type {(() => Variable)[]} */
  let rows = [];
  const add = (/** @type {Variable} */ variable) => {
    const name = textInput("Name", variable.name, { "aria-label": "Name of the variable", placeholder: "name", maxlength: 32, spellcheck: "false" });
    const kind = h("select", { "aria-label": "What it is" }, h("option", { value: "device" }, "Device"), h("option", { value: "tags" }, "Tags"));
    kind.value = variable.kind;
    const value = textInput("Value", variable.value, { "aria-label": "Value at first", placeholder: "value at first", maxlength: 1_024, spellcheck: "false" });
    const read = () => ({ name: name.value.trim(), kind: kind.value, value: value.value.trim() });
    const row = h("li", {}, name, kind, value, button("×", () => { row.remove(); rows = rows.filter((each) => each !== read); }, { "aria-label": "Remove the variable" }));
    rows.push(read);
    list.append(row);
    return name;
  };
  board.variables.forEach(add);
  const more = button("Add a variable", () => add({ name: "", kind: "device", value: "" }).focus());
  const hint = h("p", { class: "hint" }, "A tile means the one that is chosen by $name, in the place of a device or in its tags.");
  const group = h("fieldset", { class: "tile-fieldset" }, h("legend", {}, "Variables"), list, hint, more);
  askForm("Title and variables", [field("Title", title), group], "Apply", async () => {
    if (!title.value.trim()) throw new ApiError("Give it a title", {});
    const variables = rows.map((each) => each());
    for (const { name } of variables) {
      if (!/^[a-z][a-z0-9_]{0,31}$/.test(name)) throw new ApiError(`“${name}” is no name of a variable`, { hint: "it has 1 to 32 of a-z 0-9 _ and begins with a letter" });
      if (variables.filter((each) => each.name === name).length > 1) throw new ApiError(`There are two variables ${name}`, { hint: "give each its own name" });
    }
    done(title.value.trim(), variables);
  });
}

/** @param {{at_us: number, by: string}} version */
function savedText({ at_us: atUs, by }) {
  const date = new Date(atUs / 1000);
  const local = date.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  return h("span", { title: utcText(atUs) }, `${local}, by ${by}`);
}

/** Show the versions that are kept. @param {string} name @param {boolean} mayRestore @param {(version: number) => void} restore */
export async function showVersions(name, mayRestore, restore) {
  const { versions } = await get(`dashboards/${encodeURIComponent(name)}/versions`);
  const list = h("ol", { class: "board-versions" });
  const { dialog } = openDialog("Versions", h("p", { class: "muted" }, "The last 20 are kept. One that is restored is saved anew, as the newest."), list);
  fill(list, versions.map((/** @type {any} */ each, /** @type {number} */ at) => {
    const back = at > 0 && mayRestore && button("Restore", () => { dialog.close(); restore(each.version); }, { "aria-label": `Restore version ${each.version}` });
    return h("li", {}, h("b", {}, `Version ${each.version}`), savedText(each), at === 0 ? h("span", { class: "chip" }, "present") : back);
  }));
}

/** Show what was deleted. @param {boolean} mayRestore @param {(name: string) => void} restored */
export async function showDeleted(mayRestore, restored) {
  const { dashboards } = await get(withQuery("dashboards", { deleted: true }));
  const list = h("ol", { class: "board-versions" });
  const none = dashboards.length === 0 && h("p", { class: "muted" }, "Nothing was deleted in the last 30 days.");
  const { dialog } = openDialog("Deleted dashboards", h("p", { class: "muted" }, "They can be restored for 30 days."), none, list);
  fill(list, dashboards.map((/** @type {any} */ each) => {
    const back = async () => {
      await post(`dashboards/${encodeURIComponent(each.name)}/restore`, { version: each.version });
      dialog.close();
      restored(each.name);
    };
    return h("li", {}, h("b", {}, each.title), savedText(each), mayRestore && button("Restore", back, { "aria-label": `Restore ${each.title}` }));
  }));
}

/**
 * Somebody else has saved meanwhile: show both, let one choose.
 * @param {any} now the dashboard as it is @param {Board} begun what was edited @param {Board} mine
 * @param {{overwrite: () => void, copy: (name: string) => void, discard: () => void}} calls
 */
export function showConflict(now, begun, mine, calls) {
  const close = (/** @type {() => void} */ call) => () => { dialog.close(); call(); };
  const facts = h("dl", { class: "facts-list" },
    h("dt", {}, "Saved meanwhile"), h("dd", {}, savedText(now), `: ${differences(begun, now.dashboard)}`),
    h("dt", {}, "You"), h("dd", {}, differences(begun, mine)));
  const actions = h("div", { class: "form-actions board-conflict" },
    button("Go on editing", () => dialog.close()),
    button("Take theirs, discard mine", close(calls.discard)),
    button("Save mine as a copy", close(() => calls.copy(nameFor(mine.title, [now.name])))),
    button("Overwrite theirs", close(calls.overwrite), { class: "primary" }));
  const { dialog } = openDialog("Somebody else saved this dashboard", facts, h("p", { class: "muted" }, "What is overwritten stays among the versions."), actions);
}
