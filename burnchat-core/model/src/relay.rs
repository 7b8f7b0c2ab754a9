//! The hub, and beside it what it has logged, read off its frames.

use std::rc::Rc;

use burnchat_core::crypto::{VerificationCode, VerificationEntry, epoch_id, participant_id};
use burnchat_core::ids::{EpochId, ParticipantId};
use burnchat_core::relay::{ConnectionId, Disconnect, Hub, Output as HubOutput, PeerKey};
use burnchat_core::time::Timestamp;
use burnchat_core::wire::{ClientFrame, RelayFrame, RosterEntry};
use burnchat_sim::Rule;
use rand_chacha::ChaCha8Rng;

use crate::arena::Machine;
use crate::frames::{FrameId, Frames};
use crate::hash::{Digest, digest};
use crate::room::{EXTENSION_SECONDS, Room, Tick};

/// Names a connection: whose, and the how manieth of theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Wire {
    pub(crate) node: u8,
    pub(crate) ordinal: u8,
}

impl Wire {
    fn id(self) -> ConnectionId {
        ConnectionId((u64::from(self.node) << 8) | u64::from(self.ordinal))
    }

    fn of(ConnectionId(id): ConnectionId) -> Self {
        let byte = |number: u64| u8::try_from(number & 0xff).unwrap_or(u8::MAX);
        Self {
            node: byte(id >> 8),
            ordinal: byte(id),
        }
    }
}

/// What can come to the hub, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Input {
    pub(crate) now: Tick,
    pub(crate) what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum What {
    Connect(Wire),
    Frame(Wire, FrameId),
    Gone { wire: Wire, clean: bool },
    Timer,
}

/// What the hub wants done, and what was wrong with that.
#[derive(Default)]
pub(crate) struct Says {
    pub(crate) does: Vec<Does>,
    pub(crate) broken: Option<(Rule, String)>,
    /// For stories.
    pub(crate) lines: Vec<String>,
}

pub(crate) enum Does {
    Send(Vec<Wire>, FrameId),
    Close(Wire),
}

/// The hub's machine.
#[derive(Clone)]
pub(crate) struct Relay {
    room: Rc<Room>,
    hub: Hub,
    rng: ChaCha8Rng,
    log: Rc<Log>,
}

/// What the hub has logged and ordered, as far as anybody was sent it.
#[derive(Clone, Hash)]
pub(crate) struct Log {
    pub(crate) end: Timestamp,
    pub(crate) burned: bool,
    seq: u64,
    entries: Vec<Listed>,
    /// Each version that was seen: who is on it, and its codes.
    pub(crate) versions: Vec<(u64, Rc<Version>)>,
    /// Every epoch: its version, and who can have its key.
    pub(crate) epochs: Vec<(EpochId, u64, Vec<ParticipantId>)>,
    departed: Vec<ParticipantId>,
}

/// An entry of the roster, as far as codes are made of it.
#[derive(Clone, Hash)]
struct Listed {
    id: ParticipantId,
    kem_pub: [u8; 65],
    sig_pub: [u8; 65],
}

/// One version of the roster.
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Version {
    pub(crate) people: Vec<ParticipantId>,
    pub(crate) transcript: [u8; 32],
}

/// What is known of a hub without it.
pub(crate) struct Facts {
    pub(crate) due: Option<Tick>,
    pub(crate) log: Rc<Log>,
    pub(crate) rooms: usize,
}

impl Relay {
    pub(crate) fn new(room: Rc<Room>, hub: Hub, rng: ChaCha8Rng) -> Self {
        let log = Log {
            end: room.end,
            burned: false,
            seq: 0,
            entries: Vec::new(),
            versions: Vec::new(),
            epochs: Vec::new(),
            departed: Vec::new(),
        };
        Self {
            room,
            hub,
            rng,
            log: Rc::new(log),
        }
    }

