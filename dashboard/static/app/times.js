// Times as people read them: in the local zone, the day only where it is not today, and UTC on hover.
//
// Owns no clock.

import { h } from "./dom.js";

/** A time in the local zone. @param {number} us since 1970 @param {Date} [now] */
export function timeText(us, now = new Date()) {
  const date = new Date(us / 1_000);
  const time = date.toLocaleTimeString([], { hour12: false });
  if (date.toDateString() === now.toDateString()) return time;
  const year = date.getFullYear() === now.getFullYear() ? {} : /** @type {const} */ ({ year: "numeric" });
  return `${date.toLocaleDateString([], { month: "short", day: "numeric", ...year })}, ${time}`;
}

/** The same in UTC, whole. @param {number} us since 1970 */
export const utcText = (us) => `${new Date(us / 1_000).toISOString().slice(0, 19).replace("T", " ")} UTC`;

/** Both, for who points at something. @param {number} us since 1970 */
export const wholeText = (us) => `${new Date(us / 1_000).toLocaleString()} (${utcText(us)})`;

/** An element that shows a time. @param {number} us since 1970 @param {string} [text] what to show instead of the time */
export function moment(us, text = timeText(us)) {
  return h("time", { datetime: new Date(us / 1_000).toISOString(), title: utcText(us) }, text);
}
