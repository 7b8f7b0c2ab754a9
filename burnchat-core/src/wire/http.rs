//! Bodies of the HTTP interface (spec sections 11.1 and 13.4).

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use super::binary;
use super::{EncodedFrame, WhoMayBurn, members_of, strict, text_of};
use crate::crypto::Secret;
use crate::error::Code;
use crate::ids::{RoomId, TicketHash};
use crate::limits;

/// Asks a relay for a room (spec section 11.1).
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = super::schema::object))]
pub struct CreateRoom {
    /// What the room id is made of; shown to the relay once.
    pub id_seed: Secret<32>,
    /// The hash of the first ticket.
    pub ticket_hash: TicketHash,
    /// How long the room lives, seconds. A relay allows 30 to 259,200, which is 72 h.
    #[serde(deserialize_with = "binary::integer")]
    pub ttl_seconds: u64,
    /// The hard end, minutes since the Unix epoch. A relay allows the end of the room, and up to 24 h more.
    pub not_after: u32,
    /// How many seats the room has. A relay allows 2 to 256.
    #[serde(default = "default_capacity", deserialize_with = "capacity")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<u16>"))]
    pub capacity: u16,
    /// Whether the relay keeps envelopes for later joiners.
    #[serde(default, deserialize_with = "history")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<bool>"))]
    pub history: bool,
    /// Who may burn the room.
    #[serde(default, deserialize_with = "burn")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<WhoMayBurn>"))]
    pub burn: WhoMayBurn,
}

/// What a relay answers when the room is made (spec section 11.1).
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = super::schema::object))]
pub struct RoomCreated {
    /// The room, as its link names it.
    pub room_id: RoomId,
    /// For the client that created it.
    pub creator_token: Secret<32>,
    /// For the creator's other devices; given once.
    pub pin: binary::PinText,
    /// How long the room still lives, seconds, rounded up.
    #[serde(deserialize_with = "binary::integer")]
    pub seconds_remaining: u64,
}

/// What a relay tells of a room to who holds its ticket (spec section 13.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = super::schema::object))]
pub struct RoomInfo {
    /// How long the room still lives, seconds, rounded up.
    #[serde(deserialize_with = "binary::integer")]
    pub seconds_remaining: u64,
    /// How many seats are taken.
    pub participants: u16,
    /// How many seats there are.
    pub capacity: u16,
    /// Whether nobody new is let in.
    pub locked: bool,
    /// Whether the relay keeps envelopes for later joiners.
    pub history: bool,
    /// Who may burn the room.
    #[serde(deserialize_with = "binary::word")]
    pub burn: WhoMayBurn,
}

/// What a relay answers when it refuses a request: a problem of RFC 9457 (spec section 13.4).
///
/// Only `code` is needed to read one: the rest says the same to those who know nothing of Burnchat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = super::schema::object))]
pub struct Problem {
    /// A URI that leads to the entry of the error registry.
    #[serde(rename = "type", default)]
    #[cfg_attr(feature = "schema", schemars(transform = super::schema::without_default))]
    pub problem_type: String,
    /// What the registry says it means, for people.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(transform = super::schema::without_default))]
    pub title: String,
    /// The status of the answer, once more.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(transform = super::schema::without_default))]
    pub status: u16,
    /// What is wrong this time, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// A name of the error registry.
    #[cfg_attr(feature = "schema", schemars(with = "super::schema::SentCode"))]
    pub code: String,
    /// How long to wait before another try, ms.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "binary::optional_integer",
        default
    )]
    pub retry_after_ms: Option<u64>,
    /// How many PIN attempts are left.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "binary::optional_integer",
        default
    )]
    pub attempts_left: Option<u64>,
}

impl Problem {
    /// Of this code and nothing more.
    #[must_use]
    pub fn new(code: Code) -> Self {
        Self {
            problem_type: code.problem_type().into(),
            title: code.meaning().into(),
            // Every code that is an answer has a status.
            status: code.http_status().unwrap_or(500),
            detail: None,
            code: code.name().into(),
            retry_after_ms: None,
            attempts_left: None,
        }
    }

    /// With what is wrong this time.
    #[must_use]
    pub fn because(mut self, detail: &str) -> Self {
        self.detail = Some(detail.into());
        self
    }
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

// An optional member may be null (spec section 13.1), and then stands at its default.

fn capacity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    let capacity = Option::deserialize(deserializer)?;
    Ok(capacity.unwrap_or(limits::DEFAULT_CAPACITY))
}

fn history<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

fn burn<'de, D: Deserializer<'de>>(deserializer: D) -> Result<WhoMayBurn, D::Error> {
    binary::optional_word(deserializer).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_says_what_it_is_to_those_who_know_nothing_of_burnchat() {
        let text = Problem::new(Code::UnknownPath)
            .because("no such page")
            .encode();
        assert_eq!(
            text.as_str(),
            concat!(
                r#"{"type":"https://github.com/burnchat/burnchat/blob/main/spec/burnchat-1.md#unknown_path","#,
                r#""title":"A request for a path the relay does not know.","status":404,"#,
                r#""detail":"no such page","code":"unknown_path"}"#
            )
        );
    }

    #[test]
    fn a_problem_shows_its_code() {
        let problem = Problem::new(Code::WrongPin);
        assert_eq!(alloc::string::ToString::to_string(&problem), "wrong_pin");
    }

    #[test]
    fn a_problem_is_known_by_its_code_alone() {
        let problem = Problem::parse(br#"{"code":"wrong_pin","attempts_left":2}"#).unwrap();
        assert_eq!(
            (problem.code.as_str(), problem.attempts_left),
            ("wrong_pin", Some(2))
        );
        assert!(Problem::parse(br#"{"type":"about:blank","status":404}"#).is_err());
    }
}
