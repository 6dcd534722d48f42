// The readings of one device as charts: live over a range, or a stretch of the past that somebody zoomed to, chose, or had in a link.
//
// Owns what is shown, which stands in the address; the stream or the history it comes from; and the crosshair of all charts. A page calls
// `show` and `leave`.

import { withQuery } from "../app/api.js";
import { h, say } from "../app/dom.js";
import { History } from "../app/history.js";
import { silencesText } from "../app/places.js";
import { loadPlotly } from "../app/plotly.js";
import { Charts } from "./charts.js";
import { Crosshair } from "./crosshair.js";
import { Happenings } from "./happenings.js";
import { RangeBar } from "./rangebar.js";
import { WIDTHS, fitted, panned, queryOf, shownOf, stretchOf, zoomed } from "./span.js";

const PAUSE_MS = 200; // who moves in time may move on
const PATIENCE_MS = 1_000; // what comes sooner is not spoken of
const COMING = "The readings are still on their way.";

export class Readings {
  /** @param {import("../app/main.js").App} app @param {{charts: HTMLElement, waiting: HTMLElement, ranges: HTMLElement, note: HTMLElement}} parts */
  constructor(app, parts) {
    this.app = app;
    this.parts = parts;
    this.name = "";
    this.shown = shownOf({});
    /** @type {import("../app/stream.js").Stream | null} */
    this.stream = null;
    /** @type {History | null} */
    this.history = null;
    /** @type {any} what was drawn last, until there is something newer */
    this.model = null;
    this._isDirty = true;
    this._isEarly = false; // the past is to be shown, and what the device is like is not known yet
    this._keeping = 0;
    this._askedAt = 0;
    /** @type {(() => void)[]} */
    this._stops = [];
    const said = h("p", { class: "visually-hidden", "aria-live": "polite" });
    parts.charts.after(said);
    const actions = {
      select: (/** @type {number} */ fromUs, /** @type {number} */ toUs) => this._go(fitted({ fromUs, toUs }, this._nowUs()), true),
      pan: (/** @type {number} */ share) => this._go(panned(this._seen(), share, this._nowUs()), false),
      zoom: (/** @type {number} */ factor, /** @type {number | undefined} */ aroundUs) => this._zoom(factor, aroundUs),
      live: () => this._go(null, true),
    };
    const crosshair = new Crosshair((text) => say(said, text));
    const exportOf = (/** @type {string[]} */ channels, /** @type {string} */ format) => this._exportOf(channels, format);
    this.charts = new Charts(parts.charts, parts.waiting, { crosshair, actions, exportOf, failed: (error) => app.toasts.failed(error) });
    const choose = (/** @type {import("./span.js").Range} */ range) => this._address({ range, past: null });
    this.bar = new RangeBar(parts.ranges, { ...actions, range: choose, own: (fromUs, toUs) => this._go({ fromUs, toUs }, true), seen: () => this._seen() });
    this.happenings = new Happenings(app.hub, () => this._ask());
    this.view = { element: parts.charts, draw: (/** @type {number} */ nowUs) => this._draw(nowUs), painted: (/** @type {number} */ _, /** @type {import("../app/delays.js").Paint} */ paint) => this._painted(paint), paceMs: 100 };
    parts.charts.addEventListener("redraw", () => this._ask());
    addEventListener("displaychange", () => {
      this.charts.restyle();
      this._ask();
    });
  }

  /** Show a device as an address says. @param {string} name @param {Record<string, string>} query */
  show(name, query) {
    const shown = shownOf(query);
    const isHere = this.stream !== null || this.history !== null;
    const isSame = isHere && name === this.name && JSON.stringify(queryOf(shown)) === JSON.stringify(queryOf(this.shown));
    if (!isHere) this._begin();
    if (isSame) return;
    if (name !== this.name) {
      clearTimeout(this._keeping);
      this._end(); // of the device before
      this.charts.clear();
      this.model = null;
      this._askedAt = performance.now();
      this.app.latency.clear();
    }
    this.name = name;
    this._set(shown, 0);
  }

  leave() {
    for (const stop of this._stops.splice(0)) stop();
    clearTimeout(this._keeping);
    this.app.painter.remove(this.view);
    this._end();
    this.happenings.close();
  }

  _begin() {
    const { hub, painter, toasts } = this.app;
    const known = () => this._isEarly && hub.devices.isKnown && this._set(this.shown, 0);
    this._stops = [hub.alerts.watch(() => this.happenings.changed()), hub.commands.watch(() => this.happenings.changed()), hub.devices.watch(known)];
    painter.add(this.view);
    loadPlotly().then(() => this._ask(), (error) => toasts.failed(error));
  }

