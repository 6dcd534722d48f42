// The rules of a map: Web Mercator, the view that holds some places, its graticule and its scale bar. Pure.
//
// A view is {x, y, zoom}: the middle in world units (the world is 1 wide, 0 at 180° west and 85.05° north), and log2 of pixels a world.

/** @typedef {{x: number, y: number, zoom: number}} View */
/** @typedef {{lat: number, lon: number}} Place */

const MOST_LAT = 85.05112878;
const EQUATOR_M = 40_075_016.686;
const MOST_ZOOM = 32; // about a centimetre a pixel
const MARGIN_PX = 36;
const LONE_ZOOM = 23; // of one place alone: about 5 m a pixel
const STEPS = [0.00001, 0.00002, 0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 45, 90];
const LINE_PX = 70; // between two lines of the graticule, at least

/** A place of a value, null where it is none. @param {unknown} value @returns {Place | null} */
export function placeOfValue(value) {
  if (!Array.isArray(value) || value.length < 2) return null;
  const [lat, lon] = value;
  const isPlace = typeof lat === "number" && typeof lon === "number" && Math.abs(lat) <= 90 && Math.abs(lon) <= 180;
  return isPlace ? { lat, lon } : null;
}

/** @param {Place} place @returns {{x: number, y: number}} */
export function project({ lat, lon }) {
  const sine = Math.sin((Math.min(MOST_LAT, Math.max(-MOST_LAT, lat)) * Math.PI) / 180);
  return { x: lon / 360 + 0.5, y: 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI) };
}

/** @param {{x: number, y: number}} point @returns {Place} */
export const unproject = ({ x, y }) => ({ lat: (Math.atan(Math.sinh((0.5 - y) * 2 * Math.PI)) * 180) / Math.PI, lon: (x - 0.5) * 360 });

/** Where a place is on a drawing. @param {Place} place @param {View} view @param {number} wide @param {number} high */
export function pixelOf(place, view, wide, high) {
  const { x, y } = project(place);
  const size = 2 ** view.zoom;
  return { x: wide / 2 + (x - view.x) * size, y: high / 2 + (y - view.y) * size };
}

/** The view that holds all places with a margin. @param {Place[]} places @param {number} wide @param {number} high @returns {View} */
export function fitted(places, wide, high) {
  if (!places.length) return clamped({ x: 0.5, y: 0.5, zoom: Math.log2(Math.max(1, wide)) }, wide);
  const points = places.map(project);
  const [left, right, top, bottom] = [extreme(points, "x", Math.min), extreme(points, "x", Math.max), extreme(points, "y", Math.min), extreme(points, "y", Math.max)];
  const fit = Math.min((wide - 2 * MARGIN_PX) / (right - left), (high - 2 * MARGIN_PX) / (bottom - top));
  const zoom = Number.isFinite(fit) && fit > 0 ? Math.min(Math.log2(fit), LONE_ZOOM + 4) : LONE_ZOOM;
  return clamped({ x: (left + right) / 2, y: (top + bottom) / 2, zoom }, wide);
}

/** @param {{x: number, y: number}[]} points @param {"x" | "y"} axis @param {(a: number, b: number) => number} of */
const extreme = (points, axis, of) => points.reduce((found, point) => of(found, point[axis]), points[0][axis]);

/** A view that is neither wider than the world nor closer than makes sense. @param {View} view @param {number} wide @returns {View} */
export function clamped({ x, y, zoom }, wide) {
  const least = Math.log2(Math.max(64, Math.min(wide, 512)));
  return { x: Math.min(1, Math.max(0, x)), y: Math.min(1, Math.max(0, y)), zoom: Math.min(MOST_ZOOM, Math.max(least, zoom)) };
}

