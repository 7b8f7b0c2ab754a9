// Follows the transcripts with nothing but the spec (../vectors/burnchat.mjs) and Node's own WebCrypto: a client that
// listens and never speaks. It has what sections 5 to 12 ask of a listener who meets an honest relay, and fails on
// whatever else it meets.
//
//     node --test spec/transcripts/follow.mjs

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

import * as b from '../vectors/burnchat.mjs';

const { hex, unhex, utf8, cat } = b;
const NONE = '00'.repeat(32);

class Follower {
  constructor({ link, follower }) {
    this.url = link;
    this.given = follower;
    this.status = 'offline';
    this.events = [];
    this.sends = [];
    this.departed = new Set();
    this.names = []; // every name seen, with whose it is, in the order of joins
    this.keyFrames = new Map(); // epoch id → what the log says of it
    this.epochs = new Map(); // epoch id → what is held of it
    this.senders = new Map(); // participant id → what was seen of its envelopes
    this.shown = new Set();
  }

  async take({ at, input, frame }) {
    this.at = at;
    this.events = [];
    this.sends = [];
    this.error = undefined;
    if (input === 'connected') await this.connected();
    else if (input === 'disconnected') this.disconnected();
    else if (input === 'timeout') this.timeout();
    else await this.frame(b.relayFrame(utf8(frame)));
  }

  // ---- Connections ----

  async connected() {
    if (this.status === 'away') {
      this.status = 'resuming';
      this.sends.push('resume');
      return;
    }
    this.link = await b.parseLink(this.url);
    this.keys = await b.roomKeys(this.link);
    this.kemScalar = unhex(this.given.kem_scalar);
    const [kemPub, sigPub] = await Promise.all(
      [this.given.kem_scalar, this.given.sig_scalar].map((scalar) => b.publicKeyOf(unhex(scalar))),
    );
    const id = await b.participantId(kemPub, sigPub);
    const name = utf8(b.ownName(this.given.name));
    const sig = await b.sign(unhex(this.given.sig_scalar), b.L('name', this.link.roomId, id, name));
    const plaintext = cat(b.u8(name.length), name, new Uint8Array(64 - name.length), sig);
    const iv = unhex(this.given.name_iv);
    const sealedName = cat(iv, await b.seal(this.keys.nameKey, iv, id, plaintext));
    const joinProof = await b.joinProof(this.keys.joinKey, this.link.roomId, kemPub, sigPub, sealedName);
    this.own = { kem_pub: hex(kemPub), sig_pub: hex(sigPub), sealed_name: hex(sealedName), join_proof: hex(joinProof) };
    this.me = hex(id);
    this.status = 'joining';
    this.sends.push('join');
  }

  disconnected() {
    this.status = 'away';
    this.events.push({ event: 'reconnecting' });
  }

  timeout() {
    if (this.at >= this.endsAt) this.end('expired');
  }

  end(reason) {
    this.status = 'ended';
    this.events.push({ event: 'ended', reason });
  }

  endIn(seconds) {
    return Math.min(this.at + seconds * 1000, this.link.notAfter * 60_000);
  }

  // ---- Frames ----

  async frame(frame) {
    const handler = this[`on_${frame.type}`];
    assert(handler, `a frame of type ${frame.type}`);
    if (this.history?.replaying && frame.seq !== undefined) return this.replay(frame);
    if (frame.seq !== undefined && !['joined', 'resumed'].includes(frame.type)) {
      assert.equal(frame.seq, this.seq + 1, 'fork: seq');
      this.seq = frame.seq;
    }
    await handler.call(this, frame);
  }

