// Every case of every file of spec/vectors, computed by this package.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

import { concat, equal, fromBase64url, L, toBase64url, u64, u8, utf8 } from '../src/bytes.js';
import * as crypto from '../src/crypto.js';
import * as envelopes from '../src/envelopes.js';
import * as epochs from '../src/epochs.js';
import { errors, ProtocolError } from '../src/errors.js';
import { readClientFrame, readRelayFrame, readRoomRequest, writeFrame } from '../src/frames.js';
import * as limits from '../src/limits.js';
import { Link, roomIdOf } from '../src/link.js';
import * as names from '../src/names.js';
import * as participants from '../src/participants.js';
import * as plaintexts from '../src/plaintext.js';
import { codes, transcript } from '../src/verification.js';
import { hex, keyPairs, privateKey, publicKeyOf, unhex } from './scalars.js';

/** @typedef {Record<string, any>} Case */

const same = (/** @type {unknown} */ computed, /** @type {unknown} */ written) => assert.deepEqual(computed, written);
const orNull = (/** @type {Uint8Array | null} */ bytes) => (bytes === null ? null : hex(bytes));

function valid(/** @type {Case} */ c) {
  assert(['valid', 'invalid'].includes(c.result));
  return c.result === 'valid';
}

/** `accepted`, or the name of the error. */
async function outcome(/** @type {() => unknown} */ work) {
  try {
    await work();
    return 'accepted';
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return error.code;
  }
}

const pieces = (/** @type {[string, number][]} */ parts, /** @type {(piece: string) => Uint8Array} */ read) =>
  concat(...parts.map(([piece, times]) => Buffer.alloc(read(piece).length * times, read(piece))));

// A key whose bytes are known, as session keys in the vectors are.
const known = (/** @type {string} */ text) => crypto.sessionKey(unhex(text));
const exported = async (/** @type {CryptoKey} */ key) => hex(new Uint8Array(await globalThis.crypto.subtle.exportKey('raw', key)));
const sessionKeyOf = async (/** @type {crypto.SessionKey | null} */ key) => (key === null ? null : exported(key.hmac));
const wrappingKey = (/** @type {string} */ text) =>
  globalThis.crypto.subtle.importKey('raw', unhex(text), 'AES-KW', false, ['wrapKey', 'unwrapKey']);
// Wrapping keys never leave WebCrypto; two that wrap alike are the same.
const wrapsLike = async (/** @type {CryptoKey} */ key, /** @type {string} */ text) => {
  const probe = await known('5a'.repeat(32));
  same(hex(await crypto.wrapKey(key, probe)), hex(await crypto.wrapKey(await wrappingKey(text), probe)));
};
const seals = async (/** @type {CryptoKey} */ key, /** @type {string} */ text) => {
  const [iv, aad, plaintext] = [new Uint8Array(12), new Uint8Array(0), utf8('probe')];
  same(await crypto.seal(key, iv, aad, plaintext), await crypto.seal(await crypto.sealingKey(unhex(text)), iv, aad, plaintext));
};
const macs = async (/** @type {CryptoKey} */ key, /** @type {string} */ text) =>
  same(await crypto.hmac(key, utf8('probe')), await crypto.hmac(await crypto.hmacKey(unhex(text)), utf8('probe')));

/** @returns {Promise<participants.Member>} somebody of whom only the keys matter */
async function member(/** @type {string} */ kemPub, /** @type {string} */ id) {
  const kem = await crypto.kemPublicKey(unhex(kemPub));
  return {
    id: unhex(id),
    key: id,
    kemPub: unhex(kemPub),
    sigPub: unhex(kemPub),
    sealedName: unhex(''),
    role: 'member',
    number: 1,
    verified: { kem, sig: kem, name: '', badName: false },
  };
}

