// The page's modules for node: they name each other by the address they are served under; here they are joined as data addresses.

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

function address(name) {
  const source = readFileSync(new URL(`../../dashboard/static/${name}.js`, import.meta.url), "utf8");
  const joined = source.replace(/from "(\.[\w./-]+)\.js"/g, (_, other) => `from "${address(join(dirname(name), other))}"`);
  return `data:text/javascript;base64,${Buffer.from(joined).toString("base64")}`;
}

// Load a module of the page by its path below static/, without .js.
export const load = (name) => import(address(name));
