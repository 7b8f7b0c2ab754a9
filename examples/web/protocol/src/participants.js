// Who is in a room: identities, entries of the roster, and what a client may believe of them (section 5, 6.2).

import { equal, L, toBase64url, u64, u8, wipe } from './bytes.js';
import * as crypto from './crypto.js';
import * as limits from './limits.js';
import { trim } from './memory.js';
import { fallbackName, label, openName, sealName, tag } from './names.js';

/** @typedef {import('./bytes.js').Bytes} Bytes */
/** @typedef {import('./frames.js').Entry} WireEntry */
/** @typedef {import('./frames.js').Role} Role */

/**
 * What follows from a link.
 * @typedef {object} RoomKeys
 * @property {CryptoKey} joinKey
 * @property {CryptoKey} nameKey
 * @property {Bytes} wrapKey
 */

/**
 * @param {import('./link.js').Link} link
 * @returns {Promise<RoomKeys>}
 */
export async function roomKeys({ roomId, secret, header }) {
  const ikm = await crypto.hkdfKey(secret);
  const [joinKey, nameKey, wrapKey] = await Promise.all([
    crypto.deriveHmacKey(ikm, roomId, L('join', header)),
    crypto.deriveSealingKey(ikm, roomId, L('name', header)),
    crypto.deriveBytes(ikm, roomId, L('wrap', header)),
  ]);
  return { joinKey, nameKey, wrapKey };
}

/** @returns {Promise<Bytes>} */
export const participantId = async (/** @type {Bytes} */ kemPub, /** @type {Bytes} */ sigPub) =>
  (await crypto.H(L('id', kemPub, sigPub))).slice(0, 16);

/**
 * @param {CryptoKey} joinKey
 * @param {Bytes} roomId
 * @param {Bytes} kemPub
 * @param {Bytes} sigPub
 * @param {Bytes} sealedName
 */
export const joinProof = async (joinKey, roomId, kemPub, sigPub, sealedName) =>
  crypto.hmac(joinKey, L('join', roomId, kemPub, sigPub, await crypto.H(sealedName)));

/**
 * What a client draws for one participation.
 * @typedef {object} Drawn
 * @property {import('./crypto.js').KeyPairs} pairs
 * @property {Bytes} iv of the sealed name
 */

/** @returns {Promise<Drawn>} */
export const drawIdentity = async () => ({ pairs: await crypto.newKeyPairs(), iv: crypto.randomBytes(12) });

/** This client, for one participation. */
export class Identity {
  /**
   * @param {import('./crypto.js').KeyPairs} pairs
   * @param {Bytes} id
   * @param {Bytes} sealedName
   * @param {Bytes} proof
   */
  constructor(pairs, id, sealedName, proof) {
    this.pairs = pairs;
    this.id = id;
    this.key = toBase64url(id);
    this.sealedName = sealedName;
    this.joinProof = proof;
  }

  /**
   * @param {import('./link.js').Link} link
   * @param {RoomKeys} keys
   * @param {string} name
   * @param {Drawn} drawn
   */
  static async make({ roomId }, { joinKey, nameKey }, name, { pairs, iv }) {
    const id = await participantId(pairs.kemPub, pairs.sigPub);
    const sealedName = await sealName({ nameKey, roomId, id, sig: pairs.sig, name, iv });
    const proof = await joinProof(joinKey, roomId, pairs.kemPub, pairs.sigPub, sealedName);
    return new Identity(pairs, id, sealedName, proof);
  }

  /** Whether an entry of the roster is what this client has shown. */
  is(/** @type {Member} */ { kemPub, sigPub, sealedName }) {
    return equal(kemPub, this.pairs.kemPub) && equal(sigPub, this.pairs.sigPub) && equal(sealedName, this.sealedName);
  }
}

/**
 * An entry of the roster, checked. The keys and the name are there iff it is verified.
 * @typedef {object} Member
 * @property {Bytes} id
 * @property {string} key the id as text, to look it up by
 * @property {Bytes} kemPub
 * @property {Bytes} sigPub
 * @property {Bytes} sealedName
 * @property {Role} role
 * @property {number} number
 * @property {Verified | null} verified
 */

/**
 * @typedef {object} Verified
 * @property {CryptoKey} kem
 * @property {CryptoKey} sig
 * @property {string} name
 * @property {boolean} badName whether `name` is the fallback
 */

