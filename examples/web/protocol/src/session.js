// A joined client: the room log, applied in order (sections 6, 14.1).

import { equal, toBase64url } from './bytes.js';
import { Commands } from './commands.js';
import { History } from './history.js';
import { Fork } from './host.js';
import { Inbox } from './inbox.js';
import { Keyring } from './keyring.js';
import * as limits from './limits.js';
import { trim } from './memory.js';
import { Outbox } from './outbox.js';
import { checkEntry, makeRoster } from './participants.js';

/** @typedef {import('./bytes.js').Bytes} Bytes */
/** @typedef {import('./epochs.js').KnownEpoch} KnownEpoch */
/** @typedef {import('./frames.js').LogEntry} LogEntry */
/** @typedef {import('./participants.js').Identity} Identity */
/** @typedef {import('./participants.js').Member} Member */
/** @typedef {import('./participants.js').Roster} Roster */

/** Nobody in the room holds this link's secret (section 5.6). */
export class BadLink extends Error {}

export class Session {
  /**
   * @param {import('./host.js').Host} host
   * @param {Identity} self
   * @param {import('./frames.js').Joined} joined
   * @param {Roster} roster
   */
  constructor(host, self, joined, roster) {
    this.host = host;
    this.self = self;
    this.seq = joined.seq;
    this.role = joined.role;
    this.locked = joined.locked;
    this.capacity = joined.capacity;
    this.mayBurn = joined.burn;
    this.lastExtended = joined.last_extended;
    this.keyring = new Keyring(host, self, roster, joined.head);
    this.outbox = new Outbox(host, self, this.keyring);
    this.inbox = new Inbox(host, self, this.keyring);
    this.commands = new Commands(host);
    /** Until it has been read. @type {History | null} */
    this.history = host.link.history ? new History(host, this.keyring, this.inbox, { seq: joined.seq, head: joined.head, roster }) : null;
    /** Whose seat was taken over by whom. @type {Map<string, string>} */
    this.replaced = new Map();
    /** Whether another verified entry has ever been listed. */
    this.everMet = false;
    /** Those reported as unverified. @type {Set<string>} */
    this.reported = new Set();
  }

  /**
   * The room as `joined` shows it. Throws `Fork` or `BadLink`.
   * @param {import('./host.js').Host} host
   * @param {Identity} self
   * @param {import('./frames.js').Joined} joined
   */
  static async open(host, self, joined) {
    const { link, keys, people } = host;
    const members = await Promise.all(joined.participants.map((entry) => checkEntry(link, keys, entry, people.departed)));
    const own = members.at(-1);
    if (own === undefined || !self.is(own) || own.role !== joined.role || own.verified === null) throw new Fork();
    if (new Set(members.map(({ key }) => key)).size !== members.length) throw new Fork();
    const roster = await makeRoster(link.roomId, joined.version, members);
    if (members.length > 1 && members.slice(0, -1).every(({ verified }) => verified === null)) throw new BadLink();
    const session = new Session(host, self, joined, roster);
    session.everMet = members.length > 1;
    return session;
  }

  get roster() {
    return this.keyring.roster;
  }

  /** What `joined` has to tell. */
  greet() {
    const { members } = this.roster;
    for (const member of members) this.host.people.see(member);
    this.host.tell({ type: 'joined', id: this.self.key, role: this.role });
    this.host.tell({ type: 'verificationChanged' });
    for (const member of members) this.report(member);
  }

  /** An entry of the log, or of the history before it. Throws `Fork` or `BadLink`. */
  async apply(/** @type {LogEntry} */ entry) {
    if (this.history?.takes(entry)) return this.history.replay(entry);
    if (entry.seq !== this.seq + 1) throw new Fork();
    await this.applyNext(entry);
    this.seq = entry.seq;
    this.commands.saw(entry, (id) => this.successor(id));
  }

  async historyEnd(/** @type {boolean} */ complete) {
    await this.history?.end(complete);
  }

  /** Whether the history is still being sent. */
  get replaying() {
    return this.history?.replaying ?? false;
  }

  /** The seat is taken up again, and nothing was missed. */
  async resumed(/** @type {number} */ seq) {
    if (seq !== this.seq) throw new Fork();
    if (this.replaying) await this.historyEnd(false);
  }

  /** Everything that waited for the connection. */
  sendAgain() {
    this.commands.sendAgain();
    this.keyring.complain();
    this.outbox.sendAgain();
  }

  async handleTimeout() {
    this.outbox.epochsEnded(this.keyring.handleTimeout());
    this.outbox.handleTimeout();
    this.commands.handleTimeout();
    await this.host.tickets.handleTimeout();
  }

  timeout() {
    const epoch = this.outbox.sendable?.known.key ?? null;
    return Math.min(this.keyring.timeout(), this.outbox.timeout(), this.commands.timeout(), this.host.tickets.timeout(epoch));
  }

  wipe() {
    this.keyring.wipe();
    this.outbox.wipe();
    this.inbox.wipe();
    this.history?.wipe();
  }