/** @type {Record<string, Record<string, (c: Case) => unknown>>} */
const groups = {
  encoding: {
    async label_encoding(c) {
      const encoded = L(c.label, ...c.fields.map(unhex));
      same(hex(encoded), c.encoded);
      same(hex(await crypto.H(encoded)), c.sha256);
    },
    base64url(c) {
      const bytes = fromBase64url(c.text);
      same(orNull(bytes), valid(c) ? c.bytes : null);
      if (valid(c)) same(toBase64url(unhex(c.bytes)), c.text);
    },
  },

  primitives: {
    async sha256(c) {
      same(hex(await crypto.H(unhex(c.input))), c.digest);
    },
    async hmac(c) {
      // `hmacKey` is for the 32 bytes that all keys here have.
      const raw = { name: 'HMAC', hash: 'SHA-256' };
      const key = await globalThis.crypto.subtle.importKey('raw', unhex(c.key), raw, false, ['sign']);
      same(hex(await crypto.hmac(key, unhex(c.input))), c.tag);
    },
    async hkdf(c) {
      same(hex(await crypto.deriveBytes(await crypto.hkdfKey(unhex(c.ikm)), unhex(c.salt), unhex(c.info))), c.okm);
    },
    async aes_kw(c) {
      const kek = await wrappingKey(c.kek);
      same(await sessionKeyOf(await crypto.unwrapKey(kek, unhex(c.wrapped), true)), valid(c) ? c.key : null);
      if (valid(c)) same(hex(await crypto.wrapKey(kek, await known(c.key))), c.wrapped);
    },
    async aes_gcm(c) {
      const key = await crypto.sealingKey(unhex(c.key));
      same(orNull(await crypto.open(key, unhex(c.iv), unhex(c.aad), unhex(c.ciphertext))), valid(c) ? c.plaintext : null);
      if (valid(c)) same(hex(await crypto.seal(key, unhex(c.iv), unhex(c.aad), unhex(c.plaintext))), c.ciphertext);
    },
    public_keys(c) {
      same(crypto.isPoint(unhex(c.public_key)), valid(c));
    },
    async private_keys(c) {
      same(crypto.isScalar(unhex(c.scalar)), valid(c));
      if (valid(c)) same(hex(await publicKeyOf(c.scalar)), c.public_key);
    },
    async key_draws(c) {
      const taken = c.draws.filter((/** @type {string} */ draw) => crypto.isScalar(unhex(draw)));
      same(taken, [c.kem_scalar, c.sig_scalar]);
      const { kemPub, sigPub } = await keyPairs(taken[0], taken[1]);
      same(hex(await participants.participantId(kemPub, sigPub)), c.participant_id);
    },
    async ecdh(c) {
      const agreed = await crypto.agree(await privateKey('ECDH', c.scalar), await crypto.kemPublicKey(unhex(c.peer_public_key)));
      const [salt, info] = [utf8('salt'), utf8('info')];
      const expected = await crypto.hkdfKey(unhex(c.shared));
      same(await crypto.deriveBytes(agreed, salt, info), await crypto.deriveBytes(expected, salt, info));
    },
    async ecdsa(c) {
      const key = await crypto.sigPublicKey(unhex(c.public_key));
      same(await crypto.verify(key, unhex(c.message), unhex(c.signature)), valid(c));
    },
  },

  link: {
    async room_ids(c) {
      same(hex(await roomIdOf(unhex(c.id_seed))), c.room_id);
    },
    async links(c) {
      const link = await Link.parse(c.link);
      same([link.base, link.history, link.notAfter], [c.base, c.history, c.not_after]);
      same([link.roomId, link.secret, link.ticket, link.header].map(hex), [c.room_id, c.secret, c.ticket, c.header]);
      same(hex(await crypto.H(link.ticket)), c.ticket_hash);
      same(await link.text(), c.link);
    },
    async malformed(c) {
      same(await outcome(() => Link.parse(c.link)), c.error);
      same(await outcome(() => Link.parse(c.well_formed)), 'accepted');
    },
  },

  identity: {
    async room_keys(c) {
      const link = await Link.parse(c.link);
      const keys = await participants.roomKeys(link);
      await macs(keys.joinKey, c.join_key);
      await seals(keys.nameKey, c.name_key);
      same(hex(keys.wrapKey), c.wrap_key);
    },
    async identities(c) {
      if (c.kem_scalar !== undefined) {
        const { kemPub, sigPub } = await keyPairs(c.kem_scalar, c.sig_scalar);
        same([kemPub, sigPub].map(hex), [c.kem_pub, c.sig_pub]);
      }
      same(hex(await participants.participantId(unhex(c.kem_pub), unhex(c.sig_pub))), c.participant_id);
    },
    async join_proofs(c) {
      const link = await Link.parse(c.link);
      const { joinKey } = await participants.roomKeys(link);
      const proof = await participants.joinProof(joinKey, link.roomId, unhex(c.kem_pub), unhex(c.sig_pub), unhex(c.sealed_name));
      same(hex(proof) === c.join_proof, valid(c));
    },
  },

  names: {
    async sealed_names(c) {
      const link = await Link.parse(c.link);
      const { roomId } = link;
      const { nameKey: key } = await participants.roomKeys(link);
      await seals(key, c.name_key);
      const id = unhex(c.participant_id);
      const sigKey = await crypto.sigPublicKey(unhex(c.sig_pub));
      const open = (/** @type {Uint8Array<ArrayBuffer>} */ sealedName) =>
        names.openName({ nameKey: key, roomId, id, sigKey, sealedName });
      same(await names.fallbackName(id), c.fallback);
      same(await open(unhex(c.sealed_name)), valid(c) ? c.name : null);
      if (valid(c)) {
        const sig = await privateKey('ECDSA', c.sig_scalar);
        const sealed = await names.sealName({ nameKey: key, roomId, id, sig, name: c.name, iv: unhex(c.name_iv) });
        // Up to the signature, which is another every time.
        same(hex(sealed.slice(0, 77)), c.sealed_name.slice(0, 154));
        same(await open(sealed), c.name);
      }
    },
    async own_names(c) {
      same(await outcome(() => names.ownName(c.input)), valid(c) ? 'accepted' : c.error);
      if (valid(c)) same(names.ownName(c.input), c.name);
    },
    async fallback_names(c) {
      same(await names.fallbackName(unhex(c.participant_id)), c.name);
    },
    anonymous_names(c) {
      same(names.nameFrom(unhex(c.drawn)), c.name);
    },
    tags(c) {
      same(names.tag(unhex(c.participant_id)), c.tag);
    },
    shown_names(c) {
      same(names.label(c.name, c.number, unhex(c.participant_id)), c.shown);
    },
    async clashes(c) {
      const people = new participants.People();
      const seen = await Promise.all(
        [c.earlier, c.later].map(async (name, at) => {
          const someone = await member(hex(await publicKeyOf('11'.repeat(32))), `0${at}`.repeat(16));
          return { ...someone, verified: { ...(someone.verified ?? assert.fail()), name } };
        }),
      );
      for (const someone of seen) people.see(someone);
      same(people.show(seen[0], '').clash, false);
      same(people.show(seen[1], '').clash, c.clash);
    },
  },

  roster: {
    async roster_hashes(c) {
      const entries = c.entries.map((/** @type {Case} */ { kem_pub, sig_pub, role }) => ({
        kemPub: unhex(kem_pub),
        sigPub: unhex(sig_pub),
        role: role === 1 ? 'creator' : 'member',
      }));
      same(hex(await participants.rosterHash(unhex(c.room_id), c.version, entries)), c.roster_hash);
    },
  },

  epochs: {
    async wraps(c) {
      const [hash, steward, recipient] = [c.roster_hash, c.steward_id, c.recipient_id].map(unhex);
      const kek = await epochs.kek(
        unhex(c.wrap_key),
        await privateKey('ECDH', c.recipient_kem_scalar),
        await crypto.kemPublicKey(unhex(c.steward_kem_pub)),
        hash,
        steward,
        recipient,
      );
      same(await sessionKeyOf(await crypto.unwrapKey(kek, unhex(c.wrapped), true)), valid(c) ? c.session_key : null);
      if (!valid(c)) return;
      await wrapsLike(kek, c.kek);
      same(hex(await crypto.wrapKey(kek, await known(c.session_key))), c.wrapped);
      // The same as a client does it, commitment and all.
      const pairs = await keyPairs(c.recipient_kem_scalar, '11'.repeat(32));
      const self = new participants.Identity(pairs, recipient, unhex(''), unhex(''));
      const commit = await epochs.commitment(await known(c.session_key), hash);
      const place = { wrapKey: unhex(c.wrap_key), self, steward: await member(c.steward_kem_pub, c.steward_id), rosterHash: hash };
      const open = (/** @type {Uint8Array<ArrayBuffer>} */ commitment) =>
        epochs.openWrap({ ...place, commit: commitment, wrapped: unhex(c.wrapped), history: true });
      same(await sessionKeyOf(await open(commit)), c.session_key);
      commit[0] ^= 1;
      same(await open(commit), null);
    },
    async key_frames(c) {
      const [roomId, hash, prev, commit] = [c.room_id, c.roster_hash, c.prev, c.commit].map(unhex);
      const epoch = await epochs.epochId(prev, hash, commit);
      const signed = epochs.keyFrameSigned(roomId, epoch);
      same([epoch, signed].map(hex), [c.epoch_id, c.signed]);
      let error = null;
      if (!(await crypto.verify(await crypto.sigPublicKey(unhex(c.steward_sig_pub)), signed, unhex(c.sig)))) error = 'fork';
      else if (!equal(await epochs.commitment(await known(c.session_key), hash), commit)) error = 'bad_wrap';
      same(error, valid(c) ? null : c.error);
    },
    async backs(c) {
      const key = await epochs.historyKey(unhex(c.epoch_id), await known(c.session_key));
      const older = await crypto.unwrapKey(key, unhex(c.wrapped), true);
      const fits = older !== null && equal(await epochs.commitment(older, unhex(c.older_roster_hash)), unhex(c.older_commit));
      same(fits, valid(c));
      if (valid(c)) {
        await wrapsLike(key, c.history_key);
        same(await sessionKeyOf(older), c.older_session_key);
        same(hex(await crypto.wrapKey(key, await known(c.older_session_key))), c.wrapped);
      }
    },
  },

  chains: {
    async chains(c) {
      let chain = await epochs.chainStart((await known(c.session_key)).hkdf, unhex(c.epoch_id), unhex(c.sender_id));
      for (const { n, chain: value, message_key } of c.keys) {
        chain = await chain.at(n);
        await macs(chain.value, value);
        await seals(await chain.messageKey(), message_key);
        assert(n < c.end);
      }
      same(c.end, limits.CHAIN);
    },
  },

  plaintexts: {
    async layouts(c) {
      const text = Array.isArray(c.text) ? c.text[0].repeat(c.text[1]) : c.text;
      /** @type {Record<number, () => plaintexts.Content>} */
      const contents = {
        1: () => ({ kind: 'text', text, burnAfterMs: c.burn_after }),
        2: () => ({ kind: 'typing', typing: c.typing }),
        3: () => ({ kind: 'read', read: c.read.map((/** @type {Case} */ { sender, id }) => ({ sender: unhex(sender), id: unhex(id) })) }),
        4: () => ({ kind: 'ticket', ticket: unhex(c.ticket) }),
        5: () => ({ kind: 'ticketWanted', hash: unhex(c.ticket_hash) }),
      };
      const content = contents[c.kind]();
      same(c.n === 0, c.last_version !== undefined);
      const head = {
        id: unhex(c.message_id),
        sentAt: BigInt(c.sent_at),
        count: BigInt(c.count),
        last: c.n === 0 ? { version: BigInt(c.last_version), count: BigInt(c.last_count) } : null,
      };
      const padded = plaintexts.encodePlaintext(head, content);
      if (c.padded === undefined) {
        same(padded.length, c.padded_length);
        same(hex(await crypto.H(padded)), c.padded_sha256);
      } else {
        same(orNull(plaintexts.unpad(padded)), c.plaintext);
        same(hex(padded), c.padded);
      }
      same(plaintexts.decodePlaintext(padded, c.n === 0), { head, text: c.kind === 1, content });
    },
    unreadable(c) {
      const padded = c.padded === undefined ? pieces(c.padded_pieces, unhex) : unhex(c.padded);
      assert(plaintexts.unpad(padded) !== null, 'the padding is right');
      const decoded = plaintexts.decodePlaintext(padded, c.n === 0);
      same(decoded && String(decoded.head.count), c.count);
      same(decoded?.content ?? null, null);
    },
    padded_lengths(c) {
      same(plaintexts.paddedLength(c.length), c.padded_length);
    },
    paddings(c) {
      same(orNull(plaintexts.unpad(unhex(c.padded))), valid(c) ? c.plaintext : null);
      if (valid(c)) same(hex(plaintexts.pad(unhex(c.plaintext))), c.padded);
    },
  },

  envelopes: {
    async envelopes(c) {
      const { kemPub, sigPub } = await keyPairs(c.sender_kem_scalar, c.sender_sig_scalar);
      same(hex(await participants.participantId(kemPub, sigPub)), c.sender_id);
      const place = { roomId: unhex(c.room_id), epoch: unhex(c.epoch_id), sender: unhex(c.sender_id), n: c.n, flags: c.flags };
      const wire = { epoch: place.epoch, n: c.n, flags: c.flags, iv: unhex(c.iv), ciphertext: unhex(c.ciphertext), sig: unhex(c.sig) };
      const start = await epochs.chainStart((await known(c.session_key)).hkdf, place.epoch, place.sender);
      const key = await (await start.at(c.n)).messageKey();
      let error = null;
      let padded = null;
      if (!(await envelopes.verifyEnvelope(place, wire, await crypto.sigPublicKey(sigPub)))) error = 'bad_envelope_signature';
      else {
        padded = await envelopes.openEnvelope(place, wire, key);
        if (padded === null) error = 'bad_envelope';
      }
      same(error, valid(c) ? null : c.error);
      if (padded === null) return;
      await seals(key, c.message_key);
      same(hex(envelopes.aad(place)), c.aad);
      same(hex(await envelopes.envelopeSigned(place, wire.iv, wire.ciphertext)), c.signed);
      same(hex(padded), c.padded);
      // What this package seals opens again.
      const sig = await privateKey('ECDSA', c.sender_sig_scalar);
      const own = await envelopes.sealEnvelope(place, key, sig, padded.slice());
      same(await envelopes.verifyEnvelope(place, own, await crypto.sigPublicKey(sigPub)), true);
      same(await envelopes.openEnvelope(place, own, key), padded);
    },
  },

  verification: {
    async codes(c) {
      const entries = await Promise.all(
        c.entries.map(async (/** @type {Case} */ { kem_pub, sig_pub }) => {
          const [kemPub, sigPub] = [unhex(kem_pub), unhex(sig_pub)];
          return { id: await participants.participantId(kemPub, sigPub), kemPub, sigPub };
        }),
      );
      const hash = await transcript(unhex(c.room_id), unhex(c.secret), entries);
      same(hex(hash), c.transcript);
      const shown = await codes(hash);
      same([shown.shortCode, shown.safetyNumber, shown.qrText], [c.short_code, c.safety_number, c.qr_text]);
      same(shown.emoji.map(({ symbol }) => symbol).join(''), c.emoji);
      same(shown.emoji.map(({ name }) => name), c.emoji_names);
    },
  },

  frames: {
    client_frames: (c) => frame(readClientFrame, c),
    client_frames_refused: (c) => frame(readClientFrame, c),
    relay_frames: (c) => frame(readRelayFrame, c),
    relay_frames_refused: (c) => frame(readRelayFrame, c),
    request_bodies: (c) => frame(readRoomRequest, c),
    request_bodies_refused: (c) => frame(readRoomRequest, c),
  },

  errors: {
    errors({ number, name, blame, effect, http }) {
      same(errors.get(name), { number, name, blame, effect, http });
    },
  },

  limits: {
    fixed(c) {
      const name = c.id.split('/').at(-1);
      if (ofTheRelay.has(name)) return;
      const held = limitOf[name] ?? assert.fail(`no such limit: ${name}`);
      const { min, max } = typeof held === 'number' ? { min: undefined, max: undefined } : held;
      same(c.value === undefined ? [c.min, c.max] : c.value, c.value === undefined ? [min, max] : held);
    },
  },
};

