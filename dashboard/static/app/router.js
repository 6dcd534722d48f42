// Addresses of the page: `#/devices/pump?range=1h` is a page, its path and what it shows; links to them work from anywhere, and go back.
//
// Owns the address. A page keeps what it shows there by `keep`, so that a reload and a link show the same.

/** @typedef {{path: string[], query: Record<string, string>}} Place */

/** @param {string} hash @returns {Place} */
export function placeOf(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  // What earlier versions wrote: #device=NAME.
  const old = new URLSearchParams(path).get("device");
  if (old !== null && path.includes("=")) return { path: ["devices", old], query: {} };
  return { path: path.split("/").filter(Boolean).map(decoded), query: Object.fromEntries(new URLSearchParams(query)) };
}

/** @param {string} part */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The address of a place. @param {string[]} path @param {Record<string, string | number | null | undefined>} [query] */
export function linkTo(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return `#/${path.map(encodeURIComponent).join("/")}${text ? `?${text}` : ""}`;
}

export class Router {
  /** @param {(place: Place) => void} onPlace */
  constructor(onPlace) {
    this.onPlace = onPlace;
    this.place = placeOf(location.hash);
    addEventListener("hashchange", () => this._moved());
  }

  start() {
    this.onPlace(this.place);
  }

  /** Go to a place, as a link does. @param {string[]} path @param {Record<string, any>} [query] */
  go(path, query = {}) {
    location.hash = linkTo(path, query);
  }

  /** Say in the address what the present page shows, without going anywhere. @param {Record<string, any>} query */
  keep(query) {
    this.place = { path: this.place.path, query: placeOf(linkTo(this.place.path, query)).query };
    history.replaceState(null, "", linkTo(this.place.path, query));
  }

  /** As `go`, in the place of the present entry: no step back leads to it. @param {string[]} path @param {Record<string, any>} [query] */
  replace(path, query = {}) {
    history.replaceState(null, "", linkTo(path, query));
    this._moved();
  }

  _moved() {
    this.place = placeOf(location.hash);
    this.onPlace(this.place);
  }
}
