// Histories written by hand, and told to a newcomer: of a room's key frames only those count that a relay may log.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { randomBytes } from '../src/crypto.js';
import { makeKeyFrame } from '../src/epochs.js';
import { History } from '../src/history.js';
import { Inbox } from '../src/inbox.js';
import { Keyring } from '../src/keyring.js';
import { Link } from '../src/link.js';
import { checkEntry, drawIdentity, Identity, makeRoster, People, roomKeys } from '../src/participants.js';

/** @typedef {import('../src/frames.js').LogEntry} LogEntry */
/** @typedef {import('../src/frames.js').KeyFrame} KeyFrame */
/** @typedef {import('../src/participants.js').Member} Member */

/** A room whose log the test writes. */
class Room {
  constructor() {
    this.link = new Link({
      base: 'https://relay.example',
      roomId: randomBytes(16),
      history: true,
      notAfter: 30_000_000,
      secret: randomBytes(16),
      ticket: randomBytes(16),
    });
    this.keys = roomKeys(this.link);
    this.head = new Uint8Array(32);
    this.seq = 0;
    this.version = 0;
    /** @type {Member[]} */
    this.members = [];
    /** @type {Map<number, import('../src/participants.js').Roster>} */
    this.rosters = new Map();
    /** @type {LogEntry[]} */
    this.log = [];
  }

  async somebody(/** @type {string} */ name) {
    const keys = await this.keys;
    const self = await Identity.make(this.link, keys, name, await drawIdentity());
    const { pairs, sealedName, joinProof } = self;
    const entry = { kem_pub: pairs.kemPub, sig_pub: pairs.sigPub, sealed_name: sealedName, join_proof: joinProof };
    const participant = { ...entry, role: /** @type {const} */ ('member'), number: this.members.length + 1 };
    return { self, participant, member: await checkEntry(this.link, keys, participant, new Set()) };
  }

  async join(/** @type {string} */ name) {
    const { self, participant, member } = await this.somebody(name);
    this.members = [...this.members, member];
    await this.next({ type: 'participant_joined', participant });
    return self;
  }

  async leave(/** @type {Identity} */ { id, key }) {
    this.members = this.members.filter((member) => member.key !== key);
    await this.next({ type: 'participant_left', id, reason: 'left' });
  }

  rekey() {
    return this.next({ type: 'rekey' });
  }

  async next(/** @type {object} */ entry) {
    this.version += 1;
    this.rosters.set(this.version, await makeRoster(this.link.roomId, this.version, this.members));
    this.seq += 1;
    this.log.push(/** @type {LogEntry} */ ({ ...entry, seq: this.seq, version: this.version }));
  }

  /** Somebody keys a version, and the relay logs it. */
  async key(/** @type {Identity} */ self, version = this.version) {
    const roster = this.rosters.get(version) ?? assert.fail();
    const { wrapKey } = await this.keys;
    const { frame, epoch } = await makeKeyFrame({ roomId: this.link.roomId, wrapKey, self, roster, prev: this.head, older: null });
    this.head = epoch;
    this.seq += 1;
    const { type, roster_hash, prev, commit, sig } = frame;
    this.log.push(/** @type {KeyFrame} */ ({ type, seq: this.seq, version, steward: self.id, roster_hash, prev, commit, sig, wrapped: null }));
  }

  /** A newcomer to whom the log is told. Afterwards it goes on for her. */
  async newcomer() {
    const { self, member } = await this.somebody('cleo');
    const roster = await makeRoster(this.link.roomId, this.version + 1, [...this.members, member]);
    /** @type {string[]} */
    const faults = [];
    const host = /** @type {any} */ ({
      now: 0,
      link: this.link,
      keys: await this.keys,
      people: new People(),
      fault: (/** @type {string} */ code) => faults.push(code),
    });
    const keyring = new Keyring(host, self, roster, this.head);
    const history = new History(host, keyring, new Inbox(host, self, keyring), { seq: this.seq + 1, head: this.head, roster });
    for (const entry of this.log) await history.replay(entry);
    await history.end(true);
    this.seq += 1;
    return { history, faults };
  }

  /** The frame that was logged last. */
  get newest() {
    return /** @type {KeyFrame} */ (this.log.at(-1));
  }
}

/** Ana's and Ben's room, two versions of which nobody has keyed. */
async function anasAndBens() {
  const room = new Room();
  const ana = await room.join('ana');
  await room.key(ana);
  const ben = await room.join('ben');
  await room.rekey();
  await room.rekey();
  await room.key(ben);
  return { room, ana, ben };
}

test('a history with versions that nobody keyed fits', async () => {
  const { room } = await anasAndBens();
  const { history, faults } = await room.newcomer();
  assert.deepEqual(faults, []);
  assert.equal(history.known.size, 2);
});

for (const [what, version] of /** @type {const} */ ([
  ['the newest again', 4],
  ['one keyed before', 1],
  ['one that was passed over', 3],
]))
  test(`a version is keyed once: ${what}`, async () => {
    const { room, ana } = await anasAndBens();
    await room.key(ana, version);
    const { history, faults } = await room.newcomer();
    assert.deepEqual(faults, ['history_unavailable']);
    assert.equal(history.fits, false);
  });

test('a roster of which somebody has left is not keyed any more', async () => {
  const { room, ana, ben } = await anasAndBens();
  await room.rekey();
  const withBen = room.version;
  await room.leave(ben);
  await room.key(ana, withBen);
  const { faults } = await room.newcomer();
  assert.deepEqual(faults, ['history_unavailable']);
});

test('a key for a version before the join may come after it, once', async () => {
  const { room, ana } = await anasAndBens();
  await room.rekey();
  const { history, faults } = await room.newcomer();
  await room.key(ana);
  await history.late(room.newest);
  assert.deepEqual(faults, []);
  assert.equal(history.known.size, 3);
  await room.key(ana);
  await history.late(room.newest);
  assert.deepEqual(faults, ['history_unavailable']);
});

test('a version keyed before the join is not keyed again after it', async () => {
  const { room, ana } = await anasAndBens();
  const { history, faults } = await room.newcomer();
  await room.key(ana);
  await history.late(room.newest);
  assert.deepEqual(faults, ['history_unavailable']);
  assert.equal(history.known.size, 2);
});
