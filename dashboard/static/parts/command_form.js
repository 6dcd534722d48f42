// The form of a command, made from what the device declares: args.js has its fields.
//
// Sends over HTTP; what becomes of the command comes by the live connection.

import { post, textOf } from "../app/api.js";
import { fill, h } from "../app/dom.js";
import { argFields, wordOf } from "./args.js";
import { isConnected } from "./side.js";

const AWAY_TTL_S = 3_600; // for a device that is not connected: it may take a while to come
const TTL_S = 30;

/** @typedef {{name: string, description?: string, args?: Record<string, import("./args.js").Rule>}} Spec */

export class CommandForm {
  /** @param {import("../app/hub.js").Hub} hub */
  constructor(hub) {
    this.hub = hub;
    /** @type {any} */
    this.device = null;
    this._declared = "";
    this._args = argFields({}, {});
    this.name = h("select", { id: "command-name", on: { change: () => this._showFields() } });
    this.description = h("p", { class: "muted" });
    this.fields = h("div");
    this.error = h("p", { class: "error", role: "alert", hidden: true });
    this.send = h("button", { type: "submit", class: "primary" }, "Send");
    const submit = (/** @type {Event} */ event) => {
      event.preventDefault();
      this._send();
    };
    const label = h("label", { htmlFor: "command-name" }, "Command");
    this.element = h("form", { novalidate: true, on: { submit } }, label, this.name, this.description, this.fields, this.error, this.send);
  }

  /** Offer the commands of a device. @param {any} device null for none */
  show(device) {
    /** @type {Spec[]} */
    const specs = device?.commands ?? [];
    const declared = JSON.stringify([device?.device, specs]);
    this.device = device;
    this.element.hidden = !specs.length || !this.hub.mayOperate;
    fill(this.send, device && isConnected(device) ? "Send" : "Send when the device connects");
    if (declared === this._declared) return; // what somebody has typed stays
    this._declared = declared;
    fill(this.name, specs.map((spec) => h("option", { value: spec.name }, wordOf(spec.name))));
    this._showFields();
  }

  /** Say what went wrong; null for nothing. @param {string | null} text */
  fail(text) {
    fill(this.error, text);
    this.error.hidden = text === null;
  }

  /** @returns {Spec | null} */
  get _spec() {
    return this.device?.commands?.find((/** @type {Spec} */ spec) => spec.name === this.name.value) ?? null;
  }

  _showFields() {
    const spec = this._spec;
    this.fail(null);
    fill(this.description, spec?.description);
    this.description.hidden = !spec?.description;
    this._args = argFields(spec?.args ?? {}, {});
    fill(this.fields, this._args.elements);
  }

  async _send() {
    const spec = this._spec;
    this.fail(null);
    if (!spec) return;
    this.send.disabled = true;
    try {
      const body = { name: spec.name, args: this._args.read(), ttl_s: isConnected(this.device) ? TTL_S : AWAY_TTL_S };
      this.hub.commands.apply([await post(`devices/${encodeURIComponent(this.device.device)}/commands`, body)], false);
    } catch (error) {
      this.fail(textOf(error));
    }
    this.send.disabled = false;
  }
}
