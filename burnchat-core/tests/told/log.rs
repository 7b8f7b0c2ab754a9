//! A room whose log a test writes, entry by entry, and the one client that it is told to.
//!
//! Nothing checks what is written: everyone in the room, and the relay, say whatever the story needs. Without a lie it is
//! what an honest relay would log.

use std::collections::BTreeMap;

use burnchat_core::client::{Client, Event, JoinOptions, Output, RoomSettings, Status, plan_room};
use burnchat_core::crypto::{
    Body, Header, Identity, KemPublicKey, KeyEncryptionKey, LastEpoch, Name, Plaintext, RoomKeys,
    RosterKeys, Secret, SessionKey, Text, epoch_id, participant_id, roster_hash, seal_name,
    sign_key_frame,
};
use burnchat_core::error::{Code, Error};
use burnchat_core::ids::{EpochId, MessageId, ParticipantId, RosterHash, TicketHash};
use burnchat_core::link::Link;
use burnchat_core::time::Timestamp;
use burnchat_core::wire::{
    Back, Bytes, ClientFrame, Departure, Envelope, HistoryEnd, Joined, KeyFrame, KeyOffer,
    KeyWanted, LoggedEnvelope, ParticipantJoined, ParticipantLeft, Rekey, RelayFrame, Renewed,
    Resumed, Role, RosterEntry, WhoMayBurn,
};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

const START: Timestamp = Timestamp(1_790_000_000_000);

/// The room as it is.
pub(crate) struct Log {
    pub(crate) rng: ChaCha8Rng,
    /// The whole log, as the client is sent it.
    pub(crate) entries: Vec<RelayFrame>,
    pub(crate) version: u64,
    pub(crate) head: EpochId,
    pub(crate) epochs: Vec<Epoch>,
    link: Link,
    keys: RoomKeys,
    people: Vec<Person>,
    /// Who was there, by version.
    rosters: BTreeMap<u64, Vec<usize>>,
    seq: u64,
    messages: u8,
}

/// Somebody who is or was there.
struct Person {
    /// Nobody's but the client's own are unknown here.
    me: Option<Identity>,
    entry: RosterEntry,
    count: u64,
    /// How many envelopes in which epoch, oldest first.
    sent: Vec<(EpochId, u64)>,
}

/// An epoch and its key.
pub(crate) struct Epoch {
    pub(crate) id: EpochId,
    pub(crate) version: u64,
    pub(crate) key: SessionKey,
}

/// What a steward is about to sign.
pub(crate) struct Terms {
    pub(crate) version: u64,
    pub(crate) steward: usize,
    pub(crate) roster_hash: RosterHash,
    pub(crate) prev: EpochId,
    pub(crate) key: SessionKey,
    pub(crate) back: Option<(EpochId, SessionKey)>,
}

/// The client that is told.
pub(crate) struct Listener {
    pub(crate) client: Client,
    pub(crate) now: Timestamp,
    pub(crate) rng: ChaCha8Rng,
    pub(crate) events: Vec<Event>,
    pub(crate) sent: Vec<ClientFrame>,
    pub(crate) closed: Option<u16>,
    /// Its place among the people of the log.
    pub(crate) place: usize,
}

