// Adding a device: its name, then its token, shown once with programs to begin with, while the page waits for its first connection.
//
// Owns the dialogs. The token is in their elements alone.

import { get, patch, post } from "../../app/api.js";
import { h, say } from "../../app/dom.js";
import { linkTo } from "../../app/router.js";
import { isConnected } from "../../parts/side.js";
import { ask, asked, choice, copied, showSecret, tagsIn } from "./form.js";
import { snippetsFor } from "./snippets.js";
import { addressOf } from "./tokens.js";

/** @typedef {import("../../app/main.js").App} App */

const text = (value = "") => h("input", { autocomplete: "off", spellcheck: "false", value });

/**
 * What people say of a device, as fields.
 * @param {any} said
 */
function factFields(said) {
  return {
    title: asked("Title", text(said.title), { hint: "What people call it", codes: ["bad_title"] }),
    kind: asked("Kind", text(said.kind), { codes: ["bad_kind"] }),
    tags: asked("Tags", text((said.tags ?? []).join(", ")), { hint: "floor=2, outdoor", codes: ["bad_tag"] }),
    notes: asked("Notes", h("textarea", { rows: "3", value: said.notes ?? "" }), { codes: ["bad_notes"] }),
  };
}

/** @param {ReturnType<typeof factFields>} fields */
const said = ({ title, kind, tags, notes }) => ({ title: title.input.value.trim(), kind: kind.input.value.trim(), tags: tagsIn(tags.input.value), notes: notes.input.value.trim() });

/** @param {App} app */
export function addDevice(app) {
  const name = asked("Name", text(), { hint: "1 to 64 of A-Z a-z 0-9 . _ : -; it stays", codes: ["bad_name", "exists", "being_deleted"] });
  const fields = factFields({});
  ask("Add a device", [name, ...Object.values(fields)], "Add", async () => {
    const given = Object.entries(said(fields)).filter(([, value]) => value.length > 0);
    const { devices } = await post("devices", { devices: [{ name: name.input.value.trim(), ...Object.fromEntries(given) }] });
    showToken(app, devices[0].device, devices[0].token, "is added");
  });
}

/** @param {App} app @param {string} device */
export async function editDevice(app, device) {
  const before = await get(`devices/${encodeURIComponent(device)}`);
  const fields = factFields(before);
  ask(`Edit ${device}`, Object.values(fields), "Save", async () => {
    const path = `devices/${encodeURIComponent(device)}`;
    const { revision } = await patch(path, { ...said(fields), revision: before.revision ?? 0 });
    const was = { title: before.title ?? "", kind: before.kind ?? "", tags: before.tags ?? [], notes: before.notes ?? "" };
    app.toasts.done(`${device} is saved.`, () => patch(path, { ...was, revision }).then(() => app.toasts.done(`${device} is as it was.`), (error) => app.toasts.failed(error)));
  });
}

/** @param {App} app @param {string} device */
export function newToken(app, device) {
  const overlap = asked("The old token is good for", choice([["0", "no longer: it is dead at once"], ["3600", "another hour"], ["86400", "another day"], ["604800", "another week"]]), { codes: ["bad_overlap"] });
  ask(`New token for ${device}`, [overlap], "Make it", async () => {
    const made = await post(`devices/${encodeURIComponent(device)}/token`, { overlap_s: Number(overlap.input.value) });
    showToken(app, device, made.token, "has a new token");
  });
}

/** @param {App} app @param {string} name @param {string} token @param {string} what */
function showToken(app, name, token, what) {
  const waiting = h("p", { class: "waiting", role: "status", data: { state: "waiting" } });
  const programs = snippetsFor(addressOf("").replace(/\/$/, ""), name, token, Date.now());
  const shown = programs.map(({ title, about, text: program }, at) => {
    return h("details", { class: "snippet", open: at === 0 }, h("summary", {}, title), h("p", { class: "hint" }, about), copied(title, program));
  });
  const { dialog } = showSecret(`${name} ${what}`, "Token", token, waiting, h("h3", {}, "Begin with"), ...shown);
  const stop = watchFirst(app, name, waiting);
  dialog.addEventListener("close", stop);
}

// Say when the device is there, counted from now: one that has a new token may be there with the old one.
/** @param {App} app @param {string} name @param {HTMLElement} waiting */
function watchFirst({ hub }, name, waiting) {
  const before = hub.devices.get(name)?.connected_us ?? 0;
  const show = () => {
    const item = hub.devices.get(name);
    const isThere = item !== null && isConnected(item) && (item.connected_us ?? 0) > before;
    if (isThere === (waiting.dataset.state === "there") && waiting.textContent) return;
    waiting.dataset.state = isThere ? "there" : "waiting";
    if (!isThere) say(waiting, `Waiting for ${before ? "its next" : "its first"} connection …`);
    else waiting.replaceChildren("It is connected. ", h("a", { href: linkTo(["devices", name]), on: { click: () => waiting.closest("dialog")?.close() } }, "Look at it"));
  };
  show();
  return hub.devices.watch(show);
}
