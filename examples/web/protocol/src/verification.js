// What people compare (section 10).

import { compare, concat, integer, L, u8 } from './bytes.js';
import { H } from './crypto.js';
import { EMOJI } from './words.js';

/** @typedef {import('./bytes.js').Bytes} Bytes */

/**
 * @typedef {object} Verification
 * @property {string} shortCode six hex digits: catches accidents, not attackers
 * @property {{ symbol: string, name: string }[]} emoji sixteen
 * @property {string} safetyNumber 60 digits in groups of five
 * @property {string} qrText
 */

/**
 * Over all entries of the roster, verified or not.
 * @param {Bytes} roomId
 * @param {Bytes} secret
 * @param {{ id: Bytes, kemPub: Bytes, sigPub: Bytes }[]} entries
 */
export function transcript(roomId, secret, entries) {
  const sorted = [...entries].sort((one, other) => compare(one.id, other.id));
  return H(L('verify', roomId, secret, ...sorted.flatMap(({ kemPub, sigPub }) => [kemPub, sigPub])));
}

/**
 * @param {Bytes} hash a transcript
 * @returns {Promise<Verification>}
 */
export async function codes(hash) {
  const shortCode = Array.from(hash.subarray(0, 3), (byte) => byte.toString(16).padStart(2, '0')).join('');
  const sextets = integer(hash.subarray(0, 12));
  const emoji = Array.from({ length: 16 }, (_, at) => EMOJI[Number((sextets >> BigInt(6 * (15 - at))) & 63n)]);
  const digits = concat(await H(L('digits', hash, u8(0))), await H(L('digits', hash, u8(1))));
  const groups = Array.from({ length: 12 }, (_, at) =>
    String(integer(digits.subarray(5 * at, 5 * at + 5)) % 100_000n).padStart(5, '0'),
  );
  return { shortCode, emoji, safetyNumber: groups.join(' '), qrText: `burnchat-verify:1:${groups.join('')}` };
}
