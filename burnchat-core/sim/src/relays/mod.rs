//! Several relays that share the room (spec section 13.6): a real hub in each of them, and a memory between them.
//!
//! A connection belongs to the relay it came to, its *edge*. One relay runs the room, its *owner*: edges pass frames on to
//! it and keep them until they are taken. What the owner's hub says waits until what it changed is kept; the memory keeps
//! it only under the owner's newest *fence*. Whoever finds that the owner is no more claims the room and goes on with
//! what was kept. burnchat-relay does the same with Redis; here it is told once more, for the machines of the core and for
//! what clients are promised.

mod edge;
mod memory;
mod owner;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem;
use std::rc::Rc;

use burnchat_core::crypto::Secret;
use burnchat_core::relay::{Change, CloseCode, Hub, Limits, PeerKey, RoomWrite};
use burnchat_core::time::Timestamp;

use crate::network::UNNOTICED;
use crate::script::Deed;
use crate::trace::Note;
use crate::world::{Down, Packet, World};

/// How long a relay is taken for alive that gives no sign of life, ms, and how often it gives one.
const LEASE: u64 = 3_000;
const BEAT: u64 = 750;
/// The longest that a step or a word takes as a rule, ms, and now and then.
const HOP: u64 = 20;
const LONG_HOP: u64 = 400;
/// The way from a client to the owner and back is so much longer at most, ms.
pub(crate) const DETOUR: u64 = 4 * LONG_HOP;

/// Names a relay for as long as it is taken for alive.
type Member = u64;

pub(crate) struct Relays {
    relays: Vec<Relay>,
    /// Whose hub is the world's.
    at: usize,
    memory: Memory,
    members_ever: Member,
    key: Secret<32>,
    /// When somebody last had to go on without the owner.
    unsettled_at: Timestamp,
}

struct Relay {
    member: Member,
    hub: Hub,
    /// Until when the process stands still.
    still_until: u64,
    /// It runs the room, under this fence.
    fence: Option<u64>,
    /// Steps that are on their way to the memory.
    pending: usize,
    /// The connections its hub has.
    places: BTreeSet<u64>,
    // As an edge.
    room: Whereabouts,
    connections: BTreeMap<u64, Edge>,
    gone: Vec<(u64, bool)>,
    parked: Vec<Word>,
    // What is said is heard in order, and so are steps done.
    heard_until: u64,
    stepped_until: u64,
}

/// Where the room is, as far as a relay knows.
enum Whereabouts {
    Unknown,
    Asking,
    /// It is known, and what was said before is still to arrive.
    Waiting(Found),
    With(Member),
}

enum Found {
    Nowhere,
    With(Member),
    Here { fence: u64, copy: Copy },
}

struct Edge {
    peer: PeerKey,
    /// Frames that nobody has taken yet.
    waiting: VecDeque<Vec<u8>>,
    /// There was no such room: the own hub says so.
    nowhere: bool,
}

/// What relays share.
#[derive(Default)]
struct Memory {
    /// Who lives; and until when, who has ceased to say so.
    members: BTreeMap<Member, Option<u64>>,
    room: Option<Kept>,
}

struct Kept {
    owner: Member,
    fence: u64,
    end: Timestamp,
    copy: Copy,
}

#[derive(Clone, Default)]
struct Copy {
    state: Vec<u8>,
    people: Vec<u8>,
    seats: Vec<u8>,
    entries: BTreeMap<u64, Vec<u8>>,
}

/// What travels between relays and memory.
pub(crate) enum Mail {
    /// A step of a relay reaches the memory.
    Step { from: Member, step: Step },
    /// What came of it is known to the relay.
    Done { to: Member, outcome: Outcome },
    /// One relay says something to another.
    Said { to: Member, word: Word },
    /// A relay stands still no longer, and gives a sign of life.
    Beat { member: Member },
    /// It is time that the others miss it.
    Missed { member: Member },
}

pub(crate) enum Step {
    Turn {
        fence: u64,
        change: Option<Box<Change>>,
        held: Vec<Item>,
    },
    Claim,
    Leave,
}

pub(crate) struct Outcome(Came);

enum Came {
    Kept(bool),
    Found(Found),
    Left,
}

pub(crate) enum Word {
    Connect {
        connection: u64,
        peer: PeerKey,
    },
    Frame {
        connection: u64,
        frame: Vec<u8>,
    },
    Gone {
        connection: u64,
        clean: bool,
    },
    Item(Item),
    NotMine {
        from: Member,
    },
    /// Everything that was said before this has arrived.
    Sync,
    /// This one is no more.
    Dead(Member),
}

