//! A hub, a clock, and people who follow the log and check that it is one.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::crypto::test_rng::Seeded;
use crate::crypto::{
    Identity, RosterKeys, Secret, SecretBytes, epoch_id, roster_hash, sign_key_frame,
};
use crate::ids::{EpochId, ParticipantId, RoomId, RosterHash, TicketHash};
use crate::link::Ticket;
use crate::relay::{
    Adopted, Change, ConnectionId, Disconnect, Hub, Limits, NotACopy, Output, PeerKey, Refusal,
    RoomCopy, RoomWrite,
};
use crate::time::Timestamp;
use crate::wire::http::{CreateRoom, RoomCreated, RoomInfo};
use crate::wire::{
    Back, Bytes, Ciphertext, ClientFrame, Departure, Envelope, ErrorFrame, Extend, Join, KeyFrame,
    KeyOffer, Kick, Lock, Nothing, PinText, RelayFrame, Renew, Resume, RosterEntry, VersionOnly,
    WhoMayBurn, Wrap,
};

/// Where the tests begin.
pub(super) const START: Timestamp = Timestamp(1_800_000_000_000);

pub(super) struct World {
    pub(super) hub: Hub,
    pub(super) now: Timestamp,
    rng: Seeded,
    people: BTreeMap<&'static str, Person>,
    connections: u64,
    pub(super) room: RoomId,
    pub(super) ticket: Ticket,
    pub(super) creator_token: Secret<32>,
    pub(super) pin: Vec<u8>,
    /// Of every room, where they are handed over.
    copies: BTreeMap<RoomId, Copy>,
}

/// What is kept of a room elsewhere.
#[derive(Clone, Default)]
pub(super) struct Copy {
    pub(super) state: Vec<u8>,
    pub(super) people: Vec<u8>,
    pub(super) seats: Vec<u8>,
    pub(super) entries: BTreeMap<u64, Vec<u8>>,
}

impl Copy {
    /// With what a hub with one room has to say.
    pub(super) fn bring_up_to_date(&mut self, hub: &mut Hub) {
        while let Some(change) = hub.poll_change() {
            match change {
                Change::Written(write) => self.write(&write),
                Change::Burned(_) => *self = Self::default(),
            }
        }
    }

    fn write(&mut self, write: &RoomWrite) {
        self.state = write.state.as_slice().to_vec();
        let parts = [
            (&mut self.people, &write.people),
            (&mut self.seats, &write.seats),
        ];
        for (kept, new) in parts {
            if let Some(new) = new {
                *kept = new.as_slice().to_vec();
            }
        }
        for (seq, entry) in &write.entries {
            self.entries.insert(*seq, entry.as_slice().to_vec());
        }
        for seq in &write.forgotten {
            assert!(self.entries.remove(seq).is_some(), "it was never there");
        }
    }

    pub(super) fn adopt_in(
        &self,
        hub: &mut Hub,
        now: Timestamp,
        room: RoomId,
    ) -> Result<Adopted, NotACopy> {
        let entries: Vec<(u64, &[u8])> = self
            .entries
            .iter()
            .map(|(seq, entry)| (*seq, entry.as_slice()))
            .collect();
        let copy = RoomCopy {
            state: &self.state,
            people: &self.people,
            seats: &self.seats,
            entries: &entries,
        };
        hub.handle_adopt(now, room, &copy)
    }
}

/// One participant, as far as the relay can tell one from another.
pub(super) struct Person {
    identity: Identity,
    pub(super) connection: ConnectionId,
    pub(super) seat_token: Option<Secret<32>>,
    pub(super) seq: u64,
    pub(super) version: u64,
    pub(super) head: EpochId,
    roster: Vec<RosterEntry>,
    /// What it has sent in each epoch.
    sent: BTreeMap<EpochId, u64>,
    /// The roster of each version, as key frames need it.
    versions: BTreeMap<u64, (RosterHash, Vec<ParticipantId>)>,
    heard: Vec<String>,
    in_history: bool,
    last_history_seq: u64,
    /// The epochs it has seen start.
    epochs: Vec<EpochId>,
}

impl World {
    /// A hub with one room: 10 minutes, 50 seats, an hour of slack.
    pub(super) fn new() -> Self {
        Self::with(Limits::default(), |_| {})
    }

    pub(super) fn with_history() -> Self {
        Self::with(Limits::default(), |room| room.history = true)
    }

