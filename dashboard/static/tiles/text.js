// A tile with a text of the people who made the dashboard. Owns its elements; marks.js reads the markup, here it becomes elements.

import { field, h } from "../app/dom.js";
import { emptyTile } from "./parts.js";
import { blocksOf } from "./marks.js";

const HINT = "# Heading, - list, 1. numbered list, **strong**, *emphasis*, `code`, [text](https://…)";

/** @type {import("./index.js").TileType} */
export const type = {
  name: "text",
  label: "Text",
  defaults: { w: 4, h: 3, config: { text: "" } },
  fields(config) {
    const input = h("textarea", { rows: 8, class: "tile-textarea", value: String(config.text ?? "") });
    return { elements: [field("Text", /** @type {any} */ (input), HINT)], read: () => ({ text: input.value }) };
  },
  wanted: () => null,
  make: (_, config) => ({ element: elementOf(String(config.text ?? "")), draw: () => {}, close: () => {} }),
};

/** @param {string} text */
function elementOf(text) {
  const blocks = blocksOf(text);
  if (!blocks.length) return emptyTile("No text yet. Edit this tile to write one.");
  return h("div", { class: "tile-content" }, h("div", { class: "tile-body text-tile" }, blocks.map(block)));
}

/** @param {import("./marks.js").Block} each */
function block({ name, lines }) {
  if (name === "ul" || name === "ol") return h(name, {}, lines.map((line) => h("li", {}, line.map(piece))));
  return h(name, {}, lines.flatMap((line, at) => [at > 0 && h("br"), ...line.map(piece)]));
}

/** @param {import("./marks.js").Piece} each */
function piece(each) {
  if (typeof each === "string") return each;
  if (each.name === "a") return h("a", { href: each.href, rel: "noopener noreferrer", target: "_blank" }, each.text);
  return h(each.name, {}, each.text);
}
