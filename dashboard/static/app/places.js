// Where devices are, of several nodes of a hub: which has each, or had it last, and whether that one answers. Of one that does not, what is
// newest is not shown yet, and that is said wherever its readings are. Pure: no network, no clock.

import { duration } from "./units.js";

/** @typedef {{name: string | null, sinceUs: number}} Silent `name` is null for a guest, who is not told */

/**
 * The node that has a device or had it last; null: none ever had, or the hub stands alone.
 * @param {any} item of the device @param {Record<string, any>} system of the hub
 * @returns {string | null}
 */
export function nodeOf(item, system) {
  if (system.node === undefined || item.own) return null;
  return item.node ?? (item.last_seen_us === undefined && item.connected_us === undefined ? null : system.node);
}

/**
 * The node of a device where that does not answer: not this one, which asks while somebody watches, or nobody.
 * @param {any} item @param {Record<string, any>} system @returns {Silent | null}
 */
export function silentNodeOf(item, system) {
  const found = item.node === undefined ? undefined : system.nodes?.find((/** @type {any} */ each) => each.name === item.node);
  if (!found && item.node_gone_us === undefined) return null;
  return { name: item.node ?? null, sinceUs: Math.min(found?.since_us ?? Infinity, item.node_gone_us ?? Infinity) };
}

/** What is said beside readings of devices whose node does not answer. @param {Silent} silent @param {number} nowUs */
export function silenceText({ name, sinceUs }, nowUs) {
  const who = name === null ? "A part of the hub" : `Node ${name}`;
  return `${who} has not answered for ${duration(Math.max(0, nowUs - sinceUs) / 1e6)}: newer readings come once it does.`;
}

/**
 * The same of many devices: of the node that has been silent longest, and that there are more; null where each one answers.
 * @param {Iterable<any>} items @param {Record<string, any>} system @param {number} nowUs
 */
export function silencesText(items, system, nowUs) {
  /** @type {Map<string | null, Silent>} */
  const found = new Map();
  for (const item of items) {
    const silent = silentNodeOf(item, system);
    if (silent) found.set(silent.name, silent);
  }
  const [first, ...others] = [...found.values()].sort((a, b) => a.sinceUs - b.sinceUs);
  if (!first) return null;
  return others.length ? `${found.size} nodes of its devices do not answer, one for ${duration(Math.max(0, nowUs - first.sinceUs) / 1e6)}: newer readings come once they do.` : silenceText(first, nowUs);
}
