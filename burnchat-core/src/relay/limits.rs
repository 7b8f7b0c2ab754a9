//! What a relay may set differently (spec section 16). What is fixed stands in [`crate::limits`].

/// How often something may happen: a token bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(burnchat_sim, derive(Hash))]
pub struct Rate {
    /// Refilled every second.
    pub per_second: u32,
    /// What a full bucket holds.
    pub burst: u32,
}

impl Rate {
    /// So many a second, and so many at once.
    #[must_use]
    pub const fn new(per_second: u32, burst: u32) -> Self {
        Self { per_second, burst }
    }
}

/// The limits of one hub. The defaults are the spec's.
///
/// What is counted for each peer or for the whole relay is counted by each hub for itself: a driver with several of
/// them divides, or counts before them; [`Output::Burned`](super::Output::Burned) tells it of rooms that are no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(burnchat_sim, derive(Hash))]
pub struct Limits {
    /// From the connection to its `join` or `resume`, ms (`handshake_timeout`).
    pub handshake_millis: u64,
    /// From a frame to the next on a connection that has a seat, ms; 0 is for ever. It ends up to an eighth later, so that
    /// those who came together are not all gone at once.
    pub idle_millis: u64,
    /// Joins a room sees in its life (`joins_exhausted`); creators have a quarter more.
    pub joins: u64,
    /// Joins of one peer, in all rooms (`rate_limited`).
    pub joins_of_peer: Rate,
    /// Replaced tickets of a room that are still answered `link_expired`; older ones are forgotten.
    pub replaced_tickets: usize,
    /// Rooms one peer has at once (`too_many_rooms`).
    pub rooms_of_peer: usize,
    /// Rooms there are at once (`too_many_rooms`).
    pub rooms: usize,
    /// Connections one peer has at once (`too_many_connections`).
    pub connections_of_peer: usize,
    /// Connections there are at once (`too_many_connections`).
    pub connections: usize,
    /// Frames of one connection (`rate_limited`).
    pub connection_frames: Rate,
    /// Bytes of one connection (`rate_limited`).
    pub connection_bytes: Rate,
    /// Envelopes of one room (`rate_limited`).
    pub room_envelopes: Rate,
    /// Bytes of the envelopes of one room (`rate_limited`).
    pub room_bytes: Rate,
    /// Frames refused in a row for coming too fast; one more closes the connection with 1013.
    pub refused_frames: u32,
    /// How long log entries are kept, ms (`gap`).
    pub kept_millis: u64,
    /// Bytes of envelopes kept in a room without history, and in any room of other entries and of wraps (`gap`).
    pub kept_bytes: usize,
    /// Envelope bytes kept in a history room.
    pub history_bytes: usize,
    /// Roster changes kept in a history room; beyond it no history is sent.
    pub history_changes: usize,
    /// Epochs of a room that take envelopes at once; beyond it the oldest ends.
    pub open_epochs: usize,
    /// Versions since the last keyed one for which a key frame is still taken.
    pub asked_versions: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake_millis: 10_000,
            idle_millis: 3_600_000,
            joins: 1_024,
            joins_of_peer: Rate::new(10, 512),
            replaced_tickets: 256,
            rooms_of_peer: 64,
            rooms: 1_000_000,
            connections_of_peer: 256,
            connections: 1_000_000,
            connection_frames: Rate::new(50, 200),
            connection_bytes: Rate::new(131_072, 524_288),
            room_envelopes: Rate::new(500, 1_000),
            room_bytes: Rate::new(524_288, 1_048_576),
            refused_frames: 64,
            kept_millis: 120_000,
            kept_bytes: 20 << 20,
            history_bytes: 20 << 20,
            history_changes: 8_192,
            open_epochs: 64,
            asked_versions: 64,
        }
    }
}
