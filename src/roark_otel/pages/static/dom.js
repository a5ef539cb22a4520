// @ts-check
/** Elements whose text is always text: nothing here parses HTML, so no word of a call can become markup. */

import { visible } from "./format.js";

const SVG = "http://www.w3.org/2000/svg";
const LINKS = new Set(["href", "src"]);
/** Addresses within the site or on the web; for sound and pictures, data of the page's own too. `//name` is another host. */
const HARMLESS = { href: /^(?:https?:\/\/|\/(?![/\\])|#|\?)/i, src: /^(?:https?:\/\/|\/(?![/\\])|data:(?:audio|image)\/|blob:)/i };

/**
 * @typedef {Node | string | number | boolean | null | undefined} One what an element may hold: false, null and
 *   undefined leave nothing
 * @typedef {One | readonly any[]} Kid
 * @typedef {Record<string, any>} Props attributes; `onclick` and the like are listeners, `style` is an object of CSS
 *   properties, false and undefined leave an attribute out
 */

/**
 * Makes an HTML element.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag @param {Props} [props] @param {...Kid} kids
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, props, ...kids) {
  return fill(document.createElement(tag), props, kids);
}

/**
 * Makes an SVG element.
 * @template {keyof SVGElementTagNameMap} T
 * @param {T} tag @param {Props} [props] @param {...Kid} kids
 * @returns {SVGElementTagNameMap[T]}
 */
export function s(tag, props, ...kids) {
  return fill(/** @type {SVGElementTagNameMap[T]} */ (document.createElementNS(SVG, tag)), props, kids);
}

/**
 * @template {Element & ElementCSSInlineStyle} E
 * @param {E} element @param {Props | undefined} props @param {readonly Kid[]} kids
 */
function fill(element, props, kids) {
  for (const [key, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "style") for (const [name, one] of Object.entries(value)) element.style.setProperty(name, String(one));
    else if (LINKS.has(key) && !HARMLESS[/** @type {"href" | "src"} */ (key)].test(String(value))) continue;
    else element.setAttribute(key, value === true ? "" : visible(String(value)));
  }
  append(element, kids);
  return element;
}

/**
 * Appends to an element; strings as text in which control characters can be seen.
 * @param {Element} element @param {readonly Kid[]} kids
 */
export function append(element, kids) {
  for (const kid of kids) {
    if (Array.isArray(kid)) append(element, /** @type {Kid[]} */ (kid));
    else if (kid instanceof Node) element.append(kid);
    else if (typeof kid === "string" || typeof kid === "number") element.append(visible(String(kid)));
  }
}

/**
 * Replaces what an element holds.
 * @param {Element} element @param {...Kid} kids
 */
export function put(element, ...kids) {
  element.replaceChildren();
  append(element, kids);
}
