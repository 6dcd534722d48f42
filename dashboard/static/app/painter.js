// When what is drawn: views say that they have something new, and are drawn as often as they want at most, all in one animation frame.
//
// Owns the pace. A view that is out of sight waits until it is seen; a hidden page draws nothing and is right at once when it is back. A
// slow machine spends at most half of its time on drawing.

const DRAW_MS = 250; // of a view that does not say how often it may be drawn
const FRAME_MS = 100; // between two frames in which anything is drawn
const EARLY_MS = 12; // more than half of a frame of the screen: what is due by then is drawn with the others
const IDLE_MS = 1_400; // the time axis and ages move on also where nothing comes, beside views that are drawn all the time

/**
 * `paceMs`: it is drawn once in so long at most.
 * @typedef {{element: Element, draw: (nowUs: number) => void, painted?: (nowUs: number, paint: import("./delays.js").Paint) => void, paceMs?: number}} View
 */

export class Painter {
  /** @param {() => number} nowUs */
  constructor(nowUs) {
    this.nowUs = nowUs;
    /** @type {Map<View, {isDirty: boolean, isSeen: boolean, seenAt: number, drawnAt: number}>} */
    this._views = new Map();
    this._isScheduled = false;
    this._drawnAt = 0;
    this._seen = new IntersectionObserver((entries) => this._look(entries), { rootMargin: "200px" });
    document.addEventListener("visibilitychange", () => document.hidden || this.askAll());
    setInterval(() => document.hidden || this._askIdle(), 500);
  }

  /** Draw a view from now on, as often as it asks and as it moves on with time. @param {View} view */
  add(view) {
    this._views.set(view, { isDirty: true, isSeen: true, seenAt: 0, drawnAt: 0 });
    this._seen.observe(view.element);
    this._schedule();
  }

  /** @param {View} view */
  remove(view) {
    this._seen.unobserve(view.element);
    this._views.delete(view);
  }

  /** Draw a view soon. @param {View} view */
  ask(view) {
    const state = this._views.get(view);
    if (!state) return;
    state.isDirty = true;
    if (state.isSeen) this._schedule();
  }

  askAll() {
    for (const view of this._views.keys()) this.ask(view);
  }

  _askIdle() {
    const now = performance.now();
    for (const [view, state] of this._views) if (now - state.drawnAt > IDLE_MS) this.ask(view);
  }

  _schedule() {
    if (this._isScheduled || document.hidden) return;
    this._isScheduled = true;
    setTimeout(() => requestAnimationFrame(() => this._draw()), Math.max(0, this._drawnAt + FRAME_MS - EARLY_MS - performance.now()));
  }

  _draw() {
    this._isScheduled = false;
    if (document.hidden) return;
    const nowUs = this.nowUs();
    const began = performance.now();
    const drawn = [];
    let isEarly = false;
    for (const [view, state] of this._views) {
      if (!state.isDirty || !state.isSeen) continue;
      if (began - state.drawnAt < (view.paceMs ?? DRAW_MS) - EARLY_MS) {
        isEarly = true;
        continue;
      }
      state.isDirty = false;
      state.drawnAt = began;
      view.draw(nowUs);
      drawn.push(view);
    }
    const tookMs = performance.now() - began;
    this._drawnAt = began + Math.max(0, 2 * tookMs - FRAME_MS);
    if (isEarly) this._schedule();
    // The next frame begins when this one is on the screen.
    requestAnimationFrame(() => {
      for (const view of drawn) {
        const state = this._views.get(view);
        if (state) view.painted?.(this.nowUs(), { beganAt: began, seenSince: state.seenAt });
      }
    });
  }

  /** @param {IntersectionObserverEntry[]} entries */
  _look(entries) {
    for (const entry of entries) {
      for (const [view, state] of this._views) {
        if (view.element !== entry.target) continue;
        if (entry.isIntersecting && !state.isSeen) state.seenAt = performance.now();
        state.isSeen = entry.isIntersecting;
        if (state.isSeen && state.isDirty) this._schedule();
      }
    }
  }
}
