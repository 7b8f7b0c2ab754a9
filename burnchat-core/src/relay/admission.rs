//! Who gets a seat (spec sections 6.3, 11.2 and 11.3).

use alloc::boxed::Box;

use super::hashes::{HubKey, KeyedHash, same_ticket, ticket_hash};
use super::log::Kind;
use super::room::{Live, Moment, Room};
use super::roster::{Participant, Presence, Standing};
use super::seats::{JoinNumber, SeatIndex, SeatState};
use super::{ConnectionId, Limits, PeerKey, Refusal};
use crate::crypto::{PublicIdentity, Secret};
use crate::error::Code;
use crate::ids::{ParticipantId, RoomId, TicketHash};
use crate::time::Timestamp;
use crate::wire::{
    ErrorFrame, HistoryEnd, Join, Joined, ParticipantJoined, RelayFrame, Resumed, Role, RosterEntry,
};

/// The secrets of a `join`, hashed. This is done before the room is looked up: how long it takes says nothing of
/// whether there is one.
pub(super) struct Shown {
    ticket: Option<TicketHash>,
    creator_token: Option<KeyedHash>,
    seat_token: Option<KeyedHash>,
    pin: Option<KeyedHash>,
}

impl Shown {
    pub(super) fn new(key: &HubKey, room: &RoomId, join: &Join) -> Self {
        Self {
            ticket: join.ticket.as_ref().map(ticket_hash),
            creator_token: join
                .creator_token
                .as_ref()
                .map(|token| key.creator_token(room, token)),
            seat_token: join
                .seat_token
                .as_ref()
                .map(|token| key.seat_token(room, token)),
            pin: join.pin.as_ref().map(|pin| key.pin(room, pin)),
        }
    }
}

/// A join that has passed every check.
pub(super) struct Admitted {
    id: ParticipantId,
    role: Role,
    claim: Claim,
    /// It came with the creator token.
    with_creator_token: bool,
}

/// To which seat.
enum Claim {
    /// One nobody has had.
    New,
    /// One that is free.
    Free(SeatIndex),
    /// One that somebody has, who goes.
    TakeOver(SeatIndex, JoinNumber),
}

/// What entitles a join to be heard.
enum Entitlement {
    CreatorToken,
    SeatToken(SeatIndex),
    Ticket,
}

impl Room {
    /// Judges a join. Only PIN failures leave a trace.
    pub(super) fn admit(
        &mut self,
        now: Timestamp,
        limits: &Limits,
        peer: PeerKey,
        shown: &Shown,
        join: &Join,
    ) -> Result<Admitted, Refusal> {
        let entitlement = self.entitlement(shown)?;
        let (role, claim) = match &entitlement {
            Entitlement::CreatorToken => (Role::Creator, self.claim_of_creator()),
            Entitlement::SeatToken(seat) => self.claim_of_seat(*seat),
            Entitlement::Ticket => (self.role_by_pin(now, peer, shown)?, Claim::New),
        };
        let id = PublicIdentity::from_sec1(&join.kem_pub.0, &join.sig_pub.0)
            .map_err(|_| Code::BadKey)?
            .id();
        let live = self.live.as_deref();
        if live.is_some_and(|live| live.seats.of_id(&id).is_some()) {
            return Err(Code::IdTaken.into());
        }
        let passes_lock = role == Role::Creator || matches!(entitlement, Entitlement::SeatToken(_));
        if live.is_some_and(|live| live.locked) && !passes_lock {
            return Err(Code::RoomLocked.into());
        }
        // Members must not be able to use up the creator's way in.
        let joins = match role {
            Role::Member => limits.joins,
            Role::Creator => limits.joins.saturating_add(limits.joins / 4),
        };
        if live.is_some_and(|live| live.seats.joins() >= joins) {
            return Err(Code::JoinsExhausted.into());
        }
        if !matches!(claim, Claim::TakeOver(..)) && !self.has_seat_for(role) {
            return Err(Code::RoomFull.into());
        }
        Ok(Admitted {
            id,
            role,
            claim,
            with_creator_token: matches!(entitlement, Entitlement::CreatorToken),
        })
    }

