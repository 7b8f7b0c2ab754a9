//! The hub: what arrives, and which room it is for.

mod handover;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use core::fmt;

use rand_core::CryptoRng;

use self::handover::Journal;
use super::admission::Shown;
use super::agenda::{Agenda, Wake};
use super::hashes::{HubKey, random_pin, ticket_hash};
use super::kept_id::KeptId;
use super::links::{Links, PeerCounts, Stage};
use super::pin::Pin;
use super::room::{Live, Moment, Room, Terms, Then};
use super::{Bucket, CloseCode, ConnectionId, Disconnect, Limits, Output, PeerKey, Refusal, Stats};
use crate::crypto::Secret;
use crate::error::Code;
use crate::ids::{EpochId, RoomId};
use crate::limits::{CAPACITY, NOT_AFTER_SLACK_SECONDS, TTL_SECONDS};
use crate::link::room_id_of_seed;
use crate::time::{SteadyClock, Timestamp};
use crate::wire::http::{CreateRoom, RoomCreated, RoomInfo};
use crate::wire::{
    BurnReason, ClientFrame, Departure, Destroyed, ErrorFrame, Join, RelayFrame, Resume,
};

/// All rooms of one shard. See the [module documentation](super).
///
/// Every `handle_…` takes the time; one that is earlier than the last is taken as a clock that stepped back, and the
/// hub's time goes on from where it was (spec section 12.2). What was due by then is done first, so that a driver that
/// is late lengthens nothing.
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub struct Hub {
    limits: Limits,
    key: HubKey,
    clock: SteadyClock,
    rooms: BTreeMap<KeptId, Box<Room>>,
    owners: PeerCounts,
    /// Those who have joined just now: nobody is in it whose bucket is full again.
    joiners: BTreeMap<PeerKey, Bucket>,
    links: Links,
    agenda: Agenda,
    participants: usize,
    kept_bytes: usize,
    /// Logs do not grow: see [`set_memory_full`](Self::set_memory_full).
    memory_full: bool,
    /// Of rooms that are kept elsewhere, too.
    journal: Option<Box<Journal>>,
}

impl Hub {
    /// A hub without rooms. Draws the key of its hashes.
    pub fn new(limits: Limits, rng: &mut impl CryptoRng) -> Self {
        Self::with_hub_key(limits, HubKey::random(rng))
    }

    fn with_hub_key(limits: Limits, key: HubKey) -> Self {
        Self {
            limits,
            key,
            clock: SteadyClock::default(),
            rooms: BTreeMap::new(),
            owners: PeerCounts::default(),
            joiners: BTreeMap::new(),
            links: Links::default(),
            agenda: Agenda::default(),
            participants: 0,
            kept_bytes: 0,
            memory_full: false,
            journal: None,
        }
    }

    /// Makes a room (spec section 11.1). It counts against the rooms of `peer` until it burns.
    ///
    /// # Errors
    /// `bad_request`, `room_exists` or `too_many_rooms`.
    pub fn handle_create(
        &mut self,
        now: Timestamp,
        peer: PeerKey,
        request: &CreateRoom,
        rng: &mut impl CryptoRng,
    ) -> Result<RoomCreated, Refusal> {
        let now = self.advance(now);
        let end = now.plus_seconds(request.ttl_seconds);
        let not_after = Timestamp::from_unix_minutes(request.not_after);
        if !TTL_SECONDS.contains(&request.ttl_seconds)
            || !CAPACITY.contains(&request.capacity)
            || !(end..=end.plus_seconds(NOT_AFTER_SLACK_SECONDS)).contains(&not_after)
        {
            return Err(Code::BadRequest.into());
        }
        let room_id = room_id_of_seed(&request.id_seed);
        if self.rooms.contains_key(&room_id) {
            return Err(Code::RoomExists.into());
        }
        if self.rooms.len() >= self.limits.rooms
            || self.owners.of(peer) >= self.limits.rooms_of_peer
        {
            return Err(Code::TooManyRooms.into());
        }

        let creator_token = Secret::random(rng);
        let pin = random_pin(rng);
        let terms = Terms {
            id: KeptId::new(room_id),
            owner: peer,
            end,
            not_after,
            capacity: request.capacity,
            history: request.history,
            burn: request.burn,
            ticket: request.ticket_hash,
            creator_token: self.key.creator_token(&room_id, &creator_token),
            pin: Pin::new(self.key.pin(&room_id, &pin)),
        };
        let room = Room {
            terms,
            live: None,
            scheduled: Some(end),
        };
        let kept = room.terms.id.clone();
        self.kept_bytes += room.memory();
        self.rooms.insert(kept.clone(), Box::new(room));
        self.owners.add(peer);
        self.agenda.add(end, Wake::Room(kept));
        self.note_change(room_id);
        Ok(RoomCreated {
            room_id,
            creator_token,
            pin,
            seconds_remaining: now.seconds_until(end),
        })
    }

