// The real programs: the relay, and the terminal client as a participant driven by JSON lines (spec/shim.md).

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';

import { joinRoom } from '../room.js';

/** @typedef {import('../room.js').Room} Room */
/** @typedef {import('../room.js').RoomEvent} RoomEvent */
/** @typedef {Record<string, any>} Line */

/** The longest wait for anything, ms. */
const PATIENCE = 60_000;

const target = process.env.CARGO_TARGET_DIR ?? fileURLToPath(new URL('../../../../target', import.meta.url));

function program(/** @type {string} */ name) {
  const path = `${target}/debug/${name}`;
  assert(existsSync(path), `${path} is missing: cargo build -p burnchat-relay -p burnchat-terminal`);
  return path;
}

/** A relay of its own, on a port of its own. */
export async function startRelay() {
  const relay = spawn(program('burnchat-relay'), ['--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'pipe'] });
  relay.stderr.resume();
  /** @type {string} */
  const base = await new Promise((resolve, reject) => {
    relay.once('exit', () => reject(new Error('the relay has ended')));
    createInterface({ input: relay.stdout }).on('line', (line) => {
      const found = /listening on (http:\S+)/.exec(line);
      if (found !== null) resolve(found[1]);
    });
  });
  const stop = () =>
    new Promise((resolve) => {
      relay.once('exit', resolve);
      relay.kill('SIGTERM');
    });
  return { base, stop };
}

/**
 * What somebody was told, in order, and a way to wait for it.
 * @template T
 */
export class Heard {
  constructor() {
    /** @type {T[]} */
    this.all = [];
    /** @type {Set<() => void>} */
    this.waiting = new Set();
    /** Up to where `next` has come. */
    this.read = 0;
  }

  push(/** @type {T} */ event) {
    this.all.push(event);
    for (const look of [...this.waiting]) look();
  }

  /**
   * The first one of its kind after the last that was waited for.
   * @param {(event: T) => boolean} isIt
   * @param {string} what
   * @returns {Promise<T>}
   */
  next(isIt, what) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(look);
        reject(new Error(`nobody said: ${what}; since then: ${JSON.stringify(this.all.slice(this.read)).slice(0, 2000)}`));
      }, PATIENCE);
      const look = () => {
        const at = this.all.findIndex((event, index) => index >= this.read && isIt(event));
        if (at < 0) return;
        this.read = at + 1;
        clearTimeout(timer);
        this.waiting.delete(look);
        resolve(this.all[at]);
      };
      this.waiting.add(look);
      look();
    });
  }

  /** Until something is so. */
  async until(/** @type {() => boolean} */ isSo, /** @type {string} */ what) {
    if (isSo()) return;
    const before = this.read;
    await this.next(() => isSo(), what);
    this.read = before;
  }
}

/** The network of one client: it can be cut. */
export class Network {
  constructor() {
    this.up = true;
    /** @type {Set<WebSocket>} */
    this.sockets = new Set();
    /** What becomes of a frame from the relay on its way; null: it is lost. @type {(frame: Line) => Line | null} */
    this.tamper = (frame) => frame;
    const network = this;
    this.WebSocket = /** @type {typeof globalThis.WebSocket} */ (
      /** @type {unknown} */ (
        class extends WebSocket {
          constructor(/** @type {string} */ url, /** @type {string} */ protocol) {
            super(network.up ? url : 'ws://127.0.0.1:9', protocol);
            network.sockets.add(this);
            this.once('close', () => network.sockets.delete(this));
          }

          /**
           * @override
           * @param {any} type
           * @param {any} listener
           */
          addEventListener(type, listener) {
            if (type !== 'message') return super.addEventListener(type, listener);
            super.addEventListener('message', (event) => {
              const frame = network.tamper(JSON.parse(String(event.data)));
              if (frame !== null) listener({ data: JSON.stringify(frame) });
            });
          }
        }
      )
    );
  }

  /** Every connection breaks, as if somebody had pulled a cable. */
  cut() {
    for (const socket of this.sockets) socket.terminate();
  }

  down() {
    this.up = false;
    this.cut();
  }
}

/** A participant of this implementation. */
export class Person {
  /**
   * @param {Room} room
   * @param {Network} network
   */
  constructor(room, network) {
    this.room = room;
    this.network = network;
    /** @type {Heard<RoomEvent>} */
    this.heard = new Heard();
    room.on((event) => this.heard.push(event));
  }

  /**
   * @param {string} link
   * @param {import('../room.js').JoinOptions} options
   * @param {Partial<import('../driver.js').World>} [world]
   * @param {Network} [network]
   */
  static async join(link, options, world = {}, network = new Network()) {
    return new Person(await joinRoom(link, options, { WebSocket: network.WebSocket, ...world }), network);
  }

  /**
   * @template {RoomEvent['type']} T
   * @param {T} type
   * @param {(event: Extract<RoomEvent, { type: T }>) => boolean} [isIt]
   * @returns {Promise<Extract<RoomEvent, { type: T }>>}
   */
  hears(type, isIt = () => true) {
    const matches = (/** @type {RoomEvent} */ event) => event.type === type && isIt(/** @type {any} */ (event));
    return /** @type {Promise<any>} */ (this.heard.next(matches, type));
  }

