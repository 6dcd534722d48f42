// A tile with the newest values of devices in rows and channels in columns, with units and age; sorted by any column.
//
// Owns its elements and, while it is shown, the order that a viewer chose. columns.js has the rules.

import { field, fill, h, keyed, say } from "../app/dom.js";
import { utcText } from "../app/times.js";
import { absence, askRedraw, choice, frame, leadTo } from "./parts.js";
import { ageOf, cellsOf, orderOf, rowsOf } from "./columns.js";
import { LATEST, seriesOf, spanned } from "./rules.js";
import { sourceFields } from "./source.js";

const MOST = 200; // rows; a page that shows thousands is read by nobody

/** @type {import("./index.js").TileType} */
export const type = {
  name: "table",
  label: "Table of newest values",
  defaults: { w: 6, h: 5, config: {} },
  isMoment: true,
  fields(config, known) {
    const source = sourceFields(config, known, { fits: (channel) => channel.kind !== "position", isMany: true, most: 6 });
    const sort = choice([["", "By name"], ["age", "Newest first"]], config.sort ?? "");
    return { elements: [...source.elements, field("Order", sort)], read: () => ({ ...source.read(), sort: sort.value }) };
  },
  wanted: (config) => spanned(config, LATEST),
  make: (app, config) => new TableTile(app, config),
};

/** @typedef {{device: string, title: string, cells: import("./columns.js").Cell[], age: string, utc: string}} Shown */

class TableTile {
  /** @param {import("../app/main.js").App} app @param {Record<string, any>} config */
  constructor(app, config) {
    this.hub = app.hub;
    this.config = config;
    this.sort = { by: config.sort === "age" ? "age" : "device", isDown: false };
    this.head = h("tr");
    this.body = h("tbody");
    this.more = h("p", { class: "hint", hidden: true });
    const table = h("table", {}, h("thead", {}, this.head), this.body);
    this.frame = frame("table", h("div", { class: "table-scroll", tabindex: 0, role: "region", "aria-label": "Newest values" }, table), this.more);
    this.element = this.frame.element;
    this._rows = keyed(this.body, (/** @type {Shown} */ each) => each.device, () => rowElement(this.hub));
    this._columns = "";
  }

  /** @param {number} nowUs @param {import("../parts/shared_streams.js").Readings | null} stream */
  draw(nowUs, stream) {
    const found = seriesOf(stream, this.config);
    this.frame.show(absence(stream, found, nowUs, "24 h"));
    if (!found.length) return;
    const { columns, rows } = rowsOf(found, this.hub.devices, this.config.channels);
    this._head(columns, stream?.isPast ? "Time" : "Age");
    const shown = orderOf(rows, this.sort).slice(0, MOST);
    this._rows(shown.map((row) => ({ device: row.device, title: row.title, cells: cellsOf(row, this.hub.devices.get(row.device), nowUs), age: ageOf(row, nowUs), utc: utcText(row.atUs) })));
    this.more.hidden = rows.length <= MOST;
    say(this.more, `The first ${MOST} of ${rows.length} devices in this order.`);
  }

  close() {}

  /** @param {string[]} columns @param {string} last */
  _head(columns, last) {
    const key = JSON.stringify([columns, this.sort, last]);
    if (key === this._columns) return;
    this._columns = key;
    const focused = this.head.contains(document.activeElement) ? [...this.head.children].findIndex((each) => each.contains(document.activeElement)) : -1;
    const column = (/** @type {string} */ by, /** @type {string} */ label) => {
      const isSorted = this.sort.by === by;
      const sign = isSorted ? (this.sort.isDown ? " ▼" : " ▲") : "";
      const press = () => this._sortBy(by);
      return h("th", { scope: "col", "aria-sort": isSorted ? (this.sort.isDown ? "descending" : "ascending") : "none" },
        h("button", { type: "button", on: { click: press } }, label, h("span", { "aria-hidden": "true" }, sign)));
    };
    fill(this.head, column("device", "Device"), columns.map((name) => column(`=${name}`, name)), column("age", last));
    if (focused >= 0) this.head.children[focused]?.querySelector("button")?.focus();
  }

  /** @param {string} by */
  _sortBy(by) {
    this.sort = { by, isDown: this.sort.by === by && !this.sort.isDown };
    askRedraw(this.element);
  }
}

/** @param {import("../app/hub.js").Hub} hub */
function rowElement(hub) {
  const link = h("a");
  const name = h("th", { scope: "row" }, link);
  const age = h("td", { class: "table-age" });
  const element = h("tr", {}, name, age);
  /** @type {HTMLElement[]} */
  let cells = [];
  const show = (/** @type {Shown} */ row) => {
    if (cells.length !== row.cells.length) {
      cells = row.cells.map(() => h("td"));
      fill(element, name, cells, age);
    }
    leadTo(link, hub, row.device);
    say(link, row.title);
    row.cells.forEach((cell, at) => {
      say(cells[at], cell.text);
      cells[at].dataset.stale = String(cell.isOld);
      cells[at].title = cell.hint;
    });
    say(age, row.age);
    age.title = row.utc;
  };
  return { element, show };
}
