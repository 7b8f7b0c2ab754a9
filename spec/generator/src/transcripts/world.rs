//! A hub, clients, and a network that takes ten milliseconds.

use std::{cmp::Reverse, collections::BinaryHeap, convert::Infallible};

use burnchat_core::{
    client::{Client, JoinOptions, Output, RoomSettings, plan_room},
    crypto::{Name, Secret, sha256},
    error::{Code, Error},
    ids::ParticipantId,
    link::Link,
    relay::{ConnectionId, Disconnect, Hub, Limits, Output as HubOutput, PeerKey},
    time::Timestamp,
    wire::{ClientFrame, RelayFrame},
};
use p256::ecdsa::signature::rand_core::{TryCryptoRng, TryRng, utils};

use super::record::Record;
use crate::cast::NOT_AFTER;

/// How long a frame takes, ms.
const DELAY: u64 = 10;

/// One room, its relay and everybody in it.
pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) people: Vec<Someone>,
    pub(crate) link: String,
    record: Option<Record>,
    hub: Hub,
    rng: Stream,
    creator_token: Secret<32>,
    queue: BinaryHeap<Reverse<(u64, u64, Packet)>>,
    order: u64,
    connections: u64,
}

/// One participant.
pub(crate) struct Someone {
    pub(crate) client: Client,
    rng: Stream,
    connection: Option<u64>,
    /// Its key frames do not arrive.
    pub(crate) mute: bool,
    online: bool,
    wants_connection: bool,
    follower: bool,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Packet {
    Connect { who: usize },
    Up { connection: u64, frame: Vec<u8> },
    Down { connection: u64, frame: String },
    ClosedBelow { connection: u64, clean: bool },
    ClosedAbove { connection: u64 },
}

impl World {
    /// A relay with one room, that its creator has not yet joined.
    pub(crate) fn new(story: &str, settings: RoomSettings) -> Self {
        let mut rng = Stream::new(story);
        let now = Timestamp((u64::from(NOT_AFTER) - 1_440) * 60_000);
        let mut hub = Hub::new(Limits::default(), &mut rng);
        let (request, link) = plan_room("https://relay.example", settings, now, &mut rng).unwrap();
        let created = hub
            .handle_create(now, PeerKey([0; 16]), &request, &mut rng)
            .unwrap();
        Self {
            now,
            people: Vec::new(),
            link: link.to_url().to_string(),
            record: None,
            hub,
            rng,
            creator_token: created.creator_token,
            queue: BinaryHeap::new(),
            order: 0,
            connections: 0,
        }
    }

    /// Somebody joins by the link, the first as creator, and gets a key if there is one to get.
    pub(crate) fn join(&mut self, name: &str) -> usize {
        let who = self.come(name);
        self.run(1_000);
        who
    }

    /// Somebody joins, and it is 50 ms later.
    pub(crate) fn come(&mut self, name: &str) -> usize {
        self.add(name, false)
    }

    /// The one whose transcript it is joins, and it is 50 ms later.
    pub(crate) fn follow(&mut self, name: &str) -> usize {
        let draws = self.stream(self.people.len());
        self.record = Some(Record::new(&self.link, name, draws));
        self.add(name, true)
    }

    fn add(&mut self, name: &str, follower: bool) -> usize {
        let who = self.people.len();
        let options = JoinOptions {
            name: Some(Name::new(name).unwrap()),
            creator_token: (who == 0).then(|| Secret::copy_of(self.creator_token.as_bytes())),
            ..JoinOptions::default()
        };
        let mut rng = self.stream(who);
        let link = Link::parse(&self.link).unwrap();
        self.people.push(Someone {
            client: Client::new(link, options, &mut rng),
            rng,
            connection: None,
            mute: false,
            online: true,
            wants_connection: false,
            follower,
        });
        self.drain(who);
        self.run(50);
        who
    }

    /// The transcript.
    pub(crate) fn finish(self) -> Record {
        self.record.unwrap()
    }

    pub(crate) fn say(&mut self, who: usize, text: &str) {
        self.say_to_burn(who, text, 0);
    }

    pub(crate) fn say_to_burn(&mut self, who: usize, text: &str, burn_after_ms: u32) {
        self.act(who, |client, now, rng| {
            client.send_text(now, text, burn_after_ms, rng).map(|_| ())
        });
        self.run(100);
    }

