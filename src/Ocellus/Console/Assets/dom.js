// Building elements without HTML text: names and messages reach the page as text only.

const SVG = "http://www.w3.org/2000/svg";

/**
 * @typedef {Node | string | number | null | undefined | false} Child
 * @typedef {Record<string, unknown>} Attributes `class`, `text`, `data` (an object), `on` (an object of listeners); all others are attributes. False, null and
 * undefined leave an attribute out, true sets it without a value.
 */

/**
 * Makes an element: `el("li", { class: "tile", data: { n: 3 }, on: { click } }, "text", child)`.
 * @param {string} tag @param {Attributes} [attributes] @param {...Child} children @returns {HTMLElement}
 */
export function el(tag, attributes, ...children) {
  return /** @type {HTMLElement} */ (fill(document.createElement(tag), attributes, children));
}

/**
 * Makes an SVG element.
 * @param {string} tag @param {Attributes} [attributes] @param {...Child} children @returns {SVGElement}
 */
export function svg(tag, attributes, ...children) {
  return /** @type {SVGElement} */ (fill(document.createElementNS(SVG, tag), attributes, children));
}

/** @param {Element} element @param {Attributes | undefined} attributes @param {Child[]} children */
function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") element.textContent = String(value);
    else if (name === "data") for (const [key, item] of Object.entries(/** @type {object} */ (value))) /** @type {HTMLElement} */ (element).dataset[key] = String(item);
    else if (name === "on") for (const [event, listener] of Object.entries(/** @type {object} */ (value))) element.addEventListener(event, listener);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  add(element, ...children);
  return element;
}

/** Appends texts and nodes; nothing for null, undefined and false. @param {Element} parent @param {...Child} children */
export function add(parent, ...children) {
  for (const child of children) if (child !== null && child !== undefined && child !== false) parent.append(typeof child === "number" ? String(child) : child);
}

/** Replaces what is inside an element. @param {Element} parent @param {...Child} children */
export function put(parent, ...children) {
  parent.replaceChildren();
  add(parent, ...children);
}

/** The first element that matches, which must be there. @param {string} selector @param {ParentNode} [root] @returns {HTMLElement} */
export function one(selector, root = document) {
  const found = root.querySelector(selector);
  if (!found) throw new Error(`The page has no ${selector}.`);
  return /** @type {HTMLElement} */ (found);
}

/** All elements that match. @param {string} selector @param {ParentNode} [root] @returns {HTMLElement[]} */
export const all = (selector, root = document) => /** @type {HTMLElement[]} */ ([...root.querySelectorAll(selector)]);

/** Copies a text. The clipboard's own interface is there over https and on this machine only. @param {string} text */
export async function copyText(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = /** @type {HTMLTextAreaElement} */ (el("textarea", { class: "sr-only", "aria-hidden": "true" }));
  field.value = text;
  // Inside an open dialog nothing outside can be selected.
  (document.querySelector("dialog[open], :popover-open") ?? document.body).append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

/** Tells screen readers, politely: "White, 14 of 60". @param {string} text */
export function say(text) {
  const live = document.getElementById("live");
  if (live) live.textContent = text;
}
