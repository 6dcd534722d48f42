// The rules of a command button: to whom it goes, how it is asked for, and what is said of what became of it. Pure.

import { EVERYTHING } from "../app/tags.js";
import { shown } from "../app/units.js";
import { wordOf } from "../parts/args.js";
import { endedIn, hasEnded } from "../parts/command_states.js";
import { sourceOf } from "./rules.js";

const TTL_S = 30;
const AWAY_TTL_S = 3_600; // for a device that is not connected: it may take a while to come
const SHOWN_ARGS = 4;

/** @typedef {{devices?: string[], where?: string}} Target */
/** @typedef {{get: (name: string) => Record<string, any> | null, items: Map<string, Record<string, any>>}} Devices */

/** @param {Record<string, any>} config @returns {Target | null} */
export function targetOf(config) {
  const source = sourceOf({ source: config.source, channels: ["*"] });
  if (!source) return null;
  return source.where ? { where: source.where } : { devices: source.devices };
}

/** @param {Target} target @param {Devices} devices */
export function targetText(target, devices) {
  const { devices: names, where } = target;
  if (where) return `all that match ${where}`;
  if (names?.includes("*")) return "all devices";
  return names?.length === 1 ? devices.get(names[0])?.title ?? names[0] : `${names?.length ?? 0} devices`;
}

/** How the command is declared by one of those that it is meant for. @param {Target} target @param {string} name @param {Devices} devices */
export function specOf(target, name, devices) {
  const { devices: names, where } = target;
  const meant = where || names?.includes("*") ? [...devices.items.values()] : (names ?? []).map((each) => devices.get(each));
  return meant.flatMap((each) => each?.commands ?? []).find((spec) => spec.name === name) ?? null;
}

/**
 * The request that sends it: to one device, or one command to many.
 * @param {Target} target @param {string} name @param {Record<string, any>} args @param {Devices} devices
 */
export function callOf(target, name, args, devices) {
  const { devices: names, where } = target;
  const one = names?.length === 1 && names[0] !== "*" ? names[0] : null;
  if (one !== null && !where) {
    const isThere = ["online", "silent"].includes(devices.get(one)?.presence);
    return { path: `devices/${encodeURIComponent(one)}/commands`, body: { name, args, ttl_s: isThere ? TTL_S : AWAY_TTL_S }, isGroup: false };
  }
  const whom = where ? { where } : names?.includes("*") ? { where: EVERYTHING } : { devices: names };
  return { path: "group-commands", body: { name, args, ttl_s: TTL_S, ...whom }, isGroup: true };
}

/**
 * The newest command of a name to the one device that is meant, where it still runs: whoever sent it, and from wherever.
 * @param {Target | null} target @param {string} name @param {Map<string, Record<string, any>>} commands
 */
export function runningOf(target, name, commands) {
  const one = !target?.where && target?.devices?.length === 1 ? target.devices[0] : null;
  const sent = [...commands.values()].filter((each) => each.device === one && each.name === name);
  const newest = sent.reduce((a, b) => (a && a.created_us > b.created_us ? a : b), /** @type {Record<string, any> | null} */ (null));
  return newest && !hasEnded(newest) ? newest : null;
}

/** Whether it has ended, and nothing is left to cancel. @param {Record<string, any>} item @param {boolean} isGroup */
export const isOver = (item, isGroup) => (isGroup ? Boolean(item.ended_us) : hasEnded(item));

/** @param {Record<string, any> | undefined} args */
export function argsText(args) {
  const said = Object.entries(args ?? {}).map(([name, value]) => `${wordOf(name)} ${typeof value === "number" ? value : shown(value, "")}`);
  return said.length > SHOWN_ARGS ? `${said.slice(0, SHOWN_ARGS).join(", ")} …` : said.join(", ");
}

/**
 * What is said of a command, or of one to many devices by its tally; progress is null where there is none, or it is over.
 * @param {Record<string, any>} item @param {boolean} isGroup @returns {{text: string, state: string, progress: number | null}}
 */
export function outcomeOf(item, isGroup) {
  if (!isGroup) {
    const progress = !hasEnded(item) && typeof item.progress === "number" ? item.progress : null;
    const value = item.value === undefined || item.value === null ? "" : typeof item.value === "object" ? JSON.stringify(item.value) : typeof item.value === "number" ? String(item.value) : shown(item.value, "");
    return { text: [wordOf(item.state), value, item.reason].filter(Boolean).join(": "), state: item.state, progress };
  }
  const tally = Object.entries(item.tally ?? {});
  const over = endedIn(tally);
  const said = [...tally.map(([state, count]) => `${count} ${wordOf(state)}`), ...(item.refused ? [`${item.refused} cannot take it`] : [])].join(", ");
  const isAllDone = tally.every(([state]) => state === "done") && !item.refused;
  return { text: said || "no device is meant", state: !item.ended_us && over < item.devices ? "running" : isAllDone && tally.length ? "done" : "failed", progress: item.ended_us || !item.devices ? null : over / item.devices };
}
