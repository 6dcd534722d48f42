// Names and texts for plotly, letter by letter: it obeys some HTML in texts, and %{...} in templates. Pure.

const CODES = [["&", "&amp;"], ["<", "&lt;"], [">", "&gt;"], ["%{", "%&#123;"]];

/** @param {string} text */
export const plain = (text) => CODES.reduce((found, [sign, code]) => found.replaceAll(sign, code), text);
