//! A worker whose rooms others can go on with (see [`cluster`](crate::cluster)).
//!
//! What a step says is held until what it changed is kept ([`turn`]). A room that is not here is looked for; if another
//! member has it, its connections' frames go there and wait here until they are taken, so that they can be said again to
//! whoever goes on with the room ([`edge`]). One that nobody has any more is taken over ([`owner`]).

mod asking;
mod edge;
mod owner;
#[cfg(test)]
mod stories;
mod turn;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use burnchat_core::ids::RoomId;
use burnchat_core::relay::{CloseCode, ConnectionId, Hub, KeptId};
use burnchat_core::time::Timestamp;
use tokio::sync::{mpsc, oneshot};

pub(super) use self::asking::Reply;
use self::asking::Waiting;
use self::edge::{At, Away, Elsewhere};
use self::owner::Owned;
use self::turn::{Sent, Turn};
use super::{ByNumber, Worker};
use crate::Config;
use crate::clock::Clock;
use crate::cluster::{Asked, Batch, Cluster, Event, Member, Note, Notes, Op, Partition, Words};
use crate::sessions::Sessions;

/// Where in a connection's number its member stands. The rest is the relay's own number of it.
const MEMBER_SHIFT: u32 = 40;

/// How long countdowns wait for one another.
const TOGETHER: Duration = Duration::from_millis(50);
/// Batches on their way before no request is looked at.
const IN_FLIGHT: usize = 32;

pub(super) struct Clustered {
    cluster: Cluster,
    batches: mpsc::UnboundedSender<Batch>,
    events: mpsc::Receiver<Event>,
    member: Option<Member>,
    /// It has been a member: requests that come before that wait.
    has_begun: bool,
    living: BTreeSet<Member>,
    /// The newest member that was ever among them.
    newest: Member,
    /// Rooms this worker runs.
    owned: HashMap<KeptId, Owned>,
    /// Rooms it has connections to and does not run, or is asked for.
    elsewhere: HashMap<KeptId, Elsewhere>,
    /// Own connections to those.
    away: HashMap<ConnectionId, Away, ByNumber>,
    /// The rooms of all connections the hub has.
    places: HashMap<ConnectionId, KeptId, ByNumber>,
    /// What the current steps said.
    turns: BTreeMap<KeptId, Turn>,
    /// What is to be said next, all of it to one member at once.
    words: Spoken,
    /// Countdowns, and until when they wait for others: every room has some, and they say nothing that is new.
    countdowns: Spoken,
    countdowns_due: Option<Timestamp>,
    clock: Clock,
    ops: Vec<Op>,
    sent: Vec<Sent>,
    in_flight: VecDeque<Vec<Sent>>,
    /// Requests another member is to answer.
    asked: HashMap<u64, Box<Waiting>>,
    asked_ever: u64,
    ending: Option<oneshot::Sender<()>>,
    /// Sessions over plain HTTP of the whole relay.
    sessions: Arc<Sessions>,
    /// Notes that tasks of this worker want to be sent.
    later: mpsc::UnboundedSender<(KeptId, Member, Note)>,
    later_notes: mpsc::UnboundedReceiver<(KeptId, Member, Note)>,
}

/// What is said about the rooms of each partition.
type Spoken = BTreeMap<Partition, BTreeMap<Member, Words>>;

fn member_of(ConnectionId(number): ConnectionId) -> Member {
    number >> MEMBER_SHIFT
}

