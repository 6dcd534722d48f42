// The part of a tile's form that says which readings it shows: devices by name or by tags, and their channels.
//
// Owns these inputs while the form is open; keeps no listener beyond them. choices.js says what is offered.

import { ApiError } from "../app/api.js";
import { field, fill, h } from "../app/dom.js";
import { symbol } from "../app/units.js";
import { begun, channelsOf, devicesOf, withChosen } from "./choices.js";
import { choice } from "./parts.js";

/** @typedef {import("./choices.js").Fits} Fits */

const FILTERED_FROM = 8; // fewer are seen at a glance
const LISTED = 200;
const MANY = 8;

/**
 * The inputs. `read` throws an ApiError where something is missing; `channel` is the first chosen channel as it is declared.
 * @param {Record<string, any>} config @param {import("./index.js").Known} known
 * @param {{fits: Fits, isMany: boolean, most?: number, labels?: Record<string, string>, onChange?: () => void}} options
 */
export function sourceFields(config, known, { fits, isMany, most = isMany ? MANY : 1, labels = {}, onChange = () => {} }) {
  const start = begun(config, known, fits, most);
  const devices = isMany ? manyDevices(start.source, known, changed) : oneDevice(start.source, known, fits, changed);
  const slot = h("div", { class: "tile-channels" });
  const read = () => devices.read();
  const declared = () => channelsOf(devicesOf(read(), known), fits);
  let channels = makeChannels(start.channels);

  /** @param {string[]} chosen */
  function makeChannels(chosen) {
    const offered = declared();
    const made = isMany ? manyChannels(offered, chosen, onChange, labels) : oneChannel(offered, chosen, onChange);
    fill(slot, made.element);
    return made;
  }

  function changed() {
    const kept = channels.read().filter((name) => declared().some((each) => each.name === name));
    channels = makeChannels(kept.length ? kept : declared().slice(0, most).map((each) => each.name));
    onChange();
  }

  return {
    elements: [devices.element, slot],
    channel: () => declared().find((each) => each.name === channels.read()[0]) ?? null,
    read: () => {
      const source = read();
      if (!source.where && !source.devices?.length) throw new ApiError("Choose a device, or say its tags.", {});
      if (!channels.read().length) throw new ApiError("Choose a channel.", {});
      return { source, channels: channels.read() };
    },
  };
}

/** @typedef {{element: HTMLElement, read: () => {devices?: string[], where?: string}}} Devices */

/** @param {Record<string, any>} source @param {import("./index.js").Known} known @param {Fits} fits @param {() => void} changed @returns {Devices} */
function oneDevice(source, known, fits, changed) {
  const able = known.devices.filter((each) => channelsOf([each], fits).length);
  /** @type {[string, string][]} */
  const options = [...variablesOf(known, "device"), ...able.map((each) => /** @type {[string, string]} */ ([each.device, labelOf(each)]))];
  const chosen = source.devices?.[0] ?? "";
  if (chosen && !options.some(([value]) => value === chosen)) options.push([chosen, chosen]);
  const select = choice(options, chosen, changed);
  const hint = options.length ? "" : "No device has a channel that fits here.";
  return { element: field("Device", select, hint), read: () => ({ devices: select.value ? [select.value] : [] }) };
}

