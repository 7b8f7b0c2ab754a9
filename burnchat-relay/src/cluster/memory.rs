//! A shared memory within the process, on tokio's clock: what stories about several relays are told with.

#![expect(
    clippy::disallowed_methods,
    reason = "the clock of these stories is tokio's, and nobody suspends the machine in them"
)]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::unconstrained;
use tokio::time::{Instant, sleep, sleep_until};

use super::seam::{
    Bus, LEASE, Lost, Member, NOTES, Notes, Op, Outcome, Partition, SealedCopy, SealedWrite,
    Session, Soon, Store, Tag,
};

/// By how much longer each partition takes to do a step than the next, and each to tell of it than the one before.
const APART: Duration = Duration::from_millis(9);

/// One memory, by whatever way it is reached.
#[derive(Clone)]
pub(crate) struct Memory {
    state: Arc<Mutex<State>>,
    way: Arc<Way>,
}

struct State {
    partitions: Partition,
    /// Wall time at the beginning, ms.
    began_at: u64,
    began: Instant,
    members_ever: Member,
    members: HashMap<(Partition, Member), Lives>,
    rooms: HashMap<Tag, Kept>,
    notes: usize,
}

struct Lives {
    until: Instant,
    notes: mpsc::UnboundedSender<Said>,
}

/// A note, and when it was said.
struct Said {
    at: Instant,
    note: Vec<u8>,
}

#[derive(Default)]
struct Kept {
    owner: Member,
    fence: u64,
    end: u64,
    copy: SealedCopy,
    entries: BTreeMap<u64, Vec<u8>>,
}

/// How one relay reaches it.
struct Way {
    /// What goes either way takes so long.
    delay: Duration,
    /// It goes nowhere while this is not so.
    open: watch::Sender<bool>,
    /// By how much longer notes of one partition take to arrive.
    notes_late: watch::Sender<(Partition, Duration)>,
}

impl Memory {
    /// Empty, in so many partitions, at this wall time.
    pub(crate) fn new(partitions: Partition, now_millis: u64) -> Self {
        let state = State {
            partitions,
            began_at: now_millis,
            began: Instant::now(),
            members_ever: 0,
            members: HashMap::new(),
            rooms: HashMap::new(),
            notes: 0,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            way: Arc::new(Way::new(Duration::ZERO)),
        }
    }

    /// The same memory, reached by a way of its own.
    pub(crate) fn by(&self, delay: Duration) -> Self {
        Self {
            state: Arc::clone(&self.state),
            way: Arc::new(Way::new(delay)),
        }
    }

    /// Nothing comes through from now on, or it does again: for who is reached by it the process stands still.
    pub(crate) fn set_open(&self, open: bool) {
        self.way.open.send_replace(open);
    }

    /// Notes of this partition take so much longer from now on, and those of others no longer than ever.
    pub(crate) fn set_notes_late(&self, partition: Partition, late: Duration) {
        self.way.notes_late.send_replace((partition, late));
    }

    /// Everything is forgotten, and every connection to it lost.
    pub(crate) fn forget_everything(&self) {
        let mut state = self.state();
        state.members.clear();
        state.rooms.clear();
    }

    /// Counts notes from here on.
    pub(crate) fn forget_notes(&self) {
        self.state().notes = 0;
    }

    /// How many notes have been said since.
    pub(crate) fn notes(&self) -> usize {
        self.state().notes
    }

