// Documents of a shadow as rows: each value of the desired and the reported one by its place, and which differ. Pure.
//
// A document is an object of values and further objects; a list is one value. null is in none.

/** @typedef {Record<string, any>} Doc */
/**
 * `state`: both have it alike (same), the device has another value or none (differs), it is only reported (reported).
 * @typedef {{path: string[], key: string, desired: any, reported: any, state: "same" | "differs" | "reported"}} Row
 */

/** @param {any} value */
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** What stands at a place; undefined: nothing. @param {any} document @param {string[]} path */
export const at = (document, path) => path.reduce((found, name) => (isObject(found) && Object.hasOwn(found, name) ? found[name] : undefined), document);

/** Whether two values are the same, whatever the order of their keys. @param {any} a @param {any} b @returns {boolean} */
export function isSame(a, b) {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((each, index) => isSame(each, b[index]));
  if (!isObject(a) || !isObject(b)) return a === b;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && isSame(a[name], b[name]));
}

/** The rows of two documents, by name. @param {Doc} desired @param {Doc} reported @param {string[]} [path] @returns {Row[]} */
export function rowsOf(desired, reported, path = []) {
  const names = [...new Set([...Object.keys(desired), ...Object.keys(reported)])].sort();
  return names.flatMap((name) => {
    const here = [...path, name];
    const [wanted, told] = [at(desired, [name]), at(reported, [name])];
    const isInner = (isObject(wanted) || wanted === undefined) && (isObject(told) || told === undefined);
    // An empty object has no rows of its own and must be seen all the same.
    if (isInner && Object.keys({ ...wanted, ...told }).length) return rowsOf(wanted ?? {}, told ?? {}, here);
    const state = wanted === undefined ? "reported" : isSame(wanted, told) ? "same" : "differs";
    return [{ path: here, key: JSON.stringify(here), desired: wanted, reported: told, state: /** @type {Row["state"]} */ (state) }];
  });
}

/** A document with a value at a place. @param {Doc} document @param {string[]} path @param {any} value @returns {Doc} */
export function withValue(document, path, value) {
  const [name, ...rest] = path;
  const inner = isObject(at(document, [name])) ? document[name] : {};
  return { ...document, [name]: rest.length ? withValue(inner, rest, value) : value };
}

/** A document without what stands at a place, and without objects that are empty then. @param {Doc} document @param {string[]} path @returns {Doc} */
export function without(document, path) {
  const [name, ...rest] = path;
  const { [name]: inner, ...others } = document;
  if (!rest.length || !isObject(inner)) return others;
  const left = without(inner, rest);
  return Object.keys(left).length ? { ...document, [name]: left } : others;
}

/**
 * Read a document that somebody wrote as JSON.
 * @param {string} text @returns {{document: Doc | null, problem: string}}
 */
export function documentIn(text) {
  let said;
  try {
    said = JSON.parse(text);
  } catch (error) {
    return { document: null, problem: `This is no JSON: ${error.message}` };
  }
  if (!isObject(said)) return { document: null, problem: "A document is an object: { … }" };
  const nulls = nullsIn(said);
  if (nulls) return { document: null, problem: `${nulls} is null; leave it out to desire nothing there` };
  return { document: said, problem: "" };
}

/** @param {any} value @param {string} [path] @returns {string} */
function nullsIn(value, path = "") {
  if (value === null) return path;
  if (typeof value !== "object") return "";
  for (const [name, inner] of Object.entries(value)) {
    const found = nullsIn(inner, path ? `${path}.${name}` : name);
    if (found) return found;
  }
  return "";
}

/** A value as people read it. @param {any} value */
export const valueText = (value) => (value === undefined ? "–" : typeof value === "string" ? value : JSON.stringify(value));
