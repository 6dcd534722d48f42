// The hub's clock as this page knows it: measured by requests there and back, of which the quickest tells most.
//
// Owns the difference and how wrong it may be, which grows with its age: a page is open all day, and two clocks drift apart by seconds in it.

const DRIFT = 50e-6;

export class HubClock {
  constructor() {
    this.offsetUs = 0; // hub's clock minus this one
    this.errorUs = Infinity; // half the round trip it was measured by
    this._at = 0;
  }

  /** This machine's time on the hub's clock, µs. */
  nowUs() {
    return ownUs(performance.now()) + this.offsetUs;
  }

  /** The hub has said its time, some time ago: better than nothing. @param {number} timeUs */
  greeted(timeUs) {
    this.offsetUs = timeUs - ownUs(performance.now());
    this.errorUs = Infinity;
  }

  /** The hub was asked at `beganMs` (of performance.now) and has answered by now with its time; what is less sure than what is known changes nothing. @param {number} beganMs @param {number} timeUs */
  answered(beganMs, timeUs) {
    const tookUs = (performance.now() - beganMs) * 1000;
    if (tookUs / 2 >= this.errorUs + (beganMs - this._at) * 1000 * DRIFT) return;
    this.offsetUs = timeUs - ownUs(beganMs) - tookUs / 2;
    this.errorUs = tookUs / 2;
    this._at = beganMs;
  }
}

/** @param {number} ms of performance.now */
const ownUs = (ms) => (performance.timeOrigin + ms) * 1000;
