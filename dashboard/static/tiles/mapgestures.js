// How a map is moved and zoomed: dragged by one pointer, pinched by two fingers, by wheel, double click and keys.
//
// Owns the pointers that are down. A wheel alone, and a finger that goes up or down, scroll the page until somebody has pressed on the map
// (it has the focus then): a map that takes them is a trap on the way down.

const STEP = 1; // one press: twice as close
const MOVE_PX = 60;
const LEAST_PX = 20; // between two fingers: closer ones say nothing of a zoom

/** @typedef {{x: number, y: number}} Point */
/** @typedef {{zoom: (by: number, at?: Point) => void, move: (dx: number, dy: number) => void, fit: () => void, hint: (isShown: boolean) => void}} Does */

/** @param {HTMLElement} pane @param {Does} does */
export function attach(pane, does) {
  /** @type {Map<number, Point>} */
  const down = new Map();
  const pointOf = (/** @type {MouseEvent} */ event) => {
    const box = pane.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  pane.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || down.size === 2) return;
    pane.setPointerCapture(event.pointerId);
    down.set(event.pointerId, pointOf(event));
  });
  pane.addEventListener("pointermove", (event) => {
    if (!down.has(event.pointerId)) return;
    const before = [...down.values()];
    down.set(event.pointerId, pointOf(event));
    follow(before, [...down.values()], does);
  });
  for (const name of ["pointerup", "pointercancel"]) pane.addEventListener(name, (event) => down.delete(/** @type {PointerEvent} */ (event).pointerId));
  pane.addEventListener("dblclick", (event) => does.zoom(STEP, pointOf(event)));
  pane.addEventListener("wheel", (event) => {
    const isMeant = event.ctrlKey || event.metaKey || document.activeElement === pane;
    does.hint(!isMeant);
    if (!isMeant) return;
    event.preventDefault();
    does.zoom(Math.max(-1, Math.min(1, -event.deltaY / 200)), pointOf(event));
  }, { passive: false });
  pane.addEventListener("keydown", (event) => {
    if (!event.ctrlKey && !event.metaKey && !event.altKey && key(event.key, does)) event.preventDefault();
  });
}

/** What the pointers mean that were there and are here now. @param {Point[]} before @param {Point[]} after @param {Does} does */
function follow(before, after, does) {
  const [from, to] = [middle(before), middle(after)];
  does.move(to.x - from.x, to.y - from.y);
  if (after.length < 2) return;
  const [wasPx, isPx] = [apart(before), apart(after)];
  if (Math.min(wasPx, isPx) >= LEAST_PX) does.zoom(Math.log2(isPx / wasPx), to);
}

/** @param {Point[]} points @returns {Point} */
const middle = (points) => ({ x: points.reduce((sum, each) => sum + each.x, 0) / points.length, y: points.reduce((sum, each) => sum + each.y, 0) / points.length });

/** @param {Point[]} points */
const apart = ([a, b]) => Math.hypot(a.x - b.x, a.y - b.y);

/** Whether it is one of the keys. @param {string} name @param {Does} does */
function key(name, does) {
  /** @type {Record<string, () => void>} */
  const keys = {
    "+": () => does.zoom(STEP), "=": () => does.zoom(STEP), "-": () => does.zoom(-STEP), 0: () => does.fit(),
    ArrowLeft: () => does.move(MOVE_PX, 0), ArrowRight: () => does.move(-MOVE_PX, 0), ArrowUp: () => does.move(0, MOVE_PX), ArrowDown: () => does.move(0, -MOVE_PX),
  };
  if (!(name in keys)) return false;
  keys[name]();
  return true;
}
