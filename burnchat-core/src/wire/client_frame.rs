//! Frames from a client to a relay (spec section 13.2).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use super::binary::{self, Bytes, Object, PinText};
use super::{Back, EncodedFrame, Envelope, members_of, strict, text_of};
use crate::crypto::Secret;
use crate::error::Code;
use crate::ids::{EpochId, ParticipantId, RosterHash, TicketHash};
use crate::limits;

/// A frame from a client (spec section 13.2).
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientFrame {
    /// Asks for a seat; the first frame of a connection (spec section 11.2).
    Join(Box<Join>),
    /// Takes the seat up again after a broken connection; the first frame of a connection (spec section 6.3).
    Resume(Resume),
    /// A new session key for the room (spec section 7.2).
    SessionKey(Box<KeyOffer>),
    /// Asked for a key, and can't make one (spec section 7.2).
    KeyDeclined(VersionOnly),
    /// Has no key for the last keyed version (spec section 7.6).
    NeedKey(VersionOnly),
    /// One encrypted message (spec section 8.2).
    Message(Envelope),
    /// Removes a participant (spec section 11.5).
    Kick(Kick),
    /// Locks or unlocks the room (spec section 11.5).
    Lock(Lock),
    /// Replaces the ticket (spec section 11.5).
    Renew(Renew),
    /// Moves the end (spec section 11.5).
    Extend(Extend),
    /// Burns the room now (spec section 11.5).
    Burn(Nothing),
}

impl ClientFrame {
    /// Reads a frame.
    ///
    /// # Errors
    /// `frame_too_large`, `malformed_frame`, `duplicate_key` or `unknown_type`.
    pub fn parse(frame: &[u8]) -> Result<Self, Code> {
        let text = text_of(frame, limits::CLIENT_FRAME_BYTES)?;
        Ok(match strict::frame_type(text)?.as_ref() {
            "join" => Self::Join(members_of(text)?),
            "resume" => Self::Resume(members_of(text)?),
            "session_key" => Self::SessionKey(members_of(text)?),
            "key_declined" => Self::KeyDeclined(members_of(text)?),
            "need_key" => Self::NeedKey(members_of(text)?),
            "message" => Self::Message(members_of(text)?),
            "kick" => Self::Kick(members_of(text)?),
            "lock" => Self::Lock(members_of(text)?),
            "renew" => Self::Renew(members_of(text)?),
            "extend" => Self::Extend(members_of(text)?),
            "burn" => Self::Burn(members_of(text)?),
            _ => return Err(Code::UnknownType),
        })
    }

    /// The text of the frame.
    #[must_use]
    pub fn encode(&self) -> EncodedFrame {
        EncodedFrame::of(self)
    }
}

/// Asks for a seat (spec section 11.2).
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = super::schema::object))]
pub struct Join {
    /// Public ECDH key, a SEC1 uncompressed point.
    pub kem_pub: Bytes<65>,
    /// Public ECDSA key, a SEC1 uncompressed point.
    pub sig_pub: Bytes<65>,
    /// The sealed name (spec section 5.4).
    pub sealed_name: Bytes<157>,
    /// The join proof (spec section 5.3).
    pub join_proof: Bytes<32>,
    /// The ticket of the link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<Secret<16>>,
    /// The creator's PIN as somebody typed it: at most 32 bytes of UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin: Option<PinText>,
    /// The creator token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creator_token: Option<Secret<32>>,
    /// The token of a seat held before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seat_token: Option<Secret<32>>,
}

/// Takes a seat up again (spec section 6.3).
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = super::schema::object))]
pub struct Resume {
    /// The token `joined` gave.
    pub seat_token: Secret<32>,
    /// The `seq` of the last entry of the log that was received.
    #[serde(deserialize_with = "binary::integer")]
    pub seq: u64,
}

