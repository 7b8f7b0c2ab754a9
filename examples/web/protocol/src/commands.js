// Commands of a creator, until the log answers them (section 11.5).

import { equal, toBase64url } from './bytes.js';

/** @typedef {import('./bytes.js').Bytes} Bytes */
/** @typedef {import('./frames.js').CommandFrame} CommandFrame */
/** @typedef {import('./frames.js').LogEntry} LogEntry */

// Which command an error is about, where only some can be meant.
/** @type {Record<string, CommandFrame['type'][]>} */
const ABOUT = {
  unknown_participant: ['kick'],
  past_not_after: ['extend'],
  extend_conflict: ['extend'],
  bad_request: ['kick', 'renew', 'extend'],
};

export class Commands {
  constructor(/** @type {import('./host.js').Host} */ host) {
    this.host = host;
    /** @type {{ frame: CommandFrame, sent: boolean }[]} */
    this.underWay = [];
    /** @type {number | null} */
    this.retryAt = null;
  }

  /**
   * @param {CommandFrame} frame
   * @param {import('./session.js').Session} session
   */
  give(frame, session) {
    const command = { frame, sent: false };
    if (this.changesNothing(frame, session)) return;
    this.underWay.push(command);
    if (this.retryAt === null) this.send(command);
  }

  /** After a resume, and after the relay has asked for patience. */
  sendAgain() {
    this.retryAt = null;
    for (const command of this.underWay) this.send(command);
  }

  /**
   * An entry: it may be what a command has brought about.
   * @param {LogEntry} entry
   * @param {(id: string) => string} successor who sits now where a participant sat
   */
  saw(entry, successor) {
    const at = this.underWay.findIndex(({ frame }) => isAnswered(frame, entry, successor));
    if (at >= 0) this.underWay.splice(at, 1);
  }

  /** An error that is not about an envelope: the oldest command it can be about is forgotten, and given. */
  refused(/** @type {string} */ code) {
    const at = this.underWay.findIndex(({ frame, sent }) => sent && (ABOUT[code]?.includes(frame.type) ?? true));
    return at < 0 ? null : this.underWay.splice(at, 1)[0].frame;
  }

  wait(/** @type {number} */ at) {
    this.retryAt = Math.max(this.retryAt ?? 0, at);
  }

  handleTimeout() {
    if (this.retryAt !== null && this.retryAt <= this.host.now && this.host.connected()) this.sendAgain();
  }

  timeout() {
    return this.retryAt !== null && this.host.connected() ? this.retryAt : Infinity;
  }

  /** A relay logs nothing for what is so already: no entry would ever answer it. */
  changesNothing(/** @type {CommandFrame} */ frame, /** @type {import('./session.js').Session} */ session) {
    if (frame.type !== 'lock') return false;
    const last = this.underWay.findLast((command) => command.frame.type === 'lock')?.frame;
    return frame.locked === (last?.type === 'lock' ? last.locked : session.locked);
  }

  send(/** @type {{ frame: CommandFrame, sent: boolean }} */ command) {
    if (!this.host.connected()) return;
    command.sent = true;
    this.host.send(command.frame);
  }
}

/**
 * @param {CommandFrame} frame
 * @param {LogEntry} entry
 * @param {(id: string) => string} successor
 */
function isAnswered(frame, entry, successor) {
  switch (frame.type) {
    case 'lock':
      return entry.type === 'locked' && entry.locked === frame.locked;
    case 'extend':
      return entry.type === 'extended';
    case 'renew':
      return entry.type === 'renewed' && equal(entry.ticket_hash, frame.ticket_hash);
    case 'kick':
      // With a new ticket, that is the last of what it does.
      if (frame.ticket_hash !== undefined) return entry.type === 'renewed' && equal(entry.ticket_hash, frame.ticket_hash);
      return entry.type === 'participant_left' && toBase64url(entry.id) === successor(toBase64url(frame.id));
    case 'burn':
      return false;
  }
}
