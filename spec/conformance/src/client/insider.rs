//! A participant whose every frame is written by hand: an insider, or whoever claims to be one.

use burnchat_core::crypto::{
    Body, Decoded, Header, Identity, KemPublicKey, KeyEncryptionKey, LastEpoch, Name, Plaintext,
    RoomKeys, RosterKeys, Secret, SecretBytes, SessionKey, Text, epoch_id, participant_id,
    roster_hash, seal_name, sign_key_frame,
};
use burnchat_core::ids::{EpochId, MessageId, ParticipantId, RosterHash};
use burnchat_core::link::Link;
use burnchat_core::time::Timestamp;
use burnchat_core::wire::{
    Back, Bytes, ClientFrame, Envelope, Join, KeyFrame, KeyOffer, LoggedEnvelope, RelayFrame, Role,
    RosterEntry, Wrap,
};
use serde_json::Value;

use super::room::{Room, of_the_suite, parsed, rng};
use crate::case::{Outcome, fail};

/// One such participant, and what it has seen.
pub(crate) struct Insider {
    pub(crate) me: Identity,
    pub(crate) keys: RoomKeys,
    connection: u64,
    pub(crate) roster: Vec<RosterEntry>,
    pub(crate) version: u64,
    pub(crate) head: EpochId,
    /// The session keys it could open, oldest first.
    pub(crate) epochs: Vec<(EpochId, SessionKey)>,
    pub(crate) messages: Vec<LoggedEnvelope>,
    pub(crate) key_frames: Vec<KeyFrame>,
    offered: Vec<(EpochId, SessionKey)>,
    read: usize,
}

impl Insider {
    /// Joins the room with what its link says.
    pub(crate) fn join(room: &mut Room, name: &str) -> Outcome<Self> {
        let me = Identity::generate(&mut rng()).map_err(of_the_suite)?;
        let keys = RoomKeys::derive(&Link::parse(&room.link).map_err(of_the_suite)?);
        let entry = entry_of(&keys, &me, name)?;
        Self::join_as(room, me, &entry)
    }

    /// The same with an entry of its own making.
    pub(crate) fn join_as(room: &mut Room, me: Identity, entry: &RosterEntry) -> Outcome<Self> {
        let link = Link::parse(&room.link).map_err(of_the_suite)?;
        let join = Join {
            kem_pub: entry.kem_pub,
            sig_pub: entry.sig_pub,
            sealed_name: entry.sealed_name,
            join_proof: entry.join_proof,
            ticket: Some(Secret::copy_of(link.ticket().as_secret().as_bytes())),
            pin: None,
            creator_token: None,
            seat_token: None,
        };
        let connection = room.connect_stranger(link.room_id());
        room.send_as_stranger(connection, &ClientFrame::Join(Box::new(join)).encode());
        let told = room
            .strangers
            .get(&connection)
            .and_then(|told| told.first());
        let Some(RelayFrame::Joined(joined)) = told.and_then(|frame| parsed(frame)) else {
            return Err(of_the_suite("the insider was not let in"));
        };
        Ok(Self {
            me,
            keys: RoomKeys::derive(&link),
            connection,
            roster: joined.participants,
            version: joined.version,
            head: joined.head,
            epochs: Vec::new(),
            messages: Vec::new(),
            key_frames: Vec::new(),
            offered: Vec::new(),
            read: 1,
        })
    }

    pub(crate) fn id(&self) -> ParticipantId {
        self.me.id()
    }

    /// Sends a frame.
    pub(crate) fn say(&self, room: &mut Room, frame: &ClientFrame) {
        room.send_as_stranger(self.connection, &frame.encode());
    }

    /// Leaves.
    pub(crate) fn leave(&self, room: &mut Room) {
        room.disconnect_stranger(self.connection);
    }

    /// Reads what it was sent since it last looked.
    pub(crate) fn catch_up(&mut self, room: &Room) {
        let told = room
            .strangers
            .get(&self.connection)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let frames: Vec<RelayFrame> = told
            .iter()
            .skip(self.read)
            .filter_map(|frame| parsed(frame))
            .collect();
        self.read = told.len();
        for frame in frames {
            self.take(frame);
        }
    }

    /// Until it holds the key of the newest epoch.
    pub(crate) async fn keyed(&mut self, room: &mut Room) -> Outcome {
        for _ in 0..100 {
            self.catch_up(room);
            if self.epochs.last().is_some_and(|(id, _)| *id == self.head) {
                return Ok(());
            }
            room.pass(std::time::Duration::from_millis(50)).await;
        }
        fail("the insider to be given a key", "none")
    }

    /// The newest key it holds.
    pub(crate) fn newest(&self) -> Outcome<(EpochId, SessionKey)> {
        let (id, key) = self
            .epochs
            .last()
            .ok_or_else(|| of_the_suite("the insider has no key"))?;
        Ok((*id, copy(key)))
    }

