//! The relay that runs the room: what its hub says waits until what it changed is kept.

use std::collections::BTreeSet;
use std::mem;

use burnchat_core::relay::{Change, CloseCode, ConnectionId, Disconnect, Output, RoomCopy};
use burnchat_core::time::Timestamp;

use super::{Copy, Item, Member, Step, Whereabouts, Word};
use crate::invariants;
use crate::rule::Rule;
use crate::script::Fault;
use crate::trace::Note;
use crate::world::World;

impl World {
    pub(super) fn take_here(&mut self, place: usize, word: Word) {
        let (now, room) = (self.now, self.room.id);
        self.turn_to(place);
        let Some(relay) = self.relay(place) else {
            return;
        };
        let mut taken = None;
        match word {
            Word::Connect { connection, peer } if relay.places.insert(connection) => {
                let connection = ConnectionId(connection);
                self.hub.handle_connect(now, connection, peer, room);
            }
            Word::Frame { connection, frame } => {
                taken = Some(match relay.places.contains(&connection) {
                    true => Item::Taken { connection },
                    // It has ended here. Unless it knows already, it comes again.
                    false => Item::Close {
                        connection,
                        code: CloseCode::TryAgainLater,
                    },
                });
                self.trace.note(now, Note::ToHub, connection, &frame);
                let connection = ConnectionId(connection);
                self.hub
                    .handle_frame(now, connection, &frame, &mut self.keys);
            }
            Word::Gone { connection, clean } => {
                relay.places.remove(&connection);
                self.ledger.disturbed_at = now;
                let end = match clean {
                    true => Disconnect::Clean,
                    false => Disconnect::Broken,
                };
                self.hub
                    .handle_disconnect(now, ConnectionId(connection), end);
            }
            _ => {}
        }
        self.end_turn_with(place, taken);
    }

    pub(super) fn end_turn(&mut self, place: usize) {
        self.end_turn_with(place, None);
    }

    /// What the hub has to say waits until what it changed is kept.
    pub(super) fn end_turn_with(&mut self, place: usize, last: Option<Item>) {
        let mut held = Vec::new();
        let mut outputs = 0_u64;
        while let Some(output) = self.hub.poll_output() {
            outputs = outputs.saturating_add(1);
            match output {
                Output::Send { to, frame } => {
                    let frame = self.frame_down(frame.as_bytes().to_vec());
                    let to = to.into_iter().map(|ConnectionId(connection)| connection);
                    let to = to.collect();
                    held.push(Item::Send { to, frame });
                }
                Output::Close {
                    connection: ConnectionId(connection),
                    code,
                } => {
                    if let Some(relay) = self.relay(place) {
                        relay.places.remove(&connection);
                    }
                    held.push(Item::Close { connection, code });
                }
                Output::Burned {
                    late_millis,
                    reason,
                    ..
                } => {
                    let now = self.now;
                    self.trace
                        .tell(now, format_args!("a relay burns the room: {reason:?}"));
                    let end = Timestamp(now.0.saturating_sub(late_millis));
                    if late_millis > 0 && !self.may_burn_late(end) {
                        let what = format!("a relay burned {late_millis} ms late");
                        self.broken(Rule::BurnAtRelay, what);
                    }
                }
            }
        }
        invariants::after_hub(self, outputs);
        held.extend(last);
        let mut changes = Vec::new();
        while let Some(change) = self.hub.poll_change() {
            changes.push(change);
        }
        let says_early = self.scene.fault == Fault::SaysEarly;
        let Some(relay) = self.relay(place) else {
            return;
        };
        let (member, fence, pending) = (relay.member, relay.fence, relay.pending);
        if changes.is_empty() && pending == 0 {
            return self.say_unchanged(member, held);
        }
        let Some(fence) = fence else { return };
        let turns = changes.len().max(1);
        relay.pending = pending.saturating_add(turns);
        if changes
            .iter()
            .any(|change| matches!(change, Change::Burned(_)))
        {
            relay.fence = None;
        }
        if says_early {
            self.say(held.clone());
        }
        let mut changes = changes.into_iter();
        for _ in 0..turns {
            let step = Step::Turn {
                fence,
                change: changes.next().map(Box::new),
                held: mem::take(&mut held),
            };
            self.step_of(member, step);
        }
    }

