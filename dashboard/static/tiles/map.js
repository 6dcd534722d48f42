// A tile with devices on a map, drawn from their position channels alone: no tile server is asked. A graticule, a scale bar, and the track
// over the dashboard's range. mapgestures.js moves and zooms it.
//
// Owns its elements and the view, which follows the devices until a person moves it. mercator.js has the rules.

import { h } from "../app/dom.js";
import { timeText } from "../app/times.js";
import { ago, duration } from "../app/units.js";
import { lastTime, lastValue } from "../app/model.js";
import { isPosition } from "./choices.js";
import { attach } from "./mapgestures.js";
import { MapView } from "./mapview.js";
import { clamped, fitted, moved, placeOfValue, placeText, zoomed } from "./mercator.js";
import { absence, askRedraw, check, frame, nameOf } from "./parts.js";
import { isStale, newestVersions, seriesOf, sourceOf } from "./rules.js";
import { sourceFields } from "./source.js";

const STEP = 1; // one press: twice as close
const MOST = 500; // devices
const TRACKED = 50; // of more, tracks are not to be told apart
const SAID = 10; // devices in the words for those who do not see it
const GAP_S = 900; // of a device that declares no interval

/** @type {import("./index.js").TileType} */
export const type = {
  name: "map",
  label: "Map",
  defaults: { w: 6, h: 6, config: { track: true } },
  isMoment: true,
  fields(config, known) {
    const source = sourceFields(config, known, { fits: isPosition, isMany: true, most: 1 });
    const track = check("Show the track over the range", config.track !== false);
    return { elements: [...source.elements, track.element], read: () => ({ ...source.read(), track: track.input.checked }) };
  },
  wanted: (config) => sourceOf(config),
  make: (app, config) => new MapTile(app, config),
};

/** @typedef {{key: string, name: string, place: import("./mercator.js").Place, atUs: number, isOld: boolean, track: {place: import("./mercator.js").Place, atUs: number}[], gapUs: number}} Marker */

class MapTile {
  /** @param {import("../app/main.js").App} app @param {Record<string, any>} config */
  constructor(app, config) {
    this.hub = app.hub;
    this.config = config;
    /** @type {import("./mercator.js").View | null} */
    this.view = null; // null: whatever holds all devices
    /** @type {Marker[]} */
    this.markers = [];
    this.shown = new MapView();
    const press = (/** @type {string} */ label, /** @type {string} */ name, /** @type {() => void} */ click) => h("button", { type: "button", "aria-label": name, title: name, on: { click } }, label);
    this.fit = press("⤢", "Show all devices", () => this._set(null));
    this.fit.disabled = true;
    const buttons = h("div", { class: "map-buttons" }, press("+", "Zoom in", () => this._zoom(STEP)), press("−", "Zoom out", () => this._zoom(-STEP)), this.fit);
    this.hint = h("p", { class: "map-hint", "aria-hidden": "true", hidden: true }, "Press on the map, or hold Ctrl, and turn the wheel to zoom");
    this.pane = h("div", { class: "map-pane", tabindex: 0, role: "group", "aria-label": "Map: plus and minus zoom, arrows move, 0 shows all devices" }, this.shown.element, this.hint);
    this.frame = frame("map", this.pane, buttons);
    this.element = this.frame.element;
    attach(this.pane, {
      zoom: (by, at) => this._zoom(by, at), move: (dx, dy) => this._move(dx, dy), fit: () => this._set(null), hint: (isShown) => { this.hint.hidden = !isShown; },
    });
    this._sized = new ResizeObserver(() => askRedraw(this.element));
    this._sized.observe(this.pane);
  }

  /** @param {number} nowUs @param {import("../parts/shared_streams.js").Readings | null} stream */
  draw(nowUs, stream) {
    const found = newestVersions(seriesOf(stream, this.config)).slice(0, MOST);
    const hasTracks = this.config.track !== false && found.length <= TRACKED;
    this.markers = found.flatMap((series) => this._marker(series, nowUs, hasTracks) ?? []);
    this.frame.show(absence(stream, this.markers, nowUs, duration((stream?.model.spanUs ?? 0) / 1e6)));
    const { wide, high } = this._size();
    if (!this.markers.length || wide < 2) return;
    this.shown.draw(this.markers, this._view(), wide, high);
    this.shown.say(`Map: ${this.markers.slice(0, SAID).map((each) => `${each.name} at ${placeText(each.place)}, ${stream?.isPast ? timeText(each.atUs) : ago(Math.max(0, (nowUs - each.atUs) / 1e6))}`).join("; ")}${this.markers.length > SAID ? `; and ${this.markers.length - SAID} more` : ""}`);
  }

  close() {
    this._sized.disconnect();
  }

  /** @param {any} series @param {number} nowUs @param {boolean} hasTrack @returns {Marker | null} */
  _marker(series, nowUs, hasTrack) {
    const last = series.rows.at(-1);
    const place = placeOfValue(lastValue(last));
    if (!place) return null;
    const device = this.hub.devices.get(series.device);
    const track = hasTrack ? trackOf(series.rows) : [];
    const gapUs = 3e6 * Math.max(device?.interval_s ?? GAP_S, last.w / 1e6);
    const atUs = lastTime(last);
    const isOld = isStale(series, atUs, nowUs, device);
    const name = nameOf(this.hub, series.device) + (isOld ? ` (${ago(Math.max(0, (nowUs - atUs) / 1e6))})` : "");
    return { key: series.key, name, place, atUs, isOld, track, gapUs };
  }

  _size() {
    return { wide: this.pane.clientWidth, high: this.pane.clientHeight };
  }

  _view() {
    const { wide, high } = this._size();
    return this.view ?? fitted(this.markers.flatMap((each) => [each.place, ...each.track.map((point) => point.place)]), wide, high);
  }

  /** @param {import("./mercator.js").View | null} view */
  _set(view) {
    this.view = view && clamped(view, this._size().wide);
    this.fit.disabled = this.view === null;
    askRedraw(this.element);
  }

  /** @param {number} by @param {{x: number, y: number}} [at] */
  _zoom(by, at) {
    const { wide, high } = this._size();
    this._set(zoomed(this._view(), by, at ?? { x: wide / 2, y: high / 2 }, wide, high));
  }

  /** @param {number} dx @param {number} dy */
  _move(dx, dy) {
    this._set(moved(this._view(), dx, dy, this._size().wide));
  }
}

/** @param {any[]} rows @returns {Marker["track"]} */
const trackOf = (rows) => rows.flatMap((row) => {
  const place = placeOfValue(lastValue(row));
  return place ? [{ place, atUs: lastTime(row) }] : [];
});
