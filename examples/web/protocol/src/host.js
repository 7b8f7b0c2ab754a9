// What the parts of a joined client share: the client they belong to, and the one exception they throw.

/**
 * What was found wrong with the log: refuse, and join afresh (section 7.7).
 */
export class Fork extends Error {
  constructor() {
    super('fork');
  }
}

/**
 * The client, as its parts see it. It outlives a session: what is here survives a fresh join.
 * @typedef {object} Host
 * @property {number} now
 * @property {import('./link.js').Link} link
 * @property {import('./participants.js').RoomKeys} keys
 * @property {import('./participants.js').People} people
 * @property {import('./memory.js').Shown} shown
 * @property {import('./memory.js').Burns} burns
 * @property {import('./tickets.js').Tickets} tickets
 * @property {(event: Event) => void} tell
 * @property {(code: string, about?: string | null) => void} fault
 * @property {(frame: import('./frames.js').ClientFrame) => void} send
 * @property {() => boolean} connected whether frames can be sent now: the seat is taken and nothing is being replayed
 * @property {(ticket: import('./bytes.js').Bytes) => Promise<void>} replaceTicket
 */

/** @typedef {import('./participants.js').Participant} Participant */

/**
 * What happened in the room.
 * @typedef {(
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
 *   | { type: 'rejoining', code: string }
 *   | { type: 'fault', code: string, about: string | null }
 *   | { type: 'refused', code: string, retryAfterMs: number | null, attemptsLeft: number | null }
 *   | { type: 'ended', reason: EndReason, code: string | null, retryAfterMs: number | null, attemptsLeft: number | null }
 * )} Event
 */

/**
 * `expired`, `burned` and `shutdown`: the room burned (`expired` also by this client's own clock, and where the room is
 * gone on a resume). `refused`: the relay would not let it in, or not back in. `failed`: found wrong by this client.
 * @typedef {'expired' | 'burned' | 'shutdown' | 'kicked' | 'left' | 'refused' | 'failed'} EndReason
 */
