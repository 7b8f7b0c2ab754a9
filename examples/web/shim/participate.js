// One participation: commands in, events out (spec/shim.md, sections 3 to 6).

import { Clock } from '../net/clock.js';
import { Driver } from '../net/driver.js';
import { createRoom } from '../net/room.js';
import { Client, errors, fromBase64url, hardEnd, limits, Link, ProtocolError } from '../protocol/src/index.js';
import { parseCommand, Refused } from './commands.js';
import { lines } from './lines.js';
import { Network } from './network.js';

/** @typedef {import('./arguments.js').Participation} Wanted */
/** @typedef {import('./commands.js').Command} Command */
/** @typedef {import('../protocol/src/index.js').Event} Event */
/** @typedef {import('../protocol/src/index.js').Participant} Participant */
/** @typedef {import('./printer.js').Printer} Printer */
/** @typedef {import('./printer.js').Line} Line */

/** The version of spec/shim.md. */
const SHIM = 1;

/**
 * @param {Wanted} wanted
 * @param {NodeJS.ReadStream} input
 * @param {Printer} printer
 * @returns {Promise<number>} the exit status
 */
export async function participate(wanted, input, printer) {
  printer.print({ event: 'hello', shim: SHIM, client: 'burnchat-web/0.1.0' });
  const coming = lines(input);
  let entrance;
  try {
    entrance = await enter(wanted, coming, printer);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    const { code, retryAfterMs, attemptsLeft } = error;
    printer.print(problem(code, { retryAfterMs, attemptsLeft }));
    const { reason, status } = endingOf(code);
    printer.print({ event: 'ended', reason });
    return status;
  }
  return new Participation(entrance, coming, printer).run();
}

/**
 * @param {Wanted} wanted
 * @param {AsyncGenerator<import('./lines.js').Line>} coming
 * @param {Printer} printer
 */
async function enter(wanted, coming, printer) {
  if (wanted.command === 'join') {
    let text = wanted.link;
    if (text === '-') {
      const first = (await coming.next()).value;
      text = first !== undefined && 'text' in first ? first.text : '';
    }
    const link = await Link.parse(text.trim());
    const place = { base: link.base, roomId: link.roomId.slice() };
    return { place, client: await Client.create(link, { name: wanted.name, pin: wanted.pin?.trim() }) };
  }
  const { relay, ttlSeconds, extendSeconds, capacity, history, whoMayBurn } = wanted;
  if (extendSeconds > limits.NOT_AFTER_SLACK_SECONDS) throw new ProtocolError('invalid_parameter');
  const notAfter = hardEnd(Date.now(), ttlSeconds, extendSeconds);
  const created = await createRoom(relay.replace(/\/$/, ''), { ttlSeconds, capacity, history, whoMayBurn, notAfter });
  printer.print({
    event: 'created',
    link: created.link,
    pin: created.pin,
    expires_at: created.expiresAt,
    seconds_remaining: created.secondsRemaining,
  });
  const link = await Link.parse(created.link);
  const place = { base: link.base, roomId: link.roomId.slice() };
  const creatorToken = fromBase64url(created.creatorToken) ?? undefined;
  return { place, client: await Client.create(link, { name: wanted.name, creatorToken }) };
}

/** A clock that can be told of a sleep (`clock`). */
class SettableClock extends Clock {
  skipped = 0;

  /** @override */
  now() {
    return super.now() + this.skipped;
  }
}

class Participation {
  #client;
  #coming;
  #printer;
  #driver;
  #clock = new SettableClock();
  #window = new EventTarget();
  #network;
  #self = '';
  /** Commands wait for the first `joined`. */
  #joined = withResolvers();
  #ended = withResolvers();
  /** The room was locked when this client joined; to be told after the codes. */
  #foundLocked = false;

