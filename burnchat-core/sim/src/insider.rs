//! A participant who has the link and its keys, and keeps to the spec only as long as it likes (threat model: a malicious
//! insider). Unlike `hostile`, which alters what an honest machine sends, it makes its frames itself, so that they are
//! good in all but one respect.

use std::collections::{BTreeMap, VecDeque};

use burnchat_core::crypto::{
    Body, CryptoError, Header, Identity, KemPublicKey, KeyEncryptionKey, LastEpoch, Name,
    Plaintext, ReadMessage, RoomKeys, RosterKeys, Secret, SecretBytes, SessionKey, Text, epoch_id,
    participant_id, roster_hash, seal_name, sign_key_frame,
};
use burnchat_core::ids::{EpochId, MessageId, ParticipantId, RosterHash, TicketHash};
use burnchat_core::link::{Link, Ticket};
use burnchat_core::relay::PeerKey;
use burnchat_core::wire::{
    Back, Bytes, ClientFrame, Envelope, Join, KeyFrame, KeyOffer, LoggedEnvelope, RelayFrame,
    RosterEntry, VersionOnly, Wrap,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::script::Draw;
use crate::world::World;

/// Stands for it where a node's number is asked for.
pub(crate) const INSIDER: usize = usize::MAX;

/// How many epochs, and envelopes of others, it remembers.
const REMEMBERED: usize = 16;

/// One such participant, and what it has seen.
pub(crate) struct Insider {
    me: Identity,
    keys: RoomKeys,
    connection: u64,
    roster: Vec<RosterEntry>,
    version: u64,
    head: EpochId,
    /// The session keys it could open, newest last.
    epochs: VecDeque<(EpochId, SessionKey)>,
    offered: VecDeque<(EpochId, SessionKey)>,
    /// The next n in each epoch, and how many envelopes it has sent in all.
    next: BTreeMap<EpochId, u64>,
    count: u64,
    /// Its own texts, for saying them again.
    said: Vec<(MessageId, String)>,
    overheard: VecDeque<LoggedEnvelope>,
    draw: Draw,
}

/// How it lies in a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Lie {
    #[default]
    None,
    CountTooHigh,
    CountTooLow,
    LastEpoch,
    SaidBefore,
    AnothersId,
    AnothersChain,
    OldEpoch,
    SkippedNumber,
    Garbage,
}

const LIES: [Lie; 12] = [
    Lie::None,
    Lie::None,
    Lie::None,
    Lie::CountTooHigh,
    Lie::CountTooLow,
    Lie::LastEpoch,
    Lie::SaidBefore,
    Lie::AnothersId,
    Lie::AnothersChain,
    Lie::OldEpoch,
    Lie::SkippedNumber,
    Lie::Garbage,
];

/// What it does when it is asked for a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mood {
    #[default]
    Honest,
    Silent,
    Decline,
    /// One wrap opens under no key.
    OneBadWrap,
    AllBadWraps,
    /// Half get another key than the frame commits to.
    TwoKeys,
    OneLeftOut,
    NoWraps,
    WrongCommit,
    WrongSignature,
    WrongHash,
    WrongHead,
    /// The way back leads nowhere, or there is none.
    WrongBack,
    NoBack,
}

const MOODS: [Mood; 17] = [
    Mood::Honest,
    Mood::Honest,
    Mood::Silent,
    Mood::Decline,
    Mood::OneBadWrap,
    Mood::OneBadWrap,
    Mood::AllBadWraps,
    Mood::TwoKeys,
    Mood::TwoKeys,
    Mood::OneLeftOut,
    Mood::NoWraps,
    Mood::WrongCommit,
    Mood::WrongSignature,
    Mood::WrongHash,
    Mood::WrongHead,
    Mood::WrongBack,
    Mood::NoBack,
];

/// It does something, drawn from this number: joins, if it is not there.
pub(crate) fn act(world: &mut World, number: u64) {
    let Some(mut insider) = world.insider.take() else {
        join(world, number);
        return;
    };
    insider.draw = Draw(ChaCha8Rng::seed_from_u64(number));
    insider.act(world);
    world.insider = Some(insider);
}

/// It hangs up.
pub(crate) fn leave(world: &mut World) {
    if let Some(insider) = world.insider.take() {
        tell(world, format_args!("the insider leaves"));
        world.hang_up(insider.connection, true);
    }
}

