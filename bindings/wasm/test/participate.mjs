// One participation of this package, driven by JSON lines (spec/shim.md, sections 1 to 6), for the conformance suite. The
// lines and the command line are read by the web client's shim; all else is this package's.

import { parseCommand, Refused } from '../../../examples/web/shim/commands.js';
import { lines } from '../../../examples/web/shim/lines.js';
import { Network } from '../../../examples/web/shim/network.js';
import { startClock } from '../js/clock.js';
import { codeName, load } from '../js/index.js';
import { createRoom, joinRoom } from '../js/room.js';

/** Answers the exit status. */
export async function participate(wanted, input, printer) {
  printer.print({ event: 'hello', shim: 1, client: 'burnchat-wasm/0.1.0' });
  const coming = lines(input);
  const part = new Participation(printer);
  try {
    await part.enter(wanted, coming);
  } catch (error) {
    if (error.codeName === undefined) throw error;
    return part.never(error);
  }
  return part.run(coming);
}

class Participation {
  #printer;
  #room;
  #self;
  #skipped = 0;
  #foundLocked = false;
  /** Events that wait for what is printed before them. */
  #hold = null;
  #network = new Network(() => this.#unreachable());
  #joined = withResolvers();
  #over = withResolvers();

  constructor(printer) {
    this.#printer = printer;
  }

  async enter(wanted, coming) {
    const clock = startClock();
    const now = () => clock.now() + this.#skipped;
    const options = { name: wanted.name, pin: wanted.pin?.trim() };
    let { link } = wanted;
    if (wanted.command === 'create') {
      const { ttlSeconds, extendSeconds: extensionSeconds, capacity, history, whoMayBurn } = wanted;
      const made = await createRoom(wanted.relay.replace(/\/$/, ''), { ttlSeconds, extensionSeconds, capacity, history, whoMayBurn });
      const { pin, secondsRemaining } = made;
      this.#printer.print({ event: 'created', link: made.link, pin, expires_at: now() + secondsRemaining * 1000, seconds_remaining: secondsRemaining });
      Object.assign(options, { creatorToken: made.creatorToken });
      link = made.link;
    } else if (link === '-') link = (await coming.next()).value?.text ?? '';
    this.#room = await joinRoom(link.trim(), options, (event) => this.#heard(event), { WebSocket: this.#network.WebSocket, clock: { now } });
  }

  never(error) {
    const { reason, status } = endingOf(error);
    this.#printer.print(problem(error));
    this.#printer.print({ event: 'ended', reason });
    return status;
  }

  async run(coming) {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => this.#room.leave());
    this.#obeyAll(coming);
    const status = await this.#over.promise;
    await this.#network.closed();
    return status;
  }

  async #obeyAll(coming) {
    await this.#joined.promise;
    for await (const line of coming) {
      if (this.#room.status() === 'ended') return;
      try {
        if ('wrong' in line) throw new Refused(line.wrong);
        if (line.text.trim() !== '') this.#obey(parseCommand(line.text));
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        this.#printer.print(problem({ codeName: error.code, cmd: error.cmd }));
      }
    }
    this.#room.leave();
  }

