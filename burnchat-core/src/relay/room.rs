//! One room: what was agreed when it was made, what has happened in it, and what is due next.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use zeroize::Zeroize;

use super::asking::Asking;
use super::epochs::Epochs;
use super::handover::InCopy;
use super::hashes::KeyedHash;
use super::kept_id::KeptId;
use super::links::Links;
use super::log::{Kind, Log};
use super::pin::Pin;
use super::quota::Quota;
use super::roster::{Participant, Presence, Roster};
use super::seats::{JoinNumber, Seats};
use super::{ConnectionId, Limits, PeerKey, Refusal};
use crate::error::Code;
use crate::ids::TicketHash;
use crate::limits::{COUNTDOWN_LAST_SECONDS, COUNTDOWN_SECONDS};
use crate::time::Timestamp;
use crate::wire::{
    ClientFrame, Countdown, Departure, ErrorFrame, Nothing, ParticipantLeft, RelayFrame,
    VersionOnly, WhoMayBurn,
};

/// What the allocator adds to a piece of memory: two words, and rounding.
pub(super) const ALLOCATION: usize = 32;

/// A room. Until somebody joins it is its terms and nothing more.
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub(super) struct Room {
    pub(super) terms: Terms,
    pub(super) live: Option<Box<Live>>,
    /// Where the agenda has it.
    pub(super) scheduled: Option<Timestamp>,
}

/// What the creator asked for, and what admits people.
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub(super) struct Terms {
    pub(super) id: KeptId,
    /// Whose budget of rooms it counts against.
    pub(super) owner: PeerKey,
    pub(super) end: Timestamp,
    pub(super) not_after: Timestamp,
    pub(super) capacity: u16,
    pub(super) history: bool,
    pub(super) burn: WhoMayBurn,
    pub(super) ticket: TicketHash,
    pub(super) creator_token: KeyedHash,
    pub(super) pin: Pin,
}

impl Drop for Terms {
    fn drop(&mut self) {
        self.ticket.0.zeroize();
    }
}

/// What has happened since the first join.
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub(super) struct Live {
    pub(super) seats: Seats,
    pub(super) roster: Roster,
    pub(super) log: Log,
    pub(super) epochs: Epochs,
    pub(super) asking: Asking,
    pub(super) locked: bool,
    /// The `seq` of the last `extended`, or 0.
    pub(super) last_extended: u64,
    /// Tickets that were the room's once, the newest last.
    pub(super) replaced_tickets: VecDeque<TicketHash>,
    pub(super) quota: Quota,
    /// Of what is kept elsewhere.
    pub(super) in_copy: InCopy,
    /// The next `countdown`, while somebody is connected.
    pub(super) tick: Option<Timestamp>,
}

impl Live {
    pub(super) fn new(history: bool) -> Self {
        Self {
            seats: Seats::default(),
            roster: Roster::default(),
            log: Log::new(history),
            epochs: Epochs::default(),
            asking: Asking::default(),
            locked: false,
            last_extended: 0,
            replaced_tickets: VecDeque::new(),
            quota: Quota::default(),
            in_copy: InCopy::default(),
            tick: None,
        }
    }

    fn memory(&self) -> usize {
        size_of::<Self>()
            + ALLOCATION
            + self.seats.memory()
            + self.roster.memory()
            + self.log.memory()
            + self.epochs.memory()
            + self.asking.memory()
            + self.replaced_tickets.capacity() * size_of::<TicketHash>()
    }

    fn next_due(&self) -> Option<(Timestamp, Due)> {
        let departure = self.roster.next_timeout();
        [
            departure.map(|(at, number)| (at, Due::Departure(number))),
            self.epochs.next_end().map(|at| (at, Due::EpochEnd)),
            self.asking.deadline().map(|at| (at, Due::Asking)),
            self.tick.map(|at| (at, Due::Countdown)),
        ]
        .into_iter()
        .flatten()
        .min()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        for ticket in &mut self.replaced_tickets {
            ticket.0.zeroize();
        }
    }
}

