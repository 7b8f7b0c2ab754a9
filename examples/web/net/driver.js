// Drives one client machine: opens connections and opens them again, carries frames, keeps time.

import { Backoff } from './backoff.js';
import { openHttp } from './http.js';
import { GIVEN_UP, openSocket } from './socket.js';

/** @typedef {import('../protocol/src/index.js').Client} Client */
/** @typedef {import('../protocol/src/index.js').Event} RoomEvent */
/** @typedef {import('../protocol/src/index.js').Link} Link */
/** @typedef {import('./socket.js').Connection} Connection */
/** @typedef {{ state: 'connecting' | 'online' | 'reconnecting' | 'offline', retryAt: number | null }} Reachability */

/**
 * What the outside world is made of.
 * @typedef {object} World
 * @property {{ now(): number }} clock
 * @property {typeof globalThis.WebSocket} WebSocket
 * @property {typeof globalThis.fetch} fetch
 * @property {() => number} random
 * @property {EventTarget | null} window tells `online`, `offline` and `pageshow`
 * @property {() => boolean} hasNetwork
 */

/** A connection on which nothing has come for so long is taken for broken, ms (section 13.1). */
const SILENCE = 30_000;
/** After so many connections in a row on which nothing has come, the other way to the relay is tried. */
const FAILURES = 2;
/** The longest that timers reach. */
const FAR = 2 ** 31 - 1;

export class Driver {
  #client;
  #link;
  #world;
  #listener;
  #backoff;
  /** @type {Connection | null} */ #connection = null;
  /** Over plain HTTP a seat can be left without a connection: by the last one that broke. @type {Connection | null} */
  #broke = null;
  /** Whether the machine has been told of it. */
  #opened = false;
  #lastHeard = 0;
  /** How to get to the relay: a network may let through one and not the other. @type {'socket' | 'http'} */
  #way = 'socket';
  #failures = 0;
  /** Whether the machine wants a connection that is not there. */
  #wanted = false;
  /** @type {number | null} */ #retryAt = null;
  #everOnline = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;
  /** @type {Reachability | null} */ #told = null;
  #stop = new AbortController();

