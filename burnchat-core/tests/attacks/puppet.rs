//! A participant whose every frame is written by hand: an insider, or whoever claims to be one.

use burnchat_core::crypto::{
    Body, Header, Identity, KemPublicKey, KeyEncryptionKey, LastEpoch, Name, Plaintext, RoomKeys,
    RosterKeys, Secret, SecretBytes, SessionKey, Text, epoch_id, participant_id, roster_hash,
    seal_name, sign_key_frame,
};
use burnchat_core::error::Code;
use burnchat_core::ids::{EpochId, MessageId, ParticipantId, RosterHash};
use burnchat_core::link::{Link, Ticket};
use burnchat_core::relay::PeerKey;
use burnchat_core::wire::{
    Bytes, ClientFrame, Envelope, Join, Joined, KeyFrame, KeyOffer, LoggedEnvelope, RelayFrame,
    Role, RosterEntry, Wrap,
};

use crate::harness::{START, World};

/// One such participant, and what it has seen.
pub(super) struct Puppet {
    pub(super) me: Identity,
    pub(super) keys: RoomKeys,
    pub(super) connection: u64,
    pub(super) seat_token: Secret<32>,
    pub(super) roster: Vec<RosterEntry>,
    pub(super) version: u64,
    pub(super) head: EpochId,
    /// The session keys it could open, oldest first.
    pub(super) epochs: Vec<(EpochId, SessionKey)>,
    pub(super) key_frames: Vec<KeyFrame>,
    pub(super) messages: Vec<LoggedEnvelope>,
    /// The versions it was asked to key.
    pub(super) asked: Vec<u64>,
    pub(super) errors: Vec<Code>,
    offered: Vec<(EpochId, SessionKey)>,
    read: usize,
}

impl Puppet {
    /// Joins by this link.
    pub(super) fn join(world: &mut World, link: &str, name: &str) -> Self {
        let me = Identity::generate(&mut world.rng).unwrap();
        Self::join_as(world, link, name, me).unwrap()
    }