    /// Does something at one client, and carries out what comes of it.
    pub(crate) fn act(
        &mut self,
        who: usize,
        act: impl FnOnce(&mut Client, Timestamp, &mut Stream) -> Result<(), Error>,
    ) {
        let someone = &mut self.people[who];
        assert!(!someone.follower, "the follower only listens");
        act(&mut someone.client, self.now, &mut someone.rng).unwrap();
        self.drain(who);
    }

    pub(crate) fn id(&self, who: usize) -> ParticipantId {
        self.people[who].client.id().unwrap()
    }

    /// Loses the connection of somebody, who stays without one until [`World::restore`].
    pub(crate) fn lose(&mut self, who: usize) {
        self.people[who].online = false;
        let connection = self.people[who].connection.take().unwrap();
        self.hub
            .handle_disconnect(self.now, ConnectionId(connection), Disconnect::Broken);
        self.drain_hub();
        self.people[who].client.handle_disconnected(self.now);
        if self.people[who].follower {
            self.note(who, "disconnected", None, None);
        }
        self.drain(who);
    }

    pub(crate) fn restore(&mut self, who: usize) {
        self.people[who].online = true;
        if std::mem::take(&mut self.people[who].wants_connection) {
            self.push(DELAY, Packet::Connect { who });
        }
        self.run(100);
    }

    pub(crate) fn leave(&mut self, who: usize) {
        self.leave_now(who);
        self.run(1_000);
    }

    /// Somebody leaves, and nobody has heard of it yet.
    pub(crate) fn leave_now(&mut self, who: usize) {
        self.people[who].client.leave(self.now);
        self.drain(who);
    }

    /// The relay keeps one envelope from the follower and numbers on as if nothing were.
    pub(crate) fn withhold_next_message(&mut self) {
        if let Some(record) = &mut self.record {
            record.withhold_next_message();
        }
    }

    /// Moves time on.
    pub(crate) fn run(&mut self, millis: u64) {
        let until = self.now.plus_millis(millis);
        loop {
            let packet = self.queue.peek().map(|Reverse((at, ..))| Timestamp(*at));
            let timers = self
                .people
                .iter()
                .filter_map(|someone| someone.client.poll_timeout());
            let next = timers.chain(packet).chain(self.hub.poll_timeout()).min();
            let Some(at) = next.filter(|at| *at <= until) else {
                break;
            };
            self.now = self.now.max(at);
            self.step();
        }
        self.now = until;
    }

    fn step(&mut self) {
        if self.hub.poll_timeout().is_some_and(|at| at <= self.now) {
            self.hub.handle_timeout(self.now);
            self.drain_hub();
        }
        for who in 0..self.people.len() {
            let someone = &mut self.people[who];
            if someone
                .client
                .poll_timeout()
                .is_some_and(|at| at <= self.now)
            {
                someone.client.handle_timeout(self.now, &mut someone.rng);
                if someone.follower {
                    self.note(who, "timeout", None, None);
                } else {
                    self.drain(who);
                }
            }
        }
        while self
            .queue
            .peek()
            .is_some_and(|Reverse((at, ..))| *at <= self.now.0)
        {
            let Reverse((_, _, packet)) = self.queue.pop().unwrap();
            self.deliver(packet);
        }
    }

    fn deliver(&mut self, packet: Packet) {
        match packet {
            Packet::Connect { who } => self.connect(who),
            Packet::Up { connection, frame } => {
                self.hub
                    .handle_frame(self.now, ConnectionId(connection), &frame, &mut self.rng);
                self.drain_hub();
            }
            Packet::Down { connection, frame } => {
                let Some(who) = self.at(connection) else {
                    return;
                };
                let someone = &mut self.people[who];
                if !someone.follower {
                    let outcome =
                        someone
                            .client
                            .handle_frame(self.now, frame.as_bytes(), &mut someone.rng);
                    if let Err(error) = outcome {
                        assert_eq!(error.code(), Code::Ended, "the others are honest");
                    }
                    return self.drain(who);
                }
                let Some(frame) = self.record.as_mut().unwrap().shown(frame) else {
                    return;
                };
                let outcome =
                    someone
                        .client
                        .handle_frame(self.now, frame.as_bytes(), &mut someone.rng);
                self.note(who, "frame", Some(frame), outcome.err());
            }
            Packet::ClosedBelow { connection, clean } => {
                let end = match clean {
                    true => Disconnect::Clean,
                    false => Disconnect::Broken,
                };
                self.hub
                    .handle_disconnect(self.now, ConnectionId(connection), end);
                self.drain_hub();
            }
            Packet::ClosedAbove { connection } => {
                if let Some(who) = self.at(connection) {
                    self.people[who].connection = None;
                    self.people[who].client.handle_disconnected(self.now);
                    self.drain(who);
                }
            }
        }
    }

