// What this client says: held, in flight, accepted, or given back (sections 8.4 and 14.1, third table).

import { equal } from './bytes.js';
import { randomBytes } from './crypto.js';
import { sealEnvelope } from './envelopes.js';
import { Fork } from './host.js';
import * as limits from './limits.js';
import { encodePlaintext } from './plaintext.js';

/** @typedef {import('./bytes.js').Bytes} Bytes */
/** @typedef {import('./epochs.js').Epoch} Epoch */
/** @typedef {import('./epochs.js').KnownEpoch} KnownEpoch */
/** @typedef {import('./frames.js').Envelope} Envelope */
/** @typedef {import('./plaintext.js').Content} Content */

/**
 * A text, until what becomes of it is final.
 * @typedef {object} Text
 * @property {Bytes} id
 * @property {string} key the id as text
 * @property {string} text
 * @property {number} burnAfterMs
 * @property {number} sentAt
 * @property {ReadonlySet<string>} writtenFor everyone on the roster when it was written
 */

/** @typedef {{ known: KnownEpoch, envelope: Envelope, text: Text | null, content: Content['kind'] }} Flight */

export class Outbox {
  /**
   * @param {import('./host.js').Host} host
   * @param {import('./participants.js').Identity} self
   * @param {import('./keyring.js').Keyring} keyring
   */
  constructor(host, self, keyring) {
    this.host = host;
    this.self = self;
    this.keyring = keyring;
    /** @type {Text[]} */
    this.held = [];
    /** @type {Flight[]} */
    this.flight = [];
    /** How many envelopes of this client the log holds. */
    this.accepted = 0;
    /** The epoch it last had one accepted in, and how many there. */
    this.last = { version: 0, count: 0 };
    /** When everything in flight is sent again. @type {number | null} */
    this.retryAt = null;
  }

  /** The epoch to send in, if anything can be sent now. @returns {Epoch | null} */
  get sendable() {
    const { host, keyring, flight } = this;
    const epoch = keyring.current;
    if (epoch === null || !host.connected() || keyring.holding || this.retryAt !== null) return null;
    if (epoch.refused || epoch.n >= limits.CHAIN || flight.length >= limits.IN_FLIGHT) return null;
    return flight.every(({ known }) => known === epoch.known) ? epoch : null;
  }

  /** Sends what can be sent. */
  async pump() {
    for (;;) {
      const epoch = this.sendable;
      if (epoch === null) return;
      const ticket = this.host.tickets.due(epoch.known.key);
      if (ticket !== null) {
        await this.sealAndSend(epoch, ticket, null);
        continue;
      }
      const [text] = this.held;
      if (text === undefined) return;
      const wasThere = epoch.known.members.every(({ key }) => text.writtenFor.has(key));
      this.held.shift();
      if (!wasThere) {
        this.giveBack('unsent', text);
        continue;
      }
      await this.sealAndSend(epoch, { kind: 'text', text: text.text, burnAfterMs: text.burnAfterMs }, text);
    }
  }

  /** `typing` and `read` are sent at once or not at all. */
  async offer(/** @type {Content} */ content) {
    const epoch = this.sendable;
    if (epoch !== null && this.held.length === 0) await this.sealAndSend(epoch, content, null);
  }

  /** An envelope in this client's name, in the log. */
  accept(/** @type {import('./frames.js').MessageFrame} */ frame) {
    const [front] = this.flight;
    if (front === undefined || !isSame(front.envelope, frame)) throw new Fork();
    this.flight.shift();
    this.accepted += 1;
    const { version } = front.known;
    this.last = { version, count: this.last.version === version ? this.last.count + 1 : 1 };
    const { text } = front;
    if (text === null) return;
    this.host.shown.add(this.self.key, text.key);
    this.host.burns.expect(this.self.key, text.key, text.burnAfterMs);
    this.host.burns.start(this.self.key, text.key, this.host.now);
    this.host.tell({ type: 'accepted', id: text.key });
  }

