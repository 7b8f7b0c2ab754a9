// Computes every value of the vectors again, with nothing but the spec (burnchat.mjs) and Node's own WebCrypto.
//
//     node --test spec/vectors/check.mjs

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

import * as b from './burnchat.mjs';

const { hex, unhex, utf8, cat, equal } = b;

// How each group of each file is checked: with the case and what its group gives to all.
const groups = {
  encoding: {
    async label_encoding(c) {
      const encoded = b.L(c.label, ...c.fields.map(unhex));
      same(hex(encoded), c.encoded);
      same(hex(await b.H(encoded)), c.sha256);
    },
    base64url(c) {
      const bytes = b.fromBase64url(c.text);
      same(bytes && hex(bytes), valid(c) ? c.bytes : null);
      if (valid(c)) {
        same(b.toBase64url(unhex(c.bytes)), c.text);
        same(bytes.length, c.length);
      }
    },
  },

  primitives: {
    async sha256(c) {
      same(hex(await b.H(unhex(c.input))), c.digest);
    },
    async hmac(c) {
      same(hex(await b.HMAC(unhex(c.key), unhex(c.input))), c.tag);
    },
    async hkdf(c) {
      same(hex(await b.HKDF(unhex(c.salt), unhex(c.ikm), unhex(c.info))), c.okm);
    },
    async aes_kw(c) {
      same(orNull(await b.unwrap(unhex(c.kek), unhex(c.wrapped))), valid(c) ? c.key : null);
      if (valid(c)) same(hex(await b.wrap(unhex(c.kek), unhex(c.key))), c.wrapped);
    },
    async aes_gcm(c) {
      const inputs = [c.key, c.iv, c.aad].map(unhex);
      same(orNull(await b.open(...inputs, unhex(c.ciphertext))), valid(c) ? c.plaintext : null);
      if (valid(c)) same(hex(await b.seal(...inputs, unhex(c.plaintext))), c.ciphertext);
    },
    async public_keys(c) {
      same(await b.isPublicKey(unhex(c.public_key)), valid(c));
    },
    async private_keys(c) {
      same(b.isPrivateScalar(unhex(c.scalar)), valid(c));
      if (valid(c)) same(hex(await b.publicKeyOf(unhex(c.scalar))), c.public_key);
    },
    async key_draws(c) {
      const taken = c.draws.filter((draw) => b.isPrivateScalar(unhex(draw)));
      same(taken, [c.kem_scalar, c.sig_scalar]);
      const keys = await Promise.all(taken.map((scalar) => b.publicKeyOf(unhex(scalar))));
      same(hex(await b.participantId(...keys)), c.participant_id);
    },
    async ecdh(c) {
      same(hex(await b.ECDH(unhex(c.scalar), unhex(c.peer_public_key))), c.shared);
    },
    async ecdsa(c) {
      same(await b.verify(unhex(c.public_key), unhex(c.message), unhex(c.signature)), valid(c));
    },
  },

  link: {
    async room_ids(c) {
      same(hex(await b.H(b.L('room', unhex(c.id_seed)))), c.hash);
      same(hex(await b.roomId(unhex(c.id_seed))), c.room_id);
    },
    async links(c) {
      const link = await b.parseLink(c.link);
      same(link.base, c.base);
      same(link.history, c.history);
      same(link.notAfter, c.not_after);
      for (const [key, value] of [['roomId', c.room_id], ['secret', c.secret], ['ticket', c.ticket], ['header', c.header]]) {
        same(hex(link[key]), value);
      }
      same(hex(await b.H(link.ticket)), c.ticket_hash);
      same(await b.writeLink(link), c.link);
    },
    async malformed(c) {
      same(await outcome(b.parseLink(c.link)), c.error);
      same(await outcome(b.parseLink(c.well_formed)), 'accepted');
    },
  },

  identity: {
    async room_keys(c) {
      const link = await b.parseLink(c.link);
      same(hex(link.roomId), c.room_id);
      same(hex(link.header), c.header);
      same(hex(link.secret), c.secret);
      const { joinKey, nameKey, wrapKey } = await b.roomKeys(link);
      same(hex(joinKey), c.join_key);
      same(hex(nameKey), c.name_key);
      same(hex(wrapKey), c.wrap_key);
    },
    async identities(c) {
      if (c.kem_scalar !== undefined) {
        same(hex(await b.publicKeyOf(unhex(c.kem_scalar))), c.kem_pub);
        same(hex(await b.publicKeyOf(unhex(c.sig_scalar))), c.sig_pub);
      }
      same(hex(await b.participantId(unhex(c.kem_pub), unhex(c.sig_pub))), c.participant_id);
    },
    async join_proofs(c) {
      const link = await b.parseLink(c.link);
      const { joinKey } = await b.roomKeys(link);
      const entry = [c.kem_pub, c.sig_pub, c.sealed_name].map(unhex);
      const proof = await b.joinProof(joinKey, link.roomId, ...entry);
      same(hex(proof) === c.join_proof, valid(c));
    },
  },

  names: {
    async sealed_names(c) {
      const { roomId, ...link } = await b.parseLink(c.link);
      const { nameKey } = await b.roomKeys({ roomId, ...link });
      const [id, sigPub, iv] = [c.participant_id, c.sig_pub, c.name_iv].map(unhex);
      same(hex(nameKey), c.name_key);
      same(hex(await b.publicKeyOf(unhex(c.kem_scalar))), c.kem_pub);
      same(hex(await b.publicKeyOf(unhex(c.sig_scalar))), c.sig_pub);
      same(hex(await b.participantId(unhex(c.kem_pub), sigPub)), c.participant_id);
      same(await b.fallbackName(id), c.fallback);
      const name = await b.openName(nameKey, roomId, id, sigPub, unhex(c.sealed_name));
      same(name, valid(c) ? c.name : null);
      // What was sealed is what the spec lays out, and a signature of one's own would do as well.
      if (c.plaintext !== undefined) same(hex(cat(iv, await b.seal(nameKey, iv, id, unhex(c.plaintext)))), c.sealed_name);
      if (valid(c)) {
        const bytes = utf8(name);
        const own = await b.sign(unhex(c.sig_scalar), b.L('name', roomId, id, bytes));
        const plaintext = cat(b.u8(bytes.length), bytes, new Uint8Array(64 - bytes.length), own);
        const sealed = cat(iv, await b.seal(nameKey, iv, id, plaintext));
        same(hex(sealed.slice(0, 77)), c.sealed_name.slice(0, 154));
        same(await b.openName(nameKey, roomId, id, sigPub, sealed), name);
      }
    },
    async own_names(c) {
      same(await outcome(async () => b.ownName(c.input)), valid(c) ? 'accepted' : c.error);
      if (valid(c)) same(b.ownName(c.input), c.name);
    },
    async fallback_names(c) {
      same(hex(await b.H(b.L('label', unhex(c.participant_id)))), c.hash);
      same(await b.fallbackName(unhex(c.participant_id)), c.name);
    },
    anonymous_names(c) {
      same(b.nameOf(unhex(c.drawn)), c.name);
    },
    tags(c) {
      same(b.tag(unhex(c.participant_id)), c.tag);
    },
    shown_names(c) {
      same(b.shownName(c.name, c.number, unhex(c.participant_id)), c.shown);
    },
    clashes(c) {
      same(c.earlier.normalize('NFC') === c.later.normalize('NFC'), c.clash);
    },
  },

  roster: {
    async roster_hashes(c) {
      const entries = c.entries.map(({ kem_pub, sig_pub, role }) => ({ kemPub: unhex(kem_pub), sigPub: unhex(sig_pub), role }));
      same(hex(await b.rosterHash(unhex(c.room_id), c.version, entries)), c.roster_hash);
    },
  },

  epochs: {
    async wraps(c) {
      const keys = [c.wrap_key, c.roster_hash, c.steward_id, c.recipient_id].map(unhex);
      const [wrapKey, ...rest] = keys;
      same(hex(await b.publicKeyOf(unhex(c.steward_kem_scalar))), c.steward_kem_pub);
      same(hex(await b.publicKeyOf(unhex(c.recipient_kem_scalar))), c.recipient_kem_pub);
      const shared = await b.ECDH(unhex(c.recipient_kem_scalar), unhex(c.steward_kem_pub));
      const kek = await b.kek(wrapKey, shared, ...rest);
      same(orNull(await b.unwrap(kek, unhex(c.wrapped))), valid(c) ? c.session_key : null);
      if (valid(c)) {
        same(hex(shared), c.shared);
        same(hex(await b.ECDH(unhex(c.steward_kem_scalar), unhex(c.recipient_kem_pub))), c.shared);
        same(hex(kek), c.kek);
        same(hex(await b.wrap(kek, unhex(c.session_key))), c.wrapped);
      }
    },
    async key_frames(c) {
      const [roomId, hash, prev, commit] = [c.room_id, c.roster_hash, c.prev, c.commit].map(unhex);
      const epoch = await b.epochId(prev, hash, commit);
      const signed = b.keyFrameSigned(roomId, epoch);
      same(hex(epoch), c.epoch_id);
      same(hex(signed), c.signed);
      same(hex(await b.publicKeyOf(unhex(c.steward_sig_scalar))), c.steward_sig_pub);
      let error = null;
      if (!(await b.verify(unhex(c.steward_sig_pub), signed, unhex(c.sig)))) error = 'fork';
      else if (!equal(await b.commit(unhex(c.session_key), hash), commit)) error = 'bad_wrap';
      same(error, valid(c) ? null : c.error);
    },
    async backs(c) {
      const key = await b.historyKey(unhex(c.epoch_id), unhex(c.session_key));
      const older = await b.unwrap(key, unhex(c.wrapped));
      const fits = older !== null && equal(await b.commit(older, unhex(c.older_roster_hash)), unhex(c.older_commit));
      same(fits, valid(c));
      if (valid(c)) {
        same(hex(key), c.history_key);
        same(hex(older), c.older_session_key);
        same(hex(await b.wrap(key, older)), c.wrapped);
      }
    },
  },

  chains: {
    async chains(c) {
      let chain = await b.chainStart(unhex(c.epoch_id), unhex(c.session_key), unhex(c.sender_id));
      let at = 0;
      for (const { n, ...expected } of c.keys) {
        for (; at < n; at += 1) chain = await b.chainNext(chain);
        same(hex(chain), expected.chain);
        same(hex(await b.messageKey(chain)), expected.message_key);
        assert(n < c.end);
      }
      same(c.end, 8192);
    },
  },

  plaintexts: {
    async layouts(c) {
      const text = Array.isArray(c.text) ? c.text[0].repeat(c.text[1]) : c.text;
      const body = {
        1: () => utf8(text),
        2: () => b.u8(c.typing ? 1 : 0),
        3: () => cat(...c.read.map(({ sender, id }) => cat(unhex(sender), unhex(id)))),
        4: () => unhex(c.ticket),
        5: () => unhex(c.ticket_hash),
      }[c.kind]();
      const header = {
        kind: c.kind,
        id: unhex(c.message_id),
        sentAt: c.sent_at,
        count: BigInt(c.count),
        burnAfter: c.burn_after,
        lastVersion: c.last_version,
        lastCount: c.last_count,
      };
      same(c.n === 0, c.last_version !== undefined);
      const plaintext = b.encodePlaintext(header, c.n, body);
      const padded = b.pad(plaintext);
      if (c.padded === undefined) {
        same(padded.length, c.padded_length);
        same(hex(await b.H(padded)), c.padded_sha256);
      } else {
        same(hex(plaintext), c.plaintext);
        same(hex(padded), c.padded);
      }
      const decoded = b.decodePlaintext(c.n, padded);
      same([decoded.kind, hex(decoded.id), decoded.burnAfter], [c.kind, c.message_id, c.burn_after]);
      same([decoded.sentAt, decoded.count], [BigInt(c.sent_at), BigInt(c.count)]);
      if (c.n === 0) same([decoded.lastVersion, decoded.lastCount], [BigInt(c.last_version), BigInt(c.last_count)]);
      const said = {
        1: () => decoded.body === text,
        2: () => decoded.body === c.typing,
        3: () => JSON.stringify(decoded.body.map(({ sender, id }) => ({ sender: hex(sender), id: hex(id) }))) === JSON.stringify(c.read),
        4: () => hex(decoded.body) === c.ticket,
        5: () => hex(decoded.body) === c.ticket_hash,
      }[c.kind]();
      assert(said, 'the body');
    },
    unreadable(c) {
      const padded = c.padded === undefined ? pieces(c.padded_pieces, unhex) : unhex(c.padded);
      assert(b.unpad(padded) !== null, 'the padding is right');
      const decoded = b.decodePlaintext(c.n, padded);
      same(decoded && String(decoded.count), c.count);
      same(decoded?.body ?? null, null);
    },
    padded_lengths(c) {
      same(b.paddedLength(c.length), c.padded_length);
    },
    paddings(c) {
      same(orNull(b.unpad(unhex(c.padded))), valid(c) ? c.plaintext : null);
      if (valid(c)) same(hex(b.pad(unhex(c.plaintext))), c.padded);
    },
  },

  envelopes: {
    async envelopes(c) {
      const place = [unhex(c.room_id), unhex(c.epoch_id), unhex(c.sender_id), c.n, c.flags];
      const [iv, ciphertext] = [unhex(c.iv), unhex(c.ciphertext)];
      const keys = await Promise.all([c.sender_kem_scalar, c.sender_sig_scalar].map((scalar) => b.publicKeyOf(unhex(scalar))));
      same(hex(await b.participantId(...keys)), c.sender_id);
      same(hex(keys[1]), c.sender_sig_pub);
      let chain = await b.chainStart(unhex(c.epoch_id), unhex(c.session_key), unhex(c.sender_id));
      for (let n = 0; n < c.n; n += 1) chain = await b.chainNext(chain);
      const key = await b.messageKey(chain);
      const signed = await b.envelopeSigned(...place, iv, ciphertext);
      let error = null;
      let padded = null;
      if (!(await b.verify(unhex(c.sender_sig_pub), signed, unhex(c.sig)))) error = 'bad_envelope_signature';
      else {
        padded = await b.open(key, iv, b.aad(...place), ciphertext);
        if (padded === null) error = 'bad_envelope';
      }
      same(error, valid(c) ? null : c.error);
      if (valid(c)) {
        same(hex(key), c.message_key);
        same(hex(b.aad(...place)), c.aad);
        same(hex(signed), c.signed);
        same(hex(padded), c.padded);
        same(hex(await b.seal(key, iv, b.aad(...place), padded)), c.ciphertext);
        assert(b.decodePlaintext(c.n, padded).body !== null);
      }
    },
  },

  verification: {
    async codes(c) {
      const entries = c.entries.map(({ kem_pub, sig_pub }) => ({ kemPub: unhex(kem_pub), sigPub: unhex(sig_pub) }));
      const code = await b.verification(unhex(c.room_id), unhex(c.secret), entries);
      same(code.ids.map(hex), c.sorted_ids);
      same(hex(code.transcript), c.transcript);
      same(code.shortCode, c.short_code);
      same(code.emoji, c.emoji);
      same(code.emojiNames, c.emoji_names);
      same(code.safetyNumber, c.safety_number);
      same(code.qrText, c.qr_text);
    },
  },

  frames: {
    client_frames: (c) => frame(b.clientFrame, c),
    client_frames_refused: (c) => frame(b.clientFrame, c),
    relay_frames: (c) => frame(b.relayFrame, c),
    relay_frames_refused: (c) => frame(b.relayFrame, c),
    request_bodies: (c) => frame(b.requestBody, c),
    request_bodies_refused: (c) => frame(b.requestBody, c),
  },

  errors: {
    errors({ number, name, blame, effect, http }) {
      same({ number, name, blame, effect, http }, b.errors.find((error) => error.name === name));
    },
  },

  limits: {
    fixed(c) {
      const [quote, ...values] = limits[c.id.split('/').at(-1)] ?? assert.fail('no such limit');
      assert(b.spec.includes(quote), `the spec does not say: ${quote}`);
      same(c.value === undefined ? [c.min, c.max] : [c.value], values);
      same(c.two_to_the_53, 2 ** 53);
    },
  },
};

