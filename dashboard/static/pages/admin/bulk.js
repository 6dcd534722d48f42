// What is done to many devices at once: tags, disabled or not, removed; how far it is, what failed, and how it is undone.
//
// Owns the order of requests: a few at a time, so that a thousand devices do not queue before others.

import { ApiError, get, patch, remove, textOf } from "../../app/api.js";
import { openDialog } from "../../app/dialog.js";
import { h, say } from "../../app/dom.js";
import { ask, asked, confirmTyped, tagsIn } from "./form.js";

const AT_ONCE = 6;
const CONFLICTS = 4; // somebody else edits, too
const NAMED = 200; // of those that failed

/** @typedef {import("../../app/main.js").App} App */

const pathOf = (/** @type {string} */ name) => `devices/${encodeURIComponent(name)}`;
const counted = (/** @type {number} */ number) => (number === 1 ? "1 device" : `${number.toLocaleString("en")} devices`);

/**
 * Do something to each; returns what it gave, and which of them failed and why.
 * @template Given
 * @param {string[]} names @param {(name: string) => Promise<Given>} change @param {(done: number) => void} told
 */
async function each(names, change, told) {
  /** @type {Map<string, Given>} */
  const done = new Map();
  /** @type {[string, string][]} */
  const failed = [];
  const left = [...names];
  const work = async () => {
    for (let name = left.shift(); name !== undefined; name = left.shift()) {
      try {
        done.set(name, await change(name));
      } catch (error) {
        failed.push([name, textOf(error)]);
      }
      told(done.size + failed.length);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { done, failed };
}

/**
 * Do something to each, tell how far it is, then what was done, with a way back.
 * @param {App} app @param {HTMLElement} status @param {string[]} names @param {(name: string) => Promise<any>} change
 * @param {string} what what was done, said of devices @param {((name: string, given: any) => Promise<any>) | null} [back]
 */
async function run(app, status, names, change, what, back = null) {
  const { done, failed } = await each(names, change, (count) => say(status, `${count} of ${names.length} …`));
  say(status, "");
  // Those where nothing was to change need no way back.
  const changed = [...done].filter(([, given]) => given !== null);
  const undo = back && changed.length ? () => run(app, status, changed.map(([name]) => name), (name) => back(name, done.get(name)), "as before") : null;
  if (done.size) app.toasts.done(`${counted(done.size)} ${done.size === 1 ? "is" : "are"} ${what}.`, undo);
  if (failed.length === 1) app.toasts.failed(`${failed[0][0]}: ${failed[0][1]}`);
  else if (failed.length) showFailed(failed);
}

/** @param {[string, string][]} failed */
function showFailed(failed) {
  const more = failed.length > NAMED ? h("p", { class: "muted" }, `and ${failed.length - NAMED} more`) : null;
  openDialog(`${counted(failed.length)} could not be changed`, h("ul", { class: "notes" }, failed.slice(0, NAMED).map(([name, text]) => h("li", {}, h("strong", {}, name), `: ${text}`))), more);
}

/** @param {App} app @param {HTMLElement} status @param {string[]} names @param {boolean} isDisabled */
export function setDisabled(app, status, names, isDisabled) {
  const isSo = (/** @type {string} */ name) => Boolean(app.hub.devices.get(name)?.disabled) === isDisabled;
  const set = (/** @type {boolean} */ to) => async (/** @type {string} */ name) => patch(pathOf(name), { disabled: to });
  const change = async (/** @type {string} */ name) => (isSo(name) ? null : set(isDisabled)(name));
  return run(app, status, names, change, isDisabled ? "disabled" : "enabled", set(!isDisabled));
}

/** @param {App} app @param {HTMLElement} status @param {string[]} names */
export function askTags(app, status, names) {
  const input = () => h("input", { autocomplete: "off", spellcheck: "false" });
  const added = asked("Give them", input(), { hint: "floor=2, outdoor: a key=value takes the place of another value of the key" });
  const known = [...new Set(names.flatMap((name) => app.hub.devices.get(name)?.tags ?? []))].sort();
  const taken = asked("Take from them", input(), { hint: known.length ? `Words or keys. They have: ${known.slice(0, 30).join(", ")}` : "They have no tags" });
  ask(`Tags of ${counted(names.length)}`, [added, taken], "Change", async () => {
    const change = { added: tagsIn(added.input.value), taken: tagsIn(taken.input.value) };
    run(app, status, names, (name) => retag(name, change), "retagged", (name, { before, revision }) => patch(pathOf(name), { tags: before, revision }));
  });
}

/** @param {string} name @param {{added: string[], taken: string[]}} change */
async function retag(name, { added, taken }) {
  for (let left = CONFLICTS; ; left -= 1) {
    const { tags: before = [], revision = 0 } = await get(pathOf(name));
    const tags = tagsAfter(before, added, taken);
    if (tags.join() === before.join()) return null;
    try {
      return { before, revision: (await patch(pathOf(name), { tags, revision })).revision };
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== "conflict" || left === 0) throw error;
    }
  }
}

const keyOf = (/** @type {string} */ tag) => tag.split("=")[0];

/**
 * Tags with some put beside them and some taken away; one value a key.
 * @param {string[]} before @param {string[]} added @param {string[]} taken
 */
function tagsAfter(before, added, taken) {
  const keys = new Set([...added, ...taken].map(keyOf));
  return [...before.filter((tag) => !keys.has(keyOf(tag))), ...added];
}

/** @param {App} app @param {HTMLElement} status @param {string[]} names */
export function askRemove(app, status, names) {
  const word = names.length === 1 ? names[0] : String(names.length);
  const named = names.length > 1 ? `${names.slice(0, 12).join(", ")}${names.length > 12 ? " …" : ""}` : "";
  const withData = h("input", { type: "checkbox", id: "remove-data" });
  const more = h("label", { class: "check" }, withData, " Delete their readings, too, for good");
  const text = [`${counted(names.length)} cannot connect any more: the token is gone and cannot be brought back. Readings stay, unless you say otherwise below. To keep ${names.length === 1 ? "it" : "them"} out for a while, disable instead.`];
  confirmTyped(`Remove ${names.length === 1 ? names[0] : counted(names.length)}`, text, word, "Remove", async () => {
    const query = withData.checked ? "?data=true" : "";
    run(app, status, names, (name) => remove(`${pathOf(name)}${query}`), withData.checked ? "removed, with all readings" : "removed");
  }, [named ? h("p", { class: "muted" }, named) : null, more]);
}
