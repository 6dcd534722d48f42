// A chart on its way through time: plotly draws it, and between two of its drawings what moves is moved here, for a tenth of the cost.
//
// Plotly owns every element: it made them, with their looks, and it draws again as soon as anything but time and readings differs. While
// only these do, the lines, the times below them, and shades and marks are written here, letter for letter as plotly writes them: pixels to
// two decimals, on linear axes, of lines that are not simplified. tests/browser/test_drawing.py holds each path to that of a fresh drawing.

const MOST_AWAY = 20; // widths and heights of the chart: what lies farther off is cut by plotly

/** @typedef {{fill: Element | null, lines: Element, paths: Element[]}} Strokes of one trace */
/** @typedef {{key: string, traces: Strokes[], times: Element[], shapes: Element[]}} Frame */

/** @type {WeakMap<Element, Frame>} */
const frames = new WeakMap();

/** Draw a chart. @param {any} plot @param {any[]} traces @param {any} layout with a range of times and its ticks @param {any} config */
export function redraw(plot, traces, layout, config) {
  const key = keyOf(traces, layout); // before plotly writes into them
  const frame = frames.get(plot);
  if (frame?.key === key && layout.yaxis.range && advance(plot, frame, traces, layout)) return;
  window.Plotly.react(plot, traces, layout, config);
  const drawn = frameOf(plot, key, traces, layout);
  if (drawn) frames.set(plot, drawn);
  else frames.delete(plot);
}

/** What plotly drew is of another size now. @param {any} plot */
export const forget = (plot) => frames.delete(plot);

/** The elements of what plotly has drawn; null: they are not what was expected. @returns {Frame | null} */
function frameOf(plot, key, traces, layout) {
  const found = [...plot.querySelectorAll(".scatterlayer > .trace")].map((/** @type {Element} */ each) => (
    { fill: each.querySelector(".js-fill"), lines: /** @type {Element} */ (each.querySelector(".lines")), paths: [...each.querySelectorAll(".js-line")] }));
  const times = [...plot.querySelectorAll(".xtick > text")].sort((a, b) => leftOf(a) - leftOf(b)); // whatever order they were made in
  const shapes = layout.shapes.map((/** @type {any} */ _, /** @type {number} */ at) => plot.querySelector(`.shapelayer path[data-index="${at}"]`));
  const isWhole = found.length === traces.length && times.length === layout.xaxis.tickvals.length && shapes.every(Boolean);
  return isWhole ? { key, traces: found, times, shapes } : null;
}

const leftOf = (/** @type {Element} */ element) => parseFloat(element.getAttribute("transform")?.slice("translate(".length) ?? "");

// Move on what plotly drew. False: it has to draw this itself, and nothing was changed.
function advance(plot, frame, traces, layout) {
  const { xaxis, yaxis } = plot._fullLayout;
  const place = placeOf(layout.xaxis.range, xaxis, yaxis);
  const strokes = traces.map((trace) => segmentsOf(trace, place));
  if (!strokes.every((segments, at) => segments !== null && (segments.length === 0) === (frame.traces[at].paths.length === 0))) return false;
  strokes.forEach((segments, at) => stroke(frame.traces[at], /** @type {string[]} */ (segments)));
  layout.xaxis.tickvals.forEach((/** @type {number} */ ms, /** @type {number} */ at) => frame.times[at].setAttribute("transform", `translate(${xaxis._offset + place.x(ms)},0)`));
  layout.shapes.forEach((/** @type {any} */ shape, /** @type {number} */ at) => frame.shapes[at].setAttribute("d", outline(shape, place, xaxis._offset, yaxis._offset)));
  // Plotly goes on from here.
  plot.data = traces;
  plot.layout = layout;
  xaxis.range = [...layout.xaxis.range];
  xaxis.setScale();
  return true;
}

// All that time and readings do not change.
function keyOf(traces, { xaxis, shapes, ...layout }) {
  const kinds = shapes.map((/** @type {any} */ { x0: _, x1: __, xanchor: ___, ...kind }) => kind);
  return JSON.stringify([traces.map(({ x: _, y: __, ...looks }) => looks), { ...xaxis, range: null }, kinds, layout]);
}

// Where a time and a value are, px from the corner of the lines: by the very sums of plotly's axes, whose values keep their range.
function placeOf([left, right], { _length: width }, { _length: height, _m: perY, _b: atY }) {
  const perX = width / (right - left);
  const atX = -perX * left;
  return { width, height, x: (/** @type {number} */ ms) => cents(atX + perX * ms), y: (/** @type {number} */ value) => cents(atY + perY * value) };
}

const cents = (/** @type {number} */ px) => Math.round(px * 100) / 100;

/** The unbroken stretches of a trace, each as a path; null: plotly would cut it. @returns {string[] | null} */
function segmentsOf({ x, y, mode, line }, { width, height, x: placeX, y: placeY }) {
  if (mode !== "lines") return null;
  const isStep = line.shape === "hv";
  const segments = [];
  let path = "";
  for (let at = 0; at < x.length; at += 1) {
    if (y[at] === null || x[at] === null) {
      if (path) segments.push(path);
      path = "";
      continue;
    }
    const px = placeX(x[at]);
    const py = placeY(y[at]);
    if (px < -MOST_AWAY * width || px > (1 + MOST_AWAY) * width || py < -MOST_AWAY * height || py > (1 + MOST_AWAY) * height) return null;
    if (!path) path = `M${px},${py}`;
    else path += isStep ? `H${px}V${py}` : `L${px},${py}`;
  }
  if (path) segments.push(path);
  return segments;
}

/** @param {Strokes} strokes @param {string[]} segments */
function stroke({ fill, lines, paths }, segments) {
  while (paths.length < segments.length) {
    paths.push(/** @type {Element} */ (paths[0].cloneNode()));
    lines.append(/** @type {Element} */ (paths.at(-1)));
  }
  while (paths.length > segments.length) paths.pop()?.remove();
  segments.forEach((segment, at) => paths[at].setAttribute("d", segment));
  if (fill && segments.length) fill.setAttribute("d", `${segments.join("Z")}Z`);
}

// A shade, a line through the chart, or the head of one.
function outline({ type, x0, x1, xanchor, yanchor, path }, place, left, top) {
  const bottom = top + place.height;
  if (type === "rect") return `M${left + place.x(x0)},${bottom}H${left + place.x(x1)}V${top}H${left + place.x(x0)}Z`;
  if (type === "line") return `M${left + place.x(x0)},${bottom}L${left + place.x(x1)},${top}`;
  const [x, y] = [left + place.x(xanchor), yanchor === 1 ? top : bottom];
  return path.replace(/(-?\d+),(-?\d+)/g, (/** @type {string} */ _, /** @type {string} */ dx, /** @type {string} */ dy) => `${x + Number(dx)},${y - Number(dy)}`);
}
