//! Rooms that are not here, and the connections to them: their frames go to where the room is, and are kept until they
//! are taken.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use axum::body::Bytes;
use burnchat_core::ids::RoomId;
use burnchat_core::relay::{ConnectionId, Disconnect, KeptId, PeerKey};
use burnchat_core::time::Timestamp;

use super::turn::Sent;
use super::{Clustered, member_of};
use crate::cluster::{Item, Member, Note, Op, SealedCopy};
use crate::websocket::frame::Frame;
use crate::worker::Worker;

/// A room that is not here.
pub(super) struct Elsewhere {
    pub(super) at: At,
    pub(super) connections: BTreeMap<ConnectionId, PeerKey>,
    /// Connections that ended while the room was looked for.
    pub(super) gone: Vec<(ConnectionId, bool)>,
    /// Notes of others for whom this is where the room is.
    pub(super) parked: Vec<Note>,
    /// Numbers of requests for it.
    pub(super) asks: Vec<u64>,
    /// Frames or requests have been sent to an owner.
    pub(super) forwarded: bool,
}

pub(super) enum At {
    /// Nobody knows yet.
    Asking,
    /// Known, and what an owner before has said is still to arrive.
    Waiting(Found),
    Member(Member),
}

pub(super) enum Found {
    Nowhere,
    With(Member),
    Here(u64, Box<SealedCopy>),
}

pub(super) struct Away {
    pub(super) room: KeptId,
    pub(super) waiting: VecDeque<Bytes>,
}

impl Clustered {
    pub(super) fn look_for(&mut self, room: RoomId) {
        if let Some(member) = self.member {
            let room_tag = self.cluster.key().tag(room);
            let claim = Op::Claim {
                room: room_tag,
                member,
            };
            self.put(claim, Sent::Claim(KeptId::new(room)));
        }
    }

    /// A room that is not here; it is looked for if it is not known where it is.
    pub(super) fn elsewhere(&mut self, room: RoomId) -> &mut Elsewhere {
        if !self.elsewhere.contains_key(&room) {
            self.look_for(room);
        }
        let kept = KeptId::new(room);
        self.elsewhere.entry(kept).or_insert_with(|| Elsewhere {
            at: At::Asking,
            connections: BTreeMap::new(),
            gone: Vec::new(),
            parked: Vec::new(),
            asks: Vec::new(),
            forwarded: false,
        })
    }

    /// It is looked for again, if it was taken to be with this member.
    pub(super) fn lose_sight(&mut self, room: RoomId, with: Member) {
        if let Some(found) = self.elsewhere.get_mut(&room)
            && matches!(found.at, At::Member(member) if member == with)
        {
            found.at = At::Asking;
            self.look_for(room);
        }
    }

    /// A room is not here, and who took it to be is to look for it.
    pub(super) fn say_not_mine(&mut self, to: Member, room: RoomId) {
        if let Some(from) = self.member {
            self.say(room, to, &Note::NotMine { from, room });
        }
    }
}

impl Worker {
    /// An own connection asks for a room.
    pub(in crate::worker) fn connect_clustered(
        &mut self,
        now: Timestamp,
        connection: ConnectionId,
        peer: PeerKey,
        room: RoomId,
    ) {
        self.end_burned(room);
        let here = self.hub.has_room(room);
        let Some(clustered) = &mut self.cluster else {
            return;
        };
        if here {
            clustered.places.insert(connection, KeptId::new(room));
            self.hub.handle_connect(now, connection, peer, room);
            return;
        }
        let away = Away {
            room: KeptId::new(room),
            waiting: VecDeque::new(),
        };
        clustered.away.insert(connection, away);
        let found = clustered.elsewhere(room);
        found.connections.insert(connection, peer);
        if let At::Member(at) = found.at {
            let note = Note::Connect {
                connection,
                peer,
                room,
            };
            clustered.say(room, at, &note);
        }
    }

    /// A frame of an own connection. Says whether its room is elsewhere.
    pub(in crate::worker) fn frame_clustered(
        &mut self,
        connection: ConnectionId,
        frame: &Bytes,
    ) -> bool {
        let Some(clustered) = &mut self.cluster else {
            return false;
        };
        if clustered.ending.is_some() {
            return true;
        }
        let Some(away) = clustered.away.get_mut(&connection) else {
            return false;
        };
        away.waiting.push_back(frame.clone());
        let room = away.room.get();
        if let Some(found) = clustered.elsewhere.get_mut(&room)
            && let At::Member(at) = found.at
        {
            found.forwarded = true;
            let note = Note::Frame {
                connection,
                room,
                frame: frame.clone(),
            };
            clustered.say(room, at, &note);
        }
        true
    }

