//! Events of a client, as one struct with a number that says which of its members count.

use burnchat_core::client::{EndReason, Event, Participant, Refusal};
use burnchat_core::wire::Departure;
use zeroize::Zeroizing;

use crate::codes::number;
use crate::values::{Id, ParticipantView, Slice, role};

/// The seat is taken: `id`, `role`.
pub const BC_EVENT_JOINED: u32 = 1;
/// An epoch has been installed, and what is sent now can be read by everyone verified: `epoch`, `number` (the roster's
/// version).
pub const BC_EVENT_KEYED: u32 = 2;
/// The newest roster has had no key for 10 s.
pub const BC_EVENT_REKEY_STALLED: u32 = 3;
/// Somebody joined: `participant`.
pub const BC_EVENT_PARTICIPANT_JOINED: u32 = 4;
/// Somebody left: `participant`, `reason` (`BC_LEFT_…`).
pub const BC_EVENT_PARTICIPANT_LEFT: u32 = 5;
/// The verification codes are new: somebody joined or left.
pub const BC_EVENT_VERIFICATION_CHANGED: u32 = 6;
/// A text: `id`, `participant` (its author; `from` is its id), `text`, `time_ms` (the author's clock), `number` (ms from reading to
/// burning, 0 for none), `flag` (whether it was there before this client could read).
pub const BC_EVENT_MESSAGE: u32 = 7;
/// One's own text is in the log: `id`.
pub const BC_EVENT_ACCEPTED: u32 = 8;
/// One's own text was not sent and will not be, it is its author's again: `id`, `text`.
pub const BC_EVENT_UNSENT: u32 = 9;
/// One's own text was sent, and whether it arrived can't be known: `id`, `text`.
pub const BC_EVENT_UNKNOWN: u32 = 10;
/// Somebody has read a message: `about` (who read), `from` (who wrote), `id`.
pub const BC_EVENT_READ: u32 = 11;
/// Somebody is typing, or no longer: `from`, `flag`.
pub const BC_EVENT_TYPING: u32 = 12;
/// The time of one message is over, forget it: `from` (who wrote), `id`.
pub const BC_EVENT_MESSAGE_BURNED: u32 = 13;
/// A message this client can't read: `from`, `reason` (`BC_UNREADABLE_…`).
pub const BC_EVENT_UNREADABLE: u32 = 14;
/// Messages of somebody are missing: `from`, `number` (how many).
pub const BC_EVENT_MISSED: u32 = 15;
/// The relay's countdown: `number` (seconds, rounded up).
pub const BC_EVENT_COUNTDOWN: u32 = 16;
/// The room was locked or unlocked: `flag`.
pub const BC_EVENT_LOCKED: u32 = 17;
/// The end has moved: `number` (seconds that remain, rounded up).
pub const BC_EVENT_EXTENDED: u32 = 18;
/// The link has a new ticket: show `bc_client_link` in place of the old one.
pub const BC_EVENT_LINK_CHANGED: u32 = 19;
/// The ticket was replaced, and this client has not got the new one yet.
pub const BC_EVENT_LINK_EXPIRED: u32 = 20;
/// The kept history has been read: `flag` (whether all of it was there and could be opened).
pub const BC_EVENT_HISTORY_READ: u32 = 21;
/// The connection broke; the seat is kept for 30 s.
pub const BC_EVENT_RECONNECTING: u32 = 22;
/// The seat is taken up again, nothing was missed.
pub const BC_EVENT_RESUMED: u32 = 23;
/// What was missed is gone, or the relay contradicted itself; joining afresh: `code` (`gap` or `fork`).
pub const BC_EVENT_REJOINING: u32 = 24;
/// Something was found wrong, and refused: `code`, and if `flag` is set `about`.
pub const BC_EVENT_FAULT: u32 = 25;
/// The relay refused a command: `code`, `retry_after_ms`, `attempts_left`.
pub const BC_EVENT_REFUSED: u32 = 26;
/// It is over, everything has been wiped, and no event follows: `reason` (`BC_ENDED_…`), `code` if it was refused or
/// failed, then `retry_after_ms` and `attempts_left` too.
pub const BC_EVENT_ENDED: u32 = 27;

