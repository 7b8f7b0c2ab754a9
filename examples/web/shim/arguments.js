// The command line (spec/shim.md, section 1).

import { checkName } from '../net/room.js';

/** What can't be understood on the command line. */
export class Usage extends Error {}

/**
 * @typedef {{ command: 'create', relay: string, name: string | undefined, ttlSeconds: number, extendSeconds: number, capacity: number, history: boolean, whoMayBurn: 'creator' | 'anyone' }} Create
 * @typedef {{ command: 'join', link: string, name: string | undefined, pin: string | undefined }} Join
 * @typedef {Create | Join} Participation
 */

/**
 * @param {string[]} given
 * @returns {Participation | { command: 'compute' }}
 */
export function parseArguments(given) {
  const [command, ...rest] = given.filter((argument) => argument !== '--json');
  if (rest.length === given.length - 1) throw new Usage('only --json is implemented');
  switch (command) {
    case 'create': {
      const { options, flags, others } = read(rest, ['relay', 'ttl', 'extend', 'capacity', 'name'], ['history', 'anyone-may-burn']);
      const { relay, ttl = '10m', extend = '30m', capacity = '50' } = options;
      if (relay === undefined || others.length > 0) throw new Usage('--relay URL is wanted');
      if (!/^[0-9]{1,5}$/.test(capacity)) throw new Usage('--capacity is a number');
      return {
        command,
        relay,
        name: nameOf(options.name),
        ttlSeconds: seconds(ttl),
        extendSeconds: seconds(extend),
        capacity: Number(capacity),
        history: flags.has('history'),
        whoMayBurn: flags.has('anyone-may-burn') ? 'anyone' : 'creator',
      };
    }
    case 'join': {
      const { options, others } = read(rest, ['pin', 'name'], []);
      if (others.length !== 1) throw new Usage('one link is wanted');
      return { command, link: others[0], name: nameOf(options.name), pin: options.pin };
    }
    case 'compute':
      if (rest.length > 0) throw new Usage('compute takes no arguments');
      return { command };
    default:
      throw new Usage('create, join or compute is wanted');
  }
}

/**
 * @param {string[]} given
 * @param {string[]} names of options with a value
 * @param {string[]} switches
 */
function read(given, names, switches) {
  /** @type {Record<string, string | undefined>} */
  const options = {};
  const flags = new Set();
  const others = [];
  for (let at = 0; at < given.length; at += 1) {
    const [option, joined] = given[at].startsWith('--') ? splitAt(given[at].slice(2)) : [null, null];
    if (option === null) others.push(given[at]);
    else if (switches.includes(option) && joined === null) flags.add(option);
    else if (names.includes(option)) {
      const value = joined ?? given[(at += 1)];
      if (value === undefined || options[option] !== undefined) throw new Usage(`--${option} wants one value`);
      options[option] = value;
    } else throw new Usage(`--${option} is not known`);
  }
  return { options, flags, others };
}

/** @returns {[string, string | null]} */
function splitAt(/** @type {string} */ text) {
  const at = text.indexOf('=');
  return at < 0 ? [text, null] : [text.slice(0, at), text.slice(at + 1)];
}

function nameOf(/** @type {string | undefined} */ text) {
  if (text === undefined) return undefined;
  try {
    return checkName(text);
  } catch {
    throw new Usage('that name is not allowed');
  }
}

/** `90`, `45s`, `1h30m`. */
function seconds(/** @type {string} */ text) {
  const units = { s: 1, m: 60, h: 3600, d: 86_400 };
  if (!/^([0-9]{1,9}[smhd])*([0-9]{1,9})?$/.test(text) || text === '') throw new Usage('a time such as 45s, 10m or 1h30m is wanted');
  return [...text.matchAll(/([0-9]+)([smhd]?)/g)].reduce(
    (sum, [, number, unit]) => sum + Number(number) * units[/** @type {'s'} */ (unit || 's')],
    0,
  );
}
