// Where tiles lie on the grid of a dashboard: moved, resized, none over another, none with empty room above it. Pure.

export const COLUMNS = 12;
export const MAX_ROWS = 100; // of one tile, as the hub has it

/** @typedef {{x: number, y: number, w: number, h: number}} Box */
/** @typedef {Box & {id: string, type: string, title: string, config: Record<string, any>}} Tile */

/** @param {Box} a @param {Box} b */
const meet = (a, b) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;

/** @param {number} value @param {number} least @param {number} most */
const within = (value, least, most) => Math.min(Math.max(value, least), most);

/** Tiles as they are read: row by row, from the left. @template {Box} Each @param {Each[]} tiles */
export const inOrder = (tiles) => [...tiles].sort((a, b) => a.y - b.y || a.x - b.x);

/**
 * Tiles with each as far up as it goes and none over another, in their order.
 * @param {Tile[]} order @returns {Tile[]}
 */
function packed(order) {
  /** @type {Tile[]} */
  const placed = [];
  for (const tile of order) {
    const end = placed.reduce((most, each) => Math.max(most, each.y + each.h), 0);
    const box = { ...tile, y: Math.min(tile.y, end) };
    const isTaken = () => placed.some((each) => meet(each, box));
    while (isTaken()) box.y += 1;
    while (box.y > 0 && !placed.some((each) => meet(each, { ...box, y: box.y - 1 }))) box.y -= 1;
    placed.push(box);
  }
  return placed;
}

/** Tiles with each as far up as it goes and none over another. @param {Tile[]} tiles */
export const settled = (tiles) => packed(inOrder(tiles));

/**
 * Tiles after one was moved to a place or given another size; what is in its way makes room. Half over another it takes that one's place.
 * @param {Tile[]} tiles @param {string} id @param {Partial<Box>} wanted @returns {Tile[]}
 */
export function arranged(tiles, id, wanted) {
  const tile = tiles.find((each) => each.id === id);
  if (!tile) return tiles;
  const x = within(wanted.x ?? tile.x, 0, COLUMNS - 1);
  const w = within(wanted.w ?? tile.w, 1, wanted.w === undefined ? COLUMNS : COLUMNS - x);
  const moved = { ...tile, w, x: Math.min(x, COLUMNS - w), y: Math.max(0, wanted.y ?? tile.y), h: within(wanted.h ?? tile.h, 1, MAX_ROWS) };
  const isDown = moved.y > tile.y;
  const others = inOrder(tiles.filter((each) => each.id !== id));
  const isBehind = (/** @type {Tile} */ other) => {
    const middle = other.y + other.h / 2;
    return other.x < moved.x + moved.w && moved.x < other.x + other.w && (isDown ? middle > moved.y + moved.h : middle >= moved.y);
  };
  const at = others.findIndex(isBehind);
  others.splice(at < 0 ? others.length : at, 0, moved);
  return packed(others);
}

/** Tiles after one took the place of another in the order in which they are read. @param {Tile[]} tiles @param {string} id @param {string} other */
export function swapped(tiles, id, other) {
  const order = inOrder(tiles);
  const [from, to] = [order.findIndex((each) => each.id === id), order.findIndex((each) => each.id === other)];
  if (from < 0 || to < 0) return tiles;
  const target = order[to];
  return arranged(tiles, id, { x: Math.min(target.x, COLUMNS - order[from].w), y: from < to ? target.y + target.h : target.y });
}

/** The first free place for a tile of a size. @param {Box[]} tiles @param {number} w @param {number} h @returns {{x: number, y: number}} */
export function freePlace(tiles, w, h) {
  for (let y = 0; ; y += 1) {
    for (let x = 0; x + w <= COLUMNS; x += 1) if (!tiles.some((each) => meet(each, { x, y, w, h }))) return { x, y };
  }
}