/// It closed its connection.
pub const BC_LEFT_LEFT: u32 = 1;
/// It was away for too long.
pub const BC_LEFT_TIMEOUT: u32 = 2;
/// A creator removed it.
pub const BC_LEFT_KICKED: u32 = 3;
/// Its own fresh join took its seat over.
pub const BC_LEFT_REPLACED: u32 = 4;

/// This client does not hold the key.
pub const BC_UNREADABLE_NOT_KEYED_YET: u32 = 1;
/// It decrypted, and does not parse or is of no known kind.
pub const BC_UNREADABLE_UNPARSABLE: u32 = 2;

/// The room burned because its time was over.
pub const BC_ENDED_EXPIRED: u32 = 1;
/// The room burned because somebody entitled asked for it.
pub const BC_ENDED_BURNED: u32 = 2;
/// The room burned because the relay ended.
pub const BC_ENDED_SHUTDOWN: u32 = 3;
/// A creator removed this participant.
pub const BC_ENDED_KICKED: u32 = 4;
/// `bc_client_leave` was called.
pub const BC_ENDED_LEFT: u32 = 5;
/// The relay would not let this client in, or not back in.
pub const BC_ENDED_REFUSED: u32 = 6;
/// This client found something wrong that it can't go on with.
pub const BC_ENDED_FAILED: u32 = 7;

/// No time is named (`retry_after_ms`), or no number of attempts (`attempts_left`).
pub const BC_UNSTATED: u64 = u64::MAX;

/// What happened in the room. `type` says which of the other members count; the others are zero, or `BC_UNSTATED`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct EventView {
    /// `BC_EVENT_…`. A program ignores numbers it does not know.
    pub r#type: u32,
    /// A number of the protocol's registry, or 0.
    pub code: i32,
    /// Why, by the type: `BC_LEFT_…`, `BC_UNREADABLE_…`, `BC_ENDED_…`.
    pub reason: u32,
    /// `BC_ROLE_…`
    pub role: u32,
    /// 0 or 1, by the type.
    pub flag: u32,
    /// 0.
    pub reserved: u32,
    /// A number, by the type.
    pub number: u64,
    /// Milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// When to try again, or `BC_UNSTATED`.
    pub retry_after_ms: u64,
    /// PIN attempts left, or `BC_UNSTATED`.
    pub attempts_left: u64,
    /// Of a message, or one's own.
    pub id: Id,
    /// Of the participant it comes from.
    pub from: Id,
    /// Of the participant it is about.
    pub about: Id,
    /// The epoch's id.
    pub epoch: [u8; 32],
    /// The words.
    pub text: Slice,
    /// Somebody, with name and label.
    pub participant: ParticipantView,
}

impl EventView {
    pub(crate) const NOTHING: Self = Self {
        r#type: 0,
        code: 0,
        reason: 0,
        role: 0,
        flag: 0,
        reserved: 0,
        number: 0,
        time_ms: 0,
        retry_after_ms: BC_UNSTATED,
        attempts_left: BC_UNSTATED,
        id: Id { bytes: [0; 16] },
        from: Id { bytes: [0; 16] },
        about: Id { bytes: [0; 16] },
        epoch: [0; 32],
        text: Slice::NONE,
        participant: ParticipantView::NOBODY,
    };