impl Log {
    /// An empty room.
    pub(crate) fn new(seed: u64, history: bool) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let settings = RoomSettings {
            history,
            ..RoomSettings::default()
        };
        let (_, link) = plan_room("https://relay.example", settings, START, &mut rng).unwrap();
        Self {
            keys: RoomKeys::derive(&link),
            rng,
            entries: Vec::new(),
            version: 0,
            head: EpochId::NONE,
            epochs: Vec::new(),
            link,
            people: Vec::new(),
            rosters: BTreeMap::from([(0, Vec::new())]),
            seq: 0,
            messages: 0,
        }
    }

    pub(crate) fn join(&mut self, name: &str) -> usize {
        self.join_over(name, None)
    }

    /// Somebody joins, perhaps over a seat.
    pub(crate) fn join_over(&mut self, name: &str, replaces: Option<usize>) -> usize {
        let me = Identity::generate(&mut self.rng).unwrap();
        let name = Name::new(name).unwrap();
        let sealed_name = seal_name(&self.keys, &me, &name, &mut self.rng).unwrap();
        let kem_pub = *me.kem().public_key().as_bytes();
        let sig_pub = *me.signing().verifying_key().as_bytes();
        let proof = self.keys.join_proof(&kem_pub, &sig_pub, &sealed_name);
        let entry = RosterEntry {
            kem_pub: Bytes(kem_pub),
            sig_pub: Bytes(sig_pub),
            sealed_name: Bytes(sealed_name),
            join_proof: Bytes(proof),
            role: self.next_role(),
            number: self.people.len() as u64 + 1,
        };
        self.seat(Some(me), entry, replaces)
    }

    /// Somebody joins who does not know the link's secret.
    pub(crate) fn join_unverified(&mut self) -> usize {
        let place = self.join("mal");
        self.people[place].entry.join_proof = Bytes([1; 32]);
        let participant = self.people[place].entry.clone();
        let Some(RelayFrame::ParticipantJoined(entry)) = self.entries.last_mut() else {
            panic!("nobody has joined");
        };
        entry.participant = participant;
        place
    }

    pub(crate) fn leave(&mut self, who: usize) {
        let id = self.id(who);
        self.next_version(|roster| roster.retain(|there| *there != who));
        let (seq, version) = (self.next_seq(), self.version);
        self.entries
            .push(RelayFrame::ParticipantLeft(ParticipantLeft {
                seq,
                version,
                id,
                reason: Departure::Left,
            }));
    }

    pub(crate) fn rekey(&mut self) {
        self.next_version(|_| {});
        let (seq, version) = (self.next_seq(), self.version);
        self.entries.push(RelayFrame::Rekey(Rekey { seq, version }));
    }

    /// Keys the newest version.
    pub(crate) fn key(&mut self, steward: usize) {
        let terms = self.terms(self.version, steward);
        self.log_key(terms);
    }

    /// What an honest steward would sign for this version.
    pub(crate) fn terms(&mut self, version: u64, steward: usize) -> Terms {
        let back = self.epochs.last();
        Terms {
            version,
            steward,
            roster_hash: self.roster_hash(version),
            prev: self.head,
            key: SessionKey::random(&mut self.rng),
            back: back.map(|epoch| (epoch.id, copy(&epoch.key))),
        }
    }

    /// Logs a key frame.
    pub(crate) fn log_key(&mut self, terms: Terms) {
        let frame = self.key_frame(&terms);
        self.head = epoch_id(&frame.prev, &frame.roster_hash, &frame.commit.0);
        self.epochs.push(Epoch {
            id: self.head,
            version: terms.version,
            key: terms.key,
        });
        self.entries.push(RelayFrame::SessionKey(Box::new(frame)));
    }

    /// Logs the key frame that the client has made.
    pub(crate) fn log_offer(&mut self, offer: &KeyOffer, steward: usize) {
        let seq = self.next_seq();
        self.head = epoch_id(&offer.prev, &offer.roster_hash, &offer.commit.0);
        let frame = KeyFrame {
            seq,
            version: offer.version,
            steward: self.id(steward),
            roster_hash: offer.roster_hash,
            prev: offer.prev,
            commit: offer.commit,
            sig: offer.sig,
            wrapped: None,
            back: offer.back.clone(),
        };
        self.entries.push(RelayFrame::SessionKey(Box::new(frame)));
    }

    /// The session key in a frame the client has made, for somebody.
    pub(crate) fn opened(&self, offer: &KeyOffer, steward: usize, who: usize) -> SessionKey {
        let wrap = offer.wraps.iter().find(|wrap| wrap.id == self.id(who));
        let shared = self.shared(who, steward);
        let kek = KeyEncryptionKey::derive(
            self.keys.wrap_key(),
            &offer.roster_hash,
            &shared,
            &self.id(steward),
            &self.id(who),
        );
        kek.unwrap(&wrap.unwrap().wrapped.0).unwrap()
    }

    /// Somebody says something in the newest epoch.
    pub(crate) fn say(&mut self, who: usize, text: &str) {
        let epoch = self.epochs.last().unwrap();
        let (id, key) = (epoch.id, copy(&epoch.key));
        self.say_in(who, &id, &key, text);
    }

    /// Somebody says something in this epoch, under this key.
    pub(crate) fn say_in(&mut self, who: usize, epoch: &EpochId, key: &SessionKey, text: &str) {
        let text = Text::new(text).unwrap();
        let body = Body::Text {
            text,
            burn_after: 0,
        };
        self.send_in(who, epoch, key, body);
    }

    /// Somebody asks for the room's ticket, in the newest epoch.
    pub(crate) fn ask_for_ticket(&mut self, who: usize, newest: TicketHash) {
        let epoch = self.epochs.last().unwrap();
        let (id, key) = (epoch.id, copy(&epoch.key));
        self.send_in(who, &id, &key, Body::TicketWanted(newest));
    }

    fn send_in(&mut self, who: usize, epoch: &EpochId, key: &SessionKey, body: Body) {
        let version = |id| self.epochs.iter().find(|epoch| epoch.id == id);
        let last = self.people[who].sent.last();
        let last = last.map_or_else(LastEpoch::default, |(id, count)| LastEpoch {
            version: version(*id).map_or(0, |epoch| epoch.version),
            count: *count,
        });
        self.messages += 1;
        let person = &mut self.people[who];
        if person.sent.iter().all(|(id, _)| id != epoch) {
            person.sent.push((*epoch, 0));
        }
        let sent = person.sent.iter_mut().find(|(id, _)| id == epoch).unwrap();
        let n = sent.1;
        sent.1 += 1;
        person.count += 1;
        let header = Header {
            id: MessageId([self.messages; 16]),
            sent_at: START,
            count: person.count,
            last: (n == 0).then_some(last),
        };
        let me = person.me.as_ref().unwrap();
        let (message_key, _) = key.chain(epoch, &me.id()).look_ahead(n).unwrap();
        let envelope = Envelope::seal(
            self.keys.room_id(),
            epoch,
            me,
            message_key,
            Plaintext { header, body }.encode(n),
            &mut self.rng,
        );
        self.log_envelope(who, envelope.unwrap());
    }

    pub(crate) fn log_envelope(&mut self, who: usize, envelope: Envelope) {
        let (seq, id) = (self.next_seq(), self.id(who));
        self.entries
            .push(RelayFrame::Message(LoggedEnvelope::new(seq, id, envelope)));
    }

    /// The room has a new ticket.
    pub(crate) fn renew(&mut self, ticket_hash: TicketHash) {
        let seq = self.next_seq();
        let entry = Renewed { seq, ticket_hash };
        self.entries.push(RelayFrame::Renewed(entry));
    }

    /// The hash of the link's ticket.
    pub(crate) fn first_ticket(&self) -> TicketHash {
        self.link.ticket().hash()
    }

    /// A client joins: what the relay is about to tell it, which the story may alter.
    pub(crate) fn admit(&mut self, replaces: Option<usize>) -> (Listener, Joined) {
        let link = Link::parse(&self.link.to_url()).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(77);
        let options = JoinOptions {
            name: Some(Name::new("cleo").unwrap()),
            ..JoinOptions::default()
        };
        let mut listener = Listener {
            client: Client::new(link, options, &mut rng),
            now: START,
            rng,
            events: Vec::new(),
            sent: Vec::new(),
            closed: None,
            place: 0,
        };
        listener.connect();
        let Some(ClientFrame::Join(join)) = listener.sent.pop() else {
            panic!("a client that connects joins");
        };
        let entry = RosterEntry {
            kem_pub: join.kem_pub,
            sig_pub: join.sig_pub,
            sealed_name: join.sealed_name,
            join_proof: join.join_proof,
            role: self.next_role(),
            number: self.people.len() as u64 + 1,
        };
        let role = entry.role;
        listener.place = self.seat(None, entry, replaces);
        let there = &self.rosters[&self.version];
        let joined = Joined {
            seq: self.seq,
            version: self.version,
            head: self.head,
            role,
            seat_token: Secret::copy_of(&[5; 32]),
            participants: there
                .iter()
                .map(|place| self.people[*place].entry.clone())
                .collect(),
            seconds_remaining: 600,
            history: self.link.history(),
            locked: false,
            capacity: 16,
            burn: WhoMayBurn::Creator,
            ticket_hash: self.link.ticket().hash(),
            last_extended: 0,
        };
        (listener, joined)
    }

    /// A client joins and is told the whole past, which `retell` may alter.
    pub(crate) fn admit_to(
        &mut self,
        retell: impl FnOnce(Vec<RelayFrame>) -> Vec<RelayFrame>,
    ) -> Listener {
        let past = retell(self.past());
        let (mut cleo, joined) = self.admit(None);
        cleo.hear(&RelayFrame::Joined(Box::new(joined))).unwrap();
        for entry in &past {
            let _ = cleo.hear(entry);
        }
        cleo.end_of_history(true).unwrap();
        cleo
    }

    /// As [`Log::admit_to`], and `steward` makes the key for the client's version.
    pub(crate) fn read_by_newcomer(
        &mut self,
        steward: usize,
        retell: impl FnOnce(Vec<RelayFrame>) -> Vec<RelayFrame>,
    ) -> Listener {
        let mut cleo = self.admit_to(retell);
        self.key(steward);
        cleo.hear_last(self).unwrap();
        cleo
    }

    /// The log so far.
    pub(crate) fn past(&self) -> Vec<RelayFrame> {
        let copy = |entry: &RelayFrame| RelayFrame::parse(entry.encode().as_bytes());
        let copies = self.entries.iter().map(|entry| copy(entry).unwrap());
        copies.map(Option::unwrap).collect()
    }

    pub(crate) fn id(&self, who: usize) -> ParticipantId {
        let entry = &self.people[who].entry;
        participant_id(&entry.kem_pub.0, &entry.sig_pub.0)
    }

    pub(crate) fn roster_hash(&self, version: u64) -> RosterHash {
        let entries = self.rosters[&version].iter().map(|place| {
            let entry = &self.people[*place].entry;
            RosterKeys {
                kem_pub: &entry.kem_pub.0,
                sig_pub: &entry.sig_pub.0,
                role: entry.role,
            }
        });
        roster_hash(self.keys.room_id(), version, entries)
    }

    /// The number of the next entry, which is taken with it.
    pub(crate) fn next_seq(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }

    fn next_role(&self) -> Role {
        if self.people.is_empty() {
            Role::Creator
        } else {
            Role::Member
        }
    }

    fn seat(
        &mut self,
        me: Option<Identity>,
        participant: RosterEntry,
        replaces: Option<usize>,
    ) -> usize {
        let place = self.people.len();
        self.people.push(Person {
            me,
            entry: participant.clone(),
            count: 0,
            sent: Vec::new(),
        });
        self.next_version(|roster| {
            roster.retain(|there| Some(*there) != replaces);
            roster.push(place);
        });
        let entry = ParticipantJoined {
            seq: self.next_seq(),
            version: self.version,
            participant,
            replaces: replaces.map(|replaced| self.id(replaced)),
        };
        self.entries
            .push(RelayFrame::ParticipantJoined(Box::new(entry)));
        place
    }

    fn next_version(&mut self, change: impl FnOnce(&mut Vec<usize>)) {
        let mut roster = self.rosters[&self.version].clone();
        change(&mut roster);
        self.version += 1;
        self.rosters.insert(self.version, roster);
    }

    fn key_frame(&mut self, terms: &Terms) -> KeyFrame {
        let commit = terms.key.commit(&terms.roster_hash);
        let id = epoch_id(&terms.prev, &terms.roster_hash, &commit);
        let me = self.people[terms.steward].me.as_ref().unwrap();
        let sig = sign_key_frame(me, self.keys.room_id(), &id).unwrap();
        let steward = me.id();
        let newcomer = self.people.iter().position(|person| person.me.is_none());
        let newcomer = newcomer.filter(|place| self.rosters[&terms.version].contains(place));
        let wrapped = newcomer.map(|place| {
            let kek = KeyEncryptionKey::derive(
                self.keys.wrap_key(),
                &terms.roster_hash,
                &self.shared(terms.steward, place),
                &steward,
                &self.id(place),
            );
            Bytes(kek.wrap(&terms.key))
        });
        KeyFrame {
            seq: self.next_seq(),
            version: terms.version,
            steward,
            roster_hash: terms.roster_hash,
            prev: terms.prev,
            commit: Bytes(commit),
            sig: Bytes(*sig.as_bytes()),
            wrapped,
            back: terms.back.as_ref().map(|(epoch, older)| Back {
                epoch: *epoch,
                wrapped: Bytes(terms.key.wrap_back(&id, older)),
            }),
        }
    }

    fn shared(&self, one: usize, other: usize) -> Secret<32> {
        let me = self.people[one].me.as_ref().unwrap();
        let theirs = KemPublicKey::from_sec1(&self.people[other].entry.kem_pub.0).unwrap();
        me.kem().agree(&theirs).unwrap()
    }
}

