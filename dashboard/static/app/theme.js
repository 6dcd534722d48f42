// The theme: auto (the system's), dark or light; kept in localStorage. Owns the toggle; charts ask it for their colours.

const KEY = "tributary.theme";
const ORDER = ["auto", "dark", "light"];
const NAMES = { auto: "Auto", dark: "Dark", light: "Light" };
const SIGNS = { auto: "◐", dark: "☾", light: "☀" };

export class Theme {
  // `onChange()` is called when what is shown changes, also by the system.
  constructor(button, onChange) {
    this.button = button;
    this.onChange = onChange;
    this.choice = document.documentElement.dataset.theme ?? "auto";
    this.system = matchMedia("(prefers-color-scheme: light)");
    this.system.addEventListener("change", () => this.show());
    button.addEventListener("click", () => this.choose(ORDER[(ORDER.indexOf(this.choice) + 1) % ORDER.length]));
    this.show();
  }

  choose(choice) {
    this.choice = choice;
    try {
      localStorage.setItem(KEY, choice);
    } catch {
      // Not kept then; it holds until the page is closed.
    }
    this.show();
  }

  show() {
    if (this.choice === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = this.choice;
    this.button.textContent = `${SIGNS[this.choice]} ${NAMES[this.choice]}`;
    this.button.setAttribute("aria-label", `Theme: ${NAMES[this.choice]}. Change it`);
    this.onChange();
  }
}

// The colours of the present theme, for charts.
export function colours() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(name).trim();
  return {
    text: read("--text"),
    muted: read("--muted"),
    grid: read("--grid"),
    surface: read("--surface"),
    border: read("--border"),
    accent: read("--accent"),
    warn: read("--warn"),
    bad: read("--bad"),
    series: Array.from({ length: 8 }, (_, at) => read(`--series-${at}`)),
  };
}
