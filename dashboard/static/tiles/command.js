// A tile with a button that sends a command: to a device, or to all that match tags; and what became of what it sent.
//
// Owns its elements and the id of what was sent last from here. commanding.js has the rules.

import { ApiError, post, textOf } from "../app/api.js";
import { askForm } from "../app/dialog.js";
import { button, field, fill, h, say } from "../app/dom.js";
import { cancel } from "../parts/cancelling.js";
import { argFields, wordOf } from "../parts/args.js";
import { argsText, callOf, isOver, outcomeOf, runningOf, specOf, targetOf, targetText } from "./commanding.js";
import { check, choice } from "./parts.js";
import { manyDevices } from "./source.js";
import { devicesOf, suggestedTarget } from "./choices.js";

/** @type {import("./index.js").TileType} */
export const type = {
  name: "command",
  label: "Command button",
  defaults: { w: 3, h: 3, config: { confirm: true } },
  fields: commandFields,
  wanted: () => null,
  make: (app, config) => new CommandTile(app, config),
};

/** @param {Record<string, any>} config @param {import("./index.js").Known} known @returns {import("./index.js").Fields} */
function commandFields(config, known) {
  const slot = h("div", { class: "tile-args" });
  const devices = manyDevices(targetOf(config) ?? suggestedTarget(known), known, () => offer(command.value));
  const command = choice([], "", () => showArgs());
  const label = h("input", { type: "text", value: config.label ?? "", maxlength: 60, placeholder: "as the command is called", autocomplete: "off" });
  const confirm = check("Ask before it is sent", config.confirm !== false);
  const ask = check("Ask for the values each time", config.ask === true);
  let args = argFields({}, {});
  const commands = () => devicesOf(devices.read(), known).flatMap((each) => each.commands ?? []);
  const offer = (/** @type {string} */ chosen) => {
    const names = [...new Set([...commands().map((spec) => spec.name), ...(chosen ? [chosen] : [])])];
    fill(command, names.map((name) => h("option", { value: name, selected: name === chosen }, wordOf(name))));
    showArgs();
  };
  const showArgs = () => {
    const spec = commands().find((each) => each.name === command.value);
    args = argFields(spec?.args ?? {}, command.value === config.command ? config.args ?? {} : {});
    fill(slot, spec?.description && h("p", { class: "hint" }, spec.description), args.elements);
    ask.element.hidden = !Object.keys(spec?.args ?? {}).length;
  };
  offer(config.command ?? "");
  const read = () => {
    const source = devices.read();
    if (!source.where && !source.devices?.length) throw new ApiError("Choose a device, or say its tags.", {});
    if (!command.value) throw new ApiError("Choose a command. What is chosen above takes none.", {});
    return { source, command: command.value, args: args.read(), label: label.value.trim(), confirm: confirm.input.checked, ask: ask.input.checked };
  };
  return { elements: [devices.element, field("Command", command), slot, field("Words on the button", label), confirm.element, ask.element], read };
}

class CommandTile {
  /** @param {import("../app/main.js").App} app @param {Record<string, any>} config */
  constructor(app, config) {
    this.app = app;
    this.config = config;
    this.sent = { id: "", isGroup: false };
    const name = config.label || wordOf(String(config.command ?? ""));
    this.button = h("button", { type: "button", class: "primary command-press", on: { click: () => this._press() } }, name || "Send");
    this.what = h("p", { class: "tile-what" });
    this.outcome = h("p", { class: "command-outcome", role: "status" });
    this.progress = h("progress", { max: 1, hidden: true, "aria-label": "Progress" });
    this.cancel = button("Cancel", () => this._cancel(), { class: "quiet command-cancel", hidden: true, "aria-label": `Cancel ${name}` });
    this.element = h("div", { class: "tile-content" }, h("div", { class: "tile-body command-tile" }, this.button, this.what, this.progress, this.outcome, this.cancel));
    const { hub } = app;
    const show = () => this._show();
    this._stops = [hub.devices.watch(show), hub.commands.watch(show), hub.groupCommands.watch(show)];
    this.isPending = false;
    this.isCancelling = false;
    this._show();
  }