impl Listener {
    /// A frame arrives.
    pub(crate) fn hear(&mut self, frame: &RelayFrame) -> Result<(), Error> {
        let bytes = frame.encode();
        let outcome = self
            .client
            .handle_frame(self.now, bytes.as_bytes(), &mut self.rng);
        self.drain();
        outcome
    }

    /// The newest entry of the log arrives.
    pub(crate) fn hear_last(&mut self, log: &Log) -> Result<(), Error> {
        self.hear(log.entries.last().unwrap())
    }

    /// The entries from this place of the log on arrive.
    pub(crate) fn hear_from(&mut self, log: &Log, place: usize) {
        for entry in &log.entries[place..] {
            self.hear(entry).unwrap();
        }
    }

    pub(crate) fn end_of_history(&mut self, complete: bool) -> Result<(), Error> {
        self.hear(&RelayFrame::HistoryEnd(HistoryEnd { complete }))
    }

    /// The relay asks for a key frame, and gets one.
    pub(crate) fn make_key(&mut self, version: u64, head: EpochId) -> KeyOffer {
        self.hear(&RelayFrame::KeyWanted(KeyWanted { version, head }))
            .unwrap();
        self.offers().pop().expect("who is asked makes a key")
    }

    /// The key frames sent, taken.
    pub(crate) fn offers(&mut self) -> Vec<KeyOffer> {
        let offer = |frame| match frame {
            ClientFrame::SessionKey(offer) => Some(*offer),
            _ => None,
        };
        self.sent.drain(..).filter_map(offer).collect()
    }