/** A view that is closer by some steps, with the place at a pixel where it was. @param {View} view @param {number} by @param {{x: number, y: number}} at @param {number} wide @param {number} high */
export function zoomed(view, by, at, wide, high) {
  const next = clamped({ ...view, zoom: view.zoom + by }, wide);
  const [before, after] = [2 ** view.zoom, 2 ** next.zoom];
  const [dx, dy] = [at.x - wide / 2, at.y - high / 2];
  return clamped({ ...next, x: view.x + dx / before - dx / after, y: view.y + dy / before - dy / after }, wide);
}

/** A view moved by pixels. @param {View} view @param {number} dx @param {number} dy @param {number} wide */
export function moved(view, dx, dy, wide) {
  const size = 2 ** view.zoom;
  return clamped({ ...view, x: view.x - dx / size, y: view.y - dy / size }, wide);
}

/** Lines of latitude and longitude: where they are, and how they are labelled. @param {View} view @param {number} wide @param {number} high */
export function graticule(view, wide, high) {
  const size = 2 ** view.zoom;
  const step = STEPS.find((each) => (each / 360) * size >= LINE_PX) ?? 90;
  const from = unproject({ x: view.x - wide / 2 / size, y: Math.min(1, view.y + high / 2 / size) });
  const to = unproject({ x: view.x + wide / 2 / size, y: Math.max(0, view.y - high / 2 / size) });
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const lons = steps(Math.max(-180, from.lon), Math.min(180, to.lon), step).map((lon) => ({ at: pixelOf({ lat: 0, lon }, view, wide, high).x, text: degrees(lon, decimals, "E", "W") }));
  const lats = steps(Math.max(-MOST_LAT, from.lat), Math.min(MOST_LAT, to.lat), step).map((lat) => ({ at: pixelOf({ lat, lon: 0 }, view, wide, high).y, text: degrees(lat, decimals, "N", "S") }));
  return { lons, lats };
}

/** Multiples of a step from one value to another. @param {number} from @param {number} to @param {number} step */
function steps(from, to, step) {
  const found = [];
  for (let at = Math.ceil(from / step - 1e-9); at <= to / step + 1e-9 && found.length < 200; at += 1) found.push(at * step);
  return found;
}

/** @param {number} value @param {number} decimals @param {string} plus @param {string} minus */
const degrees = (value, decimals, plus, minus) => `${Math.abs(value).toFixed(decimals)}°${Math.abs(value) < 1e-9 ? "" : value > 0 ? plus : minus}`;

/** A place in words. @param {Place} place */
export const placeText = ({ lat, lon }) => `${degrees(lat, 5, "N", "S")} ${degrees(lon, 5, "E", "W")}`;

/** A bar of a round length, true at the middle of the view. @param {View} view @param {number} wide */
export function scaleBar(view, wide) {
  const metres = (EQUATOR_M * Math.cos((unproject(view).lat * Math.PI) / 180)) / 2 ** view.zoom;
  const most = Math.max(40, Math.min(110, wide / 3)) * metres;
  const power = 10 ** Math.floor(Math.log10(most));
  const length = power * /** @type {number} */ ([5, 2, 1].find((each) => each * power <= most) ?? 1);
  return { px: length / metres, text: length >= 1_000 ? `${length / 1_000} km` : length >= 1 ? `${length} m` : `${Math.round(length * 100)} cm` };
}

/**
 * A track as paths: a new one where it crosses the date line, or was silent for longer than `gapUs`; points closer than a pixel are left out.
 * @param {{place: Place, atUs: number}[]} track @param {View} view @param {number} wide @param {number} high @param {number} gapUs
 */
export function trackPath(track, view, wide, high, gapUs) {
  let path = "";
  let last = null;
  for (const [at, { place, atUs }] of track.entries()) {
    const { x, y } = pixelOf(place, view, wide, high);
    const before = track[at - 1];
    const isNew = !before || Math.abs(place.lon - before.place.lon) > 180 || atUs - before.atUs > gapUs;
    if (!isNew && last && at < track.length - 1 && Math.abs(x - last.x) < 1 && Math.abs(y - last.y) < 1) continue;
    path += `${isNew ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`;
    last = { x, y };
  }
  return path;
}
