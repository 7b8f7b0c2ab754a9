//! A joined client: everything it knows of its room, and what each frame does to it.
//!
//! The parts: `log` (entries that are not messages), `keying` (epochs), `sending`, `receiving`, `history`.

mod history;
mod keying;
mod log;
mod receiving;
mod sending;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use rand_core::CryptoRng;

use self::history::{HistoryReader, PastPeople};
pub(super) use self::sending::Passing;
use super::commands::{Command, Commands};
use super::epochs::{Epochs, OwnOffer};
use super::event::{Event, Output, Refusal};
use super::outbox::{InFlight, Outbox};
use super::roster::{Known, Roster};
use super::senders::Sender;
use super::tickets::{Due, Tickets};
use super::{Room, Stop};
use crate::crypto::{Identity, PairKey, Secret};
use crate::error::{Code, Error};
use crate::ids::{EpochId, ParticipantId};
use crate::limits;
use crate::link::Ticket;
use crate::time::Timestamp;
use crate::wire::{ClientFrame, ErrorFrame, Joined, RelayFrame, Resume, Resumed, Role, WhoMayBurn};

/// What a step of a session works with besides the session.
pub(super) struct Context<'a> {
    pub(super) now: Timestamp,
    pub(super) room: &'a mut Room,
    pub(super) out: &'a mut VecDeque<Output>,
}

impl Context<'_> {
    pub(super) fn event(&mut self, event: Event) {
        self.out.push_back(Output::Event(event));
    }

    pub(super) fn fault(&mut self, code: Code, about: Option<ParticipantId>) {
        self.event(Event::Fault {
            error: Error::new(code),
            about,
        });
    }

    pub(super) fn send(&mut self, frame: &ClientFrame) {
        self.out.push_back(Output::Send(frame.encode()));
    }
}

/// Whether frames go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(burnchat_sim, derive(Hash))]
pub(super) enum Connection {
    /// In step with the relay.
    Open,
    /// Receiving what was missed.
    Resuming,
    /// None.
    Broken,
}

/// A joined client.
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub(super) struct Session {
    me: Identity,
    role: Role,
    pub(super) seat_token: Secret<32>,
    connection: Connection,
    seq: u64,
    joined_version: u64,
    locked: bool,
    pub(super) capacity: u16,
    pub(super) burn: WhoMayBurn,
    last_extended: u64,
    roster: Roster,
    /// Whether there has been anybody verified besides this client.
    met_somebody: bool,
    epochs: Epochs,
    /// What this client and each other have agreed on, kept while both are in the room.
    pairs: BTreeMap<ParticipantId, PairKey>,
    need_key: Option<NeedKey>,
    /// Since when the newest version has had no key here, and whether that was reported.
    unkeyed: Option<Unkeyed>,
    keyed_at: Timestamp,
    senders: BTreeMap<ParticipantId, Sender>,
    outbox: Outbox,
    tickets: Tickets,
    commands: Commands,
    /// When commands, and a key frame, that came too fast are sent again.
    repeat_at: Option<Timestamp>,
    history: Option<HistoryReader>,
    /// Filled while the history is being read.
    past_people: PastPeople,
}

/// No usable key for the last keyed version.
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
struct NeedKey {
    version: u64,
    next_at: Timestamp,
}

/// No key for the newest version.
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
struct Unkeyed {
    since: Timestamp,
    reported: bool,
}

