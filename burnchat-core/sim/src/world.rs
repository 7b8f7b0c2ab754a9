//! One hub or several, their clients, and a network between them that is made of nothing but a queue.
//!
//! One thing happens at a time: the earliest that is due, and of those due at once the one that was planned first. After
//! each of them the rules are looked at.

use std::collections::BTreeMap;
use std::rc::Rc;

use burnchat_core::client::{Client, JoinOptions, RoomSettings, plan_room};
use burnchat_core::crypto::{Name, Secret};
use burnchat_core::ids::RoomId;
use burnchat_core::link::Link;
use burnchat_core::relay::{ConnectionId, Hub, Limits, PeerKey};
use burnchat_core::time::Timestamp;
use burnchat_core::wire::{RelayFrame, WhoMayBurn};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::coverage::Coverage;
use crate::hostile::Hostile;
use crate::insider::{self, INSIDER, Insider};
use crate::invariants::{self, Ledger};
use crate::node::Node;
use crate::observed::{Input, OfHub};
use crate::relays::{Mail, Relays};
use crate::rule::{Rule, Violation};
use crate::script::{Draw, Hostility, Scene};
use crate::trace::{Note, Trace};

/// Some day in 2026.
pub(crate) const START: Timestamp = Timestamp(1_790_000_000_000);

/// How many things may happen without time moving on.
const AT_ONCE: u32 = 200_000;

/// The room, its relay and everybody in it.
pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) scene: Scene,
    pub(crate) room: Room,
    /// Of several relays, that of the one whose turn it is.
    pub(crate) hub: Hub,
    pub(crate) relays: Option<Box<Relays>>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) keys: ChaCha8Rng,
    pub(crate) network: Draw,
    pub(crate) hostile: Hostile,
    pub(crate) insider: Option<Insider>,
    pub(crate) ledger: Ledger,
    pub(crate) coverage: Coverage,
    pub(crate) of_hub: OfHub,
    pub(crate) trace: Trace,
    pub(crate) violation: Option<Violation>,
    pub(crate) connections: BTreeMap<u64, Connection>,
    pub(crate) queue: BTreeMap<(u64, u64), Packet>,
    order: u64,
    pub(crate) next_connection: u64,
    frames: u64,
    at_once: u32,
}

/// What whoever made the room knows of it.
pub(crate) struct Room {
    pub(crate) id: RoomId,
    pub(crate) link: String,
    pub(crate) pin: Vec<u8>,
    pub(crate) creator_token: Secret<32>,
    pub(crate) not_after: Timestamp,
}

pub(crate) struct Connection {
    pub(crate) node: usize,
    /// Of several relays, the one it came to.
    pub(crate) relay: u64,
    pub(crate) client_open: bool,
    pub(crate) hub_open: bool,
    pub(crate) last_up: u64,
    pub(crate) last_down: u64,
}

pub(crate) enum Packet {
    Connect { node: usize },
    ToHub { connection: u64, frame: Vec<u8> },
    ToClient { connection: u64, frame: Rc<Down> },
    HubLearnsOfClose { connection: u64, clean: bool },
    ClientLearnsOfClose { connection: u64 },
    Mail(Mail),
}

/// A frame on its way to clients, read once for all of them.
pub(crate) struct Down {
    /// Its place among all of them.
    pub(crate) number: u64,
    pub(crate) bytes: Vec<u8>,
    pub(crate) parsed: Option<RelayFrame>,
}

/// What happens next.
enum Next {
    Hub(usize),
    Client(usize),
    Packet,
}

impl World {
    /// A room and nobody in it.
    ///
    /// # Errors
    /// What the relay, or the planning, refused.
    pub(crate) fn new(seed: u64, scene: Scene, story: bool) -> Result<Self, String> {
        let mut keys = ChaCha8Rng::seed_from_u64(seed ^ 0x6b65_7973);
        let shared = (scene.relays > 1).then(|| Secret::random(&mut keys));
        let mut hub = match &shared {
            Some(key) => Relays::hub(key),
            None => Hub::new(Limits::default(), &mut keys),
        };
        let capacity = u16::try_from(scene.people.clamp(2, 256)).unwrap_or(256);
        let settings = RoomSettings {
            ttl_seconds: scene.ttl_seconds,
            extension_seconds: scene.extension_seconds,
            capacity,
            history: scene.history,
            burn: match scene.anyone_burns {
                true => WhoMayBurn::Anyone,
                false => WhoMayBurn::Creator,
            },
        };
        let (request, link) = plan_room("https://relay.example", settings, START, &mut keys)
            .map_err(|error| error.to_string())?;
        let created = hub
            .handle_create(START, PeerKey([9; 16]), &request, &mut keys)
            .map_err(|refusal| refusal.to_string())?;
        let end = START.plus_seconds(scene.ttl_seconds);
        let relays = shared.map(|key| Box::new(Relays::new(scene.relays, key, &mut hub, end)));
        let room = Room {
            id: created.room_id,
            not_after: link.not_after(),
            link: link.to_url().to_string(),
            pin: created.pin.0.as_slice().to_vec(),
            creator_token: created.creator_token,
        };
        Ok(Self {
            now: START,
            scene,
            room,
            hub,
            relays,
            nodes: Vec::new(),
            keys,
            network: Draw(ChaCha8Rng::seed_from_u64(seed ^ 0x6e65_7477)),
            hostile: Hostile::default(),
            insider: None,
            ledger: Ledger::default(),
            coverage: Coverage::default(),
            of_hub: OfHub::default(),
            trace: Trace::new(START, story),
            violation: None,
            connections: BTreeMap::new(),
            queue: BTreeMap::new(),
            order: 0,
            next_connection: 1,
            frames: 0,
            at_once: 0,
        })
    }

