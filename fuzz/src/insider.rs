//! Somebody who is in the room by right, holds every key there is to hold and keeps no rule; and the relay, which helps.

use std::sync::OnceLock;

use burnchat_core::client::{Client, JoinOptions, RoomSettings, plan_room};
use burnchat_core::crypto::{
    Identity, KemPublicKey, PairKey, RoomKeys, RosterKeys, Secret, SecretBytes, SessionKey,
    aes256_gcm_seal, epoch_id, labels, roster_hash, sign_key_frame,
};
use burnchat_core::encoding::Fields;
use burnchat_core::error::Error;
use burnchat_core::ids::{EpochId, ParticipantId, RosterHash};
use burnchat_core::link::Link;
use burnchat_core::time::Timestamp;
use burnchat_core::wire::http::CreateRoom;
use burnchat_core::wire::{
    Back, Bytes, ClientFrame, Envelope, HistoryEnd, Join, Joined, KeyFrame, LoggedEnvelope,
    ParticipantJoined, ParticipantLeft, Rekey, RelayFrame, Role, RosterEntry,
};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

use crate::Watched;

const START: Timestamp = Timestamp(1_800_000_000_000);

/// What is the same in every run.
pub struct Scene {
    request: CreateRoom,
    link: String,
    pub keys: RoomKeys,
    pub eve: Identity,
    pub mallory: Identity,
}

/// The scene of a room with or without history.
pub fn scene(history: bool) -> &'static Scene {
    static SCENES: OnceLock<[Scene; 2]> = OnceLock::new();
    &SCENES.get_or_init(|| [false, true].map(Scene::new))[usize::from(history)]
}

impl Scene {
    fn new(history: bool) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let settings = RoomSettings {
            history,
            ..RoomSettings::default()
        };
        let (request, link) =
            plan_room("https://relay.example", settings, START, &mut rng).unwrap();
        Self {
            request,
            keys: RoomKeys::derive(&link),
            link: link.to_url().to_string(),
            eve: Identity::generate(&mut rng).unwrap(),
            mallory: Identity::generate(&mut rng).unwrap(),
        }
    }

    /// The entry of one of the two, with anything for a name: 65 bytes, signed if it is to be.
    pub fn entry(
        &self,
        who: &Identity,
        name: &[u8; 65],
        is_signed: bool,
        number: u64,
    ) -> RosterEntry {
        let id = who.id();
        let named = name.get(1..1 + usize::from(name[0])).unwrap_or(&name[1..]);
        let signed = Fields::bytes(labels::NAME)
            .put(self.keys.room_id().as_bytes())
            .put(id.as_bytes())
            .put(named)
            .finish();
        let signature = match is_signed {
            true => *who.signing().sign(&[&signed]).unwrap().as_bytes(),
            false => [1; 64],
        };
        let mut inside = SecretBytes::copy_of(name);
        inside.extend_from_slice(&signature);
        let sealed =
            aes256_gcm_seal(self.keys.name_key(), &[0; 12], id.as_bytes(), inside).unwrap();
        let sealed_name: [u8; 157] = [[0; 12].as_slice(), &sealed].concat().try_into().unwrap();
        let (kem_pub, sig_pub) = (
            *who.kem().public_key().as_bytes(),
            *who.signing().verifying_key().as_bytes(),
        );
        let join_proof = self.keys.join_proof(&kem_pub, &sig_pub, &sealed_name);
        RosterEntry {
            kem_pub: Bytes(kem_pub),
            sig_pub: Bytes(sig_pub),
            sealed_name: Bytes(sealed_name),
            join_proof: Bytes(join_proof),
            role: Role::Member,
            number,
        }
    }
}

/// The room as Eve knows it, and the client she is after.
pub struct Insider {
    pub scene: &'static Scene,
    pub watched: Watched,
    pub rng: ChaCha8Rng,
    pub roster: Vec<RosterEntry>,
    pub version: u64,
    pub seq: u64,
    pub head: EpochId,
    /// Those whose key she has, with the roster version, the newest last.
    pub epochs: Vec<(EpochId, SessionKey, u64)>,
    /// Her next envelope in the newest epoch, and how many she has sent before.
    pub n: u64,
    pub count: u64,
    pub last: (u64, u64),
    pub history: bool,
    pub last_extended: u64,
    /// The client's own id, while it is joined.
    pub victim: Option<ParticipantId>,
    pair: Option<PairKey>,
    numbers: u64,
}