impl Session {
    /// Reads `joined`.
    pub(super) fn new(
        mut joined: Joined,
        me: Identity,
        cx: &mut Context<'_>,
    ) -> Result<Self, Stop> {
        let history = joined
            .history
            .then(|| HistoryReader::new(*cx.room.keys.room_id(), &joined));
        let own = joined.participants.pop().ok_or(Stop::Rejoin(Code::Fork))?;
        // A copy: a `joined` that is refused after all teaches nothing.
        let known = cx.room.known.clone();
        let mut roster = Roster::empty(*cx.room.keys.room_id(), joined.version, known);
        let mut faults = Vec::new();
        for listed in joined.participants {
            let (id, fault) = roster.add(listed, 0, &cx.room.keys).map_err(Stop::Rejoin)?;
            faults.extend(fault.map(|code| (code, id)));
        }
        let (id, fault) = roster
            .add(own, joined.version, &cx.room.keys)
            .map_err(Stop::Rejoin)?;
        if id != me.id() || fault.is_some() {
            return Err(Stop::Rejoin(Code::Fork));
        }
        let others = roster.entries().len().saturating_sub(1);
        if others > 0 && roster.verified().count() == 1 {
            return Err(Stop::bad_link());
        }
        let senders = roster
            .entries()
            .iter()
            .map(|entry| (entry.id, Sender::found()))
            .collect();
        let mut epochs = Epochs::new(joined.head);
        epochs.note_version(&roster).map_err(Stop::Rejoin)?;

        // Alone there is no key to wait for: this join has come to its end.
        if others == 0 && history.is_none() {
            cx.room.rejoins = 0;
        }
        cx.room.set_end(cx.now, joined.seconds_remaining);
        cx.event(Event::Joined {
            id,
            role: joined.role,
        });
        for (code, id) in faults {
            cx.fault(code, Some(id));
        }
        cx.event(Event::VerificationChanged);
        if joined.locked {
            cx.event(Event::Locked { locked: true });
        }
        let tickets = Tickets::new(joined.ticket_hash, cx.room.link.ticket(), cx.now);
        if !tickets.is_current() {
            cx.event(Event::LinkExpired);
        }
        Ok(Self {
            role: joined.role,
            seat_token: joined.seat_token,
            connection: Connection::Open,
            seq: joined.seq,
            joined_version: joined.version,
            locked: joined.locked,
            capacity: joined.capacity,
            burn: joined.burn,
            last_extended: joined.last_extended,
            met_somebody: roster.verified().count() > 1,
            roster,
            epochs,
            pairs: BTreeMap::new(),
            need_key: None,
            unkeyed: Some(Unkeyed {
                since: cx.now,
                reported: false,
            }),
            keyed_at: cx.now,
            senders,
            outbox: Outbox::default(),
            tickets,
            commands: Commands::default(),
            repeat_at: None,
            history,
            past_people: PastPeople::new(),
            me,
        })
    }

    /// Takes a frame in, then sends what can be sent.
    pub(super) fn handle_frame(
        &mut self,
        frame: RelayFrame,
        cx: &mut Context<'_>,
        rng: &mut impl CryptoRng,
    ) -> Result<(), Stop> {
        let outcome = self.step(frame, cx, rng);
        if let Ok(()) | Err(Stop::Refuse(_)) = outcome {
            self.flush(cx, rng)?;
        }
        outcome
    }

    fn step(
        &mut self,
        frame: RelayFrame,
        cx: &mut Context<'_>,
        rng: &mut impl CryptoRng,
    ) -> Result<(), Stop> {
        if let Some(seq) = frame.seq() {
            if let Some(reader) = self
                .history
                .as_mut()
                .filter(|reader| reader.is_before_join(seq))
            {
                return reader.take_past(frame, &cx.room.keys);
            }
            if seq != self.seq.saturating_add(1) {
                return Err(Stop::Rejoin(Code::Fork));
            }
            self.seq = seq;
        }
        match frame {
            RelayFrame::ParticipantJoined(entry) => self.participant_joined(*entry, cx),
            RelayFrame::ParticipantLeft(entry) => self.participant_left(entry, cx),
            RelayFrame::Rekey(entry) => self.rekey(entry, cx),
            RelayFrame::SessionKey(entry) => self.key_frame(*entry, cx),
            RelayFrame::EpochEnd(entry) => self.epoch_end(entry),
            RelayFrame::Message(entry) => self.envelope(entry, cx),
            RelayFrame::Locked(entry) => self.locked(entry, cx),
            RelayFrame::Extended(entry) => self.extended(entry, cx),
            RelayFrame::Renewed(entry) => self.renewed(entry, cx),
            RelayFrame::KeyWanted(wanted) => self.key_wanted(wanted, cx, rng),
            RelayFrame::HistoryEnd(end) => self.history_end(end.complete, cx),
            RelayFrame::Resumed(resumed) => self.resumed(resumed, cx),
            RelayFrame::Countdown(countdown) => {
                cx.room.cap_end(cx.now, countdown.seconds_remaining);
                cx.event(Event::Countdown {
                    seconds_remaining: countdown.seconds_remaining,
                });
                Ok(())
            }
            RelayFrame::Error(error) => self.error(error, cx),
            RelayFrame::Joined(_) | RelayFrame::Destroyed(_) => {
                Err(Stop::refuse(Code::UnexpectedFromRelay))
            }
        }
    }

