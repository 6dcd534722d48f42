// What goes on while somebody looks at the page, and rests while nobody does: main.js and shared.js have it in common.

const LOOK_MS = 500;

/**
 * Tell the hub's side of the page who looks, and the banner how far behind it is.
 * @param {import("./hub.js").Hub} hub @param {import("./banners.js").Banners} banners
 */
export function follow(hub, banners) {
  document.addEventListener("visibilitychange", () => hub.seen(!document.hidden));
  setInterval(() => {
    if (document.hidden) return;
    hub.look();
    banners.behind(hub.lagUs());
  }, LOOK_MS);
}

/** Draw everything anew: colours or units are others now. @param {import("./painter.js").Painter} painter */
export function redraw(painter) {
  dispatchEvent(new Event("displaychange"));
  painter.askAll();
}