/** @param {Record<string, any>} source @param {import("./index.js").Known} known @param {() => void} changed @returns {Devices} */
export function manyDevices(source, known, changed) {
  /** @type {[string, string][]} */
  const variables = [...variablesOf(known, "device"), ...variablesOf(known, "tags")];
  const chosen = source.where ?? source.devices?.[0] ?? "";
  const isVariable = variables.some(([value]) => value === chosen);
  const way = choice([["names", "Chosen by name"], ["tags", "Chosen by their tags"], ["all", "All devices"], ...variables],
    isVariable ? chosen : source.where ? "tags" : source.devices?.includes("*") ? "all" : "names", () => show());
  const names = checks("Devices", withChosen(known.devices.map((each) => each.device), named(source)), named(source), changed, (name) => labelOf(known.devices.find((each) => each.device === name) ?? { device: name }));
  const where = h("input", { type: "text", value: isVariable ? "" : source.where ?? "", autocomplete: "off", spellcheck: "false", placeholder: "kind=pump and not test", on: { change: changed } });
  const whereField = field("Tags", where, "Devices that match now and later: site=north, name=pump-*, presence=online.");
  const show = () => {
    names.element.hidden = way.value !== "names";
    whereField.hidden = way.value !== "tags";
    changed();
  };
  names.element.hidden = way.value !== "names";
  whereField.hidden = way.value !== "tags";
  const read = () => {
    if (way.value === "names") return { devices: names.read() };
    if (way.value === "tags") return { where: where.value.trim() };
    if (way.value === "all") return { devices: ["*"] };
    return variablesOf(known, "tags").some(([value]) => value === way.value) ? { where: way.value } : { devices: [way.value] };
  };
  return { element: h("div", { class: "tile-devices" }, field("Which devices", way), names.element, whereField), read };
}

/** @param {Record<string, any>} source @returns {string[]} */
const named = (source) => (source.devices ?? []).filter((/** @type {string} */ name) => name !== "*" && !name.startsWith("$"));

/** @param {import("./index.js").Known} known @param {string} kind @returns {[string, string][]} */
const variablesOf = (known, kind) => known.variables.filter((each) => each.kind === kind).map((each) => [`$${each.name}`, `Variable ${each.name}${each.value ? ` (now ${each.value})` : ""}`]);

/** @param {Record<string, any>} device */
const labelOf = (device) => (device.title && device.title !== device.device ? `${device.title} (${device.device})` : device.device);

/** @param {Record<string, any>[]} offered @param {string[]} chosen @param {() => void} changed */
function oneChannel(offered, chosen, changed) {
  const names = withChosen(offered.map((each) => each.name), chosen);
  const select = choice(names.map((name) => [name, channelLabel(offered, name)]), chosen[0] ?? "", changed);
  return { element: field("Channel", select), read: () => (select.value ? [select.value] : []) };
}

/** @param {Record<string, any>[]} offered @param {string[]} chosen @param {() => void} changed @param {Record<string, string>} labels */
function manyChannels(offered, chosen, changed, labels) {
  return checks("Channels", withChosen(offered.map((each) => each.name), chosen), chosen, changed, (name) => labels[name] ?? channelLabel(offered, name));
}

/** @param {Record<string, any>[]} offered @param {string} name */
function channelLabel(offered, name) {
  const unit = symbol(offered.find((each) => each.name === name)?.unit ?? "");
  return unit ? `${name} (${unit})` : name;
}

/** A list of check boxes, searched where it is long. @param {string} legend @param {string[]} names @param {string[]} chosen @param {() => void} changed @param {(name: string) => string} label */
function checks(legend, names, chosen, changed, label) {
  const on = new Set(chosen);
  const list = h("div", { class: "tile-checks" });
  const search = h("input", { type: "search", placeholder: "Search", "aria-label": `Search ${legend.toLowerCase()}`, autocomplete: "off", hidden: names.length < FILTERED_FROM, on: { input: () => show() } });
  const row = (/** @type {string} */ name) => {
    const input = h("input", { type: "checkbox", value: name, checked: on.has(name), on: { change: () => {
      if (input.checked) on.add(name);
      else on.delete(name);
      changed();
    } } });
    return h("label", { class: "tile-check" }, input, h("span", {}, label(name)));
  };
  const show = () => {
    const wanted = search.value.trim().toLowerCase();
    const found = names.filter((name) => label(name).toLowerCase().includes(wanted));
    const first = found.filter((name) => on.has(name));
    const rest = found.filter((name) => !on.has(name)).slice(0, LISTED);
    const more = found.length - first.length - rest.length;
    fill(list, [...first, ...rest].map(row), more > 0 && h("p", { class: "hint" }, `${more} more: search for them.`), !found.length && h("p", { class: "hint" }, "None."));
  };
  show();
  const element = h("fieldset", { class: "tile-fieldset" }, h("legend", {}, legend), search, list);
  return { element, read: () => names.filter((name) => on.has(name)) };
}