/// What is done once what it follows from is kept.
#[derive(Clone)]
pub(crate) enum Item {
    Send { to: Vec<u64>, frame: Rc<Down> },
    Close { connection: u64, code: CloseCode },
    Taken { connection: u64 },
}

impl Relays {
    /// So many relays; the first of them has made the room with this hub.
    pub(crate) fn new(count: usize, key: Secret<32>, hub: &mut Hub, room: Timestamp) -> Self {
        let mut relays = Self {
            relays: Vec::new(),
            at: 0,
            memory: Memory::default(),
            members_ever: 0,
            key,
            unsettled_at: Timestamp(0),
        };
        for _ in 0..count {
            let relay = relays.fresh();
            relays.relays.push(relay);
        }
        let mut copy = Copy::default();
        while let Some(change) = hub.poll_change() {
            if let Change::Written(write) = change {
                copy.take(*write);
            }
        }
        if let Some(first) = relays.relays.first_mut() {
            first.fence = Some(1);
            first.room = Whereabouts::With(first.member);
            relays.memory.room = Some(Kept {
                owner: first.member,
                fence: 1,
                end: room,
                copy,
            });
        }
        relays
    }

    /// A hub that shares its key with the others.
    pub(crate) fn hub(key: &Secret<32>) -> Hub {
        let mut hub = Hub::with_key(Limits::default(), Secret::copy_of(key.as_bytes()));
        hub.keep_elsewhere();
        hub
    }

    fn fresh(&mut self) -> Relay {
        self.members_ever = self.members_ever.saturating_add(1);
        self.memory.members.insert(self.members_ever, None);
        Relay {
            member: self.members_ever,
            hub: Self::hub(&self.key),
            still_until: 0,
            fence: None,
            pending: 0,
            places: BTreeSet::new(),
            room: Whereabouts::Unknown,
            connections: BTreeMap::new(),
            gone: Vec::new(),
            parked: Vec::new(),
            heard_until: 0,
            stepped_until: 0,
        }
    }

    fn place_of(&self, member: Member) -> Option<usize> {
        self.relays.iter().position(|relay| relay.member == member)
    }

    fn of(&mut self, member: Member) -> Option<&mut Relay> {
        self.relays.iter_mut().find(|relay| relay.member == member)
    }

    /// Whose hub is due next, and when.
    pub(crate) fn due(&self, at_hand: &Hub) -> Option<(Timestamp, usize)> {
        let relays = self.relays.iter().enumerate();
        let due = relays.filter_map(|(place, relay)| {
            let hub = if place == self.at {
                at_hand
            } else {
                &relay.hub
            };
            let due = hub.poll_timeout()?;
            Some((Timestamp(due.0.max(relay.still_until)), place))
        });
        due.min()
    }

    /// Whether there is an owner, everybody knows it, and nobody stands still.
    fn is_settled(&self, now: Timestamp) -> bool {
        let owner = match &self.memory.room {
            Some(kept) => self
                .relays
                .iter()
                .any(|r| r.member == kept.owner && r.fence == Some(kept.fence)),
            None => true,
        };
        let members = &self.memory.members;
        let lives = |relay: &Relay| members.contains_key(&relay.member);
        owner
            && members.values().all(Option::is_none)
            && self
                .relays
                .iter()
                .all(|relay| lives(relay) && relay.still_until < now.0)
    }
}

impl Memory {
    fn lives(&self, member: Member, now: Timestamp) -> bool {
        match self.members.get(&member) {
            Some(None) => true,
            Some(Some(until)) => *until > now.0,
            None => false,
        }
    }
}

impl Copy {
    fn take(&mut self, write: RoomWrite) {
        self.state = write.state.as_slice().to_vec();
        if let Some(people) = write.people {
            self.people = people.as_slice().to_vec();
        }
        if let Some(seats) = write.seats {
            self.seats = seats.as_slice().to_vec();
        }
        for (seq, entry) in write.entries {
            self.entries.insert(seq, entry.as_slice().to_vec());
        }
        for seq in write.forgotten {
            self.entries.remove(&seq);
        }
    }
}

