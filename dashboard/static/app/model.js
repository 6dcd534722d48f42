// What one subscription has shown so far: applies the rules of docs/protocol.md section 12. Pure: no sockets, no screen, no clock.
//
// A row is a raw point {t, n, w: 0, v} or a bucket {t, n: -1, w, min, max, sum, count, last, lastT}; times in µs. Rows of a series are
// sorted by (t, n). Memory is bounded by the span, and by MAX_ROWS for each series, of which the oldest go.

export const MAX_ROWS = 20_000;

// What tells series apart.
export const keyOf = (named) => JSON.stringify([named.device, named.channel, named.unit, named.kind]);

export class Model {
  constructor(id, spanUs, widthUs) {
    this.id = id;
    this.spanUs = spanUs;
    this.widthUs = widthUs;
    this.cursor = null; // of the last complete message: where to resume
    this.n = 0; // of the last message
    this.hole = null; // [from µs, to µs] that the store does not have yet
    this.keptFromUs = null; // what is older is no longer kept as narrow as asked for
    this.series = new Map(); // key -> {device, channel, unit, kind, rows}
    this.isMerged = false; // raw was asked for and snapshot gave it, and then the hub merged what was not drawn in time
    this.mergedN = 0; // of the newest message that did
    this.isCut = false; // more points of the span came than are kept: asked for again, they come as buckets
    this.oldestUs = null; // arrival at the hub of the oldest frame since takeDelays
    this.sentUs = null;
    this.newestUs = null; // time of the newest reading of any series
    this._numbers = new Map(); // s -> series
    this._draft = null; // series of a snapshot of which parts are still to come
    this._isWide = false; // the snapshot itself was of buckets
  }

  // Apply a message of this subscription. Returns true where a redraw shows something new.
  apply(message) {
    if (message.op === "snapshot") this._snapshot(message);
    else if (message.op === "update") this._update(message);
    else return false;
    this.n = message.n;
    if (!message.more) this.cursor = message.to;
    return this._draft === null;
  }

  _snapshot(message) {
    if (this._draft === null) {
      this._draft = new Map();
      this._draftHole = this._draftKept = null;
      this._numbers.clear();
    }
    if (message.hole) this._draftHole = message.hole;
    if (message.kept_from_us !== undefined) this._draftKept = message.kept_from_us;
    this._take(this._draft, message);
    if (message.more) return;
    // Swapped in whole: a chart never shows half a snapshot.
    this.series = this._draft;
    this.hole = this._draftHole;
    this.keptFromUs = this._draftKept;
    this._draft = null;
    this.isMerged = this.isCut = false;
    this._isWide = [...this.series.values()].some((each) => each.rows.some((row) => row.w > 0));
    this.newestUs = null;
    for (const each of this.series.values()) this._noteNewest(each.rows);
  }

  _update(message) {
    this._draft = null; // after a broken connection the rest of a snapshot never comes
    this._take(this.series, message);
    if (message.sent_us !== undefined) {
      this.sentUs = message.sent_us;
      if (message.oldest_us !== undefined && message.oldest_us !== null) this.oldestUs = Math.min(this.oldestUs ?? Infinity, message.oldest_us);
    }
    for (const each of message.data ?? []) {
      if (this.widthUs === 0 && !this._isWide && each.w > 0) {
        this.isMerged = true;
        this.mergedN = message.n;
      }
      const series = this._numbers.get(each.s);
      if (series) this._noteNewest(series.rows);
    }
  }

  _noteNewest(rows) {
    const row = rows.at(-1);
    if (row) this.newestUs = Math.max(this.newestUs ?? -Infinity, lastTime(row));
  }

  _take(target, message) {
    for (const named of message.series ?? []) {
      const key = keyOf(named);
      let known = target.get(key);
      if (!known) {
        known = { key, device: named.device, channel: named.channel, unit: named.unit, kind: named.kind, rows: [] };
        target.set(key, known);
      }
      this._numbers.set(named.s, known);
    }
    for (const columns of message.data ?? []) {
      const known = this._numbers.get(columns.s);
      if (!known) continue;
      if (columns.w === 0) takePoints(known.rows, columns);
      else takeBuckets(known.rows, columns);
    }
  }

  // Forget what is older than the span, seen from `nowUs` on the hub's clock.
  trim(nowUs) {
    const from = nowUs - this.spanUs;
    for (const { rows } of this.series.values()) {
      let cut = Math.max(0, rows.length - MAX_ROWS);
      if (cut > 0 && rows[cut].t > from) this.isCut = true;
      // One row before the span stays: the line comes in from the left edge.
      while (cut < rows.length - 1 && rows[cut + 1].t + rows[cut + 1].w <= from) cut += 1;
      if (cut > 0) rows.splice(0, cut);
    }
  }

  // Return {sentUs, oldestUs} of what came since the last call, null where nothing did.
  takeDelays() {
    if (this.sentUs === null) return null;
    const delays = { sentUs: this.sentUs, oldestUs: this.oldestUs };
    this.sentUs = this.oldestUs = null;
    return delays;
  }
}

// The time of the newest reading in a row.
export const lastTime = (row) => (row.w === 0 ? row.t : row.lastT);

// The newest value in a row.
export const lastValue = (row) => (row.w === 0 ? row.v : row.last);

// The mean of a row, null where it has no number.
export function meanOf(row) {
  if (row.w === 0) return numberOf(row.v);
  return row.sum === null || !row.count ? null : row.sum / row.count;
}

export function numberOf(value) {
  if (typeof value === "number") return value;
  if (typeof value === "boolean") return value ? 1 : 0;
  return null;
}

// The first index whose row begins at `t` or later; rows are sorted.
function firstFrom(rows, t) {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle].t < t) low = middle + 1;
    else high = middle;
  }
  return low;
}

function takePoints(rows, { t, n, v }) {
  for (let at = 0; at < t.length; at += 1) {
    const row = { t: t[at], n: n[at], w: 0, v: v[at] };
    let place = rows.length === 0 || rows.at(-1).t < row.t ? rows.length : firstFrom(rows, row.t);
    while (place < rows.length && rows[place].t === row.t && rows[place].n < row.n) place += 1;
    const isSame = place < rows.length && rows[place].t === row.t && rows[place].n === row.n;
    rows.splice(place, isSame ? 1 : 0, row);
  }
}

function takeBuckets(rows, columns) {
  const { w, t } = columns;
  for (let at = 0; at < t.length; at += 1) {
    const row = {
      t: t[at], n: -1, w, min: columns.min[at], max: columns.max[at], sum: columns.sum[at], count: columns.count[at],
      last: columns.last[at], lastT: columns.last_t[at],
    };
    if (rows.length === 0 || rows.at(-1).t < row.t) {
      rows.push(row);
      continue;
    }
    const from = firstFrom(rows, row.t);
    let to = from;
    const wider = [];
    for (; to < rows.length && rows[to].t < row.t + w; to += 1) if (rows[to].w > w) wider.push(rows[to]);
    rows.splice(from, to - from, ...[row, ...wider].sort((a, b) => a.t - b.t));
  }
}