    fn entitlement(&self, shown: &Shown) -> Result<Entitlement, Refusal> {
        let mut refusal = Code::RoomNotFound;
        let seats = self.live.as_deref().map(|live| &live.seats);
        if let Some(token) = &shown.creator_token
            && self.terms.creator_token.matches(token)
        {
            if !self.creator_token_is_void() {
                return Ok(Entitlement::CreatorToken);
            }
            refusal = Code::Kicked;
        }
        if let Some(token) = &shown.seat_token
            && let Some(seats) = seats
            && let Some((seat, _)) = seats.of_token(token)
        {
            match seats.state(seat) {
                SeatState::Held(_) | SeatState::Left => return Ok(Entitlement::SeatToken(seat)),
                SeatState::Kicked => refusal = Code::Kicked,
                SeatState::Void if refusal == Code::RoomNotFound => refusal = Code::LinkExpired,
                SeatState::Void => {}
            }
        }
        if let Some(ticket) = &shown.ticket {
            match self.judge_ticket(ticket) {
                Ok(()) => return Ok(Entitlement::Ticket),
                Err(code) if refusal == Code::RoomNotFound => refusal = code,
                Err(_) => {}
            }
        }
        Err(refusal.into())
    }

    /// # Errors
    /// `room_not_found`, or `link_expired` for a ticket that was the room's once.
    pub(super) fn judge_ticket(&self, shown: &TicketHash) -> Result<(), Code> {
        if same_ticket(shown, &self.terms.ticket) {
            return Ok(());
        }
        let replaced = self.live.iter().flat_map(|live| &live.replaced_tickets);
        // All of them are compared, whichever it is.
        let known = replaced.fold(false, |known, old| known | same_ticket(shown, old));
        Err(if known {
            Code::LinkExpired
        } else {
            Code::RoomNotFound
        })
    }

    pub(super) fn is_creator_token(&self, shown: &KeyedHash) -> bool {
        self.terms.creator_token.matches(shown) && !self.creator_token_is_void()
    }

    fn creator_token_is_void(&self) -> bool {
        self.creator_seat()
            .is_some_and(|(_, state)| state == SeatState::Kicked)
    }

    fn creator_seat(&self) -> Option<(SeatIndex, SeatState)> {
        let seats = &self.live.as_deref()?.seats;
        let seat = seats.of_creator()?;
        Some((seat, seats.state(seat)))
    }

    fn claim_of_creator(&self) -> Claim {
        match self.creator_seat() {
            Some((seat, SeatState::Held(number))) => Claim::TakeOver(seat, number),
            Some((seat, SeatState::Left)) => Claim::Free(seat),
            Some((_, SeatState::Void | SeatState::Kicked)) | None => Claim::New,
        }
    }

    fn claim_of_seat(&self, seat: SeatIndex) -> (Role, Claim) {
        let Some(live) = self.live.as_deref() else {
            return (Role::Member, Claim::New);
        };
        let claim = match live.seats.state(seat) {
            SeatState::Held(number) => Claim::TakeOver(seat, number),
            SeatState::Left | SeatState::Void | SeatState::Kicked => Claim::Free(seat),
        };
        (live.seats.role(seat), claim)
    }

    fn role_by_pin(
        &mut self,
        now: Timestamp,
        peer: PeerKey,
        shown: &Shown,
    ) -> Result<Role, Refusal> {
        match &shown.pin {
            None => Ok(Role::Member),
            Some(pin) => {
                self.terms.pin.judge(now, peer, pin)?;
                Ok(Role::Creator)
            }
        }
    }

    /// One seat is kept for the creator while no creator is there.
    fn has_seat_for(&self, role: Role) -> bool {
        let (taken, has_creator) = self.live.as_deref().map_or((0, false), |live| {
            (live.roster.len(), live.roster.has_creator())
        });
        let kept = usize::from(role == Role::Member && !has_creator);
        taken + kept < usize::from(self.terms.capacity)
    }
}

impl Live {
    /// Who this token was given to, if they still have the seat; nobody if they have left.
    pub(super) fn judge_holder(&self, token: &KeyedHash) -> Result<Option<JoinNumber>, Code> {
        let (seat, number) = self.seats.of_token(token).ok_or(Code::RoomNotFound)?;
        match self.seats.state(seat) {
            SeatState::Kicked => Err(Code::Kicked),
            SeatState::Held(holder) if holder == number => Ok(Some(number)),
            // Somebody came with its token and sits there now.
            SeatState::Held(_) => Err(Code::Displaced),
            SeatState::Left | SeatState::Void => Ok(None),
        }
    }

