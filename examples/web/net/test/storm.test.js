// Random rooms: people of both implementations talk, come, go, reload, are kicked, and lose their connections all the
// time. Whatever happens, nothing is lost unseen, nothing is shown twice, and in the end everyone sees the same codes.
//
//     BURNCHAT_SEEDS=7,8,9 node --test net/test/storm.test.js

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { Link } from '../../protocol/src/index.js';
import { createRoom } from '../room.js';
import { Cable, Person, shown, startRelay, Terminal } from './programs.js';

const STEPS = 40;
const seeds = (process.env.BURNCHAT_SEEDS ?? '1,2,3').split(',').map(Number);

/** @type {Awaited<ReturnType<typeof startRelay>>} */
let relay;
before(async () => {
  relay = await startRelay();
});
after(async () => {
  for (const terminal of Terminal.all) terminal.end();
  for (const room of rooms) room.leave();
  await relay.stop();
});

/** Those that a test which fails would leave open. @type {Set<import('../room.js').Room>} */
const rooms = new Set();

/** mulberry32 */
function dice(/** @type {number} */ seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One text, from when it was written. @typedef {{ text: string, from: string, readers: string[], rejoins: number }} Written */

/** A person and what can be done to it. */
class Guest {
  constructor(/** @type {Person} */ person) {
    this.person = person;
    rooms.add(person.room);
    /** @type {Written[]} */
    this.written = [];
  }

  get events() {
    return this.person.heard.all;
  }

  get id() {
    return this.person.room.participants().find(({ self }) => self)?.id ?? '';
  }

  get over() {
    return this.events.some(({ type }) => type === 'ended');
  }

  get online() {
    const states = this.events.flatMap((event) => (event.type === 'connection' ? [event.state] : []));
    return states.at(-1) === 'online';
  }

  get rejoins() {
    return this.events.filter(({ type }) => type === 'rejoining').length;
  }

  says(/** @type {string} */ text) {
    const { room } = this.person;
    const readers = room.participants().flatMap(({ id, self, verified }) => (self || !verified ? [] : [id]));
    try {
      room.send(text);
    } catch (error) {
      // Nobody there, or not back yet: said, and known not to be sent.
      assert(['nobody_here', 'not_joined', 'ended'].includes(/** @type {{ code: string }} */ (error).code));
      return;
    }
    this.written.push({ text, from: this.id, readers, rejoins: this.rejoins });
  }
}

for (const seed of seeds) {
  for (const history of [false, true]) {
    test(`storm ${seed}, ${history ? 'with' : 'without'} history`, { timeout: 180_000 }, async () => {
      const cable = await Cable.lay(relay.base);
      try {
        await storm(seed, history, cable);
      } finally {
        cable.close();
      }
    });
  }
}

async function storm(/** @type {number} */ seed, /** @type {boolean} */ history, /** @type {Cable} */ cable) {
  const random = dice(seed * 2 + Number(history));
  const below = (/** @type {number} */ end) => Math.floor(random() * end);
  const pick = (/** @type {any[]} */ list) => list[below(list.length)];
  const { link, creatorToken } = await createRoom(relay.base, { ttlSeconds: 600, history });
  const ana = new Guest(await Person.join(link, { name: 'ana', creatorToken }));
  await ana.person.hears('joined');
  /** @type {Guest[]} */
  const guests = [ana];
  const current = () => guests.filter(({ over }) => !over);
  const join = async (/** @type {import('../room.js').JoinOptions} */ options = {}) => {
    const guest = new Guest(await Person.join(ana.person.room.link(), { name: `guest ${guests.length}`, ...options }));
    guests.push(guest);
    return guest;
  };
  const terminal = Terminal.join(await new Link({ ...(await Link.parse(link)), base: cable.base }).text(), '--name', 'rusty');
  await terminal.hears('joined');
  await join();
  const rustSaid = [];

  for (let step = 0; step < STEPS; step += 1) {
    const guest = pick(current());
    const others = current().filter((one) => one !== ana);
    const what = below(20);
    if (what < 8) guest.says(`${seed}/${step}`);
    else if (what < 10) {
      rustSaid.push(`${seed}/${step} rust`);
      terminal.says(`${seed}/${step} rust`);
    } else if (what < 13) guest.person.network.cut();
    else if (what < 14) cable.cut();
    else if (what < 15) {
      guest.person.network.down();
      setTimeout(() => {
        guest.person.network.up = true;
      }, below(600));
    } else if (what < 17 && current().length < 6) await join();
    else if (what < 18 && others.length > 1) pick(others).person.room.leave();
    else if (what < 19 && others.length > 1) {
      const reloaded = pick(others);
      const seatToken = reloaded.person.room.seatToken() ?? undefined;
      await join(seatToken === undefined ? {} : { seatToken });
    } else if (others.length > 2 && ana.person.room.settings() !== null) {
      const { id } = pick(others);
      if (id !== '') ana.person.room.kick(id);
    }
    if (random() < 0.6) await sleep(below(80));
  }

  // Calm: everyone is back, has the newest key, and is heard by everyone.
  for (const { person } of guests) person.network.up = true;
  for (const guest of current()) {
    const { room } = guest.person;
    await guest.person.heard.until(() => guest.over || room.security() !== 'securing', 'a key');
  }
  const settled = () => {
    const rosters = current().map(({ person }) => person.room.participants().map(({ id }) => id).join());
    const isBack = (/** @type {Guest} */ guest) => guest.online && guest.id !== '' && rosters[0].includes(guest.id);
    return new Set(rosters).size === 1 && current().every((guest) => isBack(guest) && (guest.person.newest() || current().length === 1));
  };
  // A kick that waited for its creator's connection may still come: calm is what lasts.
  for (let [tries, calm] = [0, 0]; calm < 5 && tries < 600; tries += 1) {
    await sleep(100);
    calm = settled() ? calm + 1 : 0;
  }
  assert(settled(), 'everybody sees the same people, and has a key for them');
  await terminal.keyed();
  const last = current().map((guest) => ({ guest, words: `last words of ${guest.id}` }));
  for (const { guest, words } of last) guest.says(words);
  for (const { guest: reader } of last) {
    for (const { guest: writer, words } of last) {
      await reader.person.heard.until(() => reader.person.texts().includes(words), `${words}; over: ${reader.over} ${writer.over}`);
    }
  }
  for (const { words } of last) await terminal.heard.until(() => terminal.texts().includes(words), words);
  for (const guest of current()) {
    const finals = () => guest.events.filter(({ type }) => type === 'accepted' || type === 'unsent' || type === 'unknown').length;
    await guest.person.heard.until(() => finals() >= guest.written.length, 'what became of every text');
  }

  // Agreement.
  const codes = await Promise.all(current().map(({ person }) => shown.person(person)));
  for (const code of codes) assert.deepEqual(code, shown.terminal(terminal));

  for (const guest of guests) {
    const mine = new Set(guest.events.flatMap((event) => (event.type === 'message' && event.author.self ? [event.id] : [])));
    const read = guest.events.flatMap((event) => (event.type === 'message' ? [`${event.author.id} ${event.id}`] : []));
    assert.equal(new Set(read).size, read.length, 'nothing is shown twice');
    const finals = guest.events.flatMap((event) => (event.type === 'accepted' || event.type === 'unsent' || event.type === 'unknown' ? [event.id] : []));
    assert.equal(new Set(finals).size, finals.length, 'what becomes of a text is said once');
    assert(finals.every((id) => mine.has(id)));
    if (!guest.over) assert.equal(finals.length, mine.size, 'and of every text');
    for (const event of guest.events) {
      assert(event.type !== 'ended' || event.code !== 'crypto_failure');
      assert(event.type !== 'fault' || ['bad_wrap', 'history_unavailable'].includes(event.code), JSON.stringify(event));
    }
  }

  // Nothing is lost unseen: who was there when a text was written, and still is, has read it or knows that it lacks one.
  for (const writer of guests) {
    /** @type {Map<string, string>} */
    const idOf = new Map(writer.events.flatMap((event) => (event.type === 'message' && event.author.self ? [/** @type {const} */ ([event.text, event.id])] : [])));
    const accepted = new Set(writer.events.flatMap((event) => (event.type === 'accepted' ? [event.id] : [])));
    for (const { text, from, readers } of writer.written.filter((one) => accepted.has(idOf.get(one.text) ?? ''))) {
      for (const reader of current().filter((guest) => readers.includes(guest.id))) {
        const knows = reader.events.some((event) => (event.type === 'missed' || event.type === 'unreadable') && event.from === from);
        assert(reader.person.texts().includes(text) || knows, `${text} is lost unseen`);
      }
    }
  }
  const rustAccepted = terminal.heard.all.filter(({ event }) => event === 'accepted').length;
  assert(rustAccepted <= rustSaid.length);

  ana.person.room.burn();
  await terminal.hears('burned');
  for (const guest of current()) await guest.person.heard.until(() => guest.over, 'the end');
}
