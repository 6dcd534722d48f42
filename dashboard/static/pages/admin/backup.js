// A backup, asked of the hub, which tells line by line how far it is. Owns the request while it is on its way.

import { ApiError } from "../../app/api.js";

/**
 * Take a backup into a folder of the hub's machine; returns what the hub says of it. Throws ApiError.
 * @param {string} folder @param {(step: {step: string, done_bytes: number, all_bytes: number}) => void} told
 * @returns {Promise<any>}
 */
export async function takeBackup(folder, told) {
  const answer = await fetch("api/v1/backup", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ folder }) }).catch(() => null);
  if (answer === null) throw new ApiError("The hub does not answer", { hint: "try again when the connection is back" });
  if (!answer.ok) {
    const said = await answer.json();
    throw new ApiError(said.message, { code: said.code, hint: said.hint, status: answer.status });
  }
  let last = null;
  for await (const line of linesOf(/** @type {ReadableStream} */ (answer.body))) {
    if (line.error) throw new ApiError(line.error.message, { code: line.error.code, hint: line.error.hint, status: answer.status });
    if (line.step) told(line);
    else last = line;
  }
  if (last === null) throw new ApiError("The connection broke before the backup was whole", { hint: "what was written is gone; try again" });
  return last;
}

/** @param {ReadableStream} body */
async function* linesOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read().catch(() => ({ value: "", done: true }));
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line) yield JSON.parse(line);
  }
}
