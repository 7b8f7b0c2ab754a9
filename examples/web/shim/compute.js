// The protocol's pure functions, one call a line (spec/shim.md, section 8): for the test vectors.
//
// Bytes are hex. Keys that never leave WebCrypto are left out of answers, as section 8 lets them be.

import * as bytes from '../protocol/src/bytes.js';
import * as crypto from '../protocol/src/crypto.js';
import * as envelopes from '../protocol/src/envelopes.js';
import * as epochs from '../protocol/src/epochs.js';
import { errors, ProtocolError } from '../protocol/src/errors.js';
import { readClientFrame, readRelayFrame, readRoomRequest } from '../protocol/src/frames.js';
import * as limits from '../protocol/src/limits.js';
import { Link, roomIdOf } from '../protocol/src/link.js';
import * as names from '../protocol/src/names.js';
import * as participants from '../protocol/src/participants.js';
import * as plaintexts from '../protocol/src/plaintext.js';
import { codes, transcript } from '../protocol/src/verification.js';
import { lines } from './lines.js';

/** @typedef {import('../protocol/src/bytes.js').Bytes} Bytes */
/** @typedef {Record<string, any>} Members */

/** Longest line, bytes: the longest frame in hex, and some more. */
const LINE = 8 * 1024 * 1024;

const { subtle } = globalThis.crypto;
const hex = (/** @type {Uint8Array} */ raw) => Buffer.from(raw).toString('hex');
/** @returns {Bytes} */
const unhex = (/** @type {string} */ text) => new Uint8Array(Buffer.from(text, 'hex'));

/** Where the spec names no error. */
class Refused extends Error {}

/**
 * @template T
 * @param {T | null | false} value
 * @returns {T}
 */
function orRefuse(value) {
  if (value === null || value === false) throw new Refused();
  return value;
}

/**
 * @param {AsyncIterable<Buffer>} input
 * @param {import('./printer.js').Printer} printer
 * @returns {Promise<number>} the exit status
 */
export async function compute(input, printer) {
  printer.print({ event: 'hello', shim: 1, client: 'burnchat-web/0.1.0' });
  for await (const line of lines(input, LINE)) {
    const { call, input: members } = 'text' in line ? JSON.parse(line.text) : {};
    await printer.print(await answer(call, members));
  }
  return 0;
}

async function answer(/** @type {string} */ call, /** @type {Members} */ input) {
  if (!Object.hasOwn(functions, call)) return { event: 'not_implemented' };
  try {
    return { event: 'result', output: (await functions[call](input)) ?? {} };
  } catch (error) {
    if (error instanceof Refused) return { event: 'refused' };
    if (error instanceof ProtocolError) return { event: 'refused', error: error.code };
    if (error instanceof Absent) return { event: 'not_implemented' };
    throw error;
  }
}

/** What this client has no need to know. */
class Absent extends Error {}

// ---- Private keys. The client only ever draws its own, which nobody can see. ----

// WebCrypto takes no bare scalar: PKCS #8 round an ECPrivateKey without its public key is as near as it gets.
const PKCS8 = unhex('3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420');

const privateKey = (/** @type {'ECDH' | 'ECDSA'} */ name, /** @type {string} */ scalar) =>
  subtle.importKey('pkcs8', bytes.concat(PKCS8, unhex(scalar)), { name, namedCurve: 'P-256' }, true, [name === 'ECDH' ? 'deriveBits' : 'sign']);

async function publicKeyOf(/** @type {string} */ scalar) {
  orRefuse(crypto.isScalar(unhex(scalar)));
  const { x = '', y = '' } = await subtle.exportKey('jwk', await privateKey('ECDSA', scalar));
  return bytes.concat(bytes.u8(4), .../** @type {Bytes[]} */ ([x, y].map(bytes.fromBase64url)));
}

// ---- Session keys, whose bytes are known here and nowhere else ----

const known = (/** @type {string} */ text) => crypto.sessionKey(unhex(text));
const exported = async (/** @type {crypto.SessionKey} */ key) => hex(new Uint8Array(await subtle.exportKey('raw', key.hmac)));
const wrappingKey = (/** @type {string} */ text) => subtle.importKey('raw', unhex(text), 'AES-KW', false, ['wrapKey', 'unwrapKey']);