/// It reads a frame.
pub(crate) fn reads(world: &mut World, frame: &RelayFrame) {
    if let Some(mut insider) = world.insider.take() {
        insider.take(world, frame);
        world.insider = Some(insider);
    }
}

fn join(world: &mut World, number: u64) {
    let draw = Draw(ChaCha8Rng::seed_from_u64(number));
    let Some((insider, join)) = prepared(world, draw) else {
        return;
    };
    tell(
        world,
        format_args!(
            "the insider joins as {}",
            super::invariants::short(&insider.me.id())
        ),
    );
    world.ledger.insiders.insert(insider.me.id());
    let connection = insider.connection;
    world.insider = Some(insider);
    world.send_up_on(connection, ClientFrame::Join(Box::new(join)));
}

fn prepared(world: &mut World, draw: Draw) -> Option<(Insider, Join)> {
    let link = Link::parse(&world.room.link).ok()?;
    let keys = RoomKeys::derive(&link);
    let rng = &mut world.keys;
    let me = Identity::generate(rng).ok()?;
    let name = Name::new("insider").ok()?;
    let sealed_name = seal_name(&keys, &me, &name, rng).ok()?;
    let (kem_pub, sig_pub) = (
        *me.kem().public_key().as_bytes(),
        *me.signing().verifying_key().as_bytes(),
    );
    let join = Join {
        kem_pub: Bytes(kem_pub),
        sig_pub: Bytes(sig_pub),
        sealed_name: Bytes(sealed_name),
        join_proof: Bytes(keys.join_proof(&kem_pub, &sig_pub, &sealed_name)),
        ticket: Some(Secret::copy_of(link.ticket().as_secret().as_bytes())),
        pin: None,
        creator_token: None,
        seat_token: None,
    };
    let insider = Insider {
        me,
        keys,
        connection: world.open(INSIDER, PeerKey([6; 16])),
        roster: Vec::new(),
        version: 0,
        head: EpochId::NONE,
        epochs: VecDeque::new(),
        offered: VecDeque::new(),
        next: BTreeMap::new(),
        count: 0,
        said: Vec::new(),
        overheard: VecDeque::new(),
        draw,
    };
    Some((insider, join))
}

impl Insider {
    fn act(&mut self, world: &mut World) {
        match self.draw.below(16) {
            0..8 => self.speak(world),
            8 => self.say(world, ClientFrame::NeedKey(self.version_only())),
            9 => self.say(world, ClientFrame::KeyDeclined(self.version_only())),
            // Unasked, or for the second time.
            10 | 11 => self.offer(world),
            12 => {
                let hash = TicketHash(self.bytes());
                self.send(world, Lie::None, Body::TicketWanted(hash));
            }
            13 => {
                let ticket = Ticket::copy_of(&self.bytes());
                self.send(world, Lie::None, Body::Ticket(ticket));
            }
            14 => {
                let read = self.overheard.iter().map(|logged| ReadMessage {
                    sender: logged.sender,
                    id: MessageId([0xee; 16]),
                });
                let read: Vec<_> = read.take(3).collect();
                let body = match read.is_empty() {
                    true => Body::Typing(true),
                    false => Body::Read(read),
                };
                self.send(world, Lie::None, body);
            }
            _ => {
                // The connection breaks; it does not come back as the same.
                world.hang_up(self.connection, false);
            }
        }
    }

    fn speak(&mut self, world: &mut World) {
        let lie = self.draw.pick(&LIES);
        tell(world, format_args!("the insider writes: {lie:?}"));
        let fresh = (
            MessageId(self.bytes()),
            format!("insider {}", world.ledger.insider_said.len()),
        );
        let (id, words) = match lie {
            Lie::SaidBefore => self.said.last().cloned().unwrap_or(fresh),
            Lie::AnothersId => {
                let known = world.ledger.texts.keys().next_back();
                (known.copied().unwrap_or(fresh.0), fresh.1)
            }
            _ => fresh,
        };
        let Ok(text) = Text::new(&words) else {
            return;
        };
        world.ledger.insider_said.insert((id, words.clone()));
        self.said.push((id, words));
        let body = Body::Text {
            text,
            burn_after: 0,
        };
        self.send_as(world, lie, id, body);
    }

    fn send(&mut self, world: &mut World, lie: Lie, body: Body) {
        let id = MessageId(self.bytes());
        self.send_as(world, lie, id, body);
    }

