// The page: connects what there is of it. The one place to see which parts there are and what knows of what.
//
// A message changes what hub.js knows at once; painter.js draws what is in sight. Pages are loaded when somebody first goes there.

import { Banners } from "./banners.js";
import { byId } from "./dom.js";
import { Hub } from "./hub.js";
import { Latency } from "./latency.js";
import { Painter } from "./painter.js";
import { prefetchPlotly } from "./plotly.js";
import { Router } from "./router.js";
import { follow, redraw } from "./seeing.js";
import { Shell } from "./shell.js";
import { Theme } from "./theme.js";
import { Toasts } from "./toasts.js";
import { Alerts } from "../parts/alerts.js";
import { Export } from "../parts/export.js";
import { openDisplay } from "../parts/display.js";
import { offers } from "../parts/offers.js";
import { listenForPalette, openPalette } from "../parts/palette.js";
import { StoreDialog } from "../parts/store.js";

/**
 * What a page gets.
 * @typedef {{hub: Hub, painter: Painter, router: Router, toasts: Toasts, latency: Latency}} App
 */

const hub = new Hub({
  onState: (state) => {
    banners.connection(state);
    document.body.classList.toggle("is-stale", state.kind !== "open");
    if (state.kind !== "open") latency.clear();
  },
});
const painter = new Painter(() => hub.nowUs());
const toasts = new Toasts(byId("toasts"));
const store = new StoreDialog(byId("store"), byId("store-dialog"));
const banners = new Banners(() => hub.live.tryNow(), () => store.open());
const latency = new Latency(hub.live);
const router = new Router((place) => shell.show(place));
const app = { hub, painter, router, toasts, latency };
const shell = new Shell(app, byId("main"), byId("nav"));

new Alerts(shell.link("alerts"), hub);
hub.onSystem((system) => {
  banners.system(system);
  store.system(system);
  byId("menu-button").dataset.state = byId("store").dataset.state ?? "ok"; // seen at a glance, behind the menu too
});
new Export(byId("export"), () => (router.place.path[0] === "devices" ? router.place.path[1] ?? null : null));
const theme = new Theme(byId("theme"), () => queueMicrotask(() => redraw(painter))); // called while the rest is still being made, too
byId("units").addEventListener("click", () => openDisplay(() => redraw(painter)));
const offered = () => offers(app, shell, theme);
listenForPalette(offered);
byId("palette").addEventListener("click", () => openPalette(offered()));
// What was chosen is done behind no menu; the theme is tried on.
byId("menu").addEventListener("click", (event) => event.target instanceof HTMLElement && event.target.closest("button, a") && event.target.id !== "theme" && byId("menu").hidePopover());
byId("logout").addEventListener("click", async () => {
  await fetch("logout", { method: "POST" });
  location.assign("./");
});
follow(hub, banners);

router.start();
hub.start();
prefetchPlotly();
if (document.hidden) hub.seen(false); // opened for later
