//! One hub, its clients, and a network between them that is made of nothing but a queue.
//!
//! One thing happens at a time: the earliest that is due, and of those due at once the one that was planned first. After
//! each of them the rules are looked at.

use std::collections::BTreeMap;
use std::rc::Rc;

use burnchat_core::client::{Client, JoinOptions, RoomSettings, plan_room};
use burnchat_core::crypto::{Name, Secret};
use burnchat_core::ids::RoomId;
use burnchat_core::link::Link;
use burnchat_core::relay::{ConnectionId, Disconnect, Hub, Limits, PeerKey};
use burnchat_core::time::Timestamp;
use burnchat_core::wire::{ClientFrame, RelayFrame, WhoMayBurn};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::coverage::Coverage;
use crate::hostile::Hostile;
use crate::insider::{self, INSIDER, Insider};
use crate::invariants::{self, Ledger};
use crate::node::Node;
use crate::rule::{Rule, Violation};
use crate::script::{Draw, Hostility, Scene};
use crate::trace::{Note, Trace};

/// Some day in 2026.
pub(crate) const START: Timestamp = Timestamp(1_790_000_000_000);

/// How long an end that has not been told takes to find out that a connection is gone, ms: pings go unanswered.
const UNNOTICED: (u64, u64) = (2_000, 15_000);

/// How many things may happen without time moving on.
const AT_ONCE: u32 = 200_000;

