//! N clients, one hub, one clock, and a network between them that is made of nothing but a queue.
//!
//! Time moves only when [`World::run_for`] moves it. Frames take a seeded time and keep their order on a connection, as
//! on TCP. What the relay sends can be changed on its way ([`World::tamper`]): that is what a hostile relay is here.

#![allow(
    dead_code,
    reason = "each test binary uses its own part of the harness"
)]

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::ops::RangeInclusive;

use burnchat_core::client::{
    Client, EndReason, Event, JoinOptions, Output, RoomSettings, Status, plan_room,
};
use burnchat_core::crypto::{Name, ReadMessage, Secret, SecretBytes};
use burnchat_core::error::{Code, Error};
use burnchat_core::ids::{MessageId, ParticipantId, RoomId};
use burnchat_core::link::Link;
use burnchat_core::relay::{
    CloseCode, ConnectionId, Disconnect, Hub, Limits, Output as HubOutput, PeerKey,
};
use burnchat_core::time::Timestamp;
use burnchat_core::wire::http::CreateRoom;
use burnchat_core::wire::{EncodedFrame, RelayFrame, Role};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// Some day in 2026.
pub(crate) const START: Timestamp = Timestamp(1_790_000_000_000);

/// Changes what the relay sends to one client: gets the node and the frame, gives the frames to deliver.
pub(crate) type Tamper = Box<dyn FnMut(usize, &str) -> Vec<String>>;

/// Changes what one client sends to the relay: gets the node and the frame, gives the frames to deliver.
pub(crate) type TamperUp = Box<dyn FnMut(usize, &str) -> Vec<String>>;

/// The room, its relay and everybody in it.
pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) hub: Hub,
    pub(crate) nodes: Vec<Node>,
    pub(crate) rng: ChaCha8Rng,
    /// How long a frame takes, ms.
    pub(crate) delay: RangeInclusive<u64>,
    /// Every `message` frame a client sent, for checking that no key is used twice.
    pub(crate) envelopes_sent: Vec<String>,
    tamper: Option<Tamper>,
    tamper_up: Option<TamperUp>,
    strangers: BTreeMap<u64, Stranger>,
    queue: BinaryHeap<Reverse<(u64, u64, Packet)>>,
    order: u64,
    connections: BTreeMap<u64, Connection>,
    next_connection: u64,
}

/// One client and what it has told its application.
pub(crate) struct Node {
    pub(crate) client: Client,
    pub(crate) room: RoomId,
    pub(crate) events: Vec<Event>,
    pub(crate) errors: Vec<Error>,
    pub(crate) texts: Vec<Received>,
    pub(crate) accepted: Vec<MessageId>,
    pub(crate) unsent: Vec<MessageId>,
    pub(crate) unknown: Vec<MessageId>,
    pub(crate) sent: Vec<Sent>,
    /// Ids this node has had, newest last.
    pub(crate) ids: Vec<ParticipantId>,
    pub(crate) peer: PeerKey,
    /// How far its clock is ahead of the world's, ms.
    pub(crate) clock_offset: i64,
    pub(crate) online: bool,
    /// What the relay sent it.
    pub(crate) frames: Vec<String>,
    /// What it sent to the relay.
    pub(crate) sent_frames: Vec<String>,
    wants_connection: bool,
    connection: Option<u64>,
}

/// A text as a node received it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) id: MessageId,
    pub(crate) author: ParticipantId,
    pub(crate) label: String,
    pub(crate) text: String,
    pub(crate) from_history: bool,
    /// Which of its own ids the receiver had then.
    pub(crate) as_id: ParticipantId,
}

/// A text as a node wrote it.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) id: MessageId,
    pub(crate) text: String,
    pub(crate) as_id: ParticipantId,
    /// Who was on the author's roster then.
    pub(crate) audience: Vec<ParticipantId>,
}

struct Connection {
    node: usize,
    client_open: bool,
    hub_open: bool,
    last_up: u64,
    last_down: u64,
}

/// A connection without a client machine behind it: whoever holds it writes every frame by hand.
#[derive(Default)]
struct Stranger {
    frames: Vec<String>,
    closed: Option<CloseCode>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Packet {
    Connect { node: usize },
    ToHub { connection: u64, frame: Vec<u8> },
    ToClient { connection: u64, frame: Vec<u8> },
    HubLearnsOfClose { connection: u64, clean: bool },
    ClientLearnsOfClose { connection: u64 },
}

/// A room that was created.
pub(crate) struct Room {
    pub(crate) link: String,
    pub(crate) pin: String,
    pub(crate) creator_token: Secret<32>,
    pub(crate) id: RoomId,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self::with_limits(seed, Limits::default())
    }

