// Lines on axes of time and of one unit, drawn by plotly: the one place that knows how it is asked.
//
// Owns its element, which keeps to the size of what it is in. What is drawn is passed in; loadPlotly() comes before the first drawing.

import { digits, scaleOf } from "../app/units.js";
import { bandOf, local, rangeOf, timeFormats } from "./lines.js";

const CONFIG = { displayModeBar: false, responsive: false, showTips: false, doubleClick: false, scrollZoom: false };

/** What is shown: times in µs on the hub's clock. @typedef {{fromUs: number, nowUs: number, intervalUs: number, hole: number[] | null, keptFromUs: number}} Span */

export class LineChart {
  constructor() {
    this.element = document.createElement("div");
    this.element.className = "plot";
    this.element.setAttribute("role", "img");
    this._sized = new ResizeObserver(() => this._resize());
    this._sized.observe(this.element);
  }

  // Draw lines (lineOf, with `series` and `colour`) of one unit, `state` for on and off; returns the scale of the values' axis.
  draw(lines, view, unit, palette) {
    const largest = lines.reduce((most, line) => Math.max(most, line.largest), 0);
    const scale = scaleOf(unit === "state" ? "" : unit, largest);
    const traces = lines.flatMap((line) => tracesOf(line, scale, unit === "state"));
    window.Plotly.react(this.element, traces, layoutOf(palette, view, unit, lines, scale), CONFIG);
    return scale;
  }

  /** What it shows, for those who do not see it. @param {string} text */
  describe(text) {
    this.element.setAttribute("aria-label", text);
  }

  remove() {
    this._sized.disconnect();
    if (this.element.classList.contains("js-plotly-plot")) window.Plotly.purge(this.element);
    this.element.remove();
  }

  _resize() {
    if (this.element.classList.contains("js-plotly-plot") && this.element.offsetWidth) window.Plotly.Plots.resize(this.element);
  }
}

function tracesOf(line, scale, isState) {
  const scaled = (values) => (scale.factor === 1 ? values : values.map((value) => (value === null ? null : value / scale.factor)));
  const shape = isState ? "hv" : "linear";
  const common = { type: "scatter", mode: "lines", x: line.x, connectgaps: false, showlegend: false };
  const mean = {
    ...common, y: scaled(line.mean), name: line.series.channel, line: { color: line.colour, width: 1.7, shape },
    hovertemplate: `%{text}${scale.symbol ? ` ${scale.symbol}` : ""}`, text: scaled(line.mean).map((value) => (value === null ? "" : digits(value))),
  };
  if (line.dots) Object.assign(mean, { mode: "lines+markers", marker: { size: line.dots, color: line.colour, line: { width: 0 } } });
  if (!line.hasBand) return [mean];
  // The outline keeps a spike in sight that is narrower than a pixel.
  const band = { line: { width: 0.8, color: faint(line.colour, 0.45) }, fill: "toself", fillcolor: faint(line.colour, 0.18) };
  return [{ ...common, ...bandOf(line, scale), hoverinfo: "skip", ...band }, mean];
}

function faint(colour, opacity) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return `rgba(${red},${green},${blue},${opacity})`;
}

function layoutOf(palette, view, unit, drawn, scale) {
  const axis = { gridcolor: palette.grid, zeroline: false, linecolor: palette.border, tickfont: { color: palette.muted, size: 11 }, fixedrange: true };
  const missing = [view.hole, view.keptFromUs > view.fromUs ? [view.fromUs, Math.min(view.keptFromUs, view.nowUs)] : null];
  const shapes = missing.filter(Boolean).map(([fromUs, toUs]) => (
    { type: "rect", xref: "x", yref: "paper", x0: local(fromUs), x1: local(toUs), y0: 0, y1: 1, line: { width: 0 }, fillcolor: palette.border, opacity: 0.4 }
  ));
  const [tickformat, hoverformat] = timeFormats(view.nowUs - view.fromUs);
  return {
    autosize: true,
    margin: { l: 46, r: 16, t: 8, b: 24 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: "inherit", color: palette.text, size: 12 },
    hovermode: "x unified",
    hoverlabel: { bgcolor: palette.surface, bordercolor: palette.border, font: { color: palette.text, size: 12 } },
    dragmode: false,
    xaxis: { ...axis, type: "date", range: [local(view.fromUs), local(view.nowUs)], showgrid: false, nticks: 6, tickangle: 0, tickformat, hoverformat },
    yaxis: { ...axis, nticks: 5, ...rangeOf(unit, drawn, scale) },
    shapes,
  };
}