    /// Whether a resume is possible, and for whom.
    pub(super) fn judge_resume(&self, token: &KeyedHash, seq: u64) -> Result<JoinNumber, Code> {
        let number = self.judge_holder(token)?.ok_or(Code::Gap)?;
        let participant = self.roster.get(number).ok_or(Code::Gap)?;
        if seq >= participant.joined_seq && self.log.reaches(seq) {
            Ok(number)
        } else {
            Err(Code::Gap)
        }
    }
}

impl Moment<'_> {
    /// Lets an admitted participant in.
    pub(super) fn enter(
        &mut self,
        connection: ConnectionId,
        admitted: Admitted,
        join: &Join,
        seat_token: Secret<32>,
        token_hash: KeyedHash,
    ) {
        let Admitted {
            id,
            role,
            claim,
            with_creator_token,
        } = admitted;
        let (seat, replaced) = match claim {
            Claim::New => (self.live.seats.add(role), None),
            Claim::Free(seat) => (seat, None),
            Claim::TakeOver(seat, holder) => (seat, self.take_out(holder, Some(Code::Displaced))),
        };
        if with_creator_token {
            self.live.seats.set_creator(seat);
        }
        let number = self.live.seats.occupy(seat, id, token_hash);
        let entry = RosterEntry {
            kem_pub: join.kem_pub,
            sig_pub: join.sig_pub,
            sealed_name: join.sealed_name,
            join_proof: join.join_proof,
            role,
            number: number.0,
        };

        self.live.roster.version += 1;
        let version = self.live.roster.version;
        let replaces = replaced.as_ref().map(|participant| participant.id);
        self.log(Kind::Change, |seq| {
            RelayFrame::ParticipantJoined(Box::new(ParticipantJoined {
                seq,
                version,
                participant: entry.clone(),
                replaces,
            }))
        });
        let joined_seq = self.live.log.seq();
        self.live.roster.add(
            number,
            Participant {
                id,
                entry: Box::new(entry),
                seat,
                joined_seq,
                presence: Presence::Here(connection),
                standing: Standing::default(),
            },
        );
        self.links.seat(connection, number, self.now, self.limits);
        self.welcome(connection, joined_seq, role, seat_token);
        if replaced.is_some() {
            self.ask_at_once();
        } else {
            self.ask_soon();
        }
    }

    /// A participant whose resume was judged good is back.
    pub(super) fn resume(&mut self, connection: ConnectionId, number: JoinNumber, seq: u64) {
        if let Some(old) = self.live.roster.set_here(number, connection) {
            self.links.refuse(old, ErrorFrame::new(Code::Displaced));
        }
        self.links.seat(connection, number, self.now, self.limits);
        for frame in self.live.log.after(seq, number) {
            self.links.send_one(connection, frame);
        }
        let resumed = RelayFrame::Resumed(Resumed {
            seq: self.live.log.seq(),
            seconds_remaining: self.seconds_remaining(),
        });
        self.links.send_one(connection, resumed.encode());
        self.ask_one_who_is_back(number);
    }

    /// `joined`, then in history rooms the history.
    fn welcome(&mut self, connection: ConnectionId, seq: u64, role: Role, seat_token: Secret<32>) {
        let joined = RelayFrame::Joined(Box::new(Joined {
            seq,
            version: self.live.roster.version,
            head: self.live.epochs.head(),
            role,
            seat_token,
            participants: self
                .live
                .roster
                .iter()
                .map(|(_, participant)| (*participant.entry).clone())
                .collect(),
            seconds_remaining: self.seconds_remaining(),
            history: self.terms.history,
            locked: self.live.locked,
            capacity: self.terms.capacity,
            burn: self.terms.burn,
            ticket_hash: self.terms.ticket,
            last_extended: self.live.last_extended,
        }));
        self.links.send_one(connection, joined.encode());
        if let Some((frames, complete)) = self.live.log.history(seq) {
            for frame in frames {
                self.links.send_one(connection, frame);
            }
            let end = RelayFrame::HistoryEnd(HistoryEnd { complete });
            self.links.send_one(connection, end.encode());
        }
    }
}
