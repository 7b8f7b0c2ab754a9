// Private keys from the scalars of vectors and transcripts. The package itself only ever draws its own, which nobody
// can see.

import { concat, fromBase64url, u8 } from '../src/bytes.js';

/** @typedef {import('../src/bytes.js').Bytes} Bytes */

const { subtle } = globalThis.crypto;

export const hex = (/** @type {Uint8Array} */ bytes) => Buffer.from(bytes).toString('hex');

/** @returns {Bytes} */
export const unhex = (/** @type {string} */ text) => new Uint8Array(Buffer.from(text, 'hex'));

// WebCrypto takes no bare scalar: PKCS #8 round an ECPrivateKey without its public key is as near as it gets.
const PKCS8 = unhex('3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420');

/**
 * @param {'ECDH' | 'ECDSA'} name
 * @param {string} scalar hex
 */
export const privateKey = (name, scalar) =>
  subtle.importKey('pkcs8', concat(PKCS8, unhex(scalar)), { name, namedCurve: 'P-256' }, true, [
    name === 'ECDH' ? 'deriveBits' : 'sign',
  ]);

/** @returns {Promise<Bytes>} */
export async function publicKeyOf(/** @type {string} */ scalar) {
  const { x = '', y = '' } = await subtle.exportKey('jwk', await privateKey('ECDSA', scalar));
  return concat(u8(4), .../** @type {Bytes[]} */ ([x, y].map(fromBase64url)));
}

/** @returns {Promise<import('../src/crypto.js').KeyPairs>} */
export const keyPairs = async (/** @type {string} */ kem, /** @type {string} */ sig) => ({
  kem: await privateKey('ECDH', kem),
  kemPub: await publicKeyOf(kem),
  sig: await privateKey('ECDSA', sig),
  sigPub: await publicKeyOf(sig),
});
