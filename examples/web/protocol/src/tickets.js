// The link's other half: replaced, passed on, asked for (section 11.5).

import { equal, toBase64url } from './bytes.js';
import { H, randomBytes } from './crypto.js';
import * as limits from './limits.js';

/** @typedef {import('./bytes.js').Bytes} Bytes */
/** @typedef {import('./plaintext.js').Content} Content */

export class Tickets {
  constructor(/** @type {import('./host.js').Host} */ host) {
    this.host = host;
    /** H of the room's ticket. @type {Bytes | null} */
    this.newest = null;
    /** Whether the link shown holds it. */
    this.current = true;
    /** Drawn by this client, and not yet known to be the room's. @type {{ ticket: Bytes, hash: Bytes }[]} */
    this.candidates = [];
    this.creator = false;
    /** Renews, if the room's ticket is lost to everyone. @type {() => Promise<void>} */
    this.renew = async () => {};
    this.reset();
  }

  /** What belongs to one participation. */
  reset() {
    /** The ticket has to be told. */
    this.announcing = false;
    /** When to tell it to one who has asked, unless somebody else does. @type {number | null} */
    this.answerAt = null;
    /** Since when the room's ticket is missed and could be asked for. @type {number | null} */
    this.missedSince = null;
    /** In which epoch which ticket has been asked for. @type {Set<string>} */
    this.asked = new Set();
    /** @type {number | null} */
    this.renewAt = null;
  }

  /** A new ticket; the room's once its hash is echoed. @returns {Promise<Bytes>} its hash */
  async draw() {
    const ticket = randomBytes(16);
    const hash = await H(ticket);
    this.candidates.push({ ticket, hash });
    return hash;
  }

  /** The relay refuses it. */
  drop(/** @type {Bytes} */ hash) {
    this.candidates = this.candidates.filter((candidate) => !equal(candidate.hash, hash));
  }

  /** A seat is taken: this is the room's ticket now. */
  async joined(/** @type {Bytes} */ hash, /** @type {boolean} */ creator) {
    this.reset();
    this.creator = creator;
    await this.change(hash);
  }

  /** The ticket has been replaced. */
  async renewed(/** @type {Bytes} */ hash) {
    const own = await this.change(hash);
    this.answerAt = null;
    this.renewAt = null;
    this.missedSince = this.current ? null : this.host.now;
    // At once, or in the first epoch after somebody was removed: nothing can be sent before that anyway.
    this.announcing = own;
  }

  /** An epoch has been installed. */
  keyed() {
    if (!this.current) this.missedSince = this.host.now;
  }

  /** Somebody tells a ticket: it counts iff it is the room's. */
  async heard(/** @type {Bytes} */ ticket) {
    if (this.newest === null || !equal(await H(ticket), this.newest)) return;
    this.answerAt = null;
    if (!this.current) await this.adopt(ticket);
  }

  /**
   * Somebody misses a ticket.
   * @param {Bytes} hash
   * @param {import('./participants.js').Identity} self
   * @param {readonly import('./participants.js').Member[]} roster
   */
  wanted(hash, self, roster) {
    if (this.newest === null || !this.current || !equal(hash, this.newest)) return;
    if (this.creator) {
      this.announcing = true;
      return;
    }
    const place = roster.findIndex(({ key }) => key === self.key);
    this.answerAt ??= this.host.now + limits.TICKET_ANSWER.first + limits.TICKET_ANSWER.each * place;
  }

  /** What there is to be said about tickets now; saying it is up to who asks. @returns {Content | null} */
  due(/** @type {string} */ epoch) {
    const { host, newest } = this;
    if (newest === null) return null;
    if (this.current) {
      if (!this.announcing && (this.answerAt === null || this.answerAt > host.now)) return null;
      this.announcing = false;
      this.answerAt = null;
      return { kind: 'ticket', ticket: host.link.ticket.slice() };
    }
    const question = this.question(epoch, newest);
    if (this.asksAt() > host.now || this.asked.has(question)) return null;
    this.asked.add(question);
    if (this.creator) this.renewAt ??= host.now + limits.TICKET_RENEWAL;
    return { kind: 'ticketWanted', hash: newest };
  }

  /** An envelope of this client was refused: what it said about tickets is said anew. */
  refused(/** @type {Content['kind']} */ content, /** @type {string} */ epoch) {
    if (content === 'ticket') this.announcing = this.current;
    if (content === 'ticketWanted' && this.newest !== null) this.asked.delete(this.question(epoch, this.newest));
  }

  async handleTimeout() {
    if (this.renewAt === null || this.renewAt > this.host.now || !this.host.connected()) return;
    this.renewAt = null;
    await this.renew();
  }

  /** When something is to be said in an epoch, or renewed. */
  timeout(/** @type {string | null} */ epoch) {
    if (!this.host.connected()) return Infinity;
    const asked = epoch === null || this.newest === null || this.asked.has(this.question(epoch, this.newest));
    const speaks = epoch === null ? Infinity : (this.answerAt ?? Infinity);
    return Math.min(speaks, asked ? Infinity : this.asksAt(), this.renewAt ?? Infinity);
  }

  wipe() {
    for (const { ticket } of this.candidates) ticket.fill(0);
    this.candidates = [];
    this.newest = null;
    this.reset();
  }

  asksAt() {
    return this.current || this.missedSince === null ? Infinity : this.missedSince + limits.TICKET_PATIENCE;
  }

  question(/** @type {string} */ epoch, /** @type {Bytes} */ hash) {
    return `${epoch} ${toBase64url(hash)}`;
  }

  /** Whether the new ticket is one that this client drew. */
  async change(/** @type {Bytes} */ hash) {
    this.newest = hash;
    const own = this.candidates.find((candidate) => equal(candidate.hash, hash));
    if (own !== undefined) {
      this.drop(hash);
      await this.adopt(own.ticket);
      return true;
    }
    this.current = equal(await H(this.host.link.ticket), hash);
    if (!this.current) this.host.tell({ type: 'linkExpired' });
    return false;
  }

  async adopt(/** @type {Bytes} */ ticket) {
    this.current = true;
    this.missedSince = null;
    this.renewAt = null;
    await this.host.replaceTicket(ticket);
    this.host.tell({ type: 'linkChanged' });
  }
}
