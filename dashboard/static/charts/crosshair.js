// One moment, pointed at in one chart and shown in all that share it. Owns the moment; charts say themselves what they have there.

/** @typedef {{showAt: (us: number | null, isHere: boolean) => void}} Pointed */

export class Crosshair {
  /** @param {(text: string) => void} [onSay] what is pointed at by keyboard, in words */
  constructor(onSay = () => {}) {
    this.onSay = onSay;
    /** @type {number | null} */
    this.atUs = null;
    /** @type {Set<Pointed>} */
    this._charts = new Set();
    /** @type {Pointed | null} where it is pointed from */
    this._from = null;
  }

  /** @param {Pointed} chart */
  join(chart) {
    this._charts.add(chart);
  }

  /** @param {Pointed} chart */
  leave(chart) {
    this._charts.delete(chart);
    if (this._from === chart) this.point(null, null);
  }

  /** Point at a moment; null: at none. @param {number | null} us @param {Pointed | null} from */
  point(us, from) {
    this.atUs = us;
    this._from = us === null ? null : from;
    for (const chart of this._charts) chart.showAt(us, chart === this._from);
  }

  /** What a chart that was drawn anew shows. @param {Pointed} chart */
  again(chart) {
    if (this.atUs !== null) chart.showAt(this.atUs, chart === this._from);
  }
}
