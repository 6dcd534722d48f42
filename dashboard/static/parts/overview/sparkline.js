// A line as large as a word: the last minutes of one series, its range and its newest reading. A silence is a hole in it.
//
// Owns the drawing, as paths that the browser stretches to their place: forty canvases would each be a layer to put together in every
// frame, and would have to be asked for their size. What becomes of a series is charts/lines.js. Knows no stream.

import { lineOf } from "../../charts/lines.js";

const [WIDTH, HEIGHT, EDGE] = [1_000, 100, 10]; // of the drawing, in units of its own; neither line nor dot is cut at the edge
const MIN_RANGE = 0.02; // of the value: noise in the last digit is no mountain
const SVG = "http://www.w3.org/2000/svg";

/** @typedef {ReturnType<typeof lineOf>} Line */
/** @typedef {{fromUs: number, nowUs: number, intervalUs: number}} Time */

export class Sparkline {
  constructor() {
    this.element = document.createElementNS(SVG, "svg");
    for (const [name, value] of Object.entries({ class: "row-spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" })) this.element.setAttribute(name, value);
    this.paths = ["band", "line", "dot"].map((name) => {
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("class", `spark-${name}`);
      this.element.append(path);
      return path;
    });
    this._drawn = ["", "", ""];
  }

  /**
   * Draw a series, or nothing where it is null. Returns its newest value, null where there is none.
   * @param {any} series of a model @param {Time} time @param {{of: (value: number) => number, factor: number}} converted
   */
  draw(series, time, converted) {
    const line = series ? lineOf(series, time, converted) : null;
    const { band, path, dot } = line ? pathsOf(line, time) : { band: "", path: "", dot: "" };
    [band, path, dot].forEach((drawn, at) => {
      if (drawn !== this._drawn[at]) this.paths[at].setAttribute("d", (this._drawn[at] = drawn));
    });
    this.element.classList.toggle("is-old", line?.isStale ?? false);
    return line?.now ?? null;
  }
}

/** Lowest and highest value of a picture: all of the line, and never so near that noise looks like news. @param {{lowest: number, highest: number}} line */
export function boundsOf({ lowest, highest }) {
  const span = Math.max(highest - lowest, MIN_RANGE * Math.max(Math.abs(lowest), Math.abs(highest)), 1e-9);
  const middle = (lowest + highest) / 2;
  return { low: middle - span / 2, high: middle + span / 2 };
}

/** What is drawn of a line over a stretch of time. @param {Line} line @param {{fromUs: number, nowUs: number}} time */
export function pathsOf(line, { fromUs, nowUs }) {
  if (!Number.isFinite(line.highest - line.lowest)) return { band: "", path: "", dot: "" };
  const { low, high } = boundsOf(line);
  const from = line.x.findLastIndex((/** @type {number} */ at) => at < fromUs / 1_000); // one before the edge: the line comes in from there
  const x = (/** @type {number} */ ms) => ((Math.max(0, ms - fromUs / 1_000) / ((nowUs - fromUs) / 1_000)) * (WIDTH - EDGE)).toFixed(1);
  const y = (/** @type {number} */ value) => (EDGE + (HEIGHT - 2 * EDGE) * (1 - (value - low) / (high - low))).toFixed(1);
  // The newest reading itself, and not the mean of its second.
  const newest = typeof line.now === "number" ? line.now : null;
  const end = newest === null ? "" : `${x(line.lastUs / 1_000)} ${y(newest)}`;
  return {
    band: line.hasBand ? bandOf(line, Math.max(0, from), x, y) : "",
    path: strokeOf(line, Math.max(0, from), x, y) + (end && line.mean.at(-1) !== null ? `L${end}` : ""),
    dot: end && `M${end}h0`,
  };
}

/** @param {Line} line @param {number} from @param {(ms: number) => string} x @param {(value: number) => string} y */
function strokeOf(line, from, x, y) {
  let path = "";
  let isPen = false;
  for (let at = from; at < line.x.length; at += 1) {
    const value = line.mean[at];
    if (value !== null) path += `${isPen ? "L" : "M"}${x(line.x[at])} ${y(value)}${isPen ? "" : "h0.1"}`; // a point alone is seen, too
    isPen = value !== null;
  }
  return path;
}

// From the lowest to the highest of each step, as far as the next one.
/** @param {Line} line @param {number} from @param {(ms: number) => string} x @param {(value: number) => string} y */
function bandOf(line, from, x, y) {
  let path = "";
  for (let at = from; at < line.x.length - 1; at += 1) {
    const [low, high] = [line.low[at], line.high[at]];
    if (low === null || high === null || line.mean[at + 1] === null) continue;
    path += `M${x(line.x[at])} ${y(high)}H${x(line.x[at + 1])}V${y(low)}H${x(line.x[at])}Z`;
  }
  return path;
}