    pub(crate) fn roster_hash(&self) -> RosterHash {
        hash_of(&self.keys, self.version, &self.roster)
    }

    /// A key frame for the newest roster, as good as any honest one, with a wrap for everyone else.
    pub(crate) fn offer(&mut self, key: &SessionKey) -> Outcome<KeyOffer> {
        let roster_hash = self.roster_hash();
        let commit = key.commit(&roster_hash);
        let epoch = epoch_id(&self.head, &roster_hash, &commit);
        self.offered.push((epoch, copy(key)));
        let sig = sign_key_frame(&self.me, self.keys.room_id(), &epoch).map_err(of_the_suite)?;
        let others: Vec<ParticipantId> = self
            .roster
            .iter()
            .map(id_of)
            .filter(|id| *id != self.id())
            .collect();
        let mut wraps = Vec::new();
        for id in others {
            wraps.push(self.wrap(&id, key)?);
        }
        Ok(KeyOffer {
            version: self.version,
            roster_hash,
            prev: self.head,
            commit: Bytes(commit),
            sig: Bytes(*sig.as_bytes()),
            wraps,
            back: None,
        })
    }

    /// A session key wrapped for somebody.
    pub(crate) fn wrap(&self, recipient: &ParticipantId, key: &SessionKey) -> Outcome<Wrap> {
        let kek = self.kek_with(recipient, &self.id(), recipient, &self.roster_hash())?;
        Ok(Wrap {
            id: *recipient,
            wrapped: Bytes(kek.wrap(key)),
        })
    }

    /// An envelope of its own in the newest epoch, with this plaintext.
    pub(crate) fn seal(&self, n: u64, padded: SecretBytes) -> Outcome<Envelope> {
        self.seal_as(&self.me, n, padded)
    }

    /// An envelope that names somebody else as its sender, under that sender's chain, signed by these keys.
    pub(crate) fn seal_as(
        &self,
        sender: &Identity,
        n: u64,
        padded: SecretBytes,
    ) -> Outcome<Envelope> {
        let (epoch, key) = self.newest()?;
        self.seal_in(&epoch, &key, sender, n, padded)
    }

    /// An envelope in this epoch.
    pub(crate) fn seal_in(
        &self,
        epoch: &EpochId,
        key: &SessionKey,
        sender: &Identity,
        n: u64,
        padded: SecretBytes,
    ) -> Outcome<Envelope> {
        let (message_key, _) = key
            .chain(epoch, &sender.id())
            .look_ahead(n)
            .ok_or_else(|| of_the_suite("no such n"))?;
        Envelope::seal(
            self.keys.room_id(),
            epoch,
            sender,
            message_key,
            padded,
            &mut rng(),
        )
        .map_err(of_the_suite)
    }

    /// An envelope with a text.
    pub(crate) fn text(&self, n: u64, count: u64, text: &str) -> Outcome<Envelope> {
        self.seal(n, plaintext(n, count, text)?)
    }

    /// What somebody's envelope says, to whoever holds the keys that this insider holds.
    pub(crate) fn open(&self, logged: &LoggedEnvelope) -> Option<(SecretBytes, Option<Decoded>)> {
        let envelope = logged.clone().into_envelope();
        let (_, key) = self.epochs.iter().find(|(id, _)| *id == envelope.epoch)?;
        let (message_key, _) = key
            .chain(&envelope.epoch, &logged.sender)
            .look_ahead(envelope.n)?;
        let padded = envelope
            .open(self.keys.room_id(), &logged.sender, &message_key)
            .ok()?;
        let decoded = Decoded::from_padded(envelope.n, &padded);
        Some((padded, decoded))
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
                if let Some(key) = self.unwrap(&frame) {
                    self.epochs.push((self.head, key));
                }
                self.key_frames.push(*frame);
            }
            RelayFrame::Message(logged) => self.messages.push(logged),
            _ => {}
        }
    }

    fn unwrap(&self, frame: &KeyFrame) -> Option<SessionKey> {
        if frame.steward == self.id() {
            let made = self.offered.iter().find(|(id, _)| *id == self.head)?;
            return Some(copy(&made.1));
        }
        let kek = self
            .kek_with(
                &frame.steward,
                &frame.steward,
                &self.id(),
                &frame.roster_hash,
            )
            .ok()?;
        let key = kek.unwrap(&frame.wrapped.as_ref()?.0).ok()?;
        key.matches(&frame.commit.0, &frame.roster_hash)
            .then_some(key)
    }

    fn kek_with(
        &self,
        other: &ParticipantId,
        steward: &ParticipantId,
        recipient: &ParticipantId,
        roster_hash: &RosterHash,
    ) -> Outcome<KeyEncryptionKey> {
        let entry = self.roster.iter().find(|entry| id_of(entry) == *other);
        let entry = entry.ok_or_else(|| of_the_suite("nobody of that id"))?;
        let public = KemPublicKey::from_sec1(&entry.kem_pub.0).map_err(of_the_suite)?;
        let shared = self.me.kem().agree(&public).map_err(of_the_suite)?;
        let wrap_key = self.keys.wrap_key();
        Ok(KeyEncryptionKey::derive(
            wrap_key,
            roster_hash,
            &shared,
            steward,
            recipient,
        ))
    }
}

