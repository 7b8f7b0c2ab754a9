//! The error registry (spec section 15): every code, its number, its name on the wire, and who is to blame.
//!
//! [`Code`] is the registry itself. [`Error`] is what the machines return: it splits by who misbehaved, so that a
//! caller can tell its own mistake from a hostile relay without a table, and every value has a [`Error::code`].

use core::fmt;

/// Who is to blame for an error (spec section 15).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Blame {
    /// The bytes themselves: they do not parse.
    Malformed,
    /// The other side of the connection, or another participant.
    Peer,
    /// The relay.
    Relay,
    /// The person at the client, or the state the room is in.
    Caller,
    /// The program that uses the machine.
    Api,
    /// A cryptographic operation or its randomness.
    Crypto,
}

/// What follows from an error beyond its report (spec section 15).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Effect {
    /// Nothing: nothing was done and nothing is lost.
    None,
    /// The relay closes the connection after it.
    Closes,
    /// The same may be tried again, as it is.
    Retry,
    /// This frame is refused; the client encrypts it anew.
    Refuses,
    /// The client joins afresh.
    Rejoins,
    /// The client ends.
    Ends,
}

macro_rules! registry {
    ($($variant:ident = $number:literal, $name:literal, $blame:ident, $effect:ident, $http:expr, $meaning:literal;)*) => {
        /// A code of the error registry (spec section 15).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        #[repr(u16)]
        pub enum Code {
            $(#[doc = $meaning] $variant = $number,)*
        }

        impl Code {
            /// Every code, in the order of the registry.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code of this name, if there is one.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }

            /// The stable number, for bindings.
            #[must_use]
            pub const fn number(self) -> u16 { self as u16 }

            /// The name on the wire.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it means, for people.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }

            /// Who is to blame.
            #[must_use]
            pub const fn blame(self) -> Blame {
                match self { $(Self::$variant => Blame::$blame,)* }
            }

            /// What follows from it.
            #[must_use]
            pub const fn effect(self) -> Effect {
                match self { $(Self::$variant => Effect::$effect,)* }
            }

            /// The status of an HTTP answer that carries it, where there is one.
            #[must_use]
            pub const fn http_status(self) -> Option<u16> {
                match self { $(Self::$variant => $http,)* }
            }

            /// The type of a problem (RFC 9457) that it is: a URI that leads to its entry in the registry.
            #[must_use]
            pub const fn problem_type(self) -> &'static str {
                match self { $(Self::$variant => concat!(
                    "https://github.com/burnchat/burnchat/blob/main/spec/burnchat-1.md#", $name
                ),)* }
            }
        }
    };
}

