// What sections 3 to 10 and 13 of burnchat-1.md say, for Node 20 or newer and nothing else: written from the spec
// alone, to show that it is enough and that the vectors are right. Made to be read beside the spec, not to be fast.

import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';

const subtle = globalThis.crypto.subtle;

export const spec = readFileSync(new URL('../burnchat-1.md', import.meta.url), 'utf8');

// ---- 3. Notation and encodings ----

export const hex = (bytes) => Buffer.from(bytes).toString('hex');
export const unhex = (text) => {
  if (!/^([0-9a-f]{2})*$/.test(text)) throw new Error(`not hex: ${text}`);
  return new Uint8Array(Buffer.from(text, 'hex'));
};
export const utf8 = (text) => new TextEncoder().encode(text);
export const cat = (...parts) => new Uint8Array(Buffer.concat(parts));
export const equal = (a, b) => Buffer.compare(a, b) === 0;

const integer = (width) => (value) => {
  const bytes = new Uint8Array(width);
  let rest = BigInt(value);
  for (let at = width - 1; at >= 0; at -= 1) {
    bytes[at] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  if (rest !== 0n) throw new Error(`${value} does not fit`);
  return bytes;
};
export const u64 = integer(8);
export const u32 = integer(4);
export const u8 = integer(1);
export const number = (bytes) => bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);

export const L = (label, ...fields) =>
  cat(...[utf8(`burnchat/1 ${label}`), ...fields].flatMap((field) => [u32(field.length), field]));

export const H = async (input) => new Uint8Array(await subtle.digest('SHA-256', input));

export async function HMAC(key, input) {
  const imported = await subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  return new Uint8Array(await subtle.sign('HMAC', imported, input));
}

export async function HKDF(salt, ikm, info) {
  const imported = await subtle.importKey('raw', ikm, 'HKDF', false, ['deriveBits']);
  return new Uint8Array(await subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt, info }, imported, 256));
}

// WebCrypto wraps keys, not bytes. Any 256-bit key that may be exported will do, and HMAC takes all byte strings.
const WRAPPABLE = { name: 'HMAC', hash: 'SHA-256', length: 256 };

export async function wrap(kek, key) {
  const wrapping = await subtle.importKey('raw', kek, 'AES-KW', false, ['wrapKey']);
  const wrapped = await subtle.importKey('raw', key, WRAPPABLE, true, ['sign']);
  return new Uint8Array(await subtle.wrapKey('raw', wrapped, wrapping, 'AES-KW'));
}

/** The key, or null. */
export async function unwrap(kek, wrapped) {
  if (wrapped.length !== 40) return null;
  const wrapping = await subtle.importKey('raw', kek, 'AES-KW', false, ['unwrapKey']);
  try {
    const key = await subtle.unwrapKey('raw', wrapped, wrapping, 'AES-KW', WRAPPABLE, true, ['sign']);
    return new Uint8Array(await subtle.exportKey('raw', key));
  } catch {
    return null;
  }
}

const gcm = (key, usage) => subtle.importKey('raw', key, 'AES-GCM', false, [usage]);

export async function seal(key, iv, additionalData, plaintext) {
  const algorithm = { name: 'AES-GCM', iv, additionalData };
  return new Uint8Array(await subtle.encrypt(algorithm, await gcm(key, 'encrypt'), plaintext));
}

/** The plaintext, or null. */
export async function open(key, iv, additionalData, ciphertext) {
  if (ciphertext.length < 16) return null;
  try {
    const algorithm = { name: 'AES-GCM', iv, additionalData };
    return new Uint8Array(await subtle.decrypt(algorithm, await gcm(key, 'decrypt'), ciphertext));
  } catch {
    return null;
  }
}

const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

export const isPrivateScalar = (scalar) => number(scalar) >= 1n && number(scalar) < ORDER;

// WebCrypto takes no bare scalar: PKCS #8 round an ECPrivateKey without its optional public key is as near as it gets,
// and exported as a JWK it tells the public key.
const PKCS8 = unhex('3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420');
const privateKey = (algorithm, usage, scalar) =>
  subtle.importKey('pkcs8', cat(PKCS8, scalar), { name: algorithm, namedCurve: 'P-256' }, true, [usage]);

