// The room link (section 4).

import { concat, equal, fromBase64url, integer, toBase64url, u32, u8, utf8, wipe, L } from './bytes.js';
import { H, hashOf } from './crypto.js';
import { ProtocolError } from './errors.js';
import * as limits from './limits.js';

/** @typedef {import('./bytes.js').Bytes} Bytes */

const VERSION = 1;
const HISTORY = 1;
const HEADER = 6;
const CHECKED = 38;
const FRAGMENT = 42;

const BASE = /^https?:\/\/([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]+))?((?:\/[A-Za-z0-9._~!$&'()*+,;=:@%-]*)*)$/;

/** What a link says. Its secret halves are wiped by `wipe`. */
export class Link {
  /**
   * @param {{ base: string, roomId: Bytes, history: boolean, notAfter: number, secret: Bytes, ticket: Bytes }} parts
   *   `notAfter` in minutes since the Unix epoch
   */
  constructor({ base, roomId, history, notAfter, secret, ticket }) {
    this.base = base;
    this.roomId = roomId;
    this.history = history;
    this.notAfter = notAfter;
    this.secret = secret;
    this.ticket = ticket;
  }

  /**
   * Throws a `ProtocolError` with what is wrong.
   * @param {string} text
   * @returns {Promise<Link>}
   */
  static async parse(text) {
    const refuse = (/** @type {string} */ code) => new ProtocolError(code);
    if (utf8(text).length > limits.LINK) throw refuse('link_not_a_link');
    const hash = text.indexOf('#');
    const url = hash < 0 ? text : text.slice(0, hash);
    const fragment = hash < 0 ? '' : text.slice(hash + 1);
    const at = url.lastIndexOf('/r/');
    if (at < 0) throw refuse('link_not_a_link');
    // A copy: where engines let a slice share the characters of the whole, it would keep the link's secret in memory.
    const base = new TextDecoder().decode(utf8(url.slice(0, at)));
    const id = url.slice(at + 3);
    if (!isBase(base) || /[/?]/.test(id)) throw refuse('link_not_a_link');
    if (fragment === '') throw refuse('link_no_fragment');
    const roomId = fromBase64url(id);
    if (roomId === null || roomId.length !== 16) throw refuse('link_bad_room_id');
    const bytes = fromBase64url(fragment);
    if (bytes === null) throw refuse('link_bad_encoding');
    if (bytes.length !== FRAGMENT) throw refuse('link_bad_length');
    if (bytes[0] !== VERSION) throw refuse('link_unsupported_version');
    const check = (await hashOf(roomId, bytes.subarray(0, CHECKED))).subarray(0, 4);
    if (!equal(check, bytes.subarray(CHECKED))) throw refuse('link_mistyped');
    if ((bytes[1] & ~HISTORY) !== 0) throw refuse('link_unknown_flags');
    const link = new Link({
      base,
      roomId,
      history: (bytes[1] & HISTORY) !== 0,
      notAfter: Number(integer(bytes.subarray(2, HEADER))),
      secret: bytes.slice(HEADER, 22),
      ticket: bytes.slice(22, CHECKED),
    });
    wipe(bytes);
    return link;
  }

  /** The part of the fragment that is in every key. */
  get header() {
    return concat(u8(VERSION), u8(this.history ? HISTORY : 0), u32(this.notAfter));
  }

  /** The hard end, ms since the Unix epoch. */
  get notAfterMs() {
    return this.notAfter * 60_000;
  }

  /** @returns {Promise<string>} */
  async text() {
    const checked = concat(this.header, this.secret, this.ticket);
    const check = (await hashOf(this.roomId, checked)).subarray(0, 4);
    return `${this.base}/r/${toBase64url(this.roomId)}#${toBase64url(concat(checked, check))}`;
  }

  /** The same with another ticket, which is the link's from now on. */
  withTicket(/** @type {Bytes} */ ticket) {
    return new Link({ ...this, ticket });
  }

  wipe() {
    wipe(this.secret, this.ticket);
  }
}

/** Whether a relay's address has the form in which it stands before `/r/`. */
export function isBase(/** @type {string} */ text) {
  const parts = BASE.exec(text);
  if (parts === null) return false;
  const [, host, port, path] = parts;
  if (host.startsWith('[') && !isIPv6(host.slice(1, -1))) return false;
  return !(port !== undefined && Number(port) > 65_535) && !path.endsWith('/');
}

/** @returns {Promise<Bytes>} */
export const roomIdOf = async (/** @type {Bytes} */ seed) => (await H(L('room', seed))).slice(0, 16);

/** RFC 4291, section 2.2: eight groups, one run of them left out, the last two as an IPv4 address. */
function isIPv6(/** @type {string} */ text) {
  const halves = text.split('::');
  if (halves.length > 2) return false;
  let groups = 0;
  for (const [at, half] of halves.entries()) {
    if (half === '') continue;
    const parts = half.split(':');
    const last = parts.at(-1) ?? '';
    if (last.includes('.')) {
      if (at !== halves.length - 1 || !isIPv4(last)) return false;
      parts.pop();
      groups += 2;
    }
    if (!parts.every((part) => /^[0-9A-Fa-f]{1,4}$/.test(part))) return false;
    groups += parts.length;
  }
  return halves.length === 2 ? groups < 8 : groups === 8;
}

const isIPv4 = (/** @type {string} */ text) =>
  /^(?:0|[1-9][0-9]{0,2})(?:\.(?:0|[1-9][0-9]{0,2})){3}$/.test(text) && text.split('.').every((part) => Number(part) < 256);