registry! {
    // Requests and frames
    MalformedFrame = 100, "malformed_frame", Malformed, Closes, Some(400), "Not UTF-8, not JSON, too deep, a missing or wrong member, a value out of range, a binary message.";
    FrameTooLarge = 101, "frame_too_large", Malformed, Closes, Some(413), "A frame above the size limit.";
    UnknownType = 102, "unknown_type", Malformed, Closes, Some(400), "A `type` this version does not know.";
    DuplicateKey = 103, "duplicate_key", Malformed, Closes, Some(400), "An object with a repeated member.";
    UnexpectedFrame = 104, "unexpected_frame", Peer, Closes, Some(409), "A frame that makes no sense now: a second `join`, anything before it.";
    BadSequence = 105, "bad_sequence", Peer, Retry, Some(409), "An envelope whose n is not the next.";
    BadRequest = 106, "bad_request", Peer, None, Some(400), "A command or request with a value the room or relay does not allow.";
    OriginRefused = 107, "origin_refused", Peer, None, Some(403), "A request made by a web page of another origin.";
    UnknownPath = 108, "unknown_path", Peer, None, Some(404), "A request for a path the relay does not know.";
    UnknownMethod = 109, "unknown_method", Peer, None, Some(405), "A method that the path does not have.";
    // Admission
    RoomNotFound = 200, "room_not_found", Caller, Closes, Some(404), "No such room, or nothing shown that entitles to know of it.";
    LinkExpired = 201, "link_expired", Caller, Closes, Some(410), "The ticket, or a token voided with it, has been replaced.";
    RoomFull = 202, "room_full", Caller, Closes, Some(409), "No seat is free.";
    RoomLocked = 203, "room_locked", Caller, Closes, Some(403), "The creator has locked the room.";
    WrongPin = 204, "wrong_pin", Caller, Closes, Some(403), "Wrong PIN; `attempts_left` says how many tries are left.";
    PinLocked = 205, "pin_locked", Caller, Closes, Some(429), "Too many wrong PINs; `retry_after_ms`.";
    Kicked = 206, "kicked", Caller, Closes, Some(403), "Removed by the creator.";
    Displaced = 207, "displaced", Caller, Closes, Some(409), "The seat was taken over by another connection of the same participant.";
    Gap = 208, "gap", Caller, Closes, Some(410), "What the client missed is gone; join afresh with the seat token.";
    BadKey = 209, "bad_key", Peer, Closes, Some(400), "An identity key that is not a point on P-256.";
    IdTaken = 210, "id_taken", Peer, Closes, Some(409), "A participant id this room has seen.";
    JoinsExhausted = 211, "joins_exhausted", Caller, Closes, Some(409), "The room has had all the joins it allows.";
    RoomExists = 212, "room_exists", Caller, None, Some(409), "A room of this id exists.";
    // Commands
    NotCreator = 300, "not_creator", Caller, None, Some(403), "The command is for creators.";
    UnknownParticipant = 301, "unknown_participant", Caller, None, Some(404), "No participant of this id has been in the room.";
    PastNotAfter = 302, "past_not_after", Caller, None, Some(409), "The room already lasts until its hard end.";
    ExtendConflict = 303, "extend_conflict", Caller, None, Some(409), "The room has been extended since.";
    // Envelopes
    StaleEpoch = 400, "stale_epoch", Caller, Refuses, Some(409), "The epoch has ended, or somebody has left and the next key is awaited.";
    // Limits
    RateLimited = 500, "rate_limited", Caller, Retry, Some(429), "Too many frames or bytes; `retry_after_ms`.";
    HandshakeTimeout = 501, "handshake_timeout", Peer, Closes, Some(408), "No `join` or `resume` in time.";
    TooManyRooms = 502, "too_many_rooms", Caller, None, Some(429), "This peer, or the relay, has all the rooms it may have.";
    TooManyConnections = 503, "too_many_connections", Caller, Closes, Some(429), "This peer, or the relay, has all the connections it may have.";
    RelayEnding = 504, "relay_ending", Caller, Retry, Some(503), "The relay is ending, and its rooms with it.";
    // Links (client only)
    LinkNotALink = 600, "link_not_a_link", Malformed, None, None, "Not `<base>/r/<room_id>#<fragment>`.";
    LinkNoFragment = 601, "link_no_fragment", Malformed, None, None, "The part after `#` is missing: was the link cut?";
    LinkBadRoomId = 602, "link_bad_room_id", Malformed, None, None, "The room id is not 16 bytes of base64url.";
    LinkBadEncoding = 603, "link_bad_encoding", Malformed, None, None, "The fragment is not base64url.";
    LinkBadLength = 604, "link_bad_length", Malformed, None, None, "The fragment is not 42 bytes long.";
    LinkUnsupportedVersion = 605, "link_unsupported_version", Malformed, None, None, "The link is for another version of the protocol.";
    LinkMistyped = 606, "link_mistyped", Malformed, None, None, "The check does not match: mistyped or damaged.";
    LinkUnknownFlags = 607, "link_unknown_flags", Malformed, None, None, "The link asks for a feature this client does not know.";
    // Misuse of a client or relay machine (local only)
    NobodyHere = 700, "nobody_here", Api, None, None, "There is nobody verified to send to.";
    TextTooLong = 701, "text_too_long", Api, None, None, "A text above 32,768 bytes.";
    TextEmpty = 702, "text_empty", Api, None, None, "A text without a byte.";
    QueueFull = 703, "queue_full", Api, None, None, "Too many texts are waiting.";
    NotJoined = 704, "not_joined", Api, None, None, "The command needs a joined room.";
    Ended = 705, "ended", Api, None, None, "The machine has ended.";
    NameTooLong = 706, "name_too_long", Api, None, None, "A name above 64 bytes.";
    NameNotAllowed = 707, "name_not_allowed", Api, None, None, "A name with a character of section 5.5, or without a visible one.";
    NoSuchMessage = 708, "no_such_message", Api, None, None, "A message id this client does not know.";
    InvalidParameter = 709, "invalid_parameter", Api, None, None, "An argument outside its documented range.";
    CryptoFailure = 710, "crypto_failure", Crypto, None, None, "The cryptographic library, or the randomness given to it, failed.";
    // Found wrong by a client (local only): the relay
    Fork = 800, "fork", Relay, Rejoins, None, "The relay contradicts the log this client has seen.";
    Replayed = 801, "replayed", Relay, None, None, "An envelope whose n was already taken.";
    EndedEpoch = 802, "ended_epoch", Relay, None, None, "An envelope of an epoch that has ended.";
    NotAParticipant = 803, "not_a_participant", Relay, None, None, "An envelope of somebody who has left or is not of its epoch.";
    HistoryMismatch = 804, "history_mismatch", Relay, Ends, None, "The relay says otherwise about history than the link.";
    ClockSkew = 805, "clock_skew", Relay, Ends, None, "The link is past its hard end by this clock, the relay says the room lives.";
    MalformedFromRelay = 806, "malformed_from_relay", Relay, None, None, "A frame from the relay that does not parse.";
    UnexpectedFromRelay = 807, "unexpected_from_relay", Relay, None, None, "A frame that makes no sense in this state.";
    HistoryUnavailable = 808, "history_unavailable", Relay, None, None, "Older history cannot be opened or does not fit together.";
    RekeyStalled = 809, "rekey_stalled", Relay, None, None, "No key for the newest roster for 10 s.";
    // Found wrong by a client (local only): a participant, or a relay in its name
    UnverifiedParticipant = 900, "unverified_participant", Peer, None, None, "An entry that fails a check of section 5.6.";
    BadName = 901, "bad_name", Peer, None, None, "A sealed name that section 5.5 refuses.";
    BadEnvelopeSignature = 902, "bad_envelope_signature", Peer, None, None, "An envelope its sender did not sign.";
    BadEnvelope = 903, "bad_envelope", Peer, None, None, "An envelope that does not decrypt.";
    Unreadable = 904, "unreadable", Peer, None, None, "A plaintext that does not parse.";
    BadWrap = 905, "bad_wrap", Peer, None, None, "A key frame that gave this client no usable key.";
    CountRepeated = 906, "count_repeated", Peer, None, None, "An envelope whose count was used before.";
    BadLink = 907, "bad_link", Caller, Ends, None, "Nobody in the room holds this link's secret.";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a machine refused something. It never moves a machine's state to return one.
///
/// The variants say who is to blame; [`Error::code`] says what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The program that uses the machine asked for something it can't do now.
    #[error("misuse of the machine: {0}")]
    ApiMisuse(Code),
    /// A participant (or a client, seen from the relay) broke the protocol.
    #[error("a peer misbehaved: {0}")]
    PeerMisbehaved(Code),
    /// The relay broke the protocol.
    #[error("the relay misbehaved: {0}")]
    RelayMisbehaved(Code),
    /// Bytes that do not parse.
    #[error("malformed: {0}")]
    Malformed(Code),
    /// A cryptographic operation failed for a reason that is nobody's message.
    #[error("cryptographic failure: {0}")]
    Crypto(Code),
    /// The room, or the relay, refuses: full, locked, gone, a wrong PIN.
    #[error("refused: {0}")]
    Refused(Code),
}

impl Error {
    /// The error of this code, in the variant its blame calls for.
    #[must_use]
    pub const fn new(code: Code) -> Self {
        match code.blame() {
            Blame::Malformed => Self::Malformed(code),
            Blame::Peer => Self::PeerMisbehaved(code),
            Blame::Relay => Self::RelayMisbehaved(code),
            Blame::Caller => Self::Refused(code),
            Blame::Api => Self::ApiMisuse(code),
            Blame::Crypto => Self::Crypto(code),
        }
    }

    /// The code of the registry.
    #[must_use]
    pub const fn code(self) -> Code {
        match self {
            Self::ApiMisuse(code)
            | Self::PeerMisbehaved(code)
            | Self::RelayMisbehaved(code)
            | Self::Malformed(code)
            | Self::Crypto(code)
            | Self::Refused(code) => code,
        }
    }
}

impl From<Code> for Error {
    fn from(code: Code) -> Self {
        Self::new(code)
    }
}