  async on_joined(joined) {
    assert.equal(this.status, 'joining');
    assert.equal(joined.history, this.link.history, 'history_mismatch');
    assert(this.at < this.link.notAfter * 60_000, 'clock_skew');
    const own = joined.participants.at(-1);
    assert.deepEqual([own.kem_pub, own.sig_pub, own.role], [this.own.kem_pub, this.own.sig_pub, joined.role], 'fork: own entry');
    // The two values that another signature makes others (see README.md).
    Object.assign(own, { sealed_name: this.own.sealed_name, join_proof: this.own.join_proof });
    this.status = 'joined';
    this.joined = joined;
    this.seq = joined.seq;
    this.head = joined.head;
    this.endsAt = this.endIn(joined.seconds_remaining);
    this.locked = joined.locked;
    this.ticketHash = joined.ticket_hash;
    this.ticketIsCurrent = hex(await b.H(this.link.ticket)) === joined.ticket_hash;
    this.roster = { version: joined.version, entries: [] };
    this.rosters = new Map(); // version → its hash and who was on it, since the last keyed one
    for (const listed of joined.participants) this.roster.entries.push(await this.entry(listed));
    assert(this.roster.entries.every(({ verified }) => verified), 'nobody is unverified in these rooms');
    await this.keepRoster();
    if (joined.history) this.history = { replaying: true, entries: [], version: 0, head: NONE, rosters: new Map(), waiting: [] };
    this.events.push({ event: 'joined', id: this.me, role: joined.role }, { event: 'verification_changed' });
  }

  on_countdown({ seconds_remaining }) {
    this.endsAt = Math.min(this.endsAt, this.endIn(seconds_remaining));
    this.events.push({ event: 'countdown', seconds_remaining });
  }

  on_resumed({ seq, seconds_remaining }) {
    assert.equal(seq, this.seq, 'fork: resumed');
    this.endsAt = Math.min(this.endsAt, this.endIn(seconds_remaining));
    this.status = 'joined';
    this.events.push({ event: 'resumed' });
  }

  on_destroyed({ reason }) {
    this.end(reason);
    this.error = 'ended';
  }

  // ---- 6. The roster ----

  /** An entry of the roster, checked (5.6) and named (5.5). */
  async entry(listed) {
    const [kemPub, sigPub, sealedName] = [listed.kem_pub, listed.sig_pub, listed.sealed_name].map(unhex);
    const id = await b.participantId(kemPub, sigPub);
    const proof = await b.joinProof(this.keys.joinKey, this.link.roomId, kemPub, sigPub, sealedName);
    const points = (await b.isPublicKey(kemPub)) && (await b.isPublicKey(sigPub));
    const verified = points && !this.departed.has(hex(id)) && hex(proof) === listed.join_proof;
    const opened = verified ? await b.openName(this.keys.nameKey, this.link.roomId, id, sigPub, sealedName) : null;
    const name = verified ? (opened ?? (await b.fallbackName(id))) : 'unverified';
    const known = this.names.find((seen) => seen.id === hex(id));
    const earlier = this.names.slice(0, known ? this.names.indexOf(known) : undefined);
    if (!known) this.names.push({ id: hex(id), name });
    return {
      id: hex(id),
      kemPub,
      sigPub,
      verified,
      role: listed.role,
      label: b.shownName(name, listed.number, id),
      clash: earlier.some((seen) => seen.name.normalize('NFC') === name.normalize('NFC')),
    };
  }

  hashOf({ version, entries }) {
    const keys = entries.map(({ kemPub, sigPub, role }) => ({ kemPub, sigPub, role: role === 'creator' ? 1 : 0 }));
    return b.rosterHash(this.link.roomId, version, keys);
  }

  async keepRoster() {
    const { version, entries } = this.roster;
    this.rosters.set(version, { hash: hex(await this.hashOf(this.roster)), entries: [...entries] });
  }

  participant({ id, label, role, clash }) {
    return { id, label, role, name_clash: clash, me: id === this.me };
  }

  onRoster(id) {
    return this.roster.entries.find((entry) => entry.id === id);
  }

  nextVersion(version) {
    assert.equal(version, this.roster.version + 1, 'fork: version');
    this.roster.version = version;
  }

