// A connection over plain HTTP, for networks that block WebSockets (section 13.5): an event stream for what comes, one
// request after the other for what goes. The seat token travels as a bearer token, so no cookie is ever set.

import { ProtocolError, readProblem } from '../protocol/src/index.js';
import { PATIENCE, request, roomPath } from './api.js';
import { EventStream } from './event-stream.js';

/** @typedef {import('../protocol/src/index.js').Link} Link */
/** @typedef {import('./socket.js').Connection} Connection */
/** @typedef {import('./socket.js').Listener} Listener */

/** Who has posted nothing for so long gives a sign of life, ms. */
const QUIET = 15_000;

/** Refusals that say nothing about the room: the connection has failed, and another one may not. */
const OF_THE_WAY = new Set(['unreachable', 'unknown_path', 'unknown_method', 'unexpected_frame', 'relay_ending']);

class HttpConnection {
  #fetch;
  #path;
  #participantId;
  #listener;
  #now;
  #token = '';
  #id = '';
  #over = new AbortController();
  #leaving = false;
  /** One request at a time. @type {Promise<void>} */
  #posting = Promise.resolve();
  #lastPost = 0;

  /**
   * @param {typeof globalThis.fetch} fetch
   * @param {Link} link
   * @param {() => string} participantId
   * @param {() => number} now
   * @param {Listener} listener
   */
  constructor(fetch, link, participantId, now, listener) {
    this.#fetch = fetch;
    this.#path = `${roomPath(link)}/session`;
    this.#participantId = participantId;
    this.#now = now;
    this.#listener = listener;
  }

  open() {
    queueMicrotask(() => {
      if (!this.#isOver()) this.#listener.opened();
    });
  }

  send(/** @type {string} */ frame) {
    const { type, seat_token: token, seq, epoch, n } = JSON.parse(frame);
    // Kept: when it is time to leave, nobody knows it any more.
    this.#id ||= this.#participantId();
    if (type === 'join') this.#join(frame);
    else if (type === 'resume') {
      this.#token = token;
      this.#listen(seq);
    } else this.#post(frame, type === 'message' ? { epoch, n } : {});
  }

  close(/** @type {number} */ code) {
    if (this.#leaving) return;
    if (this.#token === '' || (code !== 1000 && code !== 1001)) {
      this.#over.abort();
      return;
    }
    // Also where it has broken: then the seat is free at once instead of after its time.
    this.#leaving = true;
    const goodbye = { method: 'DELETE', headers: this.#headers(), keepalive: true };
    this.#token = '';
    request(this.#fetch, this.#session(), goodbye).catch(() => {}).then(() => this.#over.abort());
  }

  async #join(/** @type {string} */ frame) {
    const headers = { 'Content-Type': 'application/json', 'Accept-Token': 'bearer' };
    const joined = await this.#try(() => this.#request(this.#path, { method: 'POST', headers, body: frame }));
    if (joined === null) return;
    this.#lastPost = this.#now();
    this.#token = JSON.parse(joined).seat_token;
    this.#listener.message(joined);
    this.#listen(null);
  }

  /** Everything from now on, or from an entry on. */
  async #listen(/** @type {number | null} */ seq) {
    const headers = { Accept: 'text/event-stream', ...this.#headers(), ...(seq === null ? {} : { 'Last-Event-ID': String(seq) }) };
    await this.#try(async () => {
      const answer = await this.#fetch(`${this.#session()}/events`, {
        headers,
        cache: 'no-store',
        credentials: 'omit',
        redirect: 'error',
        referrerPolicy: 'no-referrer',
        signal: this.#over.signal,
      });
      if (!answer.ok || answer.body === null) throw problem(await answer.text());
      const stream = new EventStream((event) => this.#heard(event));
      const reader = answer.body.getReader();
      for (let part = await reader.read(); !part.done; part = await reader.read()) stream.push(part.value);
    });
    this.#break();
  }

  #heard(/** @type {string} */ frame) {
    if (this.#isOver()) return;
    this.#listener.message(frame);
    if (this.#now() >= this.#lastPost + QUIET) this.#post('', {});
  }

  /**
   * @param {string} frame
   * @param {{ epoch?: string, n?: number }} about the envelope that a refusal is about
   */
  #post(frame, about) {
    this.#lastPost = this.#now();
    const headers = { 'Content-Type': 'application/json', ...this.#headers() };
    this.#posting = this.#posting.then(async () => {
      if (this.#isOver()) return;
      await this.#try(() => this.#request(`${this.#session()}/frames`, { method: 'POST', headers, body: frame }), about);
    });
  }

  #request(/** @type {string} */ url, /** @type {RequestInit} */ init) {
    const signal = AbortSignal.any([this.#over.signal, AbortSignal.timeout(PATIENCE)]);
    return request(this.#fetch, url, { ...init, signal }, problem);
  }

  /**
   * What the work gives. A refusal is told as the frame it would be on a WebSocket, or breaks the connection: then null.
   * @template T
   * @param {() => Promise<T>} work
   * @param {{ epoch?: string, n?: number }} [about]
   * @returns {Promise<T | null>}
   */
  async #try(work, about = {}) {
    try {
      return await work();
    } catch (error) {
      if (this.#isOver()) return null;
      if (!(error instanceof ProtocolError) || OF_THE_WAY.has(error.code)) {
        this.#break();
        return null;
      }
      const { code, retryAfterMs, attemptsLeft } = error;
      const frame = { type: 'error', code, retry_after_ms: retryAfterMs, attempts_left: attemptsLeft, ...about };
      this.#listener.message(JSON.stringify(frame));
      return null;
    }
  }

  #break() {
    if (this.#isOver()) return;
    this.#over.abort();
    this.#listener.broken();
  }

  #isOver() {
    return this.#leaving || this.#over.signal.aborted;
  }

  #session() {
    return `${this.#path}/${this.#id}`;
  }

  #headers() {
    return { Authorization: `Bearer ${this.#token}` };
  }
}

/**
 * What a refusal says. One that is not a problem of this protocol comes from something on the way, not from the room.
 * @param {string} body
 */
function problem(body) {
  try {
    const { code, retry_after_ms: retryAfterMs, attempts_left: attemptsLeft } = readProblem(body);
    return new ProtocolError(code, { retryAfterMs, attemptsLeft });
  } catch {
    return new ProtocolError('unreachable');
  }
}

/**
 * @param {typeof globalThis.fetch} fetch
 * @param {Link} link
 * @param {() => string} participantId
 * @param {() => number} now
 * @param {Listener} listener
 * @returns {Connection}
 */
export function openHttp(fetch, link, participantId, now, listener) {
  const connection = new HttpConnection(fetch, link, participantId, now, listener);
  connection.open();
  return connection;
}