  /**
   * @param {Client} client
   * @param {{ base: string, roomId: Uint8Array<ArrayBuffer> }} place where the room is
   * @param {World} world
   * @param {{ event: (event: RoomEvent) => void, reachability: (now: Reachability) => void, progress: () => void }} listener
   */
  constructor(client, place, world, listener) {
    this.#client = client;
    this.#link = /** @type {Link} */ ({ ...place });
    this.#world = world;
    this.#listener = listener;
    this.#backoff = new Backoff(world.random);
    const { signal } = this.#stop;
    world.window?.addEventListener('online', () => this.#hurry(), { signal });
    world.window?.addEventListener('offline', () => this.#tellReachability(), { signal });
    world.window?.addEventListener('pagehide', (event) => this.#unload(event), { signal });
    world.window?.addEventListener('pageshow', () => this.#wake(), { signal });
    world.window?.addEventListener('visibilitychange', () => this.#wake(), { signal });
  }

  now() {
    return this.#world.clock.now();
  }

  start() {
    this.#progress();
  }

  /** Waits for an input to be worked on, then does what follows from it. */
  after(/** @type {Promise<unknown>} */ input) {
    input.then(() => this.#progress());
  }

  /** What follows from an input that was worked on at once. */
  progress() {
    this.#progress();
  }

  #progress() {
    for (let output = this.#client.pollOutput(); output !== null; output = this.#client.pollOutput()) {
      if (output.type === 'send') this.#connection?.send(output.frame);
      else if (output.type === 'close') this.#drop(output.code);
      else this.#want();
    }
    for (let event = this.#client.pollEvent(); event !== null; event = this.#client.pollEvent()) {
      if (event.type === 'joined' || event.type === 'resumed') {
        this.#backoff.reset();
        this.#everOnline = true;
        this.#broke = null;
      }
      this.#listener.event(event);
    }
    if (this.#client.status() === 'ended') {
      this.#end();
      return;
    }
    this.#tellReachability();
    this.#listener.progress();
    this.#setTimer();
  }

  // ---- Connections ----

  #want() {
    this.#wanted = true;
    this.#retryAt = this.now() + this.#backoff.next();
    if (this.#retryAt <= this.now()) this.#connect();
  }

  #connect() {
    this.#wanted = false;
    this.#retryAt = null;
    this.#opened = false;
    this.#lastHeard = this.now();
    /** @type {Connection} */
    const connection = this.#open({
      opened: () => {
        this.#opened = true;
        this.after(this.#client.handleConnected(this.now()));
      },
      message: (frame) => {
        this.#lastHeard = this.now();
        this.#failures = -1;
        this.after(this.#client.handleFrame(this.now(), frame));
      },
      broken: () => this.#broken(connection),
    });
    this.#connection = connection;
  }

  /** @returns {Connection} */
  #open(/** @type {import('./socket.js').Listener} */ listener) {
    const { WebSocket, fetch } = this.#world;
    if (this.#failures >= FAILURES) {
      this.#way = this.#way === 'socket' ? 'http' : 'socket';
      this.#failures = 0;
    }
    if (this.#way === 'socket') return openSocket(WebSocket, this.#link, listener);
    return openHttp(fetch, this.#link, () => this.#client.id() ?? '', () => this.now(), listener);
  }

  #broken(/** @type {Connection} */ connection) {
    if (this.#connection !== connection) return;
    this.#connection = null;
    this.#failures += 1;
    if (this.#way === 'http') this.#broke = connection;
    if (this.#opened) {
      this.after(this.#client.handleDisconnected(this.now()));
    } else {
      // The machine has not heard of it: it still waits for the one it asked for.
      this.#want();
      this.#progress();
    }
  }

  /** The one there is may not have come as far as to know the seat. */
  #close(/** @type {number} */ code) {
    for (const one of [this.#connection, this.#broke]) one?.close(code);
  }

  #drop(/** @type {number} */ code) {
    this.#close(code);
    this.#connection = null;
    this.#broke = null;
  }

  /** Nothing more comes on this connection, whatever the socket says. */
  #giveUp() {
    const connection = this.#connection;
    if (connection === null) return;
    connection.close(GIVEN_UP);
    this.#broken(connection);
  }

  /** The page goes away: so does its participant, as with a WebSocket that a browser closes. (1001 is the browser's own to give.) */
  #unload(/** @type {Event | PageTransitionEvent} */ event) {
    if (!('persisted' in event && event.persisted)) this.#close(1000);
  }

  /** There may be a network again. */
  #hurry() {
    this.#backoff.reset();
    if (this.#wanted) this.#connect();
    this.#progress();
  }

  /** The page may have slept. */
  #wake() {
    if (this.#wanted) this.#hurry();
    else this.#tick();
  }

  // ---- Time ----

  #tick() {
    const now = this.now();
    if (this.#connection !== null && now >= this.#lastHeard + SILENCE) this.#giveUp();
    if (this.#wanted && this.#retryAt !== null && now >= this.#retryAt) this.#connect();
    this.after(this.#client.handleTimeout(now));
  }

  #setTimer() {
    clearTimeout(this.#timer);
    const silence = this.#connection === null ? Infinity : this.#lastHeard + SILENCE;
    const at = Math.min(this.#client.pollTimeout() ?? Infinity, silence, this.#retryAt ?? Infinity);
    if (at === Infinity) return;
    this.#timer = setTimeout(() => this.#tick(), Math.min(FAR, Math.max(0, Math.ceil(at - this.now()))));
  }

  // ---- What the page is told ----

  #tellReachability() {
    if (this.#client.status() === 'ended') return;
    const now = this.#reachability();
    if (this.#told?.state === now.state && this.#told.retryAt === now.retryAt) return;
    this.#told = now;
    this.#listener.reachability(now);
  }

  /** @returns {Reachability} */
  #reachability() {
    if (this.#client.status() === 'joined') return { state: 'online', retryAt: null };
    const retryAt = this.#wanted ? this.#retryAt : null;
    if (!this.#world.hasNetwork()) return { state: 'offline', retryAt };
    return { state: this.#everOnline ? 'reconnecting' : 'connecting', retryAt };
  }

  #end() {
    clearTimeout(this.#timer);
    this.#stop.abort();
    this.#drop(1000);
    this.#wanted = false;
    this.#retryAt = null;
  }
}
