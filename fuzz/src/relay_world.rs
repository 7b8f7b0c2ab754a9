//! A relay with several rooms, and what it owes those in them: checked after every step, against books kept apart from it.

use std::collections::{BTreeMap, BTreeSet};

use burnchat_core::error::Code;
use burnchat_core::ids::ParticipantId;
use burnchat_core::relay::{ConnectionId, Hub, Limits, Output};
use burnchat_core::time::Timestamp;
use burnchat_core::wire::{ClientFrame, RelayFrame, Role};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

use crate::{RelayRoom, Tape};

const START: Timestamp = Timestamp(1_800_000_000_000);

/// A relay, and books kept of it.
pub struct World {
    pub hub: Hub,
    pub rng: ChaCha8Rng,
    /// The driver's time, and the one that never steps back.
    pub now: Timestamp,
    pub steady: Timestamp,
    pub ahead: u64,
    pub rooms: Vec<RelayRoom>,
    pub burned: usize,
    pub lines: BTreeMap<u64, Line>,
    pub connections: u64,
    /// What has come of the step so far.
    pub told: Vec<(u64, Told)>,
    pub entries: Vec<RelayFrame>,
}

/// One connection.
pub struct Line {
    pub room: Option<usize>,
    pub peer: u8,
    pub stage: Stage,
    pub id: Option<ParticipantId>,
    pub role: Role,
    /// Whose keys it has.
    pub who: u8,
    /// The newest envelope it sent, for the next.
    pub next_n: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Greeting,
    /// It asked to go on from there.
    Resuming(u64),
    /// In step with the log up to there; the history of before its join is still coming.
    Seated {
        seq: u64,
        replayed: Option<u64>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Joined(Role),
    Resumed,
    Error(Code),
}

impl World {
    pub fn new(limits: Limits) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        Self {
            hub: Hub::new(limits, &mut rng),
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

    pub fn tick(&mut self) {
        let steady = self.now.plus_millis(self.ahead);
        if steady < self.steady {
            self.ahead = self.steady.millis_since(self.now);
        } else {
            self.steady = steady;
        }
    }

    pub fn wait(&mut self, millis: u64) {
        self.now = self.now.plus_millis(millis);
        self.tick();
        self.hub.handle_timeout(self.now);
    }

    pub fn line(&self, tape: &mut Tape<'_>) -> u64 {
        let numbers: Vec<u64> = self.lines.keys().copied().collect();
        tape.pick(&numbers).copied().unwrap_or(0)
    }

    pub fn room_of(&self, connection: u64) -> Option<usize> {
        self.lines.get(&connection)?.room
    }

    pub fn frame(&mut self, connection: u64, frame: &[u8]) {
        self.tick();
        let connection = ConnectionId(connection);
        self.hub
            .handle_frame(self.now, connection, frame, &mut self.rng);
    }

    pub fn say(&mut self, connection: u64, frame: &ClientFrame) {
        self.frame(connection, frame.encode().as_bytes());
    }

    pub fn settle(&mut self) {
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
        let seats = self.seated();
        assert!(seats <= stats.participants, "more who sit than seats");
        assert!(alive > 0 || (stats.participants, stats.kept_bytes) == (0, 0));
        let over = self
            .rooms
            .iter()
            .filter(|room| room.not_after <= self.steady);
        assert!(
            alive + over.count() <= self.rooms.len(),
            "a room outlives its link"
        );
        let next = self.hub.poll_timeout();
        assert!(
            next.is_none_or(|next| next > self.now),
            "its timer never rests"
        );
    }

    pub fn settle_into(&mut self) {
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

    pub fn deliver(&mut self, to: u64, frame: &RelayFrame) {
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
                assert_eq!(
                    (joined.capacity, joined.history),
                    (room.capacity, room.history)
                );
                room.note_joined(joined);
                line.stage = Stage::Seated {
                    seq: joined.seq,
                    replayed: room.history.then_some(0),
                };
                let seat = room.seats.last().expect("it was noted");
                (line.id, line.who) = (Some(seat.id), seat.who);
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
                self.told.push((to, Told::Resumed));
            }
            RelayFrame::Error(error) => self.told.push((to, Told::Error(error.code))),
            RelayFrame::KeyWanted(_) | RelayFrame::Countdown(_) | RelayFrame::Destroyed(_) => {
                assert!(matches!(line.stage, Stage::Seated { .. }), "{frame:?}");
            }
            _ => {}
        }
    }

    pub fn end(&mut self) {
        self.hub.handle_shutdown(self.now);
        self.settle_into();
        let stats = self.hub.stats();
        assert_eq!(
            (stats.rooms, stats.participants, stats.kept_bytes),
            (0, 0, 0)
        );
        assert_eq!(
            self.seated(),
            0,
            "the room is gone, its connections are not"
        );
    }

    pub fn seated(&self) -> usize {
        let stages = self.lines.values().map(|line| line.stage);
        stages
            .filter(|stage| matches!(stage, Stage::Seated { .. }))
            .count()
    }
}

/// The same frame again.
fn clone(frame: &RelayFrame) -> RelayFrame {
    let copy = RelayFrame::parse(frame.encode().as_bytes());
    copy.ok().flatten().expect("it was read before")
}
