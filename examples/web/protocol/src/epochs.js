// Key frames, and the epochs they start (sections 7, 8.1, 9.2).

import { equal, L, u8, wipe } from './bytes.js';
import * as crypto from './crypto.js';

/** @typedef {import('./bytes.js').Bytes} Bytes */
/** @typedef {import('./crypto.js').SessionKey} SessionKey */
/** @typedef {import('./participants.js').Roster} Roster */
/** @typedef {import('./participants.js').Member} Member */

/** @returns {Promise<Bytes>} */
export const epochId = (/** @type {Bytes} */ prev, /** @type {Bytes} */ hash, /** @type {Bytes} */ commit) =>
  crypto.H(L('epoch', prev, hash, commit));

/** What the steward signs. */
export const keyFrameSigned = (/** @type {Bytes} */ roomId, /** @type {Bytes} */ epoch) => L('key', roomId, epoch);

export const commitment = (/** @type {SessionKey} */ key, /** @type {Bytes} */ hash) => crypto.hmac(key.hmac, L('commit', hash));

/**
 * The key-encryption key of a steward and a recipient.
 * @param {Bytes} wrapKey
 * @param {CryptoKey} own private key of one of them
 * @param {CryptoKey} peer public key of the other
 * @param {Bytes} hash of the roster
 * @param {Bytes} steward
 * @param {Bytes} recipient
 */
export const kek = async (wrapKey, own, peer, hash, steward, recipient) =>
  crypto.deriveWrappingKey(await crypto.agree(own, peer), wrapKey, L('kek', hash, steward, recipient));

/** What the key of an older epoch is wrapped with in `back`. */
export const historyKey = (/** @type {Bytes} */ epoch, /** @type {SessionKey} */ key) =>
  crypto.deriveWrappingKey(key.hkdf, epoch, L('history'));

/**
 * A key frame this client has made, as it stands until it comes back in the log.
 * @typedef {object} Made
 * @property {import('./frames.js').MadeKeyFrame} frame
 * @property {Bytes} epoch
 * @property {SessionKey} key
 */

/**
 * Makes a key frame (7.2).
 * @param {object} place
 * @param {Bytes} place.roomId
 * @param {Bytes} place.wrapKey
 * @param {import('./participants.js').Identity} place.self
 * @param {Roster} place.roster
 * @param {Bytes} place.prev
 * @param {{ epoch: Bytes, key: SessionKey } | null} place.older the newest epoch held, in a history room
 * @returns {Promise<Made>}
 */
export async function makeKeyFrame({ roomId, wrapKey, self, roster, prev, older }) {
  const key = await crypto.sessionKey(crypto.randomBytes(32));
  const commit = await commitment(key, roster.hash);
  const epoch = await epochId(prev, roster.hash, commit);
  const wraps = await Promise.all(
    roster.members.flatMap(({ id, key: text, verified }) =>
      verified === null || text === self.key
        ? []
        : [kek(wrapKey, self.pairs.kem, verified.kem, roster.hash, self.id, id)
            .then((wrapping) => crypto.wrapKey(wrapping, key))
            .then((wrapped) => ({ id, wrapped }))],
    ),
  );
  const sig = await crypto.sign(self.pairs.sig, keyFrameSigned(roomId, epoch));
  const back =
    older === null ? undefined : { epoch: older.epoch, wrapped: await crypto.wrapKey(await historyKey(epoch, key), older.key) };
  return {
    frame: { type: 'session_key', version: roster.version, roster_hash: roster.hash, prev, commit, sig, wraps, back },
    epoch,
    key,
  };
}

/**
 * The key in another's frame, or null if there is none that fits (7.4, 5).
 * @param {object} place
 * @param {Bytes} place.wrapKey
 * @param {import('./participants.js').Identity} place.self
 * @param {Member} place.steward
 * @param {Bytes} place.rosterHash
 * @param {Bytes} place.commit
 * @param {Bytes | null} place.wrapped
 * @param {boolean} place.history
 * @returns {Promise<SessionKey | null>}
 */
export async function openWrap({ wrapKey, self, steward, rosterHash, commit, wrapped, history }) {
  if (steward.verified === null || wrapped === null) return null;
  const wrapping = await kek(wrapKey, self.pairs.kem, steward.verified.kem, rosterHash, steward.id, self.id);
  const key = await crypto.unwrapKey(wrapping, wrapped, history);
  if (key === null) return null;
  return equal(await commitment(key, rosterHash), commit) ? key : null;
}

/** A sender's chain: the key of its next envelope, and no older one. */
export class Chain {
  /**
   * @param {CryptoKey} value
   * @param {number} n
   */
  constructor(value, n = 0) {
    this.value = value;
    this.n = n;
  }

  /** @returns {Promise<CryptoKey>} the key of envelope n */
  async messageKey() {
    const bytes = await crypto.hmac(this.value, u8(1));
    const key = await crypto.sealingKey(bytes);
    wipe(bytes);
    return key;
  }

  /** @returns {Promise<Chain>} the chain at `n`, which is not behind this one's */
  async at(/** @type {number} */ n) {
    let value = this.value;
    for (let at = this.n; at < n; at += 1) {
      const bytes = await crypto.hmac(value, u8(2));
      value = await crypto.hmacKey(bytes);
      wipe(bytes);
    }
    return new Chain(value, n);
  }
}

export const chainStart = async (/** @type {CryptoKey} */ hkdf, /** @type {Bytes} */ epoch, /** @type {Bytes} */ sender) =>
  new Chain(await crypto.deriveHmacKey(hkdf, epoch, L('chain', sender)));

/** An epoch whose key this client holds, or what is left of it. */
export class Epoch {
  /**
   * @param {KnownEpoch} known
   * @param {SessionKey | null} key kept in history rooms only
   * @param {Map<string, Chain>} chains
   */
  constructor(known, key, chains) {
    this.known = known;
    this.key = key;
    this.chains = chains;
    /** n of this client's next envelope. */
    this.n = 0;
    /** The relay has answered `stale_epoch` in it. */
    this.refused = false;
  }

  /**
   * @param {KnownEpoch} known
   * @param {SessionKey} key
   * @param {boolean} history
   */
  static async install(known, key, history) {
    /** @type {Map<string, Chain>} */
    const chains = new Map();
    const members = known.members.filter(({ verified }) => verified !== null);
    await Promise.all(
      members.map(async (member) => chains.set(member.key, await chainStart(key.hkdf, known.id, member.id))),
    );
    return new Epoch(known, history ? key : null, chains);
  }
}

/**
 * What the log says of an epoch, whether its key is held or not.
 * @typedef {object} KnownEpoch
 * @property {Bytes} id
 * @property {string} key the id as text
 * @property {number} version
 * @property {readonly Member[]} members
 * @property {boolean} ofOthers whether it began after this client's join, for a version before it: nobody's members, as far as it knows
 * @property {Bytes} rosterHash
 * @property {Bytes} commit
 * @property {import('./frames.js').Back | null} back
 * @property {boolean} ended
 * @property {number | null} supersededAt when a newer one was logged
 * @property {boolean} whole whether this client has seen the log from its key frame on
 * @property {Map<string, number>} next for each sender the n that is expected, where its chain does not say
 * @property {Map<string, number>} seen for each sender how many envelopes of it the log has held
 */
