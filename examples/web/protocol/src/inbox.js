// What others say: checked, counted, opened (section 8.5).

import { toBase64url } from './bytes.js';
import { openEnvelope, verifyEnvelope } from './envelopes.js';
import * as limits from './limits.js';
import { trim } from './memory.js';
import { decodePlaintext } from './plaintext.js';

/** @typedef {import('./epochs.js').KnownEpoch} KnownEpoch */
/** @typedef {import('./frames.js').MessageFrame} MessageFrame */
/** @typedef {import('./participants.js').Member} Member */

/**
 * An envelope with what was true at its place in the log.
 * @typedef {object} Arrival
 * @property {MessageFrame} frame
 * @property {Member | null} sender its entry, if it was on the roster
 * @property {boolean} ended whether the epoch had ended
 */

const most = (/** @type {bigint[]} */ ...values) => values.reduce((one, other) => (one > other ? one : other));

export class Inbox {
  /**
   * @param {import('./host.js').Host} host
   * @param {import('./participants.js').Identity} self
   * @param {import('./keyring.js').Keyring} keyring
   */
  constructor(host, self, keyring) {
    this.host = host;
    this.self = self;
    this.keyring = keyring;
    /** How many envelopes of each sender the log has held, where that is known. @type {Map<string, bigint>} */
    this.counts = new Map();
    /** The next n of senders in epochs the log this client has seen does not tell of. @type {Map<string, number>} */
    this.elsewhere = new Map();
  }

  /** Somebody's envelopes are seen from its first one on. */
  follow(/** @type {string} */ sender) {
    this.counts.set(sender, 0n);
  }

  forget(/** @type {string} */ sender) {
    this.counts.delete(sender);
  }

  /**
   * @param {Arrival} arrival
   * @param {boolean} history whether it waited for this client's first key
   */
  async receive({ frame, sender, ended }, history) {
    const { host, keyring } = this;
    const key = toBase64url(frame.sender);
    const epochKey = toBase64url(frame.epoch);
    // 1
    if (sender === null) return host.fault('not_a_participant', key);
    if (sender.verified === null) return;
    // 2
    if (ended) return host.fault('ended_epoch', key);
    const known = keyring.known.get(epochKey) ?? null;
    const listed = known === null || known.ofOthers || known.members.some((member) => member.key === key);
    if (!listed) return host.fault('not_a_participant', key);
    // 3
    const epoch = keyring.held.get(epochKey) ?? null;
    const chain = epoch?.chains.get(key) ?? null;
    const expected = chain?.n ?? this.expected(known, epochKey, key);
    if (expected !== null && frame.n < expected) return host.fault('replayed', key);
    // 4
    const place = { roomId: host.link.roomId, epoch: frame.epoch, sender: frame.sender, n: frame.n, flags: frame.flags };
    if (!(await verifyEnvelope(place, frame, sender.verified.sig))) return host.fault('bad_envelope_signature', key);
    // What came before the log that this client has seen is not missing. (A chain begins at 0 all the same.)
    const follows = this.expected(known, epochKey, key) !== null;
    const ahead = expected === null || !follows ? 0 : frame.n - expected;
    if (epoch === null || chain === null) {
      this.passed(known, epochKey, key, frame.n);
      this.count(key, null, ahead);
      return host.tell({ type: 'unreadable', from: key, reason: 'notKeyedYet' });
    }
    // 5
    const at = await chain.at(frame.n);
    const padded = await openEnvelope(place, frame, await at.messageKey());
    if (padded === null) return host.fault('bad_envelope', key);
    epoch.chains.set(key, await at.at(frame.n + 1));
    const plaintext = decodePlaintext(padded, frame.n === 0);
    padded.fill(0);
    const elsewhere = plaintext?.head.last ? this.contradicted(key, plaintext.head.last) : 0n;
    this.passed(epoch.known, epochKey, key, frame.n);
    this.count(key, plaintext?.head.count ?? null, ahead, elsewhere);
    if (plaintext === null || plaintext.content === null) return host.tell({ type: 'unreadable', from: key, reason: 'unparsable' });
    await this.hear(sender, plaintext.head, plaintext.content, history);
  }

  wipe() {
    this.counts.clear();
    this.elsewhere.clear();
  }

  /**
   * The n that has to come next where no chain says so; null if it cannot be known.
   * @param {KnownEpoch | null} known
   * @param {string} epoch
   * @param {string} sender
   */
  expected(known, epoch, sender) {
    if (known === null) return this.elsewhere.get(`${epoch} ${sender}`) ?? null;
    return known.next.get(sender) ?? (known.whole || known.ofOthers ? 0 : null);
  }

  /**
   * @param {KnownEpoch | null} known
   * @param {string} epoch
   * @param {string} sender
   * @param {number} n
   */
  passed(known, epoch, sender, n) {
    if (known !== null) {
      known.next.set(sender, n + 1);
      // A relay takes n only in order: so many of this sender it has logged in this epoch.
      known.seen.set(sender, n + 1);
      return;
    }
    this.elsewhere.set(`${epoch} ${sender}`, n + 1);
    trim(this.elsewhere, limits.KNOWN_EPOCHS);
  }

  /**
   * By how many the first envelope of an epoch says otherwise about the one before than this client has seen.
   * @param {string} sender
   * @param {{ version: bigint, count: bigint }} last
   */
  contradicted(sender, { version, count }) {
    const before = [...this.keyring.known.values()].find((known) => BigInt(known.version) === version);
    if (before === undefined || !before.whole) return 0n;
    const difference = count - BigInt(before.seen.get(sender) ?? 0);
    return difference < 0n ? -difference : difference;
  }

  /**
   * Counts an envelope, and tells of those that are missing.
   * @param {string} sender
   * @param {bigint | null} count as it says itself, if it can be read
   * @param {number} ahead how far its n is ahead
   * @param {bigint} [elsewhere]
   */
  count(sender, count, ahead, elsewhere = 0n) {
    const before = this.counts.get(sender) ?? null;
    let missing = most(BigInt(ahead), elsewhere);
    if (count === null) {
      if (before !== null) this.counts.set(sender, before + 1n + BigInt(ahead));
    } else if (before === null || count > before) {
      if (before !== null) missing = most(missing, count - before - 1n);
      this.counts.set(sender, count);
    } else {
      this.host.fault('count_repeated', sender);
    }
    if (missing > 0n) this.host.tell({ type: 'missed', from: sender, count: Number(missing) });
  }

  /**
   * @param {Member} sender
   * @param {import('./plaintext.js').Head} head
   * @param {import('./plaintext.js').Content} content
   * @param {boolean} history
   */
  async hear(sender, head, content, history) {
    const { host } = this;
    switch (content.kind) {
      case 'text': {
        const id = toBase64url(head.id);
        if (!host.shown.add(sender.key, id)) return;
        host.burns.expect(sender.key, id, content.burnAfterMs);
        const author = host.people.show(sender, this.self.key);
        const { text, burnAfterMs } = content;
        host.tell({ type: 'message', id, author, text, sentAt: Number(head.sentAt), burnAfterMs, history });
        break;
      }
      case 'typing':
        if (!history) host.tell({ type: 'typing', from: sender.key, typing: content.typing });
        break;
      case 'read':
        for (const read of content.read) {
          host.tell({ type: 'read', by: sender.key, author: toBase64url(read.sender), id: toBase64url(read.id) });
        }
        break;
      case 'ticket':
        await host.tickets.heard(content.ticket);
        break;
      case 'ticketWanted':
        if (!history) host.tickets.wanted(content.hash, this.self, this.keyring.roster.members);
        break;
    }
  }
}