    pub(super) fn handle_timeout(
        &mut self,
        cx: &mut Context<'_>,
        rng: &mut impl CryptoRng,
    ) -> Result<(), Stop> {
        self.epochs.expire(cx.now);
        self.report_stalled_rekey(cx);
        if self.connection == Connection::Open {
            self.repeat_need_key(cx);
            if self.outbox.retry_at.is_some_and(|at| cx.now >= at) {
                self.outbox.retry_at = None;
                self.send_in_flight(cx);
            }
            if self.repeat_at.is_some_and(|at| cx.now >= at) {
                self.repeat_at = None;
                self.repeat_commands(cx);
            }
            let due = self.tickets.due(cx.now, self.keyed(), self.role);
            if due == Due::Renew {
                // Too many commands may be under way. Whether or not it goes out: not again before its time is over.
                let _ = self.renew(cx, rng);
                self.tickets.asked(cx.now, self.epochs.head);
            }
        }
        self.flush(cx, rng)
    }

    pub(super) fn poll_timeout(&self) -> Option<Timestamp> {
        let stalled = self
            .unkeyed
            .as_ref()
            .filter(|unkeyed| !unkeyed.reported && self.others_verified() > 0)
            .map(|unkeyed| unkeyed.since.plus_millis(limits::REKEY_STALLED_MILLIS));
        let always = [self.epochs.next_expiry(), stalled];
        let connected = [
            self.need_key.as_ref().map(|need| need.next_at),
            self.outbox.retry_at,
            self.repeat_at,
            // What can't be sent now goes out with the frame that makes it possible, and needs no timer.
            self.tickets.next_timeout(
                self.keyed().filter(|_| self.sendable_epoch().is_some()),
                self.role,
            ),
        ];
        let open = self.connection == Connection::Open;
        always
            .into_iter()
            .chain(connected.into_iter().filter(|_| open))
            .flatten()
            .min()
    }

    /// The connection broke.
    pub(super) fn disconnected(&mut self) {
        self.connection = Connection::Broken;
    }

    /// There is a new connection.
    pub(super) fn resume(&mut self, cx: &mut Context<'_>) {
        self.connection = Connection::Resuming;
        let seat_token = Secret::copy_of(self.seat_token.as_bytes());
        cx.send(&ClientFrame::Resume(Resume {
            seat_token,
            seq: self.seq,
        }));
    }

    /// Gives up the seat for a fresh join: texts go back to their author, commands count as refused. Returns what takes
    /// the seat up, and whom this client has seen.
    pub(super) fn abandon(mut self, code: Code, out: &mut VecDeque<Output>) -> (Secret<32>, Known) {
        self.outbox.give_back(true, out);
        let refusal = Refusal {
            code,
            retry_after_ms: None,
            attempts_left: None,
        };
        out.extend(
            self.commands
                .iter()
                .map(|_| Output::Event(Event::Refused(refusal))),
        );
        (self.seat_token, self.roster.into_known())
    }

    pub(super) fn command(&mut self, command: Command, cx: &mut Context<'_>) -> Result<(), Code> {
        let allowed = match command {
            Command::Burn => self.role == Role::Creator || self.burn == WhoMayBurn::Anyone,
            _ => self.role == Role::Creator,
        };
        if !allowed {
            return Err(Code::NotCreator);
        }
        if command == Command::Lock(self.locked) {
            return Ok(());
        }
        self.commands.add(command.clone())?;
        if self.connection == Connection::Open {
            cx.send(&command.to_frame());
        }
        Ok(())
    }

    pub(super) fn renew(
        &mut self,
        cx: &mut Context<'_>,
        rng: &mut impl CryptoRng,
    ) -> Result<(), Code> {
        let ticket = Ticket::random(rng);
        self.command(Command::Renew(ticket.hash()), cx)?;
        self.tickets.keep_candidate(ticket);
        Ok(())
    }

    pub(super) fn kick(
        &mut self,
        id: ParticipantId,
        renew_ticket: bool,
        cx: &mut Context<'_>,
        rng: &mut impl CryptoRng,
    ) -> Result<(), Code> {
        if id == self.me.id() {
            return Err(Code::InvalidParameter);
        }
        let ticket = renew_ticket.then(|| Ticket::random(rng));
        self.command(
            Command::Kick {
                id,
                ticket_hash: ticket.as_ref().map(Ticket::hash),
            },
            cx,
        )?;
        if let Some(ticket) = ticket {
            self.tickets.keep_candidate(ticket);
        }
        Ok(())
    }

    pub(super) fn extend(&mut self, seconds: u64, cx: &mut Context<'_>) -> Result<(), Code> {
        if !limits::EXTENSION_SECONDS.contains(&seconds) {
            return Err(Code::InvalidParameter);
        }
        self.command(
            Command::Extend {
                seconds,
                after: self.last_extended,
            },
            cx,
        )
    }

