// Which of the ways to the hub is taken: the best one first, the next when it has failed often enough. Pure: no network, no clock.

export const KINDS = ["socket", "events", "poll"]; // best first
const PATIENCE = [2, 2, 2]; // failures until the next one is tried

export class Choice {
  constructor() {
    this.at = 0;
    this.failures = 0;
    this.best();
  }

  get kind() {
    return KINDS[this.at];
  }

  get isBest() {
    return this.at === 0;
  }

  // The best one works, or is to be tried again.
  best() {
    this.at = 0;
    this.failures = 0;
  }

  worked() {
    this.failures = 0;
  }

  // Note that the way failed though the hub can be reached; `isUnfit`: it is of no use on this network. Returns whether another is next.
  failed(isUnfit) {
    this.failures += 1;
    if (!isUnfit && this.failures < PATIENCE[this.at]) return false;
    this.at = (this.at + 1) % KINDS.length;
    this.failures = 0;
    return true;
  }
}
