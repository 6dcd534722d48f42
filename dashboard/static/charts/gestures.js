// Zoom and pan of a chart by pointer, wheel and keys. Owns the selection that is drawn while somebody drags; what follows is up to `actions`.
//
// Drag selects a stretch of time; with Shift, and by a sideways wheel, time is moved. A plain wheel and a finger that goes up or down
// scroll the page.

import { h } from "../app/dom.js";

/**
 * @typedef {{select: (fromUs: number, toUs: number) => void, pan: (share: number) => void, zoom: (factor: number, aroundUs?: number) => void,
 *   live: () => void}} Actions
 */

const LEAST_PX = 6; // less is a click
const STEP = 0.25; // of what is seen

/** @param {import("./linechart.js").LineChart} chart @param {Actions} actions */
export function attach(chart, actions) {
  const { element } = chart;
  const box = h("div", { class: "selection", hidden: true });
  element.append(box);
  /** @type {{fromPx: number, lastPx: number, isPan: boolean, isMoved: boolean} | null} */
  let drag = null;
  const pxOf = (/** @type {MouseEvent} */ event) => event.clientX - element.getBoundingClientRect().left;
  const end = () => {
    drag = null;
    box.hidden = true;
  };

  element.addEventListener("pointerdown", (event) => {
    const px = pxOf(event);
    if (event.button === 0 && chart.readout.timeAt(px) !== null) drag = { fromPx: px, lastPx: px, isPan: event.shiftKey, isMoved: false };
  });
  element.addEventListener("pointermove", (event) => {
    if (drag === null) return;
    const px = pxOf(event);
    if (!drag.isMoved && Math.abs(px - drag.fromPx) < LEAST_PX) return;
    if (!drag.isMoved) element.setPointerCapture(event.pointerId);
    drag.isMoved = true;
    if (drag.isPan) actions.pan((drag.lastPx - px) / chart.area.widthPx);
    else mark(box, chart.area, drag.fromPx, px);
    drag.lastPx = px;
  });
  element.addEventListener("pointerup", (event) => {
    const done = drag;
    end();
    if (done === null || !done.isMoved || done.isPan) return;
    const [low, high] = within(chart.area, done.fromPx, pxOf(event));
    const [fromUs, toUs] = [chart.readout.timeAt(low), chart.readout.timeAt(high)];
    if (fromUs !== null && toUs !== null && high - low >= LEAST_PX) actions.select(fromUs, toUs);
  });
  element.addEventListener("pointercancel", end);
  element.addEventListener("dblclick", (event) => actions.zoom(2, chart.readout.timeAt(pxOf(event)) ?? undefined));
  element.addEventListener("wheel", (event) => wheel(chart, actions, event, pxOf(event)), { passive: false });
  element.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && drag !== null) end();
    else if (key(chart, actions, event)) event.preventDefault();
  });
}

// Two places in their order, where the lines are.
function within({ leftPx, widthPx }, a, b) {
  const clip = (/** @type {number} */ px) => Math.min(leftPx + widthPx, Math.max(leftPx, px));
  return [clip(Math.min(a, b)), clip(Math.max(a, b))];
}

function mark(box, area, a, b) {
  const [low, high] = within(area, a, b);
  box.hidden = false;
  box.style.transform = `translateX(${low}px)`;
  box.style.width = `${high - low}px`;
}

/** @param {import("./linechart.js").LineChart} chart @param {Actions} actions @param {WheelEvent} event @param {number} px */
function wheel(chart, actions, event, px) {
  if (event.ctrlKey) {
    event.preventDefault();
    actions.zoom(event.deltaY > 0 ? 1.25 : 0.8, chart.readout.timeAt(px) ?? undefined);
    return;
  }
  const sidewaysPx = event.shiftKey ? event.deltaX || event.deltaY : event.deltaX;
  if (!event.shiftKey && Math.abs(event.deltaX) <= Math.abs(event.deltaY)) return;
  event.preventDefault();
  actions.pan(sidewaysPx / chart.area.widthPx);
}

/** Whether the key was one of these. @param {import("./linechart.js").LineChart} chart @param {Actions} actions @param {KeyboardEvent} event */
function key(chart, actions, event) {
  if (event.ctrlKey || event.altKey || event.metaKey) return false;
  const aroundUs = chart.crosshair.atUs ?? undefined;
  if (event.key === "+" || event.key === "=") actions.zoom(0.5, aroundUs);
  else if (event.key === "-") actions.zoom(2, aroundUs);
  else if (event.key === "0") actions.live();
  else if (event.shiftKey && event.key === "ArrowLeft") actions.pan(-STEP);
  else if (event.shiftKey && event.key === "ArrowRight") actions.pan(STEP);
  else return false;
  return true;
}