export async function publicKeyOf(scalar) {
  const { x, y } = await subtle.exportKey('jwk', await privateKey('ECDSA', 'sign', scalar));
  return cat(u8(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url'));
}

/** Length and first byte before the library, which would take a compressed point as well. */
async function publicKey(algorithm, usages, bytes) {
  if (bytes.length !== 65 || bytes[0] !== 4) return null;
  try {
    return await subtle.importKey('raw', bytes, { name: algorithm, namedCurve: 'P-256' }, true, usages);
  } catch {
    return null;
  }
}

export const isPublicKey = async (bytes) => (await publicKey('ECDH', [], bytes)) !== null;

export async function ECDH(scalar, peer) {
  const own = await privateKey('ECDH', 'deriveBits', scalar);
  const algorithm = { name: 'ECDH', public: await publicKey('ECDH', [], peer) };
  return new Uint8Array(await subtle.deriveBits(algorithm, own, 256));
}

export async function verify(key, message, signature) {
  const imported = await publicKey('ECDSA', ['verify'], key);
  if (imported === null || signature.length !== 64) return false;
  return subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, imported, signature, message);
}

export async function sign(scalar, message) {
  const key = await privateKey('ECDSA', 'sign', scalar);
  return new Uint8Array(await subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, key, message));
}

export const toBase64url = (bytes) => Buffer.from(bytes).toString('base64url');

/** The bytes of a canonical text, or null. Buffer forgives nearly everything; writing them again does not. */
export function fromBase64url(text) {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) return null;
  const bytes = new Uint8Array(Buffer.from(text, 'base64url'));
  return toBase64url(bytes) === text ? bytes : null;
}