pub fn id_of(entry: &RosterEntry) -> ParticipantId {
    burnchat_core::crypto::participant_id(&entry.kem_pub.0, &entry.sig_pub.0)
}

impl Insider {
    pub fn new(history: bool) -> Self {
        let scene = scene(history);
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        let link = Link::parse(&scene.link).unwrap();
        let client = Client::new(link, JoinOptions::default(), &mut rng);
        let mut watched = Watched::new(client, START);
        watched.settle(&mut rng);
        Self {
            scene,
            watched,
            rng,
            roster: Vec::new(),
            version: 0,
            seq: 0,
            head: EpochId::NONE,
            epochs: Vec::new(),
            n: 0,
            count: 0,
            last: (0, 0),
            history,
            last_extended: 0,
            victim: None,
            pair: None,
            numbers: 0,
        }
    }

    pub fn next_seq(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }

    pub fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    pub fn deliver(&mut self, frame: &RelayFrame) -> Result<(), Error> {
        self.watched.frame(frame.encode().as_bytes(), &mut self.rng)
    }

    /// The client joins, and is told who is there; in history rooms these frames of the past first.
    pub fn let_in(&mut self, role: Role, past: &[RelayFrame]) {
        let (watched, rng) = (&mut self.watched, &mut self.rng);
        if watched.client.handle_connected(watched.now, rng).is_err() {
            return;
        }
        watched.wants_connection = false;
        watched.settle(rng);
        let sent = std::mem::take(&mut watched.sent);
        for frame in sent {
            match frame {
                ClientFrame::Join(join) => self.answer(&join, role, past),
                ClientFrame::Resume(_) => {
                    let resumed = burnchat_core::wire::Resumed {
                        seq: self.seq,
                        seconds_remaining: 500,
                    };
                    let _ = self.deliver(&RelayFrame::Resumed(resumed));
                }
                _ => {}
            }
        }
    }

    fn answer(&mut self, join: &Join, role: Role, past: &[RelayFrame]) {
        let victim = self.victim.take();
        self.roster.retain(|entry| Some(id_of(entry)) != victim);
        let entry = RosterEntry {
            kem_pub: join.kem_pub,
            sig_pub: join.sig_pub,
            sealed_name: join.sealed_name,
            join_proof: join.join_proof,
            role,
            number: self.next_number(),
        };
        let id = id_of(&entry);
        self.roster.push(entry);
        self.version += 1;
        let seq = self.next_seq();
        let joined = Joined {
            seq,
            version: self.version,
            head: self.head,
            role,
            seat_token: Secret::copy_of(&[3; 32]),
            participants: self.roster.clone(),
            seconds_remaining: 600,
            history: self.history,
            locked: false,
            capacity: 50,
            burn: self.scene.request.burn,
            ticket_hash: self.scene.request.ticket_hash,
            last_extended: self.last_extended,
        };
        // One who has heard only of strangers leaves.
        if self.deliver(&RelayFrame::Joined(Box::new(joined))).is_err() {
            return;
        }
        self.victim = Some(id);
        let public = KemPublicKey::from_sec1(&join.kem_pub.0).unwrap();
        let shared = self.scene.eve.kem().agree(&public).unwrap();
        self.pair = Some(PairKey::new(self.scene.keys.wrap_key(), &shared));
        if self.history {
            for frame in past {
                let _ = self.deliver(frame);
            }
            let _ = self.deliver(&RelayFrame::HistoryEnd(HistoryEnd { complete: true }));
        }
    }

    pub fn roster_hash(&self) -> RosterHash {
        let entries = self.roster.iter().map(|entry| RosterKeys {
            kem_pub: &entry.kem_pub.0,
            sig_pub: &entry.sig_pub.0,
            role: entry.role,
        });
        roster_hash(self.scene.keys.room_id(), self.version, entries)
    }

    /// A key frame of hers for the newest roster, as good as any.
    pub fn key_frame(&mut self, key: &SessionKey) -> KeyFrame {
        let roster_hash = self.roster_hash();
        let eve = &self.scene.eve;
        let commit = key.commit(&roster_hash);
        let epoch = epoch_id(&self.head, &roster_hash, &commit);
        let sig = sign_key_frame(eve, self.scene.keys.room_id(), &epoch).unwrap();
        let kek = self.victim.zip(self.pair.as_ref());
        let kek = kek.map(|(victim, pair)| pair.kek(&roster_hash, &eve.id(), &victim));
        let back = self.epochs.last().filter(|_| self.history);
        KeyFrame {
            seq: 0,
            version: self.version,
            steward: eve.id(),
            roster_hash,
            prev: self.head,
            commit: Bytes(commit),
            sig: Bytes(*sig.as_bytes()),
            wrapped: kek.map(|kek| Bytes(kek.wrap(key))),
            back: back.map(|(older, older_key, _)| Back {
                epoch: *older,
                wrapped: Bytes(key.wrap_back(&epoch, older_key)),
            }),
        }
    }