  /**
   * @param {{ client: Client, place: { base: string, roomId: Uint8Array<ArrayBuffer> } }} entrance
   * @param {AsyncGenerator<import('./lines.js').Line>} coming
   * @param {Printer} printer
   */
  constructor({ client, place }, coming, printer) {
    this.#client = client;
    this.#coming = coming;
    this.#printer = printer;
    this.#network = new Network(() => this.#unreachable());
    const world = {
      clock: this.#clock,
      WebSocket: this.#network.WebSocket,
      fetch: globalThis.fetch,
      random: Math.random,
      window: this.#window,
      hasNetwork: () => true,
    };
    this.#driver = new Driver(client, place, world, {
      event: (event) => this.#heard(event),
      reachability: () => {},
      progress: () => {},
    });
  }

  /** @returns {Promise<number>} the exit status */
  async run() {
    for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) process.on(signal, () => this.#leave());
    this.#driver.start();
    this.#obeyAll();
    const status = await this.#ended.promise;
    await this.#network.closed();
    return status;
  }

  // ---- Commands ----

  async #obeyAll() {
    await this.#joined.promise;
    for await (const line of this.#coming) {
      if (this.#client.status() === 'ended') return;
      try {
        if ('wrong' in line) throw new Refused(line.wrong);
        if (line.text.trim() !== '') this.#obey(parseCommand(line.text));
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        this.#printer.print(problem(error.code, { cmd: error.cmd }));
      }
      // What one command leads to comes before what the next one does.
      await this.#client.settled();
    }
    this.#leave();
  }

  #obey(/** @type {Command} */ command) {
    try {
      this.#do(command);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      throw new Refused(error.code, command.cmd);
    }
  }

  #do(/** @type {Command} */ command) {
    const client = this.#client;
    const now = this.#driver.now();
    switch (command.cmd) {
      case 'send': {
        const { text, burnAfterMs } = command;
        const id = client.send(now, text, { burnAfterMs });
        const me = client.participant(this.#self);
        const { name = null, label = '' } = me ?? {};
        const mine = { id, from: this.#self, name, label, text, sent_at: now, burn_after_ms: burnAfterMs, history: false, mine: true };
        this.#printer.print({ event: 'message', ...mine });
        return this.#driver.after(client.settled());
      }
      case 'read':
        return this.#driver.after(client.markRead(now, [{ author: command.author, id: command.id }]));
      case 'typing':
        return this.#driver.after(client.setTyping(now, command.typing));
      case 'kick':
        return this.#driver.after(client.kick(now, command.id, { renew: command.renew }));
      case 'lock':
        return this.#driver.after(client.lock(now, command.locked));
      case 'renew':
        return this.#driver.after(client.renew(now));
      case 'extend':
        return this.#driver.after(client.extend(now, command.seconds));
      case 'burn':
        return this.#driver.after(client.burn(now));
      case 'verify':
        this.#printer.print(this.#verification());
        return;
      case 'who':
        this.#printer.print({ event: 'participants', participants: client.participants().map(shown) });
        return;
      case 'link':
        this.#printer.print({ event: 'link', link: client.link(), current: client.linkIsCurrent() });
        return;
      case 'leave':
        return this.#leave();
      case 'clock':
        this.#clock.skipped += command.advanceMs;
        // As a page that has slept is told.
        this.#window.dispatchEvent(new globalThis.Event('pageshow'));
        return;
    }
  }

  #leave() {
    if (this.#client.status() === 'ended') return;
    this.#client.leave();
    this.#driver.progress();
  }

  #unreachable() {
    if (this.#client.status() === 'ended' || this.#self !== '') return;
    this.#end([problem('unreachable'), { event: 'ended', reason: 'unreachable' }], 6);
    this.#leave();
  }

  // ---- Events ----

  #heard(/** @type {Event} */ event) {
    switch (event.type) {
      case 'joined': {
        this.#self = event.id;
        const room = this.#client.room();
        const { locked = false, capacity = 0 } = room ?? {};
        const left = (this.#client.endsAt() ?? 0) - this.#driver.now();
        this.#printer.print({
          event: 'joined',
          id: event.id,
          role: event.role,
          participants: this.#client.participants().map(shown),
          seconds_remaining: Math.max(0, Math.ceil(left / 1000)),
          locked,
          capacity,
        });
        this.#foundLocked = locked;
        this.#joined.resolve(undefined);
        return;
      }
      case 'verificationChanged':
        this.#printer.print(this.#verification());
        if (this.#foundLocked) this.#printer.print({ event: 'locked', locked: true });
        this.#foundLocked = false;
        return;
      case 'rejoining':
        this.#printer.print({ event: 'gap', code: errors.get(event.code)?.number, name: event.code });
        return;
      case 'ended':
        return this.#over(event);
      default:
        this.#printer.print(this.#line(event));
    }
  }

  /**
   * @param {Exclude<Event, { type: 'joined' | 'verificationChanged' | 'rejoining' | 'ended' }>} event
   * @returns {Line}
   */
  #line(event) {
    switch (event.type) {
      case 'keyed':
        return { event: 'keyed', epoch: event.epoch, version: event.version };
      case 'rekeyStalled':
        return problem('rekey_stalled');
      case 'participantJoined':
        return { event: 'participant_joined', ...shown(event.participant) };
      case 'participantLeft': {
        const { id, name, label } = event.participant;
        return { event: 'participant_left', id, name, label, reason: event.reason };
      }
      case 'message': {
        const { id, author, text, sentAt, burnAfterMs, history } = event;
        const from = { from: author.id, name: author.name, label: author.label };
        return { event: 'message', id, ...from, text, sent_at: sentAt, burn_after_ms: burnAfterMs, history, mine: author.self };
      }
      case 'accepted':
        return { event: 'accepted', id: event.id };
      case 'unsent':
      case 'unknown':
        return { event: event.type, id: event.id, text: event.text };
      case 'read':
        return { event: 'read', by: event.by, author: event.author, id: event.id };
      case 'typing':
        return { event: 'typing', from: event.from, typing: event.typing };
      case 'messageBurned':
        return { event: 'message_burned', id: event.id, author: event.author };
      case 'unreadable':
        return { event: 'unreadable', from: event.from, reason: event.reason === 'notKeyedYet' ? 'not_keyed_yet' : 'unparsable' };
      case 'missed':
        return { event: 'missed', from: event.from, count: event.count };
      case 'countdown':
        return { event: 'countdown', seconds_remaining: event.secondsRemaining };
      case 'locked':
        return { event: 'locked', locked: event.locked };
      case 'extended':
        return { event: 'extended', seconds_remaining: event.secondsRemaining };
      case 'linkChanged':
        return { event: 'link_changed', link: this.#client.link() };
      case 'linkExpired':
        return { event: 'link_expired' };
      case 'historyRead':
        return { event: 'history_read', complete: event.complete };
      case 'reconnecting':
      case 'resumed':
        return { event: event.type };
      case 'fault':
        return problem(event.code, { about: event.about });
      case 'refused': {
        const { code, retryAfterMs, attemptsLeft } = event;
        return problem(code, { retryAfterMs, attemptsLeft });
      }
    }
  }

  /** @returns {Promise<Line | null>} */
  async #verification() {
    const codes = await this.#client.verification();
    if (codes === null) return null;
    return {
      event: 'verification',
      short: codes.shortCode,
      emoji: codes.emoji.map(({ symbol }) => symbol).join(''),
      emoji_names: codes.emoji.map(({ name }) => name),
      number: codes.safetyNumber,
      qr: codes.qrText,
    };
  }

  #over(/** @type {Extract<Event, { type: 'ended' }>} */ { reason, code, retryAfterMs, attemptsLeft }) {
    switch (reason) {
      case 'expired':
      case 'burned':
      case 'shutdown':
        return this.#end([{ event: 'burned', reason }], 0);
      case 'left':
        return this.#end([{ event: 'ended', reason }], 0);
      case 'kicked':
      case 'refused':
      case 'failed': {
        const name = code ?? 'kicked';
        const ending = endingOf(name);
        return this.#end([problem(name, { retryAfterMs, attemptsLeft }), { event: 'ended', reason: ending.reason }], ending.status);
      }
    }
  }

  #end(/** @type {Line[]} */ last, /** @type {number} */ status) {
    this.#printer.last(last);
    this.#ended.resolve(status);
  }
}