/** Strict UTF-8, or null. A decoder left to itself would swallow U+FEFF at the start. */
export function fromUtf8(bytes) {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

// ---- 4. Room link ----

const BASE = /^https?:\/\/([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]+))?((?:\/[A-Za-z0-9._~!$&'()*+,;=:@%-]*)*)$/;

export const roomId = async (seed) => (await H(L('room', seed))).slice(0, 16);

/** What a link says; throws the name of an error. */
export async function parseLink(text) {
  if (utf8(text).length > 2048) throw 'link_not_a_link';
  const hash = text.indexOf('#');
  const [url, fragment] = hash < 0 ? [text, ''] : [text.slice(0, hash), text.slice(hash + 1)];
  const at = url.lastIndexOf('/r/');
  const base = url.slice(0, Math.max(at, 0));
  const id = url.slice(at + 3);
  const parts = BASE.exec(base);
  if (at < 0 || parts === null || /[/?]/.test(id)) throw 'link_not_a_link';
  const [, host, port, path] = parts;
  if (host.startsWith('[') && !isIPv6(host.slice(1, -1))) throw 'link_not_a_link';
  if (port !== undefined && Number(port) > 65_535) throw 'link_not_a_link';
  if (path.endsWith('/')) throw 'link_not_a_link';
  if (fragment === '') throw 'link_no_fragment';
  const room = fromBase64url(id);
  if (room === null || room.length !== 16) throw 'link_bad_room_id';
  const bytes = fromBase64url(fragment);
  if (bytes === null) throw 'link_bad_encoding';
  if (bytes.length !== 42) throw 'link_bad_length';
  if (bytes[0] !== 1) throw 'link_unsupported_version';
  const check = (await H(cat(room, bytes.slice(0, 38)))).slice(0, 4);
  if (!equal(check, bytes.slice(38))) throw 'link_mistyped';
  if ((bytes[1] & ~1) !== 0) throw 'link_unknown_flags';
  return {
    base,
    roomId: room,
    history: (bytes[1] & 1) === 1,
    notAfter: Number(number(bytes.slice(2, 6))),
    header: bytes.slice(0, 6),
    secret: bytes.slice(6, 22),
    ticket: bytes.slice(22, 38),
  };
}

export async function writeLink({ base, roomId, history, notAfter, secret, ticket }) {
  const checked = cat(u8(1), u8(history ? 1 : 0), u32(notAfter), secret, ticket);
  const check = (await H(cat(roomId, checked))).slice(0, 4);
  return `${base}/r/${toBase64url(roomId)}#${toBase64url(cat(checked, check))}`;
}

// ---- 5. Keys and participants ----

export const roomKeys = async ({ roomId, secret, header }) => ({
  joinKey: await HKDF(roomId, secret, L('join', header)),
  nameKey: await HKDF(roomId, secret, L('name', header)),
  wrapKey: await HKDF(roomId, secret, L('wrap', header)),
});

export const participantId = async (kemPub, sigPub) => (await H(L('id', kemPub, sigPub))).slice(0, 16);

export const joinProof = async (joinKey, roomId, kemPub, sigPub, sealedName) =>
  HMAC(joinKey, L('join', roomId, kemPub, sigPub, await H(sealedName)));

const FORBIDDEN =
  /[\p{Cc}\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\u{e0000}-\u{e007f}]/u;
const mayBeShown = (name) => !FORBIDDEN.test(name) && !/^\p{White_Space}*$/u.test(name);

/** The name, or null if it is bad. */
export async function openName(nameKey, roomId, id, sigPub, sealed) {
  const plaintext = await open(nameKey, sealed.slice(0, 12), id, sealed.slice(12));
  if (plaintext === null || plaintext.length !== 129) return null;
  const length = plaintext[0];
  if (length === 0 || length > 64) return null;
  const name = plaintext.slice(1, 1 + length);
  if (plaintext.slice(1 + length, 65).some((byte) => byte !== 0)) return null;
  const text = fromUtf8(name);
  if (text === null || !mayBeShown(text)) return null;
  return (await verify(sigPub, L('name', roomId, id, name), plaintext.slice(65))) ? text : null;
}

/** What a client seals of its own user's name; throws the name of an error. */
export function ownName(input) {
  const name = input.normalize('NFC');
  if (utf8(name).length > 64) throw 'name_too_long';
  if (!mayBeShown(name)) throw 'name_not_allowed';
  return name;
}

const SYMBOLS = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789';
const section = (from, to) => spec.slice(spec.indexOf(from), to === undefined ? undefined : spec.indexOf(to));
const animals = [...section('## Appendix A', '## Appendix B').matchAll(/`([^`]*)`/g)].flatMap((line) => line[1].split(' '));

export const nameOf = (s) =>
  `anonymous-${animals[s[0] % 64]}-${[...s.slice(1, 6)].map((byte) => SYMBOLS[byte % 32]).join('').toLowerCase()}`;
export const fallbackName = async (id) => nameOf(await H(L('label', id)));
export function tag(id) {
  const bits = number(id.slice(0, 3)) >> 4n;
  return [15n, 10n, 5n, 0n].map((shift) => SYMBOLS[Number((bits >> shift) & 31n)]).join('');
}
export const shownName = (name, joinNumber, id) => `${name}·${joinNumber}·${tag(id)}`;

// ---- 6 and 7. Roster and epochs ----

export const rosterHash = (roomId, version, entries) =>
  H(L('roster', roomId, u64(version), ...entries.flatMap(({ kemPub, sigPub, role }) => [kemPub, sigPub, u8(role)])));

export const kek = (wrapKey, shared, hash, steward, recipient) => HKDF(wrapKey, shared, L('kek', hash, steward, recipient));
export const commit = (sessionKey, hash) => HMAC(sessionKey, L('commit', hash));
export const epochId = (prev, hash, commitment) => H(L('epoch', prev, hash, commitment));
export const keyFrameSigned = (roomId, epoch) => L('key', roomId, epoch);
export const historyKey = (epoch, sessionKey) => HKDF(epoch, sessionKey, L('history'));

// ---- 8. Messages ----

export const chainStart = (epoch, sessionKey, sender) => HKDF(epoch, sessionKey, L('chain', sender));
export const messageKey = (chain) => HMAC(chain, u8(1));
export const chainNext = (chain) => HMAC(chain, u8(2));

export const aad = (roomId, epoch, sender, n, flags) => L('msg', roomId, epoch, sender, u64(n), u8(flags));
export const envelopeSigned = async (roomId, epoch, sender, n, flags, iv, ciphertext) =>
  L('msg', roomId, epoch, sender, u64(n), u8(flags), await H(cat(iv, ciphertext)));

export function paddedLength(m) {
  if (m <= 64) return 64;
  const log2 = (value) => 31 - Math.clz32(value);
  const e = log2(m);
  const s = log2(e) + 1;
  const mask = 2 ** (e - s) - 1;
  return (m + mask) & ~mask;
}

export function pad(plaintext) {
  const padded = new Uint8Array(paddedLength(plaintext.length + 1));
  padded.set(plaintext);
  padded[plaintext.length] = 0x80;
  return padded;
}

/** The plaintext, or null. */
export function unpad(padded) {
  let end = padded.length;
  while (end > 0 && padded[end - 1] === 0) end -= 1;
  if (end === 0 || padded[end - 1] !== 0x80) return null;
  return padded.length === paddedLength(end) ? padded.slice(0, end - 1) : null;
}

/** The fields of a padded plaintext: null if not even the header is there; `body` null if it does not parse. */
export function decodePlaintext(n, padded) {
  const bytes = unpad(padded);
  const fixed = n === 0 ? 53 : 37;
  if (bytes === null || bytes.length < fixed) return null;
  const [kind, burnAfter, rest] = [bytes[0], Number(number(bytes.slice(33, 37))), bytes.slice(fixed)];
  const decoded = {
    kind,
    id: bytes.slice(1, 17),
    sentAt: number(bytes.slice(17, 25)),
    count: number(bytes.slice(25, 33)),
    burnAfter,
    body: kind !== 1 && burnAfter !== 0 ? null : decodeBody(kind, rest),
  };
  if (n === 0) {
    decoded.lastVersion = number(bytes.slice(37, 45));
    decoded.lastCount = number(bytes.slice(45, 53));
  }
  return decoded;
}

function decodeBody(kind, bytes) {
  const { length } = bytes;
  if (kind === 1) return length >= 1 && length <= 32_768 ? fromUtf8(bytes) : null;
  if (kind === 2) return length === 1 && bytes[0] <= 1 ? bytes[0] === 1 : null;
  if (kind === 3) {
    if (length % 32 !== 0 || length < 32 || length > 64 * 32) return null;
    return Array.from({ length: length / 32 }, (_, at) => ({
      sender: bytes.slice(at * 32, at * 32 + 16),
      id: bytes.slice(at * 32 + 16, at * 32 + 32),
    }));
  }
  if (kind === 4) return length === 16 ? bytes : null;
  if (kind === 5) return length === 32 ? bytes : null;
  return null;
}

export function encodePlaintext({ kind, id, sentAt, count, burnAfter, lastVersion, lastCount }, n, body) {
  const last = n === 0 ? [u64(lastVersion), u64(lastCount)] : [];
  return cat(u8(kind), id, u64(sentAt), u64(count), u32(burnAfter), ...last, body);
}

// ---- 10. Verification ----

const emoji = [...section('## Appendix B').matchAll(/\| (\d+) \| (\S+) \| ([a-z]+) (?=\|)/gu)].reduce((all, [, index, symbol, name]) => {
  all[Number(index)] = { symbol, name };
  return all;
}, []);

export async function verification(roomId, secret, entries) {
  const listed = await Promise.all(
    entries.map(async ({ kemPub, sigPub }) => ({ kemPub, sigPub, id: await participantId(kemPub, sigPub) })),
  );
  listed.sort((one, other) => Buffer.compare(one.id, other.id));
  const transcript = await H(L('verify', roomId, secret, ...listed.flatMap(({ kemPub, sigPub }) => [kemPub, sigPub])));
  const sextets = number(transcript.slice(0, 12));
  const shown = Array.from({ length: 16 }, (_, at) => emoji[Number((sextets >> BigInt(6 * (15 - at))) & 63n)]);
  const d = cat(await H(L('digits', transcript, u8(0))), await H(L('digits', transcript, u8(1))));
  const groups = Array.from({ length: 12 }, (_, at) =>
    String(number(d.slice(5 * at, 5 * at + 5)) % 100_000n).padStart(5, '0'),
  );
  return {
    ids: listed.map(({ id }) => id),
    transcript,
    shortCode: hex(transcript.slice(0, 3)),
    emoji: shown.map(({ symbol }) => symbol).join(''),
    emojiNames: shown.map(({ name }) => name),
    safetyNumber: groups.join(' '),
    qrText: `burnchat-verify:1:${groups.join('')}`,
  };
}

// ---- 13. Frames ----

/** A number as it was written. */
class Digits {
  constructor(text) {
    this.text = text;
  }
}

/** JSON by the rules of section 13.1; throws the name of an error. */
function parseJson(text) {
  let at = 0;
  const malformed = () => 'malformed_frame';
  const space = () => {
    while (at < text.length && ' \t\n\r'.includes(text[at])) at += 1;
  };
  const take = (token) => {
    if (!text.startsWith(token, at)) return false;
    at += token.length;
    return true;
  };
  const match = (pattern) => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found === null) throw malformed();
    at = pattern.lastIndex;
    return found[0];
  };
  const string = () =>
    // The token is one JSON string by its grammar, so JSON.parse only unescapes it.
    JSON.parse(match(/"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*"/y));
  const value = (depth) => {
    if (text[at] === '{') return object(depth);
    if (text[at] === '[') return array(depth);
    if (text[at] === '"') return string();
    if (take('true')) return true;
    if (take('false')) return false;
    if (take('null')) return null;
    return new Digits(match(/-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y));
  };
  const object = (depth) => {
    if (depth > 4) throw malformed();
    at += 1;
    const members = new Map();
    space();
    if (take('}')) return members;
    for (;;) {
      space();
      const key = string();
      if (members.has(key)) throw 'duplicate_key';
      if (members.size >= 64) throw malformed();
      space();
      if (!take(':')) throw malformed();
      space();
      members.set(key, value(depth + 1));
      space();
      if (take('}')) return members;
      if (!take(',')) throw malformed();
    }
  };
  const array = (depth) => {
    if (depth > 4) throw malformed();
    at += 1;
    const items = [];
    space();
    if (take(']')) return items;
    for (;;) {
      space();
      items.push(value(depth + 1));
      space();
      if (take(']')) return items;
      if (!take(',')) throw malformed();
    }
  };
  space();
  if (text[at] !== '{') throw malformed();
  const members = object(1);
  space();
  if (at !== text.length) throw malformed();
  return members;
}

// What a member may be. Each takes what was parsed and gives what it says; `undefined` stands for an absent member.
const fail = () => {
  throw 'malformed_frame';
};
const bytes = (length) => (value) => {
  const decoded = typeof value === 'string' ? fromBase64url(value) : null;
  return decoded !== null && decoded.length === length ? hex(decoded) : fail();
};
const bytesBetween = (least, most) => (value) => {
  const decoded = typeof value === 'string' ? fromBase64url(value) : null;
  return decoded !== null && decoded.length >= least && decoded.length <= most ? hex(decoded) : fail();
};
const below = (end) => (value) => {
  if (!(value instanceof Digits) || !/^[0-9]+$/.test(value.text)) fail();
  return BigInt(value.text) < BigInt(end) ? Number(value.text) : fail();
};
const int = below(2 ** 53);
const bool = (value) => (typeof value === 'boolean' ? value : fail());
const word = (...words) => (value) => (typeof value === 'string' && words.includes(value) ? value : fail());
const textUpTo = (most) => (value) => (typeof value === 'string' && utf8(value).length <= most ? value : fail());
const list = (most, item) => (value) => (Array.isArray(value) && value.length <= most ? value.map(item) : fail());
const object = (table) => (value) => (value instanceof Map ? read(value, table) : fail());
const optional = (kind) => (value) => (value === undefined || value === null ? undefined : kind(value));
const orNull = (kind) => (value) => (value === null ? null : kind(value));
const byDefault = (kind, otherwise) => (value) => (value === undefined || value === null ? otherwise : kind(value));

function read(members, table) {
  const found = {};
  for (const [key, kind] of Object.entries(table)) {
    const value = kind(members.get(key));
    if (value !== undefined) found[key] = value;
  }
  return found;
}

const role = word('member', 'creator');
const mayBurn = word('creator', 'anyone');
const n = below(8192);
const envelope = { epoch: bytes(32), n, flags: below(256), iv: bytes(12), ciphertext: bytesBetween(80, 45_000), sig: bytes(64) };
const back = optional(object({ epoch: bytes(32), wrapped: bytes(40) }));
const entry = object({
  kem_pub: bytes(65),
  sig_pub: bytes(65),
  sealed_name: bytes(157),
  join_proof: bytes(32),
  role,
  number: int,
});

const CLIENT = {
  join: {
    kem_pub: bytes(65),
    sig_pub: bytes(65),
    sealed_name: bytes(157),
    join_proof: bytes(32),
    ticket: optional(bytes(16)),
    pin: optional(textUpTo(32)),
    creator_token: optional(bytes(32)),
    seat_token: optional(bytes(32)),
  },
  resume: { seat_token: bytes(32), seq: int },
  session_key: {
    version: int,
    roster_hash: bytes(32),
    prev: bytes(32),
    commit: bytes(32),
    sig: bytes(64),
    wraps: list(255, object({ id: bytes(16), wrapped: bytes(40) })),
    back,
  },
  key_declined: { version: int },
  need_key: { version: int },
  message: envelope,
  kick: { id: bytes(16), ticket_hash: optional(bytes(32)) },
  lock: { locked: bool },
  renew: { ticket_hash: bytes(32) },
  extend: { seconds: int, after: int },
  burn: {},
};

const RELAY = {
  joined: {
    seq: int,
    version: int,
    head: bytes(32),
    role,
    seat_token: bytes(32),
    participants: list(256, entry),
    seconds_remaining: int,
    history: bool,
    locked: bool,
    capacity: int,
    burn: mayBurn,
    ticket_hash: bytes(32),
    last_extended: int,
  },
  history_end: { complete: bool },
  resumed: { seq: int, seconds_remaining: int },
  participant_joined: { seq: int, version: int, participant: entry, replaces: optional(bytes(16)) },
  participant_left: { seq: int, version: int, id: bytes(16), reason: word('left', 'timeout', 'kicked') },
  rekey: { seq: int, version: int },
  session_key: {
    seq: int,
    version: int,
    steward: bytes(16),
    roster_hash: bytes(32),
    prev: bytes(32),
    commit: bytes(32),
    sig: bytes(64),
    wrapped: orNull(bytes(40)),
    back,
  },
  epoch_end: { seq: int, version: int },
  message: { seq: int, sender: bytes(16), ...envelope },
  locked: { seq: int, locked: bool },
  extended: { seq: int, seconds_remaining: int },
  renewed: { seq: int, ticket_hash: bytes(32) },
  key_wanted: { version: int, head: bytes(32) },
  countdown: { seconds_remaining: int },
  destroyed: { reason: word('expired', 'burned', 'shutdown') },
  error: {
    code: (value) => (typeof value === 'string' ? (errorNames.has(value) ? value : 'bad_request') : fail()),
    retry_after_ms: optional(int),
    attempts_left: optional(int),
    epoch: optional(bytes(32)),
    n: optional(n),
  },
};

const REQUEST = {
  id_seed: bytes(32),
  ticket_hash: bytes(32),
  ttl_seconds: int,
  not_after: below(2 ** 32),
  capacity: byDefault(below(2 ** 16), 50),
  history: byDefault(bool, false),
  burn: byDefault(mayBurn, 'creator'),
};

function members(raw, limit) {
  if (raw.length > limit) throw 'frame_too_large';
  const text = fromUtf8(raw);
  if (text === null) throw 'malformed_frame';
  return parseJson(text);
}

function frame(raw, limit, tables) {
  const parsed = members(raw, limit);
  const type = parsed.get('type');
  if (typeof type !== 'string') throw 'malformed_frame';
  if (!Object.hasOwn(tables, type)) return null;
  return { type, ...read(parsed, tables[type]) };
}

/** What a frame from a client says, binary values in hex; throws the name of an error. */
export function clientFrame(raw) {
  const found = frame(raw, 65_536, CLIENT);
  if (found === null) throw 'unknown_type';
  return found;
}

/** The same of a frame from a relay; null for an unknown type. */
export const relayFrame = (raw) => frame(raw, 1_048_576, RELAY);

/** The same of the body of `POST /api/rooms`. */
export const requestBody = (raw) => read(members(raw, 65_536), REQUEST);

// ---- 15. Errors ----

/** The registry, read from the tables of the spec. */
export const errors = [
  ...section('## 15. Errors', '## 16. Limits').matchAll(/^\| (\d+) \| <a id="(?:\w+)"><\/a>`(\w+)` \| (\w+) \| (\w*) \| (\d*) \|/gm),
].map(([, number, name, blame, effect, http]) => ({
  number: Number(number),
  name,
  blame,
  effect: effect || null,
  http: http ? Number(http) : null,
}));
const errorNames = new Set(errors.map(({ name }) => name));
