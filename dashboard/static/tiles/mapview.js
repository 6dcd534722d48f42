// A map as SVG: graticule, tracks, markers with names, scale bar. Draws what it is given; knows no readings.

import { keyed, say } from "../app/dom.js";
import { put, svg } from "./parts.js";
import { graticule, pixelOf, scaleBar, trackPath } from "./mercator.js";

const COLOURS = 8;
const LABEL_PX = 12; // beside the marker

export class MapView {
  constructor() {
    this.lines = svg("g", { class: "map-lines" });
    this.tracks = svg("g", { class: "map-tracks" });
    this.markers = svg("g", { class: "map-markers" });
    this.bar = svg("path", { class: "map-bar" });
    this.length = svg("text", { class: "map-length" });
    this.element = svg("svg", { class: "map-view", role: "img" }, this.lines, this.tracks, this.markers, this.bar, this.length);
    this._lines = keyed(this.lines, (/** @type {any} */ line) => line.key, () => lineElement());
    this._tracks = keyed(this.tracks, (/** @type {any} */ each) => each.key, () => trackElement());
    this._markers = keyed(this.markers, (/** @type {any} */ each) => each.key, () => markerElement());
  }

  /** @param {string} text */
  say(text) {
    put(this.element, { "aria-label": text });
  }

  /** @param {any[]} markers @param {import("./mercator.js").View} view @param {number} wide @param {number} high */
  draw(markers, view, wide, high) {
    put(this.element, { viewBox: `0 0 ${wide} ${high}` });
    const { lons, lats } = graticule(view, wide, high);
    this._lines([
      ...lons.map(({ at, text }) => ({ key: `lon ${text}`, path: `M${at.toFixed(1)} 0V${high}`, x: at + 3, y: 11, text })),
      ...lats.map(({ at, text }) => ({ key: `lat ${text}`, path: `M0 ${at.toFixed(1)}H${wide}`, x: 3, y: at - 3, text })),
    ]);
    this._tracks(markers.map((each, at) => ({ key: each.key, colour: at % COLOURS, path: trackPath(each.track, view, wide, high, each.gapUs) })));
    this._markers(markers.map((each, at) => ({ ...each, colour: at % COLOURS, ...pixelOf(each.place, view, wide, high), wide })));
    const { px, text } = scaleBar(view, wide);
    const [x, y] = [wide - 12, high - 12];
    put(this.bar, { d: `M${(x - px).toFixed(1)} ${y - 5}v5H${x}v-5` });
    put(this.length, { x, y: y - 9 });
    say(this.length, text);
  }
}

function lineElement() {
  const path = svg("path");
  const label = svg("text");
  const show = (/** @type {any} */ line) => {
    put(path, { d: line.path });
    put(label, { x: line.x.toFixed(1), y: line.y.toFixed(1) });
    say(label, line.text);
  };
  return { element: svg("g", {}, path, label), show };
}

function trackElement() {
  const element = svg("path");
  return { element, show: (/** @type {any} */ each) => put(element, { d: each.path, "data-colour": each.colour }) };
}

function markerElement() {
  const dot = svg("circle", { r: 6 });
  const label = svg("text", { y: 4 });
  const element = svg("g", {}, dot, label);
  const show = (/** @type {any} */ each) => {
    put(element, { transform: `translate(${each.x.toFixed(1)} ${each.y.toFixed(1)})`, "data-colour": each.colour, "data-stale": each.isOld });
    // A name at the right edge stands on the other side.
    const isLeft = each.x > each.wide * 0.7;
    put(label, { x: isLeft ? -LABEL_PX : LABEL_PX, "text-anchor": isLeft ? "end" : "start" });
    say(label, each.name);
  };
  return { element, show };
}
