// Everything by keyboard: Ctrl-K (Command-K on a Mac) or / asks where to go or what to do, and Enter does it.
//
// Owns the dialog while it is open, and the keys that open it; what there is to do is asked of `offered` (offers.js) each time.

import { openDialog } from "../app/dialog.js";
import { fill, h } from "../app/dom.js";

const LISTED = 12;

/** @typedef {{label: string, hint?: string, run: () => void}} Entry */

/** The entries that a text means, best first: those that begin with it, whose words do, that hold it, that hold its letters in order. @param {Entry[]} entries @param {string} text */
export function matching(entries, text) {
  const wanted = text.trim().toLowerCase();
  const rank = (/** @type {string} */ label) => {
    if (label.startsWith(wanted)) return 0;
    if (label.split(/[\s._:/-]+/).some((word) => word.startsWith(wanted))) return 1;
    if (label.includes(wanted)) return 2;
    let at = -1;
    for (const letter of wanted) if ((at = label.indexOf(letter, at + 1)) < 0) return Infinity;
    return 3;
  };
  const ranked = entries.map((entry, place) => ({ entry, place, rank: rank(entry.label.toLowerCase()) })).filter((each) => each.rank < Infinity);
  return ranked.sort((a, b) => a.rank - b.rank || a.place - b.place).map((each) => each.entry);
}

/** Listen for the keys. @param {() => Entry[]} offered */
export function listenForPalette(offered) {
  addEventListener("keydown", (event) => {
    const isTyping = event.target instanceof HTMLElement && event.target.closest("input, textarea, select, [contenteditable]") !== null;
    const isCalled = (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey)) || (event.key === "/" && !isTyping);
    if (!isCalled || event.altKey || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    openPalette(offered());
  });
}

/** Ask now. @param {Entry[]} entries */
export function openPalette(entries) {
  /** @type {Entry[]} */
  let found = [];
  let at = 0;
  const list = h("ul", { class: "palette-list", id: "palette-list", role: "listbox", "aria-label": "Matches" });
  const input = h("input", {
    type: "text", role: "combobox", "aria-expanded": "true", "aria-controls": "palette-list", "aria-label": "Go to a page or device, or do something",
    placeholder: "A page, a device, something to do", autocomplete: "off", spellcheck: "false",
    on: { input: () => show(0), keydown: (/** @type {KeyboardEvent} */ event) => key(event) },
  });
  const { dialog } = openDialog("Go to", input, list);
  dialog.classList.add("palette");

  /** @param {number} place */
  function show(place) {
    found = matching(entries, input.value).slice(0, LISTED);
    at = found.length ? (place + found.length) % found.length : 0;
    fill(list, found.length ? found.map(option) : h("li", { class: "muted", role: "presentation" }, "Nothing is called that."));
    if (found.length) input.setAttribute("aria-activedescendant", `palette-${at}`);
    else input.removeAttribute("aria-activedescendant");
  }

  /** @param {Entry} entry @param {number} place */
  function option(entry, place) {
    const hint = entry.hint ? h("span", { class: "muted" }, entry.hint) : null;
    return h("li", { id: `palette-${place}`, role: "option", "aria-selected": String(place === at), on: { click: () => run(entry) } }, h("span", {}, entry.label), hint);
  }

  /** @param {KeyboardEvent} event */
  function key(event) {
    if (event.key === "ArrowDown") show(at + 1);
    else if (event.key === "ArrowUp") show(at - 1);
    else if (event.key === "Enter" && found[at]) run(found[at]);
    else return;
    event.preventDefault();
  }

  /** @param {Entry} entry */
  function run(entry) {
    dialog.close();
    entry.run();
  }

  show(0);
  input.focus();
}