  reads(/** @type {string} */ text) {
    return this.hears('message', (event) => event.text === text);
  }

  /** Sends once whoever is there can read it. */
  async says(/** @type {string} */ text, options = {}) {
    return this.room.send(text, options);
  }

  /** Until everyone of the newest roster has the same key. */
  keyed(/** @type {number} */ people) {
    const isSo = () => this.room.participants().length === people && this.room.security() === 'secured' && this.newest();
    return this.heard.until(isSo, `a key for ${people}`);
  }

  /** Whether the newest key came after the newest change of the roster: the room knows of one before it has told all of it. */
  newest() {
    const changes = ['joined', 'participantJoined', 'participantLeft', 'verificationChanged'];
    const last = (/** @type {string[]} */ ...types) => this.heard.all.findLastIndex(({ type }) => types.includes(type));
    return last('keyed') > last(...changes);
  }

  texts() {
    return this.heard.all.flatMap((event) => (event.type === 'message' ? [event.text] : []));
  }
}

/** A participant in Rust: the terminal client. */
export class Terminal {
  /** @type {Terminal[]} */
  static all = [];

  constructor(/** @type {string[]} */ args) {
    this.process = spawn(program('burnchat'), ['--json', ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.process.stderr.resume();
    this.process.stdin.on('error', () => {});
    /** @type {Heard<Line>} */
    this.heard = new Heard();
    createInterface({ input: this.process.stdout }).on('line', (line) => this.heard.push(JSON.parse(line)));
    Terminal.all.push(this);
  }

  static create(/** @type {string} */ base, /** @type {string[]} */ ...args) {
    return new Terminal(['create', '--relay', base, ...args]);
  }

  static join(/** @type {string} */ link, /** @type {string[]} */ ...args) {
    return new Terminal(['join', link, ...args]);
  }

  /**
   * @param {string} event
   * @param {(line: Line) => boolean} [isIt]
   */
  hears(event, isIt = () => true) {
    return this.heard.next((line) => line.event === event && isIt(line), event);
  }

  reads(/** @type {string} */ text) {
    return this.hears('message', (line) => line.text === text && line.mine === false);
  }

  says(/** @type {string} */ text, options = {}) {
    this.command({ cmd: 'send', text, ...options });
  }

  command(/** @type {Line} */ line) {
    this.process.stdin.write(`${JSON.stringify(line)}\n`);
  }

  /** Until it holds a key of the roster it has told of. */
  keyed() {
    const last = (/** @type {string[]} */ ...events) => this.heard.all.findLastIndex(({ event }) => events.includes(event));
    return this.heard.until(() => last('keyed') > last('verification'), 'a key');
  }

  /** The codes as it shows them now. */
  codes() {
    return this.heard.all.findLast(({ event }) => event === 'verification');
  }

  texts() {
    return this.heard.all.flatMap(({ event, text }) => (event === 'message' ? [text] : []));
  }

  end() {
    this.process.kill('SIGTERM');
  }
}

/** The codes of both kinds of client in one form. */
export const shown = {
  async person(/** @type {Person} */ { room }) {
    const { shortCode, emoji, safetyNumber, qrText } = await room.verification();
    return { short: shortCode, emoji: emoji.map(({ symbol }) => symbol).join(''), number: safetyNumber, qr: qrText };
  },
  terminal(/** @type {Terminal} */ terminal) {
    const { short, emoji, number, qr } = terminal.codes() ?? {};
    return { short, emoji, number, qr };
  },
};

/** A way to the relay that can be cut, for programs whose sockets are their own. */
export class Cable {
  /**
   * @param {import('node:net').Server} server
   * @param {string} base
   */
  constructor(server, base) {
    this.server = server;
    this.base = base;
    this.up = true;
    /** @type {Set<import('node:net').Socket>} */
    this.sockets = new Set();
  }

  /** @returns {Promise<Cable>} */
  static lay(/** @type {string} */ relay) {
    const { hostname, port } = new URL(relay);
    return new Promise((resolve) => {
      const server = createServer((near) => {
        if (!cable.up) return near.destroy();
        const far = connect({ host: hostname, port: Number(port) });
        for (const socket of [near, far]) {
          cable.sockets.add(socket);
          socket.on('error', () => {});
          socket.on('close', () => {
            cable.sockets.delete(socket);
            near.destroy();
            far.destroy();
          });
        }
        near.pipe(far).pipe(near);
      });
      /** @type {Cable} */
      let cable;
      server.listen(0, '127.0.0.1', () => {
        const address = /** @type {import('node:net').AddressInfo} */ (server.address());
        cable = new Cable(server, `http://127.0.0.1:${address.port}`);
        resolve(cable);
      });
    });
  }

  cut() {
    for (const socket of this.sockets) socket.destroy();
  }

  close() {
    this.cut();
    this.server.close();
  }
}
