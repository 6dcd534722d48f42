// A text with a little markup as a tree: headings, lists, paragraphs; strong, emphasis, code, links to http and https. Pure.
//
// Knows no HTML: what looks like it is text.

/** @typedef {string | {name: "strong" | "em" | "code", text: string} | {name: "a", text: string, href: string}} Piece */
/** @typedef {{name: "h2" | "h3" | "h4" | "p", lines: Piece[][]} | {name: "ul" | "ol", lines: Piece[][]}} Block */

const MOST_LETTERS = 20_000; // a tile is no book
const INLINE = /\*\*([^*\n]+)\*\*|\*([^*\n]+)\*|`([^`\n]+)`|\[([^\]\n]+)\]\(([^()\s]+(?:\([^()\s]*\)[^()\s]*)*)\)/g;

/** @param {string} text @returns {Block[]} */
export function blocksOf(text) {
  /** @type {Block[]} */
  const blocks = [];
  let isOpen = false; // the last block goes on with the next line
  for (const raw of text.slice(0, MOST_LETTERS).split(/\r?\n/)) {
    const line = raw.trim();
    const { name, rest } = read(line);
    const last = blocks.at(-1);
    if (line === "") isOpen = false;
    else if (isOpen && last?.name === name && !name.startsWith("h")) last.lines.push(piecesOf(rest));
    else blocks.push({ name, lines: [piecesOf(rest)] });
    isOpen = line !== "";
  }
  return blocks;
}

/** @param {string} line @returns {{name: Block["name"], rest: string}} */
function read(line) {
  const heading = /^(#{1,3})\s+(.*)$/.exec(line);
  if (heading) return { name: /** @type {Block["name"]} */ (`h${heading[1].length + 1}`), rest: heading[2] };
  const point = /^[-*]\s+(.*)$/.exec(line);
  if (point) return { name: "ul", rest: point[1] };
  const numbered = /^\d{1,3}[.)]\s+(.*)$/.exec(line);
  return numbered ? { name: "ol", rest: numbered[1] } : { name: "p", rest: line };
}

/** @param {string} line @returns {Piece[]} */
export function piecesOf(line) {
  /** @type {Piece[]} */
  const pieces = [];
  let from = 0;
  for (const match of line.matchAll(INLINE)) {
    const [whole, strong, em, code, label, address] = match;
    const href = address === undefined ? null : safeAddress(address);
    const at = match.index ?? 0;
    if (address !== undefined && href === null) continue; // stays as it was written
    if (at > from) pieces.push(line.slice(from, at));
    if (strong !== undefined) pieces.push({ name: "strong", text: strong });
    else if (em !== undefined) pieces.push({ name: "em", text: em });
    else if (code !== undefined) pieces.push({ name: "code", text: code });
    else pieces.push({ name: "a", text: label, href: /** @type {string} */ (href) });
    from = at + whole.length;
  }
  if (from < line.length) pieces.push(line.slice(from));
  return pieces;
}

/** An address that a link may lead to: http and https alone; null for any other. @param {string} text */
function safeAddress(text) {
  if (!/^https?:\/\//i.test(text)) return null;
  try {
    const url = new URL(text);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
  } catch {
    return null;
  }
}
