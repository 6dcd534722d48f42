// One command, or one to many devices, as an entry of a list: what was sent, how far it is, what came of it.
//
// Owns how it looks; lists are commands.js's and command_history.js's.

import { button, h } from "../app/dom.js";
import { moment, timeText } from "../app/times.js";
import { shown } from "../app/units.js";
import { wordOf } from "./args.js";
import { endedIn, hasEnded } from "./command_states.js";

const ONE_LINE = 60; // characters of a result that need no lines of their own

/**
 * @param {any} item a command
 * @param {{cancel: ((item: any) => Promise<void>) | null, isWhole: boolean}} how `isWhole`: with the time at which each state was reached
 */
export function commandEntry(item, { cancel, isWhole }) {
  const args = Object.entries(item.args ?? {}).map(([name, value]) => `${wordOf(name)} ${plain(value)}`).join(", ");
  const said = [args, item.by && `by ${item.by}`, item.group && "to many devices"].filter(Boolean).join(" · ");
  return h(
    "li",
    { data: { id: item.id, version: item.version, state: item.state } },
    h("div", { class: "sent-head" }, h("span", { class: "sent-name" }, wordOf(item.name)), h("span", { class: "chip" }, wordOf(item.state))),
    h("p", { class: "muted" }, moment(item.created_us), said && ` · ${said}`),
    isWhole && reached(item),
    !hasEnded(item) && typeof item.progress === "number" && h("progress", { max: 1, value: item.progress, "aria-label": "Progress" }),
    item.value !== undefined && item.value !== null && h("p", { class: "sent-value" }, resultText(item.value)),
    item.reason && h("p", { class: "sent-reason" }, item.reason),
    isWhole && item.note && h("p", { class: "sent-reason" }, item.note),
    cancel && !hasEnded(item) && cancelButton(item, cancel),
  );
}

/** How long each state took to be reached, from the moment when the command was given. @param {any} item */
function reached(item) {
  const states = Object.entries(item.reached_us ?? {}).sort((a, b) => a[1] - b[1]);
  const steps = states.map(([state, us]) => h("li", {}, h("span", {}, wordOf(state)), " ", moment(us, `+${seconds((us - item.created_us) / 1e6)}`)));
  if (!hasEnded(item) && item.expires_us) steps.push(h("li", {}, "good until ", moment(item.expires_us, timeText(item.expires_us))));
  return h("ol", { class: "reached", "aria-label": "States" }, ...steps);
}

/** @param {number} value */
const seconds = (value) => (value < 10 ? `${value.toFixed(2)} s` : value < 120 ? `${value.toFixed(0)} s` : `${(value / 60).toFixed(0)} min`);

/** @param {any} item @param {(item: any) => Promise<void>} cancel */
function cancelButton(item, cancel) {
  const isAsked = item.cancel === "asked";
  const made = button(isAsked ? "Asked to cancel" : "Cancel", async () => {
    made.disabled = true;
    await cancel(item);
    made.disabled = isAsked;
  }, { "aria-label": `Cancel ${wordOf(item.name)}`, disabled: isAsked });
  return made;
}

/** A command to many devices: how many of them are how far. @param {any} item @param {((item: any) => Promise<void>) | null} cancel */
export function groupEntry(item, cancel) {
  const tally = Object.entries(item.tally);
  const ended = endedIn(tally);
  const who = item.where ? `${item.where} · by ${item.by}` : `by ${item.by}`;
  return h(
    "li",
    { data: { id: item.id, state: item.ended_us ? "ended" : "running" } },
    h("div", { class: "sent-head" }, h("span", { class: "sent-name" }, wordOf(item.name)), h("span", { class: "chip" }, item.ended_us ? "ended" : `${item.devices} devices`)),
    h("p", { class: "muted" }, moment(item.created_us), ` · ${who}`),
    !item.ended_us && h("progress", { max: item.devices, value: ended, "aria-label": "Devices that are done" }),
    h("p", { class: "sent-value" }, tally.map(([state, count]) => `${count} ${wordOf(state)}`).join(", ")),
    item.refused > 0 && h("p", { class: "sent-reason" }, `${item.refused} could not take it`),
    cancel && !item.ended_us && cancelButton(item, cancel),
  );
}

/** @param {any} value */
const plain = (value) => (typeof value === "number" ? String(value) : shown(value, ""));
/** @param {any} value */
function resultText(value) {
  if (typeof value !== "object") return plain(value);
  const line = JSON.stringify(value);
  return line.length <= ONE_LINE ? line : JSON.stringify(value, null, 1);
}
