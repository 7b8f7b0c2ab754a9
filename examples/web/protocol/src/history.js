// What was said before: replayed, walked back to, read (section 9).

import { equal, toBase64url } from './bytes.js';
import * as crypto from './crypto.js';
import * as epochs from './epochs.js';
import { allOn, knownEpoch, signedBy } from './keyring.js';
import * as limits from './limits.js';
import { checkEntry, makeRoster } from './participants.js';

/** @typedef {import('./bytes.js').Bytes} Bytes */
/** @typedef {import('./frames.js').LogEntry} LogEntry */
/** @typedef {import('./frames.js').KeyFrame} KeyFrame */
/** @typedef {import('./inbox.js').Arrival} Arrival */
/** @typedef {import('./participants.js').Member} Member */
/** @typedef {import('./participants.js').Roster} Roster */

/** Something replayed does not fit: no fork, but what is older than the join cannot be had. */
class Unfit extends Error {}

export class History {
  /**
   * @param {import('./host.js').Host} host
   * @param {import('./keyring.js').Keyring} keyring
   * @param {import('./inbox.js').Inbox} inbox
   * @param {{ seq: number, head: Bytes, roster: Roster }} joined
   */
  constructor(host, keyring, inbox, joined) {
    this.host = host;
    this.keyring = keyring;
    this.inbox = inbox;
    this.joined = joined;
    /** Whether the relay is still sending. */
    this.replaying = true;
    /** Whether it has sent all there was. */
    this.complete = false;
    /** Whether what it has sent fits together. */
    this.fits = true;
    this.seq = 0;
    this.head = /** @type {Bytes} */ (new Uint8Array(32));
    /** @type {Member[]} */
    this.present = [];
    /** Everyone, in the order they joined. @type {Member[]} */
    this.everyone = [];
    /** @type {Set<string>} */
    this.departed = new Set();
    /** The newest version replayed. Where the roster has been empty, the first one is above 1. @type {number | null} */
    this.version = null;
    /** Of versions that no key frame has named, nor one of a newer version. @type {Map<number, Roster>} */
    this.rosters = new Map();
    /** Epochs of the replay. @type {Map<string, epochs.KnownEpoch>} */
    this.known = new Map();
    /** Envelopes that wait for the first key, in the order of the log. @type {(Arrival & { past: boolean })[]} */
    this.waiting = [];
  }

  /** Whether an entry is part of the replay. */
  takes(/** @type {LogEntry} */ { seq }) {
    return this.replaying && seq < this.joined.seq;
  }

  /** An entry from before the join. */
  async replay(/** @type {LogEntry} */ entry) {
    if (!this.fits) return;
    try {
      if (entry.seq <= this.seq) throw new Unfit();
      this.seq = entry.seq;
      await this.replayEntry(entry);
    } catch (error) {
      if (!(error instanceof Unfit)) throw error;
      this.doesNotFit();
    }
  }

  /** The relay has sent what it has; `complete` false also where the connection broke before. */
  async end(/** @type {boolean} */ complete) {
    this.replaying = false;
    this.complete = complete;
    const { head } = this.joined;
    if (!this.endsAtTheJoin()) this.doesNotFit();
    if (!this.fits) return;
    for (const known of this.known.values()) {
      known.whole = complete;
      this.keyring.know(known);
    }
    const last = this.known.get(toBase64url(head));
    if (last !== undefined && this.keyring.lastKeyed === null) {
      this.keyring.members = last.members;
      this.keyring.lastKeyed = last.version;
    }
    this.host.people.seeInOrder(this.everyone);
    for (const key of this.departed) this.host.people.depart(key);
    // Those whose first join was replayed are counted from their first envelope on.
    for (const { key } of this.everyone) if (complete) this.inbox.follow(key);
  }

  /** An envelope from after the join that came before the first key. */
  wait(/** @type {Arrival} */ arrival) {
    this.push({ ...arrival, past: false });
  }

  /** A key frame from after the join, for a version before it: the epoch is one of the past. */
  async late(/** @type {KeyFrame} */ frame) {
    if (!this.fits || this.replaying) return;
    const known = await this.keyed(frame);
    if (known === null) {
      this.doesNotFit();
      return;
    }
    if (!allOn(this.keyring.members, known.members)) {
      for (const older of this.known.values()) older.ended = true;
    } else for (const older of this.known.values()) older.supersededAt ??= this.host.now;
    known.whole = this.complete;
    this.known.set(known.key, known);
    this.keyring.know(known);
    this.keyring.members = known.members;
  }

  /** The first epoch has been installed: walk back, then read everything in the order of the log. */
  async read(/** @type {epochs.Epoch} */ first) {
    if (this.replaying) await this.end(false);
    const opened = this.fits ? await this.walk(first) : new Set();
    let missed = false;
    for (const { past, ...arrival } of this.waiting) {
      const epoch = toBase64url(arrival.frame.epoch);
      if (past && !opened.has(epoch)) missed = true;
      else await this.inbox.receive(arrival, true);
    }
    this.waiting = [];
    for (const known of this.known.values()) if (known.ended) this.keyring.held.delete(known.key);
    if (missed && this.fits) this.host.fault('history_unavailable');
    this.host.tell({ type: 'historyRead', complete: this.complete && this.fits && !missed });
  }

