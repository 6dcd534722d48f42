// Times on the page: in the local zone, with UTC on hover.

import { h } from "../app/dom.js";

const FORMAT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** A moment as people read it. @param {number} us */
export const momentText = (us) => FORMAT.format(us / 1_000);

/** @param {number} us */
const utc = (us) => `${momentText(us)} · ${new Date(us / 1_000).toISOString().replace("T", " ").slice(0, 19)} UTC`;

/** An element with a moment, whose text may be put into other words. @param {number} us */
export const whenOf = (us) => h("time", { class: "muted", datetime: new Date(us / 1_000).toISOString(), title: utc(us) }, momentText(us));
