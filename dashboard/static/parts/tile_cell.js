// One tile on the grid: its frame and title, what is in it, and its share in a stream of readings while it is in sight.
//
// Owns when the tile is made anew (its config, the variables or the range are others) and when it subscribes.

import { button, fill, h, say } from "../app/dom.js";
import { silencesText } from "../app/places.js";
import { Past } from "../app/past.js";
import { moment as momentText } from "../app/times.js";
import { typeOf } from "../tiles/index.js";
import { emptyTile } from "../tiles/parts.js";
import { filledIn, resolved, unchosen } from "./board_rules.js";

/** @typedef {import("./grid.js").Tile} Tile */
/** @typedef {{values: import("./board_rules.js").Variable[], range: {spanS: number, widthUs: number}, past: import("../app/past.js").Stretch | null, isEditing: boolean}} Context */
/** @typedef {{edit: (id: string) => void, copy: (id: string) => void, remove: (id: string) => void}} Calls */

export class TileCell {
  /** @param {import("../app/main.js").App} app @param {import("./shared_streams.js").SharedStreams} streams @param {string} id @param {Calls} calls */
  constructor(app, streams, id, calls) {
    this.app = app;
    this.streams = streams;
    this.id = id;
    this.isSeen = false;
    this._key = "";
    /** @type {import("../app/past.js").Stretch | null} */
    this.past = null;
    /** @type {import("../tiles/index.js").Tile | null} */
    this._tile = null;
    /** @type {import("./shared_streams.js").Wanted | null} */
    this._wanted = null;
    /** @type {{stream: import("./shared_streams.js").Readings, leave: () => void} | null} */
    this._share = null;
    this._ask = () => app.painter.ask(this.view);
    const grip = button("⠿", () => {}, { class: "quiet board-grip", title: "Drag to move. Arrow keys move, Shift and arrow keys resize.", "aria-describedby": "board-keys" });
    const edit = button("✎", () => calls.edit(id), { class: "quiet board-tool", title: "Edit" });
    const copy = button("+", () => calls.copy(id), { class: "quiet board-tool", title: "Duplicate" });
    const remove = button("×", () => calls.remove(id), { class: "quiet board-tool", title: "Remove" });
    /** @type {[HTMLElement, string][]} */
    this._labels = [[grip, "Move"], [edit, "Edit"], [copy, "Duplicate"], [remove, "Remove"]];
    this.title = h("h2", {});
    this.head = h("div", { class: "board-tile-head" }, grip, this.title, h("span", { class: "board-tools" }, edit, copy, remove));
    this.slot = h("div", { class: "board-slot", on: { redraw: this._ask } });
    this.at = h("p", { class: "board-at", hidden: true });
    this.silence = h("p", { class: "board-silence", hidden: true });
    this.element = h("section", { class: "card board-tile", data: { id } }, this.head, this.slot, this.silence, this.at, h("span", { class: "board-corner", "aria-hidden": "true" }));
    /** @type {import("../app/painter.js").View} */
    this.view = { element: this.element, draw: (nowUs) => this._draw(nowUs), painted: (_, paint) => this._painted(paint) };
    app.painter.add(this.view);
  }

  /** Show a tile. @param {Tile} tile @param {Context} context */
  show(tile, { values, range, past, isEditing }) {
    this.place(tile);
    const type = typeOf(tile.type);
    const title = filledIn(tile.title, values);
    say(this.title, title);
    this.element.setAttribute("aria-label", title || type.label);
    this.head.hidden = !title && !isEditing;
    this.element.classList.toggle("is-editing", isEditing);
    for (const [each, text] of this._labels) each.setAttribute("aria-label", `${text} ${title || type.label}`);
    const key = JSON.stringify([tile.type, tile.config, values, range, past]);
    if (key === this._key) return;
    this._key = key;
    this.past = past;
    this.at.hidden = past === null || !type.isMoment;
    if (past) fill(this.at, "Last values before ", momentText(past.toUs));
    this._remake(type, tile.config, values, range);
  }

  /** Say where it lies. @param {import("./grid.js").Box} box */
  place(box) {
    for (const name of /** @type {const} */ (["x", "y", "w", "h"])) this.element.style.setProperty(`--${name}`, String(box[name]));
  }