/// The roster entry of whoever has these keys and this link's secret.
pub(crate) fn entry_of(keys: &RoomKeys, me: &Identity, name: &str) -> Outcome<RosterEntry> {
    let name = Name::new(name).map_err(of_the_suite)?;
    let sealed = seal_name(keys, me, &name, &mut rng()).map_err(of_the_suite)?;
    Ok(proved(keys, me, sealed))
}

/// The entry with this sealed name, and the proof that whoever holds the link can make.
pub(crate) fn proved(keys: &RoomKeys, me: &Identity, sealed_name: [u8; 157]) -> RosterEntry {
    let kem_pub = *me.kem().public_key().as_bytes();
    let sig_pub = *me.signing().verifying_key().as_bytes();
    RosterEntry {
        kem_pub: Bytes(kem_pub),
        sig_pub: Bytes(sig_pub),
        sealed_name: Bytes(sealed_name),
        join_proof: Bytes(keys.join_proof(&kem_pub, &sig_pub, &sealed_name)),
        role: Role::Member,
        number: 2,
    }
}

pub(crate) fn id_of(entry: &RosterEntry) -> ParticipantId {
    participant_id(&entry.kem_pub.0, &entry.sig_pub.0)
}

pub(crate) fn hash_of(keys: &RoomKeys, version: u64, roster: &[RosterEntry]) -> RosterHash {
    let entries = roster.iter().map(|entry| RosterKeys {
        kem_pub: &entry.kem_pub.0,
        sig_pub: &entry.sig_pub.0,
        role: entry.role,
    });
    roster_hash(keys.room_id(), version, entries)
}

pub(crate) fn copy(key: &SessionKey) -> SessionKey {
    SessionKey::from_secret(Secret::copy_of(key.as_secret().as_bytes()))
}

/// The padded plaintext of a text, whose id is made of n and count.
pub(crate) fn plaintext(n: u64, count: u64, text: &str) -> Outcome<SecretBytes> {
    Ok(plaintext_of(
        n,
        header(n, count),
        Body::Text {
            text: Text::new(text).map_err(of_the_suite)?,
            burn_after: 0,
        },
    ))
}

/// The padded plaintext of anything.
pub(crate) fn plaintext_of(n: u64, header: Header, body: Body) -> SecretBytes {
    Plaintext { header, body }.encode(n)
}

pub(crate) fn header(n: u64, count: u64) -> Header {
    let mut id = [0x5a; 16];
    for (to, from) in id
        .iter_mut()
        .zip(n.to_be_bytes().into_iter().chain(count.to_be_bytes()))
    {
        *to = from;
    }
    Header {
        id: MessageId(id),
        sent_at: Timestamp(1_790_000_000_000),
        count,
        last: (n == 0).then_some(LastEpoch::default()),
    }
}

/// A log entry with somebody's envelope, for a relay to slip in; its number is put in later.
pub(crate) fn logged(sender: &ParticipantId, envelope: &Envelope) -> Value {
    let mut entry = serde_json::to_value(envelope).unwrap_or_default();
    entry["type"] = "message".into();
    entry["seq"] = 0.into();
    entry["sender"] = sender.to_base64().into();
    entry
}

/// A key frame as it stands in the log for one recipient; its number is put in later.
pub(crate) fn key_entry(
    steward: &ParticipantId,
    offer: &KeyOffer,
    wrapped: Option<&Bytes<40>>,
) -> Value {
    let mut entry = serde_json::json!({
        "type": "session_key",
        "seq": 0,
        "version": offer.version,
        "steward": steward.to_base64(),
        "roster_hash": offer.roster_hash.to_base64(),
        "prev": offer.prev.to_base64(),
        "commit": serde_json::to_value(offer.commit).unwrap_or_default(),
        "sig": serde_json::to_value(offer.sig).unwrap_or_default(),
        "wrapped": wrapped.map(|wrapped| serde_json::to_value(wrapped).unwrap_or_default()),
    });
    if let Some(Back { epoch, wrapped }) = &offer.back {
        entry["back"] = serde_json::json!({
            "epoch": epoch.to_base64(),
            "wrapped": serde_json::to_value(wrapped).unwrap_or_default(),
        });
    }
    entry
}