/// A key frame as its steward makes it (spec section 7.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = super::schema::object))]
#[cfg_attr(burnchat_sim, derive(Hash))]
pub struct KeyOffer {
    /// The roster version it is for.
    #[serde(deserialize_with = "binary::integer")]
    pub version: u64,
    /// The hash of that roster.
    pub roster_hash: RosterHash,
    /// The epoch before.
    pub prev: EpochId,
    /// Commits to the session key.
    pub commit: Bytes<32>,
    /// The steward's signature over the epoch id.
    pub sig: Bytes<64>,
    /// The session key, once for each recipient, in roster order.
    #[serde(deserialize_with = "wraps")]
    #[cfg_attr(feature = "schema", schemars(length(max = limits::WRAPS)))]
    pub wraps: Vec<Wrap>,
    /// The way back, in history rooms.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "binary::optional_object",
        default
    )]
    pub back: Option<Back>,
}

/// The session key for one recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = super::schema::object))]
#[cfg_attr(burnchat_sim, derive(Hash))]
pub struct Wrap {
    /// The recipient.
    pub id: ParticipantId,
    /// AES-KW output.
    pub wrapped: Bytes<40>,
}

/// The members of `key_declined` and `need_key`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = super::schema::object))]
pub struct VersionOnly {
    /// The roster version it is about.
    #[serde(deserialize_with = "binary::integer")]
    pub version: u64,
}

/// Removes a participant (spec section 11.5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = super::schema::object))]
pub struct Kick {
    /// Whom to remove.
    pub id: ParticipantId,
    /// The hash of the new ticket, unless the old link shall go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket_hash: Option<TicketHash>,
}

/// Locks or unlocks the room (spec section 11.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = super::schema::object))]
pub struct Lock {
    /// Whether nobody new is let in.
    pub locked: bool,
}

/// Replaces the ticket (spec section 11.5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = super::schema::object))]
pub struct Renew {
    /// The hash of the new ticket.
    pub ticket_hash: TicketHash,
}

/// Moves the end (spec section 11.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = super::schema::object))]
pub struct Extend {
    /// By how many seconds. A room allows 1 to 1,800 at a time.
    #[serde(deserialize_with = "binary::integer")]
    pub seconds: u64,
    /// The `seq` of the last `extended` the sender has seen, or 0.
    #[serde(deserialize_with = "binary::integer")]
    pub after: u64,
}

/// The members of a frame that has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = super::schema::object))]
pub struct Nothing {}

impl fmt::Display for ClientFrame {
    /// The type of the frame, and nothing of its content: for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Join(_) => "join",
            Self::Resume(_) => "resume",
            Self::SessionKey(_) => "session_key",
            Self::KeyDeclined(_) => "key_declined",
            Self::NeedKey(_) => "need_key",
            Self::Message(_) => "message",
            Self::Kick(_) => "kick",
            Self::Lock(_) => "lock",
            Self::Renew(_) => "renew",
            Self::Extend(_) => "extend",
            Self::Burn(_) => "burn",
        })
    }
}

fn wraps<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Wrap>, D::Error> {
    let wraps = Vec::<Object<Wrap>>::deserialize(deserializer)?;
    if wraps.len() <= limits::WRAPS {
        Ok(wraps.into_iter().map(|wrap| wrap.0).collect())
    } else {
        Err(serde::de::Error::custom("too many wraps"))
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn a_frame_shows_its_type_alone() {
        let (id, version, ticket_hash) = (ParticipantId([1; 16]), 7, TicketHash([2; 32]));
        for (frame, shown) in [
            (
                ClientFrame::KeyDeclined(VersionOnly { version }),
                "key_declined",
            ),
            (ClientFrame::NeedKey(VersionOnly { version }), "need_key"),
            (ClientFrame::Lock(Lock { locked: true }), "lock"),
            (ClientFrame::Renew(Renew { ticket_hash }), "renew"),
            (
                ClientFrame::Kick(Kick {
                    id,
                    ticket_hash: None,
                }),
                "kick",
            ),
            (
                ClientFrame::Extend(Extend {
                    seconds: 1,
                    after: 2,
                }),
                "extend",
            ),
            (ClientFrame::Burn(Nothing {}), "burn"),
        ] {
            assert_eq!(frame.to_string(), shown);
            let json = frame.encode();
            assert!(
                json.as_str()
                    .contains(&alloc::format!("\"type\":\"{shown}\""))
            );
        }
    }
}