    /// Tells of a room to who holds its ticket (spec section 13.4).
    ///
    /// # Errors
    /// `room_not_found` or `link_expired`.
    pub fn handle_info(
        &mut self,
        now: Timestamp,
        room: RoomId,
        ticket: &Secret<16>,
    ) -> Result<RoomInfo, Refusal> {
        let now = self.advance(now);
        let shown = ticket_hash(ticket);
        let room = self.rooms.get(&room).ok_or(Code::RoomNotFound)?;
        room.judge_ticket(&shown)?;
        Ok(RoomInfo {
            seconds_remaining: now.seconds_until(room.terms.end),
            participants: u16::try_from(room.participants()).unwrap_or(u16::MAX),
            capacity: room.terms.capacity,
            locked: room.live.as_ref().is_some_and(|live| live.locked),
            history: room.terms.history,
            burn: room.terms.burn,
        })
    }

    /// Burns a room for who holds its creator token (spec section 13.4).
    ///
    /// # Errors
    /// `room_not_found`.
    pub fn handle_burn(
        &mut self,
        now: Timestamp,
        room: RoomId,
        creator_token: &Secret<32>,
    ) -> Result<(), Refusal> {
        self.advance(now);
        let shown = self.key.creator_token(&room, creator_token);
        match self.rooms.get(&room) {
            Some(found) if found.is_creator_token(&shown) => {
                self.burn(room, BurnReason::Burned);
                Ok(())
            }
            _ => Err(Code::RoomNotFound.into()),
        }
    }

    /// Burns a room because whoever runs the relay wants it gone (spec section 12.3). Says whether there was one.
    pub fn handle_take_down(&mut self, now: Timestamp, room: RoomId) -> bool {
        self.advance(now);
        let there = self.rooms.contains_key(&room);
        self.burn(room, BurnReason::Burned);
        there
    }

    /// Lets the participant leave to whom a seat token was given (spec section 13.5), whether it is connected or away. A
    /// connection that still has the seat is `displaced`. Who has left has left: to ask again changes nothing.
    ///
    /// # Errors
    /// `room_not_found`; `kicked` or `displaced` where somebody else has seen to it.
    pub fn handle_leave(
        &mut self,
        now: Timestamp,
        room: RoomId,
        seat_token: &Secret<32>,
    ) -> Result<(), Refusal> {
        let now = self.advance(now);
        let token = self.key.seat_token(&room, seat_token);
        let found = self.rooms.get(&room).ok_or(Code::RoomNotFound)?;
        let live = found.live.as_deref().ok_or(Code::RoomNotFound)?;
        if let Some(number) = live.judge_holder(&token)? {
            self.with_room(now, room, |room| room.leave(number));
        }
        Ok(())
    }

    /// Takes in a connection that asks for this room, whether or not there is one: that is only told to `join` and
    /// `resume`. The number must be new.
    pub fn handle_connect(
        &mut self,
        now: Timestamp,
        connection: ConnectionId,
        peer: PeerKey,
        room: RoomId,
    ) {
        let now = self.advance(now);
        // A driver that uses a number twice loses the connection that had it.
        self.disconnected(now, connection, Disconnect::Broken);
        let greet_by = now.plus_millis(self.limits.handshake_millis);
        let room = match self.rooms.get(&room) {
            Some(found) => found.terms.id.clone(),
            None => KeptId::new(room),
        };
        match self.links.open(connection, peer, room, now, &self.limits) {
            Ok(()) => self.agenda.add(greet_by, Wake::Greeting(connection)),
            Err(code) => {
                self.links.refuse(connection, ErrorFrame::new(code));
            }
        }
    }