    /// An own connection has ended.
    pub(in crate::worker) fn gone_clustered(&mut self, connection: ConnectionId, end: Disconnect) {
        let now = self.clock.now();
        let Some(clustered) = &mut self.cluster else {
            return;
        };
        let Some(away) = clustered.away.remove(&connection) else {
            clustered.places.remove(&connection);
            self.hub.handle_disconnect(now, connection, end);
            return;
        };
        let (room, clean) = (away.room.get(), end == Disconnect::Clean);
        let Some(found) = clustered.elsewhere.get_mut(&room) else {
            return;
        };
        found.connections.remove(&connection);
        match found.at {
            At::Member(at) => {
                if found.connections.is_empty() && found.asks.is_empty() {
                    clustered.elsewhere.remove(&room);
                }
                let note = Note::Gone {
                    connection,
                    room,
                    clean,
                };
                clustered.say(room, at, &note);
            }
            At::Asking | At::Waiting(_) => found.gone.push((connection, clean)),
        }
    }

    /// Where a room is.
    pub(super) fn found(&mut self, room: RoomId, found: Found) {
        let Some(clustered) = &mut self.cluster else {
            return;
        };
        if clustered.owned.contains_key(&room) {
            // It was looked for twice.
            return self.go_on_here(room, None);
        }
        let Some(place) = clustered.elsewhere.get_mut(&room) else {
            // Nobody wants it any more. What was taken is the next one's to take.
            return;
        };
        if !matches!(place.at, At::Asking) {
            return;
        }
        if place.forwarded {
            // What the owner before has said comes first, and with it what it has taken.
            place.at = At::Waiting(found);
            if let Some(member) = clustered.member {
                clustered.say(room, member, &Note::Sync { room });
            }
            return;
        }
        self.go_on(room, found);
    }

    pub(super) fn go_on(&mut self, room: RoomId, found: Found) {
        match found {
            Found::With(member) => self.go_on_with(room, member),
            Found::Nowhere => self.go_on_here(room, None),
            Found::Here(fence, copy) => self.go_on_here(room, Some((fence, copy))),
        }
    }

    /// Another member has the room.
    pub(super) fn go_on_with(&mut self, room: RoomId, at: Member) {
        let Some(clustered) = &mut self.cluster else {
            return;
        };
        let Some(mut place) = clustered.elsewhere.remove(&room) else {
            return;
        };
        for (connection, clean) in place.gone.drain(..) {
            let note = Note::Gone {
                connection,
                room,
                clean,
            };
            clustered.say(room, at, &note);
        }
        for (connection, peer) in &place.connections {
            let connection = *connection;
            let connect = Note::Connect {
                connection,
                peer: *peer,
                room,
            };
            clustered.say(room, at, &connect);
            let waiting = clustered.away.get(&connection);
            let waiting: Vec<Bytes> = waiting
                .iter()
                .flat_map(|away| &away.waiting)
                .cloned()
                .collect();
            place.forwarded |= !waiting.is_empty();
            for frame in waiting {
                let frame = Note::Frame {
                    connection,
                    room,
                    frame,
                };
                clustered.say(room, at, &frame);
            }
        }
        let mut senders = BTreeSet::new();
        for note in place.parked.drain(..) {
            match note {
                Note::Connect { connection, .. } | Note::Frame { connection, .. } => {
                    senders.insert(member_of(connection));
                }
                Note::Ask { from, .. } => {
                    senders.insert(from);
                }
                _ => {}
            }
        }
        for sender in senders {
            clustered.say_not_mine(sender, room);
        }
        for number in place.asks.drain(..) {
            clustered.ask(at, number);
        }
        if !place.connections.is_empty() {
            place.at = At::Member(at);
            clustered.elsewhere.insert(KeptId::new(room), place);
        }
    }

    /// What the owner of a room has to say to own connections.
    pub(super) fn said(&mut self, items: Vec<Item>) {
        for item in items {
            match item {
                Item::Send { to, frame } => self.send(&to, Frame::text(&frame)),
                Item::Close { connection, code } => {
                    if let Some(clustered) = &mut self.cluster
                        && let Some(away) = clustered.away.remove(&connection)
                        && let Some(place) = clustered.elsewhere.get_mut(&away.room)
                    {
                        place.connections.remove(&connection);
                        let of_nobody = place.connections.is_empty() && place.asks.is_empty();
                        if of_nobody && matches!(place.at, At::Member(_)) {
                            clustered.elsewhere.remove(&away.room);
                        }
                    }
                    self.close(connection, code);
                }
                Item::Taken { connection, frames } => {
                    for _ in 0..frames {
                        let away = self.cluster.as_mut();
                        let away = away.and_then(|all| all.away.get_mut(&connection));
                        let Some(taken) = away.and_then(|away| away.waiting.pop_front()) else {
                            break;
                        };
                        self.arrived(connection, taken.len());
                    }
                    self.answered(connection);
                }
            }
        }
    }
}