/// What is due in a room besides its end. At the same time, the earlier goes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// A participant has been away for too long.
    Departure(JoinNumber),
    /// An older epoch has gone on for long enough.
    EpochEnd,
    /// The time of somebody asked for a key, or of joins that wait, is over.
    Asking,
    Countdown,
}

impl Room {
    /// When something is due next.
    pub(super) fn next_due(&self) -> Timestamp {
        let live = self.live.as_ref().and_then(|live| live.next_due());
        live.map_or(self.terms.end, |(at, _)| at.min(self.terms.end))
    }

    /// People on the roster.
    pub(super) fn participants(&self) -> usize {
        self.live.as_ref().map_or(0, |live| live.roster.len())
    }

    /// The memory it takes (spec section 16).
    pub(super) fn memory(&self) -> usize {
        /// Its id, and its places among all rooms, in the agenda and with its owner.
        const PLACES: usize = 192;
        let live = self.live.as_deref().map_or(0, Live::memory);
        size_of::<Self>() + PLACES + live
    }
}

/// A room somebody has joined, at one moment, with everything a step may touch.
pub(super) struct Moment<'a> {
    pub(super) now: Timestamp,
    pub(super) limits: &'a Limits,
    pub(super) links: &'a mut Links,
    pub(super) terms: &'a mut Terms,
    pub(super) live: &'a mut Live,
    pub(super) memory_full: bool,
}

/// What a frame leads to beyond its room.
pub(super) enum Then {
    Nothing,
    Burn,
}

