//! One participant: the client machine (spec sections 4 to 12).
//!
//! A [`Client`] is driven like this: open a connection when it says [`Output::Connect`], tell it what happens with
//! [`Client::handle_connected`], [`Client::handle_frame`] and [`Client::handle_disconnected`], and after every call take
//! what [`Client::poll_output`] gives until it gives `None`. [`Client::poll_timeout`] says when to call
//! [`Client::handle_timeout`] if nothing else happens before.
//!
//! Nothing is sent, kept or waited for behind the caller's back, and when the machine has ended nothing is left in it.

mod burns;
mod commands;
mod epochs;
mod event;
mod joining;
mod new_room;
mod outbox;
mod roster;
mod senders;
mod session;
mod tickets;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::{fmt, mem};

use rand_core::CryptoRng;

pub use self::event::{
    BurnKind, EndReason, Event, Message, Output, Participant, Refusal, Unreadable,
};
pub use self::new_room::{RoomSettings, plan_room};

use self::burns::Burns;
use self::commands::Command;
use self::joining::{Joining, Room, Stop, join};
use self::roster::Known;
use self::senders::Shown;
#[cfg(burnchat_sim)]
pub use self::session::Kept;
use self::session::{Connection, Context, Passing, Session};
use crate::crypto::{Name, ReadMessage, RoomKeys, Secret, SecretBytes, Text, VerificationCode};
use crate::error::{Code, Error};
use crate::ids::{EpochId, MessageId, ParticipantId};
use crate::limits;
use crate::link::Link;
use crate::time::{SteadyClock, Timestamp};
use crate::wire::{RelayFrame, Role};

/// The close code of a client that leaves.
const CLOSE_LEAVING: u16 = 1000;
/// The close code of a client that will join again (spec section 13.1).
const CLOSE_REJOINING: u16 = 4001;

/// What a client joins with, besides the link.
#[derive(Debug, Default)]
pub struct JoinOptions {
    /// The user's name; an anonymous one is made if there is none.
    pub name: Option<Name>,
    /// The creator's PIN, to join as creator.
    pub pin: Option<SecretBytes>,
    /// The creator token, for the client that created the room.
    pub creator_token: Option<Secret<32>>,
    /// The token of a seat held before, to take it up again.
    pub seat_token: Option<Secret<32>>,
}

/// Where a client stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Not joined, and not connected.
    Offline,
    /// Waiting for the relay's answer to `join`.
    Joining,
    /// Joined and connected.
    Joined,
    /// Joined; the connection is broken.
    Away,
    /// Joined; receiving what was missed.
    Resuming,
    /// Ended; everything is wiped.
    Ended(EndReason),
}

/// One participant's side of one room.
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub struct Client {
    clock: SteadyClock,
    outputs: VecDeque<Output>,
    state: State,
}

#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
enum State {
    Live(Box<Live>),
    Ended(EndReason),
}

#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
struct Live {
    room: Room,
    phase: Phase,
}

/// Between joins and within one.
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
enum Phase {
    Offline,
    Joining(Box<Joining>),
    Joined(Box<Session>),
}

impl Client {
    /// A client for the room of `link`. Its first output is [`Output::Connect`].
    #[must_use]
    pub fn new(link: Link, options: JoinOptions, rng: &mut impl CryptoRng) -> Self {
        let keys = RoomKeys::derive(&link);
        let JoinOptions {
            name,
            pin,
            creator_token,
            seat_token,
        } = options;
        let name = name.unwrap_or_else(|| Name::anonymous(rng));
        let room = Room {
            link,
            keys,
            name,
            pin,
            creator_token,
            seat_token,
            ghost_until: None,
            connect_at: None,
            end: None,
            rejoins: 0,
            known: Known::default(),
            shown: Shown::default(),
            burns: Burns::default(),
        };
        Self {
            clock: SteadyClock::default(),
            outputs: VecDeque::from([Output::Connect]),
            state: State::Live(Box::new(Live {
                room,
                phase: Phase::Offline,
            })),
        }
    }

