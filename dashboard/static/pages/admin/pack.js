// msgpack, as much of it as the first words of a device need (docs/protocol.md part A): maps, arrays, texts, numbers, binaries. Pure.

/** @param {any} value @returns {number[]} */
function encoded(value) {
  if (typeof value === "string") return sized(new TextEncoder().encode(value), 0xd9);
  if (value instanceof Uint8Array) return sized(value, 0xc4);
  if (typeof value === "number") return Number.isInteger(value) ? wide(0xcf, (view) => view.setBigUint64(0, BigInt(value))) : wide(0xcb, (view) => view.setFloat64(0, value));
  if (Array.isArray(value)) return [0xdc, value.length >> 8, value.length & 0xff, ...value.flatMap(encoded)];
  const entries = Object.entries(value);
  return [0xde, entries.length >> 8, entries.length & 0xff, ...entries.flatMap(([key, each]) => [...encoded(key), ...encoded(each)])];
}

// A length of 8 bits, or of 16 with the next tag.
/** @param {Uint8Array} content @param {number} tag */
function sized(content, tag) {
  const head = content.length < 256 ? [tag, content.length] : [tag + 1, content.length >> 8, content.length & 0xff];
  return [...head, ...content];
}

/** @param {number} tag @param {(view: DataView) => void} put */
function wide(tag, put) {
  const bytes = new Uint8Array(8);
  put(new DataView(bytes.buffer));
  return [tag, ...bytes];
}

/**
 * Bytes of a value; numbers that are integers are not negative.
 * @param {any} value
 */
export const pack = (value) => Uint8Array.from(encoded(value));

/**
 * The body of a request of a device with one message, as base64.
 * @param {any} message
 */
export function bodyOf(message) {
  return btoa(String.fromCharCode(...pack({ messages: [pack(message)] })));
}
