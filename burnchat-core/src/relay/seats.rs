//! Seats, and the tokens that lead to them (spec section 11.3).
//!
//! A seat outlives its participant: a reloaded page is a new participant that comes with the old one's token and sits
//! where it sat. So a token leads to a seat, an id leads to a seat, and a kick of anyone who ever had the seat reaches
//! whoever has it now.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::handover::{Carried, Count, Reader, Writer, carried, carried_inside};
use super::hashes::{KeyedHash, Place};
use crate::ids::ParticipantId;
use crate::wire::Role;

/// The number of a join: names one participation, and puts them in order (spec section 6.2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(burnchat_sim, derive(Hash))]
pub(super) struct JoinNumber(pub(super) u64);

/// Names a seat of a room.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(burnchat_sim, derive(Hash))]
pub(super) struct SeatIndex(usize);

#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(burnchat_sim, derive(Hash))]
pub(super) enum SeatState {
    /// By this participant.
    Held(JoinNumber),
    /// Its last participant has left; its tokens still admit.
    Left,
    /// Its last participant had left when the ticket was replaced: its tokens are `link_expired`.
    Void,
    /// Its last participant was removed: its tokens are `kicked`.
    Kicked,
}

/// Every seat the room has had. What it keeps is bounded by the joins a room sees.
#[derive(Default)]
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub(super) struct Seats {
    seats: Vec<Seat>,
    tokens: BTreeMap<Place, (KeyedHash, SeatIndex, JoinNumber)>,
    ids: BTreeMap<ParticipantId, SeatIndex>,
    creator: Option<SeatIndex>,
    joins: u64,
    /// Counts up with every change of this: who keeps a copy elsewhere knows by it whether that is old.
    changes: u64,
}

#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
struct Seat {
    role: Role,
    state: SeatState,
}

impl Seats {
    /// A seat nobody has had.
    pub(super) fn add(&mut self, role: Role) -> SeatIndex {
        self.changes += 1;
        self.seats.push(Seat {
            role,
            state: SeatState::Left,
        });
        SeatIndex(self.seats.len() - 1)
    }

    /// Lets a new participant have a seat; its token leads there from now on.
    pub(super) fn occupy(
        &mut self,
        seat: SeatIndex,
        id: ParticipantId,
        token: KeyedHash,
    ) -> JoinNumber {
        self.joins += 1;
        let number = JoinNumber(self.joins);
        self.set(seat, SeatState::Held(number));
        self.ids.insert(id, seat);
        self.tokens.insert(token.place(), (token, seat, number));
        number
    }

    /// The creator token leads to this seat from now on.
    pub(super) fn set_creator(&mut self, seat: SeatIndex) {
        self.changes += 1;
        self.creator = Some(seat);
    }

    pub(super) fn leave(&mut self, seat: SeatIndex) {
        self.set(seat, SeatState::Left);
    }

    pub(super) fn kick(&mut self, seat: SeatIndex) {
        self.set(seat, SeatState::Kicked);
    }

    /// The ticket has been replaced.
    pub(super) fn void_those_left(&mut self) {
        self.changes += 1;
        for seat in &mut self.seats {
            if seat.state == SeatState::Left {
                seat.state = SeatState::Void;
            }
        }
    }

    pub(super) fn memory(&self) -> usize {
        /// A token, an id and a seat, with their shares of what maps have free.
        const OF_ONE: usize = 192;
        usize::try_from(self.joins).map_or(0, |joins| joins.saturating_mul(OF_ONE))
    }

    /// How often this has changed.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// How many joins the room has seen.
    pub(super) fn joins(&self) -> u64 {
        self.joins
    }

    /// The seat of an id the room has seen.
    pub(super) fn of_id(&self, id: &ParticipantId) -> Option<SeatIndex> {
        self.ids.get(id).copied()
    }

    /// The seat a token leads to, and the participant it was given to.
    pub(super) fn of_token(&self, token: &KeyedHash) -> Option<(SeatIndex, JoinNumber)> {
        let (known, seat, number) = self.tokens.get(&token.place())?;
        known.matches(token).then_some((*seat, *number))
    }

    /// The seat the creator token leads to, once it has been used.
    pub(super) fn of_creator(&self) -> Option<SeatIndex> {
        self.creator
    }

    pub(super) fn state(&self, seat: SeatIndex) -> SeatState {
        // Seats are never removed, so every index has one.
        self.seats
            .get(seat.0)
            .map_or(SeatState::Void, |seat| seat.state)
    }

    pub(super) fn role(&self, seat: SeatIndex) -> Role {
        self.seats
            .get(seat.0)
            .map_or(Role::Member, |seat| seat.role)
    }

    #[cfg(burnchat_sim)]
    pub(super) fn states(&self) -> impl Iterator<Item = SeatState> {
        self.seats.iter().map(|seat| seat.state)
    }

    fn set(&mut self, seat: SeatIndex, state: SeatState) {
        self.changes += 1;
        if let Some(seat) = self.seats.get_mut(seat.0) {
            seat.state = state;
        }
    }
}

carried_inside!(JoinNumber, SeatIndex);
carried!(Seat { role, state });

impl Carried for SeatState {
    fn put(&self, to: &mut Writer) {
        match self {
            Self::Left => 0u8.put(to),
            Self::Void => 1u8.put(to),
            Self::Kicked => 2u8.put(to),
            Self::Held(number) => {
                3u8.put(to);
                number.put(to);
            }
        }
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        Some(match from.byte()? {
            0 => Self::Left,
            1 => Self::Void,
            2 => Self::Kicked,
            3 => Self::Held(Carried::take(from)?),
            _ => return None,
        })
    }
}

impl Carried for Seats {
    fn put(&self, to: &mut Writer) {
        let Self {
            seats,
            tokens,
            ids,
            creator,
            joins,
            changes: _,
        } = self;
        seats.put(to);
        to.len(tokens.len());
        // In the order of the hashes, as the map has them; where one is kept follows from it.
        for (hash, seat, number) in tokens.values() {
            hash.put(to);
            seat.put(to);
            number.put(to);
        }
        ids.put(to);
        creator.put(to);
        Count(*joins).put(to);
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        let seats: Vec<Seat> = Carried::take(from)?;
        let mut tokens = BTreeMap::new();
        for _ in 0..from.len()? {
            let hash: KeyedHash = Carried::take(from)?;
            let (seat, number) = Carried::take(from)?;
            let place = hash.place();
            if tokens
                .last_key_value()
                .is_some_and(|(last, _)| *last >= place)
            {
                return None;
            }
            tokens.insert(place, (hash, seat, number));
        }
        let ids: BTreeMap<ParticipantId, SeatIndex> = Carried::take(from)?;
        let creator: Option<SeatIndex> = Carried::take(from)?;
        let Count(joins) = Carried::take(from)?;
        let there = |seat: &SeatIndex| seat.0 < seats.len();
        let taken = |number: &JoinNumber| (1..=joins).contains(&number.0);
        let sound = tokens
            .values()
            .all(|(_, seat, number)| there(seat) && taken(number))
            && ids.values().all(there)
            && creator.iter().all(there)
            && seats.iter().all(|seat| match &seat.state {
                SeatState::Held(number) => taken(number),
                SeatState::Left | SeatState::Void | SeatState::Kicked => true,
            });
        sound.then_some(Self {
            seats,
            tokens,
            ids,
            creator,
            joins,
            changes: 0,
        })
    }
}
