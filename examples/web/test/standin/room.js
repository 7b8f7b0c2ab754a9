// In place of `net/room.js`, for states of the pages that a real relay is hard to bring to: it does what the test says,
// and nothing by itself. It is served only to tests.

/** @typedef {import('../../net/room.js').Participant} Participant */

export class RoomError extends Error {
  /** @param {string} code @param {{ retryAfterMs?: number | null, attemptsLeft?: number | null }} [more] */
  constructor(code, { retryAfterMs = null, attemptsLeft = null } = {}) {
    super(code);
    this.code = code;
    this.retryAfterMs = retryAfterMs;
    this.attemptsLeft = attemptsLeft;
  }
}

const LINK = `${location.origin}/r/AAAAAAAAAAAAAAAAAAAAAA#${'B'.repeat(56)}`;

/** What the test wants. Set before the page's scripts run; changed as it goes. */
const script = Object.assign(
  {
    secure: true,
    /** @type {string | null} */
    linkError: null,
    /** @type {string | null} */
    infoError: null,
    info: { secondsRemaining: 754, participants: 3, capacity: 50, locked: false, history: false, whoMayBurn: 'creator' },
    /** @type {string | null} */
    createError: null,
    /** @type {Record<string, unknown> | null} */
    joinEnds: null,
    secondsRemaining: 754,
    settings: { locked: false, capacity: 50, whoMayBurn: 'creator', history: false, role: 'creator', notAfter: Date.now() + 3_600_000, mayExtend: true },
    security: 'secured',
    linkIsCurrent: true,
    /** @type {Participant[]} */
    people: [],
    /** @type {[string, ...unknown[]][]} */
    calls: [],
    /** @param {Record<string, unknown>} _event */
    emit(_event) {},
  },
  /** @type {any} */ (globalThis).standIn,
);
/** @type {any} */ (globalThis).standIn = script;

const begun = performance.now();
const remaining = () => Math.max(0, script.secondsRemaining - (performance.now() - begun) / 1_000);

export const isSecureContext = () => script.secure;
export const proposeName = () => 'anonymous-otter-k7m2q';
/** @param {string} name */
export const checkName = (name) => {
  if (/[\u202e\u200b]/.test(name)) {
    throw new RoomError('name_not_allowed');
  }
  return name;
};

export async function parseLink() {
  if (script.linkError !== null) {
    throw new RoomError(script.linkError);
  }
  return { base: location.origin, roomId: 'AAAAAAAAAAAAAAAAAAAAAA', history: false, notAfter: Date.now() + 3_600_000 };
}

export async function createRoom() {
  if (script.createError !== null) {
    throw new RoomError(script.createError);
  }
  return { link: LINK, pin: 'K7M2QX', creatorToken: 'token', secondsRemaining: script.secondsRemaining, expiresAt: Date.now() + script.secondsRemaining * 1_000 };
}

export async function roomInfo() {
  if (script.infoError !== null) {
    throw new RoomError(script.infoError);
  }
  return script.info;
}

export async function joinRoom() {
  return new Room();
}

let number = 0;

export class Room {
  constructor() {
    /** @type {Set<(event: any) => void>} */
    this.listeners = new Set();
    script.emit = (/** @type {Record<string, unknown>} */ event) => this.listeners.forEach((listener) => listener(event));
    const first = script.joinEnds ? { type: 'ended', code: null, retryAfterMs: null, attemptsLeft: null, ...script.joinEnds } : { type: 'joined', id: 'me', role: script.settings.role };
    setTimeout(() => script.emit(first));
  }
  /** @param {(event: any) => void} listener */
  on(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
  /** @param {string} text @param {{ burnAfterMs?: number }} [options] */
  send(text, { burnAfterMs = 0 } = {}) {
    if (script.security === 'alone') {
      throw new RoomError('nobody_here');
    }
    number += 1;
    const id = `own-${number}`;
    script.emit({ type: 'message', id, author: script.people.find((/** @type {Participant} */ one) => one.self), text, sentAt: Date.now(), burnAfterMs, history: false });
    return id;
  }
  /** @param {boolean} typing */
  setTyping(typing) {
    script.calls.push(['setTyping', typing]);
  }
  /** @param {unknown[]} args */
  markRead(...args) {
    script.calls.push(['markRead', ...args]);
  }
  /** @param {unknown[]} args */
  kick(...args) {
    script.calls.push(['kick', ...args]);
  }
  /** @param {boolean} locked */
  lock(locked) {
    script.calls.push(['lock', locked]);
  }
  renew() {
    script.calls.push(['renew']);
  }
  /** @param {number} seconds */
  extend(seconds) {
    script.calls.push(['extend', seconds]);
  }
  burn() {
    script.emit({ type: 'ended', reason: 'burned', code: null, retryAfterMs: null, attemptsLeft: null });
  }
  leave() {
    script.emit({ type: 'ended', reason: 'left', code: null, retryAfterMs: null, attemptsLeft: null });
  }
  async verification() {
    const names = 'fox cactus moon pizza whale key bee train apple drum owl rocket clover lemon fish anchor'.split(' ');
    const symbols = '🦊 🌵 🌙 🍕 🐳 🔑 🐝 🚂 🍎 🥁 🦉 🚀 🍀 🍋 🐠 ⚓'.split(' ');
    return {
      shortCode: 'b52216',
      emoji: names.map((name, i) => ({ name, symbol: /** @type {string} */ (symbols[i]) })),
      safetyNumber: '85682 85998 01734 44210 90017 26514 73310 08841 62230 95117 30472 18865',
      qrText: 'burnchat-verify:1:856828599801734442109001726514733100884162230951173047218865',
    };
  }
  participants() {
    return script.people;
  }
  /** @param {string} id */
  participant(id) {
    return script.people.find((/** @type {Participant} */ one) => one.id === id) ?? null;
  }
  link() {
    return LINK;
  }
  linkIsCurrent() {
    return script.linkIsCurrent;
  }
  secondsRemaining() {
    return remaining();
  }
  settings() {
    return script.settings;
  }
  seatToken() {
    return 'seat';
  }
  security() {
    return script.security;
  }
}
