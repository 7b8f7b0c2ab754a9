// One participant, as a machine without a socket or a clock.
//
// 1. `handle…` takes something in: a connection, a frame, the passing of time. Inputs are worked on strictly in their
//    order; each call gives a promise that is fulfilled once its input, and everything before it, has been.
// 2. Then `pollOutput()` says what to do and `pollEvent()` what has happened, until they give null.
// 3. `pollTimeout()` says when to call `handleTimeout` if nothing happens before.
//
// `now` is milliseconds since the Unix epoch, from a clock that never steps and counts suspends. A machine that sees it
// step back goes on from where it was.

import { fromBase64url, toBase64url, utf8, wipe } from './bytes.js';
import { randomBytes } from './crypto.js';
import { ProtocolError } from './errors.js';
import { readRelayFrame, writeFrame } from './frames.js';
import { Fork } from './host.js';
import * as limits from './limits.js';
import { Burns, Shown } from './memory.js';
import { ownName, proposeName } from './names.js';
import { drawIdentity, Identity, People, roomKeys, wipeRoomKeys } from './participants.js';
import { BadLink, Session } from './session.js';
import { Tickets } from './tickets.js';
import { codes, transcript } from './verification.js';

/** @typedef {import('./bytes.js').Bytes} Bytes */
/** @typedef {import('./frames.js').RelayFrame} RelayFrame */
/** @typedef {import('./frames.js').CommandFrame} CommandFrame */
/** @typedef {import('./host.js').Event} Event */
/** @typedef {import('./host.js').EndReason} EndReason */
/** @typedef {import('./link.js').Link} Link */
/** @typedef {import('./participants.js').Participant} Participant */
/** @typedef {import('./participants.js').RoomKeys} RoomKeys */

/**
 * What to do.
 * @typedef {(
 *   | { type: 'connect' }
 *   | { type: 'send', frame: string }
 *   | { type: 'close', code: 1000 | 4001 }
 * )} Output
 */

/** @typedef {'offline' | 'joining' | 'joined' | 'away' | 'resuming' | 'ended'} Status */

/**
 * @typedef {object} ClientOptions
 * @property {string} [name] an invented one if empty
 * @property {string} [pin] joins as creator
 * @property {Bytes} [creatorToken]
 * @property {Bytes} [seatToken] of an earlier participation, to take its seat over
 * @property {() => Promise<import('./participants.js').Drawn>} [draw] where identities come from; for tests
 */

export class Client {
  /** @type {Link} */ #link;
  /** @type {string} */ #linkText;
  /** @type {RoomKeys} */ #keys;
  /** @type {string} */ #name;
  /** @type {{ pin: string | undefined, creatorToken: Bytes | undefined, seatToken: Bytes | undefined }} */ #tokens;
  #draw;
  #now = 0;
  /** @type {Status} */ #status = 'offline';
  /** @type {number | null} */ #endsAt = null;
  /** @type {Identity | null} */ #identity = null;
  /** @type {Session | null} */ #session = null;
  #people = new People();
  #shown = new Shown();
  #burns = new Burns();
  #tickets;
  #rejoins = 0;
  /** When a join was sent whose answer was lost. @type {number | null} */ #lostJoin = null;
  /** @type {number | null} */ #connectAt = null;
  /** Texts that wait in the queue of inputs. */
  #writing = 0;
  /** Nothing more is heard from the connection that was closed. */
  #deaf = true;
  /** @type {Output[]} */ #outputs = [{ type: 'connect' }];
  /** @type {Event[]} */ #events = [];
  /** @type {Promise<unknown>} */ #queue = Promise.resolve();
  /** @type {unknown} */ #failure = null;
  #host;

  /**
   * @param {Link} link
   * @param {string} linkText
   * @param {RoomKeys} keys
   * @param {ClientOptions} options
   */
  constructor(link, linkText, keys, { name, pin, creatorToken, seatToken, draw = drawIdentity }) {
    this.#link = link;
    this.#linkText = linkText;
    this.#keys = keys;
    this.#name = name === undefined || name === '' ? proposeName() : ownName(name);
    this.#tokens = { pin, creatorToken: creatorToken?.slice(), seatToken: seatToken?.slice() };
    this.#draw = draw;
    const host = this.#makeHost();
    this.#host = host;
    this.#tickets = host.tickets = new Tickets(host);
    this.#tickets.renew = () => this.#renew();
  }

