// Which stretch of time charts show: the newest so far back from now, or a stretch of the past; how zooming and panning change it, how it
// stands in the address, and in which detail the past is asked for. Pure but for the time zone.

/** @typedef {{name: string, spanS: number, widthUs: number}} Range */
/** @typedef {{fromUs: number, toUs: number}} Stretch */
/** @typedef {{range: Range, past: Stretch | null}} Shown `past` null: live */

/** @type {Range[]} */
export const RANGES = [
  { name: "5 min", spanS: 300, widthUs: 0 },
  { name: "15 min", spanS: 900, widthUs: 1_000_000 },
  { name: "1 h", spanS: 3_600, widthUs: 10_000_000 },
  { name: "6 h", spanS: 21_600, widthUs: 60_000_000 },
  { name: "24 h", spanS: 86_400, widthUs: 600_000_000 },
  { name: "7 d", spanS: 604_800, widthUs: 600_000_000 },
  { name: "30 d", spanS: 2_592_000, widthUs: 3_600_000_000 },
  { name: "1 y", spanS: 31_536_000, widthUs: 86_400_000_000 },
];
/** The widths that the hub has, and their names. @type {Map<number, string>} */
export const WIDTHS = new Map([
  [0, "raw"], [100_000, "100ms"], [1_000_000, "1s"], [10_000_000, "10s"], [60_000_000, "1min"], [600_000_000, "10min"],
  [3_600_000_000, "1h"], [86_400_000_000, "1d"],
]);
export const MAX_POINTS = 2_000; // of one line: more than a screen has pixels
const RAW_SPAN_US = 300e6; // of devices that do not say how often they report
const MIN_SPAN_US = 20_000;
const MAX_SPAN_US = 20 * 31_536_000e6;

/** A range's name as it stands in an address. @param {Range} range */
export const short = (range) => range.name.replace(" ", "");

/** What an address asks for. @param {Record<string, string>} query @returns {Shown} */
export function shownOf(query) {
  const range = RANGES.find((each) => short(each) === query.range) ?? RANGES[0];
  const [fromUs, toUs] = [Date.parse(query.from ?? "") * 1000, Date.parse(query.to ?? "") * 1000];
  return { range, past: toUs - fromUs >= 1000 ? { fromUs, toUs } : null };
}

/** What stands in the address of what is shown: times of the local clock, with its offset, so that a link means the same elsewhere. @param {Shown} shown */
export function queryOf({ range, past }) {
  const named = range === RANGES[0] ? {} : { range: short(range) };
  return past === null ? named : { ...named, from: stamp(past.fromUs), to: stamp(past.toUs) };
}

/** @param {number} us */
function stamp(us) {
  const offset = -new Date(us / 1000).getTimezoneOffset();
  const local = new Date(us / 1000 + offset * 60_000).toISOString().slice(0, -1).replace(/\.000$/, "");
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  return `${local}${offset < 0 ? "-" : "+"}${two(Math.floor(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`;
}

/** What is seen of time. @param {Shown} shown @param {number} nowUs @returns {Stretch} */
export const stretchOf = ({ range, past }, nowUs) => past ?? { fromUs: nowUs - range.spanS * 1e6, toUs: nowUs };

/** `factor` times as much of time, with what is at `aroundUs` where it is. @param {Stretch} stretch @param {number} factor @param {number} nowUs */
export function zoomed({ fromUs, toUs }, factor, nowUs, aroundUs = (fromUs + toUs) / 2) {
  return fitted({ fromUs: aroundUs - (aroundUs - fromUs) * factor, toUs: aroundUs + (toUs - aroundUs) * factor }, nowUs);
}

/** The same length of time, moved by a share of it. @param {Stretch} stretch @param {number} share @param {number} nowUs */
export function panned({ fromUs, toUs }, share, nowUs) {
  const byUs = Math.min(share * (toUs - fromUs), Math.max(0, nowUs - toUs)); // nothing is known of the future
  return fitted({ fromUs: fromUs + byUs, toUs: toUs + byUs }, nowUs);
}

/** A stretch as it can be shown: not too short or long, whole milliseconds, not beyond now. @param {Stretch} stretch @param {number} nowUs @returns {Stretch} */
export function fitted({ fromUs, toUs }, nowUs) {
  const spanUs = Math.min(MAX_SPAN_US, Math.max(MIN_SPAN_US, toUs - fromUs));
  const middleUs = (fromUs + toUs) / 2;
  const endUs = Math.min(nowUs, middleUs + spanUs / 2);
  const whole = (/** @type {number} */ us) => Math.round(us / 1000) * 1000;
  return { fromUs: whole(endUs - spanUs), toUs: whole(endUs) };
}

/**
 * The widths in which a stretch may be asked for, finest first, so that no line has more than MAX_POINTS.
 * @param {number} spanUs @param {number} intervalUs how often the device reports; 0: nobody knows
 */
export function widthsFor(spanUs, intervalUs) {
  const wide = [...WIDTHS.keys()].filter((width) => width > 0 && spanUs / width <= MAX_POINTS);
  if (!wide.length) wide.push(/** @type {number} */ ([...WIDTHS.keys()].at(-1)));
  return (intervalUs > 0 ? spanUs / intervalUs <= MAX_POINTS : spanUs <= RAW_SPAN_US) ? [0, ...wide] : wide;
}