    /// A connection is open: sends `join`, or `resume` if there is a seat.
    ///
    /// # Errors
    /// `ended`, `invalid_parameter` if there is a connection already, `crypto_failure`.
    pub fn handle_connected(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), Error> {
        self.step(now, rng, |phase, cx, rng| {
            match phase {
                Phase::Offline => {
                    let joining = join(cx, rng).map_err(|_| Stop::refuse(Code::CryptoFailure))?;
                    *phase = Phase::Joining(Box::new(joining));
                }
                Phase::Joined(session) if session.connection() == Connection::Broken => {
                    session.resume(cx)
                }
                Phase::Joining(_) | Phase::Joined(_) => {
                    return Err(Stop::refuse(Code::InvalidParameter));
                }
            }
            Ok(())
        })
    }

    /// The connection broke. The seat is kept for 30 s; [`Output::Connect`] asks for a new connection.
    pub fn handle_disconnected(&mut self, now: Timestamp) {
        let now = self.clock.advance(now);
        let State::Live(live) = &mut self.state else {
            return;
        };
        if live.room.end.is_some_and(|end| now >= end) {
            return self.end(EndReason::LocalBurn);
        }
        match &mut live.phase {
            Phase::Offline => return,
            Phase::Joining(_) => {
                let (ghost, _) = limits::GHOST_SEAT_MILLIS;
                live.room.ghost_until = Some(now.plus_millis(ghost));
                live.phase = Phase::Offline;
            }
            Phase::Joined(session) => {
                if session.connection() == Connection::Broken {
                    return;
                }
                session.disconnected();
                self.outputs.push_back(Output::Event(Event::Reconnecting));
            }
        }
        self.outputs
            .retain(|output| !matches!(output, Output::Send(_)));
        self.outputs.push_back(Output::Connect);
    }

