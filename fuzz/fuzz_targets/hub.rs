//! A relay with several rooms, and everybody who may talk to it: they create, join with whatever they hold, resume, key,
//! talk, command, guess PINs, break off and ask over HTTP, while time goes as it likes. What a relay owes them is checked
//! after every step, against books kept apart from it.
//!
//! The input: one byte for the relay's limits, and then one thing after another.

#![no_main]

use std::collections::{BTreeMap, BTreeSet};

use burnchat_core::crypto::Secret;
use burnchat_core::error::Code;
use burnchat_core::ids::{EpochId, ParticipantId, RoomId, RosterHash};
use burnchat_core::link::room_id_of_seed;
use burnchat_core::relay::{ConnectionId, Disconnect, Hub, Limits, Output, PeerKey, Rate};
use burnchat_core::time::Timestamp;
use burnchat_core::wire::http::CreateRoom;
use burnchat_core::wire::{
    Back, Bytes, Ciphertext, ClientFrame, Departure, Envelope, Extend, Join, KeyOffer, Kick, Lock,
    Nothing, PinText, RelayFrame, Renew, Resume, Role, VersionOnly, WhoMayBurn, Wrap,
};
use burnchat_fuzz::{RelayRoom, Tape, hash_of, public_keys};
use libfuzzer_sys::fuzz_target;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

const START: Timestamp = Timestamp(1_800_000_000_000);
const STEPS: usize = 128;
const ROOMS: usize = 4;

fuzz_target!(|input: &[u8]| {
    let mut tape = Tape::new(input);
    let mut world = World::new(tape.byte());
    for _ in 0..STEPS {
        if tape.is_over() {
            break;
        }
        world.step(&mut tape);
        world.settle();
    }
    world.end();
});

struct World {
    hub: Hub,
    rng: ChaCha8Rng,
    /// The driver's time, and the one that never steps back.
    now: Timestamp,
    steady: Timestamp,
    ahead: u64,
    rooms: Vec<RelayRoom>,
    burned: usize,
    lines: BTreeMap<u64, Line>,
    connections: u64,
    /// What has come of the step so far.
    told: Vec<(u64, Told)>,
    entries: Vec<RelayFrame>,
}

/// One connection.
struct Line {
    room: Option<usize>,
    peer: u8,
    stage: Stage,
    id: Option<ParticipantId>,
    role: Role,
    /// The newest envelope it sent, for the next.
    next_n: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Greeting,
    /// It asked to go on from there.
    Resuming(u64),
    /// In step with the log up to there; the history of before its join is still coming.
    Seated { seq: u64, replayed: Option<u64> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Joined(Role),
    Resumed,
    Error(Code),
}

impl World {
    fn new(limits: u8) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        Self {
            hub: Hub::new(limits_of(limits), &mut rng),
            rng,
            now: START,
            steady: START,
            ahead: 0,
            rooms: Vec::new(),
            burned: 0,
            lines: BTreeMap::new(),
            connections: 0,
            told: Vec::new(),
            entries: Vec::new(),
        }
    }

    fn step(&mut self, tape: &mut Tape<'_>) {
        match tape.byte() % 20 {
            0 => self.create(tape),
            1 => self.connect(tape),
            2 | 3 => self.join(tape),
            4 => self.resume(tape),
            5 | 6 => self.offer(tape),
            7 | 8 => self.talk(tape),
            9..12 => self.command(tape),
            12 => {
                let connection = self.line(tape);
                let frame = tape.bytes();
                self.frame(connection, frame);
            }
            13 | 14 => {
                let connection = self.line(tape);
                let end = match tape.byte() & 1 {
                    0 => Disconnect::Clean,
                    _ => Disconnect::Broken,
                };
                self.lines.remove(&connection);
                self.tick();
                self.hub
                    .handle_disconnect(self.now, ConnectionId(connection), end);
            }
            15 => self.wait(tape.short().into()),
            16 => self.wait(u64::from(tape.short()) * 1_000),
            17 => {
                let back = u64::from(tape.short());
                self.now = Timestamp(self.now.0.saturating_sub(back));
            }
            _ => self.ask(tape),
        }
    }

