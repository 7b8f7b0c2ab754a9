// Envelopes: one encrypted message on the wire (section 8.2).

import { concat, L, u64, u8 } from './bytes.js';
import * as crypto from './crypto.js';

/** @typedef {import('./bytes.js').Bytes} Bytes */
/** @typedef {import('./frames.js').Envelope} Envelope */

/**
 * Where an envelope stands: all of it is in the AAD and under the signature.
 * @typedef {{ roomId: Bytes, epoch: Bytes, sender: Bytes, n: number, flags: number }} Place
 */

/** @returns {Bytes} */
export const aad = (/** @type {Place} */ { roomId, epoch, sender, n, flags }) =>
  L('msg', roomId, epoch, sender, u64(n), u8(flags));

/** What the sender signs. */
export const envelopeSigned = async (
  /** @type {Place} */ { roomId, epoch, sender, n, flags },
  /** @type {Bytes} */ iv,
  /** @type {Bytes} */ ciphertext,
) => L('msg', roomId, epoch, sender, u64(n), u8(flags), await crypto.H(concat(iv, ciphertext)));

/**
 * @param {Place} place
 * @param {CryptoKey} messageKey
 * @param {CryptoKey} sig private key
 * @param {Bytes} padded wiped afterwards
 * @returns {Promise<Envelope>}
 */
export async function sealEnvelope(place, messageKey, sig, padded) {
  const iv = crypto.randomBytes(12);
  const ciphertext = await crypto.seal(messageKey, iv, aad(place), padded);
  padded.fill(0);
  const signature = await crypto.sign(sig, await envelopeSigned(place, iv, ciphertext));
  return { epoch: place.epoch, n: place.n, flags: place.flags, iv, ciphertext, sig: signature };
}

/**
 * @param {Place} place
 * @param {Envelope} envelope
 * @param {CryptoKey} sigKey public key of the sender
 */
export const verifyEnvelope = async (place, { iv, ciphertext, sig }, sigKey) =>
  crypto.verify(sigKey, await envelopeSigned(place, iv, ciphertext), sig);

/** @returns {Promise<Bytes | null>} the padded plaintext */
export const openEnvelope = (
  /** @type {Place} */ place,
  /** @type {Envelope} */ { iv, ciphertext },
  /** @type {CryptoKey} */ messageKey,
) => crypto.open(messageKey, iv, aad(place), ciphertext);