    /// The relay logs a key frame; if the client takes it, it is the newest.
    pub fn log_key_frame(&mut self, mut frame: KeyFrame, key: Option<SessionKey>) {
        frame.seq = self.next_seq();
        let id = epoch_id(&frame.prev, &frame.roster_hash, &frame.commit.0);
        let version = frame.version;
        if self
            .deliver(&RelayFrame::SessionKey(Box::new(frame)))
            .is_ok()
        {
            self.note_epoch(id, key, version);
        }
    }

    pub fn note_epoch(&mut self, id: EpochId, key: Option<SessionKey>, version: u64) {
        self.head = id;
        if let Some(key) = key {
            if self.n > 0 {
                let (_, _, version) = self.epochs[self.epochs.len() - 1];
                self.last = (version, self.n);
            }
            self.epochs.push((id, key, version));
            self.n = 0;
        }
    }

    /// The client's own key frame, as it goes to the room; and the key in it, which is wrapped for her.
    pub fn log_offer(&mut self, offer: burnchat_core::wire::KeyOffer) {
        let Some(victim) = self.victim else { return };
        let eve = self.scene.eve.id();
        let wrap = offer.wraps.iter().find(|wrap| wrap.id == eve);
        let kek = self
            .pair
            .as_ref()
            .map(|pair| pair.kek(&offer.roster_hash, &victim, &eve));
        let key = wrap
            .zip(kek)
            .and_then(|(wrap, kek)| kek.unwrap(&wrap.wrapped.0).ok());
        if let Some(key) = &key {
            assert!(key.matches(&offer.commit.0, &offer.roster_hash));
        }
        let frame = KeyFrame {
            seq: 0,
            version: offer.version,
            steward: victim,
            roster_hash: offer.roster_hash,
            prev: offer.prev,
            commit: offer.commit,
            sig: offer.sig,
            wrapped: None,
            back: offer.back,
        };
        self.log_key_frame(frame, key);
    }

    /// What she says, under the key of message `n` of her chain in that epoch.
    pub fn seal(&mut self, epoch: usize, n: u64, padded: SecretBytes) -> Option<LoggedEnvelope> {
        let (id, key, _) = self.epochs.get(epoch)?;
        let (message_key, _) = key.chain(id, &self.scene.eve.id()).look_ahead(n)?;
        let envelope = Envelope::seal(
            self.scene.keys.room_id(),
            id,
            &self.scene.eve,
            message_key,
            padded,
            &mut self.rng,
        );
        Some(LoggedEnvelope::new(0, self.scene.eve.id(), envelope.ok()?))
    }

    pub fn log(&mut self, mut envelope: LoggedEnvelope) -> Result<(), Error> {
        // What the wire does not carry, no relay can send.
        if !burnchat_core::limits::CIPHERTEXT_BYTES.contains(&envelope.ciphertext.0.len()) {
            return Ok(());
        }
        envelope.seq = self.next_seq();
        self.deliver(&RelayFrame::Message(envelope))
    }

    pub fn rekey(&mut self) {
        self.version += 1;
        let (seq, version) = (self.next_seq(), self.version);
        let _ = self.deliver(&RelayFrame::Rekey(Rekey { seq, version }));
    }

    pub fn join(&mut self, participant: RosterEntry, replaces: Option<ParticipantId>) {
        self.version += 1;
        let (seq, version) = (self.next_seq(), self.version);
        self.roster.retain(|entry| Some(id_of(entry)) != replaces);
        self.roster.push(participant.clone());
        let _ = self.deliver(&RelayFrame::ParticipantJoined(Box::new(
            ParticipantJoined {
                seq,
                version,
                participant,
                replaces,
            },
        )));
    }

    pub fn leave(&mut self, id: ParticipantId, reason: burnchat_core::wire::Departure) {
        self.version += 1;
        let (seq, version) = (self.next_seq(), self.version);
        self.roster.retain(|entry| id_of(entry) != id);
        let _ = self.deliver(&RelayFrame::ParticipantLeft(ParticipantLeft {
            seq,
            version,
            id,
            reason,
        }));
    }
}
