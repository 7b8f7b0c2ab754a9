//! Who is in a room (spec section 6.2), and who of them is connected.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use zeroize::Zeroize;

use super::handover::{Carried, Count, Reader, Writer, carried};
use super::room::ALLOCATION;
use super::seats::{JoinNumber, SeatIndex};
use super::{ConnectionId, PeerKey};
use crate::crypto::{RosterKeys, participant_id, roster_hash};
use crate::ids::{ParticipantId, RoomId, RosterHash};
use crate::limits;
use crate::time::Timestamp;
use crate::wire::{Role, RosterEntry};

/// The roster and its version.
#[derive(Default)]
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub(super) struct Roster {
    pub(super) version: u64,
    people: BTreeMap<JoinNumber, Participant>,
    /// The connections of those who are here, kept ready to be sent to.
    connected: Vec<ConnectionId>,
    away: BTreeSet<(Timestamp, JoinNumber)>,
}

#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub(super) struct Participant {
    pub(super) id: ParticipantId,
    pub(super) entry: Box<RosterEntry>,
    pub(super) seat: SeatIndex,
    /// Of its own `participant_joined`.
    pub(super) joined_seq: u64,
    pub(super) presence: Presence,
    pub(super) standing: Standing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(burnchat_sim, derive(Hash))]
pub(super) enum Presence {
    Here(ConnectionId),
    /// Until it has left.
    Away(Timestamp),
}

/// What counts against asking a participant for a key (spec section 7.1). The order is that of asking.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(burnchat_sim, derive(Hash))]
pub(super) struct Standing {
    /// Counts up with every complaint in the room; 0 for who was never complained of.
    pub(super) complaint: u64,
    pub(super) unresponsive: bool,
}

impl Roster {
    /// Puts a participant at the end. The version is the caller's to raise.
    pub(super) fn add(&mut self, number: JoinNumber, participant: Participant) {
        if let Presence::Here(connection) = participant.presence {
            self.connected.push(connection);
        }
        self.people.insert(number, participant);
    }

    /// Takes a participant out. The version is the caller's to raise.
    pub(super) fn remove(&mut self, number: JoinNumber) -> Option<Participant> {
        let participant = self.people.remove(&number)?;
        match participant.presence {
            Presence::Here(connection) => self.connected.retain(|other| *other != connection),
            Presence::Away(until) => {
                self.away.remove(&(until, number));
            }
        }
        Some(participant)
    }

    /// The connection of a participant has broken.
    pub(super) fn set_away(&mut self, number: JoinNumber, now: Timestamp) {
        if let Some(participant) = self.people.get_mut(&number)
            && let Presence::Here(connection) = participant.presence
        {
            let until = now.plus_millis(limits::AWAY_MILLIS);
            participant.presence = Presence::Away(until);
            self.connected.retain(|other| *other != connection);
            self.away.insert((until, number));
        }
    }

    /// A participant is back on another connection. Returns the one it still had.
    pub(super) fn set_here(
        &mut self,
        number: JoinNumber,
        connection: ConnectionId,
    ) -> Option<ConnectionId> {
        let participant = self.people.get_mut(&number)?;
        let before = participant.presence;
        participant.presence = Presence::Here(connection);
        let old = match before {
            Presence::Here(old) => {
                self.connected.retain(|other| *other != old);
                Some(old)
            }
            Presence::Away(until) => {
                self.away.remove(&(until, number));
                None
            }
        };
        self.connected.push(connection);
        old
    }

    pub(super) fn get(&self, number: JoinNumber) -> Option<&Participant> {
        self.people.get(&number)
    }

    pub(super) fn standing_mut(&mut self, number: JoinNumber) -> Option<&mut Standing> {
        self.people
            .get_mut(&number)
            .map(|participant| &mut participant.standing)
    }

    /// In join order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (JoinNumber, &Participant)> {
        self.people
            .iter()
            .map(|(number, participant)| (*number, participant))
    }

    /// Those connected, in join order.
    pub(super) fn here(&self) -> impl Iterator<Item = (JoinNumber, ConnectionId)> {
        self.iter()
            .filter_map(|(number, participant)| match participant.presence {
                Presence::Here(connection) => Some((number, connection)),
                Presence::Away(_) => None,
            })
    }

    pub(super) fn connection(&self, number: JoinNumber) -> Option<ConnectionId> {
        match self.get(number)?.presence {
            Presence::Here(connection) => Some(connection),
            Presence::Away(_) => None,
        }
    }

    pub(super) fn memory(&self) -> usize {
        /// Its places in a map, a set and a list.
        const PLACES: usize = 96;
        let of_one = size_of::<Participant>() + size_of::<RosterEntry>() + ALLOCATION + PLACES;
        self.people.len() * of_one
    }

    pub(super) fn len(&self) -> usize {
        self.people.len()
    }

    pub(super) fn has_creator(&self) -> bool {
        self.people
            .values()
            .any(|participant| participant.entry.role == Role::Creator)
    }

    pub(super) fn connected(&self) -> &[ConnectionId] {
        &self.connected
    }

    /// Who is the next to have been away for too long, and when.
    pub(super) fn next_timeout(&self) -> Option<(Timestamp, JoinNumber)> {
        self.away.first().copied()
    }

    pub(super) fn hash(&self, room: &RoomId) -> RosterHash {
        let keys = self.people.values().map(|participant| RosterKeys {
            kem_pub: &participant.entry.kem_pub.0,
            sig_pub: &participant.entry.sig_pub.0,
            role: participant.entry.role,
        });
        roster_hash(room, self.version, keys)
    }
}

