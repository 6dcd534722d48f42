// Which devices the overview lists, and in which order: words, a state, a tag expression, a column. And which channels there are to choose.
//
// Owns these rules and how they stand in the address. Pure.

import { nodeOf } from "../../app/places.js";
import { factsOf, parse } from "../../app/tags.js";

/**
 * What a person asked for, as it stands in the address; "" is everything. `where` may be half written.
 * @typedef {{words: string, state: string, where: string, sort: string, channel: string, node: string}} Choice
 */

/** States that a list can be cut down to, in the order in which they matter. @type {Record<string, (item: any) => boolean>} */
export const STATES = {
  online: (item) => item.presence === "online",
  silent: (item) => item.presence === "silent",
  sleeping: (item) => item.presence === "sleeping",
  offline: (item) => item.presence === "offline",
  unconfirmed: (item) => item.presence === "unconfirmed",
  flapping: (item) => item.flapping === true,
  disabled: (item) => item.disabled === true,
};
const PRESENCES = ["offline", "silent", "unconfirmed", "sleeping", "online"]; // what needs a look first
const collator = new Intl.Collator("en", { numeric: true });

/** What people call a device. @param {any} item @returns {string} */
export const nameOf = (item) => item.title || item.device;
const byName = (/** @type {any} */ a, /** @type {any} */ b) => collator.compare(nameOf(a), nameOf(b)) || collator.compare(a.device, b.device);

/** What a list can be sorted by; equal ones by name. @type {Record<string, {label: string, compare: (a: any, b: any) => number}>} */
export const SORTS = {
  name: { label: "Name", compare: () => 0 },
  state: { label: "State", compare: (a, b) => PRESENCES.indexOf(a.presence) - PRESENCES.indexOf(b.presence) },
  seen: { label: "Last seen", compare: (a, b) => seenUs(b) - seenUs(a) },
  kind: { label: "Kind", compare: (a, b) => Number(!a.kind) - Number(!b.kind) || collator.compare(a.kind ?? "", b.kind ?? "") },
};

// Who is there is seen now.
const seenUs = (/** @type {any} */ item) => (item.presence === "online" ? Infinity : item.last_seen_us ?? -1) || 0;

/** @param {Record<string, string>} query @returns {Choice} */
export function choiceIn(query) {
  const { q = "", state = "", where = "", sort = "", channel = "", node = "" } = query;
  return { words: q, state: Object.hasOwn(STATES, state) ? state : "", where, sort: Object.hasOwn(SORTS, sort.replace(/^-/, "")) ? sort : "name", channel, node };
}

/** @param {Choice} choice @returns {Record<string, string>} */
export const queryOf = ({ words, state, where, sort, channel, node }) => ({ q: words.trim(), state, where: where.trim(), sort: sort === "name" ? "" : sort, channel, node });

/** The sort that a click on a column leads to. @param {string} present @param {string} name */
export const turned = (present, name) => (present === name ? `-${name}` : name);

/**
 * The test that an expression stands for; `error` says why it cannot be read.
 * @param {string} where @returns {{test: import("../../app/tags.js").Where | null, error: string}}
 */
export function readWhere(where) {
  if (!where.trim()) return { test: null, error: "" };
  try {
    return { test: parse(where), error: "" };
  } catch (error) {
    return { test: null, error: /** @type {Error} */ (error).message };
  }
}

/** Those that words and expression leave, whatever their state. @param {any[]} items @param {string} words @param {import("../../app/tags.js").Where | null} test */
export function narrowed(items, words, test) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  return items.filter((item) => isSaid(item, wanted) && (test === null || test(factsOf(item))));
}

/** The nodes that have devices, or had them last, with the one that tells us; none where a hub stands alone. @param {any[]} items @param {Record<string, any>} system */
export function nodesOf(items, system) {
  const names = new Set(items.map((item) => nodeOf(item, system)).filter((name) => name !== null));
  return system.node === undefined ? [] : [...names.add(system.node)].sort(collator.compare);
}

// Each word is somewhere in what a row shows of a device.
function isSaid(/** @type {any} */ item, /** @type {string[]} */ wanted) {
  if (!wanted.length) return true;
  const text = [item.device, item.title, item.kind, item.firmware, ...(item.tags ?? [])].filter(Boolean).join("\n").toLowerCase();
  return wanted.every((word) => text.includes(word));
}

/** How many are in each state. @param {any[]} items @returns {Record<string, number>} */
export const countsOf = (items) => Object.fromEntries(Object.entries(STATES).map(([name, is]) => [name, items.filter(is).length]));

/** @param {any[]} items @param {string} sort */
export function sorted(items, sort) {
  const { compare } = SORTS[sort.replace(/^-/, "")];
  const sign = sort.startsWith("-") ? -1 : 1;
  return [...items].sort((a, b) => sign * (compare(a, b) || byName(a, b)) || 0);
}

/**
 * The channels that devices declare, most common first; those declared first of equally common ones.
 * @param {any[]} items @returns {{name: string, devices: number, isDrawn: boolean}[]}
 */
export function channelsOf(items) {
  const found = new Map();
  for (const item of items) {
    for (const { name, kind } of item.channels ?? []) {
      const known = found.get(name) ?? { name, devices: 0, isDrawn: false };
      known.devices += 1;
      known.isDrawn ||= kind === "gauge" || kind === "counter";
      found.set(name, known);
    }
  }
  return [...found.values()].sort((a, b) => b.devices - a.devices);
}

/** The channel to show where nobody has chosen: the most common one that is a number. @param {{name: string, isDrawn: boolean}[]} channels */
export const usualChannel = (channels) => (channels.find((each) => each.isDrawn) ?? channels[0])?.name ?? "";