/// The room, its relay and everybody in it.
pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) scene: Scene,
    pub(crate) room: Room,
    pub(crate) hub: Hub,
    pub(crate) nodes: Vec<Node>,
    pub(crate) keys: ChaCha8Rng,
    pub(crate) network: Draw,
    pub(crate) hostile: Hostile,
    pub(crate) insider: Option<Insider>,
    pub(crate) ledger: Ledger,
    pub(crate) coverage: Coverage,
    pub(crate) trace: Trace,
    pub(crate) violation: Option<Violation>,
    pub(crate) connections: BTreeMap<u64, Connection>,
    queue: BTreeMap<(u64, u64), Packet>,
    order: u64,
    next_connection: u64,
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
    Hub,
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
        let mut hub = Hub::new(Limits::default(), &mut keys);
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
            nodes: Vec::new(),
            keys,
            network: Draw(ChaCha8Rng::seed_from_u64(seed ^ 0x6e65_7477)),
            hostile: Hostile::default(),
            insider: None,
            ledger: Ledger::default(),
            coverage: Coverage::default(),
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

    /// Sends one frame to the relay on a connection that is nobody's.
    pub(crate) fn send_from_nowhere(&mut self, frame: &[u8]) {
        let connection = ConnectionId(self.next_connection);
        self.next_connection = self.next_connection.saturating_add(1);
        let (now, room) = (self.now, self.room.id);
        self.hub
            .handle_connect(now, connection, PeerKey([8; 16]), room);
        self.hub
            .handle_frame(now, connection, frame, &mut self.keys);
        self.drain_hub();
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

    /// The connection of a node breaks. An end that does not know finds out some time later.
    pub(crate) fn cut(&mut self, index: usize, hub_knows: bool, client_knows: bool) {
        let Some(connection) = self.nodes.get(index).and_then(|node| node.connection) else {
            return;
        };
        let later = self.network.between(UNNOTICED.0, UNNOTICED.1);
        let later = self.now.0.saturating_add(later);
        // Nothing passes any more, in either direction.
        self.queue.retain(|_, packet| {
            !matches!(packet, Packet::ToHub { connection: on, .. } | Packet::ToClient { connection: on, .. } if *on == connection)
        });
        self.hostile.dead.insert(connection);
        if hub_knows {
            self.close_hub_side(connection, false);
        } else {
            let clean = false;
            self.push(later, Packet::HubLearnsOfClose { connection, clean });
        }
        if client_knows {
            self.close_client_side(connection);
        } else {
            self.push(later, Packet::ClientLearnsOfClose { connection });
        }
    }

    pub(crate) fn go_online(&mut self, index: usize) {
        let Some(node) = self.nodes.get_mut(index) else {
            return;
        };
        node.online = true;
        if std::mem::take(&mut node.wants_connection) {
            self.schedule_connect(index);
        }
    }

    /// The process of a node dies: nothing more comes from it.
    pub(crate) fn crash(&mut self, index: usize) {
        let hub_knows = self.network.one_in(2);
        if let Some(node) = self.nodes.get_mut(index) {
            node.crashed = true;
        }
        self.cut(index, hub_knows, true);
    }

    /// Whether nothing is on its way.
    pub(crate) fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether frames pass between a node and the relay.
    pub(crate) fn is_connected(&self, node: &Node) -> bool {
        node.connection.is_some_and(|connection| {
            !self.hostile.dead.contains(&connection)
                && self
                    .connections
                    .get(&connection)
                    .is_some_and(|both| both.client_open && both.hub_open)
        })
    }

    /// Sends a frame to the relay on the connection of a node.
    pub(crate) fn send_up(&mut self, index: usize, frame: Vec<u8>) {
        let Some(connection) = self.nodes.get(index).and_then(|node| node.connection) else {
            return;
        };
        if self.hostile.dead.contains(&connection) {
            return;
        }
        self.send_up_bytes(connection, frame);
    }

    /// Sends a frame to the relay on this connection.
    pub(crate) fn send_up_on(&mut self, connection: u64, frame: ClientFrame) {
        self.send_up_bytes(connection, frame.encode().as_bytes().to_vec());
    }

    fn send_up_bytes(&mut self, connection: u64, frame: Vec<u8>) {
        let delay = self.delay(0);
        let now = self.now.0;
        if let Some(state) = self.connections.get_mut(&connection) {
            state.last_up = state.last_up.max(now.saturating_add(delay));
            let at = state.last_up;
            self.push(at, Packet::ToHub { connection, frame });
        }
    }

    /// Sends a frame to a client on the connection it has.
    pub(crate) fn send_down(&mut self, connection: u64, frame: Rc<Down>) {
        let Some(state) = self.connections.get(&connection) else {
            return;
        };
        let slow = self.nodes.get(state.node).map_or(0, |node| node.slow);
        let delay = self.delay(slow);
        let now = self.now.0;
        if let Some(state) = self.connections.get_mut(&connection) {
            state.last_down = state.last_down.max(now.saturating_add(delay));
            let at = state.last_down;
            self.push(at, Packet::ToClient { connection, frame });
        }
    }

    /// What happens next, and when: of what is due at once the hub's timers first, then those of clients, then what
    /// travels.
    fn next(&self) -> Option<(Timestamp, Next)> {
        let hub = self.hub.poll_timeout().map(|at| (at, Next::Hub));
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
            Next::Hub => {
                self.trace.note(now, Note::HubTimer, 0, &[]);
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
            Packet::ToHub { connection, frame } => {
                let open = self.connections.get(&connection);
                if open.is_some_and(|open| open.hub_open) {
                    self.trace.note(now, Note::ToHub, connection, &frame);
                    let id = ConnectionId(connection);
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
        let outcome = node.client.handle_frame(now, &frame.bytes, &mut self.keys);
        if let (Ok(()), Some(parsed)) = (&outcome, parsed) {
            invariants::learn(&mut node.told, parsed, own, self.room.not_after);
        }
        self.coverage.read(before, parsed, outcome.is_ok());
        self.drain_client(index);
        if let Some(node) = self.nodes.get_mut(index) {
            node.told.reading = None;
        }
        if let Err(error) = outcome {
            invariants::on_error(self, index, error);
        }
        invariants::after_input(self, index);
    }

    fn connect(&mut self, index: usize) {
        let Some(node) = self.nodes.get_mut(index).filter(|node| !node.crashed) else {
            return;
        };
        if !node.online {
            node.wants_connection = true;
            return;
        }
        if node.connection.is_some() || node.told.ended.is_some() {
            return;
        }
        let peer = node.peer;
        let connection = self.open(index, peer);
        if let Some(node) = self.nodes.get_mut(index) {
            node.connection = Some(connection);
        }
        let outcome = self.act(index, |client, now, rng| client.handle_connected(now, rng));
        if let Some(Err(error)) = outcome {
            invariants::on_error(self, index, error);
        }
    }

    /// Opens a connection to the relay.
    pub(crate) fn open(&mut self, node: usize, peer: PeerKey) -> u64 {
        let connection = self.next_connection;
        self.next_connection = self.next_connection.saturating_add(1);
        let now = self.now;
        self.trace.note(now, Note::Connect, node as u64, &[]);
        let open = Connection {
            node,
            client_open: true,
            hub_open: true,
            last_up: now.0,
            last_down: now.0,
        };
        self.connections.insert(connection, open);
        self.hub
            .handle_connect(now, ConnectionId(connection), peer, self.room.id);
        self.drain_hub();
        connection
    }

    /// The client closes its connection; the relay hears of it after what was sent before.
    pub(crate) fn hang_up(&mut self, connection: u64, clean: bool) {
        let Some(state) = self.connections.get_mut(&connection) else {
            return;
        };
        state.client_open = false;
        let at = state.last_up.max(self.now.0);
        self.push(at, Packet::HubLearnsOfClose { connection, clean });
    }

    fn close_client_side(&mut self, connection: u64) {
        let Some(state) = self.connections.get_mut(&connection) else {
            return;
        };
        if !std::mem::take(&mut state.client_open) {
            return;
        }
        let index = state.node;
        if index == INSIDER {
            self.insider = None;
        }
        if let Some(node) = self.nodes.get_mut(index) {
            node.connection = None;
        }
        self.act(index, |client, now, _| client.handle_disconnected(now));
    }

    fn close_hub_side(&mut self, connection: u64, clean: bool) {
        let Some(state) = self.connections.get_mut(&connection) else {
            return;
        };
        if !std::mem::take(&mut state.hub_open) {
            return;
        }
        self.ledger.disturbed_at = self.now;
        let end = match clean {
            true => Disconnect::Clean,
            false => Disconnect::Broken,
        };
        self.hub
            .handle_disconnect(self.now, ConnectionId(connection), end);
        self.drain_hub();
    }

    pub(crate) fn schedule_connect(&mut self, node: usize) {
        // What a driver waits before it tries again, and the way there and back.
        let delay = self.delay(0).saturating_add(self.network.between(10, 500));
        self.push(self.now.0.saturating_add(delay), Packet::Connect { node });
    }

    fn delay(&mut self, more: u64) -> u64 {
        let Scene { delay, jitter, .. } = self.scene;
        let jitter = self.network.between(0, jitter);
        delay.saturating_add(jitter).saturating_add(more)
    }

    pub(crate) fn push(&mut self, at: u64, packet: Packet) {
        self.order = self.order.saturating_add(1);
        self.queue.insert((at, self.order), packet);
    }
}
