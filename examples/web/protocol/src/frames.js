// Frames: read strictly, written plainly (section 13). Members keep their names on the wire; binary values are bytes.

import { fromBase64url, fromUtf8, toBase64url, utf8 } from './bytes.js';
import { knownCode, ProtocolError } from './errors.js';
import { Digits, parseObject } from './json.js';
import * as limits from './limits.js';

/** @typedef {import('./bytes.js').Bytes} Bytes */
/** @typedef {import('./json.js').Json} Json */

/**
 * @typedef {'member' | 'creator'} Role
 * @typedef {'creator' | 'anyone'} MayBurn
 * @typedef {{ epoch: Bytes, wrapped: Bytes }} Back
 * @typedef {{ kem_pub: Bytes, sig_pub: Bytes, sealed_name: Bytes, join_proof: Bytes, role: Role, number: number }} Entry
 * @typedef {{ epoch: Bytes, n: number, flags: number, iv: Bytes, ciphertext: Bytes, sig: Bytes }} Envelope
 */

/**
 * @typedef {{ type: 'joined', seq: number, version: number, head: Bytes, role: Role, seat_token: Bytes, participants: Entry[], seconds_remaining: number, history: boolean, locked: boolean, capacity: number, burn: MayBurn, ticket_hash: Bytes, last_extended: number }} Joined
 * @typedef {{ type: 'history_end', complete: boolean }} HistoryEnd
 * @typedef {{ type: 'resumed', seq: number, seconds_remaining: number }} Resumed
 * @typedef {{ type: 'participant_joined', seq: number, version: number, participant: Entry, replaces?: Bytes }} ParticipantJoined
 * @typedef {{ type: 'participant_left', seq: number, version: number, id: Bytes, reason: 'left' | 'timeout' | 'kicked' }} ParticipantLeft
 * @typedef {{ type: 'rekey', seq: number, version: number }} Rekey
 * @typedef {{ type: 'session_key', seq: number, version: number, steward: Bytes, roster_hash: Bytes, prev: Bytes, commit: Bytes, sig: Bytes, wrapped: Bytes | null, back?: Back }} KeyFrame
 * @typedef {{ type: 'epoch_end', seq: number, version: number }} EpochEnd
 * @typedef {{ type: 'message', seq: number, sender: Bytes } & Envelope} MessageFrame
 * @typedef {{ type: 'locked', seq: number, locked: boolean }} Locked
 * @typedef {{ type: 'extended', seq: number, seconds_remaining: number }} Extended
 * @typedef {{ type: 'renewed', seq: number, ticket_hash: Bytes }} Renewed
 * @typedef {{ type: 'key_wanted', version: number, head: Bytes }} KeyWanted
 * @typedef {{ type: 'countdown', seconds_remaining: number }} Countdown
 * @typedef {{ type: 'destroyed', reason: 'expired' | 'burned' | 'shutdown' }} Destroyed
 * @typedef {{ type: 'error', code: string, retry_after_ms?: number, attempts_left?: number, epoch?: Bytes, n?: number }} ErrorFrame
 * @typedef {ParticipantJoined | ParticipantLeft | Rekey | KeyFrame | EpochEnd | MessageFrame | Locked | Extended | Renewed} LogEntry
 * @typedef {Joined | HistoryEnd | Resumed | LogEntry | KeyWanted | Countdown | Destroyed | ErrorFrame} RelayFrame
 */

/**
 * @typedef {{ type: 'join', kem_pub: Bytes, sig_pub: Bytes, sealed_name: Bytes, join_proof: Bytes, ticket?: Bytes, pin?: string, creator_token?: Bytes, seat_token?: Bytes }} Join
 * @typedef {{ type: 'session_key', version: number, roster_hash: Bytes, prev: Bytes, commit: Bytes, sig: Bytes, wraps: { id: Bytes, wrapped: Bytes }[], back?: Back }} MadeKeyFrame
 * @typedef {{ type: 'kick', id: Bytes, ticket_hash?: Bytes } | { type: 'lock', locked: boolean } | { type: 'renew', ticket_hash: Bytes } | { type: 'extend', seconds: number, after: number } | { type: 'burn' }} CommandFrame
 * @typedef {Join | { type: 'resume', seat_token: Bytes, seq: number } | MadeKeyFrame | { type: 'key_declined', version: number } | { type: 'need_key', version: number } | ({ type: 'message' } & Envelope) | CommandFrame} ClientFrame
 */

/**
 * A frame from a relay; null for one of a type this version does not know. Throws a `ProtocolError`.
 * @param {string | Bytes} raw
 * @returns {RelayFrame | null}
 */
export const readRelayFrame = (raw) => /** @type {RelayFrame | null} */ (readFrame(raw, limits.FRAME_FROM_RELAY, RELAY));

/**
 * A frame from a client. Throws a `ProtocolError`.
 * @param {string | Bytes} raw
 * @returns {ClientFrame}
 */
