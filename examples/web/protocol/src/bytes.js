// Byte strings and their texts (section 3).

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */

const encoder = new TextEncoder();
// Left to itself, the decoder would swallow U+FEFF at the start.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @returns {Bytes} */
export const utf8 = (/** @type {string} */ text) => /** @type {Bytes} */ (encoder.encode(text));

/**
 * Strict UTF-8.
 * @param {Bytes} bytes
 * @returns {string | null}
 */
export function fromUtf8(bytes) {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

/**
 * @param {...Uint8Array} parts
 * @returns {Bytes}
 */
export function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** In constant time for strings of one length. */
export function equal(/** @type {Uint8Array} */ a, /** @type {Uint8Array} */ b) {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let at = 0; at < a.length; at += 1) difference |= a[at] ^ b[at];
  return difference === 0;
}

/** By bytes, as ids are sorted. */
export function compare(/** @type {Uint8Array} */ a, /** @type {Uint8Array} */ b) {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) if (a[at] !== b[at]) return a[at] - b[at];
  return a.length - b.length;
}

/** Best effort: what an engine has copied elsewhere it does not reach (section 17.7). */
export function wipe(/** @type {(Uint8Array | null | undefined)[]} */ ...secrets) {
  for (const secret of secrets) secret?.fill(0);
}

/** @returns {Bytes} */
export const u8 = (/** @type {number} */ value) => Uint8Array.of(value);

/** @returns {Bytes} */
export function u32(/** @type {number} */ value) {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/** @returns {Bytes} */
export function u64(/** @type {number | bigint} */ value) {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}

/** A big-endian integer of any width. */
export function integer(/** @type {Uint8Array} */ bytes) {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
}

/**
 * The label encoding: every field with its length, so that no two lists give the same bytes.
 * @param {string} label
 * @param {...Uint8Array} fields
 * @returns {Bytes}
 */
export const L = (label, ...fields) =>
  concat(...[utf8(`burnchat/1 ${label}`), ...fields].flatMap((field) => [u32(field.length), field]));

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const VALUES = new Int8Array(128).fill(-1);
for (let value = 0; value < 64; value += 1) VALUES[ALPHABET.charCodeAt(value)] = value;

/** base64url without padding. */
export function toBase64url(/** @type {Uint8Array} */ bytes) {
  let text = '';
  let at = 0;
  for (; at + 2 < bytes.length; at += 3) {
    const group = (bytes[at] << 16) | (bytes[at + 1] << 8) | bytes[at + 2];
    text += ALPHABET[group >> 18] + ALPHABET[(group >> 12) & 63] + ALPHABET[(group >> 6) & 63] + ALPHABET[group & 63];
  }
  if (bytes.length - at === 1) text += ALPHABET[bytes[at] >> 2] + ALPHABET[(bytes[at] & 3) << 4];
  if (bytes.length - at === 2) {
    const group = (bytes[at] << 8) | bytes[at + 1];
    text += ALPHABET[group >> 10] + ALPHABET[(group >> 4) & 63] + ALPHABET[(group & 15) << 2];
  }
  return text;
}

/**
 * The one byte string whose text this is: no padding, no white space, no stray bits.
 * @param {string} text
 * @returns {Bytes | null}
 */
export function fromBase64url(text) {
  const rest = text.length % 4;
  if (rest === 1) return null;
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let bits = 0;
  let held = 0;
  let end = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    const value = code < 128 ? VALUES[code] : -1;
    if (value < 0) return null;
    bits = ((bits << 6) | value) & 0xfff;
    held += 6;
    if (held >= 8) {
      held -= 8;
      bytes[end] = (bits >> held) & 0xff;
      end += 1;
    }
  }
  return (bits & ((1 << held) - 1)) === 0 ? bytes : null;
}
