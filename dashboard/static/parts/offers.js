// What the palette offers to who is logged in: pages and their parts, dashboards, open alerts, devices, and what can be done.
//
// Owns no list: each is asked for when the palette opens. What the role may not do is not offered; the hub refuses it all the same.

import { byId } from "../app/dom.js";
import { SECTIONS } from "../pages/admin/sections.js";
import { TABS, isOpen, worstFirst } from "./alert_words.js";

const ALERTS = 20;
const BUTTONS = ["store", "export", "units"]; // of the menu

/** @typedef {import("./palette.js").Entry} Entry */
/** @typedef {{links: () => {label: string, path: string[]}[]}} Pages */
/** @typedef {{choose: (choice: string) => void}} Theme */

/** What there is now. @param {import("../app/main.js").App} app @param {Pages} pages @param {Theme} theme @returns {Entry[]} */
export function offers(app, pages, theme) {
  const go = (/** @type {string[]} */ path, query = {}) => () => app.router.go(path, query);
  const alerts = [...app.hub.alerts.items.values()].filter(isOpen).sort(worstFirst).slice(0, ALERTS);
  return [
    ...pages.links().map(({ label, path }) => ({ label, hint: "page", run: go(path) })),
    ...app.hub.dashboards.sorted().map((each) => ({ label: each.title, hint: "dashboard", run: go(["dashboards", each.name]) })),
    ...deeds(app, theme),
    ...TABS.slice(1).map(([name, label]) => ({ label: `Alerts: ${label.toLowerCase()}`, hint: "page", run: go(["alerts", name]) })),
    ...alerts.map((each) => ({ label: each.message, hint: `alert, ${each.severity}`, run: go(["alerts"], { device: each.device, rule: each.rule }) })),
    ...app.hub.devices.sorted().map((each) => ({ label: each.title ? `${each.title} (${each.device})` : each.device, hint: each.presence, run: go(["devices", each.device]) })),
    ...SECTIONS.filter((each) => each.roles.includes(app.hub.role)).map(({ name, label }) => ({ label: `Admin: ${label}`, hint: "page", run: go(["admin", name]) })),
  ];
}

/** What can be done. @param {import("../app/main.js").App} app @param {Theme} theme @returns {Entry[]} */
function deeds(app, theme) {
  const { hub, router, toasts } = app;
  const newDashboard = async () => {
    const [{ create }, { askNew }] = await Promise.all([import("./board_deeds.js"), import("./board_dialogs.js")]);
    askNew((board) => create(router, board));
  };
  const addDevice = () => import("../pages/admin/add_device.js").then((page) => page.addDevice(app)).catch((error) => toasts.failed(error));
  const found = [
    hub.mayOperate && { label: "New dashboard", run: () => newDashboard().catch((error) => toasts.failed(error)) },
    hub.isAdmin && { label: "Add a device", run: addDevice },
    hub.isAdmin && { label: "Add an alert rule", run: () => router.go(["alerts", "rules"], { new: "above" }) },
    ...BUTTONS.map((id) => ({ label: byId(id).textContent ?? "", run: () => byId(id).click() })),
    ...["Auto", "Dark", "Light"].map((name) => ({ label: `Theme: ${name.toLowerCase()}`, run: () => theme.choose(name.toLowerCase()) })),
    { label: "API", run: () => location.assign("./api/v1/docs") },
    { label: "Log out", run: () => byId("logout").click() },
  ];
  return found.filter((each) => each !== false).map((each) => ({ ...each, hint: "action" }));
}
