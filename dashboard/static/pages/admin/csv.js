// CSV as RFC 4180 has it: read strictly, written so that a spreadsheet runs nothing of it. Pure.

/** Something that is no CSV; `line` is where. */
export class BadCsv extends Error {
  /** @param {number} line @param {string} message */
  constructor(line, message) {
    super(message);
    this.line = line;
  }
}

/**
 * Rows of cells, each with the line that it begins on; lines without anything are left out. Throws BadCsv.
 * @param {string} text @returns {{line: number, cells: string[]}[]}
 */
export function parse(text) {
  const rows = [];
  let line = 1;
  let row = { line, cells: /** @type {string[]} */ ([]) };
  const separator = separatorOf(text);
  const piece = new RegExp(`(?:"((?:[^"]|"")*)"|([^"\\r\\n${separator}][^\\r\\n${separator}]*)|)(${separator}|\\r\\n|\\r|\\n|$)`, "y");
  const all = text.replace(/^\ufeff/, "");
  while (piece.lastIndex < all.length || row.cells.length) {
    const at = piece.lastIndex;
    const match = piece.exec(all);
    if (match === null) throw new BadCsv(line, `a quote is not closed, or stands where none may: ${all.slice(at, at + 20).split("\n")[0]}`);
    row.cells.push(match[1] !== undefined ? match[1].replaceAll('""', '"') : match[2] ?? "");
    line += (match[1]?.match(/\r\n|\r|\n/g) ?? []).length;
    if (match[3] === separator) continue;
    if (row.cells.some((cell) => cell.trim() !== "")) rows.push(row);
    if (match[3] === "") break;
    line += 1;
    row = { line, cells: [] };
  }
  return rows;
}

// Spreadsheets write semicolons in half of the world.
function separatorOf(/** @type {string} */ text) {
  const head = text.split(/\r|\n/, 1)[0];
  return head.includes(";") && !head.includes(",") ? ";" : ",";
}

/**
 * Rows as CSV. A text that a spreadsheet would take for a formula gets a quote before it.
 * @param {(string | number | null)[][]} rows
 */
export function written(rows) {
  return rows.map((row) => row.map(cellOf).join(",")).join("\r\n") + "\r\n";
}

/** @param {string | number | null} value */
function cellOf(value) {
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t\r]/.test(value ?? "") ? `'${value}` : value ?? "";
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
