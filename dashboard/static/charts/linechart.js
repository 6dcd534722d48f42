// Lines on axes of time and of one unit, drawn by plotly: the one place that knows how it is asked. What moves between two of its drawings
// is moved by advance.js.
//
// Owns its element, which keeps to the size of what it is in, and what is shown at the pointer (readout.js). What is drawn is passed in;
// until loadPlotly() is done it says that the chart is still to come. Plotly gets no text of a device but as `plain` makes it.

import { fill, h, say } from "../app/dom.js";
import { scaleOf } from "../app/units.js";
import { forget, redraw } from "./advance.js";
import { Crosshair } from "./crosshair.js";
import { holesOf } from "./holes.js";
import { pictureOf } from "./picture.js";
import { plain } from "./plain.js";
import { Readout } from "./readout.js";
import { bandOf, rangeOf, steady } from "./lines.js";
import { ticksOf } from "./ticks.js";

const CONFIG = { staticPlot: true, responsive: false };
export const MARGIN = { l: 46, r: 16, t: 8, b: 36 };
const TICK_PX = 64; // so much room has the text of a time,
const HALF_TEXT_PX = 26; // half of one that is as wide as they get
const MAX_MARKS = 200; // drawn; all are told beside the pointer

/**
 * What is shown: times in µs on the hub's clock, `nowUs` the right edge, `clockUs` the present where that is another time.
 * @typedef {{fromUs: number, nowUs: number, intervalUs: number, hole: number[] | null, keptFromUs: number | null,
 *   clockUs?: number, isPast?: boolean, holes?: import("./holes.js").Hole[], marks?: import("./holes.js").Mark[]}} Span
 */

export class LineChart {
  // Charts that share a crosshair are pointed at together.
  constructor({ crosshair = new Crosshair(), onPoint = (/** @type {number | null} */ _us) => {} } = {}) {
    this.plot = h("div", { class: "plot" });
    this.element = h("div", { class: "plot-frame", tabindex: 0, role: "application", "aria-roledescription": "chart" }, this.plot);
    this.crosshair = crosshair;
    this.readout = new Readout(this, onPoint);
    /** @type {{lines: any[], view: Span, unit: string, palette: any, scale: any, axis: any, holes: import("./holes.js").Hole[]} | null} */
    this.drawn = null;
    this.widthPx = 0; // as it was last told: to ask would lay the page out, chart by chart
    this._sized = new ResizeObserver(() => this._resize());
    this._sized.observe(this.element);
    crosshair.join(this.readout);
  }

  // Draw lines (lineOf, with `series` and `colour`) of one unit, `state` for on and off; returns the scale of the values' axis.
  draw(lines, view, unit, palette) {
    const largest = lines.reduce((most, line) => Math.max(most, line.largest), 0);
    const scale = scaleOf(unit === "state" ? "" : unit, largest);
    const known = this.drawn?.scale.factor === scale.factor && !view.isPast ? this.drawn.axis : null;
    this.drawn = { lines, view, unit, palette, scale, axis: steady(known, rangeOf(unit, lines, scale)), holes: holesOf(view, lines) };
    if (!window.Plotly) {
      say(this.plot, "The chart is drawn as soon as its program has come.");
      return scale;
    }
    if (this.plot.firstElementChild === null) fill(this.plot);
    this.widthPx ||= this.plot.offsetWidth;
    redraw(this.plot, tracesOf(this.drawn), layoutOf(this.drawn, this.widthPx || 400), CONFIG);
    this.readout.redrawn();
    return scale;
  }

  /** What it shows, for those who do not see it. @param {string} text */
  describe(text) {
    if (this.element.getAttribute("aria-label") !== text) this.element.setAttribute("aria-label", text);
  }

  /** Where its lines are, in px of its element. */
  get area() {
    return { leftPx: MARGIN.l, widthPx: Math.max(1, this.element.clientWidth - MARGIN.l - MARGIN.r), topPx: MARGIN.t, bottomPx: MARGIN.b };
  }

  /** It as a picture, with its title and the names of its lines: a data address of a PNG. @param {string} title @returns {Promise<string>} */
  picture(title) {
    if (this.drawn === null) throw new Error("nothing is drawn yet");
    return pictureOf(tracesOf(this.drawn), layoutOf(this.drawn, 900), this.drawn.palette, title);
  }

  remove() {
    this._sized.disconnect();
    this.crosshair.leave(this.readout);
    if (this.plot.classList.contains("js-plotly-plot")) window.Plotly.purge(this.plot);
    this.element.remove();
  }