    /// The relay hears what became of its turn.
    pub(super) fn kept(&mut self, place: usize, kept: bool) {
        if let Some(relay) = self.relay(place) {
            relay.pending = relay.pending.saturating_sub(1);
        }
        if !kept {
            self.lose_room(place);
        }
    }

    pub(super) fn lose_room(&mut self, place: usize) {
        let (now, room) = (self.now, self.room.id);
        self.turn_to(place);
        self.hub.handle_forget(room);
        let Some(relay) = self.relay(place) else {
            return;
        };
        relay.fence = None;
        relay.room = Whereabouts::Unknown;
        let member = relay.member;
        let places = mem::take(&mut relay.places);
        let own: Vec<u64> = mem::take(&mut relay.connections).into_keys().collect();
        let mut others = BTreeSet::new();
        for connection in places {
            let connected = ConnectionId(connection);
            self.hub
                .handle_disconnect(now, connected, Disconnect::Broken);
            let at = self.connections.get(&connection).map(|state| state.relay);
            others.extend(at.filter(|at| *at != member));
        }
        while self.hub.poll_output().is_some() {}
        while self.hub.poll_change().is_some() {}
        for connection in own {
            self.relay_closes(connection, CloseCode::TryAgainLater);
        }
        for other in others {
            self.tell(other, Word::NotMine { from: member });
        }
    }

    pub(super) fn adopt(&mut self, place: usize, fence: u64, copy: &Copy) {
        let (now, room) = (self.now, self.room.id);
        self.ledger.disturbed_at = now;
        self.turn_to(place);
        let entries: Vec<(u64, &[u8])> = copy
            .entries
            .iter()
            .map(|(seq, entry)| (*seq, entry.as_slice()))
            .collect();
        let copy = RoomCopy {
            state: &copy.state,
            people: &copy.people,
            seats: &copy.seats,
            entries: &entries,
        };
        let adopted = match self.hub.handle_adopt(now, room, &copy) {
            Ok(adopted) => adopted,
            Err(error) => return self.broken(Rule::Handed, error.to_string()),
        };
        self.trace
            .tell(now, format_args!("relay {place} goes on with the room"));
        self.coverage.of_relays("taken over");
        let Some(relays) = &mut self.relays else {
            return;
        };
        let Some(relay) = relays.relays.get_mut(place) else {
            return;
        };
        relay.fence = Some(fence);
        let mut dead = Vec::new();
        for ConnectionId(connection) in adopted.connections {
            relay.places.insert(connection);
            let at = self
                .connections
                .get(&connection)
                .map_or(0, |state| state.relay);
            let lives = match at == relay.member {
                true => relay.connections.contains_key(&connection),
                false => relays.memory.members.contains_key(&at),
            };
            if !lives {
                dead.push(connection);
            }
        }
        self.end_all(place, dead);
    }

    pub(super) fn end_those_of(&mut self, place: usize, member: Member) {
        let Some(relay) = self.relay(place) else {
            return;
        };
        let places: Vec<u64> = relay.places.iter().copied().collect();
        let of = |connection: &u64| self.connections.get(connection).map(|state| state.relay);
        let ended = places
            .into_iter()
            .filter(|connection| of(connection) == Some(member));
        let ended = ended.collect();
        self.end_all(place, ended);
    }

    pub(super) fn end_all(&mut self, place: usize, connections: Vec<u64>) {
        let now = self.now;
        self.turn_to(place);
        for connection in connections {
            if let Some(relay) = self.relay(place) {
                relay.places.remove(&connection);
            }
            let connection = ConnectionId(connection);
            self.hub
                .handle_disconnect(now, connection, Disconnect::Broken);
        }
        self.end_turn(place);
    }
}
