// How far behind the hub the page is: up to when it knows all that the hub has said. Pure: no network, no clock.
//
// What the hub says has an order. So an update that it sent at some moment, and the answer to a question that the page asked at some
// moment, both say that nothing of before is still on its way. Times in µs on the hub's clock.

const SPOKEN_US = 5e6; // of less nobody needs to know
const QUIET_US = 2e6; // and then it is over: it does not come and go
const FORGOTTEN_US = 15e6;
const IDLE_US = 3e6; // so long without a word, the hub is asked whether there is none

export class Behind {
  constructor() {
    this.isSpoken = false;
    this.knownUs = 0;
    this.heardUs = 0; // when the page heard of that
    this.begin(0);
  }

  // A connection is open: nothing is known yet that says it is slow.
  begin(nowUs) {
    this.seen(nowUs);
    /** @type {number | null} when the page asked, and has no answer yet */
    this.askedUs = null;
  }

  // Somebody looks again: nothing says yet that it is slow. An answer that is still to come is one to what was asked before.
  seen(nowUs) {
    this.knownUs = nowUs;
    this.heardUs = nowUs;
  }

  // Everything up to a moment has come, now.
  knows(us, nowUs) {
    this.knownUs = Math.max(this.knownUs, us);
    this.heardUs = nowUs;
  }

  // Whether to ask now; then it counts as asked.
  isDue(nowUs) {
    if (this.askedUs !== null || nowUs - this.knownUs < IDLE_US) return false;
    this.askedUs = nowUs;
    return true;
  }

  // The answer has come.
  answered(nowUs) {
    if (this.askedUs !== null) this.knows(this.askedUs, nowUs);
    this.askedUs = null;
  }

  // How far it is behind, 0 where that is not worth a word. Where the page cannot ask (`isAsking`) silence means nothing: then it is how late
  // the last was that came, for a while.
  lagUs(nowUs, isAsking) {
    const isLong = nowUs - this.heardUs > FORGOTTEN_US;
    const lagUs = isAsking ? nowUs - this.knownUs : isLong ? 0 : this.heardUs - this.knownUs;
    if (lagUs > SPOKEN_US) this.isSpoken = true;
    else if (lagUs < QUIET_US) this.isSpoken = false;
    return this.isSpoken ? lagUs : 0;
  }
}
