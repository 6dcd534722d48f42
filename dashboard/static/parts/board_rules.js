// What a dashboard's document means: variables in texts, ranges, names, new documents, files. Pure: no screen, no hub.

import { EVERYTHING } from "../app/tags.js";
import { RANGES as LIVE_RANGES, short } from "../charts/span.js";
import { COLUMNS, freePlace } from "./grid.js";

/** @typedef {{name: string, kind: string, value: string}} Variable */
/** @typedef {import("./grid.js").Tile} Tile */
/** @typedef {{title: string, variables: Variable[], range: string, tiles: Tile[]}} Board */

/** As the address and a document name them, and as people do. */
export const RANGES = LIVE_RANGES.map((each) => ({ ...each, name: short(each), label: each.name }));
export const rangeOf = (/** @type {string | undefined} */ name) => RANGES.find((each) => each.name === name) ?? null;

const VARIABLE = /\$([a-z][a-z0-9_]*)/g;

/** The values that the variables of a dashboard have now: as the address says, else as they were saved. @param {Variable[]} variables @param {Record<string, string>} query */
export const valuesOf = (variables, query) => variables.map((each) => ({ ...each, value: query[`var-${each.name}`] ?? each.value }));

/** What of the values belongs into the address: what is not as it was saved. @param {Variable[]} saved @param {Variable[]} values @returns {Record<string, string>} */
export const differing = (saved, values) => Object.fromEntries(values.filter((each, at) => each.value !== saved[at]?.value).map((each) => [`var-${each.name}`, each.value]));

/** A text with the values of variables in the place of their names. @param {string} text @param {Variable[]} values */
export function filledIn(text, values) {
  return text.replace(VARIABLE, (found, name) => values.find((each) => each.name === name)?.value ?? found);
}

/**
 * A tile's config with values for variables. A tag expression stands in parentheses beside others; where a tag variable has no value, all devices are meant.
 * @param {any} config @param {Variable[]} values @param {string} [key] @returns {any}
 */
export function resolved(config, values, key = "") {
  if (typeof config === "string") return key === "where" ? expression(config, values) : filledIn(config, values);
  if (Array.isArray(config)) return config.map((each) => resolved(each, values)).filter((each) => each !== "");
  if (config === null || typeof config !== "object") return config;
  return Object.fromEntries(Object.entries(config).map(([name, each]) => [name, resolved(each, values, name)]));
}

/** @param {string} text @param {Variable[]} values */
function expression(text, values) {
  return text.replace(VARIABLE, (found, name) => {
    const variable = values.find((each) => each.name === name);
    if (!variable) return found;
    if (variable.kind === "device") return `"${variable.value}"`;
    const value = variable.value.trim() || EVERYTHING;
    return text.trim() === found ? value : `(${value})`;
  });
}

/** The variables without which a config means nothing: those of devices that have no value. @param {any} config @param {Variable[]} values */
export function unchosen(config, values) {
  const text = JSON.stringify(config?.source ?? null) + JSON.stringify(config?.device ?? null);
  return values.filter((each) => each.kind === "device" && !each.value && [...text.matchAll(VARIABLE)].some((found) => found[1] === each.name)).map((each) => each.name);
}

/** A name for an address, made of a title, that is not taken. @param {string} title @param {Iterable<string>} taken */
export function nameFor(title, taken) {
  const known = new Set(taken);
  const plain = title.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 48) || "dashboard";
  let name = plain;
  for (let at = 2; known.has(name); at += 1) name = `${plain}-${at}`;
  return name;
}

/** An id that no tile has. @param {Tile[]} tiles */
export function newId(tiles) {
  const known = new Set(tiles.map((each) => each.id));
  let at = tiles.length + 1;
  while (known.has(`t${at}`)) at += 1;
  return `t${at}`;
}

/** Tiles with one more, in the first free place. @param {Tile[]} tiles @param {Omit<Tile, "id" | "x" | "y">} tile @returns {Tile[]} */
export const withTile = (tiles, tile) => [...tiles, { ...tile, ...freePlace(tiles, tile.w, tile.h), id: newId(tiles) }];

