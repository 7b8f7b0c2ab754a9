// The driver with a network and a time of the test's own.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startClock } from '../js/clock.js';
import { Client, load, planRoom, readLink } from '../js/index.js';
import { Pauses } from '../js/pauses.js';
import { Room } from '../js/room.js';

const NOW = 1_800_000_000_000;

/** Sockets that open when the test says so, and say nothing by themselves. */
function network(allowed) {
  const sockets = [];
  class Socket extends EventTarget {
    readyState = 0;
    protocol = 'burnchat.v1';
    sent = [];

    constructor(url, protocol) {
      super();
      allowed();
      Object.assign(this, { url, wanted: protocol });
      sockets.push(this);
    }

    send(frame) {
      this.sent.push(JSON.parse(frame));
    }

    close(code) {
      this.code = code;
    }

    open() {
      this.readyState = 1;
      this.dispatchEvent(new Event('open'));
    }
  }
  return { Socket, sockets };
}

/** A room whose time passes when the test says so. */
async function room(t, allowed = () => {}) {
  await load();
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let now = NOW;
  const { Socket, sockets } = network(allowed);
  const { link } = planRoom('http://relay.example/chat', {}, NOW);
  const told = [];
  const room = new Room(new Client(link, { name: 'ana' }), readLink(link), (event) => told.push(event), { WebSocket: Socket, clock: { now: () => now }, random: () => 1 });
  const pass = (ms) => {
    now += ms;
    t.mock.timers.tick(ms);
  };
  await Promise.resolve();
  pass(1);
  return { room, sockets, told, pass, link };
}

test('it connects to the room, and joins', async (t) => {
  const { room: ana, sockets, link } = await room(t);
  assert.deepEqual([sockets.length, sockets[0].wanted], [1, 'burnchat.v1']);
  assert.equal(sockets[0].url, `ws://relay.example/chat/api/rooms/${readLink(link).roomId}/ws`);
  sockets[0].open();
  assert.deepEqual(sockets[0].sent.map(({ type }) => type), ['join']);
  ana.leave();
  assert.deepEqual([sockets[0].code, ana.status()], [1000, 'ended']);
});

test('a relay that does not answer is given up after 10 s, and tried again later and later', async (t) => {
  const { room: ana, sockets, pass } = await room(t);
  sockets[0].open();
  pass(9_999);
  assert.deepEqual([sockets[0].code, sockets.length], [undefined, 1]);
  pass(1);
  assert.equal(sockets[0].code, 4000);
  for (const pause of [250, 500, 1000, 2000, 4000, 8000, 8000]) {
    const before = sockets.length;
    pass(pause - 1);
    assert.equal(sockets.length, before, `not before ${pause} ms`);
    pass(1);
    assert.equal(sockets.length, before + 1, `after ${pause} ms`);
    sockets.at(-1).dispatchEvent(new Event('error'));
    sockets.at(-1).dispatchEvent(new Event('close'));
  }
  ana.leave();
});

test('a server that speaks another protocol hears nothing of the room', async (t) => {
  const { room: ana, sockets } = await room(t);
  sockets[0].protocol = '';
  sockets[0].open();
  assert.deepEqual([sockets[0].code, sockets[0].sent], [4000, []]);
  ana.leave();
});

test('who is woken connects at once, and waits little again the next time', async (t) => {
  const { room: ana, sockets, pass } = await room(t);
  const fail = () => sockets.at(-1).dispatchEvent(new Event('close'));
  fail();
  pass(250);
  fail();
  pass(100);
  assert.equal(sockets.length, 2);
  ana.wake();
  assert.equal(sockets.length, 3);
  fail();
  pass(1);
  assert.equal(sockets.length, 4);
  ana.leave();
  ana.wake();
  assert.equal(sockets.length, 4);
});

test('a browser that will not open a connection is asked again', async (t) => {
  let refused = 0;
  const { room: ana, sockets, pass } = await room(t, () => {
    refused += 1;
    if (refused < 3) throw new DOMException('not from this page', 'SecurityError');
  });
  assert.deepEqual([refused, sockets.length], [1, 0]);
  pass(250);
  pass(500);
  assert.deepEqual([refused, sockets.length], [3, 1]);
  ana.leave();
});

test('what comes on a connection that was given up is not listened to', async (t) => {
  const { room: ana, sockets, told, pass } = await room(t);
  sockets[0].open();
  pass(10_000);
  const destroyed = JSON.stringify({ type: 'destroyed', reason: 'burned' });
  sockets[0].dispatchEvent(new MessageEvent('message', { data: destroyed }));
  assert.deepEqual([told, ana.status()], [[], 'offline']);
  pass(250);
  sockets[1].open();
  sockets[1].dispatchEvent(new MessageEvent('message', { data: new Uint8Array(3) }));
  const { type, about, codeName: fault } = told.at(-1);
  assert.deepEqual([type, about, fault], ['fault', null, 'malformed_from_relay']);
  sockets[1].dispatchEvent(new MessageEvent('message', { data: destroyed }));
  assert.equal(told.at(-1).type, 'ended');
});

test('the clock counts sleep, and goes neither back nor in steps', () => {
  let [day, mark] = [NOW, 50];
  const clock = startClock(
    () => day,
    () => mark,
  );
  const after = (dayPassed, markPassed) => {
    day += dayPassed;
    mark += markPassed;
    return clock.now() - NOW;
  };
  assert.equal(after(100, 100), 100);
  assert.equal(after(600, 100), 200, 'the time of day was corrected by half a second');
  assert.equal(after(-3_600_000, 100), 300, 'it was put back by an hour');
  assert.equal(after(60_000, 100), 60_300, 'the machine slept for a minute');
});

test('pauses are drawn from nothing up to a ceiling', () => {
  const pauses = new Pauses(() => 0);
  assert.deepEqual([pauses.next(), pauses.next(), pauses.next()], [0, 0, 0]);
  const longest = new Pauses(() => 1);
  assert.deepEqual([longest.next(), longest.next(), longest.next()], [0, 250, 500]);
  longest.reset();
  assert.equal(longest.next(), 0);
});