    pub(super) fn me(&self) -> ParticipantId {
        self.me.id()
    }

    pub(super) fn role(&self) -> Role {
        self.role
    }

    pub(super) fn connection(&self) -> Connection {
        self.connection
    }

    pub(super) fn is_locked(&self) -> bool {
        self.locked
    }

    pub(super) fn roster(&self) -> &Roster {
        &self.roster
    }

    /// The version and id of the newest epoch whose key is held.
    pub(super) fn newest_epoch(&self) -> Option<(u64, EpochId)> {
        self.epochs.newest().map(|epoch| (epoch.version, epoch.id))
    }

    /// What of it must be the same for everyone keyed: for tests of agreement.
    pub(super) fn head(&self) -> EpochId {
        self.epochs.head
    }

    pub(super) fn ticket_is_current(&self) -> bool {
        self.tickets.is_current()
    }

    fn others_verified(&self) -> usize {
        self.roster
            .verified()
            .filter(|entry| entry.id != self.me.id())
            .count()
    }

    fn keyed(&self) -> Option<(EpochId, Timestamp)> {
        self.epochs.newest().map(|epoch| (epoch.id, self.keyed_at))
    }

    fn resumed(&mut self, resumed: Resumed, cx: &mut Context<'_>) -> Result<(), Stop> {
        if self.connection != Connection::Resuming {
            return Err(Stop::refuse(Code::UnexpectedFromRelay));
        }
        if resumed.seq != self.seq {
            return Err(Stop::Rejoin(Code::Fork));
        }
        self.connection = Connection::Open;
        self.repeat_at = None;
        cx.room.cap_end(cx.now, resumed.seconds_remaining);
        cx.event(Event::Resumed);
        // The history is sent once, after `joined`: what has not come by now does not come.
        if self
            .history
            .as_ref()
            .is_some_and(HistoryReader::is_replaying)
        {
            self.history_end(false, cx)?;
        }
        self.repeat_commands(cx);
        if let Some(need) = &mut self.need_key {
            need.next_at = cx.now;
        }
        self.repeat_need_key(cx);
        self.send_in_flight(cx);
        Ok(())
    }

    /// Sends every command under way again, and the key frame for the newest version if there is one.
    fn repeat_commands(&mut self, cx: &mut Context<'_>) {
        for command in self.commands.iter() {
            cx.out.push_back(Output::Send(command.to_frame().encode()));
        }
        let (version, head) = (self.roster.version(), self.epochs.head);
        let newest = |own: &&OwnOffer| own.offer.version == version && own.offer.prev == head;
        for own in self.epochs.offers.iter().filter(newest) {
            let frame = ClientFrame::SessionKey(own.offer.clone().into());
            cx.out.push_back(Output::Send(frame.encode()));
        }
    }

    fn error(&mut self, error: ErrorFrame, cx: &mut Context<'_>) -> Result<(), Stop> {
        let refusal = Refusal::from(error);
        match (error.code, error.epoch.zip(error.n)) {
            (Code::Gap, _) => return Err(Stop::Rejoin(Code::Gap)),
            (Code::Kicked, _) => return Err(Stop::kicked()),
            (Code::RoomNotFound, _) => return Err(Stop::gone()),
            (Code::LinkExpired | Code::Displaced, _) => return Err(Stop::refused(refusal)),
            (Code::StaleEpoch, Some((epoch, n))) => {
                let refused =
                    |sent: &InFlight| sent.envelope.epoch == epoch && sent.envelope.n >= n;
                if self.outbox.in_flight().any(refused) {
                    if let Some(epoch) = self.epochs.get_mut(&epoch) {
                        epoch.takes_envelopes = false;
                    }
                    self.refuse_envelopes(refused);
                }
            }
            (Code::RateLimited | Code::BadSequence, Some(_)) => {
                let wait = error.retry_after_ms.unwrap_or(1_000).min(60_000);
                let again = cx.now.plus_millis(wait);
                if self.outbox.in_flight().next().is_some() {
                    self.outbox.retry_at =
                        Some(self.outbox.retry_at.map_or(again, |at| at.max(again)));
                }
            }
            (Code::RateLimited, None) => {
                let wait = error.retry_after_ms.unwrap_or(1_000).min(60_000);
                self.repeat_at = Some(cx.now.plus_millis(wait));
            }
            (code, _) => {
                self.commands.refused(code);
                cx.event(Event::Refused(refusal));
            }
        }
        Ok(())
    }
}
