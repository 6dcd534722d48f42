// Times on the page: in the local zone, with UTC on hover.

import { h } from "../app/dom.js";
import { utcText } from "../app/times.js";

const FORMAT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** A moment as people read it. @param {number} us */
export const momentText = (us) => FORMAT.format(us / 1_000);

/** An element with a moment, whose text may be put into other words. @param {number} us */
export const whenOf = (us) => h("time", { class: "muted", datetime: new Date(us / 1_000).toISOString(), title: `${momentText(us)} · ${utcText(us)}` }, momentText(us));