    /// How many rooms it has.
    pub(crate) fn rooms(&self) -> usize {
        let mut state = self.state();
        state.expire();
        state.rooms.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Way {
    fn new(delay: Duration) -> Self {
        Self {
            delay,
            open: watch::Sender::new(true),
            notes_late: watch::Sender::new((0, Duration::ZERO)),
        }
    }

    /// From one end to the other.
    async fn go(&self) {
        sleep(self.delay).await;
        self.opened().await;
    }

    /// Says what is said, so much later.
    async fn tell(
        self: Arc<Self>,
        partition: Partition,
        mut said: mpsc::UnboundedReceiver<Said>,
        tell: mpsc::Sender<Vec<u8>>,
    ) {
        while let Some(Said { at, note }) = said.recv().await {
            // By a way of their own: what is answered may well be there before.
            let late = match *self.notes_late.borrow() {
                (late, by) if late == partition => by,
                _ => Duration::ZERO,
            };
            sleep_until(at + self.delay + APART * partition.into() + late).await;
            self.opened().await;
            if tell.send(note).await.is_err() {
                return;
            }
        }
    }

    async fn opened(&self) {
        let _ = self.open.subscribe().wait_for(|open| *open).await;
    }
}

impl State {
    fn now_millis(&self) -> u64 {
        self.began_at + u64::try_from(self.began.elapsed().as_millis()).unwrap()
    }

    fn lives(&self, partition: Partition, member: Member) -> bool {
        let lives = self.members.get(&(partition, member));
        lives.is_some_and(|lives| lives.until > Instant::now())
    }

    fn expire(&mut self) {
        let now = self.now_millis();
        self.rooms.retain(|_, room| room.end > now);
    }

    fn say(&mut self, partition: Partition, notes: Notes) {
        self.notes += notes.len();
        for (member, note) in notes {
            if let Some(lives) = self.members.get(&(partition, member)) {
                let at = Instant::now();
                let _ = lives.notes.send(Said { at, note });
            }
        }
    }

    fn is_of(&self, room: Tag, member: Member, fence: u64) -> bool {
        let room = self.rooms.get(&room);
        room.is_some_and(|room| (room.owner, room.fence) == (member, fence))
    }

    fn step(&mut self, partition: Partition, op: Op) -> Outcome {
        self.expire();
        match op {
            Op::Create {
                room,
                member,
                write,
            } => {
                if self.rooms.contains_key(&room) {
                    return Outcome::Refused;
                }
                let mut kept = Kept {
                    owner: member,
                    fence: 1,
                    ..Kept::default()
                };
                kept.write(*write);
                self.rooms.insert(room, kept);
                Outcome::Done
            }
            Op::Write {
                room,
                member,
                fence,
                write,
                notes,
            } => {
                if !self.is_of(room, member, fence) {
                    return Outcome::Refused;
                }
                if let Some(kept) = self.rooms.get_mut(&room) {
                    kept.write(*write);
                }
                self.say(partition, notes);
                Outcome::Done
            }
            Op::Burn {
                room,
                member,
                fence,
                notes,
            } => {
                if self.rooms.contains_key(&room) && !self.is_of(room, member, fence) {
                    return Outcome::Refused;
                }
                self.rooms.remove(&room);
                self.say(partition, notes);
                Outcome::Done
            }
            Op::Say { member, notes, .. } => {
                if !self.lives(partition, member) {
                    return Outcome::Refused;
                }
                self.say(partition, notes);
                Outcome::Done
            }
            Op::Claim { room, member } => {
                let Some(kept) = self.rooms.get(&room) else {
                    return Outcome::NotThere;
                };
                if kept.owner != member && self.lives(partition, kept.owner) {
                    return Outcome::Owned(kept.owner);
                }
                self.rooms.get_mut(&room).unwrap().taken_by(member)
            }
            Op::Leave { member } => {
                if let Some(lives) = self.members.get_mut(&(partition, member)) {
                    lives.until = Instant::now();
                }
                Outcome::Done
            }
        }
    }
}

impl Kept {
    fn write(&mut self, write: SealedWrite) {
        self.end = write.end;
        self.copy.state = write.state;
        if let Some(people) = write.people {
            self.copy.people = people;
        }
        if let Some(seats) = write.seats {
            self.copy.seats = seats;
        }
        self.entries.extend(write.entries);
        for seq in write.forgotten {
            self.entries.remove(&seq);
        }
    }

    fn taken_by(&mut self, member: Member) -> Outcome {
        if self.owner != member {
            self.owner = member;
            self.fence += 1;
        }
        let copy = SealedCopy {
            state: self.copy.state.clone(),
            people: self.copy.people.clone(),
            seats: self.copy.seats.clone(),
            entries: self.entries.clone().into_iter().collect(),
        };
        Outcome::Taken(self.fence, Box::new(copy))
    }
}

impl Bus for Memory {
    fn partitions(&self) -> Partition {
        self.state().partitions
    }

    fn join(&self) -> Soon<'_, Result<Session, Lost>> {
        Box::pin(async {
            self.way.go().await;
            let member = {
                let mut state = self.state();
                state.members_ever += 1;
                state.members_ever
            };
            // One that has drawn its number later may be quicker.
            self.way.go().await;
            let (tell, notes) = mpsc::channel(NOTES);
            for partition in 0..self.partitions() {
                let (say, said) = mpsc::unbounded_channel();
                let until = Instant::now() + LEASE;
                let lives = Lives { until, notes: say };
                self.state().members.insert((partition, member), lives);
                let told = self.way.clone().tell(partition, said, tell.clone());
                // As with a thread of its own: it does not wait for who reads to keep up.
                tokio::spawn(unconstrained(told));
            }
            self.way.go().await;
            let store = MemoryStore {
                memory: self.clone(),
                member,
            };
            Ok(Session {
                member,
                store: Box::new(store),
                notes,
            })
        })
    }
}

struct MemoryStore {
    memory: Memory,
    member: Member,
}

impl MemoryStore {
    /// There and back; what is done there is done once the way there is behind it.
    async fn ask<T>(&self, what: impl FnOnce(&mut State) -> T) -> Result<T, Lost> {
        self.memory.way.go().await;
        let answer = {
            let mut state = self.memory.state();
            let known = state.members.contains_key(&(0, self.member));
            known.then(|| what(&mut state))
        };
        self.memory.way.go().await;
        answer.ok_or_else(|| Lost("the connection is lost".to_owned()))
    }
}

impl Store for MemoryStore {
    fn run(&self, ops: Vec<Op>) -> Soon<'_, Result<Vec<Outcome>, Lost>> {
        Box::pin(async move {
            let partitions = self.memory.partitions();
            let mut outcomes: Vec<Option<Outcome>> = ops.iter().map(|_| None).collect();
            let ops = ops.into_iter().enumerate();
            let mut parts: BTreeMap<Partition, Vec<(usize, Op)>> = BTreeMap::new();
            for (at, op) in ops {
                match op.partition(partitions) {
                    Some(partition) => parts.entry(partition).or_default().push((at, op)),
                    None => {
                        for partition in 0..partitions {
                            parts.entry(partition).or_default().push((at, op.clone()));
                        }
                    }
                }
            }
            // The last of them first, and not all at once.
            for (partition, steps) in parts.into_iter().rev() {
                if outcomes.iter().any(Option::is_some) {
                    sleep(APART).await;
                }
                let done = self.ask(|state| {
                    let steps = steps.into_iter();
                    let done = steps.map(|(at, op)| (at, state.step(partition, op)));
                    done.collect::<Vec<_>>()
                });
                for (at, outcome) in done.await? {
                    outcomes[at] = Some(outcome);
                }
            }
            Ok(outcomes.into_iter().map(Option::unwrap).collect())
        })
    }

    fn beat(&self) -> Soon<'_, Result<Option<Vec<Member>>, Lost>> {
        Box::pin(self.ask(|state| {
            let now = Instant::now();
            for partition in 0..state.partitions {
                if !state.lives(partition, self.member) {
                    return None;
                }
                state.members.get_mut(&(partition, self.member))?.until = now + LEASE;
            }
            let members = state.members.iter();
            let living = members.filter(|(_, lives)| lives.until > now);
            let living: BTreeSet<_> = living.map(|((_, member), _)| *member).collect();
            Some(living.into_iter().collect())
        }))
    }
}