  _resize() {
    if (!this.plot.classList.contains("js-plotly-plot") || !this.plot.offsetWidth || this.drawn === null) return;
    this.widthPx = this.plot.offsetWidth;
    forget(this.plot);
    // It takes its time; whatever was drawn until then was of the old size.
    window.Plotly.Plots.resize(this.plot).then(() => forget(this.plot), () => {});
    this.readout.redrawn();
  }
}

function tracesOf({ lines, scale, unit }) {
  return lines.flatMap((line) => traces(line, scale, unit === "state"));
}

function traces(line, scale, isState) {
  const scaled = (values) => (scale.factor === 1 ? values : values.map((value) => (value === null ? null : value / scale.factor)));
  const shape = isState ? "hv" : "linear";
  const common = { type: "scatter", mode: "lines", x: line.x, connectgaps: false, showlegend: false, hoverinfo: "skip" };
  const mean = { ...common, y: scaled(line.mean), name: plain(line.series.channel), line: { color: line.colour, width: 1.7, shape, simplify: false } };
  if (line.dots) Object.assign(mean, { mode: "lines+markers", marker: { size: line.dots, color: line.colour, line: { width: 0 } } });
  if (!line.hasBand) return [mean];
  // The outline keeps a spike in sight that is narrower than a pixel.
  const band = { line: { width: 0.8, color: faint(line.colour, 0.45), simplify: false }, fill: "toself", fillcolor: faint(line.colour, 0.18) };
  return [{ ...common, ...bandOf(line, scale), ...band }, mean];
}

function faint(colour, opacity) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return `rgba(${red},${green},${blue},${opacity})`;
}

function layoutOf({ view, palette, axis: values, holes }, widthPx) {
  const axis = { gridcolor: palette.grid, zeroline: false, linecolor: palette.border, tickfont: { color: palette.muted, size: 11 }, fixedrange: true };
  const innerPx = Math.max(1, widthPx - MARGIN.l - MARGIN.r);
  // A text that does not end within the chart is left out, as plotly would when it has measured it.
  const lastUs = view.fromUs + (view.nowUs - view.fromUs) * Math.min(1, (innerPx + MARGIN.r - HALF_TEXT_PX) / innerPx);
  const ticks = ticksOf(view.fromUs, lastUs, Math.max(2, Math.floor(innerPx / TICK_PX)));
  return {
    autosize: true,
    margin: MARGIN,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: "inherit", color: palette.text, size: 12 },
    hovermode: false,
    dragmode: false,
    xaxis: { ...axis, type: "linear", range: [view.fromUs / 1000, view.nowUs / 1000], showgrid: false, tickangle: 0, ticklabeloverflow: "allow", ...ticks },
    yaxis: { ...axis, nticks: 5, ...values },
    shapes: [...holes.map((hole) => shade(hole, palette)), ...(view.marks ?? []).filter((mark) => mark.atUs >= view.fromUs && mark.atUs <= view.nowUs).slice(-MAX_MARKS).flatMap((mark) => flag(mark, palette))],
  };
}

function shade({ fromUs, toUs, kind }, palette) {
  const isLost = kind === "lost";
  return {
    type: "rect", xref: "x", yref: "paper", x0: fromUs / 1000, x1: toUs / 1000, y0: 0, y1: 1, layer: "below",
    line: isLost ? { width: 1, color: palette.bad } : { width: 0 }, fillcolor: isLost ? palette.bad : palette.border, opacity: isLost ? 0.22 : kind === "silence" ? 0.3 : 0.5,
  };
}

// A line through the chart, with a head at the top for an alert and at the bottom for a command.
function flag({ atUs, kind, level }, palette) {
  const isAlert = kind === "alert";
  const color = !isAlert ? palette.accent : level === "critical" ? palette.bad : level === "warning" ? palette.warn : palette.muted;
  const x = atUs / 1000;
  const head = {
    type: "path", path: isAlert ? "M-5,0L5,0L0,8Z" : "M-5,0L5,0L0,-8Z", xref: "x", yref: "paper", xsizemode: "pixel", ysizemode: "pixel", xanchor: x, yanchor: isAlert ? 1 : 0,
    fillcolor: color, line: { width: 0 },
  };
  return [{ type: "line", xref: "x", yref: "paper", x0: x, x1: x, y0: 0, y1: 1, line: { color, width: 1, dash: isAlert ? "solid" : "dot" } }, head];
}
