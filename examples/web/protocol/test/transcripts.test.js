// Leads the machine through the rooms of spec/transcripts: what it sends, tells and knows after every step.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

import { Client, fromBase64url, Link, toBase64url } from '../src/index.js';
import { hex, keyPairs, unhex } from './scalars.js';

/** @typedef {Record<string, any>} Step */

const raw = (/** @type {string} */ text) => hex(fromBase64url(text) ?? assert.fail(text));

/** The names that events and their members have in the transcripts. */
const snake = (/** @type {string} */ word) => word.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const ids = new Set(['id', 'from', 'by', 'author', 'epoch']);

const person = (/** @type {import('../src/index.js').Participant} */ { id, label, role, clash, self }) => ({
  id: raw(id),
  label,
  role,
  name_clash: clash,
  me: self,
});

function told(/** @type {import('../src/index.js').Event} */ event) {
  switch (event.type) {
    case 'message': {
      const { id, author, text, sentAt, burnAfterMs, history } = event;
      const said = { event: 'message', id: raw(id), from: raw(author.id), text };
      return { ...said, sent_at: sentAt, burn_after_ms: burnAfterMs, from_history: history };
    }
    case 'participantJoined':
      return { event: 'participant_joined', participant: person(event.participant) };
    case 'participantLeft':
      return { event: 'participant_left', id: raw(event.participant.id), reason: event.reason };
    case 'ended':
      return { event: 'ended', reason: event.reason };
    default: {
      const { type, ...members } = event;
      const entries = Object.entries(members).map(([key, value]) => {
        if (key === 'reason') return [key, snake(String(value))];
        return [snake(key), ids.has(key) && typeof value === 'string' ? raw(value) : value];
      });
      return { event: snake(type), ...Object.fromEntries(entries) };
    }
  }
}

async function state(/** @type {Client} */ client) {
  const position = client.position();
  const codes = await client.verification();
  if (position === null || codes === null) return { status: client.status() };
  const { version, rosterHash, head, epoch } = position;
  return {
    status: client.status(),
    version,
    roster_hash: hex(rosterHash),
    participants: client.participants().map(person),
    short_code: codes.shortCode,
    emoji: codes.emoji.map(({ symbol }) => symbol).join(''),
    safety_number: codes.safetyNumber,
    head: hex(head),
    epoch: epoch && { version: epoch.version, id: hex(epoch.id) },
    link: client.link(),
    link_is_current: client.linkIsCurrent(),
    locked: client.room()?.locked,
    ends_at: client.endsAt(),
  };
}

class Follower {
  constructor(/** @type {Client} */ client) {
    this.client = client;
    /** @type {Step | null} */
    this.join = null;
  }

  async take(/** @type {Step} */ { at, input, frame }) {
    const { client } = this;
    switch (input) {
      case 'connected':
        return client.handleConnected(at);
      case 'disconnected':
        return client.handleDisconnected(at);
      case 'timeout':
        assert.equal(client.pollTimeout(), at, 'it waits for this time');
        return client.handleTimeout(at);
      case 'frame':
        return client.handleFrame(at, this.withOwnEntry(frame));
      default:
        return assert.fail(input);
    }
  }

  /** The two values of the follower's own entry that another signature makes others. */
  withOwnEntry(/** @type {string} */ text) {
    const frame = JSON.parse(text);
    if (frame.type !== 'joined') return text;
    const { sealed_name, join_proof } = this.join ?? assert.fail('joined before the join');
    Object.assign(frame.participants.at(-1), { sealed_name, join_proof });
    return JSON.stringify(frame);
  }

  /** The types of what it sends. */
  sends() {
    const types = [];
    for (let output = this.client.pollOutput(); output !== null; output = this.client.pollOutput()) {
      if (output.type !== 'send') continue;
      const frame = JSON.parse(output.frame);
      if (frame.type === 'join') this.join = frame;
      types.push(frame.type);
    }
    return types;
  }

  events() {
    const events = [];
    for (let event = this.client.pollEvent(); event !== null; event = this.client.pollEvent()) events.push(told(event));
    return events;
  }
}

const folder = new URL('../../../../spec/transcripts/', import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith('.json'));

test('there are transcripts', () => assert(names.length >= 10));

for (const name of names) {
  test(`${name} is followed to its end`, async () => {
    const transcript = JSON.parse(readFileSync(new URL(name, folder), 'utf8'));
    const { kem_scalar, sig_scalar, name_iv } = transcript.follower;
    const draw = async () => ({ pairs: await keyPairs(kem_scalar, sig_scalar), iv: unhex(name_iv) });
    const client = await Client.create(await Link.parse(transcript.link), { name: transcript.follower.name, draw });
    const follower = new Follower(client);
    let expected = {};
    for (const [number, step] of transcript.steps.entries()) {
      const place = `${name}, step ${number}`;
      const error = await follower.take(step);
      assert.equal(client.failure(), null, place);
      assert.deepEqual(follower.sends(), step.sends ?? [], `${place}: what it sends`);
      assert.deepEqual(follower.events(), step.events ?? [], `${place}: what it tells`);
      if (step.input === 'frame') assert.equal(error ?? undefined, step.error, `${place}: error`);
      expected = { ...expected, ...step.state };
      const now = await state(client);
      if (now.status === 'ended') expected = { status: 'ended' };
      assert.deepEqual(now, expected, `${place}: state`);
    }
    assert(transcript.steps.length > 5);
  });
}

test('an id is the same as text and as bytes', () => assert.equal(raw(toBase64url(Uint8Array.of(255, 0, 1))), 'ff0001'));