impl World {
    /// Something happens to the relays, or to one of them.
    pub(crate) fn befalls_relays(&mut self, deed: Deed) {
        let Some(relays) = &self.relays else { return };
        let owner = relays.memory.room.as_ref().map(|kept| kept.owner);
        let owner = owner.and_then(|owner| relays.place_of(owner)).unwrap_or(0);
        let count = relays.relays.len();
        match deed {
            Deed::OwnerDies => self.relay_dies(owner),
            Deed::RelayDies(which) => self.relay_dies(which.checked_rem(count).unwrap_or(0)),
            Deed::OwnerPauses(millis) => self.relay_stands_still(owner, millis),
            Deed::HandOver => {
                if let Some(member) = self.member(owner) {
                    self.step_of(member, Step::Leave);
                }
            }
            Deed::MemoryLost => self.memory_is_lost(),
            _ => {}
        }
    }

    /// Looked at before time moves: what takes its time while relays are sorted out is nobody's fault.
    pub(crate) fn note_unsettled(&mut self) {
        let now = self.now;
        if let Some(relays) = &mut self.relays
            && !relays.is_settled(now)
        {
            relays.unsettled_at = now;
            self.ledger.disturbed_at = now;
        }
    }

    /// Whether a room whose time was over then may have burned late.
    fn may_burn_late(&self, end: Timestamp) -> bool {
        let relays = self.relays.as_ref();
        relays.is_some_and(|relays| {
            relays.unsettled_at.plus_millis(LONG_HOP) >= end || !relays.is_settled(self.now)
        })
    }

    /// How many people and rooms the relays know of, and what they share.
    pub(crate) fn known_to_relays(&mut self) -> (usize, usize) {
        let now = self.now;
        let Some(relays) = &mut self.relays else {
            let stats = self.hub.stats();
            return (stats.rooms, stats.participants);
        };
        let expired = relays
            .memory
            .room
            .as_ref()
            .is_some_and(|kept| kept.end <= now);
        if expired {
            relays.memory.room = None;
        }
        let mut known = (usize::from(relays.memory.room.is_some()), 0_usize);
        for (place, relay) in relays.relays.iter().enumerate() {
            let hub = if place == relays.at {
                &self.hub
            } else {
                &relay.hub
            };
            let stats = hub.stats();
            known.0 = known.0.saturating_add(stats.rooms);
            if relay.fence.is_some() {
                known.1 = known.1.saturating_add(stats.participants);
            }
        }
        known
    }

    /// The next hub that is due: of one relay, or of the one there is.
    pub(crate) fn hub_due(&self) -> Option<(Timestamp, usize)> {
        match &self.relays {
            Some(relays) => relays.due(&self.hub),
            None => self.hub.poll_timeout().map(|at| (at, 0)),
        }
    }

    /// It is.
    pub(crate) fn hub_timer(&mut self, place: usize) {
        let now = self.now;
        self.turn_to(place);
        self.hub.handle_timeout(now);
        self.end_turn(place);
    }

    /// Something arrives.
    pub(crate) fn mail(&mut self, mail: Mail) {
        let now = self.now;
        self.trace.note(now, Note::Mail, 0, &[]);
        let to = match &mail {
            Mail::Done { to, .. } | Mail::Said { to, .. } => Some(*to),
            _ => None,
        };
        let place = to.and_then(|to| self.relays.as_ref()?.place_of(to));
        if to.is_some() {
            // To one that is no more.
            let Some(place) = place else { return };
            let still_until = self.relay(place).map_or(0, |relay| relay.still_until);
            if still_until > now.0 {
                return self.push(still_until, Packet::Mail(mail));
            }
        }
        let place = place.unwrap_or(0);
        match mail {
            Mail::Step { from, step } => self.memory_does(from, step),
            Mail::Done { outcome, .. } => match outcome.0 {
                Came::Kept(kept) => self.kept(place, kept),
                Came::Found(found) => self.found(place, found),
                Came::Left => {
                    self.coverage.of_relays("handed over");
                    self.let_go(place);
                }
            },
            Mail::Said { word, .. } => self.hears(place, word),
            Mail::Beat { member } => self.beats(member),
            Mail::Missed { member } => self.missed(member),
        }
    }

    fn relay_dies(&mut self, place: usize) {
        let now = self.now;
        self.trace.tell(now, format_args!("relay {place} dies"));
        self.coverage.of_relays("died");
        // The machine is gone, or only the process: then whoever is connected hears of it.
        let told = !self.network.one_in(4);
        let Some(member) = self.member(place) else {
            return;
        };
        for connection in self.replace(place) {
            if let Some(state) = self.connections.get_mut(&connection) {
                state.hub_open = false;
            }
            let at = match told {
                true => now.0,
                false => now
                    .0
                    .saturating_add(self.network.between(UNNOTICED.0, UNNOTICED.1)),
            };
            self.push(at, Packet::ClientLearnsOfClose { connection });
        }
        self.will_be_missed(member);
    }

