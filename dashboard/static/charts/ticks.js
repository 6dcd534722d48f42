// Where times stand below a chart, and how they are written: of the local clock, also across a change to summer time. Pure but for the zone.

const SECOND = 1_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const STEPS_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500, SECOND, 2e3, 5e3, 10e3, 15e3, 30e3, 60e3, 120e3, 300e3, 600e3, 900e3, 1_800e3, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR];
const DAYS = [1, 2, 3, 7, 14];
const MONTHS = [1, 2, 3, 6, 12, 24, 60, 120];
const MONTH_MS = 30.4 * DAY;
const NAMES = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Ticks of a stretch of time, `most` at most: ms since 1970, and texts. @param {number} fromUs @param {number} toUs @param {number} most */
export function ticksOf(fromUs, toUs, most) {
  const [fromMs, toMs] = [fromUs / 1000, toUs / 1000];
  const leastMs = (toMs - fromMs) / Math.max(1, most);
  const next = leastMs <= 12 * HOUR ? byTime(leastMs) : leastMs <= 14 * DAY ? byDay(leastMs) : byMonth(leastMs);
  const tickvals = [];
  for (let at = next.first(fromMs); at <= toMs && tickvals.length < 50; at = next.after(at)) if (at >= fromMs) tickvals.push(at);
  return { tickvals, ticktext: tickvals.map((at, index) => next.text(new Date(at), index === 0)) };
}

/** @param {number} leastMs */
function byTime(leastMs) {
  const step = STEPS_MS.find((each) => each >= leastMs) ?? 12 * HOUR;
  const zoneMs = (/** @type {number} */ ms) => new Date(ms).getTimezoneOffset() * 60_000;
  const inZone = (/** @type {number} */ ms, /** @type {number} */ zone) => Math.ceil((ms - zone) / step) * step + zone;
  // Twice: the clock may be changed between a moment and the tick after it.
  const aligned = (/** @type {number} */ ms) => inZone(ms, zoneMs(inZone(ms, zoneMs(ms))));
  const text = (/** @type {Date} */ date, /** @type {boolean} */ isFirst) => {
    const time = step < SECOND ? `${clock(date, true)}.${String(date.getMilliseconds()).padStart(3, "0")}` : clock(date, step < 60_000);
    return isFirst || (date.getHours() === 0 && date.getMinutes() === 0 && step >= 60_000) ? `${time}<br>${day(date)}` : time;
  };
  return { first: aligned, after: (/** @type {number} */ ms) => aligned(ms + step / 2), text };
}

/** @param {number} leastMs */
function byDay(leastMs) {
  const step = DAYS.find((each) => each * DAY >= leastMs) ?? 14;
  const first = (/** @type {number} */ ms) => new Date(ms).setHours(24, 0, 0, 0);
  const after = (/** @type {number} */ ms) => {
    const date = new Date(ms);
    return date.setDate(date.getDate() + step);
  };
  return { first, after, text: day };
}

/** @param {number} leastMs */
function byMonth(leastMs) {
  const step = MONTHS.find((each) => each * MONTH_MS >= leastMs) ?? 120;
  const first = (/** @type {number} */ ms) => {
    const date = new Date(ms);
    const month = date.getFullYear() * 12 + date.getMonth();
    return new Date(0, Math.ceil((month + 1) / step) * step - 1900 * 12, 1).getTime();
  };
  const after = (/** @type {number} */ ms) => {
    const date = new Date(ms);
    return date.setMonth(date.getMonth() + step);
  };
  return { first, after, text: (/** @type {Date} */ date) => (step % 12 === 0 ? String(date.getFullYear()) : `${NAMES[date.getMonth()]} ${date.getFullYear()}`) };
}

const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
const clock = (/** @type {Date} */ date, /** @type {boolean} */ withSeconds) => `${two(date.getHours())}:${two(date.getMinutes())}${withSeconds ? `:${two(date.getSeconds())}` : ""}`;
const day = (/** @type {Date} */ date) => `${NAMES[date.getMonth()]} ${date.getDate()}`;

/** A moment as it is written beside the pointer, as exact as the stretch that is shown needs. @param {number} us @param {number} spanUs */
export function moment(us, spanUs) {
  const date = new Date(us / 1000);
  const year = spanUs > 100 * DAY * 1000 ? ` ${date.getFullYear()}` : "";
  return `${day(date)}${year}, ${clock(date, true)}${spanUs < 60e6 ? `.${String(date.getMilliseconds()).padStart(3, "0")}` : ""}`;
}