    pub(super) fn with(limits: Limits, change: impl FnOnce(&mut CreateRoom)) -> Self {
        let mut rng = Seeded::new(1);
        let mut hub = Hub::new(limits, &mut rng);
        if super::HANDED_OVER {
            hub.keep_elsewhere();
        }
        Self::around(hub, rng, change)
    }

    /// With a hub whose key others have too.
    pub(super) fn kept_elsewhere(
        limits: Limits,
        key: Secret<32>,
        change: impl FnOnce(&mut CreateRoom),
    ) -> Self {
        let mut hub = Hub::with_key(limits, key);
        hub.keep_elsewhere();
        Self::around(hub, Seeded::new(1), change)
    }

    fn around(hub: Hub, mut rng: Seeded, change: impl FnOnce(&mut CreateRoom)) -> Self {
        let mut world = Self {
            hub,
            now: START,
            people: BTreeMap::new(),
            connections: 0,
            room: RoomId([0; 16]),
            ticket: Ticket::random(&mut rng),
            creator_token: Secret::random(&mut rng),
            pin: Vec::new(),
            copies: BTreeMap::new(),
            rng,
        };
        let mut request = world.request(1);
        request.ticket_hash = world.ticket.hash();
        change(&mut request);
        let created = world.create(peer(0), &request).unwrap();
        world.room = created.room_id;
        world.creator_token = created.creator_token;
        world.pin = created.pin.0.as_slice().to_vec();
        world
    }

    pub(super) fn request(&self, seed: u8) -> CreateRoom {
        CreateRoom {
            id_seed: Secret::copy_of(&[seed; 32]),
            ticket_hash: TicketHash([seed; 32]),
            ttl_seconds: 600,
            not_after: u32::try_from(self.now.0 / 60_000 + 70).unwrap(),
            capacity: 50,
            history: false,
            burn: WhoMayBurn::Creator,
        }
    }

    pub(super) fn create(
        &mut self,
        peer: PeerKey,
        request: &CreateRoom,
    ) -> Result<RoomCreated, Refusal> {
        self.hub
            .handle_create(self.now, peer, request, &mut self.rng)
    }

    pub(super) fn info(&mut self) -> Result<RoomInfo, Refusal> {
        let ticket = self.ticket.as_secret();
        self.hub.handle_info(self.now, self.room, ticket)
    }

    /// A connection that has said nothing yet.
    pub(super) fn connect(&mut self, name: &'static str) {
        self.connect_from(name, peer(1));
    }

    pub(super) fn connect_from(&mut self, name: &'static str, from: PeerKey) {
        self.connections += 1;
        let connection = ConnectionId(self.connections);
        match self.people.get_mut(name) {
            Some(person) => person.connection = connection,
            None => {
                let person = Person::new(connection, &mut self.rng);
                self.people.insert(name, person);
            }
        }
        self.hub
            .handle_connect(self.now, connection, from, self.room);
        self.drain();
    }

    /// Joins with the ticket.
    pub(super) fn join(&mut self, name: &'static str) {
        self.join_with(name, |_, _| {});
    }

    /// Joins with the creator token.
    pub(super) fn join_creator(&mut self, name: &'static str) {
        self.join_with(name, |join, world| {
            join.ticket = None;
            join.creator_token = Some(Secret::copy_of(world.creator_token.as_bytes()));
        });
    }

    /// Joins afresh with somebody's seat token.
    pub(super) fn rejoin(&mut self, name: &'static str, was: &'static str) {
        self.join_with(name, |join, world| {
            join.ticket = None;
            join.seat_token = Some(world.token(was));
        });
    }

    pub(super) fn join_with(&mut self, name: &'static str, change: impl FnOnce(&mut Join, &Self)) {
        self.join_from(name, peer(1), change);
    }

    pub(super) fn join_from(
        &mut self,
        name: &'static str,
        from: PeerKey,
        change: impl FnOnce(&mut Join, &Self),
    ) {
        self.connect_from(name, from);
        let public = self.people[name].identity.public();
        let mut join = Join {
            kem_pub: Bytes(*public.kem().as_bytes()),
            sig_pub: Bytes(*public.verifying().as_bytes()),
            sealed_name: Bytes([7; 157]),
            join_proof: Bytes([8; 32]),
            ticket: Some(Secret::copy_of(self.ticket.as_secret().as_bytes())),
            pin: None,
            creator_token: None,
            seat_token: None,
        };
        change(&mut join, self);
        self.send(name, &ClientFrame::Join(Box::new(join)));
    }

