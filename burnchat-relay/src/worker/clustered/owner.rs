//! Rooms that are here: taken over, spoken to from elsewhere, lost.

use std::collections::HashSet;

use axum::body::Bytes;
use burnchat_core::ids::RoomId;
use burnchat_core::relay::{CloseCode, ConnectionId, Disconnect, KeptId, RoomCopy};
use burnchat_core::time::Timestamp;
use tracing::warn;

use super::member_of;
use crate::cluster::{Item, Note, Place, RoomKey, SealedCopy};
use crate::rng;
use crate::worker::Worker;

pub(super) struct Owned {
    pub(super) key: Box<RoomKey>,
    /// 0 until it is made.
    pub(super) fence: u64,
    /// What is on its way.
    pub(super) pending: usize,
}

impl Worker {
    /// The room is here from now on, or there is none: then the own hub says so.
    pub(super) fn go_on_here(&mut self, room: RoomId, taken: Option<(u64, Box<SealedCopy>)>) {
        let now = self.clock.now();
        if let Some((fence, copy)) = taken {
            self.adopt(now, room, fence, &copy);
        }
        let Some(clustered) = &mut self.cluster else {
            return;
        };
        let Some(place) = clustered.elsewhere.remove(&room) else {
            return;
        };
        let mut frames = Vec::new();
        for (connection, peer) in place.connections {
            let known = clustered
                .places
                .insert(connection, KeptId::new(room))
                .is_some();
            if !known {
                self.hub.handle_connect(now, connection, peer, room);
            }
            if let Some(away) = clustered.away.remove(&connection) {
                frames.extend(away.waiting.into_iter().map(|frame| (connection, frame)));
            }
        }
        for (connection, clean) in place.gone {
            let end = match clean {
                true => Disconnect::Clean,
                false => Disconnect::Broken,
            };
            clustered.places.remove(&connection);
            self.hub.handle_disconnect(now, connection, end);
        }
        self.carry_out();
        for (connection, frame) in frames {
            self.handle_own_frame(connection, &frame);
        }
        for note in place.parked {
            self.take_note_here(note);
        }
        for number in place.asks {
            self.answer_here(number);
        }
    }

    pub(super) fn handle_own_frame(&mut self, connection: ConnectionId, frame: &Bytes) {
        let now = self.clock.now();
        self.hub
            .handle_frame(now, connection, frame, &mut rng::system());
        self.carry_out();
        self.answered_clustered(connection, frame.len());
    }

    pub(super) fn adopt(&mut self, now: Timestamp, room: RoomId, fence: u64, sealed: &SealedCopy) {
        let Some(clustered) = &mut self.cluster else {
            return;
        };
        let key = clustered.cluster.key().of_room(room);
        let open = |place, part: &[u8]| match part.is_empty() {
            true => Some(Vec::new()),
            false => key.open(place, part).map(|part| part.into_vec()),
        };
        let opened = (
            open(Place::State, &sealed.state),
            open(Place::People, &sealed.people),
            open(Place::Seats, &sealed.seats),
        );
        let entries: Option<Vec<_>> = sealed
            .entries
            .iter()
            .map(|(seq, entry)| Some((*seq, key.open(Place::Entry(*seq), entry)?)))
            .collect();
        let (Some(state), Some(people), Some(seats)) = opened else {
            return warn!("what was kept of a room can't be opened");
        };
        let Some(entries) = entries else {
            return warn!("what was kept of a room can't be opened");
        };
        let entries: Vec<(u64, &[u8])> = entries
            .iter()
            .map(|(seq, entry)| (*seq, entry.as_slice()))
            .collect();
        let copy = RoomCopy {
            state: &state,
            people: &people,
            seats: &seats,
            entries: &entries,
        };
        let adopted = match self.hub.handle_adopt(now, room, &copy) {
            Ok(adopted) => adopted,
            Err(error) => return warn!("{error}"),
        };
        self.counters.rooms_taken_over.add(1);
        self.totals.adopt_room(adopted.owner);
        let owned = Owned {
            key: Box::new(key),
            fence,
            pending: 0,
        };
        clustered.owned.insert(KeptId::new(room), owned);
        let mut dead = Vec::new();
        for connection in adopted.connections {
            clustered.places.insert(connection, KeptId::new(room));
            let lives = match clustered.is_own(connection) {
                true => self.connections.contains_key(&connection),
                false => !clustered.is_dead(member_of(connection)),
            };
            if !lives {
                dead.push(connection);
            }
        }
        self.end_all(now, dead);
    }