/**
 * Checks an entry (5.6) and opens its name (5.5).
 * @param {import('./link.js').Link} link
 * @param {RoomKeys} keys
 * @param {WireEntry} entry
 * @param {ReadonlySet<string>} departed the ids this client has seen leave
 * @returns {Promise<Member>}
 */
export async function checkEntry(link, keys, entry, departed) {
  const { kem_pub: kemPub, sig_pub: sigPub, sealed_name: sealedName, role, number } = entry;
  const id = await participantId(kemPub, sigPub);
  const key = toBase64url(id);
  const member = { id, key, kemPub, sigPub, sealedName, role, number };
  const proof = await joinProof(keys.joinKey, link.roomId, kemPub, sigPub, sealedName);
  const known = crypto.isPoint(kemPub) && crypto.isPoint(sigPub) && !departed.has(key) && equal(proof, entry.join_proof);
  if (!known) return { ...member, verified: null };
  const [kem, sig] = await Promise.all([crypto.kemPublicKey(kemPub), crypto.sigPublicKey(sigPub)]);
  const name = await openName({ nameKey: keys.nameKey, roomId: link.roomId, id, sigKey: sig, sealedName });
  return { ...member, verified: { kem, sig, name: name ?? (await fallbackName(id)), badName: name === null } };
}

/**
 * @param {Bytes} roomId
 * @param {number} version
 * @param {readonly { kemPub: Bytes, sigPub: Bytes, role: Role }[]} members
 */
export const rosterHash = (roomId, version, members) =>
  crypto.H(
    L('roster', roomId, u64(version), ...members.flatMap(({ kemPub, sigPub, role }) => [kemPub, sigPub, u8(role === 'creator' ? 1 : 0)])),
  );

/**
 * The participants at one version.
 * @typedef {object} Roster
 * @property {number} version
 * @property {readonly Member[]} members in join order
 * @property {Bytes} hash
 */

/**
 * @param {Bytes} roomId
 * @param {number} version
 * @param {readonly Member[]} members
 * @returns {Promise<Roster>}
 */
export const makeRoster = async (roomId, version, members) => ({
  version,
  members,
  hash: await rosterHash(roomId, version, members),
});

/**
 * A participant, as shown to people.
 * @typedef {object} Participant
 * @property {string} id base64url
 * @property {string | null} name null if the entry is not verified
 * @property {number} number
 * @property {string} tag
 * @property {string} label `name·number·tag`
 * @property {Role} role
 * @property {boolean} verified
 * @property {boolean} clash an earlier participant, present or gone, had the same name
 * @property {boolean} self
 */

/** Everyone a client has seen in a room, in the order they came: so that a name taken twice is told. */
export class People {
  constructor() {
    /** @type {Map<string, Member>} */
    this.seen = new Map();
    /** Whose each name was first. @type {Map<string, string>} */
    this.first = new Map();
    /** The ids seen leaving. @type {Set<string>} */
    this.departed = new Set();
  }

  see(/** @type {Member} */ member) {
    if (this.seen.has(member.key)) return;
    this.seen.set(member.key, member);
    const name = member.verified?.name.normalize('NFC');
    if (name !== undefined && !this.first.has(name)) this.first.set(name, member.key);
    trim(this.seen, limits.DEPARTED_IDS);
    trim(this.first, limits.DEPARTED_IDS);
  }

  depart(/** @type {string} */ key) {
    this.departed.add(key);
    trim(this.departed, limits.DEPARTED_IDS);
  }

  /** A replayed history tells who came before those already seen. */
  seeInOrder(/** @type {readonly Member[]} */ earlier) {
    const later = [...this.seen.values()];
    this.seen.clear();
    this.first.clear();
    for (const member of [...earlier, ...later]) this.see(member);
  }

  /** @returns {Participant} */
  show(/** @type {Member} */ member, /** @type {string} */ self) {
    const { id, key, role, number, verified } = member;
    const name = verified?.name ?? null;
    return {
      id: key,
      name,
      number,
      tag: tag(id),
      label: label(name ?? 'unverified', number, id),
      role,
      verified: verified !== null,
      clash: name !== null && this.first.get(name.normalize('NFC')) !== key,
      self: key === self,
    };
  }

  wipe() {
    this.seen.clear();
    this.first.clear();
    this.departed.clear();
  }
}

export const wipeRoomKeys = (/** @type {RoomKeys} */ keys) => wipe(keys.wrapKey);
