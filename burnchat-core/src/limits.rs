//! Every limit of the protocol, once (spec section 16). What a relay may set differently is in
//! `relay::Limits`, whose defaults are the spec's.

/// Longest frame from a client, bytes.
pub const CLIENT_FRAME_BYTES: usize = 65_536;
/// Longest frame from a relay, bytes.
pub const RELAY_FRAME_BYTES: usize = 1_048_576;
/// How deep objects and arrays may be nested in a frame.
pub const FRAME_DEPTH: usize = 4;
/// Most members of one object in a frame.
pub const FRAME_MEMBERS: usize = 64;
/// Integers in frames lie below this, 2^53: what every JSON implementation keeps exactly.
pub const FRAME_INTEGER_END: u64 = 1 << 53;

/// Longest URL that is read as a link, bytes.
pub const LINK_BYTES: usize = 2_048;

/// Shortest and longest life of a room at its creation, seconds.
pub const TTL_SECONDS: core::ops::RangeInclusive<u64> = 30..=72 * 3_600;
/// How far `not_after` may lie past the first end, seconds.
pub const NOT_AFTER_SLACK_SECONDS: u64 = 24 * 3_600;
/// Longest single extension, seconds.
pub const EXTENSION_SECONDS: core::ops::RangeInclusive<u64> = 1..=1_800;
/// Seats a room may have.
pub const CAPACITY: core::ops::RangeInclusive<u16> = 2..=256;
/// Seats a room has if its creator does not say.
pub const DEFAULT_CAPACITY: u16 = 50;

/// How long a participant without a connection keeps its seat, ms.
pub const AWAY_MILLIS: u64 = 30_000;
/// How long joins wait for others before a key is asked for, ms.
pub const JOIN_DEBOUNCE_MILLIS: u64 = 250;
/// How long one participant asked for a key has, ms.
pub const NOMINATION_MILLIS: u64 = 2_000;
/// How many are asked alone before everyone is.
pub const NOMINATIONS_BEFORE_ALL: u8 = 2;
/// How long until everyone is asked again, ms.
pub const ASK_ALL_AGAIN_MILLIS: u64 = 10_000;
/// Key frames of its own a client keeps, for versions it was asked for: as many as a relay takes frames for.
pub const OWN_OFFERS: usize = 64;
/// How long a client whose join went unanswered tries again while the room is full, and how often, ms.
pub const GHOST_SEAT_MILLIS: (u64, u64) = (40_000, 5_000);
/// How much later each place on the roster answers who lacks a ticket, ms.
pub const TICKET_STAGGER_MILLIS: u64 = 100;
/// How long an older epoch goes on when nobody has left, ms.
pub const EPOCH_OVERLAP_MILLIS: u64 = 30_000;
/// When a client gives up an older epoch by itself, ms.
pub const EPOCH_OVERLAP_CEILING_MILLIS: u64 = 300_000;
/// How often a client without a key complains, and the first time the same complaint counts again, ms.
pub const NEED_KEY_MILLIS: u64 = 5_000;
/// The longest time until the same complaint counts again, ms.
pub const NEED_KEY_CEILING_MILLIS: u64 = 80_000;
/// When a client reports that the newest roster has no key, ms.
pub const REKEY_STALLED_MILLIS: u64 = 10_000;
/// Versions since the last keyed one whose roster hash a client keeps.
pub const UNKEYED_VERSIONS: usize = 4_096;
/// Envelope bytes of history that wait at a client to be read.
pub const HISTORY_BYTES: usize = 32 * 1_048_576;
/// Ids that left which a client remembers.
pub const DEPARTED_IDS: usize = 65_536;
/// Automatic fresh joins in a row.
pub const AUTOMATIC_REJOINS: u8 = 2;

/// Envelopes of one sender in one epoch.
pub const ENVELOPES_PER_EPOCH: u64 = 8_192;
/// The n at which the relay orders a new key.
pub const REKEY_AT_N: u64 = 4_096;
/// Longest text, bytes.
pub const TEXT_BYTES: usize = 32_768;
/// Longest name, bytes.
pub const NAME_BYTES: usize = 64;
/// Lengths of an envelope's ciphertext, bytes.
pub const CIPHERTEXT_BYTES: core::ops::RangeInclusive<usize> = 80..=45_000;
/// Shortest padded plaintext, bytes.
pub const PADDED_BYTES_MIN: usize = 64;
/// Most messages one `read` names.
pub const READ_RECEIPTS: usize = 64;
/// Envelopes a client has sent and not seen accepted before it holds later ones.
pub const IN_FLIGHT: usize = 64;
/// Texts a client holds.
pub const HELD_TEXTS: usize = 256;
/// Message ids remembered for each sender.
pub const REMEMBERED_IDS: usize = 4_096;
/// Senders whose message ids are remembered: as many as a room sees join, by default.
pub const REMEMBERED_SENDERS: usize = 1_024;
/// Longest PIN text on the wire, bytes.
pub const PIN_TEXT_BYTES: usize = 32;
/// Symbols of a PIN.
pub const PIN_SYMBOLS: usize = 6;
/// Most wraps of one key frame.
pub const WRAPS: usize = 255;

/// How long until a client that lacks the newest ticket asks for it, and until others than the creator answer, ms.
pub const TICKET_PATIENCE_MILLIS: u64 = 2_000;
/// How long after asking a creator that lacks the ticket makes a new one, ms.
pub const TICKET_RENEWAL_MILLIS: u64 = 5_000;

/// Failures of one peer that lock its PIN attempts out.
pub const PIN_FAILURES_PER_PEER: usize = 3;
/// The time in which they count, ms.
pub const PIN_PEER_WINDOW_MILLIS: u64 = 600_000;
/// Failures in one room that lock everybody's PIN attempts out.
pub const PIN_FAILURES_PER_ROOM: usize = 20;
/// The time in which they count, ms.
pub const PIN_ROOM_WINDOW_MILLIS: u64 = 3_600_000;

/// The countdown's interval, and the one in the last minute, seconds.
pub const COUNTDOWN_SECONDS: (u64, u64) = (10, 1);
/// When the last minute begins, seconds before the end.
pub const COUNTDOWN_LAST_SECONDS: u64 = 60;
