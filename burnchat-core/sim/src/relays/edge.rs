//! A relay to which clients are connected: where the room is, it finds out, and passes on what they send.

use std::collections::{BTreeSet, VecDeque};
use std::mem;

use burnchat_core::relay::PeerKey;

use super::{Edge, Found, Item, Member, Step, Whereabouts, Word};
use crate::world::{Packet, World};

impl World {
    /// A client has opened a connection.
    pub(crate) fn opened(&mut self, connection: u64, peer: PeerKey) {
        let now = self.now.0;
        let Some(relays) = &self.relays else { return };
        let running: Vec<usize> = (0..relays.relays.len())
            .filter(|place| {
                relays
                    .relays
                    .get(*place)
                    .is_some_and(|r| r.still_until <= now)
            })
            .collect();
        let chosen = self.network.index(running.len().max(1));
        let chosen = running.get(chosen).copied().unwrap_or(0);
        let Some(relay) = self.relay(chosen) else {
            return;
        };
        let edge = Edge {
            peer,
            waiting: VecDeque::new(),
            nowhere: false,
        };
        relay.connections.insert(connection, edge);
        let member = relay.member;
        if let Some(state) = self.connections.get_mut(&connection) {
            state.relay = member;
        }
        self.pass_on(chosen, Word::Connect { connection, peer });
    }

    /// A frame of a client has come to its relay.
    pub(crate) fn came_to_edge(&mut self, connection: u64, frame: Vec<u8>) {
        let now = self.now.0;
        let Some(place) = self.place_of_connection(connection) else {
            return;
        };
        let Some(relay) = self.relay(place) else {
            return;
        };
        if relay.still_until > now {
            let at = relay.still_until;
            return self.push(at, Packet::ToHub { connection, frame });
        }
        let Some(edge) = relay.connections.get_mut(&connection) else {
            return;
        };
        if edge.nowhere {
            return self.take_here(place, Word::Frame { connection, frame });
        }
        edge.waiting.push_back(frame.clone());
        self.pass_on(place, Word::Frame { connection, frame });
    }

    /// The relay of a connection learns that it is closed.
    pub(crate) fn went_from_edge(&mut self, connection: u64, clean: bool) {
        let now = self.now.0;
        let Some(place) = self.place_of_connection(connection) else {
            return;
        };
        let Some(relay) = self.relay(place) else {
            return;
        };
        if relay.still_until > now {
            let at = relay.still_until;
            return self.push(at, Packet::HubLearnsOfClose { connection, clean });
        }
        let Some(edge) = relay.connections.remove(&connection) else {
            return;
        };
        if let Some(state) = self.connections.get_mut(&connection) {
            state.hub_open = false;
        }
        self.ledger.disturbed_at = self.now;
        let word = Word::Gone { connection, clean };
        match edge.nowhere {
            true => self.take_here(place, word),
            false => self.pass_on(place, word),
        }
        if let Some(relay) = self.relay(place)
            && relay.connections.is_empty()
            && matches!(relay.room, Whereabouts::With(owner) if owner != relay.member)
        {
            relay.room = Whereabouts::Unknown;
        }
    }

    /// A word for who has the room, from one of its edges. It goes there as soon as that is known.
    pub(super) fn pass_on(&mut self, place: usize, word: Word) {
        let Some(relay) = self.relay(place) else {
            return;
        };
        match (&relay.room, word) {
            (Whereabouts::With(owner), word) => {
                let owner = *owner;
                self.tell(owner, word);
            }
            (at, word) => {
                let unknown = matches!(at, Whereabouts::Unknown);
                if let Word::Gone { connection, clean } = word {
                    relay.gone.push((connection, clean));
                }
                if unknown {
                    self.claim(place);
                }
            }
        }
    }

    pub(super) fn claim(&mut self, place: usize) {
        if let Some(relay) = self.relay(place) {
            relay.room = Whereabouts::Asking;
            let member = relay.member;
            self.step_of(member, Step::Claim);
        }
    }

    pub(super) fn found(&mut self, place: usize, found: Found) {
        let Some(relay) = self.relay(place) else {
            return;
        };
        if relay.fence.is_some() || !matches!(relay.room, Whereabouts::Asking) {
            return;
        }
        relay.room = Whereabouts::Waiting(found);
        let member = relay.member;
        // What the owner before has said comes first, and with it what it has taken.
        self.tell(member, Word::Sync);
    }