    /// A frame came in.
    ///
    /// # Errors
    /// Whatever is wrong with it. It is refused and the client goes on; where it can't, it has ended or joins afresh,
    /// and says so by its outputs.
    pub fn handle_frame(
        &mut self,
        now: Timestamp,
        frame: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<(), Error> {
        self.step(now, rng, |phase, cx, rng| {
            let frame =
                RelayFrame::parse(frame).map_err(|_| Stop::refuse(Code::MalformedFromRelay))?;
            let Some(frame) = frame else { return Ok(()) };
            if let RelayFrame::Destroyed(destroyed) = &frame {
                return Err(Stop::End(EndReason::Burned(destroyed.reason.into())));
            }
            match mem::replace(phase, Phase::Offline) {
                Phase::Offline => Err(Stop::refuse(Code::UnexpectedFromRelay)),
                Phase::Joining(joining) => {
                    let (next, outcome) = joining.handle_frame(frame, cx);
                    *phase = next;
                    outcome
                }
                Phase::Joined(mut session) => {
                    let outcome = session.handle_frame(frame, cx, rng);
                    *phase = Phase::Joined(session);
                    outcome
                }
            }
        })
    }

    /// Time has passed: call it when [`poll_timeout`](Self::poll_timeout) says so, or whenever convenient.
    pub fn handle_timeout(&mut self, now: Timestamp, rng: &mut impl CryptoRng) {
        // What a timer finds wrong it has reported as an event.
        let _ = self.step(now, rng, |phase, cx, rng| {
            while let Some((author, id)) = cx.room.burns.pop(cx.now) {
                cx.event(Event::MessageBurned { author, id });
            }
            match phase {
                Phase::Joined(session) => session.handle_timeout(cx, rng),
                Phase::Offline if cx.room.connect_at.is_some_and(|at| cx.now >= at) => {
                    cx.room.connect_at = None;
                    cx.out.push_back(Output::Connect);
                    Ok(())
                }
                Phase::Offline | Phase::Joining(_) => Ok(()),
            }
        });
    }

    /// Writes a text. It is sent as soon as everyone it is for can read it; [`Event::Accepted`] says when it is in the
    /// log. `burn_after_ms` is the time from reading to burning, 0 for none.
    ///
    /// # Errors
    /// `text_empty`, `text_too_long`, `queue_full`, `nobody_here`, `not_joined`, `ended`.
    pub fn send_text(
        &mut self,
        now: Timestamp,
        text: &str,
        burn_after_ms: u32,
        rng: &mut impl CryptoRng,
    ) -> Result<MessageId, Error> {
        let text = Text::new(text)?;
        self.with_session(now, rng, |session, cx, rng| {
            let id = session
                .send_text(text, burn_after_ms, cx, rng)
                .map_err(Stop::refuse)?;
            session.flush(cx, rng)?;
            Ok(id)
        })
    }

    /// Says that the user is typing, or no longer.
    ///
    /// # Errors
    /// `not_joined`, `ended`.
    pub fn set_typing(
        &mut self,
        now: Timestamp,
        typing: bool,
        rng: &mut impl CryptoRng,
    ) -> Result<(), Error> {
        self.with_session(now, rng, |session, cx, rng| {
            session.send_passing(Passing::Typing(typing), cx, rng)
        })
    }

    /// Says that the user has read these messages: their own time begins to run, and their authors are told if there is
    /// a connection.
    ///
    /// # Errors
    /// `not_joined`, `ended`.
    pub fn mark_read(
        &mut self,
        now: Timestamp,
        messages: &[ReadMessage],
        rng: &mut impl CryptoRng,
    ) -> Result<(), Error> {
        self.with_session(now, rng, |session, cx, rng| {
            for read in messages {
                cx.room.burns.read(cx.now, (read.sender, read.id));
            }
            for some in messages.chunks(limits::READ_RECEIPTS) {
                session.send_passing(Passing::Read(some.to_vec()), cx, rng)?;
            }
            Ok(())
        })
    }

    /// Removes a participant; unless `renew_ticket` is false the link it holds stops admitting.
    ///
    /// # Errors
    /// `not_creator`, `invalid_parameter` for oneself, `queue_full`, `not_joined`, `ended`.
    pub fn kick(
        &mut self,
        now: Timestamp,
        id: ParticipantId,
        renew_ticket: bool,
        rng: &mut impl CryptoRng,
    ) -> Result<(), Error> {
        self.with_session(now, rng, |session, cx, rng| {
            session
                .kick(id, renew_ticket, cx, rng)
                .map_err(Stop::refuse)
        })
    }

    /// Locks or unlocks the room for new participants.
    ///
    /// # Errors
    /// `not_creator`, `queue_full`, `not_joined`, `ended`.
    pub fn lock(
        &mut self,
        now: Timestamp,
        locked: bool,
        rng: &mut impl CryptoRng,
    ) -> Result<(), Error> {
        self.with_session(now, rng, |session, cx, _| {
            session
                .command(Command::Lock(locked), cx)
                .map_err(Stop::refuse)
        })
    }

    /// Replaces the link's ticket.
    ///
    /// # Errors
    /// `not_creator`, `queue_full`, `not_joined`, `ended`.
    pub fn renew(&mut self, now: Timestamp, rng: &mut impl CryptoRng) -> Result<(), Error> {
        self.with_session(now, rng, |session, cx, rng| {
            session.renew(cx, rng).map_err(Stop::refuse)
        })
    }

    /// Moves the end by 1 to 1,800 seconds.
    ///
    /// # Errors
    /// `not_creator`, `invalid_parameter`, `queue_full`, `not_joined`, `ended`.
    pub fn extend(
        &mut self,
        now: Timestamp,
        seconds: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<(), Error> {
        self.with_session(now, rng, |session, cx, _| {
            session.extend(seconds, cx).map_err(Stop::refuse)
        })
    }

    /// Burns the room for everyone, now.
    ///
    /// # Errors
    /// `not_creator`, `queue_full`, `not_joined`, `ended`.
    pub fn burn(&mut self, now: Timestamp, rng: &mut impl CryptoRng) -> Result<(), Error> {
        self.with_session(now, rng, |session, cx, _| {
            session.command(Command::Burn, cx).map_err(Stop::refuse)
        })
    }

    /// Leaves, and wipes everything.
    pub fn leave(&mut self, now: Timestamp) {
        self.clock.advance(now);
        if let State::Live(_) = self.state {
            self.end(EndReason::Left);
        }
    }

    /// The next thing to do or to know; call it until it gives `None`.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) if nothing happens before; `None` for never.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let State::Live(live) = &self.state else {
            return None;
        };
        let session = match &live.phase {
            Phase::Joined(session) => session.poll_timeout(),
            Phase::Offline => live.room.connect_at,
            Phase::Joining(_) => None,
        };
        let always = [live.room.burns.next(), live.room.end];
        let next = always.into_iter().chain([session]).flatten().min()?;
        Some(self.clock.to_driver(next))
    }

