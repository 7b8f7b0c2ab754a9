// Epochs as a joined client sees them: asking, making, installing and ending (section 7).

import { equal, toBase64url } from './bytes.js';
import * as crypto from './crypto.js';
import * as epochs from './epochs.js';
import { Fork } from './host.js';
import * as limits from './limits.js';

/** @typedef {import('./bytes.js').Bytes} Bytes */
/** @typedef {import('./epochs.js').Epoch} Epoch */
/** @typedef {import('./epochs.js').KnownEpoch} KnownEpoch */
/** @typedef {import('./participants.js').Roster} Roster */
/** @typedef {import('./participants.js').Member} Member */
/** @typedef {import('./frames.js').KeyFrame} KeyFrame */

/** Whether nobody of the one list is missing on the other. */
export const allOn = (/** @type {readonly Member[]} */ some, /** @type {readonly Member[]} */ members) => {
  const present = new Set(members.map(({ key }) => key));
  return some.every(({ key }) => present.has(key));
};

export class Keyring {
  /**
   * @param {import('./host.js').Host} host
   * @param {import('./participants.js').Identity} self
   * @param {Roster} roster at the join
   * @param {Bytes} head
   */
  constructor(host, self, roster, head) {
    this.host = host;
    this.self = self;
    this.joinVersion = roster.version;
    this.head = head;
    /** The newest roster. */
    this.roster = roster;
    /** Of every version since the last keyed one. @type {Map<number, Roster>} */
    this.rosters = new Map([[roster.version, roster]]);
    /** The newest version that is keyed in the log, as far as it was seen. @type {number | null} */
    this.lastKeyed = null;
    /** Those on the roster of the newest keyed epoch. @type {readonly Member[]} */
    this.members = [];
    /** What the log says of epochs. @type {Map<string, KnownEpoch>} */
    this.known = new Map();
    /** Those whose key is held, oldest first. @type {Map<string, Epoch>} */
    this.held = new Map();
    /** The newest ever installed. @type {Epoch | null} */
    this.newest = null;
    /** @type {epochs.Made | null} */
    this.made = null;
    /** The last keyed version, if it gave this client no key, and when to complain again. @type {{ version: number, at: number } | null} */
    this.missing = null;
    /** When the newest version is stalled; null if it is keyed or has been reported. @type {number | null} */
    this.stalledAt = host.now + limits.REKEY_STALLED;
    /** When the frame made is sent again. @type {number | null} */
    this.frameAt = null;
  }

  /** A member has left and no newer key frame has been logged. */
  get holding() {
    return !allOn(this.members, this.roster.members);
  }

  /** The newest epoch that is held and has not ended. @type {Epoch | null} */
  get current() {
    return [...this.held.values()].at(-1) ?? null;
  }

  /** Nobody else is verified, in a room without history. */
  get alone() {
    return !this.host.link.history && !this.others;
  }

  /** Whether anybody else is verified. */
  get others() {
    return this.roster.members.some(({ key, verified }) => verified !== null && key !== this.self.key);
  }

  /** The roster has changed. */
  setRoster(/** @type {Roster} */ roster) {
    this.roster = roster;
    this.rosters.set(roster.version, roster);
    if (this.rosters.size > limits.UNKEYED_VERSIONS) this.rosters.delete(/** @type {number} */ (this.rosters.keys().next().value));
    this.stalledAt = this.host.now + limits.REKEY_STALLED;
  }

  /** 7.8 */
  wipe() {
    this.held.clear();
    this.newest = null;
    this.made = null;
    this.missing = null;
  }

  /** Somebody is asked for a key: this client (7.1, 7.2). */
  async wanted(/** @type {import('./frames.js').KeyWanted} */ { version, head }) {
    const { host, roster } = this;
    if (version !== roster.version || !equal(head, this.head) || this.lastKeyed === version) throw new Fork();
    if (!this.others && !host.link.history) {
      host.send({ type: 'key_declined', version });
      return;
    }
    if (this.made?.frame.version !== version || !equal(this.made.frame.prev, head)) {
      const { newest } = this;
      const older = newest?.key ? { epoch: newest.known.id, key: newest.key } : null;
      const place = { roomId: host.link.roomId, wrapKey: host.keys.wrapKey, self: this.self, roster, prev: head, older };
      this.made = await epochs.makeKeyFrame(place);
    }
    host.send(this.made.frame);
  }

  /** The relay asks for patience: the frame asked for may have been refused with it, and is sent again. */
  sendAgainAt(/** @type {number} */ at) {
    if (this.made !== null) this.frameAt = at;
  }

  /**
   * A key frame in the log (7.4).
   * @param {KeyFrame} frame
   * @returns {Promise<{ ended: KnownEpoch[], installed: Epoch | null }>}
   */
  async keyFrame(frame) {
    // 1
    const { version } = frame;
    if (!equal(frame.prev, this.head) || version > this.roster.version) throw new Fork();
    if (this.lastKeyed !== null && version <= this.lastKeyed) throw new Fork();
    const id = await epochs.epochId(frame.prev, frame.roster_hash, frame.commit);
    // 2
    if (version < this.joinVersion) {
      this.head = id;
      this.lastKeyed = version;
      this.know({ ...knownEpoch(frame, id, []), ofOthers: true });
      return { ended: [], installed: null };
    }
    // 3
    const roster = this.rosters.get(version);
    if (roster === undefined || !equal(roster.hash, frame.roster_hash)) throw new Fork();
    if (!allOn(roster.members, this.roster.members)) throw new Fork();
    const steward = roster.members.find(({ key }) => key === toBase64url(frame.steward));
    if (steward === undefined || !(await signedBy(this.host.link.roomId, id, steward, frame.sig))) throw new Fork();
    // 5, computed before anything moves
    const known = { ...knownEpoch(frame, id, roster.members), whole: true };
    const key = steward.key === this.self.key ? this.ownKey(frame) : await this.othersKey(frame, steward);
    const { history } = this.host.link;
    const epoch = key === null ? null : await epochs.Epoch.install(known, key, history);
    // 4
    const ended = this.supersede(known);
    this.head = id;
    this.lastKeyed = version;
    this.members = roster.members;
    this.know(known);
    this.made = null;
    for (const older of this.rosters.keys()) if (older < version) this.rosters.delete(older);
    if (version === this.roster.version && epoch !== null) this.stalledAt = null;
    if (epoch === null) this.lack(version, steward.key);
    else this.keep(epoch);
    return { ended, installed: epoch };
  }

