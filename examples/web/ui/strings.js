// The language of the pages: the first of the reader's that there are strings in.

import { de } from './strings/de.js';
import { en } from './strings/en.js';

/** @typedef {typeof en} Strings */

/** @type {Record<string, Strings>} */
const LANGUAGES = { en, de };

const language = (navigator.languages ?? [navigator.language])
  .map((tag) => tag.split('-')[0]?.toLowerCase() ?? '')
  .find((tag) => Object.hasOwn(LANGUAGES, tag)) ?? 'en';

export const t = /** @type {Strings} */ (LANGUAGES[language]);

export function announceLanguage() {
  document.documentElement.lang = language;
}

/**
 * What a code means for people.
 * @param {string | null} code a name of the registry
 */
export function explain(code) {
  const known = /** @type {Record<string, string>} */ (t.errors);
  return (code !== null && Object.hasOwn(known, code) && known[code]) || t.errors.other;
}
