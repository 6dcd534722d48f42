// What an administrator may do with a device: say what it is, replace or withdraw its token, keep it out, remove it.
//
// Owns the buttons and their dialogs; nobody else sees them. A token is shown once and kept nowhere on the page.

import { ApiError, patch, post, remove } from "../app/api.js";
import { askForm, openDialog } from "../app/dialog.js";
import { button, field, fill, h } from "../app/dom.js";
import { moment } from "../app/times.js";

/** @type {[string, number][]} */
const OVERLAPS = [["not at all: it ends now", 0], ["an hour", 3_600], ["a day", 86_400], ["a week", 604_800], ["30 days", 2_592_000]];
const USUAL_OVERLAP_S = 86_400;

export class DeviceActions {
  /** @param {import("../app/main.js").App} app */
  constructor(app) {
    this.app = app;
    /** @type {any} */
    this.device = null;
    const outlined = { class: "outlined" };
    this.disable = button("", () => this._disable(!this.device.disabled), outlined);
    this.withdraw = button("Withdraw token …", () => this._askWithdraw(), outlined);
    const tokens = h("div", { class: "actions" }, button("New token …", () => this._askToken(), outlined), this.withdraw);
    const access = h("div", { class: "actions" }, this.disable, button("Remove device …", () => this._askRemove(), { class: "outlined danger" }));
    this.element = h("section", { class: "card panel-card", hidden: true }, h("h2", {}, "Access"), tokens, access);
    this.editing = h("div", { class: "actions", hidden: true }, button("Edit …", () => this._askEdit(), outlined));
  }

  /** @param {any} device */
  show(device) {
    this.device = device;
    this.element.hidden = this.editing.hidden = !this.app.hub.isAdmin;
    const text = device.disabled ? "Let it in again" : "Keep it out";
    if (this.disable.textContent !== text) fill(this.disable, text);
    this.withdraw.disabled = device.has_token === false;
  }

  get _path() {
    return `devices/${encodeURIComponent(this.device.device)}`;
  }

  _askEdit() {
    const { device, _path: path } = this;
    const title = h("input", { value: device.title ?? "", maxlength: 128, autocomplete: "off" });
    const kind = h("input", { value: device.kind ?? "", maxlength: 64, autocomplete: "off" });
    const tags = h("textarea", { value: (device.tags ?? []).join("\n"), rows: 4, spellcheck: "false" });
    const notes = h("textarea", { value: device.notes ?? "", maxlength: 2_000, rows: 5 });
    const before = { title: device.title ?? "", kind: device.kind ?? "", tags: device.tags ?? [], notes: device.notes ?? "" };
    let revision = device.revision ?? 0;
    const send = async () => {
      const lines = tags.value.split("\n").map((line) => line.trim()).filter(Boolean);
      const changes = { title: title.value.trim(), kind: kind.value.trim(), tags: lines, notes: notes.value };
      try {
        const now = await patch(path, { ...changes, revision });
        const back = () => patch(path, { ...before, revision: now.revision }).then(() => this.app.toasts.done("Undone"), (error) => this.app.toasts.failed(error));
        this.app.toasts.done("Saved", back);
      } catch (error) {
        if (!(error instanceof ApiError) || error.code !== "conflict") throw error;
        revision = this.app.hub.devices.get(device.device)?.revision ?? revision;
        throw new ApiError(error.message, { hint: "Save again to put yours in its place, or close this to keep theirs" });
      }
    };
    const fields = [field("Title", title, "What people call it"), field("Kind", kind, "What it is: pump, gateway"), field("Tags", tags, "One a line: a word, or key=value"), field("Notes", notes)];
    askForm(`Edit ${device.device}`, fields, "Save", send);
  }

  _askToken() {
    const { device, _path: path } = this;
    const options = OVERLAPS.map(([text, overlapS]) => h("option", { value: overlapS, selected: overlapS === (device.has_token === false ? 0 : USUAL_OVERLAP_S) }, text));
    const overlap = h("select", {}, ...options);
    askForm(`New token for ${device.device}`, [field("The old token stays good for", overlap, "Time to give the device the new one; then its connection ends and it comes back with that.")], "Make a token", async () => {
      showToken(device.device, await post(`${path}/token`, { overlap_s: Number(overlap.value) }));
    });
  }

  _askWithdraw() {
    const { device, _path: path } = this;
    const text = h("p", {}, "Its connection ends now, and it cannot come back before it has a new token. What it has not sent yet stays on the device.");
    askForm(`Withdraw the token of ${device.device}`, [text], "Withdraw", async () => {
      await remove(`${path}/token`);
      this.app.toasts.done("The token is withdrawn");
    }, true);
  }

  /** @param {boolean} isDisabled */
  async _disable(isDisabled) {
    const { _path: path, device } = this;
    this.disable.disabled = true;
    try {
      await patch(path, { disabled: isDisabled });
      const name = device.title ?? device.device;
      this.app.toasts.done(isDisabled ? `${name} is kept out` : `${name} may connect`, isDisabled ? () => this._disable(false) : null);
    } catch (error) {
      this.app.toasts.failed(error);
    }
    this.disable.disabled = false;
  }

  _askRemove() {
    const { device, _path: path } = this;
    const typed = h("input", { autocomplete: "off", spellcheck: "false" });
    const withReadings = h("input", { type: "checkbox" });
    const fields = [
      h("p", {}, "Its token, its commands and its shadow are deleted, and its connection ends. This cannot be undone. To stop it for a while, keep it out instead."),
      h("label", { class: "check-line" }, withReadings, h("span", {}, "Delete its readings too, for good")),
      field(`Type ${device.device} to confirm`, typed),
    ];
    askForm(`Remove ${device.device}`, fields, "Remove", async () => {
      if (typed.value.trim() !== device.device) {
        typed.focus();
        throw new ApiError(`This is not its name: ${device.device}`, {});
      }
      await remove(withReadings.checked ? `${path}?data=true` : path);
      this.app.toasts.done(`${device.device} is removed${withReadings.checked ? ", and its readings" : "; its readings stay"}`);
      this.app.router.go([]);
    }, true);
  }
}

/** @param {string} device @param {any} said */
function showToken(device, { token, old_token_until_us: untilUs }) {
  const copy = button("Copy", async () => {
    await navigator.clipboard.writeText(token);
    fill(copy, "Copied");
  }, { class: "outlined" });
  const old = untilUs ? h("p", {}, "The old one is good until ", moment(untilUs), ".") : h("p", {}, "The old one is good no longer.");
  // Where the page came over plain HTTP a browser lets nothing be copied by a button; the text is selected whole by a click.
  const actions = navigator.clipboard ? h("div", { class: "form-actions" }, copy) : null;
  openDialog(`Token of ${device}`, h("p", {}, "This is shown only now: give it to the device's program."), h("code", { class: "secret" }, token), old, actions);
}
