// Elements made from plain values: a text is only ever a text, whatever a device or a person has written into it.
//
// Owns no element. `h("button", { class: "quiet", on: { click } }, "Save")`; children that are null or false are left out.

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * Make an element. `on` are listeners, `data` data attributes, `style` custom properties; true and false set and leave out an attribute.
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Record<string, any>} [props]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function h(name, props = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(props)) set(element, key, value);
  element.append(...nodes(children));
  return element;
}

/** @param {HTMLElement} element @param {string} key @param {any} value */
function set(element, key, value) {
  if (key === "on") for (const [type, listener] of Object.entries(value)) element.addEventListener(type, listener);
  else if (key === "data") for (const [each, text] of Object.entries(value)) element.dataset[each] = String(text);
  else if (key === "style") for (const [each, text] of Object.entries(value)) element.style.setProperty(each, String(text));
  else if (key === "class") element.className = value;
  // What a person has typed is a property; the attribute is only its beginning.
  else if (key === "value" || key === "checked" || key === "selected" || key === "htmlFor") Object.assign(element, { [key]: value });
  else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, value === true ? "" : String(value));
}

/** @param {(Child | Child[])[]} children @returns {(Node | string)[]} */
function nodes(children) {
  return children.flat().filter((each) => each !== null && each !== undefined && each !== false).map((each) => (each instanceof Node ? each : String(each)));
}

/** Put children in the place of those an element has. @param {Element} element @param {...(Child | Child[])} children */
export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
}

/** Change a text only where it differs: nothing is laid out or read aloud again. @param {Element} element @param {string} text */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Make a button that does something.
 * @param {Child} label @param {(event: MouseEvent) => void} click @param {Record<string, any>} [props]
 */
export function button(label, click, props = {}) {
  return h("button", { type: "button", class: "quiet", ...props, on: { click } }, label);
}

let ids = 0;

/** A label above its input; `hint` is read with it. @param {string} text @param {HTMLElement} input @param {string} [hint] */
export function field(text, input, hint = "") {
  input.id ||= `field-${(ids += 1)}`;
  const more = hint ? h("span", { class: "hint", id: `${input.id}-hint` }, hint) : null;
  if (more) input.setAttribute("aria-describedby", more.id);
  return h("div", { class: "field" }, h("label", { htmlFor: input.id }, text), input, more);
}

/**
 * A list whose rows stay the same elements while their items change. Returns a function to call with the items in their order.
 * @template Item
 * @param {Element} parent @param {(item: Item) => string} keyOf
 * @param {(item: Item) => {element: Element, show: (item: Item) => void}} make
 */
export function keyed(parent, keyOf, make) {
  /** @type {Map<string, {element: Element, show: (item: Item) => void}>} */
  let rows = new Map();
  return (/** @type {Item[]} */ items) => {
    const kept = new Map();
    items.forEach((item, at) => {
      const key = keyOf(item);
      const row = rows.get(key) ?? make(item);
      kept.set(key, row);
      row.show(item);
      if (parent.children[at] !== row.element) parent.insertBefore(row.element, parent.children[at] ?? null);
    });
    for (const [key, row] of rows) if (!kept.has(key)) row.element.remove();
    rows = kept;
  };
}

/** An element of index.html. @param {string} id @returns {HTMLElement} */
export const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
