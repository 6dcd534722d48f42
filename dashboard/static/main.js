// The page: joins connection, model, charts, devices and commands. The one place to see what happens when.
//
// A message changes the model at once and asks for a drawing; drawings are at most four a second, and none while the page is hidden.
// After one the hub is told `drawn`, so that it merges for a viewer that cannot follow.

import { Alerts } from "./alerts.js";
import { Banners } from "./banners.js";
import { Charts } from "./charts.js";
import { Commands } from "./commands.js";
import { Devices, isConnected } from "./devices.js";
import { Export } from "./export.js";
import { Latency } from "./latency.js";
import { Live } from "./live.js";
import { Model } from "./model.js";
import { StoreDialog } from "./store.js";
import { Theme } from "./theme.js";
import { duration } from "./units.js";

const RANGES = [
  { name: "5 min", spanS: 300, widthUs: 0 },
  { name: "15 min", spanS: 900, widthUs: 1_000_000 },
  { name: "1 h", spanS: 3_600, widthUs: 10_000_000 },
  { name: "6 h", spanS: 21_600, widthUs: 60_000_000 },
  { name: "24 h", spanS: 86_400, widthUs: 600_000_000 },
  { name: "7 d", spanS: 604_800, widthUs: 600_000_000 },
  { name: "30 d", spanS: 2_592_000, widthUs: 3_600_000_000 },
  { name: "1 y", spanS: 31_536_000, widthUs: 86_400_000_000 },
];
const DRAW_MS = 250;
const IDLE_MS = 1_400; // the time axis moves on also where nothing comes
const ASK_AGAIN_MS = 2_000;
const CAUGHT_UP_MS = 5_000;
const UNREADABLE = "The hub cannot read its stored readings now. This page asks again by itself.";
const HOLE = "Part of this range is still being stored; it is filled in as soon as that is done.";
const byId = (id) => document.getElementById(id);

let range = RANGES[0];
let model = null;
let subscriptions = 0;
let isFirstList = true;
let isFirstAlerts = true;
let hasList = false;
let isDirty = false;
let isScheduled = false;
let drawnAt = 0;
let toldN = 0;
let askedAt = 0;
let askTimer = 0;
let changes = 0; // how often the hub said that older data has changed,
let askedFor = 0; // of how many of them the newest snapshot that was asked for knows,
let shown = 0; // and the newest one that has come whole
let mergedAt = 0;
let isUnreadable = false;

const live = new Live({ onOpen, onMessage, onState });
const store = new StoreDialog(byId("store"), byId("store-dialog"));
const banners = new Banners(() => live.tryNow(), () => store.open());
const charts = new Charts(byId("charts"), byId("waiting"));
const commands = new Commands();
const latency = new Latency(live);
const alerts = new Alerts(byId("alerts"), byId("alerts-dialog"), () => live.nowUs());
const devices = new Devices(choose, () => live.nowUs());
new Export(byId("export"), () => devices.chosen);
const theme = new Theme(byId("theme"), () => {
  // Called while the rest is still being made, too.
  queueMicrotask(() => {
    charts.restyle();
    ask();
  });
});

function onState(state) {
  banners.connection(state);
  document.body.classList.toggle("is-stale", state.kind !== "open");
  if (state.kind !== "open") latency.clear();
}

function onOpen() {
  isFirstList = isFirstAlerts = true;
  if (model) subscribe(shown < changes ? null : model.cursor); // what is newer than the cursor lacks what turned out late before it
}

function onMessage(message) {
  switch (message.op) {
    case "ready":
      commands.setRole(message.role);
      alerts.setRole(message.role);
      break;
    case "devices":
      devices.apply(message.items, isFirstList);
      isFirstList = false;
      hasList = true;
      showDevice();
      break;
    case "alerts":
      alerts.apply(message.items, isFirstAlerts);
      isFirstAlerts = false;
      break;
    case "commands":
      commands.apply(message.items);
      break;
    case "group_commands":
      commands.applyGroups(message.items);
      break;
    case "system":
      banners.system(message);
      store.system(message);
      break;
    case "snapshot":
    case "update":
      if (message.op === "snapshot") isUnreadable &&= message.id !== model?.id;
      if (message.op === "snapshot" && !message.more && message.id === model?.id) shown = askedFor;
      if (message.id === model?.id && model.apply(message)) ask();
      if (model?.isMerged) mergedAt = Date.now();
      break;
    case "changed":
      if (message.id !== model?.id) break;
      changes += 1;
      askAgain();
      break;
    case "error":
      if (message.code === "store_unavailable" && message.id === model?.id) cannotRead();
      else console.warn(`the hub refused a request: ${message.code}: ${message.message}`);
      break;
  }
}

// Show another device, or none.
function choose(name) {
  charts.clear();
  if (model) live.send({ op: "unsubscribe", id: model.id });
  model = null;
  if (name !== null) begin();
  showDevice();
}

// Begin a subscription of the chosen device and range.
function begin() {
  subscriptions += 1;
  if (model) live.send({ op: "unsubscribe", id: model.id });
  model = new Model(`page-${subscriptions}`, range.spanS * 1e6, range.widthUs);
  latency.clear();
  subscribe(null);
}