/** @returns {Promise<participants.Member>} somebody of whom only the keys matter */
async function member(/** @type {string} */ kemPub, /** @type {Bytes} */ id) {
  const kem = await crypto.kemPublicKey(unhex(kemPub));
  const keys = { kemPub: unhex(kemPub), sigPub: unhex(kemPub) };
  const verified = { kem, sig: kem, name: '', badName: false };
  return { id, key: hex(id), ...keys, sealedName: unhex(''), role: 'member', number: 1, verified };
}

const place = (/** @type {Members} */ c) =>
  ({ roomId: unhex(c.room_id), epoch: unhex(c.epoch_id), sender: unhex(c.sender_id), n: c.n, flags: c.flags });

/** @returns {Promise<epochs.Chain>} */
const chain = async (/** @type {Members} */ c) =>
  (await epochs.chainStart((await known(c.session_key)).hkdf, unhex(c.epoch_id), unhex(c.sender_id))).at(c.n);

/** @returns {plaintexts.Content} */
function contentOf(/** @type {Members} */ c) {
  switch (c.kind) {
    case 1:
      return { kind: 'text', text: c.text, burnAfterMs: c.burn_after };
    case 2:
      return { kind: 'typing', typing: c.typing };
    case 3:
      return { kind: 'read', read: c.read.map((/** @type {Members} */ { sender, id }) => ({ sender: unhex(sender), id: unhex(id) })) };
    case 4:
      return { kind: 'ticket', ticket: unhex(c.ticket) };
    default:
      return { kind: 'ticketWanted', hash: unhex(c.ticket_hash) };
  }
}

/** @returns {Members} */
function told(/** @type {plaintexts.Content} */ content) {
  switch (content.kind) {
    case 'text':
      return { kind: 1, text: content.text, burn_after: content.burnAfterMs };
    case 'typing':
      return { kind: 2, typing: content.typing, burn_after: 0 };
    case 'read':
      return { kind: 3, read: content.read.map(({ sender, id }) => ({ sender: hex(sender), id: hex(id) })), burn_after: 0 };
    case 'ticket':
      return { kind: 4, ticket: hex(content.ticket), burn_after: 0 };
    case 'ticketWanted':
      return { kind: 5, ticket_hash: hex(content.hash), burn_after: 0 };
  }
}

function frame(/** @type {(raw: Bytes) => object | null} */ read, /** @type {Members} */ c) {
  const members = read(unhex(c.bytes));
  const plain = JSON.stringify(members, (_, value) => (value instanceof Uint8Array ? hex(value) : value));
  return { members: JSON.parse(plain) };
}

