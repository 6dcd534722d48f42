// Plotly, which draws charts: 1.5 MB on the way, which no page waits for. Its address, with the version, stands in index.html.

const QUICK_MS = 3_000; // a page that was there so soon has room for what it may need later

/** @type {Promise<void> | null} */
let loading = null;

const address = () => /** @type {HTMLLinkElement} */ (document.getElementById("plotly")).href;

/** Load it once. */
export function loadPlotly() {
  loading ??= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = address();
    script.addEventListener("load", () => done());
    script.addEventListener("error", () => {
      loading = null; // the next page with charts tries again
      failed(new Error("the charts could not be loaded; reload the page"));
    });
    document.head.append(script);
  });
  return loading;
}

/** Have the browser fetch it when it has nothing else to do, unless the link is slow: there readings go first. Call it once the page is there. */
export function prefetchPlotly() {
  if (performance.now() > QUICK_MS || loading !== null) return;
  const link = document.createElement("link");
  Object.assign(link, { rel: "prefetch", as: "script", href: address() });
  document.head.append(link);
}