impl Drop for Participant {
    fn drop(&mut self) {
        self.entry.kem_pub.0.zeroize();
        self.entry.sig_pub.0.zeroize();
        self.entry.sealed_name.0.zeroize();
        self.entry.join_proof.0.zeroize();
    }
}

carried!(Standing {
    complaint,
    unresponsive
});

impl Carried for RosterEntry {
    fn put(&self, to: &mut Writer) {
        let Self {
            kem_pub,
            sig_pub,
            sealed_name,
            join_proof,
            role,
            number,
        } = self;
        kem_pub.put(to);
        sig_pub.put(to);
        sealed_name.put(to);
        join_proof.put(to);
        role.put(to);
        number.put(to);
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            kem_pub: Carried::take(from)?,
            sig_pub: Carried::take(from)?,
            sealed_name: Carried::take(from)?,
            join_proof: Carried::take(from)?,
            role: Carried::take(from)?,
            number: Carried::take(from)?,
        })
    }
}

/// A participant's connection, and who is at its other end.
pub(super) type Seated = (ConnectionId, (AtTheEnd, JoinNumber));

/// Who is at the other end of a connection, and when a frame came from there.
pub(super) type AtTheEnd = (PeerKey, Timestamp);

impl Roster {
    /// Who they are: this changes only with the version.
    pub(super) fn put_people(&self, to: &mut Writer) {
        to.len(self.people.len());
        for (number, participant) in &self.people {
            number.put(to);
            participant.entry.put(to);
            participant.seat.put(to);
            participant.joined_seq.put(to);
        }
    }

    /// The version, how they stand, and who is where.
    pub(super) fn put_presence(
        &self,
        to: &mut Writer,
        end_of: impl Fn(ConnectionId) -> Option<AtTheEnd>,
    ) {
        Count(self.version).put(to);
        for participant in self.people.values() {
            participant.standing.put(to);
        }
        self.away.put(to);
        let number_of: BTreeMap<ConnectionId, JoinNumber> = self
            .here()
            .map(|(number, connection)| (connection, number))
            .collect();
        // In the order in which they are sent to.
        to.len(self.connected.len());
        for connection in &self.connected {
            let number = number_of.get(connection).copied();
            connection.put(to);
            let unknown = (PeerKey([0; 16]), Timestamp(0));
            end_of(*connection).unwrap_or(unknown).put(to);
            number.unwrap_or(JoinNumber(0)).put(to);
        }
    }

    /// Reads both again. Everyone must be on one connection, or away.
    pub(super) fn take_from(
        people: &mut Reader<'_>,
        presence: &mut Reader<'_>,
    ) -> Option<(Self, Vec<Seated>)> {
        let Count(version) = Carried::take(presence)?;
        let mut read = Vec::new();
        for _ in 0..people.len()? {
            let number: JoinNumber = Carried::take(people)?;
            let entry: Box<RosterEntry> = Carried::take(people)?;
            let participant = Participant {
                id: participant_id(&entry.kem_pub.0, &entry.sig_pub.0),
                seat: Carried::take(people)?,
                joined_seq: Carried::take(people)?,
                // Until it is known.
                presence: Presence::Away(Timestamp(0)),
                standing: Carried::take(presence)?,
                entry,
            };
            if participant.entry.number != number.0
                || read.last().is_some_and(|(last, _)| *last >= number)
            {
                return None;
            }
            read.push((number, participant));
        }
        let mut people: BTreeMap<JoinNumber, Participant> = read.into_iter().collect();
        let away: BTreeSet<(Timestamp, JoinNumber)> = Carried::take(presence)?;
        let seated: Vec<Seated> = Carried::take(presence)?;
        if away.len() + seated.len() != people.len() {
            return None;
        }
        let mut placed = BTreeSet::new();
        for (until, number) in &away {
            people.get_mut(number)?.presence = Presence::Away(*until);
            placed.insert(*number);
        }
        let mut connections = BTreeSet::new();
        for (connection, (_, number)) in &seated {
            people.get_mut(number)?.presence = Presence::Here(*connection);
            placed.insert(*number);
            connections.insert(*connection);
        }
        let once = placed.len() == people.len() && connections.len() == seated.len();
        let roster = Self {
            version,
            people,
            connected: seated.iter().map(|(connection, _)| *connection).collect(),
            away,
        };
        once.then_some((roster, seated))
    }
}
