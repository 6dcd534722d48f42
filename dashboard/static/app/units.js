// How units and numbers are shown: UCUM codes as symbols, bytes with binary prefixes, seconds as longer times. Pure.

// Without what every object has by birth: a unit may be called so.
const SYMBOLS = {
  __proto__: null, "": "", 1: "", Cel: "°C", "[degF]": "°F", K: "K", deg: "°", Ohm: "Ω", uV: "µV", uA: "µA", um: "µm", "m/s2": "m/s²", m2: "m²", m3: "m³",
  "[mi_i]/h": "mph", "[kn_i]": "kn", "[ft_i]": "ft", "[gal_us]": "gal", "[ppm]": "ppm", "{rpm}": "rpm", "{count}": "", "/min": "/min", "kW.h": "kWh", "W.h": "Wh", "[psi]": "psi", bit: "bit", "ug/m3": "µg/m³",
};
const QUANTITIES = {
  __proto__: null,
  "": "Number", 1: "Number", "%": "Percentage", Cel: "Temperature", "[degF]": "Temperature", K: "Temperature", By: "Size", "By/s": "Throughput",
  V: "Voltage", mV: "Voltage", A: "Current", mA: "Current", W: "Power", kW: "Power", "kW.h": "Energy", Hz: "Frequency", MHz: "Frequency",
  s: "Duration", ms: "Duration", Pa: "Pressure", hPa: "Pressure", kPa: "Pressure", mbar: "Pressure", bar: "Pressure", "[psi]": "Pressure", lx: "Illuminance", m: "Length", "[ft_i]": "Length", "m/s": "Speed", "km/h": "Speed", "[mi_i]/h": "Speed", "[kn_i]": "Speed",
  "m/s2": "Acceleration", kg: "Mass", g: "Mass", "{rpm}": "Rotation", "[ppm]": "Concentration", dB: "Level", L: "Volume", m3: "Volume", "[gal_us]": "Volume", deg: "Angle",
};
const FROM_ZERO = new Set(["", "1", "%", "By", "s", "ms", "W", "kW", "W.h", "kW.h", "A", "mA", "L", "kg", "g", "lx", "bit", "{rpm}", "{count}"]);
const BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi"];
/** @type {[number, string][]} */
const TIMES = [[86_400, "d"], [3_600, "h"], [60, "min"], [1, "s"]];

export const quantity = (unit) => QUANTITIES[unit] ?? symbol(unit);

// Whether zero of a unit means that there is nothing: then a chart without it would lie.
export const startsAtZero = (unit) => FROM_ZERO.has(unit) || unit.endsWith("/s") || unit.endsWith("/min");

export function symbol(unit) {
  if (unit in SYMBOLS) return SYMBOLS[unit];
  if (unit.startsWith("By")) return `B${unit.slice(2)}`;
  return unit.replace(/[{}[\]]/g, "");
}

// {factor, symbol}: values of `unit` up to `largest` read well when they are divided by factor and shown with the symbol.
export function scaleOf(unit, largest) {
  const size = Math.abs(largest);
  if (unit === "By" || unit === "By/s") {
    const power = Math.min(BINARY.length - 1, size >= 1024 ? Math.floor(Math.log2(size) / 10) : 0);
    return { factor: 1024 ** power, symbol: `${BINARY[power]}B${unit.slice(2)}` };
  }
  if (unit === "s") {
    const [factor, name] = TIMES.find(([seconds]) => size >= 2 * seconds) ?? TIMES[TIMES.length - 1];
    return { factor, symbol: name };
  }
  return { factor: 1, symbol: symbol(unit) };
}

// A number with about four digits that mean something.
export function digits(value) {
  const size = Math.abs(value);
  if (!Number.isFinite(value)) return String(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) return value.toExponential(2);
  const decimals = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 1 : 2;
  return format(Number.isInteger(value) ? 0 : decimals, size < 0.1 ? 4 : decimals).format(value);
}

/** @type {Map<string, Intl.NumberFormat>} */
const formats = new Map(); // one is dear to make, and pages write many numbers

function format(least, most) {
  const key = `${least} ${most}`;
  const known = formats.get(key) ?? new Intl.NumberFormat("en", { minimumFractionDigits: least, maximumFractionDigits: most });
  formats.set(key, known);
  return known;
}

// A value of any kind with its unit, as people read it.
export function shown(value, unit) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "boolean") return value ? "on" : "off";
  if (Array.isArray(value)) return value.map((each) => each.toFixed(5)).join(", ");
  if (typeof value !== "number") return String(value);
  const scale = scaleOf(unit, value);
  const text = digits(value / scale.factor);
  return scale.symbol ? `${text} ${scale.symbol}` : text;
}

/** As milliseconds, with tenths where they matter. @param {number} ms */
export const fine = (ms) => (ms < 9.95 ? `${ms.toFixed(1)} ms` : milliseconds(ms));

export function milliseconds(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return duration(ms / 1000);
}

export function duration(seconds) {
  const [size, name] = TIMES.find(([each]) => seconds >= each) ?? TIMES[TIMES.length - 1];
  return `${Math.floor(seconds / size)} ${name}`;
}

// "3 s ago" etc.
export const ago = (seconds) => (seconds < 2 ? "just now" : `${duration(seconds)} ago`);

/** A whole number as people read it. @param {number} number */
export const count = (number) => number.toLocaleString("en");

const SIZES = ["B", "kB", "MB", "GB", "TB", "PB"];

/** A size in decimal units, as disks are sold. @param {number} number of bytes */
export function bytes(number) {
  const at = Math.min(SIZES.length - 1, number >= 1000 ? Math.floor(Math.log10(number) / 3) : 0);
  return `${(number / 1000 ** at).toLocaleString("en", { maximumFractionDigits: at ? 1 : 0 })} ${SIZES[at]}`;
}
