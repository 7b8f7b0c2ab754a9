//! A relay and people in one thread, with nothing between them that keeps a copy.

use burnchat_core::client::{
    Client, EndReason, Event, JoinOptions, Output, RoomSettings, Status, plan_room,
};
use burnchat_core::crypto::{Name, Secret, SecretBytes, wipe_stack};
use burnchat_core::ids::{ParticipantId, RoomId};
use burnchat_core::link::Link;
use burnchat_core::relay::{ConnectionId, Disconnect, Hub, Limits, Output as HubOutput, PeerKey};
use burnchat_core::time::Timestamp;
use burnchat_remains::{Known, Marks, Recorder};
use zeroize::Zeroizing;

use super::words::{text, whole_name};

pub(crate) struct Story {
    seed: u64,
    pub(crate) now: Timestamp,
    pub(crate) hub: Hub,
    pub(crate) people: Vec<Person>,
    pub(crate) rng: Recorder,
    pub(crate) known: Known,
    pub(crate) marks: Marks,
    /// What the drivers do after each call: overwrite what it has left on the stack.
    wipes: bool,
    room: Option<RoomId>,
    /// What is shared. It is forgotten before the search.
    link: Zeroizing<String>,
    pin: SecretBytes,
    creator_token: Option<Secret<32>>,
    connections: u64,
    texts: u64,
}

pub(crate) struct Person {
    pub(crate) client: Client,
    connection: Option<ConnectionId>,
    pub(crate) online: bool,
    /// Takes nothing more out of the machine.
    pub(crate) asleep: bool,
    pub(crate) heard: usize,
}

