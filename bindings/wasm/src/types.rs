//! The shapes of the plain objects, for TypeScript. `test/types.ts` uses every one of them.

use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** What is thrown: `code` is a number of the registry of the spec's section 15, `codeName` its name. */
export interface BurnchatError extends Error {
  name: 'BurnchatError';
  code: number;
  codeName: string;
}

/** What was wrong with something that came from the relay. */
export interface Fault {
  code: number;
  codeName: string;
}

export type Role = 'member' | 'creator';
export type Status = 'offline' | 'joining' | 'joined' | 'away' | 'resuming' | 'ended';

export interface JoinOptions {
  /** To show to the others, 1 to 64 bytes; without one the client invents one. */
  name?: string;
  /** To join as creator. */
  pin?: string;
  /** 32 bytes, for the client that made the room. */
  creatorToken?: Uint8Array;
  /** 32 bytes, of a seat held before. */
  seatToken?: Uint8Array;
  /** 32 random bytes that nobody has used before. Without them randomness comes from `crypto.getRandomValues`. */
  seed?: Uint8Array;
}

export interface RoomSettings {
  /** 30 to 259,200; 600 if absent. */
  ttlSeconds?: number;
  /** How much longer it may be made to live: at most 86,400; 1,800 if absent. */
  extensionSeconds?: number;
  /** Seats, 2 to 256; 50 if absent. */
  capacity?: number;
  /** Whether those who join later can read what was said before. */
  history?: boolean;
  /** `creator` if absent. */
  whoMayBurn?: 'creator' | 'anyone';
}

export interface RoomPlan {
  /** The body of `POST <base>/api/rooms`. */
  request: string;
  /** A secret. */
  link: string;
}

export interface RoomCreated {
  /** 32 bytes. */
  creatorToken: Uint8Array;
  /** For the creator's other devices; given once. */
  pin: string;
  secondsRemaining: number;
}

export interface Problem {
  code: number;
  codeName: string;
  /** The HTTP status, as the body states it. */
  status: number;
  retryAfterMs: number | null;
  attemptsLeft: number | null;
}

export interface LinkParts {
  /** The relay's URL, as it stands before `/r/`. */
  base: string;
  /** base64url. */
  roomId: string;
  history: boolean;
  notAfterMs: number;
}

export interface Me {
  id: string;
  role: Role;
}

export interface Epoch {
  /** The roster's version. */
  version: number;
  id: string;
}

export interface Room {
  capacity: number;
  whoMayBurn: 'creator' | 'anyone';
  locked: boolean;
}

/** Somebody in the room, as shown to people. Names are what others wrote: isolate them from the text around them. */
export interface Participant {
  id: string;
  /** Null if its entry is not verified (spec section 5.6). */
  name: string | null;
  /** Which join of the room it was, from 1. */
  number: number;
  /** Four symbols made from the id. */
  tag: string;
  /** `name·number·tag`: what to show. */
  label: string;
  role: Role;
  verified: boolean;
  /** An earlier participant, present or gone, had the same name. */
  clash: boolean;
  self: boolean;
}

/** What people compare, the same on every screen (spec section 10). */
export interface Verification {
  /** Six hex digits: they catch accidents, not attackers. */
  shortCode: string;
  /** Sixteen. */
  emoji: { symbol: string; name: string }[];
  /** Sixty digits in groups of five. */
  safetyNumber: string;
  /** What a QR code of it holds. */
  qrText: string;
}

export interface ReadMessage {
  author: string;
  id: string;
}

/** One thing to do, or to know. */
export type Output =
  /** Open a WebSocket to the room's relay, then call `handleConnected`. How soon is the caller's to decide. */
  | { type: 'connect' }
  /** Send `frame`, a text message. */
  | { type: 'send'; frame: string }
  /** Close the connection with `code`; deliver nothing more from it, and do not report its end. */
  | { type: 'close'; code: number }
  /** Tell the people. */
  | { type: 'event'; event: Event };

export type LeaveReason = 'left' | 'timeout' | 'kicked' | 'replaced';

/**
 * What happened. A later version may have more types: ignore those you don't know (this one says `other` for what its
 * machine knows and it does not).
 */
export type Event =
  /** The seat is taken. */
  | { type: 'joined'; id: string; role: Role }
  /** A key has been installed: what is sent now can be read by everyone verified. */
  | { type: 'keyed'; epoch: string; version: number }
  /** The newest roster has had no key for 10 s. */
  | { type: 'rekeyStalled' }
  | { type: 'participantJoined'; participant: Participant }
  | { type: 'participantLeft'; participant: Participant; reason: LeaveReason }
  /** The codes are new: somebody joined or left. */
  | { type: 'verificationChanged' }
  /** `sentAtMs` is the author's clock; `history`: it was there before this client could read. */
  | { type: 'message'; id: string; author: Participant; text: string; sentAtMs: number; burnAfterMs: number; history: boolean }
  /** One's own text is in the log. */
  | { type: 'accepted'; id: string }
  /** One's own text was not sent and will not be: it is its author's again. */
  | { type: 'unsent'; id: string; text: string }
  /** One's own text was sent, and whether it arrived can't be known. */
  | { type: 'unknown'; id: string; text: string }
  | { type: 'read'; by: string; author: string; id: string }
  | { type: 'typing'; from: string; typing: boolean }
  /** The time of one message is over: forget it. */
  | { type: 'messageBurned'; author: string; id: string }
  | { type: 'unreadable'; from: string; reason: 'notKeyedYet' | 'unparsable' }
  /** Messages of somebody are missing. */
  | { type: 'missed'; from: string; count: number }
  /** Rounded up. */
  | { type: 'countdown'; secondsRemaining: number }
  | { type: 'locked'; locked: boolean }
  | { type: 'extended'; secondsRemaining: number }
  /** Show `link()` in place of the old one. */
  | { type: 'linkChanged' }
  /** The link shown no longer admits; the new one usually follows. */
  | { type: 'linkExpired' }
  | { type: 'historyRead'; complete: boolean }
  /** The connection broke; the seat is kept for 30 s. */
  | { type: 'reconnecting' }
  /** The seat is taken up again, nothing was missed. */
  | { type: 'resumed' }
  /** What was missed is gone (`gap`), or the relay contradicted itself (`fork`): joining as a new participant. */
  | { type: 'rejoining'; code: number; codeName: string }
  /** Something was found wrong, and refused. */
  | { type: 'fault'; code: number; codeName: string; about: string | null }
  /** The relay refused a command. */
  | { type: 'refused'; code: number; codeName: string; retryAfterMs: number | null; attemptsLeft: number | null }
  /** The room burned, or this participation is over. Everything is wiped; no event follows. */
  | { type: 'ended'; reason: 'expired' | 'burned' | 'shutdown' | 'kicked' | 'left' }
  /** The relay would not let it in, or not back in. */
  | { type: 'ended'; reason: 'refused'; code: number; codeName: string; retryAfterMs: number | null; attemptsLeft: number | null }
  /** Found wrong by this client: `bad_link`, `clock_skew`, `history_mismatch`, `fork`. */
  | { type: 'ended'; reason: 'failed'; code: number; codeName: string }
  | { type: 'other' };
"#;