  draw() {
    this._show();
  }

  close() {
    for (const stop of this._stops.splice(0)) stop();
  }

  get target() {
    return targetOf(this.config);
  }

  _show() {
    const { hub } = this.app;
    const { target } = this;
    const why = !target || !this.config.command ? "Nothing is chosen yet. Edit this tile to choose a command."
      : !hub.mayOperate ? "Your login may look and not send commands." : null;
    this.button.disabled = why !== null || this.isPending;
    say(this.what, why ?? [targetText(/** @type {any} */ (target), hub.devices), this.config.ask ? "" : argsText(this.config.args)].filter(Boolean).join(" · "));
    const known = this._item;
    const running = known && !isOver(known, this.sent.isGroup) ? null : runningOf(/** @type {any} */ (target), this.config.command, hub.commands.items);
    if (running) this.sent = { id: running.id, isGroup: false };
    if (this._item) this._showOutcome(this._item);
  }

  /** What was sent last from here, or runs by somebody else's doing. */
  get _item() {
    return this.sent.id ? (this.sent.isGroup ? this.app.hub.groupCommands : this.app.hub.commands).get(this.sent.id) : null;
  }

  /** @param {Record<string, any>} item */
  _showOutcome(item) {
    const { isGroup } = this.sent;
    const { text, state, progress } = outcomeOf(item, isGroup);
    say(this.outcome, text);
    this.outcome.dataset.state = state;
    this.progress.hidden = progress === null;
    if (progress !== null) this.progress.value = progress;
    const isHere = document.activeElement === this.cancel;
    const isAsked = item.cancel === "asked";
    this.cancel.hidden = isOver(item, isGroup) || !this.app.hub.mayOperate;
    this.cancel.setAttribute("aria-disabled", String(isAsked || this.isCancelling)); // one that is disabled would lose the focus
    say(this.cancel, isAsked ? "Asked to cancel" : "Cancel");
    if (isHere && this.cancel.hidden) this.button.focus();
  }

  async _cancel() {
    const item = this._item;
    if (!item || this.isCancelling || item.cancel === "asked") return;
    this.isCancelling = true;
    this._show();
    await cancel(this.app, item, this.sent.isGroup);
    this.isCancelling = false;
    this._show();
  }

  _press() {
    const { config, target } = this;
    if (!target) return;
    const named = `${wordOf(config.command)} to ${targetText(target, this.app.hub.devices)}`;
    const spec = specOf(target, config.command, this.app.hub.devices);
    if (config.ask && Object.keys(spec?.args ?? {}).length) {
      const args = argFields(spec?.args ?? {}, config.args ?? {});
      // Words for a person are shown in the form; anything else would be a fault of the page.
      askForm(`Send ${named}`, args.elements, "Send", () => this._send(args.read()));
    } else if (config.confirm !== false) {
      const said = argsText(config.args);
      askForm(`Send ${named}?`, [said && h("p", {}, said)], "Send", () => this._send(config.args ?? {}));
    } else {
      this._send(config.args ?? {}).catch((error) => this._failed(error));
    }
  }

  /** @param {Record<string, any>} args */
  async _send(args) {
    const call = callOf(/** @type {any} */ (this.target), this.config.command, args, this.app.hub.devices);
    this.isPending = true;
    this._show();
    try {
      const said = await post(call.path, call.body);
      this.sent = { id: said.id, isGroup: call.isGroup };
      (call.isGroup ? this.app.hub.groupCommands : this.app.hub.commands).apply([said], false);
    } finally {
      this.isPending = false;
      this._show();
    }
  }

  /** @param {unknown} error */
  _failed(error) {
    this.sent = { id: "", isGroup: false };
    this.outcome.dataset.state = "failed";
    this.cancel.hidden = this.progress.hidden = true;
    say(this.outcome, textOf(error));
  }
}
