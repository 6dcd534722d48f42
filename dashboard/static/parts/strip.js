// A strip of the past: least to greatest and mean of one series, the limit of a rule, and the stretches in which an alert was open.
//
// Owns its canvas, which is drawn anew where size, colours or units change. What is drawn is passed in.

import { h } from "../app/dom.js";
import { digits, scaleOf } from "../app/units.js";
import { momentText } from "./when.js";

const HEIGHT = 132;
const LEFT = 44;
const BELOW = 20;
const LEAST_WIDTH = 3; // px of an alert: one of a second is seen, too

/** @typedef {{fromUs: number, toUs: number, buckets: any, limit: number | null, spans: any[], unit: string, severity: string}} Shown */

export class Strip {
  constructor() {
    this.element = h("canvas", { class: "strip", role: "img" });
    /** @type {Shown | null} */
    this.shown = null;
    new ResizeObserver(() => this._draw()).observe(this.element);
    addEventListener("displaychange", () => this._draw());
  }

  /** @param {Shown} shown */
  show(shown) {
    this.shown = shown;
    this.element.setAttribute("aria-label", `${shown.spans.length || "No"} alerts between ${momentText(shown.fromUs)} and ${momentText(shown.toUs)}`);
    this._draw();
  }

  _draw() {
    const { shown, element } = this;
    const width = element.clientWidth;
    if (shown === null || !width) return;
    const scale = devicePixelRatio || 1;
    Object.assign(element, { width: width * scale, height: HEIGHT * scale });
    const pen = /** @type {CanvasRenderingContext2D} */ (element.getContext("2d"));
    pen.scale(scale, scale);
    pen.font = "11px system-ui, sans-serif";
    const colours = coloursOf(element, shown.severity);
    const x = (/** @type {number} */ us) => LEFT + ((us - shown.fromUs) / (shown.toUs - shown.fromUs)) * (width - LEFT);
    const bottom = HEIGHT - BELOW;
    for (const span of shown.spans) {
      const from = Math.max(LEFT, x(span.raised_us));
      pen.fillStyle = colours.soft;
      pen.fillRect(from, 0, Math.max(LEAST_WIDTH, x(span.cleared_us ?? shown.toUs) - from), bottom);
      pen.fillStyle = colours.strong;
      pen.fillRect(from, bottom - 4, Math.max(LEAST_WIDTH, x(span.cleared_us ?? shown.toUs) - from), 4);
    }
    if (shown.buckets?.t.length) drawLine(pen, shown, x, bottom, width, colours);
    pen.fillStyle = colours.muted;
    pen.textAlign = "left";
    pen.fillText(momentText(shown.fromUs), LEFT, HEIGHT - 5);
    pen.textAlign = "right";
    pen.fillText(momentText(shown.toUs), width, HEIGHT - 5);
  }
}

/** @param {CanvasRenderingContext2D} pen @param {Shown} shown @param {(us: number) => number} x @param {number} bottom @param {number} width @param {Record<string, string>} colours */
function drawLine(pen, shown, x, bottom, width, colours) {
  const { t, min, max, sum, count, width_us } = shown.buckets;
  const known = [...min, ...max, shown.limit].filter((each) => each !== null);
  let [low, high] = [Math.min(...known), Math.max(...known)];
  const margin = (high - low || Math.abs(high) || 1) * 0.08;
  [low, high] = [low - margin, high + margin];
  const y = (/** @type {number} */ value) => bottom - ((value - low) / (high - low)) * (bottom - 4);
  const mean = new Path2D();
  let before = -Infinity;
  for (let at = 0; at < t.length; at += 1) {
    if (min[at] === null) continue;
    const [left, right] = [x(t[at]), x(t[at] + width_us)];
    pen.fillStyle = colours.band;
    pen.fillRect(left, y(max[at]), Math.max(1, right - left), Math.max(1, y(min[at]) - y(max[at])));
    const middle = y(sum[at] / count[at]);
    if (t[at] - before > 2 * width_us) mean.moveTo(left, middle); // a hole is a hole
    else mean.lineTo((left + right) / 2, middle);
    before = t[at];
  }
  Object.assign(pen, { strokeStyle: colours.line, lineWidth: 1.4 });
  pen.stroke(mean);
  if (shown.limit !== null) {
    Object.assign(pen, { strokeStyle: colours.strong, lineWidth: 1.2 });
    pen.setLineDash([5, 4]);
    pen.stroke(new Path2D(`M${LEFT} ${y(shown.limit)} H${width}`));
    pen.setLineDash([]);
  }
  const scale = scaleOf(shown.unit, Math.max(Math.abs(low), Math.abs(high)));
  pen.fillStyle = colours.muted;
  pen.textAlign = "right";
  for (const value of [low + margin, high - margin]) pen.fillText(`${digits(value / scale.factor)}`, LEFT - 6, Math.min(bottom, Math.max(10, y(value) + 4)));
  pen.textAlign = "left";
  if (scale.symbol) pen.fillText(scale.symbol, 2, bottom / 2);
}

/** @param {HTMLElement} element @param {string} severity */
function coloursOf(element, severity) {
  const style = getComputedStyle(element);
  const name = severity === "critical" ? "bad" : severity === "warning" ? "warn" : "accent";
  const colour = (/** @type {string} */ each) => style.getPropertyValue(`--${each}`).trim();
  return { strong: colour(name), soft: colour(`${name}-soft`), line: colour("series-0"), band: `${colour("series-0")}40`, muted: colour("muted") };
}
