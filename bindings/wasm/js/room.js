// A room, driven: opens WebSockets and opens them again, carries frames, keeps time. For browsers, and for Node with a
// WebSocket of its own or of the package `ws`.

import { Client, codeMeaning, load, planRoom, readLink, readProblem, readRoomCreated } from './index.js';
import { startClock } from './clock.js';
import { Pauses } from './pauses.js';

/** @typedef {import('../dist/burnchat_wasm.js').Event} RoomEvent */
/** @typedef {import('../dist/burnchat_wasm.js').JoinOptions} JoinOptions */
/** @typedef {import('../dist/burnchat_wasm.js').Output} Output */
/** @typedef {import('../dist/burnchat_wasm.js').RoomSettings} RoomSettings */

/**
 * What a room needs of the world outside, and the page's own where it is absent.
 * @typedef {object} World
 * @property {typeof globalThis.WebSocket} [WebSocket]
 * @property {typeof globalThis.fetch} [fetch]
 * @property {import('./clock.js').Clock} [clock] goes on while the machine sleeps, and never goes back
 * @property {() => number} [random] spreads reconnects; keys do not come from it
 */

/** The relay has so long to answer what a connection begins with, ms. */
const ANSWER = 10_000;
/** A relay counts down every 10 s: a connection that is silent for so long is dead, ms. */
const SILENCE = 25_000;
/** A timer that is so late has slept, and frames may be waiting, ms. */
const LATE = 2_000;
/** The longest that timers reach, ms. */
const FAR = 2 ** 31 - 1;
/** The close code of a connection that is given up: a break, not a leave. */
const GIVEN_UP = 4000;

/**
 * Makes a room at a relay. Nobody is in it yet. Throws a `BurnchatError`: `invalid_parameter`, `link_not_a_link`, or what
 * the relay says; or what `fetch` throws.
 * @param {string} base the relay's URL
 * @param {RoomSettings} [settings]
 * @param {World} [world]
 * @returns {Promise<{ link: string, creatorToken: Uint8Array, pin: string, secondsRemaining: number }>} all of it secret
 */
export async function createRoom(base, settings = {}, { fetch = globalThis.fetch, clock = startClock() } = {}) {
  await load();
  const { request, link } = planRoom(base, settings, clock.now());
  const response = await fetch(`${base}/api/rooms`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: request,
    redirect: 'error',
  });
  const answer = await response.text();
  if (response.status === 201) return { link, ...readRoomCreated(answer, link) };
  const problem = readProblem(answer);
  if (problem === undefined) throw new Error(`the relay answered with HTTP status ${response.status}`);
  throw Object.assign(new Error(codeMeaning(problem.code)), { name: 'BurnchatError', ...problem });
}

/**
 * Takes a seat in the room of a link. Throws a `BurnchatError` for a link, name or token that is none; all that comes
 * later is told by events, the last of which is `ended`.
 * @param {string} link
 * @param {JoinOptions} options
 * @param {(event: RoomEvent) => void} onEvent
 * @param {World} [world]
 * @returns {Promise<Room>}
 */
export async function joinRoom(link, options, onEvent, world = {}) {
  await load();
  return new Room(new Client(link, options), readLink(link), onEvent, world);
}

/** One participation in one room. It frees its client when the room has ended; what is asked afterwards is `undefined`. */
export class Room {
  /** @type {Client | null} */ #client;
  #url;
  #onEvent;
  #WebSocket;
  #clock;
  #pauses;
  /** @type {WebSocket | null} */ #socket = null;
  /** Whether the machine knows of it. */ #connected = false;
  #settled = false;
  #openedAt = 0;
  #heardAt = 0;
  /** @type {number | null} */ #connectAt = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;
  #dueAt = Infinity;
  #busy = false;