    /// What [`Hub`] says of time, in few words.
    fn tick(&mut self) {
        let steady = self.now.plus_millis(self.ahead);
        if steady < self.steady {
            self.ahead = self.steady.millis_since(self.now);
        } else {
            self.steady = steady;
        }
    }

    fn wait(&mut self, millis: u64) {
        self.now = self.now.plus_millis(millis);
        self.tick();
        self.hub.handle_timeout(self.now);
    }

    fn create(&mut self, tape: &mut Tape<'_>) {
        if self.rooms.len() == ROOMS {
            return;
        }
        let number = self.rooms.len() as u8;
        let (life, more, flags) = (tape.byte(), tape.byte(), tape.byte());
        // Some of these are refused.
        let ttl_seconds = [30, 60, 600, 3_600, 259_200, 29][usize::from(life) % 6];
        let capacity = [2, 3, 8, 50, 256, 1][usize::from(more) % 6];
        self.tick();
        let end = self.steady.plus_seconds(ttl_seconds).0.div_ceil(60_000);
        let not_after = end + [0, 1, 30, 1_439, 1_441][usize::from(flags) % 5];
        let ticket = [number + 1; 16];
        let request = CreateRoom {
            id_seed: Secret::copy_of(&[number; 32]),
            ticket_hash: hash_of(&ticket),
            ttl_seconds,
            not_after: not_after.try_into().unwrap_or(u32::MAX),
            capacity,
            history: flags & 0x40 != 0,
            burn: match flags & 0x80 {
                0 => WhoMayBurn::Creator,
                _ => WhoMayBurn::Anyone,
            },
        };
        let owner = PeerKey([tape.byte() % 3; 16]);
        if let Ok(created) = self
            .hub
            .handle_create(self.now, owner, &request, &mut self.rng)
        {
            assert_eq!(created.room_id, room_id_of_seed(&request.id_seed));
            let pin = created.pin.0.as_slice();
            let (id, token) = (created.room_id, &created.creator_token);
            self.rooms.push(RelayRoom::new(&request, ticket, id, token, pin));
            let again = self
                .hub
                .handle_create(self.now, owner, &request, &mut self.rng);
            assert!(again.is_err(), "one room twice");
        }
    }

    fn connect(&mut self, tape: &mut Tape<'_>) {
        let (room, peer) = (tape.byte(), tape.byte() % 4);
        let room = usize::from(room) % (ROOMS + 1);
        let room = (room < self.rooms.len()).then_some(room);
        let id = room.map_or(RoomId([9; 16]), |room| self.rooms[room].id);
        self.connections += 1;
        let line = Line {
            room,
            peer,
            stage: Stage::Greeting,
            id: None,
            role: Role::Member,
            next_n: 0,
        };
        self.lines.insert(self.connections, line);
        self.tick();
        let (connection, peer) = (ConnectionId(self.connections), PeerKey([peer; 16]));
        self.hub.handle_connect(self.now, connection, peer, id);
    }

    /// One of the connections; 0, which is none, if there is none.
    fn line(&self, tape: &mut Tape<'_>) -> u64 {
        let numbers: Vec<u64> = self.lines.keys().copied().collect();
        tape.pick(&numbers).copied().unwrap_or(0)
    }

    fn room_of(&self, connection: u64) -> Option<usize> {
        self.lines.get(&connection)?.room
    }

    fn frame(&mut self, connection: u64, frame: &[u8]) {
        self.tick();
        let connection = ConnectionId(connection);
        self.hub
            .handle_frame(self.now, connection, frame, &mut self.rng);
    }

    fn say(&mut self, connection: u64, frame: &ClientFrame) {
        self.frame(connection, frame.encode().as_bytes());
    }

