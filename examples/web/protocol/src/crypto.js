// The one boundary round WebCrypto. Everything above it speaks of the spec's primitives (section 3), and nothing here
// is used that Chromium, Firefox, Safari or Node lacks.
//
// Keys are non-extractable `CryptoKey`s wherever the protocol lets them be. A key there belongs to one algorithm, so a
// session key is two of them: an HMAC key, which checks the commitment and can be wrapped, and an HKDF key, from which
// chains come (section 17.7).

import { concat, integer, wipe } from './bytes.js';

/** @typedef {import('./bytes.js').Bytes} Bytes */

const { subtle } = globalThis.crypto ?? {};

const HMAC_SHA256 = { name: 'HMAC', hash: 'SHA-256', length: 256 };
const ECDH_P256 = { name: 'ECDH', namedCurve: 'P-256' };
const ECDSA_P256 = { name: 'ECDSA', namedCurve: 'P-256' };
const ECDSA_SHA256 = { name: 'ECDSA', hash: 'SHA-256' };

/** @returns {Bytes} */
export const randomBytes = (/** @type {number} */ length) => globalThis.crypto.getRandomValues(new Uint8Array(length));

/** @returns {Promise<Bytes>} SHA-256 */
export const H = async (/** @type {Bytes} */ input) => new Uint8Array(await subtle.digest('SHA-256', input));

// ---- HMAC ----

export const hmacKey = (/** @type {Bytes} */ bytes) => subtle.importKey('raw', bytes, HMAC_SHA256, false, ['sign']);

/** @returns {Promise<Bytes>} */
export const hmac = async (/** @type {CryptoKey} */ key, /** @type {Bytes} */ input) =>
  new Uint8Array(await subtle.sign('HMAC', key, input));

// ---- HKDF: extract and expand in one call ----

export const hkdfKey = (/** @type {Bytes} */ ikm) => subtle.importKey('raw', ikm, 'HKDF', false, ['deriveBits', 'deriveKey']);

const hkdf = (/** @type {Bytes} */ salt, /** @type {Bytes} */ info) => ({ name: 'HKDF', hash: 'SHA-256', salt, info });

/** @returns {Promise<Bytes>} */
export const deriveBytes = async (/** @type {CryptoKey} */ key, /** @type {Bytes} */ salt, /** @type {Bytes} */ info) =>
  new Uint8Array(await subtle.deriveBits(hkdf(salt, info), key, 256));

export const deriveHmacKey = (/** @type {CryptoKey} */ key, /** @type {Bytes} */ salt, /** @type {Bytes} */ info) =>
  subtle.deriveKey(hkdf(salt, info), key, HMAC_SHA256, false, ['sign']);

