// Making a room (section 11.1).

import { H, randomBytes } from './crypto.js';
import { ProtocolError } from './errors.js';
import { readRoomAnswer, writeFrame } from './frames.js';
import * as limits from './limits.js';
import { isBase, Link, roomIdOf } from './link.js';
import { equal, wipe } from './bytes.js';

/** @typedef {import('./bytes.js').Bytes} Bytes */

/**
 * @typedef {object} RoomOptions
 * @property {number} ttlSeconds 30 to 259,200
 * @property {number} notAfter the hard end, minutes since the Unix epoch
 * @property {number} [capacity] 2 to 256, default 50
 * @property {boolean} [history]
 * @property {'creator' | 'anyone'} [whoMayBurn] default `creator`
 */

/**
 * The hard end of a room that may be extended by so much: in whole minutes, with one more for the difference between this
 * clock and the relay's, and within 24 h of the first end by either (section 4).
 * @param {number} now ms since the Unix epoch
 * @param {number} ttlSeconds
 * @param {number} extendSeconds
 * @returns {number} minutes since the Unix epoch
 */
export function hardEnd(now, ttlSeconds, extendSeconds) {
  const after = (/** @type {number} */ seconds) => (now / 1000 + ttlSeconds + seconds) / 60;
  return Math.min(Math.ceil(after(extendSeconds)) + 1, Math.floor(after(limits.NOT_AFTER_SLACK_SECONDS)) - 1);
}

/** A room that is being made. */
export class NewRoom {
  #link;
  #request;

  /**
   * @param {Link} link
   * @param {string} request
   */
  constructor(link, request) {
    this.#link = link;
    this.#request = request;
  }

  /**
   * Throws `invalid_parameter`.
   * @param {string} base what stands before `/r/` in the link
   * @param {RoomOptions} options
   */
  static async draw(base, { ttlSeconds, notAfter, capacity = limits.CAPACITY.default, history = false, whoMayBurn = 'creator' }) {
    const inside = (/** @type {number} */ value, /** @type {{ min: number, max: number }} */ { min, max }) =>
      Number.isInteger(value) && value >= min && value <= max;
    const allowed =
      isBase(base) &&
      inside(ttlSeconds, limits.TTL_SECONDS) &&
      inside(capacity, limits.CAPACITY) &&
      inside(notAfter, { min: 0, max: 2 ** 32 - 1 });
    if (!allowed) throw new ProtocolError('invalid_parameter');
    const idSeed = randomBytes(32);
    const link = new Link({ base, roomId: await roomIdOf(idSeed), history, notAfter, secret: randomBytes(16), ticket: randomBytes(16) });
    const request = {
      id_seed: idSeed,
      ticket_hash: await H(link.ticket),
      ttl_seconds: ttlSeconds,
      not_after: notAfter,
      capacity,
      history,
      burn: whoMayBurn,
    };
    const text = writeFrame(request);
    wipe(idSeed);
    return new NewRoom(link, text);
  }

  /** The body of `POST /api/rooms`. */
  request() {
    return this.#request;
  }

  /**
   * The room, once the relay has answered. Throws `malformed_from_relay`.
   * @param {string} text the body of the answer
   * @returns {Promise<{ link: Link, creatorToken: Bytes, pin: string, secondsRemaining: number }>}
   */
  async answered(text) {
    let answer;
    try {
      answer = readRoomAnswer(text);
    } catch {
      throw new ProtocolError('malformed_from_relay');
    }
    if (!equal(answer.room_id, this.#link.roomId)) throw new ProtocolError('malformed_from_relay');
    this.#request = '';
    const { creator_token: creatorToken, pin, seconds_remaining: secondsRemaining } = answer;
    return { link: this.#link, creatorToken, pin, secondsRemaining };
  }
}