impl Moment<'_> {
    /// A frame of `len` bytes from a participant.
    pub(super) fn handle(
        &mut self,
        from: JoinNumber,
        frame: ClientFrame,
        len: usize,
    ) -> Result<Then, Refusal> {
        match frame {
            ClientFrame::Message(envelope) => self.envelope(from, envelope, len)?,
            ClientFrame::SessionKey(offer) => self.key_offer(from, *offer),
            ClientFrame::KeyDeclined(VersionOnly { version }) => self.key_declined(from, version),
            ClientFrame::NeedKey(VersionOnly { version }) => self.need_key(from, version),
            ClientFrame::Kick(command) => self.kick(from, command)?,
            ClientFrame::Lock(command) => self.lock(from, command)?,
            ClientFrame::Renew(command) => self.renew(from, command)?,
            ClientFrame::Extend(command) => self.extend(from, command)?,
            ClientFrame::Burn(Nothing {}) => {
                self.may_burn(from)?;
                return Ok(Then::Burn);
            }
            ClientFrame::Join(_) | ClientFrame::Resume(_) => {
                return Err(Code::UnexpectedFrame.into());
            }
        }
        Ok(Then::Nothing)
    }

    /// Does everything that is due, in order. The end of the room is not for here. Says whether it was more than to say
    /// how much time is left.
    pub(super) fn catch_up(&mut self) -> bool {
        let mut changed = false;
        while let Some((at, due)) = self.live.next_due()
            && at <= self.now
        {
            changed |= due != Due::Countdown;
            match due {
                Due::Departure(number) => self.depart(number, Departure::Timeout),
                Due::EpochEnd => self.end_oldest_epoch(),
                Due::Asking => self.asking_timed_out(),
                Due::Countdown => self.count_down(),
            }
        }
        changed || self.live.log.differs()
    }

    /// Ends a step: what several changes call for alike is done once, after them.
    pub(super) fn settle(&mut self) {
        self.ask_if_due();
        if self.live.roster.connected().is_empty() {
            self.live.tick = None;
        } else if self.live.tick.is_none() {
            self.live.tick = next_tick(self.now, self.terms.end);
        }
    }

    /// A participant's connection has broken.
    pub(super) fn broke(&mut self, number: JoinNumber) {
        self.live.roster.set_away(number, self.now);
        self.pass_over(number);
    }

    /// A participant leaves the roster, and everyone is told.
    pub(super) fn depart(&mut self, number: JoinNumber, reason: Departure) {
        let error = (reason == Departure::Kicked).then_some(Code::Kicked);
        self.depart_told(number, reason, error);
    }

    /// A participant leaves by another way than its connection, if it has one.
    pub(super) fn leave(&mut self, number: JoinNumber) {
        self.depart_told(number, Departure::Left, Some(Code::Displaced));
    }

    /// What is said on the connection it still has closes that; without a word the connection is gone already.
    fn depart_told(&mut self, number: JoinNumber, reason: Departure, error: Option<Code>) {
        let Some(participant) = self.take_out(number, error) else {
            return;
        };
        match reason {
            Departure::Kicked => self.live.seats.kick(participant.seat),
            Departure::Left | Departure::Timeout => self.live.seats.leave(participant.seat),
        }
        self.live.roster.version += 1;
        let (id, version) = (participant.id, self.live.roster.version);
        self.log(Kind::Change, |seq| {
            RelayFrame::ParticipantLeft(ParticipantLeft {
                seq,
                version,
                id,
                reason,
            })
        });
        if self.live.roster.len() == 0 {
            self.live.log.clear();
            self.live.epochs = Epochs::default();
            self.live.asking = Asking::default();
        } else {
            self.ask_at_once();
        }
    }

    /// Takes a participant off the roster, its connection with it. What the log says of it is the caller's.
    pub(super) fn take_out(
        &mut self,
        number: JoinNumber,
        error: Option<Code>,
    ) -> Option<Participant> {
        let participant = self.live.roster.remove(number)?;
        if let Presence::Here(connection) = participant.presence {
            match error {
                Some(code) => {
                    self.links.refuse(connection, ErrorFrame::new(code));
                }
                None => {
                    self.links.forget(connection);
                }
            }
        }
        self.live.epochs.departed(number);
        self.live.asking.departed(number);
        Some(participant)
    }

    /// Puts an entry into the log and sends it to everyone connected.
    pub(super) fn log(&mut self, kind: Kind, entry: impl FnOnce(u64) -> RelayFrame) {
        let before = self.live.log.memory();
        let frame = self.live.log.append(self.now, self.limits, kind, entry);
        self.forget_what_has_no_room(before);
        let everyone = self.everyone();
        self.links.send(everyone, frame);
    }

    /// While there is no memory for more, the log takes no more than before.
    pub(super) fn forget_what_has_no_room(&mut self, before: usize) {
        if self.memory_full {
            self.live.log.shrink(before);
        }
    }

    /// The end has moved: so have the countdown's ticks.
    pub(super) fn restart_countdown(&mut self) {
        self.live.tick = None;
    }

    /// Everyone connected.
    pub(super) fn everyone(&self) -> Vec<ConnectionId> {
        self.live.roster.connected().to_vec()
    }

    pub(super) fn seconds_remaining(&self) -> u64 {
        self.now.seconds_until(self.terms.end)
    }

    fn count_down(&mut self) {
        let frame = RelayFrame::Countdown(Countdown {
            seconds_remaining: self.seconds_remaining(),
        })
        .encode();
        let everyone = self.everyone();
        self.links.send(everyone, frame);
        self.live.tick = next_tick(self.now, self.terms.end);
        self.live.log.prune(self.now, self.limits);
    }
}

/// When the remaining time is next a multiple of the countdown's interval; `None` when that is the end.
fn next_tick(now: Timestamp, end: Timestamp) -> Option<Timestamp> {
    let remaining = end.millis_since(now);
    let (interval, last_interval) = COUNTDOWN_SECONDS;
    let interval = if remaining > COUNTDOWN_LAST_SECONDS * 1_000 {
        interval * 1_000
    } else {
        last_interval * 1_000
    };
    let next = remaining.saturating_sub(1) / interval * interval;
    (next > 0).then(|| Timestamp(end.0 - next))
}