  /**
   * A client that wants to join. Throws `name_too_long` or `name_not_allowed`.
   * @param {Link} link taken over: wiped at the end
   * @param {ClientOptions} [options]
   */
  static async create(link, options = {}) {
    return new Client(link, await link.text(), await roomKeys(link), options);
  }

  // ---- Inputs ----

  /** The connection asked for is open. */
  handleConnected(/** @type {number} */ now) {
    return this.#input(now, () => this.#connected());
  }

  /** It broke. Not to be called for one that was closed because `pollOutput` said so. */
  handleDisconnected(/** @type {number} */ now) {
    return this.#input(now, async () => this.#disconnected());
  }

  /**
   * A text message has come.
   * @param {number} now
   * @param {string} text
   */
  handleFrame(now, text) {
    // The end does not wait behind what came before it.
    if (text.includes('destroyed') && this.#status !== 'offline' && !this.#deaf) {
      const frame = this.#read(text);
      if (frame?.type === 'destroyed') this.#end(frame.reason);
    }
    return this.#input(now, () => this.#frame(text));
  }

  handleTimeout(/** @type {number} */ now) {
    return this.#input(now, () => this.#timeout());
  }

  /**
   * Writes a text. What becomes of it is told by `accepted`, `unsent` or `unknown`. Throws `text_empty`,
   * `text_too_long`, `invalid_parameter`, `nobody_here`, `queue_full`, `not_joined`, `ended`.
   * @param {number} now
   * @param {string} text
   * @param {{ burnAfterMs?: number }} [options]
   * @returns {string} its id
   */
  send(now, text, { burnAfterMs = 0 } = {}) {
    const session = this.#joinedSession();
    const { length } = utf8(text);
    if (length < limits.TEXT.min) throw new ProtocolError('text_empty');
    if (length > limits.TEXT.max) throw new ProtocolError('text_too_long');
    if (!Number.isInteger(burnAfterMs) || burnAfterMs < 0 || burnAfterMs >= 2 ** 32) throw new ProtocolError('invalid_parameter');
    if (session.keyring.alone) throw new ProtocolError('nobody_here');
    if (session.outbox.held.length + this.#writing >= limits.WAITING_TEXTS) throw new ProtocolError('queue_full');
    const id = randomBytes(16);
    const key = toBase64url(id);
    const writtenFor = new Set(session.roster.members.map((member) => member.key));
    this.#writing += 1;
    this.#input(now, async () => {
      this.#writing -= 1;
      const written = { id, key, text, burnAfterMs, sentAt: this.#now, writtenFor };
      if (this.#session === session && !session.keyring.alone) session.outbox.held.push(written);
      else this.#tell({ type: 'unsent', id: key, text });
    });
    return key;
  }

  /** Sent at once or not at all. */
  setTyping(/** @type {number} */ now, /** @type {boolean} */ typing) {
    this.#joinedSession();
    return this.#input(now, async () => this.#session?.outbox.offer({ kind: 'typing', typing }));
  }

  /**
   * Messages have been read: their time to burn runs. Throws `no_such_message` for one that was never shown.
   * @param {number} now
   * @param {{ author: string, id: string }[]} messages
   * @param {{ tell?: boolean }} [options] whether the others are told, at once or not at all
   */
  markRead(now, messages, { tell = true } = {}) {
    const session = this.#joinedSession();
    const others = messages.filter(({ author }) => author !== session.self.key);
    if (!others.every(({ author, id }) => this.#shown.has(author, id))) throw new ProtocolError('no_such_message');
    return this.#input(now, async () => {
      for (const { author, id } of others) this.#burns.start(author, id, this.#now);
      if (!tell) return;
      for (let at = 0; at < others.length; at += limits.READ.max) {
        const read = others.slice(at, at + limits.READ.max).map(({ author, id }) => ({ sender: bytesOf(author), id: bytesOf(id) }));
        await this.#session?.outbox.offer({ kind: 'read', read });
      }
    });
  }

  /**
   * Removes a participant, and replaces the link unless told otherwise. This and the commands below throw
   * `not_creator`, `not_joined`, `ended`.
   * @param {number} now
   * @param {string} id
   * @param {{ renew?: boolean }} [options]
   */
  kick(now, id, { renew = true } = {}) {
    const session = this.#creatorSession();
    if (id === session.self.key) throw new ProtocolError('invalid_parameter');
    const raw = bytesOf(id);
    if (raw.length !== 16) throw new ProtocolError('invalid_parameter');
    return this.#command(now, session, async () => {
      if (renew) return { type: 'kick', id: raw, ticket_hash: await this.#tickets.draw() };
      return { type: 'kick', id: raw };
    });
  }

