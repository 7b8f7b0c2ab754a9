// Elements without markup: text only ever becomes text. Nothing here, and nothing in the pages, parses HTML.

/**
 * @typedef {Node | string | null | undefined | false | Child[]} Child
 * @typedef {{ [name: string]: string | number | boolean | null | undefined | ((event: any) => void) }} Attributes
 */

/**
 * An element. `onclick` and the like are listeners, a boolean attribute is there or not, `null` leaves one out.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Attributes} [attributes]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    set(element, name, value);
  }
  fill(element, children);
  return element;
}

/**
 * The same for SVG.
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} tag
 * @param {Attributes} [attributes]
 * @param {...Child} children
 * @returns {SVGElementTagNameMap[K]}
 */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) {
    set(element, name, value);
  }
  fill(element, children);
  return element;
}

/**
 * Puts `children` in the place of everything that is in `parent`.
 * @param {Element} parent
 * @param {...Child} children
 */
export function replace(parent, ...children) {
  parent.replaceChildren();
  fill(parent, children);
}

/**
 * A text that somebody else wrote: it may run in either direction and must not turn what stands round it.
 * @param {string} text
 * @param {Attributes} [attributes]
 */
export const theirs = (text, attributes = {}) => h('bdi', attributes, text);

/**
 * @param {Element} element
 * @param {string} name
 * @param {Attributes[string]} value
 */
function set(element, name, value) {
  if (value === null || value === undefined || value === false) {
    return;
  }
  if (typeof value === 'function') {
    element.addEventListener(name.replace(/^on/, ''), value);
  } else if (name === 'value' && 'value' in element) {
    element.value = String(value);
  } else {
    element.setAttribute(name, value === true ? '' : String(value));
  }
}

/**
 * @param {Element} parent
 * @param {Child[]} children
 */
function fill(parent, children) {
  for (const child of children) {
    if (Array.isArray(child)) {
      fill(parent, child);
    } else if (child !== null && child !== undefined && child !== false) {
      parent.append(child);
    }
  }
}
