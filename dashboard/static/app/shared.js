// The page of a shared dashboard: what it has of the parts that main.js puts together, and how who has the link comes in and goes out.
//
// The token of the link stands behind the # of the address, which no request carries; it is sent once, for a cookie.

import { ApiError, post, textOf } from "./api.js";
import { Banners } from "./banners.js";
import { byId } from "./dom.js";
import { Hub } from "./hub.js";
import { Painter } from "./painter.js";
import { Router } from "./router.js";
import { follow, redraw } from "./seeing.js";
import { Theme } from "./theme.js";
import { SharedBoard } from "../pages/shared.js";

const AGAIN_MS = 5_000;

const hub = new Hub({ probe: "api/v1/shared", onState: changed });
const painter = new Painter(() => hub.nowUs());
const banners = new Banners(() => hub.live.tryNow(), () => {});
const router = new Router(() => board.show(router.place.query));
const latency = { drawn: () => {} }; // it is of interest to who runs the hub
const board = new SharedBoard(/** @type {any} */ ({ hub, painter, router, latency }), byId("title"), byId("wall"));

new Theme(byId("theme"), () => queueMicrotask(() => redraw(painter))); // called while the rest is still being made, too
byId("main").append(board.element);
follow(hub, banners);

/** @param {{kind: string}} state */
function changed(state) {
  document.body.classList.toggle("is-stale", state.kind !== "open");
  if (state.kind === "ended") comeIn(); // the cookie is over, or the link is
  else banners.connection(state);
  if (state.kind === "open") board.load();
}

let isComing = false;

/** Come in by the link, or say why not. */
async function comeIn() {
  if (isComing) return;
  isComing = true;
  try {
    await post("shared", { token: router.place.path[0] ?? "" });
  } catch (error) {
    const isOver = error instanceof ApiError && error.code === "no_share";
    banners.connection({ kind: isOver ? "over" : "waiting", nextAt: Date.now() + AGAIN_MS });
    if (isOver) board.over();
    else if (error instanceof ApiError && error.status > 0 && error.status < 500 && error.status !== 429) board.failed(textOf(error));
    else setTimeout(comeIn, AGAIN_MS);
    return;
  } finally {
    isComing = false;
  }
  hub.live.tryNow();
}

comeIn();
