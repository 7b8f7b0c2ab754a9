// Two implementations in one room: this one, and the Rust client, on the real relay.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { createRoom, roomInfo } from '../room.js';
import { Person, shown, startRelay, Terminal } from './programs.js';

/** @type {Awaited<ReturnType<typeof startRelay>>} */
let relay;
before(async () => {
  relay = await startRelay();
});
after(async () => {
  for (const terminal of Terminal.all) terminal.end();
  await relay.stop();
});

/** @param {Partial<import('../room.js').RoomOptions>} [options] */
async function newRoom(options) {
  const { link, creatorToken, pin } = await createRoom(relay.base, { ttlSeconds: 300, ...options });
  const ana = await Person.join(link, { name: 'ana', creatorToken });
  await ana.hears('joined');
  return { link, ana, pin };
}

test('a room made here is joined from Rust: both talk, and see the same codes', async () => {
  const { link, ana } = await newRoom();
  const ben = Terminal.join(link, '--name', 'ben');
  await Promise.all([ana.keyed(2), ben.keyed()]);
  await ana.says('from here');
  assert.equal((await ben.reads('from here')).name, 'ana');
  await ana.hears('accepted');
  ben.says('from Rust — «ünïcode» 🔥');
  const { author } = await ana.reads('from Rust — «ünïcode» 🔥');
  assert.deepEqual([author.name, author.self, author.verified], ['ben', false, true]);
  assert.deepEqual(await shown.person(ana), shown.terminal(ben));
  ana.room.leave();
  await ben.hears('participant_left', ({ name }) => name === 'ana');
});

test('a room made in Rust is joined from here: the Rust client makes the key, then leaves, and we make it', async () => {
  const ana = Terminal.create(relay.base, '--ttl', '5m', '--name', 'ana');
  const { link } = await ana.hears('created');
  await ana.hears('joined');
  const ben = await Person.join(link, { name: 'ben' });
  await Promise.all([ben.keyed(2), ana.keyed()]);
  ana.says('hello ben');
  await ben.reads('hello ben');
  const cleo = await Person.join(link, { name: 'cleo' });
  await Promise.all([ben.keyed(3), cleo.keyed(3), ana.keyed()]);
  await cleo.says('hello both');
  await Promise.all([ben.reads('hello both'), ana.reads('hello both')]);
  assert.deepEqual(await shown.person(cleo), shown.terminal(ana));
  assert.deepEqual(await shown.person(cleo), await shown.person(ben));
  ana.command({ cmd: 'leave' });
  await Promise.all([ben.hears('participantLeft'), cleo.hears('participantLeft')]);
  await Promise.all([ben.keyed(2), cleo.keyed(2)]);
  await ben.says('just us');
  await cleo.reads('just us');
  for (const one of [ben, cleo]) one.room.leave();
});

test('who comes late reads nothing of what was said before, and everything after', async () => {
  const { link, ana } = await newRoom();
  const ben = Terminal.join(link, '--name', 'ben');
  await Promise.all([ana.keyed(2), ben.keyed()]);
  await ana.says('before');
  await ben.reads('before');
  const [cleo, dora] = [Terminal.join(link, '--name', 'cleo'), await Person.join(link, { name: 'dora' })];
  await Promise.all([ana.keyed(4), dora.keyed(4), cleo.keyed(), ben.keyed()]);
  ben.says('after');
  await Promise.all([ana.reads('after'), cleo.reads('after'), dora.reads('after')]);
  assert.deepEqual([cleo.texts(), dora.texts()], [['after'], ['after']]);
  ana.room.burn();
  await Promise.all([dora.hears('ended', ({ reason }) => reason === 'burned'), ben.hears('burned'), cleo.hears('burned')]);
});

test('with history, who comes late reads it all, here as in Rust', async () => {
  const { link, ana } = await newRoom({ history: true });
  await ana.keyed(1);
  await ana.says('first, alone');
  const ben = Terminal.join(link, '--name', 'ben');
  await Promise.all([ana.keyed(2), ben.keyed()]);
  await ben.hears('history_read', ({ complete }) => complete === true);
  ben.says('second');
  await ana.reads('second');
  const [cleo, dora] = [Terminal.join(link, '--name', 'cleo'), await Person.join(link, { name: 'dora' })];
  await Promise.all([cleo.hears('history_read'), dora.hears('historyRead', ({ complete }) => complete)]);
  assert.deepEqual([cleo.texts(), dora.texts()], [['first, alone', 'second'], ['first, alone', 'second']]);
  assert(dora.heard.all.every((event) => event.type !== 'message' || event.history));
  // What those who have gone said is there as well, under their names.
  ana.room.leave();
  await Promise.all([dora.hears('participantLeft'), cleo.hears('participant_left')]);
  const emil = await Person.join(link, { name: 'emil' });
  const read = await emil.reads('first, alone');
  assert.equal(read.author.name, 'ana');
  await emil.reads('second');
  dora.room.leave();
  emil.room.leave();
});

