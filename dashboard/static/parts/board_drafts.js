// The drafts of dashboards: begun, discarded and brought back; those that somebody left for another dashboard are gone on with there.
//
// Owns the drafts that are not shown, each with what was saved when it was begun. The board has the one that is shown.

/** @typedef {{saved: import("./board.js").Saved | null, draft: import("./board.js").Document | null}} Begun */

export class BoardDrafts {
  /** @param {import("./board.js").Board} board */
  constructor(board) {
    this.board = board;
    /** @type {Map<string, Begun>} */
    this._left = new Map();
    addEventListener("beforeunload", (event) => (board.isChanged || this._left.size > 0) && event.preventDefault());
  }

  /** The board shows another dashboard from now on: returns what was being edited of it. @param {string} name @returns {Begun} */
  turn(name) {
    const { board } = this;
    if (board.isChanged) this._left.set(board.name, { saved: board.saved, draft: board.draft });
    const begun = this._left.get(name) ?? { saved: null, draft: null };
    this._left.delete(name);
    return begun;
  }

  begin() {
    const { board } = this;
    if (!board.saved) return;
    board.draft = structuredClone(board.saved.dashboard);
    board.show();
  }

  discard() {
    const { board } = this;
    const { name, saved, draft, isChanged } = board;
    board.draft = null;
    board.show();
    if (isChanged) board.app.toasts.done("Discarded your changes", () => this._back(name, { saved, draft }));
    board.load();
  }

  /** A dashboard is saved, whichever is shown by now. @param {string} name @param {import("./board.js").Saved} saved @param {Begun["draft"]} draft what of it was saved */
  took(name, saved, draft) {
    const { board } = this;
    if (name !== board.name) {
      this._left.delete(name);
      return;
    }
    board.saved = saved;
    if (board.draft === draft) board.draft = null;
  }

  /** @param {string} name @param {Begun} begun */
  _back(name, begun) {
    const { board } = this;
    if (name === board.name) Object.assign(board, begun);
    else this._left.set(name, begun);
    if (name === board.name && board.isShown) board.show();
    else board.app.router.go(["dashboards", name]);
  }
}