    fn join(&mut self, tape: &mut Tape<'_>) {
        let connection = self.line(tape);
        let (held, which, who) = (tape.byte(), tape.byte(), tape.byte());
        let place = self.room_of(connection);
        let room = place.map(|room| &self.rooms[room]);
        let which = usize::from(which);
        let ticket = match (held & 3, room) {
            (0, _) => None,
            (1, Some(room)) => Some(room.ticket()),
            (2, Some(room)) => room.tickets.get(which % room.tickets.len()).copied(),
            _ => Some([0xff; 16]),
        };
        let pin = match (held >> 2 & 3, room) {
            (1, Some(room)) => Some(room.pin.clone().into_bytes()),
            (2, Some(room)) => Some(room.pin.to_lowercase().into_bytes()),
            (3, _) => Some(format!("wrong{which:08}").into_bytes()),
            _ => None,
        };
        let creator_token = match (held >> 4 & 3, room) {
            (1, Some(room)) => Some(room.creator_token),
            (2, _) => Some([0xff; 32]),
            _ => None,
        };
        let seat_token = match (held >> 6 & 3, room) {
            (1, Some(room)) => room.seat_tokens.last().copied(),
            (2, Some(room)) => room.seat_tokens.get(which).copied(),
            (3, _) => Some([0xff; 32]),
            _ => None,
        };
        let (kem_pub, sig_pub) = match who {
            0xff => (Bytes([4; 65]), Bytes([5; 65])),
            who => public_keys(who),
        };
        // What it takes, by the books.
        let has_ticket = room.is_some_and(|room| ticket == Some(room.ticket()));
        let has_token = room.is_some_and(|room| creator_token == Some(room.creator_token));
        let has_seat = held >> 6 & 3 != 3 && seat_token.is_some();
        let has_pin = matches!(held >> 2 & 3, 1 | 2);
        let peer = self.lines.get(&connection).map_or(0, |line| line.peer);
        self.tick();
        let pin_locked =
            place.is_some_and(|place| self.rooms[place].pin_is_locked(self.steady, peer));

        let join = Join {
            kem_pub,
            sig_pub,
            sealed_name: Bytes([who; 157]),
            join_proof: Bytes([who; 32]),
            ticket: ticket.map(|ticket| Secret::copy_of(&ticket)),
            pin: pin.map(|pin| PinText(burnchat_core::crypto::SecretBytes::copy_of(&pin))),
            creator_token: creator_token.map(|token| Secret::copy_of(&token)),
            seat_token: seat_token.map(|token| Secret::copy_of(&token)),
        };
        self.say(connection, &ClientFrame::Join(Box::new(join)));
        self.settle_into();
        for (to, told) in self.told.clone() {
            if to != connection {
                continue;
            }
            match told {
                Told::Joined(role) => {
                    assert!(has_ticket || has_token || has_seat, "let in with nothing");
                    let by_pin = has_pin && has_ticket && !pin_locked;
                    let may_lead = has_token || has_seat || by_pin;
                    assert!(role == Role::Member || may_lead, "a creator without a right");
                }
                Told::Error(Code::WrongPin) => {
                    assert!(!has_pin && !pin_locked);
                    let room = place.expect("a wrong PIN of no room");
                    self.rooms[room].note_wrong_pin(self.steady, peer);
                }
                Told::Error(Code::PinLocked) => assert!(pin_locked, "locked out for nothing"),
                _ => {}
            }
        }
    }

    fn resume(&mut self, tape: &mut Tape<'_>) {
        let connection = self.line(tape);
        let (which, back) = (tape.byte(), tape.byte());
        let Some(room) = self.room_of(connection) else {
            return;
        };
        let room = &self.rooms[room];
        let token = room.seat_tokens.iter().rev().nth(which.into());
        let seq = room.newest_seq().saturating_sub(back.into());
        let resume = Resume {
            seat_token: Secret::copy_of(token.unwrap_or(&[0xfe; 32])),
            seq,
        };
        if let Some(line) = self.lines.get_mut(&connection)
            && line.stage == Stage::Greeting
        {
            line.stage = Stage::Resuming(seq);
        }
        self.say(connection, &ClientFrame::Resume(resume));
        self.settle_into();
        if let Some(line) = self.lines.get_mut(&connection)
            && matches!(line.stage, Stage::Resuming(_))
        {
            // Too fast, or not taken for another reason that leaves the connection.
            line.stage = Stage::Greeting;
        }
    }

