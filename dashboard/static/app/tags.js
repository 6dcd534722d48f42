// Tag expressions, `floor=2 and not kind=test`, judged here exactly as the hub judges them (hub/core/tags.py): the page has every device
// whole, so a list follows a change of presence or tags at once, without asking the hub each time.
//
// Owns the grammar in this language. tests/vectors/tag_expressions.json and random expressions hold both to the same answers. Pure.

import { count } from "./units.js";

const MAX_EXPRESSION = 1_024; // characters
const MAX_DEPTH = 32; // parentheses and nots within each other
const MAX_SHOWN = 40; // characters of a wrong value in a sentence
const OPERATORS = ["and", "or", "not"];
/** All devices. */
export const EVERYTHING = "name=*";

// What Python takes for a blank, spelt out: JavaScript has its own idea of \s.
const BLANK = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const TOKEN = new RegExp(`[${BLANK}]*(?:(!=|=|\\(|\\))|"([^"]*)"|([^${BLANK}=!()"]+))`, "yu");
const LEADING = new RegExp(`^[${BLANK}]+`, "u");
const TRAILING = new RegExp(`[${BLANK}]+$`, "u");

/**
 * Of one device: each tag's key and its value, "" for a plain word; and what the hub knows of it.
 * @typedef {Map<string, string>} Facts
 */
/** @typedef {(facts: Facts) => boolean} Where */
/** @typedef {{text: string, isMark: boolean, isQuoted: boolean, at: number}} Token */

/** An expression that cannot be read; the message says where. */
class TagError extends Error {}

/** What an expression is asked of a device. @param {any} item @returns {Facts} */
export function factsOf(item) {
  const facts = new Map();
  for (const tag of item.tags ?? []) {
    const at = tag.indexOf("=");
    facts.set(at < 0 ? tag : tag.slice(0, at), at < 0 ? "" : tag.slice(at + 1));
  }
  const own = { name: item.device, presence: item.presence, kind: item.kind, title: item.title, firmware: item.firmware };
  for (const [key, value] of Object.entries(own)) if (value) facts.set(key, value);
  if (item.disabled) facts.set("disabled", "");
  if (item.flapping) facts.set("flapping", "");
  return facts;
}

/** The test that an expression stands for. Throws TagError. @param {string} expression @returns {Where} */
export function parse(expression) {
  const length = [...expression].length;
  if (length > MAX_EXPRESSION) throw new TagError(`an expression of ${count(length)} characters is over the limit of ${count(MAX_EXPRESSION)}`);
  const parser = new Parser(tokens(expression), length);
  const where = parser.anyOf(0);
  const left = parser.next();
  if (left) throw new TagError(`${shown(left.text)} at character ${left.at + 1} has no and or or before it`);
  return where;
}


/** The expression that means all devices with a tag. @param {string} tag */
export function expressionOf(tag) {
  const at = tag.indexOf("=");
  const value = at < 0 ? "" : tag.slice(at + 1);
  return at < 0 ? tag : `${tag.slice(0, at)}=${/[\s=!()]/.test(value) || OPERATORS.includes(value) ? `"${value}"` : value}`;
}

/** @param {string} expression @returns {Token[]} */
function tokens(expression) {
  const text = expression.replace(TRAILING, "");
  const found = [];
  let at = 0;
  // Places are told in characters, and not in the halves that some of them are kept in.
  const place = (/** @type {number} */ index) => [...text.slice(0, index)].length;
  while (at < text.length) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (!match) {
      const [first] = text.slice(at).replace(LEADING, "");
      throw new TagError(`character ${place(at) + 1} of the expression, ${shown(first)}, has no meaning there`);
    }
    const [whole, mark, quoted, word] = match;
    const token = mark ?? quoted ?? word;
    const start = at + whole.length - token.length - (quoted === undefined ? 0 : 1);
    found.push({ text: token, isMark: mark !== undefined, isQuoted: quoted !== undefined, at: place(start) });
    at += whole.length;
  }
  return found;
}

// Goes through the tokens once; each method takes what it names and returns its test.
class Parser {
  /** @param {Token[]} found @param {number} end */
  constructor(found, end) {
    this.tokens = found;
    this.end = end;
    this.at = 0;
  }

  /** @returns {Token | undefined} */
  next() {
    return this.tokens[this.at];
  }

  /** @param {number} depth @returns {Where} */
  anyOf(depth) {
    const tests = [this._allOf(depth)];
    while (this._takes("or")) tests.push(this._allOf(depth));
    return (facts) => tests.some((test) => test(facts));
  }

  /** @param {number} depth @returns {Where} */
  _allOf(depth) {
    const tests = [this._one(depth)];
    while (this._takes("and")) tests.push(this._one(depth));
    return (facts) => tests.every((test) => test(facts));
  }

  /** @param {number} depth @returns {Where} */
  _one(depth) {
    if (depth > MAX_DEPTH) throw new TagError(`the expression is nested deeper than the limit of ${MAX_DEPTH}`);
    if (this._takes("not")) {
      const inverted = this._one(depth + 1);
      return (facts) => !inverted(facts);
    }
    if (this._takes("(", true)) {
      const within = this.anyOf(depth + 1);
      if (!this._takes(")", true)) throw this._expected(")");
      return within;
    }
    return this._comparison();
  }

  /** @returns {Where} */
  _comparison() {
    const key = this._word("a tag");
    if (this._takes("=", true)) return equals(key, this._word("a value"));
    if (this._takes("!=", true)) {
      const equal = equals(key, this._word("a value"));
      return (facts) => !equal(facts);
    }
    return (facts) => facts.has(key);
  }

  /** @param {string} wanted */
  _word(wanted) {
    const token = this.next();
    if (!token || token.isMark || (!token.isQuoted && OPERATORS.includes(token.text))) throw this._expected(wanted);
    this.at += 1;
    return token.text;
  }

  /** @param {string} text @param {boolean} [isMark] */
  _takes(text, isMark = false) {
    const token = this.next();
    const isIt = token !== undefined && token.text === text && token.isMark === isMark && !token.isQuoted;
    if (isIt) this.at += 1;
    return isIt;
  }

  /** @param {string} wanted */
  _expected(wanted) {
    const token = this.next();
    const where = token ? `at character ${token.at + 1}, not ${shown(token.text)}` : `after character ${this.end}`;
    return new TagError(`the expression needs ${wanted} ${where}`);
  }
}

/** @param {string} key @param {string} value @returns {Where} */
function equals(key, value) {
  if (value.endsWith("*")) return (facts) => facts.get(key)?.startsWith(value.slice(0, -1)) ?? false;
  return (facts) => facts.get(key) === value;
}

/** @type {Record<string, string>} */
const ESCAPES = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };

// A wrong value in a sentence, as the hub writes it. @param {string} text
function shown(/** @type {string} */ text) {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = [...text].map((each) => {
    const code = /** @type {number} */ (each.codePointAt(0));
    if (each === quote) return `\\${each}`;
    if (each in ESCAPES) return ESCAPES[each];
    if (code >= 32 && code < 127) return each;
    if (code < 256) return `\\x${code.toString(16).padStart(2, "0")}`;
    return code < 65_536 ? `\\u${code.toString(16).padStart(4, "0")}` : `\\U${code.toString(16).padStart(8, "0")}`;
  });
  const whole = `${quote}${escaped.join("")}${quote}`;
  return whole.length <= MAX_SHOWN ? whole : `${whole.slice(0, MAX_SHOWN)}...`;
}
