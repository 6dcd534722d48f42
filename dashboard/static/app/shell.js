// Which page is shown: loads it when it is first wanted, keeps it, and tells it when it is entered and left.
//
// Owns the place of the page, the title, the focus after a change of page, and which entry of the navigation is the present one.

import { fill, h } from "./dom.js";
import { linkTo } from "./router.js";

/**
 * A page. `enter` is called with each new place that is its own, and begins what costs something; `leave` ends that.
 * @typedef {{element: HTMLElement, title: () => string, enter: (place: import("./router.js").Place) => void, leave: () => void}} Page
 */

/** @type {Record<string, {label: string | null, load: () => Promise<{make: (app: import("./main.js").App) => Page}>}>} */
const PAGES = {
  "": { label: "Overview", load: () => import("../pages/overview.js") },
  dashboards: { label: "Dashboards", load: () => import("../pages/dashboards.js") },
  devices: { label: null, load: () => import("../pages/device.js") },
  alerts: { label: "Alerts", load: () => import("../pages/alerts.js") },
  admin: { label: "Admin", load: () => import("../pages/admin.js") },
};

export class Shell {
  /** @param {import("./main.js").App} app @param {HTMLElement} root @param {HTMLElement} nav */
  constructor(app, root, nav) {
    this.app = app;
    this.root = root;
    /** @type {Map<string, Page>} */
    this._pages = new Map();
    /** @type {Page | null} */
    this._page = null;
    this._wanted = "";
    this._links = new Map();
    for (const [name, { label }] of Object.entries(PAGES)) {
      if (label === null) continue;
      const link = h("a", { href: linkTo(name ? [name] : []) }, label);
      this._links.set(name, link);
      nav.append(link);
    }
    setInterval(() => this._title(), 1_000); // a page's name may come later than the page
  }

  /** The entry of a page in the navigation. @param {string} name @returns {HTMLElement} */
  link(name) {
    return this._links.get(name);
  }

  /** The pages of the navigation, for whoever offers them elsewhere. */
  links() {
    return Object.entries(PAGES).flatMap(([name, { label }]) => (label === null ? [] : [{ label, path: name ? [name] : [] }]));
  }

  /** Show the page of a place. @param {import("./router.js").Place} place */
  async show(place) {
    const name = place.path[0] ?? "";
    this._wanted = name;
    for (const [each, link] of this._links) {
      if (each === name || (each === "" && name === "devices")) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    const page = await this._load(name);
    if (this._wanted !== name || this.app.router.place !== place) return; // somebody has gone on meanwhile
    if (page !== this._page) {
      const isFirst = this._page === null;
      this._page?.leave();
      this._page = page;
      fill(this.root, page.element);
      if (!isFirst) {
        scrollTo(0, 0);
        this.root.focus({ preventScroll: true });
      }
    }
    page.enter(place);
    this._title();
  }

  /** @param {string} name @returns {Promise<Page>} */
  async _load(name) {
    const known = this._pages.get(name);
    if (known) return known;
    const page = Object.hasOwn(PAGES, name) ? (await PAGES[name].load()).make(this.app) : missing(name);
    if (!this._pages.has(name)) this._pages.set(name, page);
    return /** @type {Page} */ (this._pages.get(name));
  }

  _title() {
    const title = this._page?.title();
    const text = title ? `${title} – Tributary` : "Tributary";
    if (document.title !== text) document.title = text;
  }
}

/** @param {string} name @returns {Page} */
function missing(name) {
  const text = h("p", {}, "There is no page ", h("code", {}, name), ". ", h("a", { href: linkTo([]) }, "Go to the overview"), ".");
  return { element: h("section", { class: "empty" }, h("h1", {}, "Nothing here"), text), title: () => "Nothing here", enter: () => {}, leave: () => {} };
}
