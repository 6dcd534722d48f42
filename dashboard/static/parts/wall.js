// Wall mode: a dashboard without anything around it, as large as the screen, which stays awake.
//
// Owns the full screen and the wake lock while it is on. Both are asked for and may be refused: the wall is shown all the same.

export class Wall {
  /** @param {() => void} onLeft the person has left it */
  constructor(onLeft) {
    this.onLeft = onLeft;
    this.isOn = false;
    /** @type {any} */
    this._lock = null;
    document.addEventListener("fullscreenchange", () => this.isOn && !document.fullscreenElement && this.onLeft());
    document.addEventListener("visibilitychange", () => this.isOn && !document.hidden && this._stayAwake());
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.isOn && !document.fullscreenElement && !document.querySelector("dialog[open]")) this.onLeft();
    });
  }

  /** Fill the screen; only while a person's click is being answered. */
  fill() {
    document.documentElement.requestFullscreen?.().catch(() => {}); // a wall in a window is one, too
  }

  /** @param {boolean} isOn */
  set(isOn) {
    if (isOn === this.isOn) return;
    this.isOn = isOn;
    document.body.classList.toggle("is-wall", isOn);
    if (isOn) {
      this._stayAwake();
    } else {
      this._lock?.release().catch(() => {});
      this._lock = null;
      if (document.fullscreenElement) document.exitFullscreen().catch(() => {});
    }
  }

  // A browser takes the lock away whenever the page is hidden.
  async _stayAwake() {
    if (this._lock && !this._lock.released) return;
    try {
      const lock = await /** @type {any} */ (navigator).wakeLock?.request("screen");
      if (this.isOn) this._lock = lock ?? null;
      else lock?.release();
    } catch {
      // Refused, as on a low battery: asked for again when the page is next shown.
    }
  }
}
