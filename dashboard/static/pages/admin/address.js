// What a section shows, in the address: its filter, sorting and page.
//
// Owns no state: the router has the address.

/**
 * Say something beside what the address says already; null takes it away.
 * @param {import("../../app/main.js").App} app @param {Record<string, string | number | null>} changes
 */
export function keep(app, changes) {
  app.router.keep({ ...app.router.place.query, ...changes });
}
