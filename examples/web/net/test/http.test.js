// Where WebSockets are blocked: the same rooms over plain HTTP.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { EventStream } from '../event-stream.js';
import { createRoom } from '../room.js';
import { Network, Person, startRelay, Terminal } from './programs.js';

/** @type {Awaited<ReturnType<typeof startRelay>>} */
let relay;
before(async () => {
  relay = await startRelay();
});
after(async () => {
  for (const terminal of Terminal.all) terminal.end();
  await relay.stop();
});

/** A network that lets no WebSocket through, and HTTP as long as it is up. */
class Blocked extends Network {
  constructor() {
    super();
    this.up = false;
    this.http = true;
    /** Whether a request for events gets through. */
    this.streams = true;
    this.over = new AbortController();
    /** @type {string[]} */
    this.requests = [];
    /** @type {typeof globalThis.fetch} */
    this.fetch = (input, init = {}) => {
      if (!this.http || (!this.streams && String(input).endsWith('/events'))) return Promise.reject(new TypeError('no network'));
      this.requests.push(`${init.method ?? 'GET'} ${String(input).split('/').slice(5).join('/')}`);
      const signals = [this.over.signal, ...(init.signal ? [init.signal] : [])];
      return fetch(input, { ...init, signal: AbortSignal.any(signals) });
    };
  }

  /** @override */
  cut() {
    this.over.abort();
    this.over = new AbortController();
  }
}

async function join(/** @type {string} */ link, /** @type {import('../room.js').JoinOptions} */ options) {
  const network = new Blocked();
  const person = await Person.join(link, options, { fetch: network.fetch }, network);
  return { person, network };
}

test('who cannot open a WebSocket joins over HTTP, and talks with those who can', async () => {
  const { link, creatorToken } = await createRoom(relay.base, { ttlSeconds: 300 });
  const { person: ana } = await join(link, { name: 'ana', creatorToken });
  await ana.hears('joined');
  const ben = Terminal.join(link, '--name', 'ben');
  const cleo = await Person.join(link, { name: 'cleo' });
  await Promise.all([ana.keyed(3), cleo.keyed(3), ben.keyed()]);
  for (const text of ['one', 'two', 'three']) await ana.says(text);
  await Promise.all([ben.reads('three'), cleo.reads('three')]);
  assert.deepEqual([ben.texts(), cleo.texts()], [['one', 'two', 'three'], ['one', 'two', 'three']]);
  ben.says('heard');
  await ana.reads('heard');
  ana.room.burn();
  assert.equal((await ana.hears('ended')).reason, 'burned');
  await Promise.all([cleo.hears('ended'), ben.hears('burned')]);
});

test('an event stream that breaks is resumed where it broke', async () => {
  const { link, creatorToken } = await createRoom(relay.base, { ttlSeconds: 300 });
  const { person: ana, network } = await join(link, { name: 'ana', creatorToken });
  await ana.hears('joined');
  const ben = await Person.join(link, { name: 'ben' });
  await Promise.all([ana.keyed(2), ben.keyed(2)]);
  network.http = false;
  network.cut();
  await ana.hears('reconnecting');
  await ben.says('meanwhile');
  await ben.hears('accepted');
  await ana.says('from the dark');
  network.http = true;
  await ana.reads('meanwhile');
  await ana.hears('resumed');
  await ben.reads('from the dark');
  assert(ana.heard.all.every(({ type }) => type !== 'rejoining'));
  // Leaving is heard at once, not after the seat's 30 s.
  ana.room.leave();
  assert.equal((await ben.hears('participantLeft')).reason, 'left');
  assert(network.requests.some((one) => one.startsWith('DELETE')));
  ben.room.leave();
});

test('who leaves while the stream is broken is gone at once, and not after the 30 s of a seat', async () => {
  const { link, creatorToken } = await createRoom(relay.base, { ttlSeconds: 300 });
  const { person: ana, network } = await join(link, { name: 'ana', creatorToken });
  await ana.hears('joined');
  const ben = await Person.join(link, { name: 'ben' });
  await Promise.all([ana.keyed(2), ben.keyed(2)]);
  network.streams = false;
  network.cut();
  await ana.hears('reconnecting');
  ana.room.leave();
  assert.equal((await ben.hears('participantLeft')).reason, 'left');
  ben.room.leave();
});

test('a refusal over HTTP is the same as over a WebSocket', async () => {
  const { link } = await createRoom(relay.base, { ttlSeconds: 300 });
  const { person } = await join(link, { name: 'eve', pin: 'WRONG2' });
  const { code, attemptsLeft } = await person.hears('ended');
  assert.deepEqual([code, attemptsLeft], ['wrong_pin', 2]);
});

test('an event stream is read in whatever pieces it comes', () => {
  const text = ': hello\r\nid: 7\r\n\r\nid: 8\r\ndata: {"a":"ü"}\r\n\r\ndata:{}\n\n';
  const bytes = new TextEncoder().encode(text);
  for (let size = 1; size <= bytes.length; size += 1) {
    /** @type {string[]} */
    const events = [];
    const stream = new EventStream((data) => events.push(data));
    for (let at = 0; at < bytes.length; at += size) stream.push(bytes.subarray(at, at + size));
    assert.deepEqual(events, ['{"a":"ü"}', '{}'], `in pieces of ${size}`);
  }
  assert.throws(() => new EventStream(() => {}).push(new Uint8Array(2 ** 20 + 2000).fill(65)));
});
