// A fleet in a CSV file: its devices, and which of them the hub would refuse, row by row. Asks nothing itself; the hub's rules are the hub's.
//
// The columns are those of `tributary device import`: name, and title, kind, tags (a;b=c), notes where they are there.

import { BadCsv, parse } from "./csv.js";

export const COLUMNS = ["name", "title", "kind", "tags", "notes"];
const MAX_DEVICES = 10_000; // of one file here; the command line takes more
export const BATCH = 1_000; // devices of one request
const MOST_WRONG = 20; // rows that are told of: with more the file is wrong as a whole

/**
 * @typedef {{line: number, device: {name: string, title?: string, kind?: string, tags?: string[], notes?: string}}} Row
 * @typedef {{line: number, name: string, text: string}} Wrong
 */

/**
 * The devices of a file and what only the file can tell of them.
 * @param {string} text @returns {{rows: Row[], wrong: Wrong[]}}
 */
export function fleetIn(text) {
  let lines;
  try {
    lines = parse(text);
  } catch (error) {
    if (error instanceof BadCsv) return { rows: [], wrong: [{ line: error.line, name: "", text: error.message }] };
    throw error;
  }
  const head = lines.shift();
  const columns = (head?.cells ?? []).map((cell) => cell.trim().toLowerCase());
  const odd = columns.find((column, at) => !COLUMNS.includes(column) || columns.indexOf(column) !== at);
  if (odd !== undefined) return one(head?.line ?? 1, `The column “${odd}” is not known, or there twice. The columns are: ${COLUMNS.join(", ")}.`);
  if (!columns.includes("name")) return one(1, `There is no column name. The first line names the columns: ${COLUMNS.join(", ")}.`);
  if (lines.length === 0) return one(1, "There is no device in it.");
  if (lines.length > MAX_DEVICES) return one(1, `${lines.length.toLocaleString("en")} devices are over the limit of ${MAX_DEVICES.toLocaleString("en")}; use: tributary device import FILE.`);
  return rowsOf(columns, lines);
}

/** @param {number} line @param {string} text */
const one = (line, text) => ({ rows: [], wrong: [{ line, name: "", text }] });

/** @param {string[]} columns @param {{line: number, cells: string[]}[]} lines */
function rowsOf(columns, lines) {
  /** @type {Row[]} */
  const rows = [];
  /** @type {Wrong[]} */
  const wrong = [];
  const names = new Map();
  for (const { line, cells } of lines) {
    const said = Object.fromEntries(columns.map((column, at) => [column, (cells[at] ?? "").trim()]).filter(([, value]) => value));
    const name = said.name ?? "";
    const tell = (/** @type {string} */ text) => wrong.push({ line, name, text });
    if (cells.length !== columns.length) tell(`It has ${cells.length} cells, the first line ${columns.length}.`);
    else if (!name) tell("It has no name.");
    else if (names.has(name)) tell(`The name is in line ${names.get(name)} already.`);
    else rows.push({ line, device: /** @type {any} */ ({ ...said, ...(said.tags ? { tags: said.tags.split(";").map((/** @type {string} */ tag) => tag.trim()).filter(Boolean) } : {}) }) });
    names.set(name, line);
  }
  return { rows, wrong: wrong.slice(0, MOST_WRONG) };
}

/**
 * Which rows are refused: a batch that is refused is halved until the row is found.
 * @param {Row[]} rows @param {(rows: Row[]) => Promise<string | null>} refusal why these are refused, null: they are not
 */
export async function refused(rows, refusal) {
  /** @type {Wrong[]} */
  const wrong = [];
  const look = async (/** @type {Row[]} */ some) => {
    if (wrong.length >= MOST_WRONG) return;
    const text = await refusal(some);
    if (text === null) return;
    if (some.length === 1) wrong.push({ line: some[0].line, name: some[0].device.name, text });
    else {
      const middle = some.length >> 1;
      await look(some.slice(0, middle));
      await look(some.slice(middle));
    }
  };
  for (let at = 0; at < rows.length; at += BATCH) await look(rows.slice(at, at + BATCH));
  return wrong;
}