export function readClientFrame(raw) {
  const frame = readFrame(raw, limits.FRAME_FROM_CLIENT, CLIENT);
  if (frame === null) throw new ProtocolError('unknown_type');
  return /** @type {ClientFrame} */ (frame);
}

/**
 * The text of a frame, or of the body of a request. What is undefined is left out.
 * @param {object} frame
 */
export const writeFrame = (frame) =>
  JSON.stringify(frame, (_key, /** @type {unknown} */ value) => (value instanceof Uint8Array ? toBase64url(value) : value));

/**
 * @typedef {{ id_seed: Bytes, ticket_hash: Bytes, ttl_seconds: number, not_after: number, capacity: number, history: boolean, burn: MayBurn }} RoomRequest
 * @typedef {{ room_id: Bytes, creator_token: Bytes, pin: string, seconds_remaining: number }} RoomAnswer
 * @typedef {{ seconds_remaining: number, participants: number, capacity: number, locked: boolean, history: boolean, burn: MayBurn }} RoomInfo
 * @typedef {{ code: string, retry_after_ms?: number, attempts_left?: number }} Problem
 */

/** @returns {RoomRequest} the body of `POST /api/rooms` */
export const readRoomRequest = (/** @type {string | Bytes} */ raw) =>
  /** @type {RoomRequest} */ (read(membersOf(raw, limits.FRAME_FROM_CLIENT), ROOM_REQUEST));

/** @returns {RoomAnswer} what it is answered with */
export const readRoomAnswer = (/** @type {string | Bytes} */ raw) =>
  /** @type {RoomAnswer} */ (read(membersOf(raw, limits.FRAME_FROM_RELAY), ROOM_ANSWER));

/** @returns {RoomInfo} what `GET /api/rooms/{room_id}` is answered with */
export const readRoomInfo = (/** @type {string | Bytes} */ raw) =>
  /** @type {RoomInfo} */ (read(membersOf(raw, limits.FRAME_FROM_RELAY), ROOM_INFO));

/** @returns {Problem} the body of a refusal over HTTP */
export const readProblem = (/** @type {string | Bytes} */ raw) =>
  /** @type {Problem} */ (read(membersOf(raw, limits.FRAME_FROM_RELAY), PROBLEM));

// ---- What a member may be. Each rule takes what was parsed, `undefined` for an absent member, and gives what it says.

/** @typedef {(value: Json | undefined) => unknown} Rule */
/** @typedef {Record<string, Rule>} Table */

/** @returns {never} */
const fail = () => {
  throw new ProtocolError('malformed_frame');
};

/** @returns {Rule} */
const bytesBetween = (/** @type {number} */ least, /** @type {number} */ most) => (value) => {
  const decoded = typeof value === 'string' ? fromBase64url(value) : null;
  return decoded !== null && decoded.length >= least && decoded.length <= most ? decoded : fail();
};
const bytes = (/** @type {number} */ length) => bytesBetween(length, length);

/** @returns {Rule} */
const below = (/** @type {number} */ end) => (value) => {
  if (!(value instanceof Digits) || !/^[0-9]{1,16}$/.test(value.text)) return fail();
  return BigInt(value.text) < BigInt(end) ? Number(value.text) : fail();
};
const int = below(limits.INTEGER_END);

/** @type {Rule} */
const bool = (value) => (typeof value === 'boolean' ? value : fail());

/** @returns {Rule} */
const word = (/** @type {string[]} */ ...words) => (value) =>
  typeof value === 'string' && words.includes(value) ? value : fail();

/** @returns {Rule} */
const textUpTo = (/** @type {number} */ most) => (value) =>
  typeof value === 'string' && utf8(value).length <= most ? value : fail();

/** @returns {Rule} */
const list = (/** @type {number} */ most, /** @type {Rule} */ item) => (value) =>
  Array.isArray(value) && value.length <= most ? value.map(item) : fail();

/** @returns {Rule} */
const object = (/** @type {Table} */ table) => (value) => (value instanceof Map ? read(value, table) : fail());

/** @returns {Rule} */
const optional = (/** @type {Rule} */ rule) => (value) => (value === undefined || value === null ? undefined : rule(value));

/** @returns {Rule} */
const orNull = (/** @type {Rule} */ rule) => (value) => (value === null ? null : rule(value));

/** @returns {Rule} */
const byDefault = (/** @type {Rule} */ rule, /** @type {unknown} */ otherwise) => (value) =>
  value === undefined || value === null ? otherwise : rule(value);

const role = word('member', 'creator');
const mayBurn = word('creator', 'anyone');
const n = below(limits.CHAIN);
const back = optional(object({ epoch: bytes(32), wrapped: bytes(40) }));
/** @type {Rule} */
const code = (value) => (typeof value === 'string' ? knownCode(value) : fail());