    fn offer(&mut self, tape: &mut Tape<'_>) {
        let connection = self.line(tape);
        let (flags, salt) = (tape.byte(), tape.byte());
        let Some(room) = self.room_of(connection) else {
            return;
        };
        let (room, me) = (&self.rooms[room], self.lines[&connection].id);
        let mut wraps: Vec<Wrap> = room
            .roster
            .iter()
            .filter(|one| Some(**one) != me)
            .map(|one| Wrap {
                id: *one,
                wrapped: Bytes([salt; 40]),
            })
            .collect();
        match flags >> 4 & 3 {
            1 => drop(wraps.pop()),
            2 => wraps.reverse(),
            3 => wraps.extend(wraps.clone()),
            _ => {}
        }
        wraps.truncate(255);
        let prev = match flags & 3 {
            3 => tape.pick(&room.heads).copied(),
            _ => Some(room.head()),
        };
        let offer = KeyOffer {
            version: match flags >> 2 & 3 {
                3 => tape.byte().into(),
                _ => room.version,
            },
            roster_hash: RosterHash([room.version as u8; 32]),
            prev: prev.unwrap_or(EpochId::NONE),
            commit: Bytes([salt; 32]),
            sig: Bytes([salt; 64]),
            wraps,
            back: (room.history && flags & 0x40 == 0).then(|| Back {
                epoch: room.head(),
                wrapped: Bytes([salt; 40]),
            }),
        };
        self.say(connection, &ClientFrame::SessionKey(Box::new(offer)));
    }

    fn talk(&mut self, tape: &mut Tape<'_>) {
        let connection = self.line(tape);
        let (flags, len) = (tape.byte(), tape.short());
        let Some(room) = self.room_of(connection) else {
            return;
        };
        let room = &self.rooms[room];
        let epoch = match flags & 3 {
            3 => tape.pick(&room.heads).copied().unwrap_or(EpochId::NONE),
            _ => room.head(),
        };
        let Some(line) = self.lines.get_mut(&connection) else {
            return;
        };
        let n = match flags >> 2 & 3 {
            3 => u64::from(tape.byte()),
            2 => 0,
            _ => line.next_n,
        };
        line.next_n = n + 1;
        let envelope = Envelope {
            epoch,
            n,
            flags: flags >> 7,
            iv: Bytes([n as u8; 12]),
            ciphertext: Ciphertext(vec![flags; 80 + usize::from(len) % 44_000]),
            sig: Bytes([flags; 64]),
        };
        self.say(connection, &ClientFrame::Message(envelope));
    }

    fn command(&mut self, tape: &mut Tape<'_>) {
        let connection = self.line(tape);
        let (which, byte) = (tape.byte() % 8, tape.byte());
        let Some(number) = self.room_of(connection) else {
            return;
        };
        let room = &self.rooms[number];
        let fresh = [byte | 0x40; 16];
        let mut new_ticket = None;
        let frame = match which {
            0 | 1 => {
                let id = room.ids.get(usize::from(byte) % room.ids.len().max(1));
                new_ticket = (which == 0).then_some(fresh);
                ClientFrame::Kick(Kick {
                    id: id.copied().unwrap_or(ParticipantId([byte; 16])),
                    ticket_hash: new_ticket.as_ref().map(hash_of),
                })
            }
            2 => ClientFrame::Lock(Lock {
                locked: byte & 1 == 1,
            }),
            3 => {
                // A new one, or one that was.
                let ticket = match byte & 0x80 {
                    0 => fresh,
                    _ => *tape.pick(&room.tickets).unwrap_or(&fresh),
                };
                new_ticket = Some(ticket);
                ClientFrame::Renew(Renew {
                    ticket_hash: hash_of(&ticket),
                })
            }
            4 => ClientFrame::Extend(Extend {
                seconds: u64::from(byte) * 8,
                after: match tape.byte() & 1 {
                    0 => room.last_extended,
                    _ => 0,
                },
            }),
            5 if byte & 7 == 0 => ClientFrame::Burn(Nothing {}),
            5 | 6 => ClientFrame::NeedKey(VersionOnly {
                version: room.version.saturating_sub(u64::from(byte & 3)),
            }),
            _ => ClientFrame::KeyDeclined(VersionOnly {
                version: room.version.saturating_sub(u64::from(byte & 3)),
            }),
        };
        let leads = self.lines[&connection].role == Role::Creator;
        let may_burn = leads || room.burn == WhoMayBurn::Anyone;
        let burned = self.burned;
        self.wait(0);
        self.settle_into();
        self.entries.clear();
        self.say(connection, &frame);
        self.settle_into();
        for entry in &self.entries {
            let is_leaders = match entry {
                RelayFrame::Locked(_) | RelayFrame::Extended(_) | RelayFrame::Renewed(_) => true,
                RelayFrame::ParticipantLeft(entry) => entry.reason == Departure::Kicked,
                _ => false,
            };
            assert!(leads || !is_leaders, "a member has commanded: {entry:?}");
            if let (RelayFrame::Renewed(renewed), Some(ticket)) = (entry, new_ticket) {
                assert_eq!(renewed.ticket_hash, hash_of(&ticket));
                let tickets = &mut self.rooms[number].tickets;
                // One that is forgotten may come again.
                tickets.retain(|old| *old != ticket);
                tickets.push(ticket);
            }
        }
        if self.burned > burned {
            assert!(may_burn && matches!(frame, ClientFrame::Burn(_)));
        }
    }

