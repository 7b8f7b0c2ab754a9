//! Frames from a relay to a client (spec section 13.3).

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::binary::{self, Bytes, Ciphertext, Object};
use super::{
    Back, BurnReason, Departure, EncodedFrame, Envelope, Role, RosterEntry, WhoMayBurn, members_of,
    strict, text_of,
};
use crate::crypto::Secret;
use crate::error::Code;
use crate::ids::{EpochId, ParticipantId, RosterHash, TicketHash};
use crate::limits;

/// A frame from a relay (spec section 13.3).
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RelayFrame {
    /// The seat is taken: the room as it stands just after the own entry (spec section 6.2).
    Joined(Box<Joined>),
    /// The kept history has been sent (spec section 9.1).
    HistoryEnd(HistoryEnd),
    /// The missed entries have been sent (spec section 6.3).
    Resumed(Resumed),
    /// Log: somebody has joined (spec section 6.2).
    ParticipantJoined(Box<ParticipantJoined>),
    /// Log: somebody has left (spec section 6.2).
    ParticipantLeft(ParticipantLeft),
    /// Log: a new key is wanted for the same people (spec section 7.6).
    Rekey(Rekey),
    /// Log: a new epoch (spec section 7.3).
    SessionKey(Box<KeyFrame>),
    /// Log: an epoch has ended (spec section 7.5).
    EpochEnd(EpochEnd),
    /// Log: an encrypted message (spec section 8.2).
    Message(LoggedEnvelope),
    /// Log: the room has been locked or unlocked (spec section 11.5).
    Locked(Locked),
    /// Log: the end has moved (spec section 11.5).
    Extended(Extended),
    /// Log: the ticket has been replaced (spec section 11.5).
    Renewed(Renewed),
    /// The receiver is asked for a key frame (spec section 7.1).
    KeyWanted(KeyWanted),
    /// How long the room still lives (spec section 12.1).
    Countdown(Countdown),
    /// The room is gone (spec section 12.3).
    Destroyed(Destroyed),
    /// Something was refused (spec section 15).
    Error(ErrorFrame),
}

impl RelayFrame {
    /// Reads a frame; `None` for a type this version does not know, which a client ignores.
    ///
    /// # Errors
    /// `frame_too_large`, `malformed_frame` or `duplicate_key`.
    pub fn parse(frame: &[u8]) -> Result<Option<Self>, Code> {
        let text = text_of(frame, limits::RELAY_FRAME_BYTES)?;
        Ok(Some(match strict::frame_type(text)?.as_ref() {
            "joined" => Self::Joined(members_of(text)?),
            "history_end" => Self::HistoryEnd(members_of(text)?),
            "resumed" => Self::Resumed(members_of(text)?),
            "participant_joined" => Self::ParticipantJoined(members_of(text)?),
            "participant_left" => Self::ParticipantLeft(members_of(text)?),
            "rekey" => Self::Rekey(members_of(text)?),
            "session_key" => Self::SessionKey(members_of(text)?),
            "epoch_end" => Self::EpochEnd(members_of(text)?),
            "message" => Self::Message(members_of(text)?),
            "locked" => Self::Locked(members_of(text)?),
            "extended" => Self::Extended(members_of(text)?),
            "renewed" => Self::Renewed(members_of(text)?),
            "key_wanted" => Self::KeyWanted(members_of(text)?),
            "countdown" => Self::Countdown(members_of(text)?),
            "destroyed" => Self::Destroyed(members_of(text)?),
            "error" => Self::Error(members_of(text)?),
            _ => return Ok(None),
        }))
    }

