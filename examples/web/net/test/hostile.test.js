// What a client does about a relay, a network or a clock that is not what it should be: frames of the real relay are
// changed on their way.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { createRoom } from '../room.js';
import { Network, Person, startRelay } from './programs.js';

/** @type {Awaited<ReturnType<typeof startRelay>>} */
let relay;
before(async () => {
  relay = await startRelay();
});
after(() => relay.stop());

/** @param {Partial<import('../room.js').RoomOptions>} [options] */
async function newRoom(options) {
  const { link, creatorToken } = await createRoom(relay.base, { ttlSeconds: 300, ...options });
  const ana = await Person.join(link, { name: 'ana', creatorToken });
  await ana.hears('joined');
  return { link, ana };
}

/** @param {import('./programs.js').Line} frame */
const flip = (frame, /** @type {string} */ member) => {
  const text = frame[member];
  return { ...frame, [member]: (text[0] === 'A' ? 'B' : 'A') + text.slice(1) };
};

/** A network that changes the first frame for which `change` gives another. */
function once(/** @type {(frame: import('./programs.js').Line) => import('./programs.js').Line | null | undefined} */ change) {
  const network = new Network();
  network.tamper = (frame) => {
    const changed = change(frame);
    if (changed === undefined) return frame;
    network.tamper = (other) => other;
    return changed;
  };
  return network;
}

const leave = (/** @type {Person[]} */ ...people) => people.forEach(({ room }) => room.leave());

test('an entry that is missing is a fork: the client joins afresh, and goes on', async () => {
  const { link, ana } = await newRoom();
  const network = once(({ type }) => (type === 'message' ? null : undefined));
  const ben = await Person.join(link, { name: 'ben' }, {}, network);
  await Promise.all([ana.keyed(2), ben.keyed(2)]);
  await ana.says('lost on the way');
  await ana.says('shows the hole');
  assert.equal((await ben.hears('rejoining')).code, 'fork');
  await ben.hears('joined');
  await ana.hears('participantLeft', ({ reason }) => reason === 'replaced');
  await Promise.all([ana.keyed(2), ben.keyed(2)]);
  await ana.says('heard again');
  await ben.reads('heard again');
  leave(ana, ben);
});

test('a client that joins afresh reads of the history what it has not shown yet, and nothing twice', async () => {
  const { link, ana } = await newRoom({ history: true });
  const network = new Network();
  const ben = await Person.join(link, { name: 'ben' }, {}, network);
  await Promise.all([ana.keyed(2), ben.keyed(2)]);
  await ana.says('one');
  await ben.reads('one');
  await ben.says('two');
  await ana.reads('two');
  network.tamper = (frame) => {
    if (frame.type !== 'message') return frame;
    network.tamper = (other) => other;
    return null;
  };
  await ana.says('three');
  await ana.says('four');
  await ben.hears('rejoining');
  assert.equal((await ben.hears('historyRead')).complete, true);
  assert.deepEqual(ben.texts(), ['one', 'two', 'three', 'four']);
  leave(ana, ben);
});

test('a reloaded page reads the whole history, what it said itself among it', async () => {
  const { link, ana } = await newRoom({ history: true });
  const ben = await Person.join(link, { name: 'ben' });
  await Promise.all([ana.keyed(2), ben.keyed(2)]);
  await ben.says('said before the reload');
  await ana.reads('said before the reload');
  const again = await Person.join(link, { name: 'ben', seatToken: ben.room.seatToken() ?? assert.fail() });
  assert.equal((await again.hears('historyRead')).complete, true);
  assert.deepEqual(again.texts(), ['said before the reload']);
  assert(again.heard.all.every(({ type }) => type !== 'fault'));
  leave(ana, again);
});

test('a client joins afresh twice, and not a third time', async () => {
  const { link, ana } = await newRoom();
  const network = new Network();
  // Every key frame names another head than it should.
  network.tamper = (frame) => (frame.type === 'session_key' ? flip(frame, 'prev') : frame);
  const ben = await Person.join(link, { name: 'ben' }, {}, network);
  const { reason, code } = await ben.hears('ended');
  assert.deepEqual([reason, code], ['failed', 'fork']);
  // At the end nothing is left to be told but that.
  assert.equal(ben.heard.all.filter(({ type }) => type === 'joined').length <= 3, true);
  leave(ana);
});

test('a wrap that does not open is complained of, and another key is made', async () => {
  const { link, ana } = await newRoom();
  const network = once((frame) => (frame.type === 'session_key' && frame.wrapped ? flip(frame, 'wrapped') : undefined));
  const ben = await Person.join(link, { name: 'ben' }, {}, network);
  await ben.hears('fault', ({ code }) => code === 'bad_wrap');
  await Promise.all([ana.keyed(2), ben.keyed(2)]);
  await ana.says('keyed after all');
  await ben.reads('keyed after all');
  leave(ana, ben);
});

test('a commitment that another key was wrapped for is no key', async () => {
  const { link, ana } = await newRoom();
  const network = once((frame) => (frame.type === 'session_key' ? { ...frame, wrapped: null } : undefined));
  const ben = await Person.join(link, { name: 'ben' }, {}, network);
  assert.equal((await ben.hears('fault')).code, 'bad_wrap');
  await ben.keyed(2);
  leave(ana, ben);
});

