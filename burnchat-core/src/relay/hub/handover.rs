//! Rooms that are kept elsewhere, too, so that another hub can go on with them.

use alloc::boxed::Box;
use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;

use super::Hub;
use crate::crypto::Secret;
use crate::ids::RoomId;
use crate::relay::handover::{Adopted, Change, NotACopy, RoomCopy};
use crate::relay::hashes::HubKey;
use crate::relay::kept_id::KeptId;
use crate::relay::room::Room;
use crate::relay::{ConnectionId, Limits, PeerKey};
use crate::time::Timestamp;
use crate::wire::BurnReason;

/// What is to be done to the copies.
#[derive(Default)]
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub(super) struct Journal {
    changed: BTreeSet<KeptId>,
    burned: VecDeque<KeptId>,
}

impl Hub {
    /// A hub that shares the key of its hashes with others, so that each can judge the tokens and PINs of rooms that
    /// another has made. Whoever has the key and a copy of a room can try PINs out.
    #[must_use]
    pub fn with_key(limits: Limits, key: Secret<32>) -> Self {
        Self::with_hub_key(limits, HubKey::shared(key))
    }

    /// From now on [`poll_change`](Self::poll_change) says how rooms change, so that a copy of each can be kept elsewhere,
    /// and another hub with the same key can [go on](Self::handle_adopt) where this one stopped.
    ///
    /// To be called before there are rooms. Nothing that a step says should reach anybody before the changes of that step
    /// are in the copy: then nothing is ever said that a hub which goes on does not know of.
    pub fn keep_elsewhere(&mut self) {
        self.journal.get_or_insert_default();
    }

    /// A room that has changed, or is no more, until there is none. Asked for it, the hub takes the change for done.
    pub fn poll_change(&mut self) -> Option<Change> {
        let journal = self.journal.as_mut()?;
        if let Some(burned) = journal.burned.pop_front() {
            return Some(Change::Burned(burned.get()));
        }
        while let Some(id) = journal.changed.pop_first() {
            let Some(room) = self.rooms.get_mut(&id.get()) else {
                continue;
            };
            if let Some(live) = &mut room.live {
                live.log.keep_elsewhere();
            }
            let links = &self.links;
            let end_of = |connection| links.get(connection).map(|link| (link.peer, link.heard()));
            return Some(Change::Written(room.write(end_of)));
        }
        None
    }

    /// Whether there is anything to [`poll_change`](Self::poll_change).
    #[must_use]
    pub fn has_changes(&self) -> bool {
        self.journal
            .as_ref()
            .is_some_and(|journal| !journal.changed.is_empty() || !journal.burned.is_empty())
    }

    /// Goes on with a room of which a copy was kept, where the hub that had it stopped. Its people keep their connections,
    /// under the numbers they had: those that are no more are to be told by
    /// [`handle_disconnect`](Self::handle_disconnect). What has become due since is done at once.
    ///
    /// The rates of those connections start anew; everything else goes on, the countdown and the budgets of PINs too.
    ///
    /// # Errors
    /// If it is not a copy of that room, or the hub has the room.
    pub fn handle_adopt(
        &mut self,
        now: Timestamp,
        id: RoomId,
        copy: &RoomCopy<'_>,
    ) -> Result<Adopted, NotACopy> {
        let now = self.advance(now);
        if self.rooms.contains_key(&id) {
            return Err(NotACopy);
        }
        let (room, seated) = Room::read(id, copy).ok_or(NotACopy)?;
        if seated
            .iter()
            .any(|(connection, _)| self.links.get(*connection).is_some())
        {
            return Err(NotACopy);
        }
        let (owner, room_end) = (room.terms.owner, room.terms.end);
        let kept = room.terms.id.clone();
        self.owners.add(owner);
        self.participants += room.participants();
        self.kept_bytes += room.memory();
        self.rooms.insert(kept.clone(), Box::new(room));
        for (connection, ((peer, heard), number)) in &seated {
            let heard = now.min(*heard);
            self.links.adopt(*connection, *peer, kept.clone(), heard);
            self.links.seat(*connection, *number, heard, &self.limits);
        }
        self.schedule(id);
        if room_end <= now {
            self.burn_late(id, BurnReason::Expired, now.millis_since(room_end));
        } else {
            self.step_in_room(now, id, |room| ((), room.catch_up()));
        }
        Ok(Adopted {
            owner,
            connections: seated.iter().map(|(connection, _)| *connection).collect(),
        })
    }

    /// Forgets a room that another hub goes on with: nobody is told, and nothing is done to its copy. The connections that
    /// had a seat in it are forgotten with it, and given back with the peer whose budget it counted against.
    pub fn handle_forget(&mut self, room: RoomId) -> Option<Adopted> {
        let (owner, connections) = self.drop_room(room)?;
        for connection in &connections {
            self.links.forget(*connection);
        }
        if let Some(journal) = &mut self.journal {
            journal.changed.remove(&room);
        }
        Some(Adopted { owner, connections })
    }

    /// Whether the hub has this room.
    #[must_use]
    pub fn has_room(&self, room: RoomId) -> bool {
        self.rooms.contains_key(&room)
    }

    /// The rooms there are.
    pub fn rooms(&self) -> impl Iterator<Item = RoomId> {
        self.rooms.keys().map(KeptId::get)
    }

    /// The connection of whoever has this seat token, if it is connected.
    #[must_use]
    pub fn connection_of(&self, room: RoomId, seat_token: &Secret<32>) -> Option<ConnectionId> {
        let token = self.key.seat_token(&room, seat_token);
        let live = self.rooms.get(&room)?.live.as_deref()?;
        let number = live.judge_holder(&token).ok()??;
        live.roster.connection(number)
    }

    /// A room has changed.
    pub(super) fn note_change(&mut self, room: RoomId) {
        if let Some(journal) = &mut self.journal
            && let Some((id, _)) = self.rooms.get_key_value(&room)
        {
            journal.changed.insert(id.clone());
        }
    }

    pub(super) fn note_burn(&mut self, room: &KeptId) {
        if let Some(journal) = &mut self.journal {
            journal.changed.remove(room);
            journal.burned.push_back(room.clone());
        }
    }

    fn schedule(&mut self, room: RoomId) {
        if let Some(room) = self.rooms.get_mut(&room) {
            super::reschedule(&mut self.agenda, room);
        }
    }

    /// Takes a room out, with all that is counted of it.
    pub(super) fn drop_room(&mut self, id: RoomId) -> Option<(PeerKey, Vec<ConnectionId>)> {
        let room = self.rooms.remove(&id)?;
        if let Some(at) = room.scheduled {
            self.agenda
                .remove(at, super::Wake::Room(room.terms.id.clone()));
        }
        self.owners.remove(room.terms.owner);
        self.participants -= room.participants();
        self.kept_bytes -= room.memory();
        let connected = room.live.iter().flat_map(|live| live.roster.connected());
        Some((room.terms.owner, connected.copied().collect()))
    }
}