// Where the spec says each limit, and what that is in the unit of the case.
const limits = {
  client_frame: ['| frame from a client | 65,536 bytes |', 65_536],
  relay_frame: ['| frame from a relay | 1,048,576 bytes |', 1_048_576],
  frame_depth: ['| nesting, members of an object | 4, 64 |', 4],
  frame_members: ['| nesting, members of an object | 4, 64 |', 64],
  frame_integer: ['lie below 2^53', 2 ** 53 - 1],
  link: ['longer than 2,048 bytes', 2048],
  ttl: ["| room's life at creation | 30 s to 72 h |", 30, 72 * 3600],
  not_after_slack: ['| not_after past the first end | 24 h |', 24 * 3600],
  extension: ['1 to 1,800 s', 1, 1800],
  capacity: ['| capacity | 2 to 256 |', 2, 256],
  default_capacity: ['`capacity` (2 to 256, default 50)', 50],
  away: ['| away | 30 s |', 30_000],
  join_wait: ['250 ms after the first join that is waiting', 250],
  asking: ["2 s by the relay's clock", 2000],
  askings: ['After two time-outs', 2],
  overlap: ['`epoch_end{version}` for each 30 s after the key frame', 30_000],
  overlap_at_client: ['wipes an older epoch 5 minutes after a newer one', 300_000],
  need_key: ['every 5 s while it lasts', 5000],
  need_key_most: ['only after 5 s, doubling up to 80 s', 80_000],
  rekey_stalled: ['no key for the newest version for 10 s', 10_000],
  unkeyed_versions: ['| versions since the last keyed one, at a client | 4,096 |', 4096],
  departed_ids: ['| departures a client remembers | 65,536 |', 65_536],
  rejoins: ['at most twice in a row', 2],
  chain: ['| n in an epoch | 8,192, rekey at 4,096 |', 8192],
  rekey_at: ['| n in an epoch | 8,192, rekey at 4,096 |', 4096],
  text: ['| text | 1 to 32,768 bytes |', 1, 32_768],
  name: ['| name | 1 to 64 bytes |', 1, 64],
  ciphertext: ['| ciphertext | 80 to 45,000 bytes |', 80, 45_000],
  padded: ['up to m = 64 that is 64', 64],
  read: ['1 to 64 pairs of sender id and message id', 1, 64],
  in_flight: ['| envelopes sent and not accepted | 64 |', 64],
  waiting_texts: ['| texts waiting at a client | 256 |', 256],
  remembered_ids: ['| (sender, id) remembered | 4,096 for each sender, of 1,024 senders |', 4096],
  remembered_senders: ['4,096 for each sender, of 1,024 senders', 1024],
  pin_text: ['`pin` text of at most 32 bytes', 32],
  pin: ['The PIN is six symbols', 6],
  wraps: ['`wraps` array of at most 255', 255],
  ticket_patience: ['A client that lacks the ticket 2 s after', 2000],
  ticket_renewal: ['A creator that still lacks it 5 s after asking renews', 5000],
  pin_failures_peer: ['| PIN failures | 3 in 10 min for each peer and room, 20 an hour for each room |', 3],
  pin_window_peer: ['| PIN failures | 3 in 10 min for each peer and room, 20 an hour for each room |', 600_000],
  pin_failures_room: ['| PIN failures | 3 in 10 min for each peer and room, 20 an hour for each room |', 20],
  pin_window_room: ['| PIN failures | 3 in 10 min for each peer and room, 20 an hour for each room |', 3_600_000],
  countdown: ['to everyone connected every 10 s, and every second in the last 60 s', 10],
  countdown_last: ['to everyone connected every 10 s, and every second in the last 60 s', 1],
  last_minute: ['to everyone connected every 10 s, and every second in the last 60 s', 60],
};