    /// The text of the frame.
    #[must_use]
    pub fn encode(&self) -> EncodedFrame {
        // What comes with every message besides the ciphertext is short of 400 bytes; an entry of a roster, of 700.
        match self {
            Self::Message(message) => {
                EncodedFrame::of_about(self, 400 + message.ciphertext.0.len().div_ceil(3) * 4)
            }
            Self::Joined(joined) => {
                EncodedFrame::of_about(self, 700 * (1 + joined.participants.len()))
            }
            Self::ParticipantJoined(_) | Self::SessionKey(_) => EncodedFrame::of_about(self, 768),
            // What is kept of a room may be many of these.
            _ => EncodedFrame::of_about(self, 128),
        }
    }

    /// The number of a log entry; `None` for frames that are not of the log.
    #[must_use]
    pub fn seq(&self) -> Option<u64> {
        match self {
            Self::ParticipantJoined(entry) => Some(entry.seq),
            Self::ParticipantLeft(entry) => Some(entry.seq),
            Self::Rekey(entry) => Some(entry.seq),
            Self::SessionKey(entry) => Some(entry.seq),
            Self::EpochEnd(entry) => Some(entry.seq),
            Self::Message(entry) => Some(entry.seq),
            Self::Locked(entry) => Some(entry.seq),
            Self::Extended(entry) => Some(entry.seq),
            Self::Renewed(entry) => Some(entry.seq),
            Self::Joined(_)
            | Self::HistoryEnd(_)
            | Self::Resumed(_)
            | Self::KeyWanted(_)
            | Self::Countdown(_)
            | Self::Destroyed(_)
            | Self::Error(_) => None,
        }
    }

    /// The same of the text of a frame, without reading more of it than that: for a relay's driver, of its own frames.
    #[must_use]
    pub fn seq_of_text(frame: &[u8]) -> Option<u64> {
        #[derive(Deserialize)]
        struct Place<'a> {
            #[serde(rename = "type")]
            kind: &'a str,
            seq: Option<u64>,
        }
        let place: Place<'_> = serde_json::from_slice(frame).ok()?;
        // What these two have is a place in the log, too, but not their own.
        let outside = matches!(place.kind, "joined" | "resumed");
        place.seq.filter(|_| !outside)
    }
}

/// The seat is taken: the room as it stands just after the joiner's own entry (spec section 6.2).
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = super::schema::object))]
pub struct Joined {
    /// The `seq` of the joiner's own entry.
    #[serde(deserialize_with = "binary::integer")]
    pub seq: u64,
    /// The roster version with it.
    #[serde(deserialize_with = "binary::integer")]
    pub version: u64,
    /// The newest epoch.
    pub head: EpochId,
    /// The joiner's role.
    #[serde(deserialize_with = "binary::word")]
    pub role: Role,
    /// What a resume or a fresh join takes the seat up with.
    pub seat_token: Secret<32>,
    /// The roster in join order, the joiner last.
    #[serde(deserialize_with = "roster")]
    #[cfg_attr(feature = "schema", schemars(length(max = *limits::CAPACITY.end())))]
    pub participants: Vec<RosterEntry>,
    /// How long the room still lives, seconds, rounded up.
    #[serde(deserialize_with = "binary::integer")]
    pub seconds_remaining: u64,
    /// Whether the relay keeps envelopes for later joiners.
    pub history: bool,
    /// Whether nobody new is let in.
    pub locked: bool,
    /// How many seats the room has.
    #[serde(deserialize_with = "capacity")]
    #[cfg_attr(feature = "schema", schemars(range(min = *limits::CAPACITY.start(), max = *limits::CAPACITY.end())))]
    pub capacity: u16,
    /// Who may burn the room.
    #[serde(deserialize_with = "binary::word")]
    pub burn: WhoMayBurn,
    /// The hash of the newest ticket.
    pub ticket_hash: TicketHash,
    /// The `seq` of the last `extended`, or 0.
    #[serde(deserialize_with = "binary::integer")]
    pub last_extended: u64,
}

/// The kept history has been sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = super::schema::object))]
pub struct HistoryEnd {
    /// Whether nothing had been dropped.
    pub complete: bool,
}