    /// Joins by this link with these keys, or learns why not.
    pub(super) fn join_as(
        world: &mut World,
        link: &str,
        name: &str,
        me: Identity,
    ) -> Result<Self, Code> {
        let link = Link::parse(link).unwrap();
        let keys = RoomKeys::derive(&link);
        let join = join_frame(world, &link, &me, name);
        let connection = world.connect_stranger(link.room_id(), PeerKey([7; 16]));
        world.send_as_stranger(
            connection,
            ClientFrame::Join(Box::new(join)).encode().as_bytes(),
        );
        match relay_frame(&world.told_stranger(connection)[0]) {
            RelayFrame::Joined(joined) => {
                let Joined {
                    seat_token,
                    participants,
                    version,
                    head,
                    ..
                } = *joined;
                Ok(Self {
                    me,
                    keys,
                    connection,
                    seat_token,
                    roster: participants,
                    version,
                    head,
                    epochs: Vec::new(),
                    key_frames: Vec::new(),
                    messages: Vec::new(),
                    asked: Vec::new(),
                    errors: Vec::new(),
                    offered: Vec::new(),
                    read: 1,
                })
            }
            RelayFrame::Error(error) => Err(error.code),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn id(&self) -> ParticipantId {
        self.me.id()
    }

    /// Sends a frame.
    pub(super) fn say(&self, world: &mut World, frame: &ClientFrame) {
        world.send_as_stranger(self.connection, frame.encode().as_bytes());
    }

    /// Reads what it was sent since it last looked.
    pub(super) fn catch_up(&mut self, world: &World) {
        let told = world.told_stranger(self.connection);
        for frame in &told[self.read..] {
            self.take(relay_frame(frame));
        }
        self.read = told.len();
    }

    /// Whether it has the key of the newest epoch.
    pub(super) fn is_keyed(&self) -> bool {
        self.epochs.iter().any(|(id, _)| *id == self.head)
    }

    pub(super) fn newest_key(&self) -> (EpochId, SessionKey) {
        let (id, key) = self.epochs.last().unwrap();
        (*id, copy(key))
    }

    pub(super) fn roster_hash(&self) -> RosterHash {
        let entries = self.roster.iter().map(|entry| RosterKeys {
            kem_pub: &entry.kem_pub.0,
            sig_pub: &entry.sig_pub.0,
            role: entry.role,
        });
        roster_hash(self.keys.room_id(), self.version, entries)
    }

    /// A key frame for the newest roster, as good as any honest one, with a wrap for everyone else.
    pub(super) fn offer(&mut self, key: &SessionKey) -> KeyOffer {
        let roster_hash = self.roster_hash();
        let commit = key.commit(&roster_hash);
        let epoch = epoch_id(&self.head, &roster_hash, &commit);
        self.offered.push((epoch, copy(key)));
        let sig = sign_key_frame(&self.me, self.keys.room_id(), &epoch).unwrap();
        let others = self.roster.iter().map(id_of).filter(|id| *id != self.id());
        KeyOffer {
            version: self.version,
            roster_hash,
            prev: self.head,
            commit: Bytes(commit),
            sig: Bytes(*sig.as_bytes()),
            wraps: others.map(|id| self.wrap(&id, key)).collect(),
            back: None,
        }
    }

    /// A session key wrapped for somebody.
    pub(super) fn wrap(&self, recipient: &ParticipantId, key: &SessionKey) -> Wrap {
        let kek = self.kek_with(recipient, &self.id(), recipient, &self.roster_hash());
        Wrap {
            id: *recipient,
            wrapped: Bytes(kek.wrap(key)),
        }
    }

    /// An envelope of its own, under the key of message `n` of its chain.
    pub(super) fn envelope(&self, world: &mut World, n: u64, count: u64, text: &str) -> Envelope {
        let (epoch, key) = self.newest_key();
        let (message_key, _) = key.chain(&epoch, &self.id()).look_ahead(n).unwrap();
        Envelope::seal(
            self.keys.room_id(),
            &epoch,
            &self.me,
            message_key,
            plaintext(n, count, text),
            &mut world.rng,
        )
        .unwrap()
    }

    /// Opens a message with what it knows.
    pub(super) fn read(&self, logged: &LoggedEnvelope) -> Option<String> {
        let envelope = logged.clone().into_envelope();
        let (_, key) = self.epochs.iter().find(|(id, _)| *id == envelope.epoch)?;
        let (message_key, _) = key
            .chain(&envelope.epoch, &logged.sender)
            .look_ahead(envelope.n)?;
        let padded = envelope
            .open(self.keys.room_id(), &logged.sender, &message_key)
            .ok()?;
        text_of(envelope.n, &padded)
    }

    /// The session key in its wrap, whatever the frame commits to.
    pub(super) fn unwrap_unchecked(&self, frame: &KeyFrame) -> Option<SessionKey> {
        let kek = self.kek_with(
            &frame.steward,
            &frame.steward,
            &self.id(),
            &frame.roster_hash,
        );
        kek.unwrap(&frame.wrapped.as_ref()?.0).ok()
    }

    fn take(&mut self, frame: RelayFrame) {
        match frame {
            RelayFrame::ParticipantJoined(entry) => {
                self.roster
                    .retain(|listed| Some(id_of(listed)) != entry.replaces);
                self.roster.push(entry.participant);
                self.version = entry.version;
            }
            RelayFrame::ParticipantLeft(entry) => {
                self.roster.retain(|listed| id_of(listed) != entry.id);
                self.version = entry.version;
            }
            RelayFrame::Rekey(entry) => self.version = entry.version,
            RelayFrame::SessionKey(frame) => {
                self.head = epoch_id(&frame.prev, &frame.roster_hash, &frame.commit.0);
                if let Some(key) = self.open(&frame) {
                    self.epochs.push((self.head, key));
                }
                self.key_frames.push(*frame);
            }
            RelayFrame::KeyWanted(wanted) => self.asked.push(wanted.version),
            RelayFrame::Message(logged) => self.messages.push(logged),
            RelayFrame::Error(error) => self.errors.push(error.code),
            _ => {}
        }
    }

    fn open(&self, frame: &KeyFrame) -> Option<SessionKey> {
        if frame.steward == self.id() {
            let made = self.offered.iter().find(|(id, _)| *id == self.head)?;
            return Some(copy(&made.1));
        }
        let key = self.unwrap_unchecked(frame)?;
        key.matches(&frame.commit.0, &frame.roster_hash)
            .then_some(key)
    }

    fn kek_with(
        &self,
        other: &ParticipantId,
        steward: &ParticipantId,
        recipient: &ParticipantId,
        roster_hash: &RosterHash,
    ) -> KeyEncryptionKey {
        let entry = self
            .roster
            .iter()
            .find(|entry| id_of(entry) == *other)
            .unwrap();
        let public = KemPublicKey::from_sec1(&entry.kem_pub.0).unwrap();
        let shared = self.me.kem().agree(&public).unwrap();
        KeyEncryptionKey::derive(
            self.keys.wrap_key(),
            roster_hash,
            &shared,
            steward,
            recipient,
        )
    }
}

/// The roster entry of whoever has these keys and this link's secret.
pub(super) fn entry_of(
    world: &mut World,
    keys: &RoomKeys,
    me: &Identity,
    name: &str,
) -> RosterEntry {
    let name = Name::new(name).unwrap();
    let sealed_name = seal_name(keys, me, &name, &mut world.rng).unwrap();
    let entry = RosterEntry {
        kem_pub: Bytes(*me.kem().public_key().as_bytes()),
        sig_pub: Bytes(*me.signing().verifying_key().as_bytes()),
        sealed_name: Bytes(sealed_name),
        join_proof: Bytes([0; 32]),
        role: Role::Member,
        number: 2,
    };
    proved(keys, &entry, sealed_name)
}

/// The entry with this sealed name, and the proof that whoever holds the link can make.
pub(super) fn proved(keys: &RoomKeys, entry: &RosterEntry, sealed_name: [u8; 157]) -> RosterEntry {
    let proof = keys.join_proof(&entry.kem_pub.0, &entry.sig_pub.0, &sealed_name);
    RosterEntry {
        sealed_name: Bytes(sealed_name),
        join_proof: Bytes(proof),
        ..entry.clone()
    }
}

/// The `join` of whoever has these keys and this link.
pub(super) fn join_frame(world: &mut World, link: &Link, me: &Identity, name: &str) -> Join {
    let entry = entry_of(world, &RoomKeys::derive(link), me, name);
    Join {
        kem_pub: entry.kem_pub,
        sig_pub: entry.sig_pub,
        sealed_name: entry.sealed_name,
        join_proof: entry.join_proof,
        ticket: Some(Secret::copy_of(link.ticket().as_secret().as_bytes())),
        pin: None,
        creator_token: None,
        seat_token: None,
    }
}

/// The link as somebody knows it who has the ticket and the rest, but not the secret: the relay, for one.
pub(super) fn without_the_secret(link: &str) -> String {
    let link = Link::parse(link).unwrap();
    let not_after = u32::try_from(link.not_after().0 / 60_000).unwrap();
    let ticket = Ticket::copy_of(link.ticket().as_secret().as_bytes());
    let guess = Secret::copy_of(&[0; 16]);
    Link::new(
        link.base(),
        link.room_id(),
        link.history(),
        not_after,
        guess,
        ticket,
    )
    .unwrap()
    .to_url()
    .to_string()
}

pub(super) fn id_of(entry: &RosterEntry) -> ParticipantId {
    participant_id(&entry.kem_pub.0, &entry.sig_pub.0)
}

pub(super) fn copy(key: &SessionKey) -> SessionKey {
    SessionKey::from_secret(Secret::copy_of(key.as_secret().as_bytes()))
}

pub(super) fn relay_frame(frame: &str) -> RelayFrame {
    RelayFrame::parse(frame.as_bytes()).unwrap().unwrap()
}

/// The padded plaintext of a text.
pub(super) fn plaintext(n: u64, count: u64, text: &str) -> SecretBytes {
    let header = Header {
        id: MessageId([n as u8 + 1; 16]),
        sent_at: START,
        count,
        last: (n == 0).then_some(LastEpoch::default()),
    };
    let text = Text::new(text).unwrap();
    let body = Body::Text {
        text,
        burn_after: 0,
    };
    Plaintext { header, body }.encode(n)
}

pub(super) fn text_of(n: u64, padded: &SecretBytes) -> Option<String> {
    match burnchat_core::crypto::Decoded::from_padded(n, padded)?.body? {
        Body::Text { text, .. } => Some(text.as_str().to_owned()),
        _ => None,
    }
}
