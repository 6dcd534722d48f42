// Draws the figures of a report (dashboard/report.py) from the data that stand beside them, in the colours of the system's theme.

"use strict";

const LIGHT = { text: "#15242a", muted: "#586c74", grid: "#e8eef0", surface: "#ffffff", border: "#dbe4e6", lines: ["#0b7f88", "#c4650e", "#3f62d4", "#bf3a5a", "#4b8b2a", "#8a4fc4", "#93800a", "#2f7cab"] };
const DARK = { text: "#e4edef", muted: "#8fa3aa", grid: "#1f2b30", surface: "#141d21", border: "#26343a", lines: ["#56c5c8", "#f0a45c", "#87a6ff", "#ea7f97", "#97cf72", "#c596f3", "#e2cb5c", "#79b6de"] };
// Named one by one: plotly has one that would send a chart to a service of its makers.
const CONFIG = { responsive: true, displaylogo: false, modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]] };
const isLight = matchMedia("(prefers-color-scheme: light)");

function template() {
  const colour = isLight.matches ? LIGHT : DARK;
  const axis = { gridcolor: colour.grid, linecolor: colour.border, zerolinecolor: colour.grid, tickfont: { color: colour.muted, size: 11 }, title: { font: { color: colour.muted, size: 12 } } };
  return {
    layout: {
      // A line is two traces, its band and its mean: each colour comes twice.
      colorway: colour.lines.flatMap((each) => [each, each]),
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: "inherit", color: colour.text, size: 12 },
      hoverlabel: { bgcolor: colour.surface, bordercolor: colour.border, font: { color: colour.text } },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: colour.muted, activecolor: colour.text },
      xaxis: { ...axis, showgrid: false },
      yaxis: axis,
    },
  };
}

function draw(element) {
  const { data, layout } = JSON.parse(element.textContent);
  window.Plotly.react(element.dataset.figure, data, { ...layout, template: template() }, CONFIG);
}

// A report may have hundreds of figures: each is drawn when it comes near the screen, and all of them before they are printed.
document.addEventListener("DOMContentLoaded", () => {
  /** @type {Map<Element, HTMLElement>} */
  const waiting = new Map();
  for (const element of document.querySelectorAll("script[data-figure]")) {
    if (!(element instanceof HTMLElement)) continue;
    const figure = document.getElementById(element.dataset.figure ?? "");
    if (figure) waiting.set(figure, element);
  }
  const drawn = new Set();
  const show = (figure) => {
    const element = waiting.get(figure);
    if (!element || drawn.has(element)) return;
    drawn.add(element);
    draw(element);
  };
  const near = new IntersectionObserver((entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => show(entry.target)), { rootMargin: "600px" });
  for (const figure of waiting.keys()) near.observe(figure);
  addEventListener("beforeprint", () => [...waiting.keys()].forEach(show));
  isLight.addEventListener("change", () => drawn.forEach(draw));
});