test('a kicked Rust client is out, the old link is dead, and the new one reaches everybody', async () => {
  const { link, ana } = await newRoom();
  const [ben, cleo] = [Terminal.join(link, '--name', 'ben'), Terminal.join(link, '--name', 'cleo')];
  await Promise.all([ana.keyed(3), ben.keyed(), cleo.keyed()]);
  const kicked = ana.room.participants().find(({ name }) => name === 'ben');
  ana.room.kick(kicked?.id ?? assert.fail());
  await ben.hears('ended', ({ reason }) => reason === 'kicked');
  await ana.hears('linkChanged');
  const changed = await cleo.hears('link_changed');
  assert.equal(changed.link, ana.room.link());
  await assert.rejects(roomInfo(link), { code: 'link_expired' });
  const late = await Person.join(link, { name: 'late' });
  assert.equal((await late.hears('ended')).code, 'link_expired');
  const dora = await Person.join(ana.room.link(), { name: 'dora' });
  await Promise.all([ana.keyed(3), dora.keyed(3), cleo.keyed()]);
  await dora.says('without ben');
  await Promise.all([ana.reads('without ben'), cleo.reads('without ben')]);
  assert(!ben.texts().includes('without ben'));
  ana.room.burn();
  await ana.hears('ended');
});

test('a kick from Rust puts us out, and the new ticket it sends reaches the others', async () => {
  const ana = Terminal.create(relay.base, '--ttl', '5m', '--name', 'ana');
  const { link } = await ana.hears('created');
  await ana.hears('joined');
  const [ben, cleo] = [await Person.join(link, { name: 'ben' }), await Person.join(link, { name: 'cleo' })];
  await Promise.all([ben.keyed(3), cleo.keyed(3), ana.keyed()]);
  const id = cleo.room.participants().find(({ name }) => name === 'ben')?.id;
  ana.command({ cmd: 'kick', id });
  assert.equal((await ben.hears('ended')).reason, 'kicked');
  assert.equal(ben.room.link(), '');
  await cleo.hears('linkExpired');
  await cleo.hears('linkChanged');
  assert.equal((await ana.hears('link_changed')).link, cleo.room.link());
  cleo.room.leave();
});

test('the same PIN lets a second device in as creator, a wrong one does not', async () => {
  const { link, ana, pin } = await newRoom();
  const wrong = await Person.join(link, { name: 'x', pin: pin === 'AAAAAA' ? 'BBBBBB' : 'AAAAAA' });
  const refused = await wrong.hears('ended');
  assert.deepEqual([refused.reason, refused.code, refused.attemptsLeft], ['refused', 'wrong_pin', 2]);
  const second = await Person.join(link, { name: 'phone', pin: `${pin.slice(0, 3).toLowerCase()}-${pin.slice(3)}` });
  assert.equal((await second.hears('joined')).role, 'creator');
  second.room.lock(true);
  await ana.hears('locked', ({ locked }) => locked);
  assert.equal((await roomInfo(link)).locked, true);
  const late = await Person.join(link, { name: 'late' });
  assert.equal((await late.hears('ended')).code, 'room_locked');
  second.room.burn();
  await ana.hears('ended', ({ reason }) => reason === 'burned');
  await assert.rejects(roomInfo(link), { code: 'room_not_found' });
});

test('a full room lets nobody in, and an extension is heard by everyone', async () => {
  const { link, ana } = await newRoom({ capacity: 2 });
  const ben = Terminal.join(link, '--name', 'ben');
  await ana.keyed(2);
  const cleo = await Person.join(link, { name: 'cleo' });
  assert.equal((await cleo.hears('ended')).code, 'room_full');
  assert.deepEqual([(await roomInfo(link)).participants, (await roomInfo(link)).capacity], [2, 2]);
  ana.room.extend(600);
  assert((await ana.hears('extended')).secondsRemaining > 800);
  assert((await ben.hears('extended')).seconds_remaining > 800);
  assert((ana.room.secondsRemaining() ?? 0) > 800);
  // As long as the link allows, and no longer.
  ana.room.extend(1800);
  await ana.hears('extended');
  ana.room.extend(60);
  assert.equal((await ana.hears('refused')).code, 'past_not_after');
  assert.equal(ana.room.settings()?.mayExtend, false);
  ana.room.burn();
  await ben.hears('burned');
});