/// The missed entries have been sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = super::schema::object))]
pub struct Resumed {
    /// The `seq` of the last entry of the log.
    #[serde(deserialize_with = "binary::integer")]
    pub seq: u64,
    /// How long the room still lives, seconds, rounded up.
    #[serde(deserialize_with = "binary::integer")]
    pub seconds_remaining: u64,
}

/// Somebody has joined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = super::schema::object))]
pub struct ParticipantJoined {
    /// Its place in the log (spec section 6.1).
    #[serde(deserialize_with = "binary::integer")]
    pub seq: u64,
    /// The roster version with it.
    #[serde(deserialize_with = "binary::integer")]
    pub version: u64,
    /// Who has joined.
    #[serde(deserialize_with = "binary::object")]
    pub participant: RosterEntry,
    /// Whose seat it took over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaces: Option<ParticipantId>,
}

/// Somebody has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = super::schema::object))]
pub struct ParticipantLeft {
    /// Its place in the log (spec section 6.1).
    #[serde(deserialize_with = "binary::integer")]
    pub seq: u64,
    /// The roster version without it.
    #[serde(deserialize_with = "binary::integer")]
    pub version: u64,
    /// Who has left.
    pub id: ParticipantId,
    /// Why.
    #[serde(deserialize_with = "binary::word")]
    pub reason: Departure,
}

/// A new key is wanted for the same people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = super::schema::object))]
pub struct Rekey {
    /// Its place in the log (spec section 6.1).
    #[serde(deserialize_with = "binary::integer")]
    pub seq: u64,
    /// The new roster version.
    #[serde(deserialize_with = "binary::integer")]
    pub version: u64,
}

/// A key frame as each participant receives it (spec section 7.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = super::schema::object))]
#[cfg_attr(burnchat_sim, derive(Hash))]
pub struct KeyFrame {
    /// Its place in the log (spec section 6.1).
    #[serde(deserialize_with = "binary::integer")]
    pub seq: u64,
    /// The roster version it is for.
    #[serde(deserialize_with = "binary::integer")]
    pub version: u64,
    /// Who made it.
    pub steward: ParticipantId,
    /// The hash of that roster.
    pub roster_hash: RosterHash,
    /// The epoch before.
    pub prev: EpochId,
    /// Commits to the session key.
    pub commit: Bytes<32>,
    /// The steward's signature over the epoch id.
    pub sig: Bytes<64>,
    /// The receiver's own wrap of the session key, if there is one.
    #[serde(deserialize_with = "binary::nullable")]
    #[cfg_attr(
        feature = "schema",
        schemars(with = "super::schema::Nullable<Bytes<40>>")
    )]
    pub wrapped: Option<Bytes<40>>,
    /// The way back, in history rooms.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "binary::optional_object",
        default
    )]
    pub back: Option<Back>,
}

/// An epoch has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = super::schema::object))]
pub struct EpochEnd {
    /// Its place in the log (spec section 6.1).
    #[serde(deserialize_with = "binary::integer")]
    pub seq: u64,
    /// The roster version it was for.
    #[serde(deserialize_with = "binary::integer")]
    pub version: u64,
}

/// A message in the log: the envelope as the sender made it, its place and its sender.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = super::schema::object))]
#[cfg_attr(burnchat_sim, derive(Hash))]
pub struct LoggedEnvelope {
    /// Its place in the log (spec section 6.1).
    #[serde(deserialize_with = "binary::integer")]
    pub seq: u64,
    /// Whose seat it came from.
    pub sender: ParticipantId,
    /// The epoch whose chain encrypts it.
    pub epoch: EpochId,
    /// Index in the sender's chain of that epoch.
    #[serde(deserialize_with = "super::n")]
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

impl LoggedEnvelope {
    /// Puts an envelope into the log.
    #[must_use]
    pub fn new(seq: u64, sender: ParticipantId, envelope: Envelope) -> Self {
        let Envelope {
            epoch,
            n,
            flags,
            iv,
            ciphertext,
            sig,
        } = envelope;
        Self {
            seq,
            sender,
            epoch,
            n,
            flags,
            iv,
            ciphertext,
            sig,
        }
    }

