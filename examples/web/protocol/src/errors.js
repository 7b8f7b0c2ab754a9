// The error registry (section 15).

/**
 * @typedef {'malformed' | 'peer' | 'relay' | 'caller' | 'api' | 'crypto'} Blame
 * @typedef {'closes' | 'retry' | 'refuses' | 'rejoins' | 'ends' | null} Effect
 * @typedef {{ number: number, name: string, blame: Blame, effect: Effect, http: number | null }} Entry
 */

/** @type {[number, string, Blame, Effect, (number | null)?][]} */
const TABLE = [
  [100, 'malformed_frame', 'malformed', 'closes', 400],
  [101, 'frame_too_large', 'malformed', 'closes', 413],
  [102, 'unknown_type', 'malformed', 'closes', 400],
  [103, 'duplicate_key', 'malformed', 'closes', 400],
  [104, 'unexpected_frame', 'peer', 'closes', 409],
  [105, 'bad_sequence', 'peer', 'retry', 409],
  [106, 'bad_request', 'peer', null, 400],
  [107, 'origin_refused', 'peer', null, 403],
  [108, 'unknown_path', 'peer', null, 404],
  [109, 'unknown_method', 'peer', null, 405],
  [200, 'room_not_found', 'caller', 'closes', 404],
  [201, 'link_expired', 'caller', 'closes', 410],
  [202, 'room_full', 'caller', 'closes', 409],
  [203, 'room_locked', 'caller', 'closes', 403],
  [204, 'wrong_pin', 'caller', 'closes', 403],
  [205, 'pin_locked', 'caller', 'closes', 429],
  [206, 'kicked', 'caller', 'closes', 403],
  [207, 'displaced', 'caller', 'closes', 409],
  [208, 'gap', 'caller', 'closes', 410],
  [209, 'bad_key', 'peer', 'closes', 400],
  [210, 'id_taken', 'peer', 'closes', 409],
  [211, 'joins_exhausted', 'caller', 'closes', 409],
  [212, 'room_exists', 'caller', null, 409],
  [300, 'not_creator', 'caller', null, 403],
  [301, 'unknown_participant', 'caller', null, 404],
  [302, 'past_not_after', 'caller', null, 409],
  [303, 'extend_conflict', 'caller', null, 409],
  [400, 'stale_epoch', 'caller', 'refuses', 409],
  [500, 'rate_limited', 'caller', 'retry', 429],
  [501, 'handshake_timeout', 'peer', 'closes', 408],
  [502, 'too_many_rooms', 'caller', null, 429],
  [503, 'too_many_connections', 'caller', 'closes', 429],
  [504, 'relay_ending', 'caller', 'retry', 503],
  [600, 'link_not_a_link', 'malformed', null],
  [601, 'link_no_fragment', 'malformed', null],
  [602, 'link_bad_room_id', 'malformed', null],
  [603, 'link_bad_encoding', 'malformed', null],
  [604, 'link_bad_length', 'malformed', null],
  [605, 'link_unsupported_version', 'malformed', null],
  [606, 'link_mistyped', 'malformed', null],
  [607, 'link_unknown_flags', 'malformed', null],
  [700, 'nobody_here', 'api', null],
  [701, 'text_too_long', 'api', null],
  [702, 'text_empty', 'api', null],
  [703, 'queue_full', 'api', null],
  [704, 'not_joined', 'api', null],
  [705, 'ended', 'api', null],
  [706, 'name_too_long', 'api', null],
  [707, 'name_not_allowed', 'api', null],
  [708, 'no_such_message', 'api', null],
  [709, 'invalid_parameter', 'api', null],
  [710, 'crypto_failure', 'crypto', null],
  [800, 'fork', 'relay', 'rejoins'],
  [801, 'replayed', 'relay', null],
  [802, 'ended_epoch', 'relay', null],
  [803, 'not_a_participant', 'relay', null],
  [804, 'history_mismatch', 'relay', 'ends'],
  [805, 'clock_skew', 'relay', 'ends'],
  [806, 'malformed_from_relay', 'relay', null],
  [807, 'unexpected_from_relay', 'relay', null],
  [808, 'history_unavailable', 'relay', null],
  [809, 'rekey_stalled', 'relay', null],
  [900, 'unverified_participant', 'peer', null],
  [901, 'bad_name', 'peer', null],
  [902, 'bad_envelope_signature', 'peer', null],
  [903, 'bad_envelope', 'peer', null],
  [904, 'unreadable', 'peer', null],
  [905, 'bad_wrap', 'peer', null],
  [906, 'count_repeated', 'peer', null],
  [907, 'bad_link', 'caller', 'ends'],
];

/** @type {ReadonlyMap<string, Entry>} */
export const errors = new Map(
  TABLE.map(([number, name, blame, effect, http]) => [name, { number, name, blame, effect, http: http ?? null }]),
);

/** What one that is not known is taken for (section 13.3). */
export const knownCode = (/** @type {string} */ name) => (errors.has(name) ? name : 'bad_request');

/** An error of the registry. Its message is its name: nothing secret is ever in it. */
export class ProtocolError extends Error {
  /**
   * @param {string} code
   * @param {{ retryAfterMs?: number | null, attemptsLeft?: number | null }} [more]
   */
  constructor(code, { retryAfterMs = null, attemptsLeft = null } = {}) {
    super(code);
    this.name = 'ProtocolError';
    this.code = code;
    this.retryAfterMs = retryAfterMs;
    this.attemptsLeft = attemptsLeft;
  }
}