    /// The envelopes sent, taken.
    pub(crate) fn envelopes(&mut self) -> Vec<Envelope> {
        let envelope = |frame| match frame {
            ClientFrame::Message(envelope) => Some(envelope),
            _ => None,
        };
        self.sent.drain(..).filter_map(envelope).collect()
    }

    pub(crate) fn connect(&mut self) {
        self.client
            .handle_connected(self.now, &mut self.rng)
            .unwrap();
        self.drain();
    }

    /// The connection breaks and comes back, and nothing was missed.
    pub(crate) fn resume(&mut self, log: &Log) -> Result<(), Error> {
        self.client.handle_disconnected(self.now);
        self.drain();
        self.connect();
        self.sent.clear();
        self.hear(&RelayFrame::Resumed(Resumed {
            seq: log.seq,
            seconds_remaining: 500,
        }))
    }

    /// This much later.
    pub(crate) fn wait(&mut self, millis: u64) {
        self.now = self.now.plus_millis(millis);
        self.client.handle_timeout(self.now, &mut self.rng);
        self.drain();
    }

    pub(crate) fn send(&mut self, text: &str) {
        self.client
            .send_text(self.now, text, 0, &mut self.rng)
            .unwrap();
        self.drain();
    }

    /// The texts shown.
    pub(crate) fn texts(&self) -> Vec<&str> {
        fn text(event: &Event) -> Option<&str> {
            match event {
                Event::Message(message) => Some(message.text.as_str()),
                _ => None,
            }
        }
        self.events.iter().filter_map(text).collect()
    }