  lock(/** @type {number} */ now, /** @type {boolean} */ locked) {
    return this.#command(now, this.#creatorSession(), async () => ({ type: 'lock', locked }));
  }

  renew(/** @type {number} */ now) {
    this.#creatorSession();
    return this.#input(now, () => this.#renew());
  }

  /** @param {number} seconds 1 to 1,800; otherwise `invalid_parameter` */
  extend(/** @type {number} */ now, seconds) {
    const session = this.#creatorSession();
    const { min, max } = limits.EXTENSION_SECONDS;
    if (!Number.isInteger(seconds) || seconds < min || seconds > max) throw new ProtocolError('invalid_parameter');
    return this.#command(now, session, async () => ({ type: 'extend', seconds, after: session.lastExtended }));
  }

  burn(/** @type {number} */ now) {
    const session = this.#joinedSession();
    if (session.role !== 'creator' && session.mayBurn !== 'anyone') throw new ProtocolError('not_creator');
    return this.#command(now, session, async () => ({ type: 'burn' }));
  }

  /** Leaves at once: what is being worked on is dropped. */
  leave() {
    this.#end('left', { close: 1000 });
  }

  // ---- Outputs ----

  /** @returns {Output | null} */
  pollOutput() {
    return this.#outputs.shift() ?? null;
  }

  /** @returns {Event | null} */
  pollEvent() {
    return this.#events.shift() ?? null;
  }

