// Since when this page is seen without a break: what waited while nobody could see it says nothing of how quick the page is.
//
// Owns that one time. A page that comes back is given a moment: what came while it was hidden is handled first.

const SETTLE_MS = 2_000;

const page = globalThis.document; // where there is one: rules are tried without
let since = page?.hidden ? Infinity : performance.now();
page?.addEventListener("visibilitychange", () => (since = page.hidden ? Infinity : performance.now()));

/** Whether all that has happened since `at` (of performance.now) could be seen, also what became visible at `alsoSince` only. @param {number} at @param {number} [alsoSince] */
export function wasSeenFrom(at, alsoSince = 0) {
  return at >= Math.max(since, alsoSince) + SETTLE_MS;
}
