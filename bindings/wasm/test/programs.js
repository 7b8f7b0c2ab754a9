// What the tests run against: the real relay, the plain-JS client, the Rust client; and this package's rooms in the same
// shape as those.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { WebSocket } from 'ws';

import { Heard } from '../../../examples/web/net/test/programs.js';
import { createRoom, joinRoom } from '../js/room.js';

export { Cable, Heard, Person, shown, startRelay, Terminal } from '../../../examples/web/net/test/programs.js';

/** @typedef {import('../js/room.js').RoomEvent} RoomEvent */

const target = process.env.CARGO_TARGET_DIR ?? fileURLToPath(new URL('../../../target', import.meta.url));

export function program(/** @type {string} */ name) {
  const path = join(target, 'debug', name);
  if (!existsSync(path)) throw new Error(`${path} is missing`);
  return path;
}

/** Whether the last key is for the last change of the roster. The machine knows of a change before it has told all of it. */
function isNewest(/** @type {{ type: string }[]} */ events) {
  const changes = ['joined', 'participantJoined', 'participantLeft', 'verificationChanged'];
  return events.findLastIndex(({ type }) => type === 'keyed') > events.findLastIndex(({ type }) => changes.includes(type));
}

/** A participant of this package. */
export class Guest {
  /** @type {import('../js/room.js').Room} */ room;
  /** @type {Heard<RoomEvent>} */ heard = new Heard();

  static async join(link, options = {}, world = {}) {
    const guest = new Guest();
    guest.room = await joinRoom(link, options, (event) => guest.heard.push(event), { WebSocket, ...world });
    return guest;
  }

  /** Makes a room and takes its creator's seat. */
  static async host(base, settings = {}) {
    const { link, creatorToken, pin } = await createRoom(base, { ttlSeconds: 300, ...settings });
    const host = await Guest.join(link, { name: 'ana', creatorToken });
    await host.hears('joined', ({ role }) => role === 'creator');
    return { link, pin, host };
  }

  /** The next event of a type that is as wanted. */
  hears(type, isIt = () => true) {
    return this.heard.next((event) => event.type === type && isIt(event), type);
  }

  reads(text) {
    return this.hears('message', (event) => event.text === text);
  }

  /** Until so many are there and the newest roster has a key. */
  keyed(people) {
    return this.heard.until(() => this.room.participants().length === people && isNewest(this.heard.all), `a key for ${people}`);
  }

  idOf(name) {
    return this.room.participants().find((one) => one.name === name)?.id;
  }

  codes() {
    const { shortCode, emoji, safetyNumber, qrText } = this.room.verification();
    return { short: shortCode, emoji: emoji.map(({ symbol }) => symbol).join(''), number: safetyNumber, qr: qrText };
  }
}
