// The machine by itself: what it refuses, what it gives out, and what it leaves in memory.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import initialise from '../dist/burnchat_wasm.js';
import { Client, checkName, codeMeaning, codeName, planRoom, readLink, readProblem, readRoomCreated } from '../js/index.js';

// The same instance as the package's: it is made once.
const { memory } = await initialise({ module_or_path: readFileSync(new URL('../dist/burnchat_wasm_bg.wasm', import.meta.url)) });
const NOW = 1_800_000_000_000;
const bytes = (length, byte) => new Uint8Array(length).fill(byte);
const plan = () => planRoom('https://relay.example', {}, NOW, bytes(32, 7));

test('a room is planned from a seed, and its link says what it is', () => {
  const { request, link } = plan();
  assert.deepEqual(plan(), { request, link });
  assert.notEqual(planRoom('https://relay.example', {}, NOW).link, planRoom('https://relay.example', {}, NOW).link);
  const { id_seed: idSeed, ticket_hash: ticketHash, ...rest } = JSON.parse(request);
  assert.equal(idSeed.length + ticketHash.length, 86);
  assert.equal(rest.ttl_seconds, 600);
  const { base, roomId, history, notAfterMs } = readLink(link);
  assert.deepEqual([base, roomId.length, history], ['https://relay.example', 22, false]);
  assert.equal(notAfterMs % 60_000, 0);
  assert(notAfterMs > NOW + 600_000, 'it can be extended');
});

test('what is no link, name, setting or time is refused with a code', () => {
  const { link } = plan();
  const refused = (work, codeName) => assert.throws(work, (error) => error instanceof Error && error.name === 'BurnchatError' && error.codeName === codeName && error.message.length > 0);
  refused(() => new Client('https://relay.example/'), 'link_not_a_link');
  refused(() => readLink(`${link}AAAA`), 'link_bad_length');
  refused(() => new Client(link, { name: 'x'.repeat(65) }), 'name_too_long');
  refused(() => checkName('\u0007'), 'name_not_allowed');
  assert.equal(checkName('  Ana '.trim()), 'Ana');
  for (const options of [{ seed: bytes(31, 1) }, { seed: 'x' }, { name: 5 }, { creatorToken: bytes(33, 1) }, { seatToken: [1, 2] }]) {
    refused(() => new Client(link, options), 'invalid_parameter');
  }
  for (const settings of [{ capacity: 1 }, { capacity: 70_000 }, { ttlSeconds: 1.5 }, { ttlSeconds: '600' }, { history: 1 }, { whoMayBurn: 'nobody' }]) {
    refused(() => planRoom('https://relay.example', settings, NOW), 'invalid_parameter');
  }
  const client = new Client(link);
  for (const now of [NaN, -1, Infinity, 2 ** 53]) refused(() => client.handleConnected(now), 'invalid_parameter');
  refused(() => client.sendText(NOW, 'too early'), 'not_joined');
  refused(() => client.kick(NOW, 'nobody'), 'invalid_parameter');
  refused(() => client.markRead(NOW, [{ author: 'x', id: 'y' }]), 'invalid_parameter');
  client.free();
  assert.equal(codeName(705), 'ended');
  assert.deepEqual([codeName(12_345), codeMeaning(0.5)], [undefined, undefined]);
});

test('a client asks for a connection, joins on it, and refuses what is no frame without throwing', () => {
  const client = new Client(plan().link, { name: 'ana', seed: bytes(32, 9) });
  assert.deepEqual(client.pollOutput(), { type: 'connect' });
  assert.deepEqual([client.pollOutput(), client.status()], [undefined, 'offline']);
  assert.equal(client.handleConnected(NOW + 0.75), undefined);
  const { type, frame } = client.pollOutput();
  assert.deepEqual([type, JSON.parse(frame).type, client.status()], ['send', 'join', 'joining']);
  const twin = new Client(plan().link, { name: 'ana', seed: bytes(32, 9) });
  twin.pollOutput();
  twin.handleConnected(NOW);
  assert.equal(twin.pollOutput().frame, frame, 'the same seed gives the same keys');
  for (const nonsense of ['', '{', '{"type":"joined"}', '{"type":"countdown","seconds_remaining":1}', '\ud800']) {
    const fault = client.handleFrame(NOW, nonsense);
    assert.equal(codeName(fault.code), fault.codeName);
  }
  assert.equal(client.handleFrame(NOW, '{"type":"from_the_future"}'), undefined);
  assert.deepEqual([client.me(), client.participants(), client.verification(), client.epoch(), client.seatToken()], [undefined, [], undefined, undefined, undefined]);
  client.leave(NOW);
  const told = [];
  for (let output = client.pollOutput(); output !== undefined; output = client.pollOutput()) told.push(output);
  assert.deepEqual(told.at(-1), { type: 'event', event: { type: 'ended', reason: 'left' } });
  assert.deepEqual([client.status(), client.link(), client.pollTimeout()], ['ended', undefined, undefined]);
  assert.throws(() => client.sendText(NOW, 'late'), { codeName: 'ended' });
  client.free();
  twin.free();
  assert.throws(() => client.status(), 'a freed client answers nothing');
});

test("a relay's answers are read, and another room's is not taken", () => {
  const { link } = plan();
  const created = { room_id: readLink(link).roomId, creator_token: 'A'.repeat(43), pin: 'ABC234', seconds_remaining: 600 };
  const answer = readRoomCreated(JSON.stringify(created), link);
  assert.deepEqual(answer, { creatorToken: bytes(32, 0), pin: 'ABC234', secondsRemaining: 600 });
  assert.throws(() => readRoomCreated('{}', link), { codeName: 'malformed_frame' });
  const other = JSON.stringify({ ...created, room_id: 'A'.repeat(22) });
  assert.throws(() => readRoomCreated(other, link), { codeName: 'malformed_from_relay' });
  const problem = readProblem('{"code":"too_many_rooms","status":503,"retry_after_ms":1000}');
  assert.deepEqual([problem.codeName, problem.status, problem.retryAfterMs, problem.attemptsLeft], ['too_many_rooms', 503, 1000, null]);
  assert.equal(readProblem('<html>'), undefined);
});

test("a freed client's link, name and PIN are nowhere in the module's memory", () => {
  const { link } = planRoom('https://relay.example', {}, NOW);
  const fragment = link.split('#').at(-1);
  // The secret on the inside: bytes 6 to 22 (spec section 4).
  const words = ['quetzalcoatl-periwinkle', 'sassafras4711', Buffer.from(fragment, 'base64url').subarray(6, 22)];
  const held = () => [...words, fragment].filter((word) => Buffer.from(memory.buffer).includes(word));
  const client = new Client(link, { name: words[0], pin: words[1] });
  assert.equal(client.link(), link);
  assert.deepEqual(held(), words, 'while it lives they are there, or the search is blind; the text of its link is not');
  client.free();
  assert.deepEqual(held(), []);
});