    /// What comes by HTTP.
    fn ask(&mut self, tape: &mut Tape<'_>) {
        let (which, room, byte) = (tape.byte() % 8, tape.byte(), tape.byte());
        self.tick();
        let known = self.rooms.get(usize::from(room) % (ROOMS + 1));
        let id = known.map_or(RoomId([9; 16]), |room| room.id);
        let is_right = byte & 1 == 0;
        match which {
            0 => {
                let ticket = known.filter(|_| is_right).map(RelayRoom::ticket);
                let ticket = Secret::copy_of(&ticket.unwrap_or([0xff; 16]));
                if let Ok(info) = self.hub.handle_info(self.now, id, &ticket) {
                    assert!(is_right && info.participants <= info.capacity);
                }
            }
            1 if byte & 0x1e == 0 => {
                let token = known.filter(|_| is_right).map(|room| room.creator_token);
                let token = Secret::copy_of(&token.unwrap_or([0xff; 32]));
                let burned = self.hub.handle_burn(self.now, id, &token);
                assert!(is_right || burned.is_err());
            }
            2 if byte & 0x1e == 0 => drop(self.hub.handle_take_down(self.now, id)),
            3 | 4 => {
                let token = known.and_then(|room| room.seat_tokens.get(usize::from(byte)));
                let token = Secret::copy_of(token.unwrap_or(&[0xff; 32]));
                let _ = self.hub.handle_leave(self.now, id, &token);
            }
            5 => self.hub.set_memory_full(is_right),
            _ => self.hub.handle_timeout(self.now),
        }
    }

    /// Takes what the relay says, and checks it against the books.
    fn settle(&mut self) {
        self.settle_into();
        self.told.clear();
        self.entries.clear();

        self.tick();
        self.hub.handle_timeout(self.now);
        self.settle_into();
        let stats = self.hub.stats();
        let alive = self.rooms.len() - self.burned;
        assert_eq!(stats.rooms, alive);
        assert_eq!(stats.connections, self.lines.len());
        let seats = self.lines.values().filter(|line| line.id.is_some()).count();
        assert!(seats <= stats.participants, "more who sit than seats");
        assert!(alive > 0 || (stats.participants, stats.kept_bytes) == (0, 0));
        let over = self.rooms.iter().filter(|room| room.not_after <= self.steady);
        assert!(alive + over.count() <= self.rooms.len(), "a room outlives its link");
        let next = self.hub.poll_timeout();
        assert!(next.is_none_or(|next| next > self.now), "its timer never rests");
    }

    fn settle_into(&mut self) {
        while let Some(output) = self.hub.poll_output() {
            match output {
                Output::Send { to, frame } => {
                    assert!(!to.is_empty());
                    let distinct: BTreeSet<ConnectionId> = to.iter().copied().collect();
                    assert_eq!(distinct.len(), to.len(), "the same frame twice");
                    let Ok(Some(frame)) = RelayFrame::parse(frame.as_bytes()) else {
                        panic!("no frame: {}", frame.as_str());
                    };
                    for ConnectionId(to) in to {
                        self.deliver(to, &frame);
                    }
                }
                Output::Close {
                    connection: ConnectionId(connection),
                    ..
                } => assert!(self.lines.remove(&connection).is_some(), "closed twice"),
                Output::Burned { .. } => self.burned += 1,
            }
        }
    }