  /** An error about an envelope. */
  refused(/** @type {string} */ code, /** @type {Bytes} */ epoch, /** @type {number} */ n, /** @type {number | undefined} */ retryAfterMs) {
    const found = this.flight.find(({ envelope }) => envelope.n === n && equal(envelope.epoch, epoch));
    if (found === undefined) return;
    if (code === 'stale_epoch') {
      const held = this.keyring.held.get(found.known.key);
      if (held !== undefined) held.refused = true;
      this.takeBack(({ known, envelope }) => known === found.known && envelope.n >= n);
    } else {
      this.retryAt = Math.max(this.retryAt ?? 0, this.host.now + (retryAfterMs ?? limits.RETRY));
    }
  }

  /** Epochs have ended, or a hold begins: what is in flight there is refused. */
  epochsEnded(/** @type {readonly KnownEpoch[]} */ ended) {
    if (ended.length > 0) this.takeBack(({ known }) => ended.includes(known));
  }

  holdBegins() {
    this.takeBack(() => true);
  }

  /** Nobody is there any more who could read it. */
  alone() {
    for (const text of this.texts()) this.giveBack('unsent', text);
    this.flight = [];
    this.held = [];
    this.retryAt = null;
  }

  /** A fresh join: nobody knows of what is in flight whether it arrived. */
  rejoin() {
    for (const { text } of this.flight) if (text !== null) this.giveBack('unknown', text);
    for (const text of this.held) this.giveBack('unsent', text);
    this.wipe();
  }

  /** After a resume, and after the relay has asked for patience: the same bytes. */
  sendAgain() {
    this.retryAt = null;
    for (const { envelope } of this.flight) this.host.send({ type: 'message', ...envelope });
  }

  handleTimeout() {
    if (this.retryAt !== null && this.retryAt <= this.host.now && this.host.connected()) this.sendAgain();
  }

  timeout() {
    return this.retryAt !== null && this.host.connected() ? this.retryAt : Infinity;
  }

  wipe() {
    this.flight = [];
    this.held = [];
  }

  /** @returns {Text[]} in the order they were written */
  texts() {
    return [...this.flight.flatMap(({ text }) => (text === null ? [] : [text])), ...this.held];
  }

  takeBack(/** @type {(flight: Flight) => boolean} */ isRefused) {
    const refused = this.flight.filter(isRefused);
    if (refused.length === 0) return;
    this.flight = this.flight.filter((flight) => !refused.includes(flight));
    // They were written before whatever is held.
    this.held.unshift(...refused.flatMap(({ text }) => (text === null ? [] : [text])));
    for (const { content, known } of refused) this.host.tickets.refused(content, known.key);
    if (this.flight.length === 0) this.retryAt = null;
  }

  giveBack(/** @type {'unsent' | 'unknown'} */ type, /** @type {Text} */ { key, text }) {
    this.host.tell({ type, id: key, text });
  }

  async sealAndSend(/** @type {Epoch} */ epoch, /** @type {Content} */ content, /** @type {Text | null} */ text) {
    const { host, self } = this;
    const chain = epoch.chains.get(self.key);
    if (chain === undefined) throw new Error('an installed epoch has a chain for every verified member');
    const { n } = epoch;
    // One key, one message: the chain moves on before anything is encrypted.
    const key = await chain.messageKey();
    epoch.chains.set(self.key, await chain.at(n + 1));
    epoch.n += 1;
    const head = {
      id: text?.id ?? randomBytes(16),
      sentAt: BigInt(text?.sentAt ?? host.now),
      count: BigInt(this.accepted + this.flight.length + 1),
      last: n === 0 ? { version: BigInt(this.last.version), count: BigInt(this.last.count) } : null,
    };
    const place = { roomId: host.link.roomId, epoch: epoch.known.id, sender: self.id, n, flags: 0 };
    const envelope = await sealEnvelope(place, key, self.pairs.sig, encodePlaintext(head, content));
    this.flight.push({ known: epoch.known, envelope, text, content: content.kind });
    host.send({ type: 'message', ...envelope });
  }
}

const isSame = (/** @type {Envelope} */ sent, /** @type {Envelope} */ logged) =>
  sent.n === logged.n &&
  sent.flags === logged.flags &&
  equal(sent.epoch, logged.epoch) &&
  equal(sent.iv, logged.iv) &&
  equal(sent.ciphertext, logged.ciphertext) &&
  equal(sent.sig, logged.sig);