    /// Where the client stands.
    #[must_use]
    pub fn status(&self) -> Status {
        match &self.state {
            State::Ended(reason) => Status::Ended(*reason),
            State::Live(live) => match &live.phase {
                Phase::Offline => Status::Offline,
                Phase::Joining(_) => Status::Joining,
                Phase::Joined(session) => match session.connection() {
                    Connection::Open => Status::Joined,
                    Connection::Resuming => Status::Resuming,
                    Connection::Broken => Status::Away,
                },
            },
        }
    }

    /// The link to share: with the newest ticket this client knows. `None` when it has ended.
    #[must_use]
    pub fn link(&self) -> Option<&Link> {
        match &self.state {
            State::Live(live) => Some(&live.room.link),
            State::Ended(_) => None,
        }
    }

    /// Whether the link this client shows admits: false between a renewal by somebody else and hearing of it.
    #[must_use]
    pub fn link_is_current(&self) -> bool {
        self.session().is_some_and(Session::ticket_is_current)
    }

    /// One's own id, while joined.
    #[must_use]
    pub fn id(&self) -> Option<ParticipantId> {
        self.session().map(Session::me)
    }

    /// One's own role, while joined.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        self.session().map(Session::role)
    }

    /// Who is in the room, in join order; empty while not joined.
    #[must_use]
    pub fn participants(&self) -> Vec<Participant> {
        let Some(session) = self.session() else {
            return Vec::new();
        };
        session
            .roster()
            .entries()
            .iter()
            .map(|entry| entry.participant(&session.me()))
            .collect()
    }

    /// The codes people compare (spec section 10), while joined.
    #[must_use]
    pub fn verification(&self) -> Option<VerificationCode> {
        let State::Live(live) = &self.state else {
            return None;
        };
        let Phase::Joined(session) = &live.phase else {
            return None;
        };
        Some(session.roster().verification(live.room.link.secret()))
    }

    /// The version and id of the newest epoch whose key this client holds.
    #[must_use]
    pub fn epoch(&self) -> Option<(u64, EpochId)> {
        self.session()?.newest_epoch()
    }

    /// The newest epoch in the log, whether its key is held or not.
    #[must_use]
    pub fn head(&self) -> Option<EpochId> {
        self.session().map(Session::head)
    }

    /// The roster version, while joined.
    #[must_use]
    pub fn roster_version(&self) -> Option<u64> {
        self.session().map(|session| session.roster().version())
    }

    /// Whether the room is locked.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.session().is_some_and(Session::is_locked)
    }

    /// Seats, and who may burn, while joined.
    #[must_use]
    pub fn room_settings(&self) -> Option<(u16, crate::wire::WhoMayBurn)> {
        self.session()
            .map(|session| (session.capacity, session.burn))
    }

    /// When this client's own clock ends the room, once joined; in the driver's time.
    #[must_use]
    pub fn ends_at(&self) -> Option<Timestamp> {
        match &self.state {
            State::Live(live) => live.room.end.map(|end| self.clock.to_driver(end)),
            State::Ended(_) => None,
        }
    }

    /// What takes the seat up again after a restart of the application, while joined: see [`JoinOptions::seat_token`].
    #[must_use]
    pub fn seat_token(&self) -> Option<&Secret<32>> {
        self.session().map(|session| &session.seat_token)
    }

    fn session(&self) -> Option<&Session> {
        let State::Live(live) = &self.state else {
            return None;
        };
        match &live.phase {
            Phase::Joined(session) => Some(session),
            Phase::Offline | Phase::Joining(_) => None,
        }
    }

    fn with_session<R: CryptoRng, T>(
        &mut self,
        now: Timestamp,
        rng: &mut R,
        work: impl FnOnce(&mut Session, &mut Context<'_>, &mut R) -> Result<T, Stop>,
    ) -> Result<T, Error> {
        self.step(now, rng, |phase, cx, rng| match phase {
            Phase::Joined(session) => work(session, cx, rng),
            Phase::Offline | Phase::Joining(_) => Err(Stop::refuse(Code::NotJoined)),
        })
    }

    /// One step: first the client's own end of the room, then `work`, then what `work` came to.
    fn step<R: CryptoRng, T>(
        &mut self,
        now: Timestamp,
        rng: &mut R,
        work: impl FnOnce(&mut Phase, &mut Context<'_>, &mut R) -> Result<T, Stop>,
    ) -> Result<T, Error> {
        let now = self.clock.advance(now);
        let State::Live(live) = &mut self.state else {
            return Err(Error::new(Code::Ended));
        };
        if live.room.end.is_some_and(|end| now >= end) {
            self.end(EndReason::LocalBurn);
            return Err(Error::new(Code::Ended));
        }
        let mut cx = Context {
            now,
            room: &mut live.room,
            out: &mut self.outputs,
        };
        let outcome = work(&mut live.phase, &mut cx, rng);
        outcome.map_err(|stop| match stop {
            Stop::Refuse(error) => error,
            Stop::RetryJoin => self.retry_join(now),
            Stop::Rejoin(code) => self.rejoin(code),
            Stop::End(reason) => {
                self.end(reason);
                match reason {
                    EndReason::Failed(error) => error,
                    EndReason::Refused(refusal) => Error::new(refusal.code),
                    _ => Error::new(Code::Ended),
                }
            }
        })
    }

    fn retry_join(&mut self, now: Timestamp) -> Error {
        if let State::Live(live) = &mut self.state {
            let (_, pause) = limits::GHOST_SEAT_MILLIS;
            live.room.connect_at = Some(now.plus_millis(pause));
            self.outputs.push_back(Output::Close(CLOSE_REJOINING));
        }
        Error::new(Code::RoomFull)
    }

    fn rejoin(&mut self, code: Code) -> Error {
        let error = Error::new(code);
        let State::Live(live) = &mut self.state else {
            return error;
        };
        if live.room.rejoins >= limits::AUTOMATIC_REJOINS {
            self.end(EndReason::Failed(error));
            return error;
        }
        live.room.rejoins = live.room.rejoins.saturating_add(1);
        self.outputs
            .retain(|output| !matches!(output, Output::Send(_)));
        if let Phase::Joined(session) = mem::replace(&mut live.phase, Phase::Offline) {
            let (seat_token, known) = session.abandon(code, &mut self.outputs);
            live.room.seat_token = Some(seat_token);
            live.room.known = known;
        }
        self.outputs
            .push_back(Output::Event(Event::Rejoining { code }));
        self.outputs.push_back(Output::Close(CLOSE_REJOINING));
        self.outputs.push_back(Output::Connect);
        error
    }

    /// Drops everything, what was not yet taken out included.
    fn end(&mut self, reason: EndReason) {
        self.state = State::Ended(reason);
        self.outputs = VecDeque::from([
            Output::Close(CLOSE_LEAVING),
            Output::Event(Event::Ended(reason)),
        ]);
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}
