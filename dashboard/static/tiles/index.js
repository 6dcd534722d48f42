// The types of tiles that a dashboard has. The page of dashboards owns streams, grid, titles and editing; a tile owns what is in it.
//
// A tile is made from its config, in which variables are replaced already, and is made anew when that changes. `draw` is called when
// its readings change and now and then besides, so that ages go on; a tile asks for it by the bubbling event `redraw` of its element.

import { type as chart } from "./chart.js";
import { type as command } from "./command.js";
import { type as gauge } from "./gauge.js";
import { type as map } from "./map.js";
import { type as number } from "./number.js";
import { emptyTile } from "./parts.js";
import { type as state } from "./state.js";
import { type as table } from "./table.js";
import { type as text } from "./text.js";

/** @typedef {Record<string, any>} Config */
/**
 * What a form offers: `hub.devices.sorted()`, and the variables of the dashboard with the value that each has now.
 * @typedef {{devices: import("../app/entities.js").Item[], variables: {name: string, kind: string, value: string}[]}} Known
 */
/**
 * A form: `read` returns the config, or throws an ApiError, whose text is for a person.
 * @typedef {{elements: HTMLElement[], read: () => Config}} Fields
 */
/**
 * `paceMs`: it is drawn once in so long at most.
 * @typedef {{element: HTMLElement, draw: (nowUs: number, stream: import("../parts/shared_streams.js").Readings | null) => void, close: () => void, paceMs?: number}} Tile
 */
/**
 * `isMoment`: it shows the last values of the stretch; `isOfNow`: what it shows is known of the present only. What to subscribe to; where span_s and width_us are missing, the dashboard's range gives them.
 * @typedef {{devices?: string[], where?: string, channels: string[], span_s?: number, width_us?: number}} TileWanted
 */
/**
 * @typedef {{
 *   name: string, label: string, defaults: {w: number, h: number, config: Config}, fields: (config: Config, known: Known) => Fields,
 *   isMoment?: boolean, isOfNow?: (config: Config) => boolean, wanted: (config: Config) => TileWanted | null, make: (app: import("../app/main.js").App, config: Config) => Tile,
 * }} TileType
 */

/** In the order in which they are offered. @type {TileType[]} */
export const TYPES = [chart, number, gauge, state, table, map, command, text];

/** The type of a tile; one that this page does not know says so in its tile. @param {string} name @returns {TileType} */
export function typeOf(name) {
  return TYPES.find((each) => each.name === name) ?? unknown(name);
}

/** @param {string} name @returns {TileType} */
function unknown(name) {
  return {
    name, label: name, defaults: { w: 4, h: 3, config: {} },
    fields: (config) => ({ elements: [], read: () => config }),
    wanted: () => null,
    make: () => ({ element: emptyTile(`This page knows no tile of type ${name}. Reload it, or remove the tile.`), draw: () => {}, close: () => {} }),
  };
}