  /**
   * @param {Client} client becomes the room's own
   * @param {{ base: string, roomId: string }} place
   * @param {(event: RoomEvent) => void} onEvent
   * @param {World} world
   */
  constructor(client, { base, roomId }, onEvent, { WebSocket = globalThis.WebSocket, clock = startClock(), random } = {}) {
    this.#client = client;
    this.#url = `${base.replace(/^http/, 'ws')}/api/rooms/${roomId}/ws`;
    this.#onEvent = onEvent;
    this.#WebSocket = WebSocket;
    this.#clock = clock;
    this.#pauses = new Pauses(random);
    // Whoever asked for the room has it in hand before it speaks.
    queueMicrotask(() => this.#work());
  }

  /**
   * Writes a text and answers its id; the events `accepted`, `unsent` or `unknown` say what became of it.
   * @param {string} text
   * @param {{ burnAfterMs?: number }} [options]
   */
  send(text, { burnAfterMs } = {}) {
    return this.#command((client, now) => client.sendText(now, text, burnAfterMs));
  }

  setTyping(/** @type {boolean} */ typing) {
    this.#command((client, now) => client.setTyping(now, typing));
  }

  markRead(/** @type {{ author: string, id: string }[]} */ messages) {
    this.#command((client, now) => client.markRead(now, messages));
  }

  kick(/** @type {string} */ participant, renewTicket = true) {
    this.#command((client, now) => client.kick(now, participant, renewTicket));
  }

  lock(/** @type {boolean} */ locked) {
    this.#command((client, now) => client.lock(now, locked));
  }

  renew() {
    this.#command((client, now) => client.renew(now));
  }

  extend(/** @type {number} */ seconds) {
    this.#command((client, now) => client.extend(now, seconds));
  }

  burn() {
    this.#command((client, now) => client.burn(now));
  }

  /** Leaves in good order. Once the room has ended it does nothing. */
  leave() {
    if (this.#client !== null) this.#command((client, now) => client.leave(now));
  }

  /**
   * Looks what time it is, and connects at once if it waits to. Call it when the page or the machine may have slept, or
   * there is a network again (`visibilitychange`, `pageshow`, `online`).
   */
  wake() {
    if (this.#connectAt !== null) {
      this.#pauses.reset();
      this.#connectAt = this.#clock.now();
    }
    this.#tick();
  }

  status() {
    return this.#client?.status() ?? 'ended';
  }

  link() {
    return this.#client?.link();
  }

  linkIsCurrent() {
    return this.#client?.linkIsCurrent() ?? false;
  }

  me() {
    return this.#client?.me();
  }

  participants() {
    return this.#client?.participants() ?? [];
  }

  verification() {
    return this.#client?.verification();
  }

  epoch() {
    return this.#client?.epoch();
  }

  settings() {
    return this.#client?.room();
  }

  endsAt() {
    return this.#client?.endsAt();
  }

  seatToken() {
    return this.#client?.seatToken();
  }

  /**
   * @template T
   * @param {(client: Client, now: number) => T} work
   * @returns {T}
   */
  #command(work) {
    if (this.#client === null) {
      throw Object.assign(new Error(codeMeaning(ENDED)), { name: 'BurnchatError', code: ENDED, codeName: 'ended' });
    }
    try {
      return work(this.#client, this.#clock.now());
    } finally {
      this.#work();
    }
  }

  /** Carries out what the machine says, until it falls silent. */
  #work() {
    // A listener that gives a command is inside this loop already, and its outputs come after those before them.
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (let output = this.#client?.pollOutput(); output !== undefined; output = this.#client?.pollOutput()) this.#carryOut(output);
    } finally {
      this.#busy = false;
    }
    if (this.#client?.status() === 'ended') this.#end();
    else this.#setTimer();
  }

  #carryOut(/** @type {Output} */ output) {
    switch (output.type) {
      case 'connect':
        this.#connectAt = this.#clock.now() + this.#pauses.next();
        break;
      case 'send':
        if (this.#socket?.readyState === 1) this.#socket.send(output.frame);
        break;
      case 'close':
        this.#drop(output.code);
        break;
      case 'event':
        this.#tell(output.event);
        break;
    }
  }

  #tell(/** @type {RoomEvent} */ event) {
    if (event.type === 'joined' || event.type === 'resumed') {
      this.#settled = true;
      this.#pauses.reset();
    }
    try {
      this.#onEvent(event);
    } catch (error) {
      // A listener that stumbles over one event is told, and hears the next.
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  #connect() {
    this.#connectAt = null;
    this.#connected = false;
    this.#settled = false;
    this.#openedAt = this.#heardAt = this.#clock.now();
    let /** @type {WebSocket} */ socket;
    try {
      socket = new this.#WebSocket(this.#url, SUBPROTOCOL);
    } catch {
      // What a page may not do, a browser says at once; and it may be allowed later.
      return this.#broken();
    }
    this.#socket = socket;
    const on = (/** @type {keyof WebSocketEventMap} */ type, /** @type {(event: any) => void} */ react) =>
      socket.addEventListener(type, (event) => {
        if (this.#socket === socket) react(event);
      });
    on('open', () => {
      if (socket.protocol !== SUBPROTOCOL) return this.#giveUp();
      this.#connected = this.#client?.handleConnected(this.#clock.now()) === undefined;
      // Only cryptography can have failed; the next connection is the next attempt.
      if (!this.#connected) return this.#giveUp();
      this.#work();
    });
    on('message', ({ data }) => {
      this.#heardAt = this.#clock.now();
      // What is not text is no frame; the machine says so.
      const fault = this.#client?.handleFrame(this.#heardAt, typeof data === 'string' ? data : '');
      this.#work();
      // Where the participation goes on, whoever looks is told; where it does not, the machine has said why.
      if (fault !== undefined && !['offline', 'ended'].includes(this.status())) this.#tell({ type: 'fault', ...fault, about: null });
    });
    on('close', () => this.#broken());
    on('error', () => this.#broken());
  }

  #broken() {
    this.#socket = null;
    // The machine still waits for a connection it has not heard of.
    if (this.#connected) this.#client?.handleDisconnected(this.#clock.now());
    else this.#connectAt = this.#clock.now() + this.#pauses.next();
    this.#work();
  }

  /** Nothing more comes on this connection, whatever the socket says. */
  #giveUp() {
    this.#drop(GIVEN_UP);
    this.#broken();
  }

  #drop(/** @type {number} */ code) {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close(code);
  }

  #tick() {
    const now = this.#clock.now();
    if (now > this.#dueAt + LATE) this.#heardAt = now;
    if (this.#socket !== null && now >= this.#deadAt()) this.#giveUp();
    if (this.#connectAt !== null && now >= this.#connectAt) this.#connect();
    this.#client?.handleTimeout(now);
    this.#work();
  }

  /** When the connection is taken for dead. */
  #deadAt() {
    const silent = this.#heardAt + SILENCE;
    return this.#settled ? silent : Math.min(silent, this.#openedAt + ANSWER);
  }

  #setTimer() {
    clearTimeout(this.#timer);
    const machine = this.#client?.pollTimeout() ?? Infinity;
    const silence = this.#socket === null ? Infinity : this.#deadAt();
    this.#dueAt = Math.min(machine, silence, this.#connectAt ?? Infinity);
    if (this.#dueAt === Infinity) return;
    const wait = Math.ceil(this.#dueAt - this.#clock.now());
    this.#timer = setTimeout(() => this.#tick(), Math.min(FAR, Math.max(0, wait)));
  }

  #end() {
    clearTimeout(this.#timer);
    this.#connectAt = null;
    this.#drop(1000);
    this.#client?.free();
    this.#client = null;
  }
}

const SUBPROTOCOL = 'burnchat.v1';
/** The number of `ended` in the registry. */
const ENDED = 705;