    /// Adds a client that joins by `link`; it connects when time moves.
    pub(crate) fn add(&mut self, link: &str, options: JoinOptions) -> Option<usize> {
        let link = Link::parse(link).ok()?;
        let index = self.nodes.len();
        let name = format!("p{index}");
        let options = JoinOptions {
            name: Name::new(&name).ok(),
            ..options
        };
        let client = Client::new(link, options, &mut self.keys);
        let skew = i64::try_from(self.scene.skew).unwrap_or(0);
        let drawn = i64::try_from(self.network.between(0, self.scene.skew.saturating_mul(2)));
        let ahead = drawn.unwrap_or(0).saturating_sub(skew);
        self.nodes
            .push(Node::new(client, &name, index as u64, ahead));
        self.drain_client(index);
        Some(index)
    }

    /// Notes that a rule did not hold, unless the relay is hostile and the rule presumes that it is not.
    pub(crate) fn broken(&mut self, rule: Rule, what: String) {
        let presumed = self.scene.hostility == Hostility::Relay && !self.hostile.harmless();
        if self.violation.is_none() && (!presumed || rule.holds_with_a_hostile_relay()) {
            let now = self.now;
            self.trace
                .add(now, Note::Violation, rule as u64, what.as_bytes());
            self.trace.tell(now, format_args!("VIOLATION {what}"));
            let at = self.now;
            self.violation = Some(Violation { rule, at, what });
        }
    }

    /// As [`World::broken`], of one client: the hostile participant is promised no more than with a hostile relay.
    pub(crate) fn broken_at(&mut self, index: usize, rule: Rule, what: String) {
        if !self.is_apart(index) || rule.holds_with_a_hostile_relay() {
            self.broken(rule, what);
        }
    }

    /// Whether a client is none of those whom an honest relay owes something: it is hostile, or holds another secret.
    pub(crate) fn is_apart(&self, index: usize) -> bool {
        self.hostile.is(index) || self.nodes.get(index).is_some_and(|node| node.stranger)
    }

    /// Moves time on by this many milliseconds, and lets everything happen that is due, until a rule is broken.
    pub(crate) fn run_for(&mut self, millis: u64) {
        let until = self.now.plus_millis(millis);
        while self.violation.is_none() {
            let Some((at, next)) = self.next().filter(|(at, _)| *at <= until) else {
                break;
            };
            if at > self.now {
                invariants::before_time_moves(self);
                self.now = at;
                self.at_once = 0;
            }
            self.at_once = self.at_once.saturating_add(1);
            if self.at_once > AT_ONCE {
                self.broken(Rule::Bounded, "the machines do not come to rest".into());
            }
            self.step(next);
        }
        self.now = self.now.max(until);
    }

    /// Calls the machine of a node and carries out what it says.
    pub(crate) fn act<T>(
        &mut self,
        index: usize,
        act: impl FnOnce(&mut Client, Timestamp, &mut ChaCha8Rng) -> T,
    ) -> Option<T> {
        let node = self.nodes.get_mut(index).filter(|node| !node.crashed)?;
        let now = node.clock(self.now);
        node.told.clock.advance(now);
        let outcome = act(&mut node.client, now, &mut self.keys);
        self.drain_client(index);
        invariants::after_input(self, index);
        Some(outcome)
    }