for (const [member, code] of /** @type {const} */ ([['sig', 'bad_envelope_signature'], ['ciphertext', 'bad_envelope_signature'], ['iv', 'bad_envelope_signature']])) {
  test(`an envelope with another ${member} is refused, and the next one tells of the gap`, async () => {
    const { link, ana } = await newRoom();
    const network = once((frame) => (frame.type === 'message' ? flip(frame, member) : undefined));
    const ben = await Person.join(link, { name: 'ben' }, {}, network);
    await Promise.all([ana.keyed(2), ben.keyed(2)]);
    await ana.says('changed on the way');
    await ana.says('as it was');
    assert.equal((await ben.hears('fault')).code, code);
    assert.equal((await ben.hears('missed')).count, 1);
    await ben.reads('as it was');
    assert.deepEqual(ben.texts(), ['as it was']);
    leave(ana, ben);
  });
}

test('an envelope that comes twice is refused the second time', async () => {
  const { link, ana } = await newRoom();
  /** @type {import('./programs.js').Line | null} */
  let first = null;
  const network = once((frame) => {
    if (frame.type !== 'message') return undefined;
    if (first === null) {
      first = frame;
      return undefined;
    }
    // In the place of the second one, as if the relay had logged the first one twice.
    return { ...first, seq: frame.seq };
  });
  const ben = await Person.join(link, { name: 'ben' }, {}, network);
  await Promise.all([ana.keyed(2), ben.keyed(2)]);
  for (const text of ['one', 'two', 'three']) await ana.says(text);
  assert.equal((await ben.hears('fault')).code, 'replayed');
  assert.equal((await ben.hears('missed')).count, 1);
  await ben.reads('three');
  assert.deepEqual(ben.texts(), ['one', 'three']);
  leave(ana, ben);
});

test('an envelope in another name is refused', async () => {
  const { link, ana } = await newRoom();
  const cleo = await Person.join(link, { name: 'cleo' });
  await cleo.hears('joined');
  const cleoId = cleo.room.participants().at(-1)?.id;
  const network = once((frame) => (frame.type === 'message' ? { ...frame, sender: cleoId } : undefined));
  const ben = await Person.join(link, { name: 'ben' }, {}, network);
  await Promise.all([ana, ben, cleo].map((one) => one.keyed(3)));
  await ana.says('as if cleo had said it');
  assert.equal((await ben.hears('fault')).code, 'bad_envelope_signature');
  assert.deepEqual(ben.texts(), []);
  leave(ana, ben, cleo);
});

test('an own envelope that comes back changed is a fork, and the text is given back', async () => {
  const { link, ana } = await newRoom();
  const ben = await Person.join(link, { name: 'ben' });
  await Promise.all([ana.keyed(2), ben.keyed(2)]);
  ana.network.tamper = (frame) => (frame.type === 'message' ? flip(frame, 'iv') : frame);
  const id = await ana.says('is it there?');
  assert.equal((await ana.hears('unknown')).id, id);
  await ana.hears('rejoining');
  leave(ana, ben);
});

test('a relay that swaps a key is found out by the join proof', async () => {
  const { link, ana } = await newRoom();
  const cleo = await Person.join(link, { name: 'cleo' });
  await cleo.hears('joined');
  const network = once((frame) => {
    if (frame.type !== 'joined') return undefined;
    const [first, second, own] = frame.participants;
    return { ...frame, participants: [{ ...first, kem_pub: second.kem_pub }, second, own] };
  });
  const ben = await Person.join(link, { name: 'ben' }, {}, network);
  assert.equal((await ben.hears('fault')).code, 'unverified_participant');
  assert.notDeepEqual(await ben.room.verification(), await ana.room.verification());
  leave(ana, ben, cleo);
});

test('a link with another secret brings nobody together', async () => {
  const { link, ana } = await newRoom();
  const other = await createRoom(relay.base, { ttlSeconds: 300 });
  const { Link } = await import('../../protocol/src/index.js');
  const [real, fake] = await Promise.all([Link.parse(link), Link.parse(other.link)]);
  const mixed = await new Link({ ...real, secret: fake.secret }).text();
  const ben = await Person.join(mixed, { name: 'ben' });
  assert.equal((await ben.hears('ended')).code, 'bad_link');
  assert.equal((await ana.hears('fault')).code, 'unverified_participant');
  assert.equal(ana.room.security(), 'alone');
  leave(ana);
});

test('a relay that says otherwise about history is left', async () => {
  const { link, ana } = await newRoom();
  const network = once((frame) => (frame.type === 'joined' ? { ...frame, history: true } : undefined));
  const ben = await Person.join(link, { name: 'ben' }, {}, network);
  const { reason, code } = await ben.hears('ended');
  assert.deepEqual([reason, code], ['failed', 'history_mismatch']);
  leave(ana);
});

