// A room, for a page: everything the pages need of the protocol and the network, and nothing of either's inside.
//
// `createRoom` makes a room at a relay, `roomInfo` asks what there is to know without taking a seat, `joinRoom` takes
// one. A `Room` is one participation in one room: commands go in, one stream of events comes out.

import { Client, fromBase64url, hardEnd, Link, NewRoom, ownName, proposeName, ProtocolError, readRoomInfo, toBase64url } from '../protocol/src/index.js';
import { request, roomPath } from './api.js';
import { clock } from './clock.js';
import { Driver } from './driver.js';

/**
 * The name of an error in the registry (spec section 15), or `unreachable`: the relay cannot be connected to.
 * @typedef {string} Code
 */

/**
 * Somebody in the room, as shown to people. `label` is `name·number·tag`, where the name is that of the sealed name, or
 * `unverified`. Names are what others wrote: isolate them from the text around them (`<bdi>`).
 * @typedef {object} Participant
 * @property {string} id base64url, 22 characters
 * @property {string | null} name null if the entry is not verified (section 5.6)
 * @property {number} number which join of the room it was, from 1
 * @property {string} tag four symbols made from the id
 * @property {string} label
 * @property {'member' | 'creator'} role
 * @property {boolean} verified
 * @property {boolean} clash an earlier participant, present or gone, had the same name
 * @property {boolean} self
 */

/**
 * What may be compared, the same on every screen (section 10).
 * @typedef {object} Verification
 * @property {string} shortCode six hex digits: catches accidents, not attackers
 * @property {{ symbol: string, name: string }[]} emoji sixteen; the name is the English one of the spec
 * @property {string} safetyNumber 60 digits in twelve groups
 * @property {string} qrText what the QR code says
 */

/**
 * @typedef {object} RoomOptions
 * @property {number} ttlSeconds 30 to 259,200
 * @property {number} [capacity] 2 to 256, default 50
 * @property {boolean} [history] newcomers may read what was said before
 * @property {'creator' | 'anyone'} [whoMayBurn] default `creator`
 * @property {number} [notAfter] the hard end, minutes since the Unix epoch; default: 30 minutes after the first end
 */

/**
 * @typedef {object} CreatedRoom
 * @property {string} link
 * @property {string} pin joins as creator from another device; shown once
 * @property {string} creatorToken base64url; give it to `joinRoom`
 * @property {number} secondsRemaining
 * @property {number} expiresAt ms since the Unix epoch, by this device's clock
 */

/**
 * What a relay says of a room to whoever shows the link's ticket.
 * @typedef {object} RoomInfo
 * @property {number} secondsRemaining
 * @property {number} participants
 * @property {number} capacity
 * @property {boolean} locked
 * @property {boolean} history
 * @property {'creator' | 'anyone'} whoMayBurn
 */

/**
 * @typedef {object} JoinOptions
 * @property {string} [name] an invented one if empty
 * @property {string} [pin] joins as creator
 * @property {string} [creatorToken] from `createRoom`
 * @property {string} [seatToken] from an earlier participation of this tab (`Room.seatToken`): takes its seat back
 */

/**
 * How the participation ended. `expired`, `burned` and `shutdown`: the room burned (`expired` also by this device's own
 * clock, and where the room is gone after a break). `refused`: the relay would not let it in, or not back in; `code`
 * says why (`wrong_pin`, `pin_locked`, `room_full`, `room_locked`, `room_not_found`, `link_expired`, …). `failed`:
 * found wrong by this client (`bad_link`, `clock_skew`, `history_mismatch`, `fork`).
 * @typedef {'expired' | 'burned' | 'shutdown' | 'kicked' | 'left' | 'refused' | 'failed'} EndReason
 */

