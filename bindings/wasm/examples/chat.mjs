// A chat in a terminal: `node chat.mjs LINK [NAME]`.
//
// Texts are lines of standard input; `/codes` asks for the codes, `/burn` burns the room, `/quit` or the end of input
// leaves. Exit status 0 after a leave, a kick or a burn, 1 after anything else.

import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';

import { joinRoom } from '../js/room.js';

/** @typedef {import('../js/room.js').Room} Room */
/** @typedef {import('../js/room.js').RoomEvent} RoomEvent */

const [link, name, ...rest] = process.argv.slice(2);
if (link === undefined || rest.length > 0) {
  console.error('usage: node chat.mjs LINK [NAME]');
  process.exit(1);
}

/** A browser's, but for compression: what is encrypted does not compress, and `ws` offers it unless told not to. */
const Socket = /** @type {typeof globalThis.WebSocket} */ (
  /** @type {unknown} */ (
    class extends WebSocket {
      constructor(/** @type {string} */ url, /** @type {string} */ protocol) {
        super(url, protocol, { perMessageDeflate: false });
      }
    }
  )
);

/** What others wrote does not get at the terminal: no control characters, and none that turn the writing round. */
const shown = (/** @type {string} */ text) => text.replace(/[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, '\u{fffd}');
const say = (/** @type {string} */ line) => process.stdout.write(`${line}\n`);
const nameOf = (/** @type {{ name: string | null, label: string }} */ { name, label }) => shown(name ?? label);

/** What was written before there was a seat. @type {string[]} */
let early = [];
let joined = false;
const input = createInterface({ input: process.stdin });

function hear(/** @type {RoomEvent} */ event) {
  switch (event.type) {
    case 'joined':
      joined = true;
      say('* joined');
      for (const line of early) obey(line);
      early = [];
      break;
    case 'keyed':
      say('* keyed');
      break;
    case 'participantJoined':
      say(`* ${nameOf(event.participant)} came`);
      break;
    case 'participantLeft':
      say(`* ${nameOf(event.participant)} left`);
      break;
    case 'message':
      say(`${nameOf(event.author)}: ${shown(event.text)}`);
      if (event.burnAfterMs > 0) room.markRead([{ author: event.author.id, id: event.id }]);
      break;
    case 'accepted':
      say('* sent');
      break;
    case 'unsent':
    case 'unknown':
      console.error(event.type === 'unsent' ? 'not sent' : 'perhaps not sent');
      break;
    case 'refused':
      console.error(`refused: ${event.codeName}`);
      break;
    case 'ended':
      end(event);
      break;
  }
}

function end(/** @type {Extract<RoomEvent, { type: 'ended' }>} */ event) {
  switch (event.reason) {
    case 'expired':
    case 'burned':
    case 'shutdown':
      say('* burned');
      break;
    case 'kicked':
      say('* kicked');
      break;
    case 'left':
      break;
    default:
      say(`* ended: ${event.codeName}`);
      process.exitCode = 1;
  }
  input.close();
  process.stdin.destroy();
}

function obey(/** @type {string} */ line) {
  try {
    if (line === '/codes') {
      const { shortCode, safetyNumber } = room.verification() ?? {};
      if (shortCode !== undefined) say(`* code ${shortCode} ${safetyNumber}`);
    } else if (line === '/burn') room.burn();
    else if (line === '/quit') room.leave();
    else if (line !== '') room.send(line);
  } catch (error) {
    const { codeName } = /** @type {{ codeName?: string }} */ (error);
    if (codeName === undefined) throw error;
    console.error(`not done: ${codeName}`);
  }
}

/** @type {Room} */
let room;
try {
  room = await joinRoom(link, { name }, hear, { WebSocket: Socket });
  input.on('line', (line) => {
    if (joined || line === '/quit') obey(line);
    else early.push(line);
  });
  input.on('close', () => room.leave());
} catch (error) {
  say(`* ended: ${/** @type {{ codeName?: string }} */ (error).codeName ?? 'unknown'}`);
  process.exitCode = 1;
  input.close();
  process.stdin.destroy();
}
