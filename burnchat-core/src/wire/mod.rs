//! Frames: what goes over the wire, and how it is read (spec section 13).
//!
//! [`ClientFrame`] and [`RelayFrame`] have one variant for each type of frame. Reading is strict and total: within the
//! limits of [`limits`] or refused with a [`Code`]. Nothing here knows a room's state.

pub(crate) mod binary;
mod client_frame;
mod glance;
pub mod http;
pub(crate) mod json;
mod relay_frame;
#[cfg(feature = "schema")]
mod schema;
pub(crate) mod strict;

use alloc::sync::Arc;
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize};

pub use binary::{Bytes, Ciphertext, PinText};
pub use client_frame::{
    ClientFrame, Extend, Join, KeyOffer, Kick, Lock, Nothing, Renew, Resume, VersionOnly, Wrap,
};
pub use relay_frame::{
    Countdown, Destroyed, EpochEnd, ErrorFrame, Extended, HistoryEnd, Joined, KeyFrame, KeyWanted,
    Locked, LoggedEnvelope, ParticipantJoined, ParticipantLeft, Rekey, RelayFrame, Renewed,
    Resumed,
};

use crate::crypto::SecretBytes;
use crate::error::Code;
use crate::ids::EpochId;
use crate::limits;

/// The text of one frame, shared between the connections it goes to and wiped with the last of them.
#[derive(Clone)]
#[cfg_attr(burnchat_sim, derive(Hash))]
pub struct EncodedFrame(Arc<SecretBytes>);

impl EncodedFrame {
    pub(crate) fn of(frame: &impl Serialize) -> Self {
        Self::of_about(frame, 512)
    }

    /// Encodes a frame of about so many bytes.
    pub(crate) fn of_about(frame: &impl Serialize, expected: usize) -> Self {
        // Frames have only shapes the writer knows; a test encodes every one of them.
        Self(Arc::new(
            json::to_bytes(frame, expected).unwrap_or_default(),
        ))
    }

    /// A frame that was encoded before; `None` if it is no text.
    pub(crate) fn copy_of(text: &[u8]) -> Option<Self> {
        core::str::from_utf8(text).ok()?;
        Some(Self(Arc::new(SecretBytes::copy_of(text))))
    }

    /// The UTF-8 text, as bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// The memory it takes, with what the allocator adds.
    pub(crate) fn memory(&self) -> usize {
        /// A counted pointer to a vector: two allocations with two words each of the allocator's, and rounding.
        const BESIDES: usize = 96;
        self.0.capacity() + BESIDES
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl fmt::Debug for EncodedFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncodedFrame({} bytes)", self.0.len())
    }
}

/// A participant as the roster lists it (spec section 13.3, *entry*).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = schema::object))]
#[cfg_attr(burnchat_sim, derive(Hash))]
pub struct RosterEntry {
    /// Public ECDH key, SEC1 uncompressed; not yet known to be a point.
    pub kem_pub: Bytes<65>,
    /// Public ECDSA key, SEC1 uncompressed; not yet known to be a point.
    pub sig_pub: Bytes<65>,
    /// The sealed name (spec section 5.4).
    pub sealed_name: Bytes<157>,
    /// The join proof (spec section 5.3).
    pub join_proof: Bytes<32>,
    /// What it may do.
    #[serde(deserialize_with = "binary::word")]
    pub role: Role,
    /// The join number, starting at 1 (spec section 6.2).
    #[serde(deserialize_with = "binary::integer")]
    pub number: u64,
}

/// What a participant may do; fixed at its join and part of the roster hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Talks.
    Member,
    /// Talks, and may kick, lock, renew, extend and burn.
    Creator,
}

impl Role {
    /// The byte that enters the roster hash.
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        match self {
            Self::Member => 0,
            Self::Creator => 1,
        }
    }
}

/// Who may burn a room before its time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[cfg_attr(burnchat_sim, derive(Hash))]
pub enum WhoMayBurn {
    /// Creators only.
    #[default]
    Creator,
    /// Every participant.
    Anyone,
}

/// Why a participant left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[cfg_attr(burnchat_sim, derive(Hash))]
pub enum Departure {
    /// It closed its connection.
    Left,
    /// It was away for too long.
    Timeout,
    /// A creator removed it.
    Kicked,
}

/// Why a relay burned a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[cfg_attr(burnchat_sim, derive(Hash))]
pub enum BurnReason {
    /// The countdown ran out.
    Expired,
    /// Somebody entitled asked for it.
    Burned,
    /// The relay is shutting down.
    Shutdown,
}

/// One encrypted message as its sender makes it (spec section 8.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = schema::object))]
#[cfg_attr(burnchat_sim, derive(Hash))]
pub struct Envelope {
    /// The epoch whose chain encrypts it.
    pub epoch: EpochId,
    /// Index in the sender's chain of that epoch.
    #[serde(deserialize_with = "n")]
    #[cfg_attr(feature = "schema", schemars(range(max = limits::ENVELOPES_PER_EPOCH - 1)))]
    pub n: u64,
    /// Authenticated, and 0.
    pub flags: u8,
    /// Random, fresh for each encryption.
    pub iv: Bytes<12>,
    /// AES-256-GCM output, tag included.
    pub ciphertext: Ciphertext,
    /// The sender's signature, `r + s`.
    pub sig: Bytes<64>,
}

/// The way from one epoch's key to an older one's, in history rooms (spec section 9.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = schema::object))]
#[cfg_attr(burnchat_sim, derive(Hash))]
pub struct Back {
    /// The older epoch.
    pub epoch: EpochId,
    /// Its session key, wrapped.
    pub wrapped: Bytes<40>,
}

fn n<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let n = u64::deserialize(deserializer)?;
    if n < limits::ENVELOPES_PER_EPOCH {
        Ok(n)
    } else {
        Err(serde::de::Error::custom("8192 or more"))
    }
}

fn optional_n<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let n = binary::optional_integer(deserializer)?;
    if n.is_none_or(|n| n < limits::ENVELOPES_PER_EPOCH) {
        Ok(n)
    } else {
        Err(serde::de::Error::custom("8192 or more"))
    }
}

/// The text of a frame of at most `limit` bytes.
fn text_of(frame: &[u8], limit: usize) -> Result<&str, Code> {
    if frame.len() > limit {
        return Err(Code::FrameTooLarge);
    }
    core::str::from_utf8(frame).map_err(|_| Code::MalformedFrame)
}

fn members_of<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, Code> {
    serde_json::from_str(text).map_err(|_| Code::MalformedFrame)
}