    /// The envelope as its sender made it.
    #[must_use]
    pub fn into_envelope(self) -> Envelope {
        let Self {
            epoch,
            n,
            flags,
            iv,
            ciphertext,
            sig,
            ..
        } = self;
        Envelope {
            epoch,
            n,
            flags,
            iv,
            ciphertext,
            sig,
        }
    }
}

/// Locked or unlocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = super::schema::object))]
pub struct Locked {
    /// Its place in the log (spec section 6.1).
    #[serde(deserialize_with = "binary::integer")]
    pub seq: u64,
    /// Whether nobody new is let in.
    pub locked: bool,
}

/// The end has moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = super::schema::object))]
pub struct Extended {
    /// Its place in the log (spec section 6.1).
    #[serde(deserialize_with = "binary::integer")]
    pub seq: u64,
    /// How long the room still lives, seconds, rounded up.
    #[serde(deserialize_with = "binary::integer")]
    pub seconds_remaining: u64,
}

/// The ticket has been replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = super::schema::object))]
pub struct Renewed {
    /// Its place in the log (spec section 6.1).
    #[serde(deserialize_with = "binary::integer")]
    pub seq: u64,
    /// The hash of the new ticket.
    pub ticket_hash: TicketHash,
}

/// The receiver is asked for a key frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = super::schema::object))]
pub struct KeyWanted {
    /// The newest roster version.
    #[serde(deserialize_with = "binary::integer")]
    pub version: u64,
    /// The newest epoch.
    pub head: EpochId,
}

/// How long the room still lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = super::schema::object))]
pub struct Countdown {
    /// How long the room still lives, seconds, rounded up.
    #[serde(deserialize_with = "binary::integer")]
    pub seconds_remaining: u64,
}

/// The room is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = super::schema::object))]
pub struct Destroyed {
    /// Why.
    #[serde(deserialize_with = "binary::word")]
    pub reason: BurnReason,
}

/// Something was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = super::schema::object))]
pub struct ErrorFrame {
    /// What was wrong.
    #[serde(serialize_with = "code_name", deserialize_with = "code")]
    #[cfg_attr(feature = "schema", schemars(with = "super::schema::SentCode"))]
    pub code: Code,
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
    /// The refused envelope's epoch.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub epoch: Option<EpochId>,
    /// The refused envelope's n.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::optional_n",
        default
    )]
    #[cfg_attr(feature = "schema", schemars(range(max = limits::ENVELOPES_PER_EPOCH - 1)))]
    pub n: Option<u64>,
}

impl ErrorFrame {
    /// Of this code and nothing more.
    #[must_use]
    pub const fn new(code: Code) -> Self {
        Self {
            code,
            retry_after_ms: None,
            attempts_left: None,
            epoch: None,
            n: None,
        }
    }

    /// With the time after which to try again.
    #[must_use]
    pub const fn retry_after(mut self, millis: u64) -> Self {
        self.retry_after_ms = Some(millis);
        self
    }

    /// With the number of PIN attempts left.
    #[must_use]
    pub const fn attempts_left(mut self, attempts: u64) -> Self {
        self.attempts_left = Some(attempts);
        self
    }

    /// About this envelope.
    #[must_use]
    pub const fn envelope(mut self, epoch: EpochId, n: u64) -> Self {
        self.epoch = Some(epoch);
        self.n = Some(n);
        self
    }
}

fn code_name<S: Serializer>(code: &Code, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(code.name())
}

fn code<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Code, D::Error> {
    // A code of a later minor revision is still an error: it is taken as the least specific one.
    struct Name;
    impl serde::de::Visitor<'_> for Name {
        type Value = Code;

        fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
            f.write_str("the name of an error")
        }

        fn visit_str<E>(self, name: &str) -> Result<Code, E> {
            Ok(Code::from_name(name).unwrap_or(Code::BadRequest))
        }
    }
    deserializer.deserialize_str(Name)
}