    pub(super) fn join_with_pin(&mut self, name: &'static str, from: PeerKey, pin: &[u8]) {
        self.join_from(name, from, |join, _| {
            join.pin = Some(PinText(SecretBytes::copy_of(pin)));
        });
    }

    /// Two people, the first a creator, and a key they agree on; what they heard until then is forgotten.
    pub(super) fn keyed_pair(&mut self) {
        self.join_creator("ana");
        self.join("ben");
        self.pass(250);
        self.answer("ana");
        self.forget_what_was_heard();
    }

    /// The connection breaks.
    pub(super) fn drop(&mut self, name: &str) {
        self.disconnect(name, Disconnect::Broken);
    }

    /// The client closes the connection.
    pub(super) fn leave(&mut self, name: &str) {
        self.disconnect(name, Disconnect::Clean);
    }

    /// Leaves by showing the seat token, on no connection.
    pub(super) fn leave_by_token(&mut self, name: &str) -> Result<(), Refusal> {
        let token = self.token(name);
        let left = self.hub.handle_leave(self.now, self.room, &token);
        self.drain();
        left
    }

    fn disconnect(&mut self, name: &str, end: Disconnect) {
        let connection = self.people[name].connection;
        self.hub.handle_disconnect(self.now, connection, end);
        self.drain();
    }

    pub(super) fn resume(&mut self, name: &'static str) {
        let seq = self.people[name].seq;
        self.resume_from(name, seq);
    }

    pub(super) fn resume_from(&mut self, name: &'static str, seq: u64) {
        self.connect(name);
        let seat_token = self.token(name);
        self.send(name, &ClientFrame::Resume(Resume { seat_token, seq }));
    }

    /// Answers the last asking with a good key frame.
    pub(super) fn answer(&mut self, name: &str) {
        let offer = self.offer(name);
        self.offer_key(name, offer);
    }

    /// The key frame a client would make now.
    pub(super) fn offer(&mut self, name: &str) -> KeyOffer {
        let version = self.people[name].version;
        self.offer_for(name, version)
    }

    pub(super) fn offer_for(&mut self, name: &str, version: u64) -> KeyOffer {
        let room = self.room;
        let commit = Secret::<32>::random(&mut self.rng);
        let person = self.people.get_mut(name).unwrap();
        let (roster_hash, members) = &person.versions[&version];
        let commit = Bytes(*commit.as_bytes());
        let epoch = epoch_id(&person.head, roster_hash, &commit.0);
        let sig = sign_key_frame(&person.identity, &room, &epoch).unwrap();
        KeyOffer {
            version,
            roster_hash: *roster_hash,
            prev: person.head,
            commit,
            sig: Bytes(*sig.as_bytes()),
            wraps: members
                .iter()
                .filter(|id| **id != person.identity.id())
                .map(|id| Wrap {
                    id: *id,
                    wrapped: wrap_for(id),
                })
                .collect(),
            back: Some(Back {
                epoch: person.head,
                wrapped: Bytes([9; 40]),
            }),
        }
    }

    pub(super) fn offer_key(&mut self, name: &str, offer: KeyOffer) {
        self.send(name, &ClientFrame::SessionKey(Box::new(offer)));
    }

    pub(super) fn decline(&mut self, name: &str) {
        let version = self.people[name].version;
        self.send(name, &ClientFrame::KeyDeclined(VersionOnly { version }));
    }

    pub(super) fn need_key(&mut self, name: &str, version: u64) {
        self.send(name, &ClientFrame::NeedKey(VersionOnly { version }));
    }

    /// Sends the next envelope in the newest epoch.
    pub(super) fn say(&mut self, name: &str) {
        let epoch = self.people[name].head;
        self.say_in(name, epoch);
    }

    pub(super) fn say_in(&mut self, name: &str, epoch: EpochId) {
        let sent = &mut self.people.get_mut(name).unwrap().sent;
        let n = sent.entry(epoch).or_default();
        let this = *n;
        *n += 1;
        self.say_n(name, epoch, this);
    }