function valid(c) {
  assert(['valid', 'invalid'].includes(c.result));
  return c.result === 'valid';
}

const same = (computed, written) => assert.deepEqual(computed, written);
const orNull = (bytes) => (bytes === null ? null : hex(bytes));
const pieces = (parts, read) => cat(...parts.map(([piece, times]) => Buffer.alloc(read(piece).length * times, read(piece))));

/** `accepted`, or the name of the error. */
async function outcome(work) {
  try {
    await (typeof work === 'function' ? work() : work);
    return 'accepted';
  } catch (error) {
    if (typeof error !== 'string') throw error;
    return error;
  }
}

async function frame(parse, c) {
  const raw = c.bytes ? unhex(c.bytes) : c.pieces ? pieces(c.pieces, utf8) : utf8(c.text);
  same(await outcome(async () => parse(raw)), valid(c) ? 'accepted' : c.error);
  if (!valid(c)) return;
  const members = parse(raw);
  // The longest ciphertext is left out of the file.
  if (c.pieces && members) delete members.ciphertext;
  same(members, c.members);
}

const folder = new URL('./', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.json'));

test('every file is known, and none is missing', () => {
  same(files.sort(), Object.keys(groups).map((name) => `${name}.json`).sort());
});

test('every error of the spec is in the registry', () => {
  const { groups: [{ cases }] } = JSON.parse(readFileSync(new URL('errors.json', folder), 'utf8'));
  same(cases.map(({ name }) => name), b.errors.map(({ name }) => name));
});

let checked = 0;
for (const name of files) {
  const file = name.replace('.json', '');
  const document = JSON.parse(readFileSync(new URL(name, folder), 'utf8'));
  test(`${file}: every group is known, and none is missing`, () => {
    same(document.groups.map((group) => group.name).sort(), Object.keys(groups[file]).sort());
  });
  for (const group of document.groups) {
    test(`${file}/${group.name}: ${group.cases.length} cases`, async () => {
      assert(group.cases.length > 0);
      for (const c of group.cases) {
        try {
          await groups[file][group.name]({ ...group.given, ...c });
        } catch (error) {
          error.message = `${c.id}: ${error.message ?? error}`;
          throw error;
        }
        checked += 1;
      }
    });
  }
}

test('that was all of them', () => {
  const ids = files.flatMap((name) =>
    JSON.parse(readFileSync(new URL(name, folder), 'utf8')).groups.flatMap(({ cases }) => cases.map(({ id }) => id)),
  );
  same(new Set(ids).size, ids.length);
  same(checked, ids.length);
});