  async on_participant_joined({ version, participant, replaces }) {
    assert.equal(replaces, undefined, 'nobody takes a seat over in these rooms');
    this.nextVersion(version);
    const entry = await this.entry(participant);
    this.roster.entries.push(entry);
    this.senders.set(entry.id, { count: 0n });
    await this.keepRoster();
    this.events.push({ event: 'participant_joined', participant: this.participant(entry) }, { event: 'verification_changed' });
  }

  async on_participant_left({ version, id, reason }) {
    this.nextVersion(version);
    assert(this.onRoster(id) && id !== this.me, 'fork: who leaves');
    this.roster.entries = this.roster.entries.filter((entry) => entry.id !== id);
    this.departed.add(id);
    await this.keepRoster();
    // 7.8
    if (!this.link.history && this.roster.entries.length === 1) this.epochs.clear();
    this.events.push({ event: 'participant_left', id, reason }, { event: 'verification_changed' });
  }

  // ---- 7. Epochs ----

  async on_session_key(frame) {
    // 7.4, 1 to 5
    assert.equal(frame.prev, this.head, 'fork: prev');
    assert(frame.version > (this.lastKeyed ?? 0) && frame.version <= this.roster.version, 'fork: version');
    if (frame.version < this.joined.version) {
      this.head = hex(await b.epochId(unhex(frame.prev), unhex(frame.roster_hash), unhex(frame.commit)));
      return;
    }
    const roster = this.rosters.get(frame.version);
    assert.equal(frame.roster_hash, roster.hash, 'fork: roster hash');
    assert(roster.entries.every(({ id }) => !this.departed.has(id)), 'fork: somebody has left since');
    const steward = roster.entries.find(({ id }) => id === frame.steward);
    assert(steward, 'fork: steward');
    const epoch = await this.checkKeyFrame(frame, steward);
    const before = this.keyFrames.get(this.head);
    this.keyFrames.set(epoch, { ...frame, members: roster.entries.map(({ id }) => id), verified: roster.entries });
    this.head = epoch;
    this.lastKeyed = frame.version;
    for (const version of this.rosters.keys()) if (version < frame.version) this.rosters.delete(version);
    // 7.5
    const members = this.keyFrames.get(epoch).members;
    if (before && before.members.some((id) => !members.includes(id))) {
      for (const older of this.keyFrames.values()) if (older.version < frame.version) older.ended = true;
      if (!this.link.history) this.epochs.clear();
    }
    const shared = await b.ECDH(this.kemScalar, steward.kemPub);
    const ids = [frame.roster_hash, frame.steward, this.me].map(unhex);
    const key = await b.unwrap(await b.kek(this.keys.wrapKey, shared, ...ids), unhex(frame.wrapped));
    assert(key !== null && hex(await b.commit(key, unhex(frame.roster_hash))) === frame.commit, 'a key for this client');
    await this.install(epoch, key);
    this.keyed = { version: frame.version, id: epoch };
    this.events.push({ event: 'keyed', epoch, version: frame.version });
    if (this.history) await this.readHistory(epoch, key);
  }

  /** The id of the epoch a key frame starts, its signature checked. */
  async checkKeyFrame(frame, steward) {
    const epoch = await b.epochId(...[frame.prev, frame.roster_hash, frame.commit].map(unhex));
    const signed = b.keyFrameSigned(this.link.roomId, epoch);
    assert(await b.verify(steward.sigPub, signed, unhex(frame.sig)), 'fork: signature');
    return hex(epoch);
  }

  async install(epoch, key) {
    const chains = new Map();
    for (const { id, verified } of this.keyFrames.get(epoch).verified) {
      if (verified) chains.set(id, { n: 0, value: await b.chainStart(unhex(epoch), key, unhex(id)) });
    }
    this.epochs.set(epoch, { chains });
  }

  on_epoch_end({ version }) {
    for (const [epoch, frame] of this.keyFrames) {
      if (frame.version !== version) continue;
      frame.ended = true;
      this.epochs.delete(epoch);
    }
  }

  // ---- 8. Messages ----