    /// A text message has arrived. A driver hands in a binary one as an empty frame: both are `malformed_frame`.
    pub fn handle_frame(
        &mut self,
        now: Timestamp,
        connection: ConnectionId,
        frame: &[u8],
        rng: &mut impl CryptoRng,
    ) {
        let now = self.advance(now);
        let Some(link) = self.links.get_mut(connection) else {
            return;
        };
        let (peer, room, stage) = (link.peer, link.room.get(), link.stage);
        let pace = link.pace(now, &self.limits, frame.len());
        let len = frame.len();
        let frame = match ClientFrame::parse(frame) {
            Ok(frame) => frame,
            Err(code) => return self.refuse(now, connection, ErrorFrame::new(code)),
        };
        let about = About::of(&frame);
        if let Err(wait) = pace {
            return self.slow_down(now, connection, wait, about);
        }

        let done = match stage {
            Stage::Greeting(greet_by) => {
                let done = match &frame {
                    ClientFrame::Join(join) => self.join(now, connection, peer, room, join, rng),
                    ClientFrame::Resume(resume) => self.resume(now, connection, room, resume),
                    _ => Err(Code::UnexpectedFrame.into()),
                };
                if done.is_ok() {
                    self.agenda.remove(greet_by, Wake::Greeting(connection));
                }
                done.map(|()| Then::Nothing)
            }
            Stage::Seated(number) => {
                // What is refused changes nothing.
                let step = |room: &mut Moment<'_>| {
                    let done = room.handle(number, frame, len);
                    let changed = done.is_ok();
                    (done, changed)
                };
                self.step_in_room(now, room, step)
                    .unwrap_or(Ok(Then::Nothing))
            }
        };
        match done {
            Ok(Then::Burn) => self.burn(room, BurnReason::Burned),
            Ok(Then::Nothing) => self.keep_pace(connection),
            Err(Refusal {
                code: Code::RateLimited,
                retry_after_ms: Some(wait),
                ..
            }) => self.slow_down(now, connection, wait, about),
            Err(refusal) => {
                self.keep_pace(connection);
                self.refuse(now, connection, about.put_on(refusal.into()));
            }
        }
    }

    /// A connection has ended. Not to be told of one the hub has closed.
    pub fn handle_disconnect(&mut self, now: Timestamp, connection: ConnectionId, end: Disconnect) {
        let now = self.advance(now);
        self.disconnected(now, connection, end);
    }

    /// Does what is due. Call it when the time of [`poll_timeout`](Self::poll_timeout) has come; at other times it
    /// does nothing.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.advance(now);
    }

    /// Burns every room, in order of section 12.3: the relay is about to end.
    pub fn handle_shutdown(&mut self, now: Timestamp) {
        self.advance(now);
        while let Some((room, _)) = self.rooms.first_key_value() {
            let room = room.get();
            self.burn(room, BurnReason::Shutdown);
        }
    }

    /// Whether there is no memory for more than is kept. While there is none, no room's log takes more than it did: for
    /// each entry that comes, older ones go (spec section 16). A driver says so that has a budget for all rooms, and goes
    /// by [`Stats::kept_bytes`].
    pub fn set_memory_full(&mut self, full: bool) {
        self.memory_full = full;
    }

    /// What the driver is to do next, until there is nothing.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.links.pop_output()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), in the driver's time; `None` if nothing is due ever.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let next = self.agenda.next().into_iter().chain(self.links.next_look());
        next.min().map(|at| self.clock.to_driver(at))
    }

    /// How much there is.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            rooms: self.rooms.len(),
            connections: self.links.len(),
            participants: self.participants,
            kept_bytes: self.kept_bytes,
        }
    }

    #[cfg(burnchat_sim)]
    pub(super) fn live_room(&self, id: &RoomId) -> Option<&super::room::Live> {
        self.rooms.get(id)?.live.as_deref()
    }

    /// The hub's time, after everything that was due by then.
    fn advance(&mut self, now: Timestamp) -> Timestamp {
        let now = self.clock.advance(now);
        while let Some(wake) = self.agenda.pop_due(now) {
            match wake {
                Wake::Greeting(connection) => {
                    let error = ErrorFrame::new(Code::HandshakeTimeout);
                    self.links.refuse(connection, error);
                }
                Wake::Room(room) => self.wake(now, room.get()),
                Wake::Joiner(peer) => self.forget_joiner(now, peer),
            }
        }
        while let Some(connection) = self.links.next_idle(now, &self.limits) {
            self.close(now, connection, CloseCode::Idle);
        }
        now
    }

    fn wake(&mut self, now: Timestamp, id: RoomId) {
        let Some(room) = self.rooms.get_mut(&id) else {
            return;
        };
        room.scheduled = None;
        let end = room.terms.end;
        if end <= now {
            self.burn_late(id, BurnReason::Expired, now.millis_since(end));
        } else {
            self.step_in_room(now, id, |room| ((), room.catch_up()));
        }
    }

    fn join(
        &mut self,
        now: Timestamp,
        connection: ConnectionId,
        peer: PeerKey,
        id: RoomId,
        join: &Join,
        rng: &mut impl CryptoRng,
    ) -> Result<(), Refusal> {
        self.count_join(now, peer)?;
        let shown = Shown::new(&self.key, &id, join);
        let room = self.rooms.get_mut(&id).ok_or(Code::RoomNotFound)?;
        let admitted = room.admit(now, &self.limits, peer, &shown, join);
        if admitted
            .as_ref()
            .is_err_and(|refusal| refusal.code == Code::WrongPin)
        {
            self.note_change(id);
        }
        let admitted = admitted?;
        let room = self.rooms.get_mut(&id).ok_or(Code::RoomNotFound)?;
        let history = room.terms.history;
        let before = room.memory();
        room.live
            .get_or_insert_with(|| Box::new(Live::new(history)));
        self.kept_bytes = self.kept_bytes + room.memory() - before;
        let seat_token = Secret::random(rng);
        let token_hash = self.key.seat_token(&id, &seat_token);
        self.with_room(now, id, |room| {
            room.enter(connection, admitted, join, seat_token, token_hash);
        });
        Ok(())
    }

    /// Counts a join, whatever becomes of it.
    fn count_join(&mut self, now: Timestamp, peer: PeerKey) -> Result<(), Refusal> {
        let rate = self.limits.joins_of_peer;
        let known = self.joiners.contains_key(&peer);
        let bucket = self.joiners.entry(peer).or_default();
        let wait = bucket.wait_millis(now, rate, 1);
        if wait > 0 {
            return Err(Refusal {
                retry_after_ms: Some(wait),
                ..Code::RateLimited.into()
            });
        }
        bucket.take(now, rate, 1);
        if !known {
            let full = bucket.full_after_millis(now, rate);
            self.agenda.add(now.plus_millis(full), Wake::Joiner(peer));
        }
        Ok(())
    }

    fn forget_joiner(&mut self, now: Timestamp, peer: PeerKey) {
        let Some(bucket) = self.joiners.get(&peer) else {
            return;
        };
        match bucket.full_after_millis(now, self.limits.joins_of_peer) {
            0 => {
                self.joiners.remove(&peer);
            }
            full => self.agenda.add(now.plus_millis(full), Wake::Joiner(peer)),
        }
    }

    fn resume(
        &mut self,
        now: Timestamp,
        connection: ConnectionId,
        id: RoomId,
        resume: &Resume,
    ) -> Result<(), Refusal> {
        let token = self.key.seat_token(&id, &resume.seat_token);
        let room = self.rooms.get(&id).ok_or(Code::RoomNotFound)?;
        let live = room.live.as_deref().ok_or(Code::RoomNotFound)?;
        let number = live.judge_resume(&token, resume.seq)?;
        self.with_room(now, id, |room| room.resume(connection, number, resume.seq));
        Ok(())
    }

    /// Takes one step in a room that somebody has joined.
    fn with_room<T>(
        &mut self,
        now: Timestamp,
        id: RoomId,
        step: impl FnOnce(&mut Moment<'_>) -> T,
    ) -> Option<T> {
        self.step_in_room(now, id, |room| (step(room), true))
    }

    /// The same, with a step that says whether it has changed anything of what is kept of a room.
    fn step_in_room<T>(
        &mut self,
        now: Timestamp,
        id: RoomId,
        step: impl FnOnce(&mut Moment<'_>) -> (T, bool),
    ) -> Option<T> {
        let room = self.rooms.get_mut(&id)?;
        let before = (room.participants(), room.memory());
        let mut moment = Moment {
            now,
            limits: &self.limits,
            links: &mut self.links,
            terms: &mut room.terms,
            live: room.live.as_deref_mut()?,
            memory_full: self.memory_full,
        };
        let (done, changed) = step(&mut moment);
        moment.settle();
        self.participants = self.participants + room.participants() - before.0;
        self.kept_bytes = self.kept_bytes + room.memory() - before.1;
        reschedule(&mut self.agenda, room);
        if changed {
            self.note_change(id);
        }
        Some(done)
    }

    fn burn(&mut self, id: RoomId, reason: BurnReason) {
        self.burn_late(id, reason, 0);
    }

    /// Spec section 12.3.
    fn burn_late(&mut self, id: RoomId, reason: BurnReason, late_millis: u64) {
        if self.journal.is_some()
            && let Some((kept, _)) = self.rooms.get_key_value(&id)
        {
            let kept = kept.clone();
            self.note_burn(&kept);
        }
        let Some((owner, connected)) = self.drop_room(id) else {
            return;
        };
        let destroyed = RelayFrame::Destroyed(Destroyed { reason }).encode();
        self.links.send(connected.clone(), destroyed);
        for connection in connected {
            self.links.close(connection, CloseCode::Normal);
        }
        self.links.burned(owner, reason, late_millis);
    }

    /// Sends an error; if it is one that closes, the connection is gone.
    fn refuse(&mut self, now: Timestamp, connection: ConnectionId, error: ErrorFrame) {
        let Some(link) = self.links.get(connection) else {
            return;
        };
        let (room, stage) = (link.room.get(), link.stage);
        if self.links.refuse(connection, error) {
            self.gone(now, connection, room, stage, Disconnect::Broken);
        }
    }

    /// Refuses a frame that came too fast, or closes the connection after too many of them.
    fn slow_down(&mut self, now: Timestamp, connection: ConnectionId, wait: u64, about: About) {
        let Some(link) = self.links.get_mut(connection) else {
            return;
        };
        if link.refused_too_often(&self.limits) {
            self.close(now, connection, CloseCode::TryAgainLater);
        } else {
            let error = ErrorFrame::new(Code::RateLimited).retry_after(wait);
            self.links.refuse(connection, about.put_on(error));
        }
    }

    /// Closes a connection whose client can come back.
    fn close(&mut self, now: Timestamp, connection: ConnectionId, code: CloseCode) {
        let Some(link) = self.links.get(connection) else {
            return;
        };
        let (room, stage) = (link.room.get(), link.stage);
        self.links.close(connection, code);
        self.gone(now, connection, room, stage, Disconnect::Broken);
    }

    fn keep_pace(&mut self, connection: ConnectionId) {
        if let Some(link) = self.links.get_mut(connection) {
            link.not_refused();
        }
    }

    fn disconnected(&mut self, now: Timestamp, connection: ConnectionId, end: Disconnect) {
        if let Some(link) = self.links.forget(connection) {
            self.gone(now, connection, link.room.get(), link.stage, end);
        }
    }

    /// A connection has been forgotten: so must be what hung on it.
    fn gone(
        &mut self,
        now: Timestamp,
        connection: ConnectionId,
        room: RoomId,
        stage: Stage,
        end: Disconnect,
    ) {
        match (stage, end) {
            (Stage::Greeting(greet_by), _) => {
                self.agenda.remove(greet_by, Wake::Greeting(connection));
            }
            (Stage::Seated(number), Disconnect::Clean) => {
                self.with_room(now, room, |room| room.depart(number, Departure::Left));
            }
            (Stage::Seated(number), Disconnect::Broken) => {
                self.with_room(now, room, |room| room.broke(number));
            }
        }
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hub").field(&self.stats()).finish()
    }
}

/// Which envelope a frame was, if it was one: its errors name it.
#[derive(Clone, Copy)]
struct About(Option<(EpochId, u64)>);

impl About {
    fn of(frame: &ClientFrame) -> Self {
        Self(match frame {
            ClientFrame::Message(envelope) => Some((envelope.epoch, envelope.n)),
            _ => None,
        })
    }

    fn put_on(self, error: ErrorFrame) -> ErrorFrame {
        match self.0 {
            Some((epoch, n)) => error.envelope(epoch, n),
            None => error,
        }
    }
}

/// Puts a room where the agenda must have it.
fn reschedule(agenda: &mut Agenda, room: &mut Room) {
    let next = room.next_due();
    if room.scheduled == Some(next) {
        return;
    }
    if let Some(before) = room.scheduled.replace(next) {
        agenda.remove(before, Wake::Room(room.terms.id.clone()));
    }
    agenda.add(next, Wake::Room(room.terms.id.clone()));
}