impl Story {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Recorder::new(seed);
        // The key of the hub is the hub's, and outlives the room.
        let hub = Hub::new(Limits::default(), &mut rng);
        rng.records = true;
        Self {
            seed,
            now: Timestamp(1_790_000_000_000),
            hub,
            people: Vec::new(),
            rng,
            known: Known::default(),
            marks: Marks::new(),
            wipes: true,
            room: None,
            link: Zeroizing::default(),
            pin: SecretBytes::default(),
            creator_token: None,
            connections: 0,
            texts: 0,
        }
    }

    /// With drivers that leave the stack as it is.
    pub(crate) fn careless(seed: u64) -> Self {
        Self {
            wipes: false,
            ..Self::new(seed)
        }
    }

    pub(crate) fn create(&mut self, settings: RoomSettings) {
        let (now, rng) = (self.now, &mut self.rng);
        let (request, link) = plan_room("https://relay.example", settings, now, rng).unwrap();
        let peer = PeerKey([9; 16]);
        let created = self.hub.handle_create(now, peer, &request, rng).unwrap();
        self.room = Some(link.room_id());
        self.link = link.to_url();
        self.pin = created.pin.0;
        self.marks.add("a PIN", self.pin.as_slice());
        self.creator_token = Some(created.creator_token);
        let fragment = self.link.split_once('#').unwrap().1;
        self.marks.add("the link's fragment", fragment.as_bytes());
        self.settle();
    }

    pub(crate) fn join_as_creator(&mut self) -> usize {
        let creator_token = self.creator_token.take();
        self.join_with(JoinOptions {
            creator_token,
            ..JoinOptions::default()
        })
    }

    pub(crate) fn join(&mut self) -> usize {
        self.join_with(JoinOptions::default())
    }

    pub(crate) fn join_with_pin(&mut self) -> usize {
        let pin = Some(SecretBytes::copy_of(self.pin.as_slice()));
        self.join_with(JoinOptions {
            pin,
            ..JoinOptions::default()
        })
    }

    pub(crate) fn join_with(&mut self, mut options: JoinOptions) -> usize {
        let person = self.people.len();
        let name = whole_name(self.seed, person);
        self.marks.add("a name", name.as_bytes());
        options.name = Some(Name::new(&name).unwrap());
        self.enter(options)
    }

    /// Joins, with a name or without.
    pub(crate) fn enter(&mut self, options: JoinOptions) -> usize {
        let link = Link::parse(&self.link).unwrap();
        let client = Client::new(link, options, &mut self.rng);
        self.people.push(Person {
            client,
            connection: None,
            online: true,
            asleep: false,
            heard: 0,
        });
        self.settle();
        self.pass(2_000);
        self.people.len() - 1
    }

    /// Says something nobody has said before, of about so many bytes.
    pub(crate) fn say(&mut self, person: usize, length: usize, burn_after_ms: u32) {
        let words = text(self.seed, self.texts, length);
        self.texts += 1;
        self.marks.add("a text", words.as_bytes());
        let (now, rng) = (self.now, &mut self.rng);
        let sent = self.people[person]
            .client
            .send_text(now, &words, burn_after_ms, rng);
        sent.unwrap();
        drop(words);
        self.settle();
    }

    pub(crate) fn act<T>(
        &mut self,
        person: usize,
        act: impl FnOnce(&mut Client, Timestamp, &mut Recorder) -> T,
    ) -> T {
        let outcome = act(&mut self.people[person].client, self.now, &mut self.rng);
        self.settle();
        outcome
    }

    /// The link as it is now.
    pub(crate) fn share(&mut self, person: usize) {
        let link = self.people[person].client.link().unwrap();
        self.link = link.to_url();
        let fragment = self.link.split_once('#').unwrap().1;
        self.marks.add("the link's fragment", fragment.as_bytes());
    }

    pub(crate) fn id(&self, person: usize) -> ParticipantId {
        self.people[person].client.id().expect("it is in the room")
    }

    pub(crate) fn ended(&self, person: usize) -> Option<EndReason> {
        match self.people[person].client.status() {
            Status::Ended(reason) => Some(reason),
            _ => None,
        }
    }

    /// Notes all there is to look for, and forgets what was shared.
    pub(crate) fn forget(&mut self) {
        let link = Link::parse(&self.link).unwrap();
        self.known.marks(&self.rng, &link, &mut self.marks);
        self.link = Zeroizing::default();
        self.pin = SecretBytes::default();
        self.creator_token = None;
        drop(link);
        wipe_stack();
    }

    /// The connection breaks, and stays so until the person is online again.
    pub(crate) fn cut(&mut self, person: usize) {
        self.people[person].online = false;
        if let Some(connection) = self.people[person].connection.take() {
            self.hub
                .handle_disconnect(self.now, connection, Disconnect::Broken);
            self.people[person].client.handle_disconnected(self.now);
        }
        self.settle();
    }

    pub(crate) fn mend(&mut self, person: usize) {
        self.people[person].online = true;
        self.connect(person);
        self.settle();
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, millis: u64) {
        let end = self.now.plus_millis(millis);
        loop {
            let clients = self
                .people
                .iter()
                .map(|person| person.client.poll_timeout());
            let next = clients.chain([self.hub.poll_timeout()]).flatten().min();
            let Some(next) = next.filter(|next| *next <= end) else {
                break;
            };
            // What is due and stays due is due again a moment later.
            self.now = next.max(self.now.plus_millis(1));
            self.hub.handle_timeout(self.now);
            for person in &mut self.people {
                person.client.handle_timeout(self.now, &mut self.rng);
            }
            self.settle();
        }
        self.now = end;
    }

    /// Carries out what the machines say until they fall silent.
    pub(crate) fn settle(&mut self) {
        let mut busy = true;
        while std::mem::take(&mut busy) {
            for person in 0..self.people.len() {
                while !self.people[person].asleep
                    && let Some(output) = self.people[person].client.poll_output()
                {
                    busy = true;
                    self.carry_out(person, output);
                    self.after_a_call();
                }
            }
            while let Some(output) = self.hub.poll_output() {
                busy = true;
                self.carry_out_for_the_hub(output);
                self.after_a_call();
            }
        }
        self.after_a_call();
    }

    fn after_a_call(&self) {
        if self.wipes {
            wipe_stack();
        }
    }

    fn carry_out(&mut self, person: usize, output: Output) {
        match output {
            Output::Connect => self.connect(person),
            Output::Send(frame) => {
                if let Some(connection) = self.people[person].connection {
                    let frame = frame.as_bytes();
                    self.hub
                        .handle_frame(self.now, connection, frame, &mut self.rng);
                }
            }
            Output::Close(_) => {
                if let Some(connection) = self.people[person].connection.take() {
                    self.hub
                        .handle_disconnect(self.now, connection, Disconnect::Clean);
                }
            }
            Output::Event(Event::Message(_)) => self.people[person].heard += 1,
            _ => {}
        }
    }

    fn connect(&mut self, person: usize) {
        if !self.people[person].online || self.people[person].connection.is_some() {
            return;
        }
        self.connections += 1;
        let connection = ConnectionId(self.connections);
        let peer = PeerKey([person as u8 + 1; 16]);
        let room = self.room.expect("there is a room");
        self.people[person].connection = Some(connection);
        self.hub.handle_connect(self.now, connection, peer, room);
        let (now, rng) = (self.now, &mut self.rng);
        self.people[person]
            .client
            .handle_connected(now, rng)
            .unwrap();
    }

    fn carry_out_for_the_hub(&mut self, output: HubOutput) {
        match output {
            HubOutput::Send { to, frame } => {
                self.known.see(frame.as_bytes());
                for connection in to {
                    let (now, rng) = (self.now, &mut self.rng);
                    if let Some(person) = at(&mut self.people, connection) {
                        // What it says against a frame it says as an event, too.
                        let _ = person.client.handle_frame(now, frame.as_bytes(), rng);
                    }
                }
            }
            HubOutput::Close { connection, .. } => {
                if let Some(person) = at(&mut self.people, connection) {
                    person.connection = None;
                    person.client.handle_disconnected(self.now);
                }
            }
            HubOutput::Burned { .. } => {}
        }
    }
}

fn at(people: &mut [Person], connection: ConnectionId) -> Option<&mut Person> {
    people
        .iter_mut()
        .find(|person| person.connection == Some(connection))
}