/**
 * Everything that is told, in order.
 *
 * - `connection`: `connecting` until the first answer, `online`, `reconnecting` (a connection is being tried, the seat
 *   is kept), `offline` (the device says that it has no network). `retryAt` is when the next try is made, if one is
 *   waited for.
 * - `security`: whether what is sent now goes out at once. `securing`: it waits for a key. `secured`. `alone`: there is
 *   nobody to send to, `send` throws `nobody_here`.
 * - `joined`: the seat is taken; `participants()` has everyone. Comes again after `rejoining`, under a new id.
 * - `message`: a text, one's own (`author.self`, at once when it is sent) or another's. `history`: it was there before
 *   this client could read. With `burnAfterMs` above zero, call `markRead` when it has been read; `messageBurned` says
 *   when to remove it.
 * - Each text of one's own ends in `accepted` (it is in the room's log), `unsent` (it was not sent, and people it was
 *   not written for have come) or `unknown` (whether it arrived cannot be known): the latter two give it back.
 * - `missed`: messages of somebody are missing. `unreadable`: one cannot be read.
 * - `linkChanged`: show `link()` in place of the old one. `linkExpired`: the link shown no longer admits; the new one
 *   usually follows.
 * - `rejoining`: what was missed is gone (`gap`) or the relay contradicted itself (`fork`); joining as a new participant.
 * - `fault`: something was found wrong, and refused. Most are for a log rather than for people.
 * - `refused`: the relay refused a command.
 * - `ended`: the last event. Everything is wiped, and every method but `on` throws or gives nothing.
 *
 * @typedef {(
 *   | { type: 'connection', state: 'connecting' | 'online' | 'reconnecting' | 'offline', retryAt: number | null }
 *   | { type: 'security', state: 'securing' | 'secured' | 'alone' }
 *   | { type: 'joined', id: string, role: 'member' | 'creator' }
 *   | { type: 'keyed', epoch: string, version: number }
 *   | { type: 'rekeyStalled' }
 *   | { type: 'participantJoined', participant: Participant }
 *   | { type: 'participantLeft', participant: Participant, reason: 'left' | 'timeout' | 'kicked' | 'replaced' }
 *   | { type: 'verificationChanged' }
 *   | { type: 'message', id: string, author: Participant, text: string, sentAt: number, burnAfterMs: number, history: boolean }
 *   | { type: 'accepted', id: string }
 *   | { type: 'unsent', id: string, text: string }
 *   | { type: 'unknown', id: string, text: string }
 *   | { type: 'read', by: string, author: string, id: string }
 *   | { type: 'typing', from: string, typing: boolean }
 *   | { type: 'messageBurned', author: string, id: string }
 *   | { type: 'unreadable', from: string, reason: 'notKeyedYet' | 'unparsable' }
 *   | { type: 'missed', from: string, count: number }
 *   | { type: 'countdown', secondsRemaining: number }
 *   | { type: 'locked', locked: boolean }
 *   | { type: 'extended', secondsRemaining: number }
 *   | { type: 'linkChanged' }
 *   | { type: 'linkExpired' }
 *   | { type: 'historyRead', complete: boolean }
 *   | { type: 'reconnecting' }
 *   | { type: 'resumed' }
 *   | { type: 'rejoining', code: Code }
 *   | { type: 'fault', code: Code, about: string | null }
 *   | { type: 'refused', code: Code, retryAfterMs: number | null, attemptsLeft: number | null }
 *   | { type: 'ended', reason: EndReason, code: Code | null, retryAfterMs: number | null, attemptsLeft: number | null }
 * )} RoomEvent
 */

/** An error with a name of the registry: `code`, and where they apply `retryAfterMs` and `attemptsLeft`. */
export { ProtocolError as RoomError };

/** A name in the form `anonymous-animal-xxxxx`. */
export { proposeName };

/** @returns {import('./driver.js').World} */
const browser = () => ({
  clock,
  WebSocket: globalThis.WebSocket,
  fetch: (input, init) => globalThis.fetch(input, init),
  random: Math.random,
  window: typeof window === 'undefined' ? null : window,
  hasNetwork: () => typeof navigator === 'undefined' || navigator.onLine !== false,
});

