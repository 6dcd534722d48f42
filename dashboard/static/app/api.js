// The hub's HTTP API from the page: beside the page wherever a proxy has put it, with the cookie of the login.
//
// Owns the one shape of a refusal: `ApiError` says what, and what to do. Opens nothing that is live.

/** A refusal of the hub, or no answer at all. */
export class ApiError extends Error {
  /** @param {string} message @param {{code?: string, hint?: string, status?: number}} more status 0: nobody answered */
  constructor(message, { code = "", hint = "", status = 0 }) {
    super(message);
    this.code = code;
    this.hint = hint;
    this.status = status;
  }

  /** What to show a person. */
  get text() {
    return [this.message, this.hint].filter(Boolean).map(sentence).join(" ");
  }
}

/** A text as a sentence, however whoever wrote it began and ended it; a field's path, as tiles[0].w, stays as it is. @param {string} text */
const sentence = (text) => `${text.replace(/^[a-z]+(?=[\s:,])/, (word) => word.charAt(0).toUpperCase() + word.slice(1)).replace(/\.$/, "")}.`;

/**
 * Ask the hub; returns what its JSON says, null where it says nothing. Throws ApiError.
 * @param {string} method @param {string} path below api/v1/ @param {unknown} [body] @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export async function request(method, path, body, signal) {
  let answer;
  let said = null;
  try {
    const headers = body === undefined ? undefined : { "Content-Type": "application/json" };
    answer = await fetch(`api/v1/${path}`, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal });
    const text = await answer.text();
    said = text ? JSON.parse(text) : null;
  } catch (error) {
    if (signal?.aborted) throw error;
    if (!answer) throw new ApiError("The hub does not answer", { hint: "try again when the connection is back" });
  }
  if (answer.ok) return said;
  throw new ApiError(said?.message ?? `The hub answered ${answer.status}`, { code: said?.code, hint: said?.hint, status: answer.status });
}

/** @param {string} path @param {AbortSignal} [signal] */
export const get = (path, signal) => request("GET", path, undefined, signal);
/** @param {string} path @param {unknown} [body] */
export const post = (path, body = {}) => request("POST", path, body);
/** @param {string} path @param {unknown} body */
export const put = (path, body) => request("PUT", path, body);
/** @param {string} path @param {unknown} body */
export const patch = (path, body) => request("PATCH", path, body);
/** @param {string} path */
export const remove = (path) => request("DELETE", path);

/** A path with a query; undefined and null are left out, lists repeat the name. @param {string} path @param {Record<string, any>} query */
export function withQuery(path, query) {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const each of Array.isArray(value) ? value : [value]) if (each !== undefined && each !== null) params.append(name, String(each));
  }
  const text = params.toString();
  return text ? `${path}?${text}` : path;
}

/** What to show a person of anything that was thrown. @param {unknown} error */
export const textOf = (error) => (error instanceof ApiError ? error.text : `This page failed: ${error instanceof Error ? error.message : error}.`);