// What a relay keeps to and no client has to know.
const ofTheRelay = new Set([
  'away', 'join_wait', 'asking', 'askings', 'overlap', 'need_key_most', 'rekey_at', 'pin', 'pin_failures_peer',
  'pin_window_peer', 'pin_failures_room', 'pin_window_room', 'countdown', 'countdown_last', 'last_minute',
]);

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

async function frame(/** @type {(raw: Uint8Array<ArrayBuffer>) => object | null} */ read, /** @type {Case} */ c) {
  const raw = c.bytes ? unhex(c.bytes) : c.pieces ? pieces(c.pieces, utf8) : utf8(c.text);
  same(await outcome(() => read(raw)), valid(c) ? 'accepted' : c.error);
  if (!valid(c)) return;
  const found = read(raw);
  if (found !== null) same(read(utf8(writeFrame(found))), found);
  const members = found && JSON.parse(JSON.stringify(found, (_, value) => (value instanceof Uint8Array ? hex(value) : value)));
  // The longest ciphertext is left out of the file.
  if (c.pieces && members) delete members.ciphertext;
  same(members, c.members);
}

const folder = new URL('../../../../spec/vectors/', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
const documents = files.map((name) => ({
  file: name.replace('.json', ''),
  document: JSON.parse(readFileSync(new URL(name, folder), 'utf8')),
}));

test('every file of vectors is known, and none is missing', () => {
  same([...files].sort(), Object.keys(groups).map((name) => `${name}.json`).sort());
});

test('no error is in the registry that the vectors lack', () => {
  const listed = documents.find(({ file }) => file === 'errors')?.document.groups[0].cases;
  same([...errors.keys()], listed.map((/** @type {Case} */ { name }) => name));
});

for (const { file, document } of documents) {
  test(`${file}: every group is known, and none is missing`, () => {
    same(document.groups.map((/** @type {Case} */ { name }) => name).sort(), Object.keys(groups[file]).sort());
  });
  for (const group of document.groups) {
    test(`${file}/${group.name}: ${group.cases.length} cases`, async () => {
      assert(group.cases.length > 0);
      for (const c of group.cases) {
        try {
          await groups[file][group.name]({ ...group.given, ...c });
        } catch (error) {
          if (error instanceof Error) error.message = `${c.id}: ${error.message}`;
          throw error;
        }
      }
    });
  }
}

test('a frame is told as text, too', () => {
  same(readRelayFrame('{"type":"countdown","seconds_remaining":7}'), { type: 'countdown', seconds_remaining: 7 });
  assert.throws(() => readRelayFrame(`{"type":"${'ü'.repeat(600_000)}"}`), { code: 'frame_too_large' });
});

test('a count beyond 2^53 survives', () => {
  const head = { id: new Uint8Array(16), sentAt: 1n, count: 2n ** 63n + 1n, last: null };
  const padded = plaintexts.encodePlaintext(head, { kind: 'typing', typing: true });
  same(plaintexts.decodePlaintext(padded, false)?.head.count, head.count);
  same(u64(head.count)[0], 0x80);
  same(u8(7), Uint8Array.of(7));
});
