// How a number changed over a range, and its course as paths of a small drawing: a column of it keeps its lowest and highest. Pure.

const NOISE = 1e-9; // of the value: rounding is no change
const PAD = 3; // a line on the edge is drawn whole

/**
 * The change from the first value in the range to the newest one; null where there are not two.
 * @param {{x: number[], mean: (number | null)[], now: any}} line @param {number} fromUs
 * @returns {{by: number, way: "up" | "down" | "same", sinceUs: number} | null}
 */
export function changeOf(line, fromUs) {
  const from = fromUs / 1000;
  const at = line.mean.findIndex((value, index) => value !== null && line.x[index] >= from);
  if (at < 0 || at === line.mean.length - 1 || typeof line.now !== "number") return null;
  const by = line.now - /** @type {number} */ (line.mean[at]);
  const isNoise = Math.abs(by) <= NOISE * Math.max(Math.abs(line.now), 1e-12);
  return { by, way: isNoise ? "same" : by > 0 ? "up" : "down", sinceUs: line.x[at] * 1000 };
}

/**
 * Paths of what is in the range: the line of means, the band from lowest to highest, and dots where a value is alone. At most one place a
 * unit of width.
 * @param {{x: number[], mean: (number | null)[], low: (number | null)[], high: (number | null)[], lowest: number, highest: number}} line
 * @param {{fromUs: number, nowUs: number}} view @param {number} wide @param {number} high
 */
export function sparkOf(line, { fromUs, nowUs }, wide, high) {
  const from = fromUs / 1000;
  const perMs = wide / Math.max(1, nowUs / 1000 - from);
  const size = line.highest - line.lowest;
  const isFlat = !(size > 0);
  const y = (/** @type {number} */ value) => (isFlat ? high / 2 : high - PAD - ((value - line.lowest) / size) * (high - 2 * PAD));
  const stretches = columnsOf(line, (time) => (time - from) * perMs, wide);
  const texts = { line: "", band: "", dots: "" };
  for (const stretch of stretches) {
    if (stretch.length === 1 && stretch[0].low === stretch[0].high) texts.dots += `M${round(stretch[0].x)} ${round(y(stretch[0].mean))}h0`;
    else texts.line += `M${stretch.map((each) => `${round(each.x)} ${round(y(each.mean))}`).join("L")}`;
    if (stretch.some((each) => each.low !== each.high)) {
      const top = stretch.map((each) => `${round(each.x)} ${round(y(each.high))}`);
      const bottom = stretch.map((each) => `${round(each.x)} ${round(y(each.low))}`).reverse();
      texts.band += `M${[...top, ...bottom].join("L")}Z`;
    }
  }
  return texts;
}

/** @param {any} line @param {(time: number) => number} xOf @param {number} wide @returns {{x: number, mean: number, low: number, high: number}[][]} */
function columnsOf(line, xOf, wide) {
  const stretches = [];
  /** @type {{x: number, mean: number, low: number, high: number}[]} */
  let stretch = [];
  for (let at = 0; at < line.x.length; at += 1) {
    const x = xOf(line.x[at]);
    const mean = line.mean[at];
    if (mean === null) {
      if (stretch.length) stretches.push(stretch);
      stretch = [];
      continue;
    }
    if (x < 0 || x > wide + 1) continue;
    const [low, high] = [line.low[at] ?? mean, line.high[at] ?? mean];
    const last = stretch.at(-1);
    if (last && Math.floor(last.x) === Math.floor(x)) Object.assign(last, { mean, low: Math.min(last.low, low), high: Math.max(last.high, high) });
    else stretch.push({ x, mean, low, high });
  }
  if (stretch.length) stretches.push(stretch);
  return stretches;
}

const round = (/** @type {number} */ value) => Math.round(value * 10) / 10;