  #obey(command) {
    try {
      this.#do(command);
    } catch (error) {
      if (error.codeName === undefined) throw error;
      throw new Refused(error.codeName, command.cmd);
    }
  }

  #do(command) {
    const room = this.#room;
    switch (command.cmd) {
      case 'send':
        return this.#send(command);
      case 'read':
        return room.markRead([{ author: command.author, id: command.id }]);
      case 'typing':
        return room.setTyping(command.typing);
      case 'kick':
        return room.kick(command.id, command.renew);
      case 'lock':
        return room.lock(command.locked);
      case 'renew':
        return room.renew();
      case 'extend':
        return room.extend(command.seconds);
      case 'burn':
        return room.burn();
      case 'verify':
        return this.#printer.print(this.#codes());
      case 'who':
        return this.#printer.print({ event: 'participants', participants: room.participants().map(shown) });
      case 'link':
        return this.#printer.print({ event: 'link', link: room.link(), current: room.linkIsCurrent() });
      case 'leave':
        return room.leave();
      case 'clock':
        this.#skipped += command.advanceMs;
        return room.wake();
    }
  }

  /** What is printed of one's own text comes before all that follows from it. */
  #send({ text, burnAfterMs }) {
    const held = [];
    this.#hold = held;
    try {
      const id = this.#room.send(text, { burnAfterMs });
      const { id: from, name, label } = this.#room.participants().find(({ self }) => self) ?? { id: this.#self };
      const mine = { id, from, name, label, text, sent_at: Date.now() + this.#skipped, burn_after_ms: burnAfterMs, history: false, mine: true };
      this.#printer.print({ event: 'message', ...mine });
    } finally {
      this.#hold = null;
      for (const event of held) this.#heard(event);
    }
  }

  #unreachable() {
    if (this.#self !== undefined) return;
    this.#end([{ event: 'error', code: 0, name: 'unreachable', message: 'unreachable' }, { event: 'ended', reason: 'unreachable' }], 6);
    this.#room.leave();
  }

  #heard(event) {
    if (this.#hold !== null) return void this.#hold.push(event);
    const line = this.#line(event);
    if (line !== null) this.#printer.print(line);
  }

  #line(event) {
    const { type, ...members } = event;
    switch (type) {
      case 'joined':
        return this.#in(event);
      case 'verificationChanged': {
        this.#printer.print(this.#codes());
        if (this.#foundLocked) this.#printer.print({ event: 'locked', locked: true });
        this.#foundLocked = false;
        return null;
      }
      case 'rekeyStalled':
        return problem({ codeName: 'rekey_stalled' });
      case 'participantJoined':
        return { event: 'participant_joined', ...shown(event.participant) };
      case 'participantLeft': {
        const { id, name, label } = event.participant;
        return { event: 'participant_left', id, name, label, reason: event.reason };
      }
      case 'message': {
        const { id, author, text, sentAtMs, burnAfterMs, history } = event;
        return { event: 'message', id, from: author.id, name: author.name, label: author.label, text, sent_at: sentAtMs, burn_after_ms: burnAfterMs, history, mine: author.self };
      }
      case 'messageBurned':
        return { event: 'message_burned', ...members };
      case 'unreadable':
        return { event: 'unreadable', from: event.from, reason: event.reason === 'notKeyedYet' ? 'not_keyed_yet' : 'unparsable' };
      case 'countdown':
      case 'extended':
        return { event: type, seconds_remaining: event.secondsRemaining };
      case 'linkChanged':
        return { event: 'link_changed', link: this.#room.link() };
      case 'linkExpired':
        return { event: 'link_expired' };
      case 'historyRead':
        return { event: 'history_read', complete: event.complete };
      case 'rejoining':
        return { event: 'gap', code: event.code, name: event.codeName };
      case 'fault':
      case 'refused':
        return problem(event);
      case 'ended':
        return this.#done(event);
      default:
        return { event: type, ...members };
    }
  }

  #in({ id, role }) {
    this.#self = id;
    const { locked, capacity } = this.#room.settings();
    const left = this.#room.endsAt() - Date.now() - this.#skipped;
    this.#foundLocked = locked;
    this.#joined.resolve();
    const participants = this.#room.participants().map(shown);
    return { event: 'joined', id, role, participants, seconds_remaining: Math.max(0, Math.ceil(left / 1000)), locked, capacity };
  }

  #codes() {
    const codes = this.#room.verification();
    if (codes === undefined) return null;
    const { shortCode, emoji, safetyNumber, qrText } = codes;
    const [symbols, names] = [emoji.map(({ symbol }) => symbol).join(''), emoji.map(({ name }) => name)];
    return { event: 'verification', short: shortCode, emoji: symbols, emoji_names: names, number: safetyNumber, qr: qrText };
  }

  #done(event) {
    if (['expired', 'burned', 'shutdown'].includes(event.reason)) this.#end([{ event: 'burned', reason: event.reason }], 0);
    else if (event.reason === 'left') this.#end([{ event: 'ended', reason: 'left' }], 0);
    else {
      const why = event.reason === 'kicked' ? { codeName: 'kicked' } : event;
      const { reason, status } = endingOf(why);
      this.#end([problem(why), { event: 'ended', reason }], status);
    }
    return null;
  }

  #end(last, status) {
    this.#printer.last(last);
    this.#over.resolve(status);
  }
}

/** Node 20 has no `Promise.withResolvers`. */
function withResolvers() {
  let resolve;
  const promise = new Promise((fulfil) => (resolve = fulfil));
  return { promise, resolve };
}

const shown = ({ id, name, label, number, role, clash, self }) => ({ id, name, label, number, role, name_clash: clash, me: self });

/** The numbers of the registry, by name. */
await load();
const numbers = new Map(Array.from({ length: 1000 }, (_, code) => [codeName(code), code]));

function problem({ codeName: name, cmd, about, retryAfterMs, attemptsLeft }) {
  const known = { cmd, about, retry_after_ms: retryAfterMs, attempts_left: attemptsLeft };
  const more = Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined && value !== null));
  return { event: 'error', code: numbers.get(name), name, message: name.replaceAll('_', ' '), ...more };
}

/** How a participation ends with an error (spec/shim.md, section 6). */
function endingOf({ codeName: name }) {
  const code = numbers.get(name) ?? 0;
  if (name === 'kicked') return { reason: 'kicked', status: 5 };
  if (name === 'invalid_parameter') return { reason: 'usage', status: 2 };
  if (name === 'bad_link' || (code >= 600 && code < 700)) return { reason: 'bad_link', status: 3 };
  return code < 600 ? { reason: 'refused', status: 4 } : { reason: 'failed', status: 7 };
}
