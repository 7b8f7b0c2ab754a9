//! Bodies of the HTTP interface (spec sections 11.1 and 13.4).

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::binary;
use super::{EncodedFrame, WhoMayBurn, members_of, strict, text_of};
use crate::crypto::Secret;
use crate::error::Code;
use crate::ids::{RoomId, TicketHash};
use crate::limits;

/// Asks a relay for a room.
#[derive(Debug, Serialize, Deserialize)]
pub struct CreateRoom {
    /// What the room id is made of; shown to the relay once.
    pub id_seed: Secret<32>,
    /// The hash of the first ticket.
    pub ticket_hash: TicketHash,
    /// How long the room lives, 30 s to 72 h.
    #[serde(deserialize_with = "binary::integer")]
    pub ttl_seconds: u64,
    /// The hard end, minutes since the Unix epoch.
    pub not_after: u32,
    /// Seats, 2 to 256.
    #[serde(default = "default_capacity")]
    pub capacity: u16,
    /// Whether the relay keeps envelopes for later joiners.
    #[serde(default)]
    pub history: bool,
    /// Who may burn.
    #[serde(default, deserialize_with = "binary::word")]
    pub burn: WhoMayBurn,
}

/// What a relay answers when the room is made.
#[derive(Debug, Serialize, Deserialize)]
pub struct RoomCreated {
    /// The room.
    pub room_id: RoomId,
    /// For the client that created it.
    pub creator_token: Secret<32>,
    /// For the creator's other devices; given once.
    pub pin: binary::PinText,
    /// Rounded up.
    #[serde(deserialize_with = "binary::integer")]
    pub seconds_remaining: u64,
}

/// What a relay tells of a room to who holds its ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomInfo {
    /// Rounded up.
    #[serde(deserialize_with = "binary::integer")]
    pub seconds_remaining: u64,
    /// Seats taken.
    pub participants: u16,
    /// Seats.
    pub capacity: u16,
    /// Whether nobody new is let in.
    pub locked: bool,
    /// Whether the relay keeps envelopes for later joiners.
    pub history: bool,
    /// Who may burn.
    #[serde(deserialize_with = "binary::word")]
    pub burn: WhoMayBurn,
}

/// What a relay answers when it refuses a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A name of the error registry.
    pub code: String,
    /// When to try again.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "binary::optional_integer",
        default
    )]
    pub retry_after_ms: Option<u64>,
}

macro_rules! body {
    ($($name:ident)*) => {$(
        impl $name {
            /// Reads the JSON text, by the rules for frames.
            ///
            /// # Errors
            /// `frame_too_large`, `malformed_frame` or `duplicate_key`.
            pub fn parse(body: &[u8]) -> Result<Self, Code> {
                let text = text_of(body, limits::CLIENT_FRAME_BYTES)?;
                strict::check_object(text)?;
                members_of(text)
            }

            /// The JSON text.
            #[must_use]
            pub fn encode(&self) -> EncodedFrame {
                EncodedFrame::of(self)
            }
        }
    )*};
}

body! { CreateRoom RoomCreated RoomInfo Problem }

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code)
    }
}

const fn default_capacity() -> u16 {
    limits::DEFAULT_CAPACITY
}