    fn drain(&mut self, input: &Input, offer: Option<ClientFrame>, frames: &mut Frames) -> Says {
        let mut says = Says::default();
        let over = input.now.time() >= self.log.end;
        let was_burned = self.log.burned;
        while let Some(output) = self.hub.poll_output() {
            match output {
                HubOutput::Send { to, frame } => {
                    let number = frames.number(frame.as_bytes());
                    let read = RelayFrame::parse(frame.as_bytes()).ok().flatten();
                    let is_more =
                        !matches!(read, Some(RelayFrame::Destroyed(_) | RelayFrame::Error(_)));
                    if is_more && (over || was_burned) {
                        let what =
                            format!("the relay sends `{}` after the end", frames.kind(number));
                        says.broken.get_or_insert((Rule::BurnAtRelay, what));
                    }
                    if let Some(read) = read
                        && let Err(broken) = self.learn(&read, offer.as_ref())
                    {
                        says.broken.get_or_insert(broken);
                    }
                    let to = to.into_iter().map(Wire::of).collect();
                    says.does.push(Does::Send(to, number));
                }
                HubOutput::Close { connection, .. } => {
                    says.does.push(Does::Close(Wire::of(connection)));
                }
                HubOutput::Burned {
                    late_millis,
                    reason,
                    ..
                } => {
                    Rc::make_mut(&mut self.log).burned = true;
                    says.lines
                        .push(format!("the relay burns the room: {reason:?}"));
                    if late_millis > 0 {
                        let what = format!("the relay burns the room {late_millis} ms late");
                        says.broken.get_or_insert((Rule::BurnAtRelay, what));
                    }
                }
            }
        }
        if over && self.hub.stats().rooms > 0 {
            let what = "the relay keeps the room after its end".into();
            says.broken.get_or_insert((Rule::BurnAtRelay, what));
        }
        says
    }

    /// What a hub that has burned the room says to whoever comes with any frame there has been: a refusal.
    fn asked_after_the_end(mut self, input: &Input, frames: &mut Frames) -> Says {
        let all: Vec<_> = frames.of_each_type().collect();
        let mut says = Says::default();
        for (ordinal, frame) in (0..).zip(all) {
            let wire = Wire {
                node: u8::MAX,
                ordinal,
            };
            let (now, peer) = (input.now.time(), PeerKey([u8::MAX; 16]));
            self.hub.handle_connect(now, wire.id(), peer, self.room.id);
            self.hub.handle_frame(now, wire.id(), &frame, &mut self.rng);
            let answer = self.drain(input, None, &mut Frames::default());
            says.broken = says.broken.or(answer.broken);
            if self.hub.stats().rooms > 0 {
                let what = "the relay has a room again after its end".into();
                says.broken.get_or_insert((Rule::BurnAtRelay, what));
            }
        }
        says
    }