    /// A view of `event`; it lasts as long as the event and `label`, which is that of the participant in it.
    pub(crate) fn of(event: &Event, label: &Zeroizing<String>) -> Self {
        let new = Self {
            r#type: event.tag(),
            ..Self::NOTHING
        };
        match event {
            Event::Joined { id, role: mine } => Self {
                id: Id::of(id.as_bytes()),
                role: role(*mine),
                ..new
            },
            Event::Keyed { epoch, version } => Self {
                epoch: *epoch.as_bytes(),
                number: *version,
                ..new
            },
            Event::RekeyStalled => new,
            Event::ParticipantJoined(participant) => Self {
                participant: ParticipantView::of(participant, label),
                ..new
            },
            Event::ParticipantLeft {
                participant,
                reason,
            } => Self {
                participant: ParticipantView::of(participant, label),
                reason: match reason {
                    Some(Departure::Left) => BC_LEFT_LEFT,
                    Some(Departure::Timeout) => BC_LEFT_TIMEOUT,
                    Some(Departure::Kicked) => BC_LEFT_KICKED,
                    None => BC_LEFT_REPLACED,
                },
                ..new
            },
            Event::VerificationChanged => new,
            Event::Message(message) => Self {
                id: Id::of(message.id.as_bytes()),
                participant: ParticipantView::of(&message.author, label),
                from: Id::of(message.author.id.as_bytes()),
                text: Slice::of(message.text.as_str().as_bytes()),
                time_ms: message.sent_at.0,
                number: message.burn_after_ms.into(),
                flag: message.from_history.into(),
                ..new
            },
            Event::Accepted { id } => Self {
                id: Id::of(id.as_bytes()),
                ..new
            },
            Event::Unsent { id, text } => Self {
                id: Id::of(id.as_bytes()),
                text: Slice::of(text.as_str().as_bytes()),
                ..new
            },
            Event::Unknown { id, text } => Self {
                id: Id::of(id.as_bytes()),
                text: Slice::of(text.as_str().as_bytes()),
                ..new
            },
            Event::Read { by, author, id } => Self {
                about: Id::of(by.as_bytes()),
                from: Id::of(author.as_bytes()),
                id: Id::of(id.as_bytes()),
                ..new
            },
            Event::Typing { from, typing } => Self {
                from: Id::of(from.as_bytes()),
                flag: (*typing).into(),
                ..new
            },
            Event::MessageBurned { author, id } => Self {
                from: Id::of(author.as_bytes()),
                id: Id::of(id.as_bytes()),
                ..new
            },
            Event::Unreadable { from, reason } => Self {
                from: Id::of(from.as_bytes()),
                reason: reason.tag(),
                ..new
            },
            Event::Missed { from, count } => Self {
                from: Id::of(from.as_bytes()),
                number: *count,
                ..new
            },
            Event::Countdown { seconds_remaining } => Self {
                number: *seconds_remaining,
                ..new
            },
            Event::Locked { locked } => Self {
                flag: (*locked).into(),
                ..new
            },
            Event::Extended { seconds_remaining } => Self {
                number: *seconds_remaining,
                ..new
            },
            Event::LinkChanged => new,
            Event::LinkExpired => new,
            Event::HistoryRead { complete } => Self {
                flag: (*complete).into(),
                ..new
            },
            Event::Reconnecting => new,
            Event::Resumed => new,
            Event::Rejoining { code } => Self {
                code: number(*code),
                ..new
            },
            Event::Fault { error, about } => Self {
                code: number(error.code()),
                flag: about.is_some().into(),
                about: about.map_or(Id::default(), |id| Id::of(id.as_bytes())),
                ..new
            },
            Event::Refused(refusal) => new.with(refusal),
            Event::Ended(reason) => new.ended(reason),
            // A program ignores the numbers it does not know.
            _ => new,
        }
    }

    fn with(self, refusal: &Refusal) -> Self {
        Self {
            code: number(refusal.code),
            retry_after_ms: refusal.retry_after_ms.unwrap_or(BC_UNSTATED),
            attempts_left: refusal.attempts_left.unwrap_or(BC_UNSTATED),
            ..self
        }
    }

    fn ended(self, reason: &EndReason) -> Self {
        let why = Self {
            reason: reason.tag(),
            ..self
        };
        match reason {
            EndReason::Refused(refusal) => why.with(refusal),
            EndReason::Failed(error) => Self {
                code: number(error.code()),
                ..why
            },
            _ => why,
        }
    }
}

/// The participant an event shows, whose label is to be written out.
pub(crate) fn shown_in(event: &Event) -> Option<&Participant> {
    match event {
        Event::ParticipantJoined(participant) | Event::ParticipantLeft { participant, .. } => {
            Some(participant)
        }
        Event::Message(message) => Some(&message.author),
        _ => None,
    }
}