  async on_message(message) {
    const present = this.onRoster(message.sender);
    const ended = this.keyFrames.get(message.epoch)?.ended ?? false;
    if (this.history) this.history.waiting.push({ message, sender: present, ended });
    else await this.read(message, present, ended, false);
  }

  async read(message, sender, ended, fromHistory) {
    // 8.5, 1 to 5
    assert(sender?.verified, 'not_a_participant');
    assert(!ended, 'ended_epoch');
    const { epoch, n, flags, sender: from } = message;
    const place = [this.link.roomId, unhex(epoch), unhex(from), n, flags];
    const [iv, ciphertext] = [unhex(message.iv), unhex(message.ciphertext)];
    const signed = await b.envelopeSigned(...place, iv, ciphertext);
    assert(await b.verify(sender.sigPub, signed, unhex(message.sig)), 'bad_envelope_signature');
    const seen = this.senders.get(from) ?? this.senders.set(from, {}).get(from);
    const chain = this.epochs.get(epoch)?.chains.get(from);
    if (!chain) {
      // It came before the key did.
      if (seen.count !== undefined) seen.count += 1n;
      this.events.push({ event: 'unreadable', from, reason: 'not_keyed_yet' });
      return;
    }
    assert(n >= chain.n, 'replayed');
    for (; chain.n < n; chain.n += 1) chain.value = await b.chainNext(chain.value);
    const padded = await b.open(await b.messageKey(chain.value), iv, b.aad(...place), ciphertext);
    assert(padded, 'bad_envelope');
    chain.value = await b.chainNext(chain.value);
    chain.n += 1;
    const plaintext = b.decodePlaintext(n, padded);
    assert(plaintext?.body !== null, 'unreadable');
    const missed = seen.count === undefined ? 0n : plaintext.count - seen.count - 1n;
    assert(missed >= 0n, 'count_repeated');
    if (missed > 0n) this.events.push({ event: 'missed', from, count: Number(missed) });
    seen.count = plaintext.count;
    await this.say(from, plaintext, fromHistory);
  }

  async say(from, { kind, id, sentAt, burnAfter, body }, fromHistory) {
    if (kind === 1) {
      const key = `${from} ${hex(id)}`;
      if (this.shown.has(key)) return;
      this.shown.add(key);
      const event = { event: 'message', id: hex(id), from, text: body, sent_at: Number(sentAt) };
      this.events.push({ ...event, burn_after_ms: burnAfter, from_history: fromHistory });
    } else if (kind === 2) {
      this.events.push({ event: 'typing', from, typing: body });
    } else if (kind === 4 && hex(await b.H(body)) === this.ticketHash && !this.ticketIsCurrent) {
      this.link.ticket = body;
      this.ticketIsCurrent = true;
      this.events.push({ event: 'link_changed' });
    }
  }

  // ---- 9. History ----

  on_history_end({ complete }) {
    this.history.replaying = false;
    this.history.complete = complete;
  }

  async replay(entry) {
    const { history } = this;
    assert(entry.seq < this.joined.seq, 'history is of the past');
    if (entry.type === 'message') {
      const sender = history.entries.find(({ id }) => id === entry.sender);
      const ended = this.keyFrames.get(entry.epoch).ended ?? false;
      history.waiting.push({ message: entry, sender, ended });
    } else if (entry.type === 'session_key') {
      const roster = history.rosters.get(entry.version);
      assert.deepEqual([entry.prev, entry.roster_hash], [history.head, roster.hash]);
      const steward = roster.entries.find(({ id }) => id === entry.steward);
      const before = this.keyFrames.get(history.head);
      history.head = await this.checkKeyFrame(entry, steward);
      const members = roster.entries.map(({ id }) => id);
      this.keyFrames.set(history.head, { ...entry, members, verified: roster.entries });
      if (before?.members.some((id) => !members.includes(id))) {
        for (const older of this.keyFrames.values()) if (older.version < entry.version) older.ended = true;
      }
    } else {
      assert.equal(entry.version, history.version + 1);
      history.version = entry.version;
      if (entry.type === 'participant_joined') {
        const joined = await this.entry(entry.participant);
        history.entries = [...history.entries, joined];
        this.senders.set(joined.id, { count: 0n });
      }
      if (entry.type === 'participant_left') {
        history.entries = history.entries.filter(({ id }) => id !== entry.id);
        this.departed.add(entry.id);
      }
      const roster = { version: history.version, entries: history.entries };
      history.rosters.set(history.version, { hash: hex(await this.hashOf(roster)), entries: history.entries });
    }
  }