impl Clustered {
    /// With the task that keeps up its membership.
    pub(super) fn new(
        cluster: &Cluster,
        clock: Clock,
        sessions: Arc<Sessions>,
    ) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let (way, task) = cluster.way();
        let (later, later_notes) = mpsc::unbounded_channel();
        let clustered = Self {
            cluster: cluster.clone(),
            batches: way.batches,
            events: way.events,
            member: None,
            has_begun: false,
            living: BTreeSet::new(),
            newest: 0,
            owned: HashMap::new(),
            elsewhere: HashMap::new(),
            away: HashMap::default(),
            places: HashMap::default(),
            turns: BTreeMap::new(),
            words: BTreeMap::new(),
            countdowns: BTreeMap::new(),
            countdowns_due: None,
            clock,
            ops: Vec::new(),
            sent: Vec::new(),
            in_flight: VecDeque::new(),
            asked: HashMap::new(),
            asked_ever: 0,
            ending: None,
            sessions,
            later,
            later_notes,
        };
        (clustered, task)
    }

    pub(super) fn hub(cluster: &Cluster, config: &Config) -> Hub {
        let mut hub = Hub::with_key(config.limits, cluster.key().of_hub());
        hub.keep_elsewhere();
        hub
    }

    /// Whether requests may be looked at.
    pub(super) fn keeps_pace(&self) -> bool {
        self.has_begun && self.in_flight.len() < IN_FLIGHT
    }

    /// What a connection is called by all members.
    pub(super) fn global(&self, ConnectionId(own): ConnectionId) -> ConnectionId {
        ConnectionId(self.member.unwrap_or(0) << MEMBER_SHIFT | own)
    }

    /// Whether this can be asked for anything.
    pub(super) fn is_open(&self) -> bool {
        self.member.is_some() && self.ending.is_none()
    }

    /// What has happened to the membership and is there already.
    pub(super) fn event_there_is(&mut self) -> Option<Event> {
        self.events.try_recv().ok()
    }

    /// The next that happens to the membership. Cancel safe.
    pub(super) async fn next_event(&mut self) -> Option<Event> {
        tokio::select! {
            () = self.clock.sleep_until(self.countdowns_due), if self.countdowns_due.is_some() => {
                Some(Event::CountdownsDue)
            }
            event = self.events.recv() => event,
            Some((room, to, note)) = self.later_notes.recv() => Some(Event::Say(room, to, note)),
        }
    }

    /// What the current steps say of a room.
    fn turn(&mut self, room: &KeptId) -> &mut Turn {
        self.turns.entry(room.clone()).or_default()
    }

    fn is_own(&self, connection: ConnectionId) -> bool {
        Some(member_of(connection)) == self.member
    }

    /// Not of one that came after this was last told who lives: it is newer than any that was ever named.
    fn is_dead(&self, member: Member) -> bool {
        member <= self.newest && !self.living.contains(&member)
    }

    /// Says something about a room, in its partition: that is where it has its place among what else is said of it.
    fn say(&mut self, room: RoomId, to: Member, note: &Note) {
        let partition = self.cluster.partition_of(room);
        let words = self.words.entry(partition).or_default();
        words.entry(to).or_default().add(note);
    }

    /// Adds a step. What was said before comes before it.
    fn put(&mut self, op: Op, sent: Sent) {
        match self.cluster.partition_of_op(&op) {
            Some(partition) => {
                let words = self.words.remove(&partition).unwrap_or_default();
                self.put_said(partition, words);
            }
            None => self.end_words(),
        }
        self.ops.push(op);
        self.sent.push(sent);
    }

    /// Countdowns wait for others, as long as they are true enough.
    fn put_countdown(&mut self, room: RoomId, to: Member, note: &Note) {
        let partition = self.cluster.partition_of(room);
        let words = self.countdowns.entry(partition).or_default();
        words.entry(to).or_default().add(note);
        self.countdowns_due
            .get_or_insert_with(|| self.clock.now() + TOGETHER);
    }

    /// They wait no longer.
    fn say_countdowns(&mut self) {
        self.countdowns_due = None;
        for (partition, said) in std::mem::take(&mut self.countdowns) {
            let words = self.words.entry(partition).or_default();
            for (member, countdowns) in said {
                words.entry(member).or_default().append(&countdowns);
            }
        }
    }

    fn end_words(&mut self) {
        for (partition, words) in std::mem::take(&mut self.words) {
            self.put_said(partition, words);
        }
    }

    fn put_said(&mut self, partition: Partition, words: BTreeMap<Member, Words>) {
        if !words.is_empty()
            && let Some(member) = self.member
        {
            let notes = self.seal_words(words);
            self.ops.push(Op::Say {
                partition,
                member,
                notes,
            });
            self.sent.push(Sent::Note);
        }
    }

    fn seal_words(&self, words: BTreeMap<Member, Words>) -> Notes {
        let key = self.cluster.key();
        let words = words.into_iter();
        words
            .map(|(to, words)| (to, key.seal_note(to, words.into_bytes())))
            .collect()
    }
}

impl Worker {
    /// Something has happened to the membership.
    pub(super) fn handle_event(&mut self, event: Option<Event>) -> ControlFlow<()> {
        let Some(clustered) = &mut self.cluster else {
            return ControlFlow::Continue(());
        };
        match event {
            Some(Event::Joined(member)) => {
                clustered.member = Some(member);
                clustered.has_begun = true;
                self.counters.is_member.store(true, Ordering::Relaxed);
                // Until it is told.
                clustered.living.clear();
            }
            Some(Event::Done(outcomes)) => return self.done(outcomes),
            Some(Event::Note(sealed)) => {
                let member = clustered.member.unwrap_or(0);
                let words = clustered.cluster.key().open_note(member, &sealed);
                let notes = words.and_then(|words| Words::read(words.as_slice()));
                for note in notes.into_iter().flatten() {
                    self.take_note(note);
                }
            }
            Some(Event::CountdownsDue) => clustered.say_countdowns(),
            Some(Event::Say(room, to, note)) => clustered.say(room.get(), to, &note),
            Some(Event::Living(living)) => self.living(living),
            Some(Event::Lost) | None => {
                let ending = clustered.ending.take();
                self.let_everything_go();
                if let Some(ending) = ending {
                    let _ = ending.send(());
                    return ControlFlow::Break(());
                }
            }
        }
        self.carry_out();
        ControlFlow::Continue(())
    }

