// The states in which a command has ended, for its entries in lists and for the tiles that send it. Pure.

const FINAL = new Set(["done", "failed", "rejected", "expired", "cancelled", "lost"]);
const REMOVED = "removed"; // in the tally of a command to many: the device is gone, and its command with it

/** Whether a command to one device has ended. @param {any} item */
export const hasEnded = (item) => FINAL.has(item.state);

/** How many of a command to many have ended. @param {[string, number][]} tally how many are in each state */
export const endedIn = (tally) => tally.filter(([state]) => FINAL.has(state) || state === REMOVED).reduce((sum, [, count]) => sum + count, 0);