export const deriveSealingKey = (/** @type {CryptoKey} */ key, /** @type {Bytes} */ salt, /** @type {Bytes} */ info) =>
  subtle.deriveKey(hkdf(salt, info), key, { name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']);

export const deriveWrappingKey = (/** @type {CryptoKey} */ key, /** @type {Bytes} */ salt, /** @type {Bytes} */ info) =>
  subtle.deriveKey(hkdf(salt, info), key, { name: 'AES-KW', length: 256 }, false, ['wrapKey', 'unwrapKey']);

// ---- AES-KW ----

/**
 * A session key: the same 32 bytes for two algorithms.
 * @typedef {object} SessionKey
 * @property {CryptoKey} hmac extractable only where it has to be wrapped
 * @property {CryptoKey} hkdf
 */

/**
 * The key of these bytes, which are overwritten.
 * @param {Bytes} bytes
 * @returns {Promise<SessionKey>}
 */
export async function sessionKey(bytes) {
  const keys = await Promise.all([subtle.importKey('raw', bytes, HMAC_SHA256, true, ['sign']), hkdfKey(bytes)]);
  wipe(bytes);
  return { hmac: keys[0], hkdf: keys[1] };
}

/** @returns {Promise<Bytes>} 40 bytes */
export const wrapKey = async (/** @type {CryptoKey} */ kek, /** @type {SessionKey} */ key) =>
  new Uint8Array(await subtle.wrapKey('raw', key.hmac, kek, 'AES-KW'));

/**
 * @param {CryptoKey} kek
 * @param {Bytes} wrapped
 * @param {boolean} extractable
 * @returns {Promise<SessionKey | null>}
 */
export async function unwrapKey(kek, wrapped, extractable) {
  if (wrapped.length !== 40) return null;
  try {
    const keys = await Promise.all([
      subtle.unwrapKey('raw', wrapped, kek, 'AES-KW', HMAC_SHA256, extractable, ['sign']),
      subtle.unwrapKey('raw', wrapped, kek, 'AES-KW', 'HKDF', false, ['deriveBits', 'deriveKey']),
    ]);
    return { hmac: keys[0], hkdf: keys[1] };
  } catch {
    return null;
  }
}

// ---- AES-GCM ----

export const sealingKey = (/** @type {Bytes} */ bytes) => subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt']);

/**
 * @param {CryptoKey} key
 * @param {Bytes} iv
 * @param {Bytes} additionalData
 * @param {Bytes} plaintext
 * @returns {Promise<Bytes>}
 */
export const seal = async (key, iv, additionalData, plaintext) =>
  new Uint8Array(await subtle.encrypt({ name: 'AES-GCM', iv, additionalData }, key, plaintext));

/**
 * @param {CryptoKey} key
 * @param {Bytes} iv
 * @param {Bytes} additionalData
 * @param {Bytes} ciphertext
 * @returns {Promise<Bytes | null>}
 */
export async function open(key, iv, additionalData, ciphertext) {
  if (ciphertext.length < 16) return null;
  try {
    return new Uint8Array(await subtle.decrypt({ name: 'AES-GCM', iv, additionalData }, key, ciphertext));
  } catch {
    return null;
  }
}

// ---- P-256 ----

const P = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn;
const B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/**
 * Whether these are the 65 bytes of an uncompressed point on the curve. Asked before any library sees them: some take
 * compressed points as well, and what they make of others is not the same everywhere.
 */
export function isPoint(/** @type {Uint8Array} */ bytes) {
  if (bytes.length !== 65 || bytes[0] !== 4) return false;
  const x = integer(bytes.subarray(1, 33));
  const y = integer(bytes.subarray(33));
  return x < P && y < P && (y * y - x * x * x + 3n * x - B) % P === 0n;
}

/** Whether these 32 bytes may be a private key. */
export function isScalar(/** @type {Uint8Array} */ bytes) {
  const value = integer(bytes);
  return bytes.length === 32 && value >= 1n && value < ORDER;
}

/** Of a point (`isPoint`). */
export const kemPublicKey = (/** @type {Bytes} */ point) => subtle.importKey('raw', point, ECDH_P256, true, []);

/** Of a point (`isPoint`). */
export const sigPublicKey = (/** @type {Bytes} */ point) => subtle.importKey('raw', point, ECDSA_P256, true, ['verify']);

/**
 * Two new key pairs, the private halves of which never leave WebCrypto.
 * @typedef {object} KeyPairs
 * @property {CryptoKey} kem
 * @property {Bytes} kemPub
 * @property {CryptoKey} sig
 * @property {Bytes} sigPub
 */

/** @returns {Promise<KeyPairs>} */
export async function newKeyPairs() {
  const [kem, sig] = await Promise.all([
    subtle.generateKey(ECDH_P256, false, ['deriveBits']),
    subtle.generateKey(ECDSA_P256, false, ['sign', 'verify']),
  ]);
  const [kemPub, sigPub] = await Promise.all([kem, sig].map(({ publicKey }) => subtle.exportKey('raw', publicKey)));
  return { kem: kem.privateKey, kemPub: new Uint8Array(kemPub), sig: sig.privateKey, sigPub: new Uint8Array(sigPub) };
}

/**
 * The x coordinate of the Diffie-Hellman point as input keying material.
 * @param {CryptoKey} own
 * @param {CryptoKey} peer
 */
export async function agree(own, peer) {
  const shared = new Uint8Array(await subtle.deriveBits({ name: 'ECDH', public: peer }, own, 256));
  const key = await hkdfKey(shared);
  wipe(shared);
  return key;
}

/** @returns {Promise<Bytes>} r and s, 64 bytes */
export const sign = async (/** @type {CryptoKey} */ key, /** @type {Bytes} */ message) =>
  new Uint8Array(await subtle.sign(ECDSA_SHA256, key, message));

/**
 * @param {CryptoKey} key
 * @param {Bytes} message
 * @param {Bytes} signature
 * @returns {Promise<boolean>}
 */
export async function verify(key, message, signature) {
  if (signature.length !== 64) return false;
  // WebCrypto refuses these too; that nobody has to rely on it costs two comparisons.
  if (!isScalar(signature.subarray(0, 32)) || !isScalar(signature.subarray(32))) return false;
  try {
    return await subtle.verify(ECDSA_SHA256, key, signature, message);
  } catch {
    return false;
  }
}

/** The hash of several byte strings, one after the other. */
export const hashOf = (/** @type {Uint8Array[]} */ ...parts) => H(concat(...parts));