/** @type {Record<string, (c: Members) => unknown>} */
const functions = {
  'encoding/label': (c) => ({ encoded: hex(bytes.L(c.label, ...c.fields.map(unhex))) }),
  'encoding/base64url_encode': (c) => ({ text: bytes.toBase64url(unhex(c.bytes)) }),
  'encoding/base64url_decode': (c) => ({ bytes: hex(orRefuse(bytes.fromBase64url(c.text))) }),

  'primitives/sha256': async (c) => ({ digest: hex(await crypto.H(unhex(c.input))) }),
  async 'primitives/hmac'(c) {
    // `crypto.hmacKey` is for the 32 bytes that all keys of the protocol have.
    const key = await subtle.importKey('raw', unhex(c.key), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
    return { tag: hex(await crypto.hmac(key, unhex(c.input))) };
  },
  'primitives/hkdf': async (c) => ({ okm: hex(await crypto.deriveBytes(await crypto.hkdfKey(unhex(c.ikm)), unhex(c.salt), unhex(c.info))) }),
  'primitives/aes_kw_wrap': async (c) => ({ wrapped: hex(await crypto.wrapKey(await wrappingKey(c.kek), await known(c.key))) }),
  'primitives/aes_kw_unwrap': async (c) => ({ key: await exported(orRefuse(await crypto.unwrapKey(await wrappingKey(c.kek), unhex(c.wrapped), true))) }),
  async 'primitives/aes_gcm_seal'(c) {
    const key = await crypto.sealingKey(unhex(c.key));
    return { ciphertext: hex(await crypto.seal(key, unhex(c.iv), unhex(c.aad), unhex(c.plaintext))) };
  },
  async 'primitives/aes_gcm_open'(c) {
    const key = await crypto.sealingKey(unhex(c.key));
    return { plaintext: hex(orRefuse(await crypto.open(key, unhex(c.iv), unhex(c.aad), unhex(c.ciphertext)))) };
  },
  'primitives/public_key': (c) => void orRefuse(crypto.isPoint(unhex(c.public_key))),
  'primitives/private_key': async (c) => ({ public_key: hex(await publicKeyOf(c.scalar)) }),
  // What two sides agree on is a key for HKDF here; the wraps show whether it is the right one.
  async 'primitives/ecdsa_verify'(c) {
    const key = await crypto.sigPublicKey(unhex(c.public_key));
    orRefuse(await crypto.verify(key, unhex(c.message), unhex(c.signature)));
  },

  'link/room_id': async (c) => ({ room_id: hex(await roomIdOf(unhex(c.id_seed))) }),
  async 'link/parse'(c) {
    const { base, roomId, history, notAfter, secret, ticket, header } = await Link.parse(c.link);
    const raw = { room_id: roomId, secret, ticket, header, ticket_hash: await crypto.H(ticket) };
    return { base, history, not_after: notAfter, ...Object.fromEntries(Object.entries(raw).map(([key, value]) => [key, hex(value)])) };
  },
  async 'link/write'(c) {
    const [roomId, secret, ticket] = [c.room_id, c.secret, c.ticket].map(unhex);
    return { link: await new Link({ base: c.base, roomId, history: c.history, notAfter: c.not_after, secret, ticket }).text() };
  },

  async 'identity/room_keys'(c) {
    const { wrapKey } = await participants.roomKeys(await Link.parse(c.link));
    return { wrap_key: hex(wrapKey) };
  },
  'identity/participant_id': async (c) => ({ participant_id: hex(await participants.participantId(unhex(c.kem_pub), unhex(c.sig_pub))) }),
  async 'identity/join_proof'(c) {
    const link = await Link.parse(c.link);
    const { joinKey } = await participants.roomKeys(link);
    const proof = await participants.joinProof(joinKey, link.roomId, unhex(c.kem_pub), unhex(c.sig_pub), unhex(c.sealed_name));
    return { join_proof: hex(proof) };
  },

  async 'names/seal'(c) {
    const link = await Link.parse(c.link);
    const { nameKey } = await participants.roomKeys(link);
    const sig = await privateKey('ECDSA', c.sig_scalar);
    const sealed = await names.sealName({ nameKey, roomId: link.roomId, id: unhex(c.participant_id), sig, name: c.name, iv: unhex(c.name_iv) });
    return { sealed_name: hex(sealed) };
  },
  async 'names/open'(c) {
    const link = await Link.parse(c.link);
    const { nameKey } = await participants.roomKeys(link);
    const sigKey = await crypto.sigPublicKey(unhex(c.sig_pub));
    const of = { nameKey, roomId: link.roomId, id: unhex(c.participant_id), sigKey, sealedName: unhex(c.sealed_name) };
    return { name: orRefuse(await names.openName(of)) };
  },
  'names/own': (c) => ({ name: names.ownName(c.input) }),
  'names/fallback': async (c) => ({ name: await names.fallbackName(unhex(c.participant_id)) }),
  'names/anonymous': (c) => ({ name: names.nameFrom(unhex(c.drawn)) }),
  'names/tag': (c) => ({ tag: names.tag(unhex(c.participant_id)) }),
  'names/shown': (c) => ({ shown: names.label(c.name, c.number, unhex(c.participant_id)) }),
  async 'names/clash'(c) {
    const people = new participants.People();
    const [earlier, later] = await Promise.all(
      [c.earlier, c.later].map(async (name, at) => {
        const someone = await member(hex(await publicKeyOf('11'.repeat(32))), new Uint8Array(16).fill(at));
        return { ...someone, verified: someone.verified && { ...someone.verified, name } };
      }),
    );
    people.see(earlier);
    people.see(later);
    return { clash: people.show(later, '').clash };
  },

  async 'roster/hash'(c) {
    const entries = c.entries.map((/** @type {Members} */ { kem_pub, sig_pub, role }) => ({
      kemPub: unhex(kem_pub),
      sigPub: unhex(sig_pub),
      role: role === 1 ? 'creator' : 'member',
    }));
    return { roster_hash: hex(await participants.rosterHash(unhex(c.room_id), c.version, entries)) };
  },

  async 'epochs/wrap'(c) {
    const own = await privateKey('ECDH', c.steward_kem_scalar);
    const peer = await crypto.kemPublicKey(unhex(c.recipient_kem_pub));
    const kek = await epochs.kek(unhex(c.wrap_key), own, peer, unhex(c.roster_hash), unhex(c.steward_id), unhex(c.recipient_id));
    return { wrapped: hex(await crypto.wrapKey(kek, await known(c.session_key))) };
  },
  async 'epochs/unwrap'(c) {
    const own = await privateKey('ECDH', c.recipient_kem_scalar);
    const peer = await crypto.kemPublicKey(unhex(c.steward_kem_pub));
    const kek = await epochs.kek(unhex(c.wrap_key), own, peer, unhex(c.roster_hash), unhex(c.steward_id), unhex(c.recipient_id));
    return { session_key: await exported(orRefuse(await crypto.unwrapKey(kek, unhex(c.wrapped), true))) };
  },
  'epochs/commit': async (c) => ({ commit: hex(await epochs.commitment(await known(c.session_key), unhex(c.roster_hash))) }),
  'epochs/epoch_id': async (c) => ({ epoch_id: hex(await epochs.epochId(unhex(c.prev), unhex(c.roster_hash), unhex(c.commit))) }),
  async 'epochs/verify'(c) {
    const key = await crypto.sigPublicKey(unhex(c.steward_sig_pub));
    orRefuse(await crypto.verify(key, epochs.keyFrameSigned(unhex(c.room_id), unhex(c.epoch_id)), unhex(c.sig)));
  },
  async 'epochs/wrap_back'(c) {
    const key = await epochs.historyKey(unhex(c.epoch_id), await known(c.session_key));
    return { wrapped: hex(await crypto.wrapKey(key, await known(c.older_session_key))) };
  },
  async 'epochs/unwrap_back'(c) {
    const key = await epochs.historyKey(unhex(c.epoch_id), await known(c.session_key));
    return { older_session_key: await exported(orRefuse(await crypto.unwrapKey(key, unhex(c.wrapped), true))) };
  },

  'plaintexts/encode'(c) {
    const last = c.n === 0 ? { version: BigInt(c.last_version), count: BigInt(c.last_count) } : null;
    const head = { id: unhex(c.message_id), sentAt: BigInt(c.sent_at), count: BigInt(c.count), last };
    return { padded: hex(plaintexts.encodePlaintext(head, contentOf(c))) };
  },
  'plaintexts/decode'(c) {
    const { head, content } = orRefuse(plaintexts.decodePlaintext(unhex(c.padded), c.n === 0));
    if (content === null) return { count: String(head.count) };
    const { id, sentAt, count, last } = head;
    const lasts = last === null ? {} : { last_version: Number(last.version), last_count: Number(last.count) };
    return { message_id: hex(id), sent_at: Number(sentAt), count: String(count), ...lasts, ...told(content) };
  },
  'plaintexts/padded_length': (c) => ({ padded_length: plaintexts.paddedLength(c.length) }),
  'plaintexts/pad': (c) => ({ padded: hex(plaintexts.pad(unhex(c.plaintext))) }),
  'plaintexts/unpad': (c) => ({ plaintext: hex(orRefuse(plaintexts.unpad(unhex(c.padded)))) }),

  async 'envelopes/seal'(c) {
    const key = await (await chain(c)).messageKey();
    const [iv, padded] = [unhex(c.iv), unhex(c.padded)];
    const ciphertext = await crypto.seal(key, iv, envelopes.aad(place(c)), padded);
    const sig = await crypto.sign(await privateKey('ECDSA', c.sender_sig_scalar), await envelopes.envelopeSigned(place(c), iv, ciphertext));
    return { ciphertext: hex(ciphertext), sig: hex(sig) };
  },
  async 'envelopes/open'(c) {
    const envelope = { epoch: unhex(c.epoch_id), n: c.n, flags: c.flags, iv: unhex(c.iv), ciphertext: unhex(c.ciphertext), sig: unhex(c.sig) };
    const sigKey = await crypto.sigPublicKey(unhex(c.sender_sig_pub));
    if (!(await envelopes.verifyEnvelope(place(c), envelope, sigKey))) throw new ProtocolError('bad_envelope_signature');
    const padded = await envelopes.openEnvelope(place(c), envelope, await (await chain(c)).messageKey());
    if (padded === null) throw new ProtocolError('bad_envelope');
    return { padded: hex(padded) };
  },

  async 'verification/codes'(c) {
    const entries = await Promise.all(
      c.entries.map(async (/** @type {Members} */ { kem_pub, sig_pub }) => {
        const [kemPub, sigPub] = [unhex(kem_pub), unhex(sig_pub)];
        return { id: await participants.participantId(kemPub, sigPub), kemPub, sigPub };
      }),
    );
    const hash = await transcript(unhex(c.room_id), unhex(c.secret), entries);
    const { shortCode, emoji, safetyNumber, qrText } = await codes(hash);
    return {
      transcript: hex(hash),
      short_code: shortCode,
      emoji: emoji.map(({ symbol }) => symbol).join(''),
      emoji_names: emoji.map(({ name }) => name),
      safety_number: safetyNumber,
      qr_text: qrText,
    };
  },

  'frames/client_frame': (c) => frame(readClientFrame, c),
  'frames/relay_frame': (c) => frame(readRelayFrame, c),
  'frames/request_body': (c) => frame(readRoomRequest, c),

  'errors/error': (c) => orRefuse(errors.get(c.name) ?? null),

  'limits/limit'(c) {
    const value = limitOf[c.name];
    if (value === undefined) throw new Absent();
    return typeof value === 'number' ? { value } : { min: value.min, max: value.max };
  },
};

/** @type {Record<string, number | { min: number, max: number }>} */
const limitOf = {
  client_frame: limits.FRAME_FROM_CLIENT,
  relay_frame: limits.FRAME_FROM_RELAY,
  frame_depth: limits.FRAME_DEPTH,
  frame_members: limits.FRAME_MEMBERS,
  frame_integer: limits.INTEGER_END - 1,
  link: limits.LINK,
  ttl: limits.TTL_SECONDS,
  not_after_slack: limits.NOT_AFTER_SLACK_SECONDS,
  extension: limits.EXTENSION_SECONDS,
  capacity: limits.CAPACITY,
  default_capacity: limits.CAPACITY.default,
  overlap_at_client: limits.OVERLAP,
  need_key: limits.NEED_KEY,
  rekey_stalled: limits.REKEY_STALLED,
  unkeyed_versions: limits.UNKEYED_VERSIONS,
  departed_ids: limits.DEPARTED_IDS,
  rejoins: limits.REJOINS,
  chain: limits.CHAIN,
  text: limits.TEXT,
  name: limits.NAME,
  ciphertext: limits.CIPHERTEXT,
  padded: limits.PADDED,
  read: limits.READ,
  in_flight: limits.IN_FLIGHT,
  waiting_texts: limits.WAITING_TEXTS,
  remembered_ids: limits.REMEMBERED_IDS,
  remembered_senders: limits.REMEMBERED_SENDERS,
  pin_text: limits.PIN_TEXT,
  wraps: limits.WRAPS,
  ticket_patience: limits.TICKET_PATIENCE,
  ticket_renewal: limits.TICKET_RENEWAL,
};
