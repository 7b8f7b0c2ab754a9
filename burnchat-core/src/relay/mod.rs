//! The relay's machine: all rooms of one shard, without I/O.
//!
//! [`Hub`] numbers what happens in its rooms, forwards it, asks for keys, counts down and burns. It can read none of
//! it. A driver hands in what arrives, with the time, and carries out what [`Hub::poll_output`] gives until it gives
//! nothing; it calls [`Hub::handle_timeout`] when the time of [`Hub::poll_timeout`] has come:
//!
//! ```
//! use burnchat_core::relay::{Hub, Limits, Output};
//! use burnchat_core::time::Timestamp;
//! # use rand_core::CryptoRng;
//!
//! # fn run(rng: &mut impl CryptoRng, now: Timestamp) {
//! let mut hub = Hub::new(Limits::default(), rng);
//! hub.handle_timeout(now);
//! while let Some(output) = hub.poll_output() {
//!     match output {
//!         Output::Send { to, frame } => println!("{} bytes to {} connections", frame.as_bytes().len(), to.len()),
//!         Output::Close { connection, code } => println!("close {connection:?} with {}", code.number()),
//!         Output::Burned { late_millis, .. } => println!("a room has burned, {late_millis} ms late"),
//!     }
//! }
//! # }
//! ```
//!
//! # Who holds what
//!
//! The hub keeps public keys, sealed names, ciphertexts and wrapped keys while the room lives; of tickets their hashes;
//! of tokens and the PIN hashes under a key that is drawn with the hub and dies with it, unless it was given one that it
//! shares ([`Hub::with_key`]). Nothing in here prints a room id, a token, a PIN or a peer. A burn drops and wipes all of a
//! room; no trace tells it from one that never was.
//!
//! # What a step costs
//!
//! A step costs what its input deserves: a lookup is O(log n) in rooms and connections, one fan-out is one [`Output`]
//! with one encoded frame however many receive it, the next deadline is the first of an ordered set. A room nobody has
//! joined yet is a few hundred bytes and one deadline.

mod admission;
mod agenda;
mod asking;
mod commands;
mod epochs;
mod handover;
mod hashes;
mod hub;
mod kept_id;
mod limits;
mod links;
mod log;
#[cfg(burnchat_sim)]
mod observe;
mod pin;
mod quota;
mod room;
mod roster;
mod seats;

use alloc::vec::Vec;
use core::fmt;

pub use handover::{Adopted, Change, NotACopy, RoomCopy, RoomWrite};
pub use hub::Hub;
pub use kept_id::KeptId;
pub use limits::{Limits, Rate};
pub use quota::Bucket;

use crate::error::Code;
use crate::wire::http::Problem;
use crate::wire::{BurnReason, EncodedFrame, ErrorFrame};

/// What the driver is to do, in this order.
#[derive(Clone, Debug)]
#[cfg_attr(burnchat_sim, derive(Hash))]
pub enum Output {
    /// Send one frame to some connections.
    Send {
        /// To whom; never empty, and nobody twice.
        to: Vec<ConnectionId>,
        /// What.
        frame: EncodedFrame,
    },
    /// Close a connection, after everything sent to it. The hub has forgotten it already: its end need not be told.
    Close {
        /// Which.
        connection: ConnectionId,
        /// With which code.
        code: CloseCode,
    },
    /// Nothing is to be done: a room has burned, and everyone in it has been told.
    Burned {
        /// Whose budget of rooms it counted against.
        owner: PeerKey,
        /// Why.
        reason: BurnReason,
        /// How long after its end it was, in ms; 0 if that was not why.
        late_millis: u64,
    },
}

/// A connection, as the driver numbers it. Numbers are not used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// Who is at the other end, for budgets: an opaque key the driver derives from the network address (spec section 11.4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerKey(pub [u8; 16]);

impl fmt::Debug for PeerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PeerKey(..)")
    }
}

/// How a connection ended (spec section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disconnect {
    /// The client closed it with 1000 or 1001: it leaves.
    Clean,
    /// Any other end: its seat is kept for a while.
    Broken,
}

/// Why the relay closes a connection (spec section 13.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(burnchat_sim, derive(Hash))]
pub enum CloseCode {
    /// The room has burned.
    Normal,
    /// After an error that closes.
    Policy,
    /// Reads too slowly or sends too fast; it can resume.
    TryAgainLater,
    /// Has sent no frame for a long time; it can resume.
    Idle,
}

impl CloseCode {
    /// The WebSocket close code.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::Normal => 1000,
            Self::Policy => 1008,
            Self::TryAgainLater => 1013,
            Self::Idle => 4002,
        }
    }
}

/// Why the hub did not do what was asked, and when it might.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The reason.
    pub code: Code,
    /// When to try again, for `rate_limited` and `pin_locked`.
    pub retry_after_ms: Option<u64>,
    /// PIN attempts left, for `wrong_pin`.
    pub attempts_left: Option<u64>,
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Self {
            code,
            retry_after_ms: None,
            attempts_left: None,
        }
    }
}

impl From<Refusal> for ErrorFrame {
    fn from(refusal: Refusal) -> Self {
        Self {
            retry_after_ms: refusal.retry_after_ms,
            attempts_left: refusal.attempts_left,
            ..Self::new(refusal.code)
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self {
            retry_after_ms: refusal.retry_after_ms,
            attempts_left: refusal.attempts_left,
            ..Self::new(refusal.code)
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.code, f)
    }
}

impl core::error::Error for Refusal {}

/// How much there is: counts only, for monitoring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Rooms alive.
    pub rooms: usize,
    /// Connections open, with or without a seat.
    pub connections: usize,
    /// Participants on all rosters, those away included.
    pub participants: usize,
    /// Bytes of memory that all rooms take, with their logs and what the allocator adds: an estimate from above.
    pub kept_bytes: usize,
}

#[cfg(test)]
mod tests;