    /// These connections of the hub are no more. Should their member live after all, it lets their people come again: of
    /// two that came at once, the one with the lower number may be heard of later.
    pub(super) fn end_all(&mut self, now: Timestamp, connections: Vec<ConnectionId>) {
        for connection in connections {
            if let Some(clustered) = &mut self.cluster
                && let Some(room) = clustered.places.remove(&connection)
                && !clustered.is_own(connection)
            {
                let code = CloseCode::TryAgainLater;
                let close = Note::Said(vec![Item::Close { connection, code }]);
                clustered.say(room.get(), member_of(connection), &close);
            }
            self.hub
                .handle_disconnect(now, connection, Disconnect::Broken);
        }
        self.carry_out();
    }

    /// A room is another's: it is not served here from now on.
    pub(super) fn lose_room(&mut self, room: RoomId) {
        let now = self.clock.now();
        let Some(clustered) = &mut self.cluster else {
            return;
        };
        clustered.owned.remove(&room);
        clustered.turns.remove(&room);
        if let Some(forgotten) = self.hub.handle_forget(room) {
            self.totals.release_room(forgotten.owner);
        }
        let connections: Vec<ConnectionId> = clustered
            .places
            .iter()
            .filter(|(_, place)| place.get() == room)
            .map(|(connection, _)| *connection)
            .collect();
        let mut members = HashSet::new();
        for connection in connections {
            clustered.places.remove(&connection);
            self.hub
                .handle_disconnect(now, connection, Disconnect::Broken);
            if clustered.is_own(connection) {
                if let Some(link) = self.connections.remove(&connection) {
                    link.outbox.close(CloseCode::TryAgainLater);
                }
            } else {
                members.insert(member_of(connection));
            }
        }
        for member in members {
            clustered.say_not_mine(member, room);
        }
    }

    /// A note about a room that is here, or that is nowhere.
    pub(super) fn take_note_here(&mut self, note: Note) {
        let now = self.clock.now();
        let Some(clustered) = &mut self.cluster else {
            return;
        };
        match note {
            Note::Connect {
                connection,
                peer,
                room,
            } => {
                if clustered
                    .places
                    .insert(connection, KeptId::new(room))
                    .is_none()
                {
                    self.hub.handle_connect(now, connection, peer, room);
                }
                self.carry_out();
            }
            Note::Frame {
                connection,
                room,
                frame,
            } => {
                self.counters.received(frame.len());
                self.hub
                    .handle_frame(now, connection, &frame, &mut rng::system());
                let known = clustered.places.contains_key(&connection);
                self.carry_out();
                if let Some(clustered) = &mut self.cluster {
                    let turn = clustered.turn(&KeptId::new(room));
                    let items = turn.items.entry(member_of(connection)).or_default();
                    items.push(match known {
                        true => Item::Taken {
                            connection,
                            frames: 1,
                        },
                        // It has ended here. Unless it knows already, it comes again.
                        false => Item::Close {
                            connection,
                            code: CloseCode::TryAgainLater,
                        },
                    });
                }
            }
            Note::Gone {
                connection, clean, ..
            } => {
                clustered.places.remove(&connection);
                let end = match clean {
                    true => Disconnect::Clean,
                    false => Disconnect::Broken,
                };
                self.hub.handle_disconnect(now, connection, end);
                self.carry_out();
            }
            Note::Ask {
                from,
                number,
                room,
                what,
            } => {
                let answer = self.perform(room, &what);
                if let Some(clustered) = &mut self.cluster {
                    let turn = clustered.turn(&KeptId::new(room));
                    turn.notes.push((from, Note::Answer { number, answer }));
                }
            }
            Note::Said(_) | Note::Answer { .. } | Note::NotMine { .. } | Note::Sync { .. } => {}
        }
    }
}