  _end() {
    this.stream?.close();
    this.history?.close();
    this.stream = this.history = null;
  }

  // Show another stretch: what is there is drawn at once, and replaced when its readings have come.
  _set(shown, afterMs) {
    const { hub } = this.app;
    this.shown = shown;
    this._isEarly = false;
    const { fromUs, toUs } = this._seen();
    if (shown.past === null) {
      this._end();
      this.stream = hub.subscribe({ devices: [this.name], span_s: shown.range.spanS, width_us: shown.range.widthUs }, () => this._ask());
    } else {
      this.stream?.close();
      this.stream = null;
      this.history ??= new History(hub, { devices: [this.name] }, () => this._ask());
      this._isEarly = !hub.devices.isKnown;
      if (!this._isEarly) this.history.show(fromUs, toUs, this._intervalUs(), afterMs);
    }
    this._ask();
  }

  // Go to a stretch of the past, or to live (null). `isNew`: a step back leads here again.
  _go(past, isNew) {
    const shown = { range: this.shown.range, past };
    if (isNew) return this._address(shown);
    this._set(shown, PAUSE_MS);
    clearTimeout(this._keeping);
    this._keeping = setTimeout(() => this.app.router.keep({ ...this.app.router.place.query, from: null, to: null, range: null, ...queryOf(shown) }), PAUSE_MS);
  }

  // What is live is zoomed at its newest end.
  _zoom(factor, aroundUs = this.shown.past === null ? this._nowUs() : undefined) {
    this._go(zoomed(this._seen(), factor, this._nowUs(), aroundUs), false);
  }

  /** @param {import("./span.js").Shown} shown */
  _address(shown) {
    const { range: _, from: __, to: ___, ...others } = this.app.router.place.query;
    clearTimeout(this._keeping);
    this._set(shown, 0);
    this.app.router.go(this.app.router.place.path, { ...others, ...queryOf(shown) });
  }

  _nowUs() {
    return this.app.hub.nowUs();
  }

  _seen() {
    return stretchOf(this.shown, this._nowUs());
  }

  _intervalUs() {
    return (this.app.hub.devices.get(this.name)?.interval_s ?? 0) * 1e6;
  }

  _exportOf(channels, format) {
    const { fromUs, toUs } = this._seen();
    const rows = [...(this.model?.series.values() ?? [])].flatMap((/** @type {any} */ each) => each.rows.at(-1) ?? []);
    const width = WIDTHS.get(Math.max(0, ...rows.map((row) => row.w))); // what came, which may be wider than what was asked for
    return withQuery("api/v1/export", { format, width, device: this.name, channel: channels, from: Math.floor(fromUs), to: Math.ceil(toUs) });
  }

  _ask() {
    this._isDirty = true;
    this.app.painter.ask(this.view);
  }

  /** @param {number} nowUs */
  _draw(nowUs) {
    const { stream, history, shown } = this;
    const device = this.app.hub.devices.get(this.name);
    history?.look();
    if (device) this.happenings.show(this.name, stretchOf(shown, nowUs).fromUs);
    if (!device || !(stream || this._isDirty)) return; // the past stands still
    this._isDirty = false;
    stream?.trim(nowUs);
    this.bar.show(shown, history?.isLoading ?? false);
    this.model = (stream?.model.cursor ? stream.model : history?.model) ?? this.model;
    const { fromUs, toUs } = stretchOf(shown, nowUs);
    const silence = shown.past === null ? silencesText([device], this.app.hub.system, nowUs) : null;
    const note = silence ?? stream?.note(nowUs) ?? history?.note(fromUs) ?? (this.model === null && performance.now() - this._askedAt > PATIENCE_MS ? COMING : null);
    this.parts.note.hidden = note === null;
    if (note !== null) say(this.parts.note, note);
    if (this.model === null) return;
    const { hole, keptFromUs } = this.model;
    const { holes, marks } = this.happenings;
    this.charts.draw(this.model, device, { fromUs, nowUs: toUs, clockUs: stream?.knownUs() ?? this.app.hub.knownUs(), isPast: shown.past !== null, intervalUs: this._intervalUs(), hole, keptFromUs, holes, marks });
  }

  /** @param {import("../app/delays.js").Paint} paint */
  _painted(paint) {
    const { stream, app } = this;
    if (!stream || !app.hub.isOpen) return;
    const delays = stream.takeDelays(paint);
    if (delays) app.latency.drawn(delays, stream.model.newestUs, app.hub.devices.get(this.name));
    stream.drawn(paint);
  }
}
