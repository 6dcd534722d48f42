// What is done with a dashboard as a whole: saved, copied, exported, restored, deleted.
//
// Owns what becomes of conflicts and how a delete is undone. The board has the document and shows it.

import { ApiError, get, post, put, request } from "../app/api.js";
import { h } from "../app/dom.js";
import { showConflict, showVersions } from "./board_dialogs.js";
import { nameFor } from "./board_rules.js";

/** Save a new dashboard under a name that nobody has, and go there. @param {import("../app/router.js").Router} router @param {import("./board_rules.js").Board} board */
export async function create(router, board) {
  const { dashboards } = await get("dashboards"); // as they are now: what a page was told may be a moment old
  const name = nameFor(board.title, dashboards.map((/** @type {any} */ each) => each.name));
  await put(`dashboards/${encodeURIComponent(name)}`, { version: 0, dashboard: board });
  router.go(["dashboards", name]);
}

export class BoardDeeds {
  /** @param {import("./board.js").Board} board */
  constructor(board) {
    this.board = board;
    this.isSaving = false; // what the hub tells of it meanwhile is one's own doing
  }

  /** Save the draft with the range that is shown, in the place of a version. */
  async save(version = this.board.saved?.version ?? 0) {
    const { draft, saved, name } = this.board;
    if (!draft || !saved) return;
    const kept = { ...draft, range: this.board.context().range.name };
    this.board.bar.busy(true);
    this.isSaving = true;
    try {
      this.board.drafts.took(name, await put(`dashboards/${encodeURIComponent(name)}`, { version, dashboard: kept }), draft);
      this.board.app.toasts.done("Saved");
    } catch (error) {
      const isHere = this.board.name === name; // else it is told when somebody comes back to the draft
      if (isHere && error instanceof ApiError && error.code === "conflict") await this._conflict(saved.dashboard, kept).catch((failed) => this.board.app.toasts.failed(failed));
      else this.board.app.toasts.failed(error);
    }
    this.isSaving = false;
    this.board.bar.busy(false);
    this.board.show();
  }

  /** Show what somebody else saved beside what is edited here. */
  async compare() {
    const { draft, saved } = this.board;
    if (!draft || !saved) return;
    await this._conflict(saved.dashboard, { ...draft, range: this.board.context().range.name }).catch((failed) => this.board.app.toasts.failed(failed));
  }

  /** @param {import("./board_rules.js").Board} begun @param {import("./board_rules.js").Board} mine */
  async _conflict(begun, mine) {
    const now = await get(`dashboards/${encodeURIComponent(this.board.name)}`);
    showConflict(now, begun, mine, {
      overwrite: () => this.save(now.version),
      discard: () => { this.board.saved = now; this.board.draft = null; this.board.show(); },
      copy: () => this.copy(mine),
    });
  }

  /** Save what is shown under another name. */
  async copy(copied = this.board.document) {
    const { name } = this.board;
    if (!copied) return;
    try {
      const title = `${copied.title.slice(0, 120)} (copy)`;
      await create(this.board.app.router, { ...copied, title });
      if (this.board.name === name) this.board.draft = null;
      this.board.app.toasts.done(`Saved as ${title}`);
    } catch (error) {
      this.board.app.toasts.failed(error);
    }
  }

  /** Show the versions that are kept. */
  async versions() {
    const { name } = this.board;
    const restore = async (/** @type {number} */ version) => {
      this.isSaving = true;
      try {
        this.board.drafts.took(name, await post(`dashboards/${encodeURIComponent(name)}/restore`, { version }), null);
        this.board.app.toasts.done(`Restored version ${version}`);
      } catch (error) {
        this.board.app.toasts.failed(error);
      }
      this.isSaving = false;
      this.board.show();
    };
    await showVersions(name, this.board.app.hub.mayOperate, restore).catch((error) => this.board.app.toasts.failed(error));
  }

  /** Give what is saved as a file. */
  exportFile() {
    const text = JSON.stringify(this.board.saved?.dashboard, null, 2);
    const address = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    h("a", { href: address, download: `${this.board.name}.json` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  }

  /** Delete it; undone by the toast. */
  async remove() {
    const { name, saved, app } = this.board;
    if (!saved) return;
    this.isSaving = true;
    try {
      await request("DELETE", `dashboards/${encodeURIComponent(name)}`);
    } catch (error) {
      app.toasts.failed(error);
      return;
    } finally {
      this.isSaving = false;
    }
    if (this.board.name === name) { // nobody has gone on meanwhile
      this.board.name = "";
      app.router.go(["dashboards"]);
    }
    app.toasts.done(`Deleted ${saved.dashboard.title}`, async () => {
      await request("POST", `dashboards/${encodeURIComponent(name)}/restore`, { version: saved.version }).catch((error) => app.toasts.failed(error));
      app.router.go(["dashboards", name]);
    });
  }
}