    /// Whether nothing is on its way.
    pub(crate) fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }

    /// What happens next, and when: of what is due at once the hub's timers first, then those of clients, then what
    /// travels.
    fn next(&self) -> Option<(Timestamp, Next)> {
        let hub = self.hub_due().map(|(at, place)| (at, Next::Hub(place)));
        let mut first = hub.map(|(at, next)| (at.max(self.now), next));
        let mut consider = |at: Timestamp, next: Next| {
            let at = at.max(self.now);
            if first.as_ref().is_none_or(|(earliest, _)| at < *earliest) {
                first = Some((at, next));
            }
        };
        for (index, node) in self.nodes.iter().enumerate() {
            if let Some(at) = node.due() {
                consider(at, Next::Client(index));
            }
        }
        if let Some(((at, _), _)) = self.queue.first_key_value() {
            consider(Timestamp(*at), Next::Packet);
        }
        first
    }

    fn step(&mut self, next: Next) {
        let now = self.now;
        match next {
            Next::Hub(place) => {
                self.trace.note(now, Note::HubTimer, place as u64, &[]);
                if self.relays.is_some() {
                    return self.hub_timer(place);
                }
                self.of_hub.input = Input::Timer;
                self.hub.handle_timeout(now);
                self.drain_hub();
            }
            Next::Client(index) => {
                self.trace.note(now, Note::ClientTimer, index as u64, &[]);
                self.act(index, |client, now, rng| client.handle_timeout(now, rng));
            }
            Next::Packet => {
                if let Some((_, packet)) = self.queue.pop_first() {
                    self.deliver(packet);
                }
            }
        }
    }

    fn deliver(&mut self, packet: Packet) {
        let now = self.now;
        match packet {
            Packet::Connect { node } => self.connect(node),
            Packet::ToHub { connection, frame } if self.relays.is_some() => {
                self.came_to_edge(connection, frame);
            }
            Packet::ToHub { connection, frame } => {
                let open = self.connections.get(&connection);
                if open.is_some_and(|open| open.hub_open) {
                    self.trace.note(now, Note::ToHub, connection, &frame);
                    let id = ConnectionId(connection);
                    self.of_hub.input = Input::of_frame(&frame);
                    self.hub.handle_frame(now, id, &frame, &mut self.keys);
                    self.drain_hub();
                }
            }
            Packet::ToClient { connection, frame } => {
                let open = self.connections.get(&connection);
                if let Some(node) = open.filter(|open| open.client_open).map(|open| open.node) {
                    let number = frame.number.to_be_bytes();
                    self.trace.note(now, Note::ToClient, connection, &number);
                    if let (INSIDER, Some(parsed)) = (node, &frame.parsed) {
                        insider::reads(self, parsed);
                        return;
                    }
                    self.client_reads(node, &frame);
                }
            }
            Packet::HubLearnsOfClose { connection, clean } => {
                self.close_hub_side(connection, clean);
            }
            Packet::ClientLearnsOfClose { connection } => self.close_client_side(connection),
            Packet::Mail(mail) => self.mail(mail),
        }
    }

    /// A frame that goes to clients.
    pub(crate) fn frame_down(&mut self, bytes: Vec<u8>) -> Rc<Down> {
        self.frames = self.frames.saturating_add(1);
        let number = self.frames;
        self.trace.add(self.now, Note::Frame, number, &bytes);
        let parsed = RelayFrame::parse(&bytes).ok().flatten();
        Rc::new(Down {
            number,
            bytes,
            parsed,
        })
    }

    fn client_reads(&mut self, index: usize, frame: &Down) {
        let parsed = frame.parsed.as_ref();
        let Some(node) = self.nodes.get_mut(index).filter(|node| !node.crashed) else {
            return;
        };
        let now = node.clock(self.now);
        let own = node.told.clock.advance(now);
        let before = node.client.status();
        node.told.reading = match parsed {
            Some(RelayFrame::Message(envelope)) => Some(envelope.epoch),
            _ => None,
        };
        node.told.reading_key_of = match parsed {
            Some(RelayFrame::SessionKey(key)) => Some(key.steward),
            _ => None,
        };
        let outcome = node.client.handle_frame(now, &frame.bytes, &mut self.keys);
        if let (Ok(()), Some(parsed)) = (&outcome, parsed) {
            invariants::learn(&mut node.told, parsed, own, self.room.not_after);
        }
        self.coverage.read(before, parsed, outcome.is_ok());
        self.drain_client(index);
        if let Some(node) = self.nodes.get_mut(index) {
            (node.told.reading, node.told.reading_key_of) = (None, None);
        }
        if let Err(error) = outcome {
            invariants::on_error(self, index, error);
        }
        invariants::after_input(self, index);
    }

    pub(crate) fn push(&mut self, at: u64, packet: Packet) {
        self.order = self.order.saturating_add(1);
        self.queue.insert((at, self.order), packet);
    }
}