function subscribe(cursor) {
  toldN = 0;
  if (cursor === null) askedFor = changes;
  const request = { op: "subscribe", id: model.id, devices: [devices.chosen], channels: ["*"], span_s: range.spanS, width_us: range.widthUs };
  live.send(cursor === null ? request : { ...request, cursor });
}

// The hub's store is closed, on a full disk say: the page says so and asks until it is open.
function cannotRead() {
  isUnreadable = true;
  showNote();
  setTimeout(() => isUnreadable && live.isOpen && askAgain(), CAUGHT_UP_MS);
}

function showNote() {
  const said = isUnreadable ? UNREADABLE : model !== null && model.hole !== null ? HOLE : keptText();
  byId("hole").hidden = said === null;
  if (said !== null && byId("hole").textContent !== said) byId("hole").textContent = said;
}

// What retention or the disk's quota has taken from this range; null where nothing is missing.
function keptText() {
  if (!model?.keptFromUs || model.keptFromUs <= live.nowUs() - model.spanUs) return null;
  const since = new Date(model.keptFromUs / 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  return `What is older than ${since} is no longer kept in this detail. A longer time range may show it, in wider steps.`;
}

// Ask for everything again: older data has changed, raw points were merged, or are too many. At most every two seconds.
function askAgain() {
  clearTimeout(askTimer);
  askTimer = setTimeout(() => {
    askedAt = Date.now();
    if (model) subscribe(null);
  }, Math.max(0, askedAt + ASK_AGAIN_MS - Date.now()));
}

function showDevice() {
  const device = devices.current();
  byId("empty").hidden = device !== null || !hasList;
  byId("view").hidden = device === null;
  commands.show(device);
  if (!device) return;
  document.title = `${device.device} – Tributary`;
  byId("device-name").textContent = device.device;
  byId("device-name").dataset.presence = device.presence;
  byId("waiting").textContent = isConnected(device) ? "Waiting for the first reading." : "No readings in this time range.";
  showFacts();
}

// What is known of the device, with times that go on.
function showFacts() {
  const device = devices.current();
  if (!device || !live.isOpen) return; // without a connection nobody knows whether it is still there
  const facts = [devices.factText(device)];
  if (device.interval_s) facts.push(`every ${device.interval_s} s`);
  if (device.firmware) facts.push(device.firmware);
  if (Math.abs(device.clock_offset_us ?? 0) > 1e6) facts.push(`its clock is ${duration(Math.abs(device.clock_offset_us) / 1e6)} ${device.clock_offset_us > 0 ? "ahead" : "behind"}`);
  const text = facts.join(" · ");
  if (byId("device-facts").textContent !== text) byId("device-facts").textContent = text;
}

// Draw soon.
function ask() {
  isDirty = true;
  if (isScheduled || document.hidden) return;
  isScheduled = true;
  setTimeout(() => requestAnimationFrame(draw), Math.max(0, drawnAt + DRAW_MS - performance.now()));
}

function draw() {
  isScheduled = false;
  const device = devices.current();
  if (!isDirty || document.hidden || !model || !device || !window.Plotly) return;
  isDirty = false;
  const nowUs = live.nowUs();
  const began = performance.now();
  model.trim(nowUs);
  if (model.isCut) askAgain();
  charts.draw(model, device, nowUs);
  showNote();
  // A slow machine spends at most half of its time on drawing.
  const tookMs = performance.now() - began;
  drawnAt = began + Math.max(0, 2 * tookMs - DRAW_MS);
  const shown = model;
  // The next frame begins when this one is on the screen.
  requestAnimationFrame(() => afterDrawing(shown, device));
}

function afterDrawing(shown, device) {
  if (shown !== model || !live.isOpen) return;
  const delays = model.takeDelays();
  if (delays) latency.drawn(delays, model.newestUs, device.clock_offset_us);
  tellDrawn();
}

function tellDrawn() {
  if (model && model.n !== toldN && live.drawn(model.id, model.n)) toldN = model.n;
}

// Time moves on; what was drawn since the last report is told; points that came merged are asked for once more.
setInterval(() => {
  showFacts();
  // Not just before a reading comes: that would have to wait for its turn.
  if (performance.now() - drawnAt > IDLE_MS) ask();
  if (!document.hidden && !isDirty) tellDrawn();
  if (model?.isMerged && !document.hidden && live.isOpen && Date.now() - mergedAt > CAUGHT_UP_MS) askAgain();
}, 500);

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  live.tryNow();
  ask();
});
byId("charts").addEventListener("redraw", () => ask());
byId("logout").addEventListener("click", async () => {
  await fetch("logout", { method: "POST" });
  location.assign("./");
});

for (const each of RANGES) {
  const label = document.createElement("label");
  const input = document.createElement("input");
  input.type = "radio";
  input.name = "range";
  input.checked = each === range;
  input.addEventListener("change", () => {
    range = each;
    charts.clear();
    if (devices.chosen !== null) begin();
  });
  const text = document.createElement("span");
  text.textContent = each.name;
  label.append(input, text);
  byId("ranges").append(label);
}

live.start();