    pub(super) fn go_on(&mut self, place: usize, found: Found) {
        match found {
            Found::With(owner) => {
                let Some(relay) = self.relay(place) else {
                    return;
                };
                let parked = mem::take(&mut relay.parked);
                self.go_on_with(place, owner);
                let mut senders = BTreeSet::new();
                for word in parked {
                    if let Word::Connect { connection, .. } | Word::Frame { connection, .. } = word
                    {
                        senders.extend(self.connections.get(&connection).map(|state| state.relay));
                    }
                }
                for sender in senders {
                    self.tell_not_mine(place, sender);
                }
            }
            Found::Nowhere => {
                let Some(relay) = self.relay(place) else {
                    return;
                };
                relay.room = Whereabouts::Unknown;
                let (gone, parked) = (mem::take(&mut relay.gone), mem::take(&mut relay.parked));
                let mut words = Vec::new();
                for (connection, edge) in &mut relay.connections {
                    edge.nowhere = true;
                    let (connection, peer) = (*connection, edge.peer);
                    words.push(Word::Connect { connection, peer });
                    for frame in edge.waiting.drain(..) {
                        words.push(Word::Frame { connection, frame });
                    }
                }
                words.extend(
                    gone.into_iter()
                        .map(|(connection, clean)| Word::Gone { connection, clean }),
                );
                words.extend(parked);
                for word in words {
                    self.take_here(place, word);
                }
            }
            Found::Here { fence, copy } => {
                self.adopt(place, fence, &copy);
                let Some(relay) = self.relay(place) else {
                    return;
                };
                let (member, parked) = (relay.member, mem::take(&mut relay.parked));
                self.go_on_with(place, member);
                for word in parked {
                    self.take_here(place, word);
                }
            }
        }
    }

    /// Says again to who has the room now what nobody has taken.
    pub(super) fn go_on_with(&mut self, place: usize, owner: Member) {
        let Some(relay) = self.relay(place) else {
            return;
        };
        relay.room = match relay.connections.is_empty() && owner != relay.member {
            true => Whereabouts::Unknown,
            false => Whereabouts::With(owner),
        };
        let gone = mem::take(&mut relay.gone).into_iter();
        let mut words: Vec<Word> = gone
            .map(|(connection, clean)| Word::Gone { connection, clean })
            .collect();
        for (connection, edge) in &relay.connections {
            let (connection, peer) = (*connection, edge.peer);
            if edge.nowhere {
                continue;
            }
            words.push(Word::Connect { connection, peer });
            for frame in &edge.waiting {
                let frame = frame.clone();
                words.push(Word::Frame { connection, frame });
            }
        }
        for word in words {
            self.tell(owner, word);
        }
    }

    pub(super) fn hears(&mut self, place: usize, word: Word) {
        let Some(relay) = self.relay(place) else {
            return;
        };
        match word {
            Word::Connect { connection, .. }
            | Word::Frame { connection, .. }
            | Word::Gone { connection, .. } => {
                if relay.fence.is_some() {
                    return self.take_here(place, word);
                }
                match relay.room {
                    Whereabouts::With(owner) if owner != relay.member => {
                        if let Some(state) = self.connections.get(&connection) {
                            let sender = state.relay;
                            self.tell_not_mine(place, sender);
                        }
                    }
                    Whereabouts::Unknown | Whereabouts::With(_) => {
                        relay.parked.push(word);
                        self.claim(place);
                    }
                    Whereabouts::Asking | Whereabouts::Waiting(_) => relay.parked.push(word),
                }
            }
            Word::Item(item) => self.edge_does(place, item),
            // Said late, of an owner before, it must not have said again what the one there is has been sent.
            Word::NotMine { from } => {
                if matches!(relay.room, Whereabouts::With(owner) if owner == from) {
                    self.coverage.of_relays("sent on");
                    self.claim(place);
                }
            }
            Word::Sync => match mem::replace(&mut relay.room, Whereabouts::Asking) {
                Whereabouts::Waiting(found) => self.go_on(place, found),
                other => relay.room = other,
            },
            Word::Dead(member) => {
                let owner_is_dead =
                    matches!(relay.room, Whereabouts::With(owner) if owner == member);
                let runs = relay.fence.is_some();
                if owner_is_dead {
                    self.claim(place);
                }
                if runs {
                    self.end_those_of(place, member);
                }
            }
        }
    }

    pub(super) fn edge_does(&mut self, place: usize, item: Item) {
        let Some(relay) = self.relay(place) else {
            return;
        };
        match item {
            Item::Send { mut to, frame } => {
                to.retain(|connection| relay.connections.contains_key(connection));
                for connection in to {
                    self.relay_sends(connection, &frame);
                }
            }
            Item::Close { connection, code } => {
                if relay.connections.remove(&connection).is_some() {
                    self.relay_closes(connection, code);
                }
            }
            Item::Taken { connection } => {
                if let Some(edge) = relay.connections.get_mut(&connection) {
                    edge.waiting.pop_front();
                }
            }
        }
    }
}