    pub(super) fn say_n(&mut self, name: &str, epoch: EpochId, n: u64) {
        let envelope = envelope(epoch, n, 80);
        self.send(name, &ClientFrame::Message(envelope));
    }

    pub(super) fn lock(&mut self, name: &str, locked: bool) {
        self.send(name, &ClientFrame::Lock(Lock { locked }));
    }

    pub(super) fn kick(&mut self, name: &str, whom: &str, ticket: Option<u8>) {
        let id = self.id(whom);
        let ticket_hash = ticket.map(|byte| TicketHash([byte; 32]));
        self.send(name, &ClientFrame::Kick(Kick { id, ticket_hash }));
    }

    pub(super) fn renew(&mut self, name: &str, ticket: u8) {
        let ticket_hash = TicketHash([ticket; 32]);
        self.send(name, &ClientFrame::Renew(Renew { ticket_hash }));
    }

    pub(super) fn extend(&mut self, name: &str, seconds: u64, after: u64) {
        self.send(name, &ClientFrame::Extend(Extend { seconds, after }));
    }

    pub(super) fn burn(&mut self, name: &str) {
        self.send(name, &ClientFrame::Burn(Nothing {}));
    }

    pub(super) fn send(&mut self, name: &str, frame: &ClientFrame) {
        let text = frame.encode();
        self.send_bytes(name, text.as_bytes());
    }

    pub(super) fn send_bytes(&mut self, name: &str, bytes: &[u8]) {
        let connection = self.people[name].connection;
        self.hub
            .handle_frame(self.now, connection, bytes, &mut self.rng);
        self.drain();
    }

    /// Lets time pass, waking the hub whenever it asked to be.
    pub(super) fn pass(&mut self, millis: u64) {
        let until = self.now.plus_millis(millis);
        while let Some(at) = self.hub.poll_timeout()
            && at <= until
        {
            assert!(at >= self.now, "due in the past");
            self.now = at;
            self.hub.handle_timeout(at);
            self.drain();
        }
        self.now = until;
        self.hub.handle_timeout(until);
        self.drain();
    }

    /// Lets time pass without the driver noticing.
    pub(super) fn oversleep(&mut self, millis: u64) {
        self.now = self.now.plus_millis(millis);
    }

    /// What somebody was sent since the last time this was asked.
    pub(super) fn hears(&mut self, name: &str) -> Vec<String> {
        core::mem::take(&mut self.people.get_mut(name).unwrap().heard)
    }

    /// The same without the countdown.
    pub(super) fn hears_besides_ticks(&mut self, name: &str) -> Vec<String> {
        let mut heard = self.hears(name);
        heard.retain(|line| !line.starts_with("countdown"));
        heard
    }

    pub(super) fn forget_what_was_heard(&mut self) {
        for person in self.people.values_mut() {
            person.heard.clear();
        }
    }

    pub(super) fn person(&self, name: &str) -> &Person {
        &self.people[name]
    }

    pub(super) fn person_mut(&mut self, name: &str) -> &mut Person {
        self.people.get_mut(name).unwrap()
    }

    pub(super) fn knows(&self, name: &str) -> bool {
        self.people.contains_key(name)
    }

    pub(super) fn id(&self, name: &str) -> ParticipantId {
        self.people[name].identity.id()
    }

    pub(super) fn token(&self, name: &str) -> Secret<32> {
        let token = self.people[name].seat_token.as_ref().unwrap();
        Secret::copy_of(token.as_bytes())
    }

    /// Lets every room go on from its copy, where that is the story.
    fn hand_over(&mut self) {
        while let Some(change) = self.hub.poll_change() {
            match change {
                Change::Written(write) => {
                    self.copies.entry(write.room).or_default().write(&write);
                }
                Change::Burned(room) => {
                    self.copies.remove(&room);
                }
            }
        }
        for (room, copy) in &self.copies {
            let before = self.hub.stats();
            let due = self.hub.poll_timeout();
            let forgotten = self.hub.handle_forget(*room).unwrap();
            let adopted = copy.adopt_in(&mut self.hub, self.now, *room).unwrap();
            assert_eq!(adopted.connections, forgotten.connections);
            assert_eq!(adopted.owner, forgotten.owner);
            let after = self.hub.stats();
            assert_eq!(after.participants, before.participants);
            assert_eq!(after.connections, before.connections);
            // Who may have fallen idle is looked at later, if a frame has come since it was to be.
            let then = self.hub.poll_timeout();
            assert!(then >= due && then.is_some() == due.is_some());
        }
    }

