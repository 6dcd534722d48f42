// The administration: the sections that the role of who is logged in may use, one at a time; everybody has their own account.
//
// Owns which section is shown (#/admin/SECTION). Sections are modules in pages/admin, loaded when somebody first goes there; each has what
// it shows in the address, so that a link and a reload show the same.

import { get, textOf } from "../app/api.js";
import { fill, h, say } from "../app/dom.js";
import { linkTo } from "../app/router.js";
import { SECTIONS } from "./admin/sections.js";

/** @typedef {import("./admin/sections.js").Known} Known */
/** @typedef {import("./admin/sections.js").Section} Section */

/** @param {import("../app/main.js").App} app @returns {import("../app/shell.js").Page} */
export function make(app) {
  return new Admin(app);
}

class Admin {
  /** @param {import("../app/main.js").App} app */
  constructor(app) {
    this.app = app;
    this.heading = h("h1", {}, "Administration");
    this.nav = h("nav", { class: "admin-nav", "aria-label": "Administration" });
    this.body = h("div", { class: "admin-body" });
    this.element = h("div", { class: "admin page" }, this.nav, h("div", { class: "admin-main" }, this.heading, this.body));
    /** @type {Map<string, Section>} */
    this._sections = new Map();
    /** @type {Section | null} */
    this._section = null;
    /** @type {Known | null} */
    this._known = null;
    /** @type {import("../app/router.js").Place | null} */
    this._place = null; // null: somebody has gone elsewhere
    /** @type {Known[]} */
    this._mine = [];
    this._isNode = false;
    app.hub.onSystem(({ node }) => { // which may come later than the page
      if (this._isNode === (node !== undefined)) return;
      this._isNode = node !== undefined;
      this._links();
    });
  }

  title() {
    return this._known?.label ?? "Administration";
  }

  /** @param {import("../app/router.js").Place} place */
  async enter(place) {
    this._place = place;
    try {
      // Asked each time: a role may have changed since, and the live connection may not be there yet.
      const { role } = await get("account");
      if (this._place !== place) return;
      await this._show(place, role);
    } catch (error) {
      if (this._place !== place) return;
      this._leave();
      fill(this.body, h("p", { class: "error", role: "alert" }, textOf(error)));
    }
  }

  leave() {
    this._place = null;
    this._leave();
  }

  _leave() {
    this._section?.leave();
    this._section = null;
  }

  /** @param {import("../app/router.js").Place} place @param {string} role */
  async _show(place, role) {
    const mine = SECTIONS.filter((each) => each.roles.includes(role));
    const wanted = place.path[1] ?? mine[0].name;
    const known = mine.find((each) => each.name === wanted) ?? null;
    this._known = known;
    this._mine = mine;
    this._links();
    if (known === null) {
      this._leave();
      say(this.heading, "Nothing for you here");
      const reason = SECTIONS.some((each) => each.name === wanted) ? `The role ${role} may not see this; ask an administrator.` : "There is no such section.";
      fill(this.body, h("p", {}, reason, " ", h("a", { href: linkTo(["admin", "account"]) }, "Go to your account"), "."));
      return;
    }
    const section = this._sections.get(known.name) ?? (await known.load()).make(this.app);
    if (this._place !== place) return;
    this._sections.set(known.name, section);
    if (section !== this._section) {
      this._leave();
      this._section = section;
      say(this.heading, known.label);
      fill(this.body, section.element);
    }
    section.enter(place.query);
  }

  _links() {
    const offered = this._mine.filter((each) => !each.isOfNodes || this._isNode);
    const links = offered.map((each) => h("a", { href: linkTo(["admin", each.name]), "aria-current": each === this._known ? "page" : null }, each.label));
    const isSame = links.length === this.nav.children.length && links.every((link, at) => link.isEqualNode(this.nav.children[at]));
    if (isSame) return; // and the focus stays where it is
    fill(this.nav, links);
    this.nav.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" }); // a phone has no room for all
  }
}
