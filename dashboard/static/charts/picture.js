// A chart as a PNG file, made in the browser: with a title and the names of its lines, which the page shows beside it.
//
// Texts go to plotly as `plain` makes them.

import { plain } from "./plain.js";

const SIZE = { width: 1000, height: 420, scale: 2 };
const SANS = "system-ui, 'Noto Sans', sans-serif"; // a picture inherits nothing

/**
 * @param {any[]} traces @param {any} layout @param {any} palette @param {string} title
 * @returns {Promise<string>} a data address
 */
export function pictureOf(traces, layout, palette, title) {
  const data = traces.map((trace) => ({ ...trace, showlegend: trace.fill === undefined }));
  const whole = {
    ...layout,
    autosize: false,
    width: SIZE.width,
    height: SIZE.height,
    margin: { l: 64, r: 24, t: 76, b: 44 },
    paper_bgcolor: palette.surface,
    plot_bgcolor: palette.surface,
    font: { ...layout.font, family: SANS },
    title: { text: plain(title), x: 0.02, xanchor: "left", y: 0.97, yanchor: "top", font: { size: 16 } },
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom" },
  };
  return window.Plotly.toImage({ data, layout: whole, config: { staticPlot: true } }, { format: "png", ...SIZE });
}

/** Have the browser keep a data address as a file. @param {string} address @param {string} name */
export function keep(address, name) {
  const link = document.createElement("a");
  link.href = address;
  link.download = name.replace(/[^\w.-]+/g, "_");
  link.click();
}
