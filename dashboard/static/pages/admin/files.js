// Files that the page makes itself and the browser saves. Owns nothing after the click.

import { h } from "../../app/dom.js";

/**
 * Save a text as a file.
 * @param {string} name @param {string} type @param {string} text
 */
export function saveFile(name, type, text) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  h("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000); // the browser reads it after the click
}