    fn deliver(&mut self, to: u64, frame: &RelayFrame) {
        let Some(line) = self.lines.get_mut(&to) else {
            panic!("sent to one who is gone: {frame:?}");
        };
        let room = line.room.map(|room| &mut self.rooms[room]);
        if let Some(next) = frame.seq() {
            let room = room.expect("an entry of no room");
            match &mut line.stage {
                Stage::Seated { seq, replayed } => match replayed {
                    Some(replayed) => {
                        assert!(*replayed < next && next < *seq, "history out of order");
                        *replayed = next;
                    }
                    None => {
                        assert_eq!(next, *seq + 1, "a hole in the log");
                        *seq = next;
                    }
                },
                Stage::Resuming(seq) => {
                    assert_eq!(next, *seq + 1, "a hole in what was missed");
                    *seq = next;
                }
                Stage::Greeting => panic!("an entry for one without a seat"),
            }
            if let RelayFrame::ParticipantLeft(left) = frame {
                assert_ne!(Some(left.id), line.id, "told of its own departure");
            }
            room.note_entry(frame);
            self.entries.push(clone(frame));
            return;
        }
        match frame {
            RelayFrame::Joined(joined) => {
                assert_eq!(line.stage, Stage::Greeting);
                let room = room.expect("joined to no room");
                assert_eq!((joined.capacity, joined.history), (room.capacity, room.history));
                room.note_joined(joined);
                line.stage = Stage::Seated {
                    seq: joined.seq,
                    replayed: room.history.then_some(0),
                };
                line.id = room.ids.last().copied();
                line.role = joined.role;
                self.told.push((to, Told::Joined(joined.role)));
            }
            RelayFrame::HistoryEnd(_) => match &mut line.stage {
                Stage::Seated {
                    replayed: replayed @ Some(_),
                    ..
                } => *replayed = None,
                other => panic!("the end of no history: {other:?}"),
            },
            RelayFrame::Resumed(resumed) => {
                assert_eq!(line.stage, Stage::Resuming(resumed.seq));
                line.stage = Stage::Seated {
                    seq: resumed.seq,
                    replayed: None,
                };
                line.id = Some(ParticipantId([0; 16]));
                self.told.push((to, Told::Resumed));
            }
            RelayFrame::Error(error) => self.told.push((to, Told::Error(error.code))),
            RelayFrame::KeyWanted(_) | RelayFrame::Countdown(_) | RelayFrame::Destroyed(_) => {
                assert!(matches!(line.stage, Stage::Seated { .. }), "{frame:?}");
            }
            _ => {}
        }
    }

    fn end(&mut self) {
        self.hub.handle_shutdown(self.now);
        self.settle_into();
        let stats = self.hub.stats();
        assert_eq!((stats.rooms, stats.participants, stats.kept_bytes), (0, 0, 0));
        let seated = self.lines.values().filter(|line| line.id.is_some());
        assert_eq!(seated.count(), 0, "the room is gone, its connections are not");
    }
}

/// The same frame again.
fn clone(frame: &RelayFrame) -> RelayFrame {
    let copy = RelayFrame::parse(frame.encode().as_bytes());
    copy.ok().flatten().expect("it was read before")
}

/// The spec's limits, or ones that are soon reached.
fn limits_of(byte: u8) -> Limits {
    let mut limits = Limits::default();
    if byte & 1 == 1 {
        limits.joins = 12;
        limits.replaced_tickets = 3;
        limits.rooms_of_peer = 2;
        limits.rooms = 3;
        limits.connections_of_peer = 6;
        limits.connections = 16;
        limits.kept_bytes = 4_096;
        limits.history_bytes = 4_096;
        limits.history_changes = 6;
        limits.open_epochs = 2;
        limits.asked_versions = 2;
    }
    if byte & 2 == 2 {
        limits.joins_of_peer = Rate::new(1, 4);
        limits.connection_frames = Rate::new(1, 6);
        limits.connection_bytes = Rate::new(100, 40_000);
        limits.room_envelopes = Rate::new(1, 4);
        limits.room_bytes = Rate::new(100, 40_000);
        limits.refused_frames = 3;
        limits.idle_millis = 5_000;
    }
    limits
}