    /// Whether the history was read, and whether all of it was.
    pub(crate) fn history_read(&self) -> Vec<bool> {
        let read = |event: &Event| match event {
            Event::HistoryRead { complete } => Some(*complete),
            _ => None,
        };
        self.events.iter().filter_map(read).collect()
    }

    pub(crate) fn faults(&self) -> Vec<Code> {
        let fault = |event: &Event| match event {
            Event::Fault { error, .. } => Some(error.code()),
            _ => None,
        };
        self.events.iter().filter_map(fault).collect()
    }

    pub(crate) fn has(&self, wanted: impl Fn(&Event) -> bool) -> bool {
        self.events.iter().any(wanted)
    }

    /// Whether it has been shown another log than before, and says so.
    pub(crate) fn sees_a_fork(&self) -> bool {
        let forked = |event: &Event| matches!(event, Event::Rejoining { code: Code::Fork });
        self.closed == Some(4001) && self.has(forked)
    }

    pub(crate) fn is_keyed(&self) -> bool {
        self.client.status() == Status::Joined
            && self.client.epoch().map(|(_, id)| id) == self.client.head()
    }

    pub(crate) fn drain(&mut self) {
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Send(frame) => {
                    self.sent
                        .push(ClientFrame::parse(frame.as_bytes()).unwrap());
                }
                Output::Event(event) => self.events.push(event),
                Output::Close(code) => self.closed = Some(code),
                _ => {}
            }
        }
    }
}

pub(crate) fn copy(key: &SessionKey) -> SessionKey {
    SessionKey::from_secret(Secret::copy_of(key.as_secret().as_bytes()))
}