  /** The walk back (9.3), and then everything that waited. */
  async readHistory(epoch, key) {
    const { history } = this;
    this.history = undefined;
    const others = this.joined.participants.slice(0, -1).map(({ kem_pub }) => kem_pub);
    assert.deepEqual(history.entries.map(({ kemPub }) => hex(kemPub)), others, 'the roster that history ends with');
    assert.deepEqual([history.head, history.version + 1], [this.joined.head, this.joined.version]);
    for (let back = this.keyFrames.get(epoch).back, at = epoch; back !== undefined; ) {
      const older = await b.unwrap(await b.historyKey(unhex(at), key), unhex(back.wrapped));
      const frame = this.keyFrames.get(back.epoch);
      assert.equal(hex(await b.commit(older, unhex(frame.roster_hash))), frame.commit, 'the older key');
      await this.install(back.epoch, older);
      [at, key, back] = [back.epoch, older, frame.back];
    }
    for (const { message, sender, ended } of history.waiting) await this.read(message, sender, ended, true);
    this.events.push({ event: 'history_read', complete: history.complete });
  }

  // ---- 11 ----

  on_locked({ locked }) {
    this.locked = locked;
    this.events.push({ event: 'locked', locked });
  }

  on_extended({ seconds_remaining }) {
    this.endsAt = this.endIn(seconds_remaining);
    this.events.push({ event: 'extended', seconds_remaining });
  }

  async on_renewed({ ticket_hash }) {
    this.ticketHash = ticket_hash;
    this.ticketIsCurrent = hex(await b.H(this.link.ticket)) === ticket_hash;
    if (!this.ticketIsCurrent) this.events.push({ event: 'link_expired' });
  }

  async state() {
    if (!this.roster || this.status === 'ended') return { status: this.status };
    const code = await b.verification(this.link.roomId, this.link.secret, this.roster.entries);
    return {
      status: this.status,
      version: this.roster.version,
      roster_hash: hex(await this.hashOf(this.roster)),
      participants: this.roster.entries.map((entry) => this.participant(entry)),
      short_code: code.shortCode,
      emoji: code.emoji,
      safety_number: code.safetyNumber,
      head: this.head,
      epoch: this.epochs.has(this.keyed?.id) ? this.keyed : null,
      link: await b.writeLink(this.link),
      link_is_current: this.ticketIsCurrent,
      locked: this.locked,
      ends_at: this.endsAt,
    };
  }
}

const folder = new URL('./', import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith('.json'));

test('there are transcripts', () => assert(names.length >= 10));

for (const name of names) {
  test(`${name} can be followed`, async () => {
    const transcript = JSON.parse(readFileSync(new URL(name, folder), 'utf8'));
    const follower = new Follower(transcript);
    let expected = {};
    for (const [number, step] of transcript.steps.entries()) {
      const place = `${name}, step ${number}`;
      try {
        await follower.take(step);
      } catch (error) {
        error.message = `${place}: ${error.message ?? error}`;
        throw error;
      }
      assert.deepEqual(follower.sends, step.sends ?? [], `${place}: what it sends`);
      assert.deepEqual(follower.events, step.events ?? [], `${place}: events`);
      assert.equal(follower.error, step.error, `${place}: error`);
      expected = { ...expected, ...step.state };
      const state = await follower.state();
      if (state.status === 'ended') expected = { status: 'ended' };
      assert.deepEqual(state, expected, `${place}: state`);
    }
    assert(transcript.steps.length > 5);
  });
}