  /** When `handleTimeout` is to be called at the latest. @returns {number | null} */
  pollTimeout() {
    if (this.#status === 'ended') return null;
    const timeout = Math.min(
      this.#endsAt ?? Infinity,
      this.#connectAt ?? Infinity,
      this.#burns.timeout(),
      this.#session?.timeout() ?? Infinity,
    );
    return timeout === Infinity ? null : timeout;
  }

  /** Fulfilled when every input so far has been worked on. */
  async settled() {
    await this.#queue;
  }

  // ---- What is so ----

  status() {
    return this.#status;
  }

  /** This client's participant id; null before it has drawn its keys, and at the end. */
  id() {
    return this.#identity?.key ?? null;
  }

  /** @returns {Participant[]} in join order */
  participants() {
    const session = this.#session;
    return session === null ? [] : session.roster.members.map((member) => this.#people.show(member, session.self.key));
  }

  /** One who is there, or was. @returns {Participant | null} */
  participant(/** @type {string} */ id) {
    const member = this.#people.seen.get(id);
    return member === undefined ? null : this.#people.show(member, this.#session?.self.key ?? '');
  }

  /** What people compare; null before `joined`. */
  async verification() {
    if (this.#session === null || this.#status === 'ended') return null;
    return codes(await transcript(this.#link.roomId, this.#link.secret, [...this.#session.roster.members]));
  }

  /** The newest link this client knows. */
  link() {
    return this.#linkText;
  }

  /** Whether it admits, as far as this client knows. */
  linkIsCurrent() {
    return this.#tickets.current;
  }

  /** Whether texts go out at once (`secured`), wait for a key (`securing`), or have nobody to go to (`alone`). */
  security() {
    const keyring = this.#session?.keyring;
    if (keyring?.alone) return 'alone';
    return keyring === undefined || keyring.current === null || keyring.holding ? 'securing' : 'secured';
  }

  /** When the room ends by this client's clock; null before `joined`. */
  endsAt() {
    return this.#endsAt;
  }

  /** The room as the relay describes it; null before `joined`. */
  room() {
    if (this.#session === null) return null;
    const { role, locked, capacity, mayBurn } = this.#session;
    return { role, locked, capacity, mayBurn, history: this.#link.history, notAfter: this.#link.notAfterMs };
  }

  /** The newest roster's version and hash, the head and the newest epoch held: for whoever compares two clients. */
  position() {
    if (this.#session === null) return null;
    const { roster, head, held, newest } = this.#session.keyring;
    const epoch = newest !== null && held.has(newest.known.key) ? { version: newest.known.version, id: newest.known.id } : null;
    return { seq: this.#session.seq, version: roster.version, rosterHash: roster.hash, head, epoch };
  }

  /** What takes this seat back, in a resume of another machine or in a fresh join. */
  seatToken() {
    return this.#session === null ? null : (this.#tokens.seatToken?.slice() ?? null);
  }

  /** What went wrong inside, if it ended with `crypto_failure`. */
  failure() {
    return this.#failure;
  }

  // ---- The queue ----

  /**
   * Works on an input once those before it are done. Gives the error it ends with, if one.
   * @param {number} now
   * @param {() => Promise<unknown>} work
   * @returns {Promise<string | null>}
   */
  #input(now, work) {
    const result = this.#queue.then(async () => {
      if (this.#status === 'ended') return 'ended';
      this.#now = Math.max(this.#now, Math.floor(now));
      try {
        if (this.#isOver()) this.#end('expired', { close: 1000 });
        else await this.#work(work);
      } catch (error) {
        // An end in the midst of work leaves nothing to work on.
        if (!this.#hasEnded()) {
          this.#failure = error;
          this.#end('failed', { code: 'crypto_failure', close: 1000 });
        }
      }
      return this.#hasEnded() ? 'ended' : null;
    });
    this.#queue = result;
    return result;
  }

  async #work(/** @type {() => Promise<unknown>} */ work) {
    try {
      await work();
      await this.#session?.outbox.pump();
    } catch (error) {
      if (this.#hasEnded()) return;
      if (error instanceof Fork) this.#rejoin('fork');
      else if (error instanceof BadLink) this.#end('failed', { code: 'bad_link', close: 1000 });
      else throw error;
    }
  }

  #hasEnded() {
    return this.#status === 'ended';
  }

  #isOver() {
    return this.#endsAt !== null && this.#now >= this.#endsAt;
  }

  // ---- Connections ----

  async #connected() {
    this.#deaf = false;
    this.#connectAt = null;
    if (this.#status === 'away' && this.#session !== null && this.#tokens.seatToken !== undefined) {
      this.#status = 'resuming';
      this.#send({ type: 'resume', seat_token: this.#tokens.seatToken, seq: this.#session.seq });
    } else if (this.#status === 'offline') {
      const identity = await Identity.make(this.#link, this.#keys, this.#name, await this.#draw());
      if (this.#hasEnded()) return;
      this.#identity = identity;
      this.#status = 'joining';
      const { pin, creatorToken, seatToken } = this.#tokens;
      const { pairs, sealedName, joinProof } = identity;
      this.#send({
        type: 'join',
        kem_pub: pairs.kemPub,
        sig_pub: pairs.sigPub,
        sealed_name: sealedName,
        join_proof: joinProof,
        ticket: this.#link.ticket,
        pin,
        creator_token: creatorToken,
        seat_token: seatToken,
      });
    }
  }

  #disconnected() {
    this.#deaf = true;
    if (this.#status === 'joining') {
      this.#lostJoin = this.#now;
      this.#status = 'offline';
    } else if (this.#status === 'joined' || this.#status === 'resuming') {
      if (this.#status === 'joined') this.#tell({ type: 'reconnecting' });
      this.#status = 'away';
    } else return;
    this.#outputs.push({ type: 'connect' });
  }

  /** A fresh join under new keys (7.7). */
  #rejoin(/** @type {'fork' | 'gap'} */ code) {
    this.#session?.outbox.rejoin();
    this.#session?.commands.underWay.forEach(() => this.#tell({ type: 'refused', code, retryAfterMs: null, attemptsLeft: null }));
    if (this.#rejoins >= limits.REJOINS) return this.#end('failed', { code, close: 4001 });
    this.#rejoins += 1;
    this.#session?.wipe();
    this.#session = null;
    this.#identity = null;
    this.#tell({ type: 'rejoining', code });
    this.#close(4001);
    this.#outputs.push({ type: 'connect' });
  }

  #close(/** @type {1000 | 4001} */ code) {
    this.#status = 'offline';
    this.#deaf = true;
    this.#outputs.push({ type: 'close', code });
  }

  // ---- Frames ----

  /** @returns {RelayFrame | null} */
  #read(/** @type {string} */ text) {
    try {
      return readRelayFrame(text);
    } catch (error) {
      if (error instanceof ProtocolError) return null;
      throw error;
    }
  }

  async #frame(/** @type {string} */ text) {
    if (this.#deaf) return;
    let frame;
    try {
      frame = readRelayFrame(text);
    } catch {
      return this.#fault('malformed_from_relay');
    }
    if (frame === null) return;
    switch (frame.type) {
      case 'joined':
        return this.#status === 'joining' ? this.#joined(frame) : this.#fault('unexpected_from_relay');
      case 'destroyed':
        return this.#end(frame.reason);
      case 'error':
        return this.#error(frame);
    }
    const session = this.#session;
    if (session === null || (this.#status !== 'joined' && this.#status !== 'resuming')) return this.#fault('unexpected_from_relay');
    switch (frame.type) {
      case 'resumed':
        return this.#status === 'resuming' ? this.#resumed(session, frame) : this.#fault('unexpected_from_relay');
      case 'history_end':
        if (!session.replaying || this.#status !== 'joined') return this.#fault('unexpected_from_relay');
        return session.historyEnd(frame.complete);
      case 'key_wanted':
        return session.keyring.wanted(frame);
      case 'countdown':
        this.#endNoLaterThan(frame.seconds_remaining);
        return this.#tell({ type: 'countdown', secondsRemaining: frame.seconds_remaining });
    }
    const before = session.keyring.newest;
    await session.apply(frame);
    if (this.#hasEnded()) return;
    if (session.keyring.newest !== before) this.#rejoins = 0;
    if (frame.type === 'extended') this.#endsAt = this.#endIn(frame.seconds_remaining);
  }

  async #joined(/** @type {import('./frames.js').Joined} */ joined) {
    if (this.#now >= this.#link.notAfterMs) return this.#end('failed', { code: 'clock_skew', close: 1000 });
    if (joined.history !== this.#link.history) return this.#end('failed', { code: 'history_mismatch', close: 1000 });
    if (this.#identity === null) throw new Fork();
    const session = await Session.open(this.#host, this.#identity, joined);
    if (this.#hasEnded()) return;
    wipe(this.#tokens.seatToken);
    this.#tokens.seatToken = joined.seat_token;
    this.#endsAt = this.#endIn(joined.seconds_remaining);
    this.#session = session;
    this.#status = 'joined';
    this.#lostJoin = null;
    if (session.keyring.alone) this.#rejoins = 0;
    session.greet();
    await this.#tickets.joined(joined.ticket_hash, joined.role === 'creator');
  }

  async #resumed(/** @type {Session} */ session, /** @type {import('./frames.js').Resumed} */ { seq, seconds_remaining: seconds }) {
    await session.resumed(seq);
    if (this.#hasEnded()) return;
    this.#endNoLaterThan(seconds);
    this.#status = 'joined';
    this.#tell({ type: 'resumed' });
    session.sendAgain();
  }

  #error(/** @type {import('./frames.js').ErrorFrame} */ { code, retry_after_ms: retryAfterMs, attempts_left: attemptsLeft, epoch, n }) {
    const session = this.#session;
    const refusal = { code, retryAfterMs: retryAfterMs ?? null, attemptsLeft: attemptsLeft ?? null };
    if (session === null || this.#status === 'joining') {
      const patient = this.#lostJoin !== null && this.#now < this.#lostJoin + limits.LOST_JOIN.during;
      if (code !== 'room_full' || !patient) return this.#end(code === 'kicked' ? 'kicked' : 'refused', refusal);
      this.#close(4001);
      this.#connectAt = this.#now + limits.LOST_JOIN.every;
      return;
    }
    if (epoch !== undefined && n !== undefined && ['stale_epoch', 'rate_limited', 'bad_sequence'].includes(code)) {
      return session.outbox.refused(code, epoch, n, retryAfterMs);
    }
    switch (code) {
      case 'gap':
        return this.#rejoin('gap');
      case 'room_not_found':
        return this.#end('expired');
      case 'kicked':
        return this.#end('kicked', refusal);
      case 'link_expired':
      case 'displaced':
        return this.#end('refused', refusal);
      case 'rate_limited':
        session.commands.wait(this.#now + (retryAfterMs ?? limits.RETRY));
        session.keyring.sendAgainAt(this.#now + (retryAfterMs ?? limits.RETRY));
        return;
    }
    const command = session.commands.refused(code);
    if (command !== null && 'ticket_hash' in command && command.ticket_hash !== undefined) this.#tickets.drop(command.ticket_hash);
    this.#tell({ type: 'refused', ...refusal });
  }

  // ---- Time ----

  async #timeout() {
    for (const { author, id } of this.#burns.due(this.#now)) this.#tell({ type: 'messageBurned', author, id });
    if (this.#connectAt !== null && this.#connectAt <= this.#now) {
      this.#connectAt = null;
      this.#outputs.push({ type: 'connect' });
    }
    await this.#session?.handleTimeout();
  }

  #endIn(/** @type {number} */ seconds) {
    return Math.min(this.#now + seconds * 1000, this.#link.notAfterMs);
  }

  #endNoLaterThan(/** @type {number} */ seconds) {
    this.#endsAt = Math.min(this.#endsAt ?? Infinity, this.#endIn(seconds));
  }

  /**
   * It is over: everything is wiped, and nothing is told any more but this.
   * @param {EndReason} reason
   * @param {{ code?: string | null, retryAfterMs?: number | null, attemptsLeft?: number | null, close?: 1000 | 4001 }} [more]
   */
  #end(reason, { code = null, retryAfterMs = null, attemptsLeft = null, close } = {}) {
    if (this.#hasEnded()) return;
    const connected = !this.#deaf;
    this.#status = 'ended';
    this.#session?.wipe();
    this.#session = null;
    this.#identity = null;
    this.#endsAt = null;
    this.#tickets.wipe();
    this.#people.wipe();
    this.#shown.wipe();
    this.#burns.wipe();
    this.#link.wipe();
    this.#linkText = '';
    this.#name = '';
    wipe(this.#tokens.creatorToken, this.#tokens.seatToken);
    this.#tokens = { pin: undefined, creatorToken: undefined, seatToken: undefined };
    wipeRoomKeys(this.#keys);
    // @ts-expect-error: nobody asks for them any more
    this.#keys = null;
    this.#outputs = connected ? [{ type: 'close', code: close ?? 1000 }] : [];
    this.#events = [{ type: 'ended', reason, code, retryAfterMs, attemptsLeft }];
  }

  // ---- What the parts see ----

  /** @returns {import('./host.js').Host} */
  #makeHost() {
    const client = this;
    return {
      get now() {
        return client.#now;
      },
      get link() {
        return client.#link;
      },
      get keys() {
        return client.#keys;
      },
      people: this.#people,
      shown: this.#shown,
      burns: this.#burns,
      // @ts-expect-error: set right after this
      tickets: null,
      tell: (event) => this.#tell(event),
      fault: (code, about = null) => this.#fault(code, about),
      send: (frame) => this.#send(frame),
      connected: () => this.#status === 'joined',
      replaceTicket: (ticket) => this.#replaceTicket(ticket),
    };
  }

  #tell(/** @type {Event} */ event) {
    if (!this.#hasEnded()) this.#events.push(event);
  }

  #fault(/** @type {string} */ code, /** @type {string | null} */ about = null) {
    this.#tell({ type: 'fault', code, about });
  }

  #send(/** @type {import('./frames.js').ClientFrame} */ frame) {
    if (!this.#hasEnded() && !this.#deaf) this.#outputs.push({ type: 'send', frame: writeFrame(frame) });
  }

  async #replaceTicket(/** @type {Bytes} */ ticket) {
    const link = this.#link.withTicket(ticket);
    const text = await link.text();
    if (this.#hasEnded()) return;
    wipe(this.#link.ticket);
    this.#link = link;
    this.#linkText = text;
  }

  // ---- Commands ----

  #joinedSession() {
    if (this.#hasEnded()) throw new ProtocolError('ended');
    if (this.#session === null) throw new ProtocolError('not_joined');
    return this.#session;
  }

  #creatorSession() {
    const session = this.#joinedSession();
    if (session.role !== 'creator') throw new ProtocolError('not_creator');
    return session;
  }

  /**
   * @param {number} now
   * @param {Session} session
   * @param {() => Promise<CommandFrame>} make
   */
  #command(now, session, make) {
    return this.#input(now, async () => {
      if (this.#session === session) session.commands.give(await make(), session);
      else this.#tell({ type: 'refused', code: 'not_joined', retryAfterMs: null, attemptsLeft: null });
    });
  }

  async #renew() {
    const hash = await this.#tickets.draw();
    this.#session?.commands.give({ type: 'renew', ticket_hash: hash }, this.#session);
  }
}

/** @returns {Bytes} */
function bytesOf(/** @type {string} */ id) {
  const bytes = fromBase64url(id);
  if (bytes === null) throw new ProtocolError('invalid_parameter');
  return bytes;
}