/** How far the default hard end lies past the first end, s. */
const SLACK = 1800;
/** How often `typing` is sent at most, ms. */
const TYPING = 4000;

/** Whether this page may use WebCrypto: not over plain http, but for localhost. */
export const isSecureContext = () => globalThis.crypto?.subtle !== undefined;

/**
 * What a link says, as far as a page needs it. Throws a `RoomError` with the name of what is wrong (`link_…`).
 * @param {string} text
 * @returns {Promise<{ base: string, roomId: string, history: boolean, notAfter: number }>} `notAfter` in ms
 */
export async function parseLink(text) {
  const { base, roomId, history, notAfterMs } = await Link.parse(text);
  return { base, roomId: toBase64url(roomId), history, notAfter: notAfterMs };
}

/**
 * A user's own name as it will be sealed. Throws `name_too_long` or `name_not_allowed`.
 * @param {string} name
 * @returns {string}
 */
export const checkName = (name) => ownName(name);

/**
 * Makes a room. Nobody is in it yet. Throws a `RoomError`: `invalid_parameter`, `unreachable`, or what the relay says.
 * @param {string} baseUrl the relay, as it stands before `/r/` in links
 * @param {RoomOptions} options
 * @param {Partial<import('./driver.js').World>} [world] for tests
 * @returns {Promise<CreatedRoom>}
 */
export async function createRoom(baseUrl, options, world) {
  const { clock, fetch } = { ...browser(), ...world };
  const { ttlSeconds, capacity, history, whoMayBurn } = options;
  const notAfter = options.notAfter ?? hardEnd(clock.now(), ttlSeconds, SLACK);
  const room = await NewRoom.draw(baseUrl, { ttlSeconds, notAfter, capacity, history, whoMayBurn });
  const answer = await request(fetch, `${baseUrl}/api/rooms`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: room.request(),
  });
  const { link, creatorToken, pin, secondsRemaining } = await room.answered(answer);
  return {
    link: await link.text(),
    pin,
    creatorToken: toBase64url(creatorToken),
    secondsRemaining,
    expiresAt: clock.now() + secondsRemaining * 1000,
  };
}

/**
 * Asks about a room. Takes no seat, and nobody in the room sees it. Throws a `RoomError`: `room_not_found`,
 * `link_expired`, `unreachable`, `link_…`.
 * @param {string} link
 * @param {Partial<import('./driver.js').World>} [world] for tests
 * @returns {Promise<RoomInfo>}
 */
export async function roomInfo(link, world) {
  const { fetch } = { ...browser(), ...world };
  const parsed = await Link.parse(link);
  const headers = { 'Burnchat-Ticket': toBase64url(parsed.ticket) };
  const answer = await request(fetch, roomPath(parsed), { headers });
  try {
    const { seconds_remaining: secondsRemaining, participants, capacity, locked, history, burn } = readRoomInfo(answer);
    return { secondsRemaining, participants, capacity, locked, history, whoMayBurn: burn };
  } catch {
    throw new ProtocolError('malformed_from_relay');
  }
}

/**
 * Takes a seat. Throws a `RoomError` at once for a malformed link or name; whatever comes later is an event. Events wait
 * for the first listener.
 * @param {string} link
 * @param {JoinOptions} [options]
 * @param {Partial<import('./driver.js').World>} [world] for tests
 * @returns {Promise<Room>}
 */
export async function joinRoom(link, { name, pin, creatorToken, seatToken } = {}, world) {
  const parsed = await Link.parse(link);
  const token = (/** @type {string | undefined} */ text) => {
    if (text === undefined) return undefined;
    const bytes = fromBase64url(text);
    if (bytes?.length !== 32) throw new ProtocolError('invalid_parameter');
    return bytes;
  };
  const tokens = { creatorToken: token(creatorToken), seatToken: token(seatToken) };
  const client = await Client.create(parsed, { name, pin: pin === '' ? undefined : pin, ...tokens });
  return new Room(client, parsed, { ...browser(), ...world });
}

