// Commands: one JSON object a line (spec/shim.md, section 3).

import { ProtocolError } from '../protocol/src/errors.js';
import { Digits, parseObject } from '../protocol/src/json.js';

/** @typedef {import('../protocol/src/json.js').Json} Json */

/**
 * @typedef {(
 *   | { cmd: 'send', text: string, burnAfterMs: number }
 *   | { cmd: 'read', author: string, id: string }
 *   | { cmd: 'typing', typing: boolean }
 *   | { cmd: 'kick', id: string, renew: boolean }
 *   | { cmd: 'lock', locked: boolean }
 *   | { cmd: 'extend', seconds: number }
 *   | { cmd: 'clock', advanceMs: number }
 *   | { cmd: 'renew' | 'burn' | 'verify' | 'who' | 'link' | 'leave' }
 * )} Command
 */

/** A command that can't be obeyed, and which one it is where that is known. */
export class Refused extends Error {
  /**
   * @param {string} code
   * @param {string} [cmd]
   */
  constructor(code, cmd) {
    super(code);
    this.code = code;
    this.cmd = cmd;
  }
}

/**
 * Throws a `Refused`.
 * @param {string} line
 * @returns {Command}
 */
export function parseCommand(line) {
  const members = membersOf(line);
  // Half of a surrogate pair is no text: it has no UTF-8.
  const string = (/** @type {string} */ key) => of(members.get(key), (value) => typeof value === 'string' && !/\p{Cs}/u.test(value));
  const boolean = (/** @type {string} */ key) => of(members.get(key), (value) => typeof value === 'boolean');
  const integer = (/** @type {string} */ key) => {
    const digits = of(members.get(key), (value) => value instanceof Digits && /^-?[0-9]+$/.test(value.text));
    return digits instanceof Digits ? Number(digits.text) : undefined;
  };
  // Members of the wrong type are wrong in any command.
  const found = {
    text: string('text'),
    author: string('author'),
    id: string('id'),
    typing: boolean('typing'),
    renew: boolean('renew'),
    locked: boolean('locked'),
    seconds: integer('seconds'),
    burnAfterMs: integer('burn_after_ms'),
    advanceMs: integer('advance_ms'),
  };
  const cmd = string('cmd');
  if (cmd === undefined) throw new Refused('malformed_frame');
  const need = (/** @type {keyof typeof found} */ key) => {
    if (found[key] === undefined) throw new Refused('invalid_parameter', String(cmd));
  };
  const id = (/** @type {'id' | 'author'} */ key) => {
    need(key);
    if (!/^[A-Za-z0-9_-]{21}[AQgw]$/.test(String(found[key]))) throw new Refused('invalid_parameter', String(cmd));
  };
  const within = (/** @type {'burnAfterMs' | 'seconds' | 'advanceMs'} */ key, /** @type {number} */ least, /** @type {number} */ most) => {
    const value = found[key];
    if (value === undefined || value < least || value > most) throw new Refused('invalid_parameter', String(cmd));
  };
  switch (cmd) {
    case 'send':
      need('text');
      found.burnAfterMs ??= 0;
      within('burnAfterMs', 0, 2 ** 32 - 1);
      break;
    case 'read':
      id('author');
      id('id');
      break;
    case 'kick':
      id('id');
      found.renew ??= true;
      break;
    case 'typing':
    case 'lock':
      need(cmd === 'lock' ? 'locked' : 'typing');
      break;
    case 'extend':
      within('seconds', 1, 1800);
      break;
    case 'clock':
      within('advanceMs', 0, 2 ** 31 - 1);
      break;
    case 'renew':
    case 'burn':
    case 'verify':
    case 'who':
    case 'link':
    case 'leave':
      break;
    default:
      throw new Refused('unknown_type');
  }
  return /** @type {Command} */ (/** @type {unknown} */ ({ cmd, ...found }));
}

function membersOf(/** @type {string} */ line) {
  try {
    return parseObject(line);
  } catch (error) {
    if (error instanceof ProtocolError) throw new Refused('malformed_frame');
    throw error;
  }
}

/**
 * A member that may be left out or null, and is of another type than it should at no time.
 * @param {Json | undefined} value
 * @param {(value: Json) => boolean} isOne
 * @returns {any}
 */
function of(value, isOne) {
  if (value === undefined || value === null) return undefined;
  if (!isOne(value)) throw new Refused('malformed_frame');
  return value;
}
