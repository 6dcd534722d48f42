// What tiles are drawn with: SVG elements, names of series, words where there is nothing to show. Owns no state.

import { h, say } from "../app/dom.js";
import { linkTo } from "../app/router.js";
import { duration } from "../app/units.js";

const SVG = "http://www.w3.org/2000/svg";

/** Make an SVG element. Attributes only: a style would be refused by the page's policy. @param {string} name @param {Record<string, any>} [attributes] @param {...(Node | string)} children */
export function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  put(element, attributes);
  element.append(...children);
  return element;
}

/** Set attributes where they differ. @param {Element} element @param {Record<string, any>} attributes */
export function put(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined) element.removeAttribute(name);
    else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, String(value));
  }
}

/** A tile that only says something. @param {string} text */
export const emptyTile = (text) => h("div", { class: "tile-content" }, h("p", { class: "tile-empty" }, text));

const UNCHOSEN = "Nothing is chosen yet. Edit this tile to choose what it shows.";

/**
 * The frame of a tile that shows readings: its content, or words where there is none.
 * @param {string} kind @param {...Node} children
 */
export function frame(kind, ...children) {
  // Until the first drawing there is nothing to see in it, nor to be said of it.
  const note = h("p", { class: "tile-empty" }, "Waiting for readings.");
  const content = h("div", { class: `tile-body ${kind}-tile`, hidden: true }, ...children);
  const element = h("div", { class: "tile-content" }, content, note);
  const show = (/** @type {string | null} */ text) => {
    content.hidden = text !== null;
    note.hidden = text === null;
    if (text !== null) say(note, text);
  };
  return { element, content, show };
}

/**
 * What to say where a stream has nothing for a tile; null where it has.
 * @param {import("../parts/shared_streams.js").Readings | null} stream @param {unknown[]} found @param {number} nowUs @param {string} span in words
 */
export function absence(stream, found, nowUs, span) {
  if (found.length) return null;
  if (!stream) return UNCHOSEN;
  if (stream.model.cursor === null) return stream.note(nowUs) ?? (stream.isPast ? "Asking the hub …" : "Waiting for the hub.");
  if (stream.isPast) return stream.note(nowUs) ?? `No value in the ${duration(stream.model.spanUs / 1e6)} before this time.`;
  return stream.note(nowUs) ?? `No value in the last ${span}.`;
}

/** How a device is called. @param {import("../app/hub.js").Hub} hub @param {string} name */
export const nameOf = (hub, name) => hub.devices.get(name)?.title ?? name;

/** Ask for a drawing of the tile that an element is in. @param {Element} element */
export const askRedraw = (element) => element.dispatchEvent(new CustomEvent("redraw", { bubbles: true }));

/** A check box with its label. @param {string} text @param {boolean} isOn */
export function check(text, isOn) {
  const input = h("input", { type: "checkbox", checked: isOn });
  return { input, element: h("label", { class: "tile-check" }, input, h("span", {}, text)) };
}

/** A choice. @param {[string, string][]} options value and text @param {string} chosen @param {() => void} [onChange] */
export function choice(options, chosen, onChange = () => {}) {
  const select = h("select", { class: "tile-choice", on: { change: onChange } }, ...options.map(([value, text]) => h("option", { value }, text)));
  select.value = chosen;
  if (select.selectedIndex < 0 && options.length) select.selectedIndex = 0;
  return select;
}

/** Let a link lead to the page of a device; a guest sees none. @param {HTMLAnchorElement} link @param {import("../app/hub.js").Hub} hub @param {string} device */
export function leadTo(link, hub, device) {
  const href = linkTo(["devices", device]);
  if (hub.isGuest) link.removeAttribute("href");
  else if (link.getAttribute("href") !== href) link.setAttribute("href", href);
}