/** One participation in one room. Methods throw a `RoomError`: `ended` after the end, others as said. */
export class Room {
  #client;
  #driver;
  /** @type {Set<(event: RoomEvent) => void>} */ #listeners = new Set();
  /** Until somebody listens. @type {RoomEvent[] | null} */ #early = [];
  /** @type {'securing' | 'secured' | 'alone'} */ #security = 'securing';
  #self = '';
  /** @type {{ typing: boolean, at: number }} */ #typing = { typing: false, at: -Infinity };
  /** Read in this turn, told together. @type {{ author: string, id: string }[]} */ #read = [];

  /**
   * @param {Client} client
   * @param {Link} link
   * @param {import('./driver.js').World} world
   */
  constructor(client, link, world) {
    this.#client = client;
    this.#driver = new Driver(client, { base: link.base, roomId: link.roomId }, world, {
      event: (event) => this.#heard(event),
      reachability: (now) => this.#tell({ type: 'connection', ...now }),
      progress: () => this.#tellSecurity(),
    });
    this.#driver.start();
  }

  /**
   * @param {(event: RoomEvent) => void} listener called for every event from now on, in order
   * @returns {() => void} stops it
   */
  on(listener) {
    this.#listeners.add(listener);
    const early = this.#early ?? [];
    this.#early = null;
    for (const event of early) listener(event);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Writes a text. The `message` event with it comes before this returns. Throws `nobody_here`, `text_empty`,
   * `text_too_long`, `queue_full`, `not_joined`.
   * @param {string} text at most 32,768 bytes of UTF-8
   * @param {{ burnAfterMs?: number }} [options] ms from reading to burning, 0 for none
   * @returns {string} its id
   */
  send(text, { burnAfterMs = 0 } = {}) {
    const now = this.#driver.now();
    // The machine may be joined already while the page has not been told.
    if (this.#self === '' && this.#client.status() !== 'ended') throw new ProtocolError('not_joined');
    const id = this.#client.send(now, text, { burnAfterMs });
    const author = this.#client.participant(this.#self);
    if (author !== null) this.#tell({ type: 'message', id, author, text, sentAt: now, burnAfterMs, history: false });
    this.#typing = { typing: false, at: -Infinity };
    this.#afterInputs();
    return id;
  }

  /**
   * Says that the user is typing, or no longer. Call it as often as you like: it is sent every few seconds at most.
   * @param {boolean} typing
   */
  setTyping(typing) {
    const now = this.#driver.now();
    if (typing ? this.#typing.typing && now < this.#typing.at + TYPING : !this.#typing.typing) return;
    this.#driver.after(this.#client.setTyping(now, typing));
    this.#typing = { typing, at: now };
  }

  /**
   * Says that a message has been read: tells the others if `tell`, and starts its time to burn.
   * @param {string} author participant id
   * @param {string} id message id
   * @param {{ tell?: boolean }} [options] default true
   */
  markRead(author, id, { tell = true } = {}) {
    if (!tell) {
      this.#driver.after(this.#client.markRead(this.#driver.now(), [{ author, id }], { tell }));
      return;
    }
    this.#read.push({ author, id });
    if (this.#read.length > 1) return;
    setTimeout(() => {
      const read = this.#read.splice(0);
      if (this.#client.room() !== null) this.#driver.after(this.#client.markRead(this.#driver.now(), read));
    });
  }

  /**
   * Removes a participant, and renews the link unless told otherwise. Throws `not_creator`.
   * @param {string} id
   * @param {{ renew?: boolean }} [options]
   */
  kick(id, { renew = true } = {}) {
    this.#driver.after(this.#client.kick(this.#driver.now(), id, { renew }));
  }

  /**
   * @param {boolean} locked whether nobody new is let in. Throws `not_creator`
   */
  lock(locked) {
    this.#driver.after(this.#client.lock(this.#driver.now(), locked));
  }

  /** Replaces the link: the old one admits nobody any more. `linkChanged` follows. Throws `not_creator`. */
  renew() {
    this.#driver.after(this.#client.renew(this.#driver.now()));
  }

  /**
   * @param {number} seconds 1 to 1,800. Throws `not_creator`
   */
  extend(seconds) {
    this.#driver.after(this.#client.extend(this.#driver.now(), seconds));
  }

  /** Burns the room now, for everyone. Throws `not_creator` where only creators may. */
  burn() {
    this.#driver.after(this.#client.burn(this.#driver.now()));
  }

  /** Leaves: the seat is free at once, everything is wiped here, and the room goes on. */
  leave() {
    this.#client.leave();
    this.#driver.progress();
  }

  /**
   * Throws `not_joined` before `joined`.
   * @returns {Promise<Verification>}
   */
  async verification() {
    const codes = await this.#client.verification();
    if (codes === null) throw new ProtocolError(this.#client.status() === 'ended' ? 'ended' : 'not_joined');
    return codes;
  }

  /** @returns {Participant[]} in join order; empty before `joined` */
  participants() {
    return this.#client.participants();
  }

  /** @returns {Participant | null} also one that has left */
  participant(/** @type {string} */ id) {
    return this.#client.participant(id);
  }

  /** @returns {string} the newest link this client knows; empty after the end */
  link() {
    return this.#client.link();
  }

  /** @returns {boolean} whether that link admits */
  linkIsCurrent() {
    return this.#client.linkIsCurrent();
  }

  /** @returns {number | null} by this device's own clock, not rounded; null before `joined` */
  secondsRemaining() {
    const endsAt = this.#client.endsAt();
    return endsAt === null ? null : Math.max(0, (endsAt - this.#driver.now()) / 1000);
  }

  /** @returns {{ locked: boolean, capacity: number, whoMayBurn: 'creator' | 'anyone', history: boolean, role: 'member' | 'creator', notAfter: number, mayExtend: boolean } | null} `notAfter` in ms; `mayExtend`: it is a creator's client and the hard end is not reached yet */
  settings() {
    const room = this.#client.room();
    const endsAt = this.#client.endsAt();
    if (room === null || endsAt === null) return null;
    const { locked, capacity, mayBurn: whoMayBurn, history, role, notAfter } = room;
    return { locked, capacity, whoMayBurn, history, role, notAfter, mayExtend: role === 'creator' && endsAt < notAfter };
  }

  /** @returns {string | null} keep it in sessionStorage until `ended`, to take this seat back after a reload; it changes with every `joined` */
  seatToken() {
    const token = this.#client.seatToken();
    return token === null ? null : toBase64url(token);
  }

  /** @returns {'securing' | 'secured' | 'alone'} */
  security() {
    return this.#client.security();
  }

  #afterInputs() {
    this.#driver.after(this.#client.settled());
  }

  #heard(/** @type {import('../protocol/src/index.js').Event} */ event) {
    if (event.type === 'rejoining') this.#self = '';
    if (event.type === 'joined') {
      this.#self = event.id;
      this.#typing = { typing: false, at: -Infinity };
    }
    this.#tell(event);
    if (event.type === 'ended') {
      this.#read = [];
      this.#listeners.clear();
    }
  }

  #tellSecurity() {
    const security = this.#client.security();
    if (this.#client.room() === null || security === this.#security) return;
    this.#security = security;
    this.#tell({ type: 'security', state: security });
  }

  #tell(/** @type {RoomEvent} */ event) {
    if (this.#early !== null) {
      this.#early.push(event);
      return;
    }
    for (const listener of [...this.#listeners]) {
      try {
        listener(event);
      } catch (error) {
        // A page that stumbles over one event is told, and hears the next one.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