    /// Reads a frame the hub sends. Entries come again when somebody resumes; what is older than the newest is known.
    fn learn(
        &mut self,
        frame: &RelayFrame,
        offer: Option<&ClientFrame>,
    ) -> Result<(), (Rule, String)> {
        if let RelayFrame::Joined(joined) = frame {
            let log = Rc::make_mut(&mut self.log);
            if joined.seq > log.seq {
                log.seq = joined.seq;
                let before = std::mem::take(&mut log.entries);
                log.entries = joined.participants.iter().map(listed).collect();
                let gone = before.iter().filter(|entry| !log.is_there(&entry.id));
                let gone: Vec<ParticipantId> = gone.map(|entry| entry.id).collect();
                log.departed.extend(gone);
                self.note(joined.version);
            }
            return Ok(());
        }
        let Some(seq) = frame.seq().filter(|seq| *seq > self.log.seq) else {
            return Ok(());
        };
        let log = Rc::make_mut(&mut self.log);
        log.seq = seq;
        match frame {
            RelayFrame::ParticipantJoined(joined) => {
                if let Some(gone) = joined.replaces {
                    log.depart(gone);
                }
                log.entries.push(listed(&joined.participant));
                self.note(joined.version);
            }
            RelayFrame::ParticipantLeft(left) => {
                log.depart(left.id);
                self.note(left.version);
            }
            RelayFrame::Rekey(rekey) => self.note(rekey.version),
            RelayFrame::Extended(_) => {
                let end = log.end.plus_seconds(EXTENSION_SECONDS);
                log.end = end.min(self.room.not_after);
            }
            RelayFrame::SessionKey(key) => {
                let id = epoch_id(&key.prev, &key.roster_hash, &key.commit.0);
                let mut holders = vec![key.steward];
                if let Some(ClientFrame::SessionKey(offer)) = offer
                    && offer.commit == key.commit
                {
                    holders.extend(offer.wraps.iter().map(|wrap| wrap.id));
                }
                let stranger = holders.iter().find(|id| !log.is_there(id)).copied();
                log.epochs.push((id, key.version, holders));
                if let Some(stranger) = stranger {
                    let what = format!(
                        "the key of version {} is wrapped for {}, who is not there",
                        key.version,
                        short(&stranger)
                    );
                    return Err((Rule::KeyEntitled, what));
                }
            }
            RelayFrame::Message(message) => {
                let holders = log.epochs.iter().find(|(id, ..)| *id == message.epoch);
                let gone = holders.and_then(|(.., holders)| {
                    holders.iter().find(|id| log.departed.contains(id)).copied()
                });
                if let Some(gone) = gone {
                    let what = format!(
                        "the relay logs an envelope under a key that {} holds, who has left",
                        short(&gone)
                    );
                    return Err((Rule::Hold, what));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Writes down the roster as it is, as this version.
    fn note(&mut self, version: u64) {
        let entries = self.log.entries.iter().map(|entry| VerificationEntry {
            id: entry.id,
            kem_pub: &entry.kem_pub,
            sig_pub: &entry.sig_pub,
        });
        let code = VerificationCode::new(&self.room.id, &self.room.secret, entries);
        let seen = Version {
            people: self.log.entries.iter().map(|entry| entry.id).collect(),
            transcript: *code.transcript(),
        };
        Rc::make_mut(&mut self.log)
            .versions
            .push((version, Rc::new(seen)));
    }
}

impl Log {
    pub(crate) fn version(&self, version: u64) -> Option<&Rc<Version>> {
        let found = self.versions.iter().find(|(number, _)| *number == version);
        found.map(|(_, seen)| seen)
    }

    pub(crate) fn is_there(&self, id: &ParticipantId) -> bool {
        self.entries.iter().any(|entry| entry.id == *id)
    }

    fn depart(&mut self, id: ParticipantId) {
        self.entries.retain(|entry| entry.id != id);
        self.departed.push(id);
    }
}

impl Machine for Relay {
    type Input = Input;
    type Output = Says;
    type Facts = Facts;

    fn step(&mut self, input: &Input, frames: &mut Frames) -> Says {
        let now = input.now.time();
        let mut offer = None;
        match input.what {
            What::Connect(wire) => {
                let peer = PeerKey([wire.node; 16]);
                self.hub.handle_connect(now, wire.id(), peer, self.room.id);
            }
            What::Frame(wire, frame) => {
                let text = frames.text(frame);
                if frames.kind(frame) == "session_key" {
                    offer = ClientFrame::parse(&text).ok();
                }
                self.hub.handle_frame(now, wire.id(), &text, &mut self.rng);
            }
            What::Gone { wire, clean } => {
                let end = if clean {
                    Disconnect::Clean
                } else {
                    Disconnect::Broken
                };
                self.hub.handle_disconnect(now, wire.id(), end);
            }
            What::Timer => self.hub.handle_timeout(now),
        }
        let was_burned = self.log.burned;
        let mut says = self.drain(input, offer, frames);
        if self.log.burned && !was_burned {
            let later = self.clone().asked_after_the_end(input, frames);
            says.broken = says.broken.or(later.broken);
        }
        says
    }

    fn facts(&self) -> Facts {
        Facts {
            due: self.hub.poll_timeout().map(Tick::not_before),
            log: Rc::clone(&self.log),
            rooms: self.hub.stats().rooms,
        }
    }

    fn digest(&self) -> Digest {
        digest(&(&self.hub, &self.log, self.rng.get_word_pos()))
    }
}

fn listed(entry: &RosterEntry) -> Listed {
    Listed {
        id: participant_id(&entry.kem_pub.0, &entry.sig_pub.0),
        kem_pub: entry.kem_pub.0,
        sig_pub: entry.sig_pub.0,
    }
}

/// Enough of an id to tell people apart.
pub(crate) fn short(id: &ParticipantId) -> String {
    id.to_base64().chars().take(6).collect()
}
