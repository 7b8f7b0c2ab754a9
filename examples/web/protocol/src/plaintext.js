// What is inside an envelope (section 8.3).

import { concat, fromUtf8, integer, u32, u64, u8, utf8 } from './bytes.js';
import * as limits from './limits.js';

/** @typedef {import('./bytes.js').Bytes} Bytes */

const KIND = { text: 1, typing: 2, read: 3, ticket: 4, ticketWanted: 5 };
const HEAD = 37;
const FIRST_HEAD = 53;

/**
 * @typedef {(
 *   | { kind: 'text', text: string, burnAfterMs: number }
 *   | { kind: 'typing', typing: boolean }
 *   | { kind: 'read', read: { sender: Bytes, id: Bytes }[] }
 *   | { kind: 'ticket', ticket: Bytes }
 *   | { kind: 'ticketWanted', hash: Bytes }
 * )} Content
 */

/**
 * @typedef {object} Head
 * @property {Bytes} id
 * @property {bigint} sentAt
 * @property {bigint} count
 * @property {{ version: bigint, count: bigint } | null} last only where n is 0
 */

/**
 * The padded plaintext.
 * @param {Head} head
 * @param {Content} content
 */
export function encodePlaintext({ id, sentAt, count, last }, content) {
  const burnAfter = content.kind === 'text' ? content.burnAfterMs : 0;
  const lasts = last === null ? [] : [u64(last.version), u64(last.count)];
  const plaintext = concat(u8(KIND[content.kind]), id, u64(sentAt), u64(count), u32(burnAfter), ...lasts, encodeBody(content));
  const padded = pad(plaintext);
  plaintext.fill(0);
  return padded;
}

/** @returns {Bytes} */
function encodeBody(/** @type {Content} */ content) {
  switch (content.kind) {
    case 'text':
      return utf8(content.text);
    case 'typing':
      return u8(content.typing ? 1 : 0);
    case 'read':
      return concat(...content.read.flatMap(({ sender, id }) => [sender, id]));
    case 'ticket':
      return content.ticket;
    case 'ticketWanted':
      return content.hash;
  }
}

/**
 * What a padded plaintext says: null if not even its head can be read; without content if its kind is unknown or its
 * body does not parse.
 * @param {Bytes} padded
 * @param {boolean} first whether n is 0
 * @returns {{ head: Head, text: boolean, content: Content | null } | null} `text`: that is its kind, whether it parses or not
 */
export function decodePlaintext(padded, first) {
  const bytes = unpad(padded);
  const fixed = first ? FIRST_HEAD : HEAD;
  if (bytes === null || bytes.length < fixed) return null;
  const number = (/** @type {number} */ from, /** @type {number} */ to) => integer(bytes.subarray(from, to));
  const head = {
    id: bytes.slice(1, 17),
    sentAt: number(17, 25),
    count: number(25, 33),
    last: first ? { version: number(HEAD, 45), count: number(45, FIRST_HEAD) } : null,
  };
  const burnAfter = Number(number(33, HEAD));
  const text = bytes[0] === KIND.text;
  const content = text || burnAfter === 0 ? decodeBody(bytes[0], bytes.slice(fixed), burnAfter) : null;
  bytes.fill(0);
  return { head, text, content };
}

/**
 * @param {number} kind
 * @param {Bytes} body
 * @param {number} burnAfterMs
 * @returns {Content | null}
 */
function decodeBody(kind, body, burnAfterMs) {
  const { length } = body;
  switch (kind) {
    case KIND.text: {
      const text = length >= limits.TEXT.min && length <= limits.TEXT.max ? fromUtf8(body) : null;
      return text === null ? null : { kind: 'text', text, burnAfterMs };
    }
    case KIND.typing:
      return length === 1 && body[0] <= 1 ? { kind: 'typing', typing: body[0] === 1 } : null;
    case KIND.read: {
      const pairs = length / 32;
      if (!Number.isInteger(pairs) || pairs < limits.READ.min || pairs > limits.READ.max) return null;
      const pair = (/** @type {number} */ at) => ({ sender: body.slice(at * 32, at * 32 + 16), id: body.slice(at * 32 + 16, at * 32 + 32) });
      return { kind: 'read', read: Array.from({ length: pairs }, (_, at) => pair(at)) };
    }
    case KIND.ticket:
      return length === 16 ? { kind: 'ticket', ticket: body } : null;
    case KIND.ticketWanted:
      return length === 32 ? { kind: 'ticketWanted', hash: body } : null;
    default:
      return null;
  }
}

/** Padmé: what a plaintext of `m` bytes, its 0x80 among them, is padded to. */
export function paddedLength(/** @type {number} */ m) {
  if (m <= limits.PADDED) return limits.PADDED;
  const log2 = (/** @type {number} */ value) => 31 - Math.clz32(value);
  const e = log2(m);
  const mask = 2 ** (e - (log2(e) + 1)) - 1;
  return (m + mask) & ~mask;
}

/** @returns {Bytes} */
export function pad(/** @type {Bytes} */ plaintext) {
  const padded = new Uint8Array(paddedLength(plaintext.length + 1));
  padded.set(plaintext);
  padded[plaintext.length] = 0x80;
  return padded;
}

/** @returns {Bytes | null} */
export function unpad(/** @type {Bytes} */ padded) {
  let end = padded.length;
  while (end > 0 && padded[end - 1] === 0) end -= 1;
  if (end === 0 || padded[end - 1] !== 0x80 || padded.length !== paddedLength(end)) return null;
  return padded.slice(0, end - 1);
}
