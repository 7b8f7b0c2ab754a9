// What a client remembers of single messages: which it has shown, and when they burn (sections 8.5 and 8.6).

import * as limits from './limits.js';

/**
 * Forgets the oldest of what there is too much of: what a relay or an insider can make grow has an end.
 * @param {Map<string, unknown> | Set<string>} collection
 * @param {number} most
 */
export function trim(collection, most) {
  for (const key of collection.keys()) {
    if (collection.size <= most) return;
    collection.delete(key);
  }
}

/** The texts shown already, the newest of each sender: none is shown twice. */
export class Shown {
  constructor() {
    /** @type {Map<string, Set<string>>} */
    this.ids = new Map();
  }

  /** Whether it is new. */
  add(/** @type {string} */ author, /** @type {string} */ id) {
    let ids = this.ids.get(author);
    if (ids === undefined) this.ids.set(author, (ids = new Set()));
    if (ids.has(id)) return false;
    ids.add(id);
    trim(ids, limits.REMEMBERED_IDS);
    trim(this.ids, limits.REMEMBERED_SENDERS);
    return true;
  }

  has(/** @type {string} */ author, /** @type {string} */ id) {
    return this.ids.get(author)?.has(id) ?? false;
  }

  wipe() {
    this.ids.clear();
  }
}

/** The messages with a time of their own. */
export class Burns {
  constructor() {
    /** @type {Map<string, { author: string, id: string, afterMs: number, at: number | null }>} */
    this.waiting = new Map();
  }

  /** A message that burns some time after it is read. */
  expect(/** @type {string} */ author, /** @type {string} */ id, /** @type {number} */ afterMs) {
    if (afterMs > 0) this.waiting.set(`${author} ${id}`, { author, id, afterMs, at: null });
  }

  /** It has been read, or accepted: its time runs. */
  start(/** @type {string} */ author, /** @type {string} */ id, /** @type {number} */ now) {
    const burn = this.waiting.get(`${author} ${id}`);
    if (burn !== undefined) burn.at ??= now + burn.afterMs;
  }

  /** Those whose time is over; they are forgotten. */
  due(/** @type {number} */ now) {
    const due = [...this.waiting].filter(([, { at }]) => at !== null && at <= now);
    for (const [key] of due) this.waiting.delete(key);
    return due.map(([, burn]) => burn);
  }

  /** When the next one is due. */
  timeout() {
    return Math.min(...Array.from(this.waiting.values(), ({ at }) => at ?? Infinity));
  }

  wipe() {
    this.waiting.clear();
  }
}