test('a message with a time of its own burns on both sides once it is read', async () => {
  const { link, ana } = await newRoom();
  const ben = Terminal.join(link, '--name', 'ben');
  await Promise.all([ana.keyed(2), ben.keyed()]);
  const id = await ana.says('for a moment', { burnAfterMs: 300 });
  const read = await ben.reads('for a moment');
  assert.deepEqual([read.id, read.burn_after_ms], [id, 300]);
  ben.command({ cmd: 'read', author: read.from, id });
  assert.equal((await ana.hears('read')).id, id);
  await Promise.all([ana.hears('messageBurned', (event) => event.id === id), ben.hears('message_burned', (event) => event.id === id)]);
  ben.says('and back', { burn_after_ms: 200 });
  const back = await ana.reads('and back');
  ana.room.markRead(back.author.id, back.id);
  await Promise.all([ben.hears('read'), ana.hears('messageBurned', (event) => event.id === back.id)]);
  assert.throws(() => ana.room.markRead(back.author.id, 'AAAAAAAAAAAAAAAAAAAAAA', { tell: false }), { code: 'no_such_message' });
  ana.room.leave();
});

test('who types is seen to type, and to stop', async () => {
  const { link, ana } = await newRoom();
  const ben = Terminal.join(link, '--name', 'ben');
  await Promise.all([ana.keyed(2), ben.keyed()]);
  for (let times = 0; times < 20; times += 1) ana.room.setTyping(true);
  ana.room.setTyping(false);
  await ben.hears('typing', ({ typing }) => typing);
  await ben.hears('typing', ({ typing }) => !typing);
  assert.equal(ben.heard.all.filter(({ event }) => event === 'typing').length, 2);
  ben.command({ cmd: 'typing', typing: true });
  assert.equal((await ana.hears('typing')).typing, true);
  ana.room.leave();
});

test('what was said while a connection was cut is read after it, once and in order', async () => {
  const { link, ana } = await newRoom();
  const ben = Terminal.join(link, '--name', 'ben');
  await Promise.all([ana.keyed(2), ben.keyed()]);
  ana.network.down();
  await ana.hears('reconnecting');
  for (const text of ['one', 'two', 'three']) ben.says(text);
  await ben.hears('accepted');
  for (const text of ['four', 'five']) await ana.says(text);
  ana.network.up = true;
  // What was missed comes before it is resumed.
  await ana.reads('three');
  await ana.hears('resumed');
  await ben.reads('five');
  assert.deepEqual(ana.texts().filter((text) => ['one', 'two', 'three'].includes(text)), ['one', 'two', 'three']);
  assert.deepEqual(ben.texts().filter((text) => ['four', 'five'].includes(text)), ['four', 'five']);
  ana.room.leave();
});

test('a reloaded page takes its own seat back, as somebody new', async () => {
  const { link, ana } = await newRoom({ capacity: 2 });
  const ben = await Person.join(link, { name: 'ben' });
  await Promise.all([ana.keyed(2), ben.keyed(2)]);
  const seatToken = ben.room.seatToken() ?? assert.fail();
  const again = await Person.join(link, { name: 'ben', seatToken });
  await again.hears('joined');
  assert.equal((await ana.hears('participantLeft')).reason, 'replaced');
  assert.equal((await ben.hears('ended')).code, 'displaced');
  await Promise.all([ana.keyed(2), again.keyed(2)]);
  assert.equal(ana.room.participants().at(-1)?.clash, true, 'two of one name have been here');
  await again.says('me again');
  await ana.reads('me again');
  ana.room.leave();
  again.room.leave();
});

test('a fresh link made in Rust replaces the one we show', async () => {
  const ana = Terminal.create(relay.base, '--ttl', '5m', '--name', 'ana');
  const { link } = await ana.hears('created');
  await ana.hears('joined');
  const ben = await Person.join(link, { name: 'ben' });
  await Promise.all([ben.keyed(2), ana.keyed()]);
  ana.command({ cmd: 'renew' });
  await ben.hears('linkChanged');
  assert.notEqual(ben.room.link(), link);
  assert.equal((await roomInfo(ben.room.link())).participants, 2);
  ana.command({ cmd: 'burn' });
  await ben.hears('ended', ({ reason }) => reason === 'burned');
});
