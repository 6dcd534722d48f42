// A line as large as a word: the last minutes of one series, its range and its newest reading. A silence is a hole in it.
//
// Owns the drawing on its canvas; what becomes of a series is charts/lines.js. Knows no stream.

import { lineOf } from "../../charts/lines.js";

const EDGE_PX = 3; // so that neither line nor dot is cut
const MIN_RANGE = 0.02; // of the value: noise in the last digit is no mountain

/** @typedef {{line: string, band: string, rest: string}} Colours */
/** @typedef {ReturnType<typeof lineOf>} Line */

/** The colours of the present theme. @returns {Colours} */
export function sparkColours() {
  const style = getComputedStyle(document.documentElement);
  return { line: style.getPropertyValue("--series-0"), band: style.getPropertyValue("--accent-soft"), rest: style.getPropertyValue("--muted") };
}

/** Lowest and highest value of a picture: all of the line, and never so near that noise looks like news. @param {{lowest: number, highest: number}} line */
export function boundsOf({ lowest, highest }) {
  const span = Math.max(highest - lowest, MIN_RANGE * Math.max(Math.abs(lowest), Math.abs(highest)), 1e-9);
  const middle = (lowest + highest) / 2;
  return { low: middle - span / 2, high: middle + span / 2 };
}

/**
 * Draw a series, or nothing where it is null. Returns its newest value, null where there is none.
 * @param {HTMLCanvasElement} canvas @param {any} series of a model @param {{fromUs: number, nowUs: number, intervalUs: number}} time
 * @param {Colours} colours @param {{of: (value: number) => number, factor: number}} converted
 */
export function drawSparkline(canvas, series, time, colours, converted) {
  const context = sized(canvas);
  const line = series ? lineOf(series, time, converted) : null;
  if (!context || !line) return null;
  if (Number.isFinite(line.highest - line.lowest)) trace(context, canvas, line, time, colours);
  return line.now;
}

// The canvas is cleared, and has as many pixels as the screen has in its place.
function sized(/** @type {HTMLCanvasElement} */ canvas) {
  const ratio = devicePixelRatio || 1;
  const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
  if (width === 0) return null; // out of sight
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
  return context;
}

/** @param {CanvasRenderingContext2D} context @param {HTMLCanvasElement} canvas @param {Line} line @param {{fromUs: number, nowUs: number}} time @param {Colours} colours */
function trace(context, canvas, line, { fromUs, nowUs }, colours) {
  const { low, high } = boundsOf(line);
  const [width, height] = [canvas.clientWidth - 2 * EDGE_PX, canvas.clientHeight - 2 * EDGE_PX];
  const [from, to] = [fromUs / 1_000, nowUs / 1_000];
  const x = (/** @type {number} */ at) => EDGE_PX + (width * (at - from)) / (to - from);
  const y = (/** @type {number} */ value) => EDGE_PX + height * (1 - (value - low) / (high - low));
  context.save();
  context.beginPath();
  context.rect(0, 0, canvas.clientWidth, canvas.clientHeight);
  context.clip();
  context.lineWidth = 1.5;
  context.lineJoin = "round";
  if (line.hasBand) fillBand(context, line, x, y, colours.band);
  context.strokeStyle = context.fillStyle = line.isStale ? colours.rest : colours.line;
  stroke(context, line, x, y);
  // The newest reading itself, and not the mean of its second.
  const newest = typeof line.now === "number" ? line.now : line.mean.at(-1);
  if (typeof newest === "number") dot(context, x(line.lastUs / 1_000), y(newest));
  context.restore();
}

/** @param {CanvasRenderingContext2D} context @param {Line} line @param {(at: number) => number} x @param {(value: number) => number} y */
function stroke(context, line, x, y) {
  context.beginPath();
  let isPen = false;
  line.mean.forEach((/** @type {number | null} */ value, /** @type {number} */ at) => {
    if (value === null) isPen = false;
    else if (isPen) context.lineTo(x(line.x[at]), y(value));
    else {
      context.moveTo(x(line.x[at]), y(value));
      context.lineTo(x(line.x[at]) + 0.5, y(value)); // a point alone is seen, too
      isPen = true;
    }
  });
  if (isPen && typeof line.now === "number") context.lineTo(x(line.lastUs / 1_000), y(line.now));
  context.stroke();
}

/** @param {CanvasRenderingContext2D} context @param {Line} line @param {(at: number) => number} x @param {(value: number) => number} y @param {string} colour */
function fillBand(context, line, x, y, colour) {
  context.fillStyle = colour;
  for (let at = 0; at < line.x.length; at += 1) {
    const [bottom, top] = [line.low[at], line.high[at]];
    if (bottom === null || top === null) continue;
    const left = x(line.x[at]);
    const right = at + 1 < line.x.length && line.mean[at + 1] !== null ? x(line.x[at + 1]) : left + 1;
    context.fillRect(left, y(top), Math.max(1, right - left), Math.max(1, y(bottom) - y(top)));
  }
}

function dot(/** @type {CanvasRenderingContext2D} */ context, /** @type {number} */ x, /** @type {number} */ y) {
  context.beginPath();
  context.arc(x, y, 2.2, 0, 2 * Math.PI);
  context.fill();
}