  /** Ends the epoch of a version, if it is known (7.5). @returns {KnownEpoch[]} */
  end(/** @type {number} */ version) {
    const ended = [...this.known.values()].filter((known) => known.version === version && !known.ended);
    for (const known of ended) this.endEpoch(known);
    return ended;
  }

  /** Whether a key is missed that others have. */
  complain() {
    if (this.missing === null) return;
    this.missing.at = this.host.now + limits.NEED_KEY;
    if (this.host.connected()) this.host.send({ type: 'need_key', version: this.missing.version });
  }

  /** What is due. @returns {KnownEpoch[]} those that ended of old age */
  handleTimeout() {
    const { now } = this.host;
    if (this.missing !== null && this.missing.at <= now && this.host.connected()) this.complain();
    if (this.frameAt !== null && this.frameAt <= now && this.host.connected()) {
      this.frameAt = null;
      if (this.made?.frame.version === this.roster.version) this.host.send(this.made.frame);
    }
    if (this.stalledAt !== null && this.stalledAt <= now) {
      this.stalledAt = null;
      if (this.others) this.host.tell({ type: 'rekeyStalled' });
    }
    const old = Array.from(this.held.values(), ({ known }) => known).filter(({ supersededAt }) => supersededAt !== null && supersededAt + limits.OVERLAP <= now);
    for (const known of old) this.endEpoch(known);
    return old;
  }

  timeout() {
    const overlaps = Array.from(this.held.values(), ({ known: { supersededAt } }) => (supersededAt ?? Infinity) + limits.OVERLAP);
    const complaint = this.missing !== null && this.host.connected() ? this.missing.at : Infinity;
    const frame = this.host.connected() ? (this.frameAt ?? Infinity) : Infinity;
    return Math.min(complaint, frame, this.stalledAt ?? Infinity, ...overlaps);
  }

  /** An epoch that can be used from now on. */
  keep(/** @type {Epoch} */ epoch) {
    this.held.set(epoch.known.key, epoch);
    this.newest = epoch;
    this.missing = null;
  }

  /** An epoch of the past, opened on the way back through the history: it goes before those held already. */
  keepOlder(/** @type {Epoch} */ epoch) {
    this.held = new Map([[epoch.known.key, epoch], ...this.held]);
  }

  know(/** @type {KnownEpoch} */ known) {
    this.known.set(known.key, known);
    if (this.known.size <= limits.KNOWN_EPOCHS || this.host.link.history) return;
    const [oldest] = this.known.values();
    if (oldest.ended) this.known.delete(oldest.key);
  }

  /** Older epochs end at once if the new one removed somebody, otherwise some time later. */
  supersede(/** @type {KnownEpoch} */ known) {
    const older = [...this.known.values()].filter(({ ended }) => !ended);
    if (!allOn(this.members, known.members)) {
      for (const epoch of older) this.endEpoch(epoch);
      return older;
    }
    for (const epoch of older) epoch.supersededAt ??= this.host.now;
    return [];
  }

  endEpoch(/** @type {KnownEpoch} */ known) {
    known.ended = true;
    this.held.delete(known.key);
  }

  /** @returns {crypto.SessionKey} */
  ownKey(/** @type {KeyFrame} */ frame) {
    const { made } = this;
    if (made === null || made.frame.version !== frame.version || !equal(made.frame.commit, frame.commit)) throw new Fork();
    return made.key;
  }

  othersKey(/** @type {KeyFrame} */ { roster_hash: rosterHash, commit, wrapped }, /** @type {Member} */ steward) {
    const { wrapKey } = this.host.keys;
    const { history } = this.host.link;
    return epochs.openWrap({ wrapKey, self: this.self, steward, rosterHash, commit, wrapped, history });
  }

  lack(/** @type {number} */ version, /** @type {string} */ steward) {
    this.host.fault('bad_wrap', steward);
    this.missing = { version, at: 0 };
    this.complain();
  }
}

/**
 * @param {KeyFrame} frame
 * @param {Bytes} id
 * @param {readonly Member[]} members
 * @returns {KnownEpoch}
 */
export const knownEpoch = (frame, id, members) => ({
  id,
  key: toBase64url(id),
  version: frame.version,
  members,
  rosterHash: frame.roster_hash,
  commit: frame.commit,
  back: frame.back ?? null,
  ended: false,
  supersededAt: null,
  whole: false,
  ofOthers: false,
  next: new Map(),
  seen: new Map(),
});

/**
 * Whether a steward has signed for an epoch, under its key as listed: an unverified one's too, if that is a key.
 * @param {Bytes} roomId
 * @param {Bytes} id
 * @param {Member} steward
 * @param {Bytes} sig
 */
export async function signedBy(roomId, id, steward, sig) {
  if (!crypto.isPoint(steward.sigPub)) return false;
  const key = steward.verified?.sig ?? (await crypto.sigPublicKey(steward.sigPub));
  return crypto.verify(key, epochs.keyFrameSigned(roomId, id), sig);
}