    pub(crate) fn with_limits(seed: u64, limits: Limits) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let hub = Hub::new(limits, &mut rng);
        Self {
            now: START,
            hub,
            nodes: Vec::new(),
            rng,
            delay: 5..=40,
            envelopes_sent: Vec::new(),
            tamper: None,
            tamper_up: None,
            strangers: BTreeMap::new(),
            queue: BinaryHeap::new(),
            order: 0,
            connections: BTreeMap::new(),
            next_connection: 1,
        }
    }

    /// Creates a room.
    pub(crate) fn create(&mut self, settings: RoomSettings) -> Room {
        let (request, link) = self.plan(settings);
        self.host(&request, &link)
    }

    /// Plans a room without asking the relay for it.
    pub(crate) fn plan(&mut self, settings: RoomSettings) -> (CreateRoom, Link) {
        plan_room("https://relay.example", settings, self.now, &mut self.rng).unwrap()
    }

    /// Has the relay make a room that was planned.
    pub(crate) fn host(&mut self, request: &CreateRoom, link: &Link) -> Room {
        let created = self
            .hub
            .handle_create(self.now, PeerKey([9; 16]), request, &mut self.rng)
            .unwrap();
        assert_eq!(created.room_id, link.room_id());
        Room {
            link: link.to_url().to_string(),
            pin: String::from_utf8(created.pin.0.as_slice().to_vec()).unwrap(),
            creator_token: created.creator_token,
            id: created.room_id,
        }
    }

    /// A ten-minute room without history.
    pub(crate) fn create_plain(&mut self) -> Room {
        self.create(RoomSettings::default())
    }

    /// Adds a client that joins by `link`. It connects when time moves.
    pub(crate) fn add(&mut self, link: &str, name: &str, options: JoinOptions) -> usize {
        let link = Link::parse(link).unwrap();
        let room = link.room_id();
        let options = JoinOptions {
            name: Some(Name::new(name).unwrap()),
            ..options
        };
        let client = Client::new(link, options, &mut self.rng);
        let index = self.nodes.len();
        let mut peer = [0; 16];
        peer[..8].copy_from_slice(&(index as u64 + 1).to_be_bytes());
        self.nodes.push(Node {
            client,
            room,
            events: Vec::new(),
            errors: Vec::new(),
            texts: Vec::new(),
            accepted: Vec::new(),
            unsent: Vec::new(),
            unknown: Vec::new(),
            sent: Vec::new(),
            ids: Vec::new(),
            peer: PeerKey(peer),
            clock_offset: 0,
            online: true,
            frames: Vec::new(),
            sent_frames: Vec::new(),
            wants_connection: false,
            connection: None,
        });
        self.drain_client(index);
        index
    }

    pub(crate) fn join(&mut self, room: &Room, name: &str) -> usize {
        let link = room.link.clone();
        self.add(&link, name, JoinOptions::default())
    }

    pub(crate) fn join_as_creator(&mut self, room: &Room, name: &str) -> usize {
        let link = room.link.clone();
        let creator_token = Some(Secret::copy_of(room.creator_token.as_bytes()));
        self.add(
            &link,
            name,
            JoinOptions {
                creator_token,
                ..JoinOptions::default()
            },
        )
    }

    pub(crate) fn join_with_pin(&mut self, room: &Room, name: &str, pin: &str) -> usize {
        let link = room.link.clone();
        let pin = Some(SecretBytes::copy_of(pin.as_bytes()));
        self.add(
            &link,
            name,
            JoinOptions {
                pin,
                ..JoinOptions::default()
            },
        )
    }

    /// A room with a creator and others, all joined and keyed.
    pub(crate) fn room_of(&mut self, settings: RoomSettings, names: &[&str]) -> Room {
        let room = self.create(settings);
        for (place, name) in names.iter().enumerate() {
            if place == 0 {
                self.join_as_creator(&room, name);
            } else {
                self.join(&room, name);
            }
            self.run_for(400);
        }
        self.run_for(2_000);
        for node in &self.nodes {
            assert_eq!(node.client.status(), Status::Joined, "{:?}", node.events);
            assert_eq!(
                node.client.epoch().map(|(_, id)| id),
                node.client.head(),
                "everyone is keyed"
            );
        }
        room
    }

    /// Lets `tamper` change what the relay sends from now on.
    pub(crate) fn tamper(&mut self, tamper: impl FnMut(usize, &str) -> Vec<String> + 'static) {
        self.tamper = Some(Box::new(tamper));
    }

    /// Lets `tamper` change what reaches the relay's log from now on.
    pub(crate) fn tamper_up(&mut self, tamper: impl FnMut(usize, &str) -> Vec<String> + 'static) {
        self.tamper_up = Some(Box::new(tamper));
    }

    /// The relay is honest again.
    pub(crate) fn stop_tampering(&mut self) {
        self.tamper = None;
        self.tamper_up = None;
    }

    /// Opens a connection by hand. What is sent on it arrives at once, both ways.
    pub(crate) fn connect_stranger(&mut self, room: RoomId, peer: PeerKey) -> u64 {
        let connection = self.next_connection;
        self.next_connection += 1;
        self.strangers.insert(connection, Stranger::default());
        self.hub
            .handle_connect(self.now, ConnectionId(connection), peer, room);
        self.drain_hub();
        connection
    }

    pub(crate) fn send_as_stranger(&mut self, connection: u64, frame: &[u8]) {
        self.hub
            .handle_frame(self.now, ConnectionId(connection), frame, &mut self.rng);
        self.drain_hub();
    }

    pub(crate) fn disconnect_stranger(&mut self, connection: u64, end: Disconnect) {
        self.hub
            .handle_disconnect(self.now, ConnectionId(connection), end);
        self.drain_hub();
    }

    /// Everything the relay has sent on a connection opened by hand.
    pub(crate) fn told_stranger(&self, connection: u64) -> &[String] {
        &self.strangers[&connection].frames
    }

    /// How the relay closed a connection opened by hand.
    pub(crate) fn closed_on_stranger(&self, connection: u64) -> Option<CloseCode> {
        self.strangers[&connection].closed
    }

    pub(crate) fn send(&mut self, node: usize, text: &str) -> MessageId {
        self.try_send(node, text, 0).unwrap()
    }

    pub(crate) fn try_send(
        &mut self,
        node: usize,
        text: &str,
        burn_after_ms: u32,
    ) -> Result<MessageId, Error> {
        let audience = self.nodes[node]
            .client
            .participants()
            .iter()
            .map(|participant| participant.id)
            .collect();
        let as_id = self.nodes[node].client.id();
        let id = self.act(node, |client, now, rng| {
            client.send_text(now, text, burn_after_ms, rng)
        })?;
        let as_id = as_id.unwrap();
        self.nodes[node].sent.push(Sent {
            id,
            text: text.into(),
            as_id,
            audience,
        });
        Ok(id)
    }

    pub(crate) fn read(&mut self, node: usize, author: ParticipantId, id: MessageId) {
        let read = [ReadMessage { sender: author, id }];
        self.act(node, |client, now, rng| client.mark_read(now, &read, rng))
            .unwrap();
    }

    /// Calls the machine of `node` and carries out what it says.
    pub(crate) fn act<T>(
        &mut self,
        node: usize,
        act: impl FnOnce(&mut Client, Timestamp, &mut ChaCha8Rng) -> T,
    ) -> T {
        let now = self.clock_of(node);
        let outcome = act(&mut self.nodes[node].client, now, &mut self.rng);
        self.drain_client(node);
        outcome
    }

    pub(crate) fn clock_of(&self, node: usize) -> Timestamp {
        Timestamp(
            self.now
                .0
                .checked_add_signed(self.nodes[node].clock_offset)
                .unwrap(),
        )
    }

    /// The connection of `node` breaks; both ends know at once. It connects again when time moves, if it is online.
    pub(crate) fn cut(&mut self, node: usize) {
        if let Some(connection) = self.nodes[node].connection {
            self.close_hub_side(connection, false);
            self.close_client_side(connection);
        }
    }

    /// The connection of `node` breaks, and only the client knows.
    pub(crate) fn cut_half_open(&mut self, node: usize) {
        if let Some(connection) = self.nodes[node].connection {
            self.close_client_side(connection);
        }
    }

    /// The network of `node` is gone until [`World::go_online`].
    pub(crate) fn go_offline(&mut self, node: usize) {
        self.nodes[node].online = false;
        self.cut(node);
    }

    pub(crate) fn go_online(&mut self, node: usize) {
        self.nodes[node].online = true;
        if std::mem::take(&mut self.nodes[node].wants_connection) {
            self.schedule_connect(node);
        }
    }

    /// The process of `node` dies: nothing more comes from it, and it says nothing.
    pub(crate) fn crash(&mut self, node: usize) {
        self.go_offline(node);
    }

    /// Delivers a frame to a client as if it came from the relay, out of turn.
    pub(crate) fn inject(&mut self, node: usize, frame: &str) -> Result<(), Error> {
        self.inject_bytes(node, frame.as_bytes())
    }

    /// As [`World::inject`], whatever the bytes.
    pub(crate) fn inject_bytes(&mut self, node: usize, frame: &[u8]) -> Result<(), Error> {
        self.act(node, |client, now, rng| {
            client.handle_frame(now, frame, rng)
        })
    }

    /// Takes a seat with `link` and does nothing with it but hold it: a connection of no node's.
    pub(crate) fn hold_seat_with(&mut self, link: &Link, name: &str) {
        let link = Link::parse(&link.to_url()).unwrap();
        let room = link.room_id();
        let options = JoinOptions {
            name: Some(Name::new(name).unwrap()),
            ..JoinOptions::default()
        };
        let mut client = Client::new(link, options, &mut self.rng);
        client.handle_connected(self.now, &mut self.rng).unwrap();
        let connection = ConnectionId(self.next_connection);
        self.next_connection += 1;
        self.hub
            .handle_connect(self.now, connection, PeerKey([8; 16]), room);
        while let Some(output) = client.poll_output() {
            if let Output::Send(frame) = output {
                let frame = frame.as_bytes();
                self.hub
                    .handle_frame(self.now, connection, frame, &mut self.rng);
            }
        }
        self.drain_hub();
    }

    /// Sends a frame to the relay as if a client sent it.
    pub(crate) fn inject_to_hub(&mut self, node: usize, frame: &[u8]) {
        let connection = self.nodes[node].connection.expect("connected");
        self.hub
            .handle_frame(self.now, ConnectionId(connection), frame, &mut self.rng);
        self.drain_hub();
    }

    /// Moves time on by this many milliseconds, and lets everything happen that is due.
    pub(crate) fn run_for(&mut self, millis: u64) {
        let until = self.now.plus_millis(millis);
        let mut steps = 0_u32;
        while let Some(at) = self.next_due().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.step();
            steps += 1;
            assert!(steps < 2_000_000, "the machines do not come to rest");
        }
        self.now = until;
    }

    pub(crate) fn labels(&self, node: usize) -> Vec<String> {
        self.nodes[node]
            .client
            .participants()
            .iter()
            .map(|participant| participant.label())
            .collect()
    }

    pub(crate) fn texts(&self, node: usize) -> Vec<&str> {
        self.nodes[node]
            .texts
            .iter()
            .map(|received| received.text.as_str())
            .collect()
    }

    pub(crate) fn id(&self, node: usize) -> ParticipantId {
        self.nodes[node].client.id().expect("joined")
    }

    pub(crate) fn ended(&self, node: usize) -> Option<EndReason> {
        match self.nodes[node].client.status() {
            Status::Ended(reason) => Some(reason),
            _ => None,
        }
    }

    pub(crate) fn has_event(&self, node: usize, wanted: impl Fn(&Event) -> bool) -> bool {
        self.nodes[node].events.iter().any(wanted)
    }

    pub(crate) fn has_fault(&self, node: usize, code: Code) -> bool {
        self.has_event(
            node,
            |event| matches!(event, Event::Fault { error, .. } if error.code() == code),
        ) || self.nodes[node]
            .errors
            .iter()
            .any(|error| error.code() == code)
    }

    pub(crate) fn is_creator(&self, node: usize) -> bool {
        self.nodes[node].client.role() == Some(Role::Creator)
    }

    /// Everyone joined is keyed for the same epoch and shows the same codes.
    pub(crate) fn assert_agreement(&self) {
        let mut seen: BTreeMap<RoomId, (usize, String)> = BTreeMap::new();
        for (index, node) in self.nodes.iter().enumerate() {
            if node.client.status() != Status::Joined {
                continue;
            }
            let codes = node.client.verification().unwrap();
            let state = format!(
                "head {:?} version {:?} code {} number {}",
                node.client.head(),
                node.client.roster_version(),
                codes.short_code(),
                codes.safety_number()
            );
            if let Some((other, agreed)) = seen.get(&node.room) {
                assert_eq!(&state, agreed, "node {index} and node {other} disagree");
            } else {
                seen.insert(node.room, (index, state));
            }
        }
    }

    fn next_due(&self) -> Option<Timestamp> {
        let packet = self.queue.peek().map(|Reverse((at, ..))| Timestamp(*at));
        let hub = self.hub.poll_timeout();
        let clients = self.nodes.iter().filter_map(|node| {
            let at = node.client.poll_timeout()?;
            Some(Timestamp(at.0.saturating_add_signed(-node.clock_offset)))
        });
        [packet, hub].into_iter().flatten().chain(clients).min()
    }

    fn step(&mut self) {
        if self.hub.poll_timeout().is_some_and(|at| at <= self.now) {
            self.hub.handle_timeout(self.now);
            self.drain_hub();
        }
        for node in 0..self.nodes.len() {
            let now = self.clock_of(node);
            if self.nodes[node]
                .client
                .poll_timeout()
                .is_some_and(|at| at <= now)
            {
                self.act(node, |client, now, rng| client.handle_timeout(now, rng));
            }
        }
        while let Some(Reverse((at, ..))) = self.queue.peek()
            && *at <= self.now.0
        {
            let Reverse((_, _, packet)) = self.queue.pop().unwrap();
            self.deliver(packet);
        }
    }

    fn deliver(&mut self, packet: Packet) {
        match packet {
            Packet::Connect { node } => self.connect(node),
            Packet::ToHub { connection, frame } => {
                if self
                    .connections
                    .get(&connection)
                    .is_some_and(|connection| connection.hub_open)
                {
                    self.hub.handle_frame(
                        self.now,
                        ConnectionId(connection),
                        &frame,
                        &mut self.rng,
                    );
                    self.drain_hub();
                }
            }
            Packet::ToClient { connection, frame } => {
                let Some(node) = self
                    .connections
                    .get(&connection)
                    .filter(|c| c.client_open)
                    .map(|c| c.node)
                else {
                    return;
                };
                let outcome = self.act(node, |client, now, rng| {
                    client.handle_frame(now, &frame, rng)
                });
                self.nodes[node].errors.extend(outcome.err());
            }
            Packet::HubLearnsOfClose { connection, clean } => {
                self.close_hub_side(connection, clean)
            }
            Packet::ClientLearnsOfClose { connection } => self.close_client_side(connection),
        }
    }

    fn connect(&mut self, node: usize) {
        if !self.nodes[node].online {
            self.nodes[node].wants_connection = true;
            return;
        }
        let connection = self.next_connection;
        self.next_connection += 1;
        let now = self.now.0;
        self.connections.insert(
            connection,
            Connection {
                node,
                client_open: true,
                hub_open: true,
                last_up: now,
                last_down: now,
            },
        );
        self.nodes[node].connection = Some(connection);
        let (peer, room) = (self.nodes[node].peer, self.nodes[node].room);
        self.hub
            .handle_connect(self.now, ConnectionId(connection), peer, room);
        self.drain_hub();
        let outcome = self.act(node, |client, now, rng| client.handle_connected(now, rng));
        self.nodes[node].errors.extend(outcome.err());
    }

    fn close_client_side(&mut self, connection: u64) {
        let Some(state) = self.connections.get_mut(&connection) else {
            return;
        };
        if !std::mem::take(&mut state.client_open) {
            return;
        }
        let node = state.node;
        self.nodes[node].connection = None;
        self.act(node, |client, now, _| client.handle_disconnected(now));
    }

    fn close_hub_side(&mut self, connection: u64, clean: bool) {
        let Some(state) = self.connections.get_mut(&connection) else {
            return;
        };
        if std::mem::take(&mut state.hub_open) {
            let end = if clean {
                Disconnect::Clean
            } else {
                Disconnect::Broken
            };
            self.hub
                .handle_disconnect(self.now, ConnectionId(connection), end);
            self.drain_hub();
        }
    }

    fn drain_hub(&mut self) {
        while let Some(output) = self.hub.poll_output() {
            match output {
                HubOutput::Send { to, frame } => {
                    for ConnectionId(connection) in to {
                        self.send_down(connection, &frame);
                    }
                }
                HubOutput::Close {
                    connection: ConnectionId(connection),
                    code,
                } => {
                    if let Some(stranger) = self.strangers.get_mut(&connection) {
                        stranger.closed = Some(code);
                    }
                    let Some(state) = self.connections.get_mut(&connection) else {
                        continue;
                    };
                    state.hub_open = false;
                    let at = self.now.0.max(state.last_down);
                    self.push(at, Packet::ClientLearnsOfClose { connection });
                }
                HubOutput::Burned { .. } => {}
            }
        }
    }

    fn send_down(&mut self, connection: u64, frame: &EncodedFrame) {
        if let Some(stranger) = self.strangers.get_mut(&connection) {
            assert_eq!(stranger.closed, None, "the hub sends where it has closed");
            stranger.frames.push(frame.as_str().to_owned());
            return;
        }
        let Some(state) = self.connections.get(&connection) else {
            // A seat that only the relay knows of.
            return;
        };
        assert!(
            state.hub_open,
            "the hub sends on a connection it has closed"
        );
        let node = state.node;
        let mut frames = vec![frame.as_str().to_owned()];
        if let Some(tamper) = &mut self.tamper {
            frames = tamper(node, frame.as_str());
        }
        self.nodes[node].frames.extend(frames.iter().cloned());
        for frame in frames {
            assert!(RelayFrame::parse(frame.as_bytes()).is_ok() || self.tamper.is_some());
            let delay = self.random_delay();
            let now = self.now.0;
            let state = self.connections.get_mut(&connection).unwrap();
            state.last_down = state.last_down.max(now + delay);
            let at = state.last_down;
            self.push(
                at,
                Packet::ToClient {
                    connection,
                    frame: frame.into_bytes(),
                },
            );
        }
    }

    fn send_up(&mut self, connection: u64, frame: Vec<u8>) {
        let delay = self.random_delay();
        let now = self.now.0;
        let state = self.connections.get_mut(&connection).unwrap();
        state.last_up = state.last_up.max(now + delay);
        let at = state.last_up;
        self.push(at, Packet::ToHub { connection, frame });
    }

    fn drain_client(&mut self, node: usize) {
        while let Some(output) = self.nodes[node].client.poll_output() {
            match output {
                Output::Connect => self.schedule_connect(node),
                Output::Send(frame) => {
                    if frame.as_str().contains("\"type\":\"message\"") {
                        self.envelopes_sent.push(frame.as_str().to_owned());
                    }
                    let Some(connection) = self.nodes[node].connection else {
                        continue;
                    };
                    self.nodes[node].sent_frames.push(frame.as_str().to_owned());
                    let frames = match &mut self.tamper_up {
                        Some(tamper) => tamper(node, frame.as_str()),
                        None => vec![frame.as_str().to_owned()],
                    };
                    for frame in frames {
                        self.send_up(connection, frame.into_bytes());
                    }
                }
                Output::Close(code) => {
                    let Some(connection) = self.nodes[node].connection.take() else {
                        continue;
                    };
                    let state = self.connections.get_mut(&connection).unwrap();
                    state.client_open = false;
                    let at = state.last_up.max(self.now.0);
                    self.push(
                        at,
                        Packet::HubLearnsOfClose {
                            connection,
                            clean: code == 1000 || code == 1001,
                        },
                    );
                }
                Output::Event(event) => self.note(node, event),
                other => panic!("an output the harness does not know: {other:?}"),
            }
        }
    }

    fn note(&mut self, node: usize, event: Event) {
        let as_id = self.nodes[node].client.id();
        let node = &mut self.nodes[node];
        match &event {
            Event::Joined { id, .. } => node.ids.push(*id),
            Event::Accepted { id } => node.accepted.push(*id),
            Event::Unsent { id, .. } => node.unsent.push(*id),
            Event::Unknown { id, .. } => node.unknown.push(*id),
            Event::Message(message) => node.texts.push(Received {
                id: message.id,
                author: message.author.id,
                label: message.author.label(),
                text: message.text.as_str().to_owned(),
                from_history: message.from_history,
                as_id: as_id.expect("a text arrives at one who has joined"),
            }),
            _ => {}
        }
        node.events.push(event);
    }

    fn schedule_connect(&mut self, node: usize) {
        let delay = self.random_delay();
        let at = self.now.0 + delay;
        self.push(at, Packet::Connect { node });
    }

    fn push(&mut self, at: u64, packet: Packet) {
        self.order += 1;
        self.queue.push(Reverse((at, self.order, packet)));
    }

    fn random_delay(&mut self) -> u64 {
        let span = self.delay.end() - self.delay.start() + 1;
        self.delay.start() + self.rng.next_u64() % span
    }
}
