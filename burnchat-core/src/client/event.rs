//! What comes out of a client machine.

use alloc::string::String;
use core::fmt;

use crate::crypto::{Name, Text};
use crate::error::{Code, Error};
use crate::ids::{EpochId, MessageId, ParticipantId};
use crate::time::Timestamp;
use crate::wire::{BurnReason, Departure, EncodedFrame, ErrorFrame, Role};

/// One thing for the driver to do, or the application to know.
#[derive(Debug)]
#[non_exhaustive]
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub enum Output {
    /// Open a connection to the room's relay, then call [`Client::handle_connected`](super::Client::handle_connected).
    ///
    /// The driver decides how soon, and goes on trying.
    Connect,
    /// Send this frame.
    Send(EncodedFrame),
    /// Close the connection with this WebSocket code. Nothing more may be delivered from it.
    Close(u16),
    /// Tell the application.
    Event(Event),
}

/// What happened in the room.
#[derive(Debug)]
#[non_exhaustive]
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub enum Event {
    /// The seat is taken; [`Client::participants`](super::Client::participants) lists who is there.
    Joined {
        /// One's own id.
        id: ParticipantId,
        /// One's own role.
        role: Role,
    },
    /// An epoch has been installed: what is sent now can be read by everyone verified on the roster.
    Keyed {
        /// The epoch.
        epoch: EpochId,
        /// The roster version it is for.
        version: u64,
    },
    /// The newest roster has had no key for 10 s.
    RekeyStalled,
    /// Somebody joined.
    ParticipantJoined(Participant),
    /// Somebody left.
    ParticipantLeft {
        /// Who.
        participant: Participant,
        /// Why; `None` if a fresh join took its seat over.
        reason: Option<Departure>,
    },
    /// The verification codes are new: somebody joined or left.
    VerificationChanged,
    /// A text.
    Message(Message),
    /// One's own text is in the log.
    Accepted {
        /// The message.
        id: MessageId,
    },
    /// One's own text was not sent, and people it was not written for have come since. It is the author's again.
    Unsent {
        /// The message.
        id: MessageId,
        /// Its words.
        text: Text,
    },
    /// One's own text was sent, and whether it arrived is not known.
    Unknown {
        /// The message.
        id: MessageId,
        /// Its words.
        text: Text,
    },
    /// Somebody has read a message.
    Read {
        /// Who read.
        by: ParticipantId,
        /// Who wrote.
        author: ParticipantId,
        /// What.
        id: MessageId,
    },
    /// Somebody has begun or stopped typing.
    Typing {
        /// Who.
        from: ParticipantId,
        /// Whether it is typing now.
        typing: bool,
    },
    /// The time of one message is over: remove it.
    MessageBurned {
        /// Who wrote it.
        author: ParticipantId,
        /// Which.
        id: MessageId,
    },
    /// A message this client can't read.
    Unreadable {
        /// Who wrote it.
        from: ParticipantId,
        /// Why.
        reason: Unreadable,
    },
    /// Messages of somebody are missing.
    Missed {
        /// Whose.
        from: ParticipantId,
        /// How many.
        count: u64,
    },
    /// The relay's countdown.
    Countdown {
        /// Rounded up.
        seconds_remaining: u64,
    },
    /// The room was locked or unlocked.
    Locked {
        /// Whether nobody new is let in.
        locked: bool,
    },
    /// The end has moved.
    Extended {
        /// Rounded up.
        seconds_remaining: u64,
    },
    /// The link has a new ticket: show [`Client::link`](super::Client::link) in place of the old one.
    LinkChanged,
    /// The ticket was replaced, and this client does not have the new one (yet): the link it shows no longer admits.
    LinkExpired,
    /// The kept history has been read.
    HistoryRead {
        /// Whether all of it was there and could be opened.
        complete: bool,
    },
    /// The connection broke; the seat is kept for 30 s.
    Reconnecting,
    /// The seat is taken up again, nothing was missed.
    Resumed,
    /// What was missed is gone, or the relay contradicted itself: joining afresh, as a new participant.
    Rejoining {
        /// `gap` or `fork`.
        code: Code,
    },
    /// Something was found wrong, and refused.
    Fault {
        /// What.
        error: Error,
        /// About whom, if about somebody.
        about: Option<ParticipantId>,
    },
    /// The relay refused a command.
    Refused(Refusal),
    /// It is over; everything has been wiped. The last event.
    Ended(EndReason),
}

