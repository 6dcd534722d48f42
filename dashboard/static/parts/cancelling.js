// How a command is cancelled, wherever it is shown: asked of the hub, and a person told where that came too late.
//
// Owns nothing; what becomes of the command is with those that the hub has told of.

import { ApiError, post } from "../app/api.js";

const UNKNOWN = "The hub does not answer: whether the command is cancelled is not known. Try again when the connection is back.";
const TOO_LATE = "Too late to cancel: it has run, or cannot be stopped any more.";

/**
 * Cancel a command, or one to many devices.
 * @param {{hub: import("../app/hub.js").Hub, toasts: import("../app/toasts.js").Toasts}} app @param {any} item @param {boolean} [isGroup]
 */
export async function cancel({ hub, toasts }, { id }, isGroup = false) {
  try {
    const said = await post(`${isGroup ? "group-commands" : "commands"}/${encodeURIComponent(id)}/cancel`);
    if (!isGroup) hub.commands.apply([said.command], false);
    if (isGroup ? said.cancelled + said.asked === 0 : said.answer === "too_late") toasts.failed(TOO_LATE);
  } catch (error) {
    toasts.failed(error instanceof ApiError && error.status === 0 ? UNKNOWN : error);
  }
}