    fn connect(&mut self, who: usize) {
        if !self.people[who].online {
            self.people[who].wants_connection = true;
            return;
        }
        self.connections += 1;
        let connection = self.connections;
        let room = Link::parse(&self.link).unwrap().room_id();
        let someone = &mut self.people[who];
        someone.connection = Some(connection);
        self.hub.handle_connect(
            self.now,
            ConnectionId(connection),
            PeerKey([who as u8 + 1; 16]),
            room,
        );
        someone
            .client
            .handle_connected(self.now, &mut someone.rng)
            .unwrap();
        if someone.follower {
            self.note(who, "connected", None, None);
        } else {
            self.drain(who);
        }
        self.drain_hub();
    }

    /// Writes down what the follower's client made of an input.
    fn note(&mut self, who: usize, input: &str, frame: Option<String>, error: Option<Error>) {
        let outputs = self.outputs(who);
        let mut record = self.record.take().unwrap();
        record.step(
            self.now,
            input,
            frame,
            error,
            &outputs,
            &self.people[who].client,
        );
        self.record = Some(record);
        self.carry_out(who, outputs);
    }

    fn outputs(&mut self, who: usize) -> Vec<Output> {
        std::iter::from_fn(|| self.people[who].client.poll_output()).collect()
    }

    fn drain(&mut self, who: usize) {
        let outputs = self.outputs(who);
        self.carry_out(who, outputs);
    }

    fn carry_out(&mut self, who: usize, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Connect => self.push(DELAY, Packet::Connect { who }),
                Output::Send(frame) => {
                    let frame = frame.as_bytes().to_vec();
                    let key = matches!(ClientFrame::parse(&frame), Ok(ClientFrame::SessionKey(_)));
                    if let Some(connection) = self.people[who].connection
                        && !(key && self.people[who].mute)
                    {
                        self.push(DELAY, Packet::Up { connection, frame });
                    }
                }
                Output::Close(code) => {
                    if let Some(connection) = self.people[who].connection.take() {
                        let clean = code == 1000;
                        self.push(DELAY, Packet::ClosedBelow { connection, clean });
                    }
                }
                _ => {}
            }
        }
    }

    fn drain_hub(&mut self) {
        while let Some(output) = self.hub.poll_output() {
            match output {
                HubOutput::Send { to, frame } => {
                    assert!(RelayFrame::parse(frame.as_bytes()).is_ok());
                    for ConnectionId(connection) in to {
                        let frame = frame.as_str().to_owned();
                        self.push(DELAY, Packet::Down { connection, frame });
                    }
                }
                HubOutput::Close {
                    connection: ConnectionId(connection),
                    ..
                } => self.push(DELAY, Packet::ClosedAbove { connection }),
                HubOutput::Burned { .. } => {}
            }
        }
    }

    /// What somebody draws from.
    fn stream(&self, who: usize) -> Stream {
        Stream::new(&format!("{}: participant {}", self.rng.name, who + 1))
    }

    fn at(&self, connection: u64) -> Option<usize> {
        self.people
            .iter()
            .position(|someone| someone.connection == Some(connection))
    }

    fn push(&mut self, delay: u64, packet: Packet) {
        self.order += 1;
        self.queue
            .push(Reverse((self.now.0 + delay, self.order, packet)));
    }
}

/// Randomness made of a name: SHA-256 of the name and a block number.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    name: String,
    blocks: u64,
}

impl Stream {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            blocks: 0,
        }
    }

    pub(crate) fn draw<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        for chunk in bytes.chunks_mut(32) {
            self.fill(chunk);
        }
        bytes
    }

    fn fill(&mut self, chunk: &mut [u8]) {
        let name = self.name.as_bytes();
        let block = sha256(&[b"burnchat transcripts ", name, &self.blocks.to_be_bytes()]);
        self.blocks += 1;
        chunk.copy_from_slice(&block[..chunk.len()]);
    }
}

impl TryRng for Stream {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        utils::next_word_via_fill(self)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        utils::next_word_via_fill(self)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(32) {
            self.fill(chunk);
        }
        Ok(())
    }
}

impl TryCryptoRng for Stream {}