const envelope = {
  epoch: bytes(32),
  n,
  flags: below(256),
  iv: bytes(12),
  ciphertext: bytesBetween(limits.CIPHERTEXT.min, limits.CIPHERTEXT.max),
  sig: bytes(64),
};
const entry = { kem_pub: bytes(65), sig_pub: bytes(65), sealed_name: bytes(157), join_proof: bytes(32) };

/** @type {Record<string, Table>} */
const RELAY = {
  joined: {
    seq: int,
    version: int,
    head: bytes(32),
    role,
    seat_token: bytes(32),
    participants: list(limits.CAPACITY.max, object({ ...entry, role, number: int })),
    seconds_remaining: int,
    history: bool,
    locked: bool,
    capacity: int,
    burn: mayBurn,
    ticket_hash: bytes(32),
    last_extended: int,
  },
  history_end: { complete: bool },
  resumed: { seq: int, seconds_remaining: int },
  participant_joined: {
    seq: int,
    version: int,
    participant: object({ ...entry, role, number: int }),
    replaces: optional(bytes(16)),
  },
  participant_left: { seq: int, version: int, id: bytes(16), reason: word('left', 'timeout', 'kicked') },
  rekey: { seq: int, version: int },
  session_key: {
    seq: int,
    version: int,
    steward: bytes(16),
    roster_hash: bytes(32),
    prev: bytes(32),
    commit: bytes(32),
    sig: bytes(64),
    wrapped: orNull(bytes(40)),
    back,
  },
  epoch_end: { seq: int, version: int },
  message: { seq: int, sender: bytes(16), ...envelope },
  locked: { seq: int, locked: bool },
  extended: { seq: int, seconds_remaining: int },
  renewed: { seq: int, ticket_hash: bytes(32) },
  key_wanted: { version: int, head: bytes(32) },
  countdown: { seconds_remaining: int },
  destroyed: { reason: word('expired', 'burned', 'shutdown') },
  error: { code, retry_after_ms: optional(int), attempts_left: optional(int), epoch: optional(bytes(32)), n: optional(n) },
};

/** @type {Record<string, Table>} */
const CLIENT = {
  join: {
    ...entry,
    ticket: optional(bytes(16)),
    pin: optional(textUpTo(limits.PIN_TEXT)),
    creator_token: optional(bytes(32)),
    seat_token: optional(bytes(32)),
  },
  resume: { seat_token: bytes(32), seq: int },
  session_key: {
    version: int,
    roster_hash: bytes(32),
    prev: bytes(32),
    commit: bytes(32),
    sig: bytes(64),
    wraps: list(limits.WRAPS, object({ id: bytes(16), wrapped: bytes(40) })),
    back,
  },
  key_declined: { version: int },
  need_key: { version: int },
  message: envelope,
  kick: { id: bytes(16), ticket_hash: optional(bytes(32)) },
  lock: { locked: bool },
  renew: { ticket_hash: bytes(32) },
  extend: { seconds: int, after: int },
  burn: {},
};

/** @type {Table} */
const ROOM_REQUEST = {
  id_seed: bytes(32),
  ticket_hash: bytes(32),
  ttl_seconds: int,
  not_after: below(2 ** 32),
  capacity: byDefault(below(2 ** 16), limits.CAPACITY.default),
  history: byDefault(bool, false),
  burn: byDefault(mayBurn, 'creator'),
};

/** @type {Table} */
const ROOM_ANSWER = { room_id: bytes(16), creator_token: bytes(32), pin: textUpTo(limits.PIN_TEXT), seconds_remaining: int };

/** @type {Table} */
const ROOM_INFO = { seconds_remaining: int, participants: int, capacity: int, locked: bool, history: bool, burn: mayBurn };

/** @type {Table} */
const PROBLEM = { code, retry_after_ms: optional(int), attempts_left: optional(int) };

/**
 * @param {string | Bytes} raw
 * @param {number} limit bytes
 * @param {Record<string, Table>} tables
 * @returns {object | null}
 */
function readFrame(raw, limit, tables) {
  const members = membersOf(raw, limit);
  const type = members.get('type');
  if (typeof type !== 'string') return fail();
  return Object.hasOwn(tables, type) ? { type, ...read(members, tables[type]) } : null;
}

/**
 * @param {string | Bytes} raw
 * @param {number} limit
 */
function membersOf(raw, limit) {
  if (typeof raw === 'string') {
    // A UTF-16 unit is three bytes of UTF-8 at most.
    if (raw.length > limit || (raw.length * 3 > limit && utf8(raw).length > limit)) throw new ProtocolError('frame_too_large');
    return parseObject(raw);
  }
  if (raw.length > limit) throw new ProtocolError('frame_too_large');
  return parseObject(fromUtf8(raw) ?? fail());
}

/**
 * @param {Map<string, Json>} members
 * @param {Table} table
 */
function read(members, table) {
  /** @type {Record<string, unknown>} */
  const found = {};
  for (const [key, rule] of Object.entries(table)) {
    const value = rule(members.get(key));
    if (value !== undefined) found[key] = value;
  }
  return found;
}
