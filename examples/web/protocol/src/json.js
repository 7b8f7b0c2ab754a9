// JSON by the rules of section 13.1: parsed once, into types. `JSON.parse` would let repeated members pass and turn
// 2^53 + 1 into another number.

import { ProtocolError } from './errors.js';
import * as limits from './limits.js';

/** A number as it was written. */
export class Digits {
  constructor(/** @type {string} */ text) {
    this.text = text;
  }
}

/** @typedef {string | boolean | null | Digits | Json[] | Map<string, Json>} Json */

/**
 * One object.
 * @param {string} text
 * @returns {Map<string, Json>}
 */
export function parseObject(text) {
  const parser = new Parser(text);
  parser.space();
  if (text[parser.at] !== '{') throw malformed();
  const members = parser.object(1);
  parser.space();
  if (parser.at !== text.length) throw malformed();
  return members;
}

const malformed = () => new ProtocolError('malformed_frame');

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})/y;
const SPACE = ' \t\n\r';

class Parser {
  constructor(/** @type {string} */ text) {
    this.text = text;
    this.at = 0;
  }

  space() {
    while (this.at < this.text.length && SPACE.includes(this.text[this.at])) this.at += 1;
  }

  /** @returns {Map<string, Json>} */
  object(/** @type {number} */ depth) {
    /** @type {Map<string, Json>} */
    const members = new Map();
    this.items(depth, '}', () => {
      const key = this.string();
      if (members.has(key)) throw new ProtocolError('duplicate_key');
      if (members.size >= limits.FRAME_MEMBERS) throw malformed();
      this.space();
      if (!this.take(':')) throw malformed();
      this.space();
      members.set(key, this.value(depth + 1));
    });
    return members;
  }

  /** @returns {Json[]} */
  array(/** @type {number} */ depth) {
    /** @type {Json[]} */
    const items = [];
    this.items(depth, ']', () => items.push(this.value(depth + 1)));
    return items;
  }

  /**
   * What stands between an opening bracket and its closing one.
   * @param {number} depth
   * @param {string} end
   * @param {() => void} item
   */
  items(depth, end, item) {
    if (depth > limits.FRAME_DEPTH) throw malformed();
    this.at += 1;
    this.space();
    if (this.take(end)) return;
    for (;;) {
      this.space();
      item();
      this.space();
      if (this.take(end)) return;
      if (!this.take(',')) throw malformed();
    }
  }

  /** @returns {Json} */
  value(/** @type {number} */ depth) {
    switch (this.text[this.at]) {
      case '{':
        return this.object(depth);
      case '[':
        return this.array(depth);
      case '"':
        return this.string();
      default:
        if (this.take('true')) return true;
        if (this.take('false')) return false;
        if (this.take('null')) return null;
        return new Digits(this.match(NUMBER));
    }
  }

  string() {
    const { text } = this;
    const start = this.at;
    if (!this.take('"')) throw malformed();
    for (;;) {
      const code = text.charCodeAt(this.at);
      // NaN at the end of the text, too.
      if (!(code >= 0x20)) throw malformed();
      if (code === 0x22) break;
      if (code === 0x5c) this.match(ESCAPE);
      else this.at += 1;
    }
    this.at += 1;
    // One JSON string by its grammar: all that is left is to unescape it.
    return /** @type {string} */ (JSON.parse(text.slice(start, this.at)));
  }

  take(/** @type {string} */ token) {
    if (!this.text.startsWith(token, this.at)) return false;
    this.at += token.length;
    return true;
  }

  match(/** @type {RegExp} */ pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found === null) throw malformed();
    this.at = pattern.lastIndex;
    return found[0];
  }
}