  async applyNext(/** @type {LogEntry} */ entry) {
    const { host } = this;
    switch (entry.type) {
      case 'participant_joined':
        return this.someoneJoined(entry);
      case 'participant_left':
        return this.someoneLeft(entry);
      case 'rekey':
        return this.keyring.setRoster(await this.nextRoster(entry.version, this.roster.members));
      case 'session_key':
        return this.keyFrame(entry);
      case 'epoch_end':
        return this.outbox.epochsEnded(this.keyring.end(entry.version));
      case 'message':
        return this.message(entry);
      case 'locked':
        this.locked = entry.locked;
        return host.tell({ type: 'locked', locked: entry.locked });
      case 'extended':
        this.lastExtended = entry.seq;
        return host.tell({ type: 'extended', secondsRemaining: entry.seconds_remaining });
      case 'renewed':
        return host.tickets.renewed(entry.ticket_hash);
    }
  }

  async someoneJoined(/** @type {import('./frames.js').ParticipantJoined} */ { version, participant, replaces }) {
    const { host, roster, self } = this;
    const joined = await checkEntry(host.link, host.keys, participant, host.people.departed);
    if (roster.members.some(({ key }) => key === joined.key)) throw new Fork();
    const gone = replaces === undefined ? null : this.member(toBase64url(replaces));
    const left = roster.members.filter((member) => member !== gone);
    if (left.length + 1 > limits.CAPACITY.max) throw new Fork();
    const next = await this.nextRoster(version, [...left, joined]);
    const wasHolding = this.keyring.holding;
    host.people.see(joined);
    this.keyring.setRoster(next);
    if (gone !== null) {
      this.depart(gone, wasHolding);
      this.replaced.set(gone.key, joined.key);
      trim(this.replaced, limits.DEPARTED_IDS);
      host.tell({ type: 'participantLeft', participant: host.people.show(gone, self.key), reason: 'replaced' });
    }
    this.inbox.follow(joined.key);
    host.tell({ type: 'participantJoined', participant: host.people.show(joined, self.key) });
    host.tell({ type: 'verificationChanged' });
    this.report(joined);
    this.company();
  }

  async someoneLeft(/** @type {import('./frames.js').ParticipantLeft} */ { version, id, reason }) {
    const { host, roster, self } = this;
    const gone = this.member(toBase64url(id));
    const next = await this.nextRoster(version, roster.members.filter((member) => member !== gone));
    const wasHolding = this.keyring.holding;
    this.keyring.setRoster(next);
    this.depart(gone, wasHolding);
    host.tell({ type: 'participantLeft', participant: host.people.show(gone, self.key), reason });
    host.tell({ type: 'verificationChanged' });
    this.company();
  }

  async keyFrame(/** @type {import('./frames.js').KeyFrame} */ frame) {
    const { host, keyring, outbox } = this;
    const { ended, installed } = await keyring.keyFrame(frame);
    outbox.epochsEnded(ended);
    if (frame.version < keyring.joinVersion) return this.history?.late(frame);
    if (installed === null) return;
    host.tickets.keyed();
    host.tell({ type: 'keyed', epoch: installed.known.key, version: installed.known.version });
    if (this.history === null) return;
    const { history } = this;
    this.history = null;
    await history.read(installed);
  }

  async message(/** @type {import('./frames.js').MessageFrame} */ frame) {
    if (equal(frame.sender, this.self.id)) return this.outbox.accept(frame);
    const sender = this.roster.members.find(({ key }) => key === toBase64url(frame.sender)) ?? null;
    const ended = this.keyring.known.get(toBase64url(frame.epoch))?.ended ?? false;
    if (this.history !== null) return this.history.wait({ frame, sender, ended });
    await this.inbox.receive({ frame, sender, ended }, false);
  }

  /** Somebody has left, or was replaced: the new roster is there already. */
  depart(/** @type {Member} */ gone, /** @type {boolean} */ wasHolding) {
    this.host.people.depart(gone.key);
    this.inbox.forget(gone.key);
    if (this.keyring.holding && !wasHolding) this.outbox.holdBegins();
    if (this.keyring.alone) {
      this.keyring.wipe();
      this.outbox.alone();
    }
  }

  /** Whether there is anybody here whom the link brought (section 5.6). */
  company() {
    if (this.keyring.others) this.everMet = true;
    if (!this.everMet && this.roster.members.length > 2) throw new BadLink();
  }

  /** @returns {Member} one that may be taken off the roster */
  member(/** @type {string} */ key) {
    const member = this.roster.members.find((listed) => listed.key === key);
    if (member === undefined || key === this.self.key) throw new Fork();
    return member;
  }

  async nextRoster(/** @type {number} */ version, /** @type {readonly Member[]} */ members) {
    if (version !== this.roster.version + 1) throw new Fork();
    return makeRoster(this.host.link.roomId, version, members);
  }

  report(/** @type {Member} */ { key, verified }) {
    if (verified === null && !this.reported.has(key)) {
      this.reported.add(key);
      trim(this.reported, limits.DEPARTED_IDS);
      this.host.fault('unverified_participant', key);
    }
    if (verified?.badName) this.host.fault('bad_name', key);
  }

  successor(/** @type {string} */ id) {
    let key = id;
    for (let next = this.replaced.get(key); next !== undefined; next = this.replaced.get(key)) key = next;
    return key;
  }
}
