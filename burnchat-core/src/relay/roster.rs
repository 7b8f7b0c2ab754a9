//! Who is in a room (spec section 6.2), and who of them is connected.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use zeroize::Zeroize;

use super::ConnectionId;
use super::room::ALLOCATION;
use super::seats::{JoinNumber, SeatIndex};
use crate::crypto::{RosterKeys, roster_hash};
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