/** @param {string} title @returns {Board} */
export const emptyBoard = (title) => ({ title, variables: [], range: "1h", tiles: [] });

const MOST_CHARTS = 12;

/**
 * A dashboard of the devices that a tag expression means: a chart for each channel that they have, most common first, and a table of the newest values.
 * @param {string} title @param {string} where @param {Record<string, any>[]} devices @returns {Board}
 */
export function boardOfTag(title, where, devices) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  const numeric = new Set();
  for (const device of devices) {
    for (const { name, kind } of device.channels ?? []) {
      counts.set(name, (counts.get(name) ?? 0) + 1);
      if (kind === "gauge" || kind === "counter" || kind === undefined) numeric.add(name);
    }
  }
  // Parts (cpu.0 beside cpu) are a click away on the page of their device.
  const names = [...counts.keys()].filter((each) => ![...counts.keys()].some((whole) => each.startsWith(`${whole}.`))).sort((a, b) => (counts.get(b) ?? 0) - (counts.get(a) ?? 0));
  const source = { where: "$devices" };
  /** @type {Tile[]} */
  let tiles = [];
  for (const name of names.filter((each) => numeric.has(each)).slice(0, MOST_CHARTS)) {
    tiles = withTile(tiles, { type: "chart", w: 6, h: 4, title: name, config: { source, channels: [name] } });
  }
  if (names.length) tiles = withTile(tiles, { type: "table", w: COLUMNS, h: 5, title: "Newest values", config: { source, channels: names.slice(0, MOST_CHARTS) } });
  return { title, variables: [{ name: "devices", kind: "tags", value: where }], range: "1h", tiles };
}

/** What a file holds, as far as a page can tell; the hub judges the rest. Throws an Error for a person. @param {string} text @returns {Board} */
export function boardIn(text) {
  let found;
  try {
    found = JSON.parse(text);
  } catch (error) {
    throw new Error(`This file is not JSON: ${error instanceof Error ? error.message : error}`);
  }
  if (found === null || typeof found !== "object" || Array.isArray(found) || typeof found.title !== "string" || !Array.isArray(found.tiles)) {
    throw new Error("This file is no dashboard: it has no title and tiles. Take one that Export wrote");
  }
  return found;
}

/** Whether two documents are the same. @param {Board} a @param {Board} b */
export const isSame = (a, b) => JSON.stringify(plain(a)) === JSON.stringify(plain(b));

/** @param {any} value @returns {any} */
function plain(value) {
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, plain(value[key])]));
}

const NAMED = 3;

/** How many tiles, and how they are called where they have a title. @param {Tile[]} tiles @param {string} how */
function tilesText(tiles, how) {
  const names = tiles.map((each) => each.title).filter(Boolean);
  const more = names.length > NAMED ? ", …" : "";
  return tiles.length && `${tiles.length} ${tiles.length === 1 ? "tile" : "tiles"} ${how}${names.length ? ` (${names.slice(0, NAMED).join(", ")}${more})` : ""}`;
}

/** What differs between two documents, in words. @param {Board} from @param {Board} to */
export function differences(from, to) {
  const before = new Map(from.tiles.map((each) => [each.id, each]));
  const after = new Set(to.tiles.map((each) => each.id));
  const added = to.tiles.filter((each) => !before.has(each.id));
  const removed = from.tiles.filter((each) => !after.has(each.id));
  const changed = to.tiles.filter((each) => before.has(each.id) && JSON.stringify(plain(each)) !== JSON.stringify(plain(before.get(each.id))));
  const said = [tilesText(added, "added"), tilesText(removed, "removed"), tilesText(changed, "changed")];
  if (from.title !== to.title) said.push(`the title is “${to.title}”`);
  if (from.range !== to.range || JSON.stringify(plain(from.variables)) !== JSON.stringify(plain(to.variables))) said.push("range or variables changed");
  return said.filter(Boolean).join(", ") || "nothing that is shown";
}
