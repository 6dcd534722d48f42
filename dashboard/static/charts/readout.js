// What a chart shows at the moment that is pointed at: a line through it, and the time, its values, what is missing there and what happened.
//
// Owns these elements. All texts of devices are text nodes. Arrow keys go from point to point, and what is there is said.

import { fill, h } from "../app/dom.js";
import { utcText } from "../app/times.js";
import { digits, scaleOf, shown } from "../app/units.js";
import { saidAt } from "./holes.js";
import { pointAt } from "./lines.js";
import { moment } from "./ticks.js";

const NEAR_PX = 6; // of a mark
const BESIDE_PX = 10;
const PAGE = 0.05; // of what is seen, by PageUp and PageDown

export class Readout {
  /** @param {import("./linechart.js").LineChart} chart @param {(us: number | null) => void} onPoint */
  constructor(chart, onPoint) {
    this.chart = chart;
    this.onPoint = onPoint;
    /** @type {number | null} where the pointer rests, px from the left edge of the chart: time goes on below it */
    this._pointerPx = null;
    this.line = h("div", { class: "crosshair", hidden: true });
    this.box = h("div", { class: "readout", hidden: true });
    chart.element.append(this.line, this.box);
    chart.element.addEventListener("pointermove", (event) => this._moved(event));
    chart.element.addEventListener("pointerleave", () => this.clear());
    chart.element.addEventListener("blur", () => this.clear());
    chart.element.addEventListener("keydown", (event) => this._key(event));
  }

  /** The moment at a place, null beside the lines. @param {number} px from the left edge of the chart */
  timeAt(px) {
    const { drawn, area } = this.chart;
    const share = (px - area.leftPx) / area.widthPx;
    return drawn === null || share < 0 || share > 1 ? null : drawn.view.fromUs + share * (drawn.view.nowUs - drawn.view.fromUs);
  }

  clear() {
    this._pointerPx = null;
    this.chart.crosshair.point(null, null);
  }

  /** The chart was drawn anew. */
  redrawn() {
    if (this._pointerPx !== null) this.chart.crosshair.point(this.timeAt(this._pointerPx), this);
    else this.chart.crosshair.again(this);
  }

  /** Show a moment; null: none. @param {number | null} us @param {boolean} isHere it is pointed at in this chart */
  showAt(us, isHere) {
    const { drawn, area } = this.chart;
    const share = us === null || drawn === null ? -1 : (us - drawn.view.fromUs) / (drawn.view.nowUs - drawn.view.fromUs);
    const isSeen = share >= 0 && share <= 1;
    this.line.hidden = !isSeen;
    this.box.hidden = !isSeen || !isHere;
    if (isSeen) this.line.style.transform = `translateX(${area.leftPx + share * area.widthPx}px)`;
    if (isSeen && isHere) this._fill(/** @type {number} */ (us), share);
    this.onPoint(isSeen ? us : null);
  }

  /** The values of a moment, by line: [line, text]. @param {number} us @returns {[any, string][]} */
  valuesAt(us) {
    const { drawn } = this.chart;
    return drawn === null ? [] : drawn.lines.map((line) => [line, valueText(line, us, drawn.unit)]);
  }

  /** @param {number} us */
  _said(us) {
    const { view, holes } = /** @type {NonNullable<import("./linechart.js").LineChart["drawn"]>} */ (this.chart.drawn);
    return saidAt(holes, view.marks ?? [], us, (NEAR_PX * (view.nowUs - view.fromUs)) / this.chart.area.widthPx);
  }

  /** @param {number} us @param {number} share */
  _fill(us, share) {
    const view = /** @type {NonNullable<import("./linechart.js").LineChart["drawn"]>} */ (this.chart.drawn).view;
    const values = this.valuesAt(us).map(([line, text]) => h("li", {}, h("span", { class: "swatch", style: { "--line": line.colour } }), h("span", { class: "legend-name" }, line.series.channel), h("b", {}, text)));
    fill(
      this.box,
      h("p", {}, moment(us, view.nowUs - view.fromUs), h("span", { class: "muted" }, utcText(us))),
      h("ul", {}, ...values),
      this._said(us).map((text) => h("p", { class: "readout-said" }, text)),
    );
    const { leftPx, widthPx } = this.chart.area;
    const atPx = leftPx + share * widthPx;
    const asidePx = share > 0.5 ? atPx - BESIDE_PX - this.box.offsetWidth : atPx + BESIDE_PX;
    this.box.style.left = `${Math.max(0, Math.min(asidePx, this.chart.element.clientWidth - this.box.offsetWidth))}px`;
  }

  /** @param {PointerEvent} event */
  _moved(event) {
    const px = event.clientX - this.chart.element.getBoundingClientRect().left;
    const us = this.timeAt(px);
    this._pointerPx = us === null ? null : px;
    this.chart.crosshair.point(us, this);
  }

  /** @param {KeyboardEvent} event */
  _key(event) {
    const { drawn, crosshair } = this.chart;
    if (drawn === null || event.shiftKey || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Escape") return this.clear();
    const us = steppedTo(event.key, drawn, crosshair.atUs);
    if (us === null) return;
    event.preventDefault();
    this._pointerPx = null;
    crosshair.point(us, this);
    const values = this.valuesAt(us).map(([line, text]) => `${line.series.channel} ${text}`);
    crosshair.onSay([moment(us, drawn.view.nowUs - drawn.view.fromUs), ...values, ...this._said(us)].join(", "));
  }
}

// Where a key leads to: the next point of any line, a step of the whole, or an end. Null: it leads nowhere.
function steppedTo(key, { lines, view }, atUs) {
  const { fromUs, nowUs } = view;
  const pageUs = PAGE * (nowUs - fromUs);
  if (key === "Home") return fromUs;
  if (key === "End") return nowUs;
  if (key === "PageUp") return Math.max(fromUs, (atUs ?? nowUs) - pageUs);
  if (key === "PageDown") return Math.min(nowUs, (atUs ?? fromUs) + pageUs);
  if (key !== "ArrowLeft" && key !== "ArrowRight") return null;
  const isBack = key === "ArrowLeft";
  const ms = (atUs ?? nowUs) / 1000;
  let best = null;
  for (const { x, mean } of lines) {
    for (let at = 0; at < x.length; at += 1) {
      if (mean[at] === null || x[at] < fromUs / 1000 || x[at] > nowUs / 1000) continue;
      if (isBack ? x[at] < ms && (best === null || x[at] > best) : x[at] > ms && (best === null || x[at] < best)) best = x[at];
    }
  }
  return best === null ? null : best * 1000;
}

/** The value of a line at a moment, with the least and the largest; `isShort`: the mean alone. @param {any} line @param {number} us @param {string} unit */
export function valueText(line, us, unit, isShort = false) {
  const at = pointAt(line, us);
  if (at < 0) return "–";
  const value = line.mean[at];
  if (unit === "state") return value === 1 ? "on" : value === 0 ? "off" : digits(value);
  const [low, high] = [line.low[at], line.high[at]];
  if (isShort || low === high) return shown(value, unit);
  const { factor } = scaleOf(unit, value); // said once, with the value
  return `${shown(value, unit)} (${digits(low / factor)} to ${digits(high / factor)})`;
}