/** A promise, and what fulfils it. */
function withResolvers() {
  /** @type {(value: any) => void} */
  let resolve = () => {};
  const promise = new Promise((fulfil) => (resolve = fulfil));
  return { promise, resolve };
}

const shown = (/** @type {Participant} */ { id, name, label, number, role, clash, self }) =>
  ({ id, name, label, number, role, name_clash: clash, me: self });

/**
 * @param {string} name
 * @param {{ cmd?: string, about?: string | null, retryAfterMs?: number | null, attemptsLeft?: number | null }} [more]
 * @returns {Line}
 */
function problem(name, { cmd, about, retryAfterMs, attemptsLeft } = {}) {
  const code = name === 'unreachable' ? 0 : errors.get(name)?.number;
  const known = { cmd, about, retry_after_ms: retryAfterMs, attempts_left: attemptsLeft };
  const more = Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined && value !== null));
  return { event: 'error', code, name, message: name.replaceAll('_', ' '), ...more };
}

/** How a participation ends with an error, and the exit status that says so. */
function endingOf(/** @type {string} */ name) {
  const number = errors.get(name)?.number ?? 0;
  if (name === 'unreachable') return { reason: 'unreachable', status: 6 };
  if (name === 'kicked') return { reason: 'kicked', status: 5 };
  if (name === 'invalid_parameter') return { reason: 'usage', status: 2 };
  if (name === 'bad_link' || (number >= 600 && number < 700)) return { reason: 'bad_link', status: 3 };
  return number < 600 ? { reason: 'refused', status: 4 } : { reason: 'failed', status: 7 };
}