    fn send_as(&mut self, world: &mut World, lie: Lie, id: MessageId, body: Body) {
        let back = if lie == Lie::OldEpoch { 1 } else { 0 };
        let Some((epoch, key)) = self.epochs.iter().rev().nth(back) else {
            return;
        };
        let epoch = *epoch;
        let mut n = self.next.get(&epoch).copied().unwrap_or(0);
        if lie == Lie::SkippedNumber {
            n = n.saturating_add(1);
        }
        let count = self.count.saturating_add(1);
        let header = Header {
            id,
            sent_at: world.now,
            count: match lie {
                Lie::CountTooHigh => count.saturating_add(self.draw.below(1_000)),
                Lie::CountTooLow => count.saturating_sub(1),
                _ => count,
            },
            last: (n == 0).then(|| match lie {
                Lie::LastEpoch => LastEpoch {
                    version: self.draw.below(self.version.saturating_add(1)),
                    count: self.draw.below(9_000),
                },
                _ => LastEpoch::default(),
            }),
        };
        let of = match (lie, self.overheard.back()) {
            (Lie::AnothersChain, Some(other)) => other.sender,
            _ => self.me.id(),
        };
        let mut padded = Plaintext { header, body }.encode(n);
        if lie == Lie::Garbage {
            let mut garbage = vec![0; padded.len()];
            self.draw.0.fill_bytes(&mut garbage);
            padded = SecretBytes::from(garbage);
        }
        let Some((message_key, _)) = key.chain(&epoch, &of).look_ahead(n) else {
            return;
        };
        let room = self.keys.room_id();
        let sealed = Envelope::seal(room, &epoch, &self.me, message_key, padded, &mut world.keys);
        if let Ok(envelope) = sealed {
            self.next.insert(epoch, n.saturating_add(1));
            self.count = count;
            self.say(world, ClientFrame::Message(envelope));
        }
    }

    /// Answers to being asked for a key, or pretends to have been.
    fn offer(&mut self, world: &mut World) {
        let mood = self.draw.pick(&MOODS);
        tell(world, format_args!("the insider makes a key: {mood:?}"));
        match mood {
            Mood::Silent => return,
            Mood::Decline => {
                self.say(world, ClientFrame::KeyDeclined(self.version_only()));
                return;
            }
            _ => {}
        }
        if let Ok(offer) = self.key_frame(world, mood) {
            self.say(world, ClientFrame::SessionKey(offer.into()));
        }
    }

    fn key_frame(&mut self, world: &mut World, mood: Mood) -> Result<KeyOffer, CryptoError> {
        let [key, other] = [(); 2].map(|()| SessionKey::random(&mut world.keys));
        let mut roster_hash = self.roster_hash();
        if mood == Mood::WrongHash {
            roster_hash = RosterHash(self.bytes());
        }
        let commit = match mood {
            Mood::WrongCommit => other.commit(&roster_hash),
            _ => key.commit(&roster_hash),
        };
        let prev = match mood {
            Mood::WrongHead => EpochId(self.bytes()),
            _ => self.head,
        };
        let epoch = epoch_id(&prev, &roster_hash, &commit);
        let mut sig = *sign_key_frame(&self.me, self.keys.room_id(), &epoch)?.as_bytes();
        if let (Mood::WrongSignature, [first, ..]) = (mood, &mut sig) {
            *first ^= 1;
        }
        let others: Vec<_> = self.roster.iter().map(id_of).collect();
        let others: Vec<_> = others
            .into_iter()
            .filter(|id| *id != self.me.id())
            .collect();
        let victim = self.draw.index(others.len().max(1));
        let mut wraps = Vec::new();
        for (index, id) in others.into_iter().enumerate() {
            let bad = match mood {
                Mood::NoWraps => break,
                Mood::OneLeftOut if index == victim => continue,
                Mood::OneBadWrap => index == victim,
                Mood::AllBadWraps => true,
                _ => false,
            };
            let wrapped = match (bad, mood) {
                (true, _) => self.bytes(),
                (false, Mood::TwoKeys) if index % 2 == 1 => self
                    .kek(&id, &self.me.id(), &id, &roster_hash)?
                    .wrap(&other),
                _ => self.kek(&id, &self.me.id(), &id, &roster_hash)?.wrap(&key),
            };
            let wrapped = Bytes(wrapped);
            wraps.push(Wrap { id, wrapped });
        }
        let back = match (mood, self.epochs.back()) {
            _ if !world.scene.history => None,
            (Mood::NoBack, _) | (_, None) => None,
            (Mood::WrongBack, Some((older, _))) => Some(Back {
                epoch: *older,
                wrapped: Bytes([7; 40]),
            }),
            (_, Some((older, older_key))) => Some(Back {
                epoch: *older,
                wrapped: Bytes(key.wrap_back(&epoch, older_key)),
            }),
        };
        remember(&mut self.offered, (epoch, key));
        Ok(KeyOffer {
            version: self.version,
            roster_hash,
            prev,
            commit: Bytes(commit),
            sig: Bytes(sig),
            wraps,
            back,
        })
    }

