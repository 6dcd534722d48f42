// Plotly, which draws charts: 5 MB that a page without charts does not wait for. Its address, with the version, stands in index.html.

/** @type {Promise<void> | null} */
let loading = null;

/** Load it once. */
export function loadPlotly() {
  loading ??= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = /** @type {HTMLLinkElement} */ (document.getElementById("plotly")).href;
    script.addEventListener("load", () => done());
    script.addEventListener("error", () => {
      loading = null; // the next page with charts tries again
      failed(new Error("the charts could not be loaded; reload the page"));
    });
    document.head.append(script);
  });
  return loading;
}
