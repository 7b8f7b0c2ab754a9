// Rooms on a real relay: this package with the plain-JS client and with the Rust client.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { createRoom } from '../js/room.js';
import { codeName } from '../js/index.js';
import { Cable, Guest, Person, shown, startRelay, Terminal } from './programs.js';

/** @type {Awaited<ReturnType<typeof startRelay>>} */
let relay;
before(async () => {
  relay = await startRelay();
});
after(async () => {
  for (const terminal of Terminal.all) terminal.end();
  await relay.stop();
});

test('three implementations talk in one room, see the same codes, and burn with it', async () => {
  const { link, host } = await Guest.host(relay.base);
  const [ben, cleo] = [await Person.join(link, { name: 'ben' }), Terminal.join(link, '--name', 'cleo')];
  await Promise.all([host.keyed(3), ben.keyed(3), cleo.keyed()]);
  const id = host.room.send('from WebAssembly — «ünïcode» 🔥');
  assert.equal((await ben.reads('from WebAssembly — «ünïcode» 🔥')).id, id);
  await cleo.reads('from WebAssembly — «ünïcode» 🔥');
  assert.equal((await host.hears('accepted')).id, id);
  await ben.says('from plain JavaScript');
  const { author, history, burnAfterMs } = await host.reads('from plain JavaScript');
  assert.deepEqual([author.name, author.self, author.verified, history, burnAfterMs], ['ben', false, true, false, 0]);
  cleo.says('from Rust');
  await host.reads('from Rust');
  const codes = host.codes();
  assert.match(codes.number, /^(\d{5}\s){11}\d{5}$/);
  assert.deepEqual([await shown.person(ben), shown.terminal(cleo)], [codes, codes]);
  host.room.burn();
  await Promise.all([host.hears('ended', ({ reason }) => reason === 'burned'), ben.hears('ended', ({ reason }) => reason === 'burned'), cleo.hears('burned')]);
});

test('whoever is kicked is out, and the new link reaches the others', async () => {
  const { link, host } = await Guest.host(relay.base);
  const [ben, cleo] = [await Person.join(link, { name: 'ben' }), await Guest.join(link, { name: 'cleo' })];
  await Promise.all([host.keyed(3), ben.keyed(3), cleo.keyed(3)]);
  host.room.kick(host.idOf('ben'));
  assert.equal((await ben.hears('ended')).reason, 'kicked');
  await Promise.all([host.hears('linkChanged'), cleo.hears('linkChanged')]);
  assert.notEqual(cleo.room.link(), link);
  assert.equal(cleo.room.link(), host.room.link());
  const late = await Guest.join(link, { name: 'late' });
  const refused = await late.hears('ended');
  assert.deepEqual([refused.reason, refused.codeName, codeName(refused.code)], ['refused', 'link_expired', 'link_expired']);
  await Promise.all([host.keyed(2), cleo.keyed(2)]);
  cleo.room.send('without ben');
  await host.reads('without ben');
  assert(!ben.texts().includes('without ben'));
  host.room.burn();
  await cleo.hears('ended');
});

test('the Rust client kicks us, and the room goes on without us', async () => {
  const ana = Terminal.create(relay.base, '--ttl', '5m', '--name', 'ana');
  const { link } = await ana.hears('created');
  const [ben, cleo] = [await Guest.join(link, { name: 'ben' }), await Person.join(link, { name: 'cleo' })];
  await Promise.all([ben.keyed(3), cleo.keyed(3), ana.keyed()]);
  ana.command({ cmd: 'kick', id: ben.idOf('ben') });
  assert.equal((await ben.hears('ended')).reason, 'kicked');
  assert.equal(ben.room.link(), undefined);
  assert.throws(() => ben.room.send('still here?'), { name: 'BurnchatError', codeName: 'ended', code: 705 });
  assert.equal(codeName(705), 'ended');
  await cleo.hears('participantLeft', ({ reason }) => reason === 'kicked');
  cleo.room.leave();
});

test('a connection that breaks is made again, and what was said meanwhile arrives in order', async () => {
  const cable = await Cable.lay(relay.base);
  try {
    const { link, host } = await Guest.host(relay.base);
    const ben = await Guest.join(link.replace(relay.base, cable.base), { name: 'ben' });
    await Promise.all([host.keyed(2), ben.keyed(2)]);
    cable.cut();
    await ben.hears('reconnecting');
    host.room.send('one');
    host.room.send('two');
    const mine = ben.room.send('from afar');
    await ben.reads('one');
    await ben.reads('two');
    await ben.hears('resumed');
    assert.equal((await ben.hears('accepted')).id, mine);
    await host.reads('from afar');
    ben.room.leave();
    assert.equal((await host.hears('participantLeft')).reason, 'left');
    host.room.burn();
    await host.hears('ended');
  } finally {
    cable.close();
  }
});

test('with history, who comes late reads what was said before', async () => {
  const { link, host } = await Guest.host(relay.base, { history: true });
  await host.keyed(1);
  host.room.send('first, alone');
  await host.hears('accepted');
  const ben = await Person.join(link, { name: 'ben' });
  await ben.reads('first, alone');
  const cleo = await Guest.join(link, { name: 'cleo' });
  assert.equal((await cleo.reads('first, alone')).history, true);
  assert.equal((await cleo.hears('historyRead')).complete, true);
  host.room.burn();
  await Promise.all([ben.hears('ended'), cleo.hears('ended')]);
});

test('a text with a time of its own burns on both sides once it is read', async () => {
  const { link, host } = await Guest.host(relay.base);
  const ben = await Person.join(link, { name: 'ben' });
  await Promise.all([host.keyed(2), ben.keyed(2)]);
  await ben.says('for a moment', { burnAfterMs: 200 });
  const { id, author, burnAfterMs } = await host.reads('for a moment');
  assert.equal(burnAfterMs, 200);
  host.room.markRead([{ author: author.id, id }]);
  assert.equal((await ben.hears('read')).id, id);
  await Promise.all([host.hears('messageBurned', (event) => event.id === id), ben.hears('messageBurned', (event) => event.id === id)]);
  host.room.setTyping(true);
  assert.equal((await ben.hears('typing')).typing, true);
  host.room.burn();
  await ben.hears('ended');
});

test('the PIN makes a creator, a locked room lets nobody in, and what is out of range is refused', async () => {
  const { link, host, pin } = await Guest.host(relay.base);
  const phone = await Guest.join(link, { name: 'phone', pin });
  assert.equal((await phone.hears('joined')).role, 'creator');
  phone.room.lock(true);
  await host.hears('locked', ({ locked }) => locked);
  assert.deepEqual(host.room.settings(), { capacity: 50, whoMayBurn: 'creator', locked: true });
  const late = await Guest.join(link, { name: 'late' });
  assert.equal((await late.hears('ended')).codeName, 'room_locked');
  assert.throws(() => phone.room.extend(0), { codeName: 'invalid_parameter' });
  phone.room.extend(60);
  assert((await host.hears('extended')).secondsRemaining > 300);
  await assert.rejects(createRoom(relay.base, { ttlSeconds: 5 }), { codeName: 'invalid_parameter' });
  phone.room.burn();
  await host.hears('ended');
});
