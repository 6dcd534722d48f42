// What the page's scripts find in the browser besides what tsc knows of.
declare global {
  interface Window {
    Plotly: any;
  }
  interface HTMLElement {
    hidePopover(): void;
  }
}
export {};
