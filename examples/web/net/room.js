// A room, for a page: everything the pages need of the protocol and the network, and nothing of either's inside.
//
// `createRoom` makes a room at a relay, `roomInfo` asks what there is to know without taking a seat, `joinRoom` takes
// one. A `Room` is one participation in one room: commands go in, one stream of events comes out.

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

/** An error with a name of the registry. The message is for developers, and holds nothing secret. */
export class RoomError extends Error {
  /**
   * @param {Code} code
   * @param {{ retryAfterMs?: number | null, attemptsLeft?: number | null }} [more]
   */
  constructor(code, { retryAfterMs = null, attemptsLeft = null } = {}) {
    super(code);
    this.name = 'RoomError';
    this.code = code;
    this.retryAfterMs = retryAfterMs;
    this.attemptsLeft = attemptsLeft;
  }
}

/** @type {(...args: unknown[]) => never} */
const notThereYet = () => {
  throw new Error('not there yet');
};

/** Whether this page may use WebCrypto: not over plain http, but for localhost. */
export const isSecureContext = () => globalThis.crypto?.subtle !== undefined;

/**
 * What a link says, as far as a page needs it. Throws a `RoomError` with the name of what is wrong (`link_…`).
 * @param {string} text
 * @returns {Promise<{ base: string, roomId: string, history: boolean, notAfter: number }>} `notAfter` in ms
 */
export async function parseLink(text) {
  return notThereYet(text);
}

/** A name in the form `anonymous-animal-xxxxx`. */
export function proposeName() {
  return notThereYet();
}

/**
 * A user's own name as it will be sealed. Throws `name_too_long` or `name_not_allowed`.
 * @param {string} name
 * @returns {string}
 */
export function checkName(name) {
  return notThereYet(name);
}

/**
 * Makes a room. Nobody is in it yet.
 * @param {string} baseUrl the relay, as it stands before `/r/` in links
 * @param {RoomOptions} options
 * @returns {Promise<CreatedRoom>}
 */
export async function createRoom(baseUrl, options) {
  return notThereYet(baseUrl, options);
}

/**
 * Asks about a room. Takes no seat, and nobody in the room sees it.
 * @param {string} link
 * @returns {Promise<RoomInfo>}
 */
export async function roomInfo(link) {
  return notThereYet(link);
}

/**
 * Takes a seat. Throws a `RoomError` at once for a malformed link or name; whatever comes later is an event. Events wait
 * for the first listener.
 * @param {string} link
 * @param {JoinOptions} [options]
 * @returns {Promise<Room>}
 */
export async function joinRoom(link, options) {
  return notThereYet(link, options);
}

/** One participation in one room. Methods throw a `RoomError`: `ended` after the end, others as said. */
export class Room {
  /**
   * @param {(event: RoomEvent) => void} listener called for every event from now on, in order
   * @returns {() => void} stops it
   */
  on(listener) {
    return notThereYet(listener);
  }

  /**
   * Writes a text. The `message` event with it comes before this returns. Throws `nobody_here`, `text_empty`,
   * `text_too_long`, `queue_full`, `not_joined`.
   * @param {string} text at most 32,768 bytes of UTF-8
   * @param {{ burnAfterMs?: number }} [options] ms from reading to burning, 0 for none
   * @returns {string} its id
   */
  send(text, options) {
    return notThereYet(text, options);
  }

  /**
   * Says that the user is typing, or no longer. Call it as often as you like: it is sent every few seconds at most.
   * @param {boolean} typing
   */
  setTyping(typing) {
    return notThereYet(typing);
  }

  /**
   * Says that a message has been read: tells the others if `tell`, and starts its time to burn.
   * @param {string} author participant id
   * @param {string} id message id
   * @param {{ tell?: boolean }} [options] default true
   */
  markRead(author, id, options) {
    return notThereYet(author, id, options);
  }

  /**
   * Removes a participant, and renews the link unless told otherwise. Throws `not_creator`.
   * @param {string} id
   * @param {{ renew?: boolean }} [options]
   */
  kick(id, options) {
    return notThereYet(id, options);
  }

  /**
   * @param {boolean} locked whether nobody new is let in. Throws `not_creator`
   */
  lock(locked) {
    return notThereYet(locked);
  }

  /** Replaces the link: the old one admits nobody any more. `linkChanged` follows. Throws `not_creator`. */
  renew() {
    return notThereYet();
  }

  /**
   * @param {number} seconds 1 to 1,800. Throws `not_creator`
   */
  extend(seconds) {
    return notThereYet(seconds);
  }

  /** Burns the room now, for everyone. Throws `not_creator` where only creators may. */
  burn() {
    return notThereYet();
  }

  /** Leaves: the seat is free at once, everything is wiped here, and the room goes on. */
  leave() {
    return notThereYet();
  }

  /** @returns {Promise<Verification>} */
  async verification() {
    return notThereYet();
  }

  /** @returns {Participant[]} in join order; empty before `joined` */
  participants() {
    return notThereYet();
  }

  /** @returns {Participant | null} also one that has left */
  participant(/** @type {string} */ id) {
    return notThereYet(id);
  }

  /** @returns {string} the newest link this client knows */
  link() {
    return notThereYet();
  }

  /** @returns {boolean} whether that link admits */
  linkIsCurrent() {
    return notThereYet();
  }

  /** @returns {number | null} by this device's own clock, not rounded; null before `joined` */
  secondsRemaining() {
    return notThereYet();
  }

  /** @returns {{ locked: boolean, capacity: number, whoMayBurn: 'creator' | 'anyone', history: boolean, role: 'member' | 'creator', notAfter: number, mayExtend: boolean } | null} */
  settings() {
    return notThereYet();
  }

  /** @returns {string | null} keep it in sessionStorage until `ended`, to take this seat back after a reload; it changes with every `joined` */
  seatToken() {
    return notThereYet();
  }

  /** @returns {'securing' | 'secured' | 'alone'} */
  security() {
    return notThereYet();
  }
}