impl Event {
    /// The event's number, for bindings. A number is never given to another event.
    #[must_use]
    pub const fn tag(&self) -> u32 {
        match self {
            Self::Joined { .. } => 1,
            Self::Keyed { .. } => 2,
            Self::RekeyStalled => 3,
            Self::ParticipantJoined(_) => 4,
            Self::ParticipantLeft { .. } => 5,
            Self::VerificationChanged => 6,
            Self::Message(_) => 7,
            Self::Accepted { .. } => 8,
            Self::Unsent { .. } => 9,
            Self::Unknown { .. } => 10,
            Self::Read { .. } => 11,
            Self::Typing { .. } => 12,
            Self::MessageBurned { .. } => 13,
            Self::Unreadable { .. } => 14,
            Self::Missed { .. } => 15,
            Self::Countdown { .. } => 16,
            Self::Locked { .. } => 17,
            Self::Extended { .. } => 18,
            Self::LinkChanged => 19,
            Self::LinkExpired => 20,
            Self::HistoryRead { .. } => 21,
            Self::Reconnecting => 22,
            Self::Resumed => 23,
            Self::Rejoining { .. } => 24,
            Self::Fault { .. } => 25,
            Self::Refused(_) => 26,
            Self::Ended(_) => 27,
        }
    }
}

/// A text that was received.
#[derive(Debug)]
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// Who wrote it.
    pub author: Participant,
    /// Its words.
    pub text: Text,
    /// The author's clock.
    pub sent_at: Timestamp,
    /// Milliseconds from reading to burning, 0 for none: call [`Client::mark_read`](super::Client::mark_read).
    pub burn_after_ms: u32,
    /// Whether it was in the log before this client was keyed for the first time.
    pub from_history: bool,
}

/// A participant, as shown to people.
#[derive(Clone, Debug)]
#[cfg_attr(burnchat_sim, derive(Hash))]
pub struct Participant {
    /// Its id.
    pub id: ParticipantId,
    /// Its name; `None` if the entry is not verified.
    pub name: Option<Name>,
    /// Its join number.
    pub number: u64,
    /// What it may do.
    pub role: Role,
    /// Whether an earlier participant, present or gone, had the same name.
    pub name_clash: bool,
    /// Whether it is this client.
    pub me: bool,
}

impl Participant {
    /// Whether its entry passed every check (spec section 5.6).
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.name.is_some()
    }

    /// `name·number·tag` (spec section 5.5).
    #[must_use]
    pub fn label(&self) -> String {
        match &self.name {
            Some(name) => name.shown(self.number, &self.id),
            None => alloc::format!(
                "unverified·{}·{}",
                self.number,
                crate::crypto::tag(&self.id)
            ),
        }
    }
}

/// Why a message can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unreadable {
    /// This client does not hold the key of its epoch: it came later, or got no good key.
    NotKeyedYet,
    /// It decrypted, and is of no kind this version knows, or does not parse.
    Unparsable,
}

/// What the relay refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Refusal {
    /// Why.
    pub code: Code,
    /// When to try again, ms.
    pub retry_after_ms: Option<u64>,
    /// PIN attempts left.
    pub attempts_left: Option<u64>,
}

impl From<ErrorFrame> for Refusal {
    fn from(error: ErrorFrame) -> Self {
        Self {
            code: error.code,
            retry_after_ms: error.retry_after_ms,
            attempts_left: error.attempts_left,
        }
    }
}

/// How a client's participation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EndReason {
    /// The relay burned the room.
    Burned(BurnKind),
    /// This client's own clock says the room is over, or the room is gone.
    LocalBurn,
    /// A creator removed this participant.
    Kicked,
    /// The application left.
    Left,
    /// The relay would not let it in, or not back in.
    Refused(Refusal),
    /// Found wrong by this client: `bad_link`, `clock_skew`, `history_mismatch`, `fork`.
    Failed(Error),
}

/// Why the relay burned the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BurnKind {
    /// The countdown ran out.
    Expired,
    /// Somebody entitled asked for it.
    Asked,
    /// The relay is shutting down.
    Shutdown,
}

impl Unreadable {
    /// The reason's number, for bindings. A number is never given to another reason.
    #[must_use]
    pub const fn tag(self) -> u32 {
        match self {
            Self::NotKeyedYet => 1,
            Self::Unparsable => 2,
        }
    }
}

impl EndReason {
    /// The reason's number, for bindings: what a person is told is the same for a room that this client's clock ended
    /// and one the relay's did. A number is never given to another reason.
    #[must_use]
    pub const fn tag(&self) -> u32 {
        match self {
            Self::Burned(BurnKind::Expired) | Self::LocalBurn => 1,
            Self::Burned(BurnKind::Asked) => 2,
            Self::Burned(BurnKind::Shutdown) => 3,
            Self::Kicked => 4,
            Self::Left => 5,
            Self::Refused(_) => 6,
            Self::Failed(_) => 7,
        }
    }
}

impl From<BurnReason> for BurnKind {
    fn from(reason: BurnReason) -> Self {
        match reason {
            BurnReason::Expired => Self::Expired,
            BurnReason::Burned => Self::Asked,
            BurnReason::Shutdown => Self::Shutdown,
        }
    }
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Burned(BurnKind::Expired) | Self::LocalBurn => f.write_str("expired"),
            Self::Burned(BurnKind::Asked) => f.write_str("burned"),
            Self::Burned(BurnKind::Shutdown) => f.write_str("shutdown"),
            Self::Kicked => f.write_str("kicked"),
            Self::Left => f.write_str("left"),
            Self::Refused(refusal) => refusal.code.fmt(f),
            Self::Failed(error) => error.code().fmt(f),
        }
    }
}
