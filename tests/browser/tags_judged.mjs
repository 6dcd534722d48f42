// Judges what comes on the standard input, [[expression, facts], ...], as the page does: for each true, false, or why it cannot be read.

import { readFileSync } from "node:fs";

import { load } from "./modules.mjs";

const { parse } = await load("app/tags");
const judged = JSON.parse(readFileSync(0, "utf8")).map(([expression, facts]) => {
  try {
    return parse(expression)(new Map(Object.entries(facts)));
  } catch (error) {
    return error.message;
  }
});
process.stdout.write(JSON.stringify(judged));