fn capacity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    let capacity = u16::deserialize(deserializer)?;
    if limits::CAPACITY.contains(&capacity) {
        Ok(capacity)
    } else {
        Err(serde::de::Error::custom("no room has so many seats"))
    }
}

fn roster<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<RosterEntry>, D::Error> {
    let entries = Vec::<Object<RosterEntry>>::deserialize(deserializer)?;
    if entries.len() <= usize::from(*limits::CAPACITY.end()) {
        Ok(entries.into_iter().map(|entry| entry.0).collect())
    } else {
        Err(serde::de::Error::custom(
            "more entries than a room has seats",
        ))
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec;

    use super::*;
    use crate::crypto::{Secret, SecretBytes};
    use crate::ids::TicketHash;
    use crate::wire::binary::PinText;
    use crate::wire::{Ciphertext, Role, WhoMayBurn};

    fn entry(number: u64) -> RosterEntry {
        RosterEntry {
            kem_pub: Bytes([1; 65]),
            sig_pub: Bytes([2; 65]),
            sealed_name: Bytes([3; 157]),
            join_proof: Bytes([4; 32]),
            role: Role::Member,
            number,
        }
    }

    fn joined(people: u64) -> RelayFrame {
        RelayFrame::Joined(Box::new(Joined {
            seq: 1,
            version: 1,
            head: EpochId::NONE,
            role: Role::Member,
            seat_token: Secret::copy_of(&[5; 32]),
            participants: (0..people).map(entry).collect(),
            locked: false,
            capacity: 256,
            burn: WhoMayBurn::Creator,
            history: false,
            seconds_remaining: 1,
            last_extended: 0,
            ticket_hash: TicketHash([6; 32]),
        }))
    }

    fn message(len: usize) -> RelayFrame {
        RelayFrame::Message(LoggedEnvelope {
            seq: 1,
            sender: ParticipantId([1; 16]),
            epoch: EpochId::NONE,
            n: 8_191,
            flags: 0,
            iv: Bytes([2; 12]),
            ciphertext: Ciphertext(vec![3; len]),
            sig: Bytes([4; 64]),
        })
    }

    /// What a frame takes besides its text: the allocator's part and what it has asked for too much.
    fn too_much(frame: &RelayFrame) -> usize {
        let encoded = frame.encode();
        encoded.memory() - encoded.as_bytes().len()
    }

    #[test]
    fn frames_are_written_into_memory_that_was_about_right_from_the_start() {
        // Growing doubles, and costs a wipe.
        for people in [1, 2, 50, 256] {
            let spare = too_much(&joined(people));
            assert!(
                spare < 700 + usize::try_from(people).unwrap() * 200,
                "{people}: {spare}"
            );
        }
        for len in [80, 1_000, 45_000] {
            let spare = too_much(&message(len));
            assert!((96..500).contains(&spare), "{len}: {spare}");
        }
        let spare = too_much(&RelayFrame::ParticipantJoined(Box::new(
            ParticipantJoined {
                seq: 1,
                version: 1,
                participant: entry(1),
                replaces: None,
            },
        )));
        assert!(spare < 350, "{spare}");
    }

    #[test]
    fn what_a_frame_holds_is_printed_by_its_length_alone() {
        assert_eq!(
            format!(
                "{:?} {:?} {:?}",
                Bytes([7; 12]),
                Ciphertext(vec![7; 80]),
                PinText(SecretBytes::copy_of(b"AAAAA2"))
            ),
            "[12 bytes] [80 bytes] PinText(..)"
        );
        let lock = RelayFrame::EpochEnd(EpochEnd { seq: 1, version: 1 }).encode();
        assert_eq!(
            format!("{lock:?}"),
            format!("EncodedFrame({} bytes)", lock.as_str().len())
        );
    }
}
