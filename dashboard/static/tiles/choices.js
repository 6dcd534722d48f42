// Which devices and channels a form offers, and which it suggests for a new tile so that it shows something at once. Pure.

import { collator, sourceOf } from "./rules.js";

/** @typedef {Record<string, any>} Channel */
/** @typedef {import("./index.js").Known} Known */
/** @typedef {(channel: Channel) => boolean} Fits */

/** @param {Channel} channel */
export const isNumeric = (channel) => channel.kind === "gauge" || channel.kind === "counter" || channel.kind === undefined;
/** @param {Channel} channel */
export const isDrawable = (channel) => isNumeric(channel) || (channel.kind === "state" && !channel.values);
/** @param {Channel} channel */
export const isPosition = (channel) => channel.kind === "position";
/** @param {Channel} channel */
export const isWord = (channel) => channel.kind === "state" || channel.kind === "text";

/** The channels of some devices, each name once, in the devices' own order. @param {Record<string, any>[]} devices @param {Fits} fits @returns {Channel[]} */
export function channelsOf(devices, fits) {
  /** @type {Map<string, Channel>} */
  const found = new Map();
  for (const device of devices) for (const each of device.channels ?? []) if (fits(each) && !found.has(each.name)) found.set(each.name, each);
  return [...found.values()];
}

/** The devices that a source means, as far as a page can say: of a tag expression it may be any. @param {Record<string, any>} source @param {Known} known */
export function devicesOf(source, { devices, variables }) {
  const names = (Array.isArray(source.devices) ? source.devices : []).map((/** @type {string} */ name) => valueOf(name, variables));
  return source.where || names.includes("*") ? devices : devices.filter((each) => names.includes(each.device));
}

/** @param {string} name @param {Known["variables"]} variables */
const valueOf = (name, variables) => variables.find((each) => `$${each.name}` === name)?.value ?? name;

/**
 * What a new tile shows: a device that is there and has something fitting, of a dashboard's variable if it has one; its first channels.
 * @param {Known} known @param {Fits} fits @param {number} most channels
 * @returns {{source: {devices: string[]}, channels: string[]}}
 */
export function suggested(known, fits, most) {
  const variable = known.variables.find((each) => each.kind === "device");
  if (variable) {
    const channels = channelsOf(devicesOf({ devices: [`$${variable.name}`] }, known), fits);
    if (channels.length) return { source: { devices: [`$${variable.name}`] }, channels: named(channels, most) };
  }
  const able = known.devices.filter((each) => channelsOf([each], fits).length);
  const device = able.find((each) => each.presence === "online") ?? able[0];
  return device ? { source: { devices: [device.device] }, channels: named(channelsOf([device], fits), most) } : { source: { devices: [] }, channels: [] };
}

/** @param {Channel[]} channels @param {number} most */
function named(channels, most) {
  const unit = channels[0]?.unit ?? "";
  return channels.filter((each) => most > 4 || (each.unit ?? "") === unit).slice(0, most).map((each) => each.name);
}

/** A config as a form begins with it: as it is, or suggested. @param {Record<string, any>} config @param {Known} known @param {Fits} fits @param {number} most */
export const begun = (config, known, fits, most) => (sourceOf(config) ? { source: config.source, channels: config.channels } : suggested(known, fits, most));

/** Names for a list of choices: those that are offered and those chosen before, though no device has them now. @param {string[]} offered @param {string[]} chosen */
export const withChosen = (offered, chosen) => [...offered, ...chosen.filter((each) => !offered.includes(each)).sort(collator.compare)];

/** To whom a new command button sends: a device that is there and takes a command. @param {Known} known @returns {{devices: string[]}} */
export function suggestedTarget({ devices }) {
  const able = devices.filter((each) => each.commands?.length);
  const device = able.find((each) => each.presence === "online") ?? able[0];
  return { devices: device ? [device.device] : [] };
}