test('a relay that keeps a room beyond its hard end is not believed', async () => {
  const { link, ana } = await newRoom();
  const ben = await Person.join(link, { name: 'ben' }, { clock: { now: () => Date.now() + 3600_000 } });
  assert.equal((await ben.hears('ended')).code, 'clock_skew');
  leave(ana);
});

test('a relay that is gone does not keep a room alive: it burns by the own clock', async () => {
  const { link, ana } = await newRoom({ ttlSeconds: 30 });
  let ahead = 0;
  const network = new Network();
  const ben = await Person.join(link, { name: 'ben' }, { clock: { now: () => Date.now() + ahead } }, network);
  await Promise.all([ana.keyed(2), ben.keyed(2)]);
  network.down();
  await ben.hears('reconnecting');
  ahead = 31_000;
  assert.equal((await ben.hears('ended')).reason, 'expired');
  assert.deepEqual([ben.room.link(), ben.room.seatToken(), ben.room.participants()], ['', null, []]);
  assert.throws(() => ben.room.send('too late'), { code: 'ended' });
  leave(ana);
});

test('frames that do not parse, or make no sense, move nothing', async () => {
  // In its last minute a room is told of every second.
  const { link, ana } = await newRoom({ ttlSeconds: 50 });
  const network = new Network();
  let nonsense = 0;
  network.tamper = (frame) => {
    if (frame.type !== 'countdown') return frame;
    nonsense += 1;
    return nonsense % 2 ? { type: 'resumed', seq: 1, seconds_remaining: 1 } : { type: 'countdown' };
  };
  const ben = await Person.join(link, { name: 'ben' }, {}, network);
  await ben.hears('fault', ({ code }) => code === 'unexpected_from_relay');
  await ben.hears('fault', ({ code }) => code === 'malformed_from_relay');
  await ana.keyed(2);
  await ana.says('still here');
  await ben.reads('still here');
  leave(ana, ben);
});

test('a connection on which nothing comes any more is given up and resumed', async () => {
  const { link, ana } = await newRoom();
  let ahead = 0;
  const network = new Network();
  const ben = await Person.join(link, { name: 'ben' }, { clock: { now: () => Date.now() + ahead } }, network);
  await Promise.all([ana.keyed(2), ben.keyed(2)]);
  network.tamper = () => null;
  await ana.says('into the dark');
  await ana.hears('accepted');
  ahead = 31_000;
  // Looking at the clock is what finds it out; a page does so with its timers, and when it is shown again.
  ben.room.setTyping(true);
  await ben.hears('reconnecting');
  network.tamper = (frame) => frame;
  await ben.reads('into the dark');
  await ben.hears('resumed');
  leave(ana, ben);
});

test('what cannot be sent is said at once, and nothing else happens', async () => {
  const { link, ana } = await newRoom();
  assert.throws(() => ana.room.send('to whom?'), { code: 'nobody_here' });
  const ben = await Person.join(link, { name: 'ben' });
  assert.throws(() => ben.room.send('too soon'), { code: 'not_joined' });
  await Promise.all([ana.keyed(2), ben.keyed(2)]);
  assert.throws(() => ben.room.send(''), { code: 'text_empty' });
  assert.throws(() => ben.room.send('ü'.repeat(16_385)), { code: 'text_too_long' });
  assert.throws(() => ben.room.send('x', { burnAfterMs: 0.5 }), { code: 'invalid_parameter' });
  for (const command of [() => ben.room.lock(true), () => ben.room.renew(), () => ben.room.extend(60), () => ben.room.burn()]) {
    assert.throws(command, { code: 'not_creator' });
  }
  assert.throws(() => ana.room.extend(1801), { code: 'invalid_parameter' });
  assert.throws(() => ana.room.kick(ana.room.participants()[0].id), { code: 'invalid_parameter' });
  await ben.room.send('ü'.repeat(16_384));
  await ana.reads('ü'.repeat(16_384));
  leave(ana, ben);
});

test('while the connection is gone 256 texts wait, and then go out in order', async () => {
  const { link, ana } = await newRoom();
  const ben = await Person.join(link, { name: 'ben' });
  await Promise.all([ana.keyed(2), ben.keyed(2)]);
  ana.network.down();
  await ana.hears('reconnecting');
  for (let text = 0; text < 256; text += 1) ana.room.send(`text ${text}`);
  assert.throws(() => ana.room.send('one too many'), { code: 'queue_full' });
  ana.network.up = true;
  await ben.reads('text 255');
  assert.deepEqual(ben.texts(), Array.from({ length: 256 }, (_, text) => `text ${text}`));
  leave(ana, ben);
});

test('a listener that fails does not keep others from hearing', async (t) => {
  const { ana } = await newRoom();
  /** @type {(() => void)[]} */
  const later = [];
  t.mock.method(globalThis, 'queueMicrotask', (/** @type {() => void} */ task) => later.push(task));
  const stop = ana.room.on(() => {
    stop();
    throw new Error('a mistake in the page');
  });
  ana.room.lock(true);
  await ana.hears('locked');
  // The page is told of its mistake all the same.
  assert.throws(() => later.forEach((task) => task()), { message: 'a mistake in the page' });
  leave(ana);
});