  wipe() {
    this.waiting = [];
    this.known.clear();
    this.everyone = [];
  }

  /** Opens epoch after epoch. @returns {Promise<Set<string>>} those that can be read */
  async walk(/** @type {epochs.Epoch} */ first) {
    const opened = new Set([first.known.key]);
    for (let at = first; at.known.back !== null && at.key !== null; ) {
      const { epoch, wrapped } = at.known.back;
      const known = this.keyring.known.get(toBase64url(epoch));
      const key = await crypto.unwrapKey(await epochs.historyKey(at.known.id, at.key), wrapped, true);
      if (known === undefined || key === null || opened.has(known.key)) break;
      if (!equal(await epochs.commitment(key, known.rosterHash), known.commit)) break;
      const older = await epochs.Epoch.install(known, key, true);
      opened.add(known.key);
      this.keyring.keepOlder(older);
      known.supersededAt ??= this.host.now;
      at = older;
    }
    return opened;
  }

  /** @returns {Promise<void>} */
  async replayEntry(/** @type {LogEntry} */ entry) {
    const { host } = this;
    switch (entry.type) {
      case 'participant_joined': {
        const known = await checkEntry(host.link, host.keys, entry.participant, this.departed);
        if (this.present.some(({ key }) => key === known.key)) throw new Unfit();
        if (entry.replaces !== undefined) this.remove(toBase64url(entry.replaces));
        this.present = [...this.present, known];
        this.everyone.push(known);
        return this.moved(entry.version);
      }
      case 'participant_left':
        this.remove(toBase64url(entry.id));
        return this.moved(entry.version);
      case 'rekey':
        return this.moved(entry.version);
      case 'session_key':
        return this.replayKeyFrame(entry);
      case 'message': {
        const sender = this.present.find(({ key }) => key === toBase64url(entry.sender)) ?? null;
        const ended = this.known.get(toBase64url(entry.epoch))?.ended ?? false;
        this.push({ frame: entry, sender, ended, past: true });
        return;
      }
      default:
        throw new Unfit();
    }
  }

  async replayKeyFrame(/** @type {KeyFrame} */ frame) {
    const known = equal(frame.prev, this.head) ? await this.keyed(frame) : null;
    if (known === null) throw new Unfit();
    const before = this.known.get(toBase64url(this.head));
    if (before !== undefined && !allOn(before.members, known.members)) for (const older of this.known.values()) older.ended = true;
    this.known.set(known.key, known);
    this.head = known.id;
  }

  /**
   * The epoch of a key frame that the relay may have logged (7.3): a version is keyed once, none after a newer one, and
   * none of which somebody has left.
   *
   * @returns {Promise<epochs.KnownEpoch | null>}
   */
  async keyed(/** @type {KeyFrame} */ frame) {
    const roster = this.rosters.get(frame.version);
    if (roster === undefined || !allOn(roster.members, this.present)) return null;
    const known = await this.check(frame, roster);
    if (known !== null) for (const version of this.rosters.keys()) if (version <= frame.version) this.rosters.delete(version);
    return known;
  }

  /** @returns {Promise<epochs.KnownEpoch | null>} */
  async check(/** @type {KeyFrame} */ frame, /** @type {Roster} */ roster) {
    const steward = roster.members.find(({ key }) => key === toBase64url(frame.steward));
    if (steward === undefined || !equal(frame.roster_hash, roster.hash)) return null;
    const id = await epochs.epochId(frame.prev, frame.roster_hash, frame.commit);
    return (await signedBy(this.host.link.roomId, id, steward, frame.sig)) ? knownEpoch(frame, id, roster.members) : null;
  }

  /**
   * Whether the replay leads to what `joined` says. One may be missing there: whose seat this client took over with its
   * own join, the entry of which it is not sent.
   */
  endsAtTheJoin() {
    const { roster, head } = this.joined;
    const others = roster.members.slice(0, -1);
    const gone = this.present.filter(({ key }) => !others.some((other) => other.key === key));
    const left = this.present.filter((member) => !gone.includes(member));
    const same = left.length === others.length && left.every(({ key, role }, at) => key === others[at].key && role === others[at].role);
    const follows = this.version === null ? others.length === 0 : this.version + 1 === roster.version;
    if (!same || !follows || gone.length > 1 || !equal(this.head, head)) return false;
    this.present = left;
    for (const { key } of gone) this.departed.add(key);
    return true;
  }

  async moved(/** @type {number} */ version) {
    if (this.version !== null && version !== this.version + 1) throw new Unfit();
    this.version = version;
    this.rosters.set(version, await makeRoster(this.host.link.roomId, version, this.present));
  }

  remove(/** @type {string} */ key) {
    if (!this.present.some((member) => member.key === key)) throw new Unfit();
    this.present = this.present.filter((member) => member.key !== key);
    this.departed.add(key);
  }

  push(/** @type {Arrival & { past: boolean }} */ arrival) {
    this.waiting.push(arrival);
    if (this.waiting.length <= limits.WAITING_ENVELOPES) return;
    this.waiting.shift();
    this.complete = false;
  }

  doesNotFit() {
    if (!this.fits) return;
    this.fits = false;
    this.waiting = this.waiting.filter(({ past }) => !past);
    this.host.fault('history_unavailable');
  }
}
