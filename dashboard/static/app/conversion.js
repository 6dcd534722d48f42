// Units as this person wants to see them: °C or °F, bar or psi. Only what is shown is converted; what is stored and sent stays as it was.
//
// Owns the choices, kept in this browser. Pure but for that.

const KEY = "tributary.units";

/** unit -> [quantity, factor, offset]: value * factor + offset is in the quantity's first unit. @type {Record<string, [string, number, number]>} */
const UNITS = {
  Cel: ["Temperature", 1, 0], "[degF]": ["Temperature", 5 / 9, -160 / 9], K: ["Temperature", 1, -273.15],
  hPa: ["Pressure", 1, 0], Pa: ["Pressure", 0.01, 0], kPa: ["Pressure", 10, 0], bar: ["Pressure", 1_000, 0], mbar: ["Pressure", 1, 0],
  "[psi]": ["Pressure", 68.94757293168361, 0],
  "m/s": ["Speed", 1, 0], "km/h": ["Speed", 1 / 3.6, 0], "[mi_i]/h": ["Speed", 0.44704, 0], "[kn_i]": ["Speed", 1_852 / 3_600, 0],
  m: ["Length", 1, 0], "[ft_i]": ["Length", 0.3048, 0],
  L: ["Volume", 1, 0], m3: ["Volume", 1_000, 0], "[gal_us]": ["Volume", 3.785411784, 0],
};

/** What one may choose for each quantity; "" is as sent. @type {Record<string, string[]>} */
export const CHOICES = {
  Temperature: ["Cel", "[degF]", "K"],
  Pressure: ["hPa", "kPa", "bar", "[psi]"],
  Speed: ["m/s", "km/h", "[mi_i]/h", "[kn_i]"],
  Length: ["m", "[ft_i]"],
  Volume: ["L", "m3", "[gal_us]"],
};

/** @type {Record<string, string>} quantity -> unit */
let chosen = kept();

function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}");
  } catch {
    return {}; // storage is forbidden, or somebody wrote into it
  }
}

/** The unit that is chosen for a quantity; "" is as sent. @param {string} name */
export const choiceOf = (name) => (CHOICES[name]?.includes(chosen[name]) ? chosen[name] : "");

/** Choose a unit for a quantity; "" is as sent. @param {string} name @param {string} unit */
export function choose(name, unit) {
  chosen = { ...chosen, [name]: unit };
  try {
    localStorage.setItem(KEY, JSON.stringify(chosen));
  } catch {
    // Not kept then; it holds until the page is closed.
  }
}

const same = (/** @type {number} */ value) => value;

/**
 * How readings in a unit are shown: in which unit, and what becomes of a number. A change of a temperature is no temperature: for that
 * there is `factor` alone.
 * @param {string} unit @returns {{unit: string, of: (value: number) => number, factor: number}}
 */
export function displayed(unit) {
  const from = Object.hasOwn(UNITS, unit) ? UNITS[unit] : null;
  const wanted = from ? choiceOf(from[0]) : "";
  if (!wanted || wanted === unit) return { unit, of: same, factor: 1 };
  const [, factor, offset] = from;
  const [, wantedFactor, wantedOffset] = UNITS[wanted];
  return { unit: wanted, of: (value) => (value * factor + offset - wantedOffset) / wantedFactor, factor: factor / wantedFactor };
}