  /** It is in sight now, or no longer. @param {boolean} isSeen */
  seen(isSeen) {
    this.isSeen = isSeen;
    this._subscribe();
  }

  close() {
    this.app.painter.remove(this.view);
    this.isSeen = false;
    this._subscribe();
    this._tile?.close();
    this._tile = null;
    this.element.remove();
  }

  /** @param {import("../tiles/index.js").TileType} type @param {Record<string, any>} saved @param {Context["values"]} values @param {Context["range"]} range */
  _remake(type, saved, values, range) {
    this._share?.leave();
    this._share = null;
    this._tile?.close();
    this._tile = null;
    this._wanted = null;
    const missing = unchosen(saved, values);
    if (missing.length) {
      fill(this.slot, emptyTile(`Choose ${missing.join(" and ")} above.`));
      return;
    }
    try { // a config may have been written by anybody
      const config = resolved(saved, values);
      const wanted = type.wanted(config);
      if (this.past && type.isOfNow?.(config)) {
        this.at.hidden = true;
        fill(this.slot, emptyTile("This is known of now only. Go back to live to see it."));
        return;
      }
      this._wanted = wanted && (this.past ? pastOf(type, wanted, this.past) : { span_s: range.spanS, width_us: range.widthUs, ...wanted });
      this._tile = type.make(this.app, config);
      this.view.paceMs = this._tile.paceMs;
      fill(this.slot, this._tile.element);
    } catch (error) {
      this._failed(error);
    }
    this._subscribe();
    this._ask();
  }

  _subscribe() {
    if (this.isSeen && this._wanted && !this._share) this._share = this.streams.take(this._wanted, this._ask);
    if (!this.isSeen && this._share) {
      this._share.leave();
      this._share = null;
    }
  }

  /** @param {number} nowUs */
  _draw(nowUs) {
    if (!this._tile || !this.isSeen) return;
    const stream = this._share?.stream ?? null;
    const atUs = this.past?.toUs ?? nowUs;
    stream?.trim(atUs);
    this._saySilence(stream, nowUs);
    try {
      this._tile.draw(atUs, stream);
    } catch (error) {
      this._failed(error);
    }
  }

  // Whether nodes of devices that are shown live do not answer.
  /** @param {import("./shared_streams.js").Readings | null} stream @param {number} nowUs */
  _saySilence(stream, nowUs) {
    const { devices, system, isGuest } = this.app.hub;
    const isLookedAt = stream && !this.past && (system.node !== undefined || isGuest); // a hub that stands alone has no such nodes
    const names = new Set(isLookedAt ? [...stream.model.series.values()].map((each) => each.device) : []);
    const text = silencesText([...names].flatMap((name) => devices.get(name) ?? []), system, nowUs);
    this.silence.hidden = text === null;
    if (text !== null) say(this.silence, text);
  }

  // One tile that fails takes no other along.
  /** @param {unknown} error */
  _failed(error) {
    this._tile?.close();
    this._tile = null;
    fill(this.slot, emptyTile(`This tile cannot be shown: ${error instanceof Error ? error.message : error}. Edit or remove it.`));
  }

  /** @param {import("../app/delays.js").Paint} paint */
  _painted(paint) {
    const stream = this._share?.stream;
    if (!stream || stream instanceof Past || !this.app.hub.isOpen) return;
    const { model } = stream;
    const delays = stream.takeDelays(paint);
    const names = new Set([...model.series.values()].map((each) => each.device));
    const [name] = names;
    // Of several devices nobody can say whose clock the newest reading is of.
    if (delays && names.size === 1) this.app.latency.drawn(delays, model.newestUs, this.app.hub.devices.get(name));
    stream.drawn(paint);
  }
}

/** What a tile wants of a stretch: all of it; where the last values matter, at least as far back as it wants live. @param {import("../tiles/index.js").TileType} type @param {import("../tiles/index.js").TileWanted} wanted @param {import("../app/past.js").Stretch} past */
function pastOf({ isMoment = false }, wanted, past) {
  const spanS = (past.toUs - past.fromUs) / 1e6;
  return { ...wanted, past, isMoment, span_s: isMoment ? Math.max(spanS, wanted.span_s ?? 0) : spanS, width_us: 0 };
}
