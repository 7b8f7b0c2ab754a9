// Names: sealed, shown, invented (sections 5.4 and 5.5).

import { concat, fromUtf8, integer, L, u8, utf8, wipe } from './bytes.js';
import { H, open, randomBytes, seal, sign, verify } from './crypto.js';
import { ProtocolError } from './errors.js';
import * as limits from './limits.js';
import { ANIMALS } from './words.js';

/** @typedef {import('./bytes.js').Bytes} Bytes */

const SYMBOLS = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789';
const IV = 12;
const SIG_AT = 1 + limits.NAME.max;
const PLAINTEXT = SIG_AT + 64;

const FORBIDDEN =
  /[\p{Cc}\u{ad}\u{34f}\u{61c}\u{115f}\u{1160}\u{17b4}\u{17b5}\u{180e}\u{200b}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}-\u{202e}\u{2060}-\u{206f}\u{3164}\u{feff}\u{ffa0}\u{e0000}-\u{e007f}]/u;

const mayBeShown = (/** @type {string} */ name) => !FORBIDDEN.test(name) && !/^\p{White_Space}*$/u.test(name);

/**
 * A user's own name in the form it is sealed in. Throws `name_too_long` or `name_not_allowed`.
 * @param {string} input
 */
export function ownName(input) {
  // Half of a surrogate pair has no UTF-8.
  if (/\p{Cs}/u.test(input)) throw new ProtocolError('name_not_allowed');
  const name = input.normalize('NFC');
  if (utf8(name).length > limits.NAME.max) throw new ProtocolError('name_too_long');
  if (!mayBeShown(name)) throw new ProtocolError('name_not_allowed');
  return name;
}

/** `anonymous-<animal>-<5 characters>` from six bytes or more. */
export function nameFrom(/** @type {Uint8Array} */ s) {
  const symbols = Array.from(s.subarray(1, 6), (byte) => SYMBOLS[byte % 32]).join('');
  return `anonymous-${ANIMALS[s[0] % 64]}-${symbols.toLowerCase()}`;
}

/** A name for somebody who gives none. */
export const proposeName = () => nameFrom(randomBytes(6));

/** What an entry with a bad name is called. */
export const fallbackName = async (/** @type {Bytes} */ id) => nameFrom(await H(L('label', id)));

/** Four symbols that tell two people of one name apart. */
export function tag(/** @type {Uint8Array} */ id) {
  const bits = Number(integer(id.subarray(0, 3)) >> 4n);
  return [15, 10, 5, 0].map((shift) => SYMBOLS[(bits >> shift) & 31]).join('');
}

export const label = (/** @type {string} */ name, /** @type {number} */ number, /** @type {Uint8Array} */ id) =>
  `${name}·${number}·${tag(id)}`;

const signed = (/** @type {Bytes} */ roomId, /** @type {Bytes} */ id, /** @type {Bytes} */ name) => L('name', roomId, id, name);

/**
 * @param {{ nameKey: CryptoKey, roomId: Bytes, id: Bytes, sig: CryptoKey, name: string, iv: Bytes }} of `name` as `ownName` gives it
 * @returns {Promise<Bytes>} 157 bytes
 */
export async function sealName({ nameKey, roomId, id, sig, name, iv }) {
  const bytes = utf8(name);
  const plaintext = new Uint8Array(PLAINTEXT);
  plaintext.set(u8(bytes.length));
  plaintext.set(bytes, 1);
  plaintext.set(await sign(sig, signed(roomId, id, bytes)), SIG_AT);
  const sealed = concat(iv, await seal(nameKey, iv, id, plaintext));
  wipe(plaintext, bytes);
  return sealed;
}

/**
 * @param {{ nameKey: CryptoKey, roomId: Bytes, id: Bytes, sigKey: CryptoKey, sealedName: Bytes }} of
 * @returns {Promise<string | null>} null if it is bad
 */
export async function openName({ nameKey, roomId, id, sigKey, sealedName }) {
  const plaintext = await open(nameKey, sealedName.slice(0, IV), id, sealedName.slice(IV));
  if (plaintext === null || plaintext.length !== PLAINTEXT) return null;
  const length = plaintext[0];
  if (length < limits.NAME.min || length > limits.NAME.max) return null;
  const name = plaintext.slice(1, 1 + length);
  if (plaintext.subarray(1 + length, SIG_AT).some((byte) => byte !== 0)) return null;
  const text = fromUtf8(name);
  if (text === null || !mayBeShown(text)) return null;
  return (await verify(sigKey, signed(roomId, id, name), plaintext.slice(SIG_AT))) ? text : null;
}