    fn relay_stands_still(&mut self, place: usize, millis: u64) {
        let now = self.now.0;
        let Some(relay) = self.relay(place) else {
            return;
        };
        if relay.still_until > now {
            return;
        }
        let until = now.saturating_add(millis);
        relay.still_until = until;
        let member = relay.member;
        self.coverage.of_relays("stood still");
        self.will_be_missed(member);
        // What waited for it may be done before it learns that its time was over.
        let at = until.saturating_add(self.network.between(0, BEAT));
        self.push(at, Packet::Mail(Mail::Beat { member }));
    }

    fn will_be_missed(&mut self, member: Member) {
        let lease = LEASE.saturating_sub(self.network.between(0, BEAT));
        let until = self.now.0.saturating_add(lease);
        if let Some(relays) = &mut self.relays {
            relays.memory.members.insert(member, Some(until));
        }
        let at = until.saturating_add(self.network.between(0, BEAT));
        self.push(at, Packet::Mail(Mail::Missed { member }));
    }

    fn beats(&mut self, member: Member) {
        let now = self.now;
        let Some(relays) = &mut self.relays else {
            return;
        };
        let Some(place) = relays.place_of(member) else {
            return;
        };
        if relays.memory.lives(member, now) {
            relays.memory.members.insert(member, None);
        } else {
            self.coverage.of_relays("ousted");
            self.let_go(place);
        }
    }

    /// The others are told of who no longer lives.
    fn missed(&mut self, member: Member) {
        let now = self.now;
        let Some(relays) = &mut self.relays else {
            return;
        };
        if relays.memory.lives(member, now) {
            return;
        }
        relays.memory.members.remove(&member);
        let others: Vec<Member> = relays.relays.iter().map(|relay| relay.member).collect();
        for other in others.into_iter().filter(|other| *other != member) {
            self.tell(other, Word::Dead(member));
        }
    }

    /// No member any more: whoever was connected comes again, there or elsewhere.
    fn let_go(&mut self, place: usize) {
        for connection in self.replace(place) {
            self.relay_closes(connection, CloseCode::TryAgainLater);
        }
    }

    fn memory_is_lost(&mut self) {
        self.coverage.of_relays("memory lost");
        self.ledger.burned = true;
        let Some(relays) = &mut self.relays else {
            return;
        };
        relays.memory = Memory::default();
        for place in 0..relays.relays.len() {
            self.let_go(place);
        }
    }

    /// Another relay in the place of this one. Gives the connections that one had.
    fn replace(&mut self, place: usize) -> Vec<u64> {
        let now = self.now;
        self.turn_to(place);
        let Some(relays) = &mut self.relays else {
            return Vec::new();
        };
        let fresh = relays.fresh();
        relays.unsettled_at = now;
        self.ledger.disturbed_at = now;
        let Some(relay) = relays.relays.get_mut(place) else {
            return Vec::new();
        };
        let before = mem::replace(relay, fresh);
        // The hub at hand was the one before's.
        mem::swap(&mut self.hub, &mut relay.hub);
        before.connections.into_keys().collect()
    }

    /// The world's hub is that of this relay from now on.
    fn turn_to(&mut self, place: usize) {
        let Some(relays) = &mut self.relays else {
            return;
        };
        let before = mem::replace(&mut relays.at, place);
        if before == place {
            return;
        }
        if let Some(relay) = relays.relays.get_mut(before) {
            mem::swap(&mut self.hub, &mut relay.hub);
        }
        if let Some(relay) = relays.relays.get_mut(place) {
            mem::swap(&mut self.hub, &mut relay.hub);
        }
    }

    fn relay(&mut self, place: usize) -> Option<&mut Relay> {
        self.relays.as_mut()?.relays.get_mut(place)
    }

    fn member(&self, place: usize) -> Option<Member> {
        Some(self.relays.as_ref()?.relays.get(place)?.member)
    }

    fn place_of_connection(&self, connection: u64) -> Option<usize> {
        let member = self.connections.get(&connection)?.relay;
        self.relays.as_ref()?.place_of(member)
    }
}