    /// Carries out what the hub wants done.
    pub(super) fn drain(&mut self) {
        self.carry_out();
        if super::HANDED_OVER {
            self.hand_over();
            self.carry_out();
        }
    }

    fn carry_out(&mut self) {
        let names: BTreeMap<ParticipantId, &'static str> = self
            .people
            .iter()
            .map(|(name, person)| (person.identity.id(), *name))
            .collect();
        let room = self.room;
        while let Some(output) = self.hub.poll_output() {
            match output {
                Output::Send { to, frame } => {
                    assert!(!to.is_empty());
                    let mut distinct = to.clone();
                    distinct.sort_unstable();
                    distinct.dedup();
                    assert_eq!(distinct.len(), to.len(), "nobody is sent a frame twice");
                    for connection in to {
                        let frame = RelayFrame::parse(frame.as_bytes()).unwrap().unwrap();
                        // Of a connection that somebody has given up, nothing is heard.
                        if let Some(person) = self.by_connection(connection) {
                            person.hear(&frame, &names, &room);
                        }
                    }
                }
                Output::Close { connection, code } => {
                    if let Some(person) = self.by_connection(connection) {
                        person.heard.push(format!("closed {}", code.number()));
                    }
                }
                Output::Burned { .. } => {}
            }
        }
    }

    fn by_connection(&mut self, connection: ConnectionId) -> Option<&mut Person> {
        self.people
            .values_mut()
            .find(|person| person.connection == connection)
    }
}

impl Person {
    fn new(connection: ConnectionId, rng: &mut Seeded) -> Self {
        Self {
            identity: Identity::generate(rng).unwrap(),
            connection,
            seat_token: None,
            seq: 0,
            version: 0,
            head: EpochId::NONE,
            roster: Vec::new(),
            sent: BTreeMap::new(),
            versions: BTreeMap::new(),
            heard: Vec::new(),
            in_history: false,
            last_history_seq: 0,
            epochs: Vec::new(),
        }
    }

    pub(super) fn epochs(&self) -> &[EpochId] {
        &self.epochs
    }

    fn hear(
        &mut self,
        frame: &RelayFrame,
        names: &BTreeMap<ParticipantId, &'static str>,
        room: &RoomId,
    ) {
        let name = |id: &ParticipantId| names.get(id).copied().unwrap_or("?");
        if let Some(seq) = frame.seq() {
            if self.in_history {
                assert!(
                    seq > self.last_history_seq && seq < self.seq,
                    "history in order"
                );
                self.last_history_seq = seq;
            } else {
                assert_eq!(seq, self.seq + 1, "the log has no holes");
                self.seq = seq;
                self.follow(frame, room);
            }
        }
        let line = match frame {
            RelayFrame::Joined(joined) => {
                self.seq = joined.seq;
                self.version = joined.version;
                self.head = joined.head;
                self.in_history = joined.history;
                self.roster.clone_from(&joined.participants);
                self.seat_token = Some(Secret::copy_of(joined.seat_token.as_bytes()));
                self.note_version(room);
                let own = self.roster.last().unwrap();
                assert_eq!(id_of(own), self.identity.id(), "the joiner is the last");
                assert_eq!(own.role, joined.role);
                let there: Vec<_> = self
                    .roster
                    .iter()
                    .map(|entry| name(&id_of(entry)))
                    .collect();
                format!("joined as {:?}: {}", joined.role, there.join(" "))
            }
            RelayFrame::HistoryEnd(end) => {
                self.in_history = false;
                format!(
                    "history {}",
                    if end.complete { "complete" } else { "partial" }
                )
            }
            RelayFrame::Resumed(resumed) => {
                assert_eq!(resumed.seq, self.seq, "everything missed was sent");
                "resumed".to_owned()
            }
            RelayFrame::ParticipantJoined(entry) => {
                let who = name(&id_of(&entry.participant));
                match &entry.replaces {
                    None => format!("+{who}"),
                    Some(before) => format!("+{who} for {}", name(before)),
                }
            }
            RelayFrame::ParticipantLeft(entry) => {
                let reason = match entry.reason {
                    Departure::Left => "left",
                    Departure::Timeout => "timeout",
                    Departure::Kicked => "kicked",
                };
                format!("-{} {reason}", name(&entry.id))
            }
            RelayFrame::Rekey(_) => "rekey".to_owned(),
            RelayFrame::SessionKey(key) => self.hear_key(key, name(&key.steward)),
            RelayFrame::EpochEnd(entry) => format!("end {}", entry.version),
            RelayFrame::Message(entry) => format!("{}#{}", name(&entry.sender), entry.n),
            RelayFrame::Locked(entry) => format!("locked {}", entry.locked),
            RelayFrame::Extended(entry) => format!("extended {}", entry.seconds_remaining),
            RelayFrame::Renewed(_) => "renewed".to_owned(),
            RelayFrame::KeyWanted(wanted) => {
                assert_eq!(wanted.version, self.version, "asked for the newest version");
                assert_eq!(wanted.head, self.head, "asked on top of the head");
                format!("wanted {}", wanted.version)
            }
            RelayFrame::Countdown(tick) => format!("countdown {}", tick.seconds_remaining),
            RelayFrame::Destroyed(end) => format!("destroyed {:?}", end.reason),
            RelayFrame::Error(error) => describe(error),
        };
        self.heard.push(line);
    }