    fn take(&mut self, world: &mut World, frame: &RelayFrame) {
        match frame {
            RelayFrame::Joined(joined) => {
                self.roster.clone_from(&joined.participants);
                self.version = joined.version;
                self.head = joined.head;
            }
            RelayFrame::ParticipantJoined(entry) => {
                self.roster
                    .retain(|listed| Some(id_of(listed)) != entry.replaces);
                self.roster.push(entry.participant.clone());
                self.version = entry.version;
            }
            RelayFrame::ParticipantLeft(entry) => {
                self.roster.retain(|listed| id_of(listed) != entry.id);
                self.version = entry.version;
            }
            RelayFrame::Rekey(entry) => self.version = entry.version,
            RelayFrame::SessionKey(frame) => {
                self.head = epoch_id(&frame.prev, &frame.roster_hash, &frame.commit.0);
                if let Some(key) = self.opened(frame) {
                    remember(&mut self.epochs, (self.head, key));
                }
            }
            RelayFrame::KeyWanted(_) => self.offer(world),
            RelayFrame::Message(logged) if logged.sender != self.me.id() => {
                remember(&mut self.overheard, logged.clone());
            }
            // What was refused has used no number.
            RelayFrame::Error(error) => {
                if let Some((epoch, n)) = error.epoch.zip(error.n) {
                    self.next.insert(epoch, n);
                    self.count = self.count.saturating_sub(1);
                }
            }
            _ => {}
        }
    }

    fn opened(&mut self, frame: &KeyFrame) -> Option<SessionKey> {
        if frame.steward == self.me.id() {
            let place = self.offered.iter().position(|(id, _)| *id == self.head)?;
            return self.offered.remove(place).map(|(_, key)| key);
        }
        let kek = self.kek(
            &frame.steward,
            &frame.steward,
            &self.me.id(),
            &frame.roster_hash,
        );
        kek.ok()?.unwrap(&frame.wrapped.as_ref()?.0).ok()
    }

    fn kek(
        &self,
        other: &ParticipantId,
        steward: &ParticipantId,
        recipient: &ParticipantId,
        roster_hash: &RosterHash,
    ) -> Result<KeyEncryptionKey, CryptoError> {
        let entry = self.roster.iter().find(|entry| id_of(entry) == *other);
        let entry = entry.ok_or(CryptoError::BadPublicKey)?;
        let public = KemPublicKey::from_sec1(&entry.kem_pub.0)?;
        let shared = self.me.kem().agree(&public)?;
        let wrap_key = self.keys.wrap_key();
        Ok(KeyEncryptionKey::derive(
            wrap_key,
            roster_hash,
            &shared,
            steward,
            recipient,
        ))
    }

    fn roster_hash(&self) -> RosterHash {
        let entries = self.roster.iter().map(|entry| RosterKeys {
            kem_pub: &entry.kem_pub.0,
            sig_pub: &entry.sig_pub.0,
            role: entry.role,
        });
        roster_hash(self.keys.room_id(), self.version, entries)
    }

    fn version_only(&self) -> VersionOnly {
        VersionOnly {
            version: self.version,
        }
    }

    fn say(&self, world: &mut World, frame: ClientFrame) {
        world.send_up_on(self.connection, frame);
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.draw.0.fill_bytes(&mut bytes);
        bytes
    }
}

fn remember<T>(kept: &mut VecDeque<T>, new: T) {
    if kept.len() >= REMEMBERED {
        kept.pop_front();
    }
    kept.push_back(new);
}

fn id_of(entry: &RosterEntry) -> ParticipantId {
    participant_id(&entry.kem_pub.0, &entry.sig_pub.0)
}

fn tell(world: &mut World, line: std::fmt::Arguments<'_>) {
    let now = world.now;
    world.trace.tell(now, line);
}
