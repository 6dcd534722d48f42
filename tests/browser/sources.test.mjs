// Which readings a tile shows, as the page reads its config: the hub's own reading of it (hub/core/tile_sources.py), which says what the
// link of a shared dashboard reaches, is held to the same vectors. Run by test_rules_of_the_page.py.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { load } from "./modules.mjs";

globalThis.localStorage = { getItem: () => null, setItem: () => {} };
const { resolved, unchosen } = await load("parts/board_rules");
const { sourceOf } = await load("tiles/rules");

const vectors = JSON.parse(readFileSync(new URL("../vectors/tile_sources.json", import.meta.url), "utf-8"));

for (const { what, variables, config, shows } of vectors) {
  test(what, () => {
    const found = unchosen(config, variables).length ? null : sourceOf(resolved(config, variables));
    assert.deepEqual(found, shows);
  });
}