    fn hear_key(&self, key: &KeyFrame, steward: &str) -> String {
        if let Some(wrapped) = &key.wrapped {
            assert_eq!(*wrapped, wrap_for(&self.identity.id()), "one's own wrap");
        }
        let wrap = if key.wrapped.is_some() { "" } else { ", bare" };
        format!("key {} by {steward}{wrap}", key.version)
    }

    /// Keeps up with the log.
    fn follow(&mut self, frame: &RelayFrame, room: &RoomId) {
        match frame {
            RelayFrame::ParticipantJoined(entry) => {
                self.roster.retain(|old| Some(id_of(old)) != entry.replaces);
                self.roster.push(entry.participant.clone());
                self.grow_to(entry.version, room);
            }
            RelayFrame::ParticipantLeft(entry) => {
                self.roster.retain(|old| id_of(old) != entry.id);
                self.grow_to(entry.version, room);
            }
            RelayFrame::Rekey(entry) => self.grow_to(entry.version, room),
            RelayFrame::SessionKey(key) => {
                assert_eq!(key.prev, self.head, "epochs follow one another");
                self.head = epoch_id(&key.prev, &key.roster_hash, &key.commit.0);
                self.epochs.push(self.head);
            }
            _ => {}
        }
    }

    fn grow_to(&mut self, version: u64, room: &RoomId) {
        assert_eq!(version, self.version + 1, "versions have no holes");
        self.version = version;
        self.note_version(room);
    }

    fn note_version(&mut self, room: &RoomId) {
        let keys = self.roster.iter().map(|entry| RosterKeys {
            kem_pub: &entry.kem_pub.0,
            sig_pub: &entry.sig_pub.0,
            role: entry.role,
        });
        let hash = roster_hash(room, self.version, keys);
        let ids = self.roster.iter().map(id_of).collect();
        self.versions.insert(self.version, (hash, ids));
    }
}

pub(super) fn peer(byte: u8) -> PeerKey {
    PeerKey([byte; 16])
}

pub(super) fn envelope(epoch: EpochId, n: u64, ciphertext_bytes: usize) -> Envelope {
    Envelope {
        epoch,
        n,
        flags: 0,
        iv: Bytes([1; 12]),
        ciphertext: Ciphertext(vec![2; ciphertext_bytes]),
        sig: Bytes([3; 64]),
    }
}

fn id_of(entry: &RosterEntry) -> ParticipantId {
    crate::crypto::participant_id(&entry.kem_pub.0, &entry.sig_pub.0)
}

/// Not a wrap, but one that says whose it is.
fn wrap_for(id: &ParticipantId) -> Bytes<40> {
    let mut wrapped = [0; 40];
    wrapped[..16].copy_from_slice(id.as_bytes());
    Bytes(wrapped)
}

fn describe(error: &ErrorFrame) -> String {
    let mut line = format!("error {}", error.code);
    if let Some(millis) = error.retry_after_ms {
        line += &format!(", retry {millis}");
    }
    if let Some(attempts) = error.attempts_left {
        line += &format!(", left {attempts}");
    }
    if let Some(n) = error.n {
        line += &format!(" #{n}");
    }
    line
}
