// A tile with devices on a map, drawn from their position channels alone: no tile server is asked. A graticule, a scale bar, and the track
// over the dashboard's range; moved and zoomed by pointer, buttons and keys.
//
// Owns its elements and the view, which follows the devices until a person moves it. mercator.js has the rules.

import { h } from "../app/dom.js";
import { timeText } from "../app/times.js";
import { ago, duration } from "../app/units.js";
import { lastTime, lastValue } from "../app/model.js";
import { isPosition } from "./choices.js";
import { MapView } from "./mapview.js";
import { clamped, fitted, moved, placeOfValue, placeText, zoomed } from "./mercator.js";
import { absence, askRedraw, check, frame, nameOf } from "./parts.js";
import { isStale, newestVersions, seriesOf, sourceOf } from "./rules.js";
import { sourceFields } from "./source.js";

const STEP = 1; // one press: twice as close
const MOVE_PX = 60;
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
    const buttons = h("div", { class: "map-buttons" }, press("+", "Zoom in", () => this._zoom(STEP)), press("−", "Zoom out", () => this._zoom(-STEP)), this.fit);
    this.hint = h("p", { class: "map-hint", "aria-hidden": "true", hidden: true }, "Hold Ctrl and turn the wheel to zoom");
    this.pane = h("div", { class: "map-pane", tabindex: 0, role: "group", "aria-label": "Map: plus and minus zoom, arrows move, 0 shows all devices" }, this.shown.element, this.hint);
    this.frame = frame("map", this.pane, buttons);
    this.element = this.frame.element;
    this.pane.addEventListener("keydown", (event) => this._key(event));
    this.pane.addEventListener("wheel", (event) => this._wheel(event), { passive: false });
    this.pane.addEventListener("pointerdown", (event) => this._drag(event));
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

  /** @param {KeyboardEvent} event */
  _key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    /** @type {Record<string, () => void>} */
    const keys = {
      "+": () => this._zoom(STEP), "=": () => this._zoom(STEP), "-": () => this._zoom(-STEP), 0: () => this._set(null),
      ArrowLeft: () => this._move(MOVE_PX, 0), ArrowRight: () => this._move(-MOVE_PX, 0), ArrowUp: () => this._move(0, MOVE_PX), ArrowDown: () => this._move(0, -MOVE_PX),
    };
    if (!(event.key in keys)) return;
    event.preventDefault();
    keys[event.key]();
  }

  // A wheel alone scrolls the page: a map that takes it is a trap on the way down.
  /** @param {WheelEvent} event */
  _wheel(event) {
    this.hint.hidden = event.ctrlKey || event.metaKey;
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const box = this.pane.getBoundingClientRect();
    this._zoom(Math.max(-1, Math.min(1, -event.deltaY / 200)), { x: event.clientX - box.left, y: event.clientY - box.top });
  }

  /** @param {PointerEvent} event */
  _drag(event) {
    if (event.button !== 0) return;
    let { clientX: x, clientY: y } = event;
    this.pane.setPointerCapture(event.pointerId);
    const move = (/** @type {PointerEvent} */ next) => {
      this._move(next.clientX - x, next.clientY - y);
      [x, y] = [next.clientX, next.clientY];
    };
    const end = () => {
      this.pane.removeEventListener("pointermove", move);
      for (const name of ["pointerup", "pointercancel"]) this.pane.removeEventListener(name, end);
    };
    this.pane.addEventListener("pointermove", move);
    for (const name of ["pointerup", "pointercancel"]) this.pane.addEventListener(name, end);
  }
}

/** @param {any[]} rows @returns {Marker["track"]} */
const trackOf = (rows) => rows.flatMap((row) => {
  const place = placeOfValue(lastValue(row));
  return place ? [{ place, atUs: lastTime(row) }] : [];
});