    fn take_note(&mut self, note: Note) {
        if let Some(room) = note.of_room() {
            self.end_burned(room);
        }
        let Some(clustered) = &mut self.cluster else {
            return;
        };
        match note {
            Note::Ask {
                from,
                number,
                room,
                what: what @ (Asked::Post { .. } | Asked::Claim { .. }),
            } => self.ask_session(from, number, room, what),
            Note::Connect { room, .. }
            | Note::Frame { room, .. }
            | Note::Gone { room, .. }
            | Note::Ask { room, .. } => {
                if self.hub.has_room(room) {
                    self.take_note_here(note);
                } else if let Some(at) = clustered.elsewhere.get(&room).map(|place| &place.at)
                    && matches!(at, At::Member(_))
                {
                    if let Note::Connect { connection, .. } | Note::Frame { connection, .. } = note
                    {
                        clustered.say_not_mine(member_of(connection), room);
                    } else if let Note::Ask { from, .. } = note {
                        clustered.say_not_mine(from, room);
                    }
                } else if let Note::Frame { connection, .. } | Note::Gone { connection, .. } = note
                    && clustered.places.get(&connection).map(KeptId::get) == Some(room)
                {
                    // It was told that there is no such room, or will be.
                    self.take_note_here(note);
                } else {
                    clustered.elsewhere(room).parked.push(note);
                }
            }
            Note::Said(items) => self.said(items),
            Note::Answer { number, answer } => {
                clustered.answer(number, answer);
            }
            Note::NotMine { from, room } => {
                // Said late, of an owner before, it must not have said again what the one there is has been sent.
                clustered.lose_sight(room, from);
                clustered
                    .ask_again(|waiting| waiting.at == Some(from) && waiting.room.get() == room);
            }
            Note::Sync { room } => {
                let Some(place) = clustered.elsewhere.get_mut(&room) else {
                    return;
                };
                match std::mem::replace(&mut place.at, At::Asking) {
                    At::Waiting(found) => {
                        place.forwarded = false;
                        self.go_on(room, found);
                    }
                    other => place.at = other,
                }
            }
        }
    }

    /// Who lives. What hung on those who don't is done.
    fn living(&mut self, living: Vec<Member>) {
        let now = self.clock.now();
        let Some(clustered) = &mut self.cluster else {
            return;
        };
        let living: BTreeSet<Member> = living.into_iter().collect();
        let nobody_is_missed = !clustered.living.is_empty() && clustered.living.is_subset(&living);
        clustered.living = living;
        let newest = clustered.living.last().copied();
        clustered.newest = clustered.newest.max(newest.unwrap_or(0));
        let lost: Vec<(RoomId, Member)> = clustered
            .elsewhere
            .iter()
            .filter_map(|(room, place)| match place.at {
                At::Member(member) if clustered.is_dead(member) => Some((room.get(), member)),
                At::Member(_) | At::Asking | At::Waiting(_) => None,
            })
            .collect();
        for (room, dead) in lost {
            clustered.lose_sight(room, dead);
        }
        let asked: HashSet<Member> = clustered.asked.values().filter_map(|w| w.at).collect();
        let dead: HashSet<Member> = asked
            .into_iter()
            .filter(|member| clustered.is_dead(*member))
            .collect();
        clustered.ask_again(|waiting| waiting.at.is_some_and(|at| dead.contains(&at)));
        if nobody_is_missed {
            return;
        }
        let ended: Vec<ConnectionId> = clustered
            .places
            .keys()
            .filter(|connection| clustered.is_dead(member_of(**connection)))
            .copied()
            .collect();
        self.end_all(now, ended);
    }

    /// No member any more: whoever was connected comes again, here or elsewhere, and goes on with what was kept.
    fn let_everything_go(&mut self) {
        let rooms: Vec<RoomId> = self.hub.rooms().collect();
        for room in rooms {
            if let Some(forgotten) = self.hub.handle_forget(room) {
                self.totals.release_room(forgotten.owner);
            }
        }
        let Some(clustered) = &mut self.cluster else {
            return;
        };
        clustered.member = None;
        self.counters.is_member.store(false, Ordering::Relaxed);
        clustered.living.clear();
        clustered.owned.clear();
        clustered.elsewhere.clear();
        clustered.away.clear();
        clustered.places.clear();
        clustered.turns.clear();
        clustered.words.clear();
        clustered.countdowns.clear();
        clustered.countdowns_due = None;
        clustered.ops.clear();
        clustered.sent.clear();
        clustered.in_flight.clear();
        clustered.asked.clear();
        self.hub = Clustered::hub(&clustered.cluster, &self.config);
        for (_, link) in self.connections.drain() {
            link.outbox.close(CloseCode::TryAgainLater);
        }
    }

    /// Hands its rooms to the others, and ends.
    pub(super) fn leave_cluster(&mut self, told: oneshot::Sender<()>) -> ControlFlow<()> {
        self.end_turn();
        let Some(clustered) = &mut self.cluster else {
            return ControlFlow::Continue(());
        };
        let Some(member) = clustered.member else {
            self.let_everything_go();
            let _ = told.send(());
            return ControlFlow::Break(());
        };
        clustered.ending = Some(told);
        clustered.put(Op::Leave { member }, Sent::Left);
        clustered.flush();
        ControlFlow::Continue(())
    }
}
