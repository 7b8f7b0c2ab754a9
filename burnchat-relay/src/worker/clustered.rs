//! A worker whose rooms others can go on with (see [`cluster`](crate::cluster)).
//!
//! What a step says is held until what it changed is kept. A room that is not here is looked for; if another member has
//! it, its connections' frames go there and wait here until they are taken, so that they can be said again to whoever
//! goes on with the room.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::ops::ControlFlow;

use axum::body::Bytes;
use burnchat_core::ids::RoomId;
use burnchat_core::relay::{
    Change, CloseCode, ConnectionId, Disconnect, Hub, Output, PeerKey, RoomCopy, RoomWrite,
};
use burnchat_core::time::Timestamp;
use burnchat_core::wire::EncodedFrame;
use tokio::sync::{mpsc, oneshot};
use tracing::warn;

use super::{ByNumber, Worker};
use crate::Config;
use crate::cluster::{
    Answer, Asked, Batch, Cluster, Event, Item, Member, Note, Notes, Op, Outcome, Place, RoomKey,
    SealedCopy, SealedWrite,
};
use crate::rng;
use crate::websocket::frame::{Frame, SharedFrame};

/// Where in a connection's number its member stands. The rest is the relay's own number of it.
const MEMBER_SHIFT: u32 = 40;
/// Batches on their way before no request is looked at.
const IN_FLIGHT: usize = 32;
/// Bytes of frames of one connection that wait to be taken, and how many; more of them are too many.
const WAITING_BYTES: usize = 1 << 20;
const WAITING_FRAMES: usize = 512;

pub(super) struct Clustered {
    cluster: Cluster,
    batches: mpsc::UnboundedSender<Batch>,
    pub(super) events: mpsc::Receiver<Event>,
    member: Option<Member>,
    /// It has been a member: requests that come before that wait.
    has_begun: bool,
    living: BTreeSet<Member>,
    /// Rooms this worker runs.
    owned: HashMap<RoomId, Owned>,
    /// Rooms it has connections to and does not run, or is asked for.
    elsewhere: HashMap<RoomId, Elsewhere>,
    /// Own connections to those.
    away: HashMap<ConnectionId, Away, ByNumber>,
    /// The rooms of all connections the hub has.
    places: HashMap<ConnectionId, RoomId, ByNumber>,
    /// What the current steps said.
    turns: BTreeMap<RoomId, Turn>,
    ops: Vec<Op>,
    sent: Vec<Sent>,
    in_flight: VecDeque<Vec<Sent>>,
    /// Requests another member is to answer.
    asked: HashMap<u64, Waiting>,
    asked_ever: u64,
    ending: Option<oneshot::Sender<()>>,
}

struct Owned {
    key: RoomKey,
    /// 0 until it is made.
    fence: u64,
    /// What is on its way.
    pending: usize,
}

struct Elsewhere {
    at: At,
    connections: BTreeMap<ConnectionId, PeerKey>,
    /// Connections that ended while the room was looked for.
    gone: Vec<(ConnectionId, bool)>,
    /// Notes of others for whom this is where the room is.
    parked: Vec<Note>,
    asks: Vec<(Asked, Reply)>,
    /// Frames have been sent to an owner.
    forwarded: bool,
}

enum At {
    /// Nobody knows yet.
    Asking,
    /// Known, and what an owner before has said is still to arrive.
    Waiting(Found),
    Member(Member),
}

enum Found {
    Nowhere,
    With(Member),
    Here(u64, Box<SealedCopy>),
}

struct Away {
    room: RoomId,
    waiting: VecDeque<Bytes>,
    bytes: usize,
}

struct Waiting {
    at: Member,
    room: RoomId,
    reply: Reply,
    what: Asked,
}

/// Who waits for an answer.
pub(super) struct Reply(pub(super) Box<dyn FnOnce(Answer) + Send>);

#[derive(Default)]
struct Turn {
    held: Vec<Held>,
    items: BTreeMap<Member, Vec<Item>>,
    notes: Vec<(Member, Note)>,
}

/// What is done once what it follows from is kept.
pub(super) enum Held {
    Send(Vec<ConnectionId>, EncodedFrame),
    Close(ConnectionId, CloseCode),
    /// A frame of this connection has been answered.
    Answered(ConnectionId),
    /// Is told whether it was kept.
    Tell(Box<dyn FnOnce(bool) + Send>),
}

enum Sent {
    Turn { room: RoomId, held: Vec<Held> },
    Claim(RoomId),
    Note,
    Left,
}

fn member_of(ConnectionId(number): ConnectionId) -> Member {
    number >> MEMBER_SHIFT
}

impl Clustered {
    /// With the task that keeps up its membership.
    pub(super) fn new(cluster: &Cluster) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let (way, task) = cluster.way();
        let clustered = Self {
            cluster: cluster.clone(),
            batches: way.batches,
            events: way.events,
            member: None,
            has_begun: false,
            living: BTreeSet::new(),
            owned: HashMap::new(),
            elsewhere: HashMap::new(),
            away: HashMap::default(),
            places: HashMap::default(),
            turns: BTreeMap::new(),
            ops: Vec::new(),
            sent: Vec::new(),
            in_flight: VecDeque::new(),
            asked: HashMap::new(),
            asked_ever: 0,
            ending: None,
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

    fn is_own(&self, connection: ConnectionId) -> bool {
        Some(member_of(connection)) == self.member
    }

    /// Not of one that came after this was last told who lives.
    fn is_dead(&self, member: Member) -> bool {
        let newest = self.living.last().copied().unwrap_or(0);
        member <= newest && !self.living.contains(&member)
    }

    fn say(&mut self, to: Member, note: &Note) {
        let note = self.cluster.key().seal_note(to, note.encode());
        self.ops.push(Op::Say {
            notes: vec![(to, note)],
        });
        self.sent.push(Sent::Note);
    }

    fn look_for(&mut self, room: RoomId) {
        if let Some(member) = self.member {
            let room_tag = self.cluster.key().tag(room);
            self.ops.push(Op::Claim {
                room: room_tag,
                member,
            });
            self.sent.push(Sent::Claim(room));
        }
    }

    /// A room that is not here; it is looked for if it is not known where it is.
    fn elsewhere(&mut self, room: RoomId) -> &mut Elsewhere {
        if !self.elsewhere.contains_key(&room) {
            self.look_for(room);
        }
        self.elsewhere.entry(room).or_insert_with(|| Elsewhere {
            at: At::Asking,
            connections: BTreeMap::new(),
            gone: Vec::new(),
            parked: Vec::new(),
            asks: Vec::new(),
            forwarded: false,
        })
    }

    /// It is looked for again.
    fn lose_sight(&mut self, room: RoomId) {
        if let Some(found) = self.elsewhere.get_mut(&room)
            && matches!(found.at, At::Member(_))
        {
            found.at = At::Asking;
            self.look_for(room);
        }
    }

    fn ask(&mut self, at: Member, room: RoomId, what: Asked, reply: Reply) {
        let Some(from) = self.member else { return };
        self.asked_ever += 1;
        let number = self.asked_ever;
        let note = Note::Ask {
            from,
            number,
            room,
            what,
        };
        self.say(at, &note);
        if let Note::Ask { what, .. } = note {
            let waiting = Waiting {
                at,
                room,
                reply,
                what,
            };
            self.asked.insert(number, waiting);
        }
    }

    /// Requests that waited for a member that does not have the room.
    fn ask_again(&mut self, of: impl Fn(&Waiting) -> bool) {
        let numbers: Vec<u64> = self
            .asked
            .iter()
            .filter(|(_, waiting)| of(waiting))
            .map(|(number, _)| *number)
            .collect();
        for number in numbers {
            if let Some(waiting) = self.asked.remove(&number) {
                let asks = &mut self.elsewhere(waiting.room).asks;
                asks.push((waiting.what, waiting.reply));
                self.lose_sight(waiting.room);
            }
        }
    }

    /// A room's parts under its key.
    fn seal(key: &RoomKey, write: RoomWrite) -> Box<SealedWrite> {
        let entries = write.entries.into_iter();
        Box::new(SealedWrite {
            end: write.end.0,
            state: key.seal(Place::State, write.state),
            people: write.people.map(|part| key.seal(Place::People, part)),
            seats: write.seats.map(|part| key.seal(Place::Seats, part)),
            entries: entries
                .map(|(seq, entry)| (seq, key.seal(Place::Entry(seq), entry)))
                .collect(),
            forgotten: write.forgotten,
        })
    }

    /// What a turn says to other members.
    fn notes(&self, turn: &mut Turn) -> Notes {
        let said = std::mem::take(&mut turn.items).into_iter();
        let said = said.map(|(member, items)| (member, Note::Said(items)));
        let all = said.chain(turn.notes.drain(..));
        all.map(|(member, note)| {
            let sealed = self.cluster.key().seal_note(member, note.encode());
            (member, sealed)
        })
        .collect()
    }

    /// A room has changed, or is no more: that goes out with what the turn said of it.
    fn put_change(&mut self, change: Change) {
        let Some(member) = self.member else { return };
        let (room, write) = match change {
            Change::Written(write) => (write.room, Some(write)),
            Change::Burned(room) => (room, None),
        };
        let mut turn = self.turns.remove(&room).unwrap_or_default();
        let notes = self.notes(&mut turn);
        let tag = self.cluster.key().tag(room);
        let op = match (self.owned.get_mut(&room), write) {
            (Some(owned), Some(write)) if owned.fence == 0 => {
                owned.fence = 1;
                owned.pending += 1;
                let write = Self::seal(&owned.key, *write);
                let create = Op::Create {
                    room: tag,
                    member,
                    write: Box::new(SealedWrite {
                        end: write.end,
                        state: write.state.clone(),
                        ..SealedWrite::default()
                    }),
                };
                if write.people.is_none() {
                    create
                } else {
                    // Somebody was quicker than the answer that there is a room.
                    self.ops.push(create);
                    self.sent.push(Sent::Note);
                    Op::Write {
                        room: tag,
                        member,
                        fence: 1,
                        write,
                        notes,
                    }
                }
            }
            (Some(owned), Some(write)) => {
                owned.pending += 1;
                Op::Write {
                    room: tag,
                    member,
                    fence: owned.fence,
                    write: Self::seal(&owned.key, *write),
                    notes,
                }
            }
            (Some(owned), None) => {
                let fence = owned.fence;
                self.owned.remove(&room);
                Op::Burn {
                    room: tag,
                    member,
                    fence,
                    notes,
                }
            }
            (None, _) => return,
        };
        self.ops.push(op);
        self.sent.push(Sent::Turn {
            room,
            held: turn.held,
        });
    }

    /// What was said without a change of the room, and waits for nothing, can be done.
    fn put_words(&mut self) -> Vec<Held> {
        let mut now = Vec::new();
        for (room, mut turn) in std::mem::take(&mut self.turns) {
            let notes = self.notes(&mut turn);
            let mut pending = false;
            if let Some(owned) = self.owned.get_mut(&room) {
                pending = owned.pending > 0;
                owned.pending += usize::from(pending);
            }
            if pending {
                self.ops.push(Op::Say { notes });
                let held = turn.held;
                self.sent.push(Sent::Turn { room, held });
            } else {
                if !notes.is_empty() {
                    self.ops.push(Op::Say { notes });
                    self.sent.push(Sent::Note);
                }
                now.extend(turn.held);
            }
        }
        now
    }

    fn flush(&mut self) {
        let (ops, sent) = (
            std::mem::take(&mut self.ops),
            std::mem::take(&mut self.sent),
        );
        if let Some(member) = self.member
            && !ops.is_empty()
        {
            self.in_flight.push_back(sent);
            // Without anybody who does it the membership is over, and that is told.
            let _ = self.batches.send(Batch { member, ops });
        }
    }
}

impl Worker {
    /// A request for a room from outside: it is answered when what it changed is kept.
    pub(super) fn ask_clustered(&mut self, room: RoomId, what: Asked, reply: Reply) {
        let here = self.hub.has_room(room);
        let Some(clustered) = self.cluster.as_mut().filter(|all| all.is_open()) else {
            return;
        };
        if !here {
            clustered.elsewhere(room).asks.push((what, reply));
            // Who is known to have it is asked at once.
            if let Some(found) = clustered.elsewhere.get_mut(&room)
                && let At::Member(at) = found.at
            {
                for (what, reply) in std::mem::take(&mut found.asks) {
                    clustered.ask(at, room, what, reply);
                }
            }
            return;
        }
        self.answer_here(room, &what, reply);
    }

    fn answer_here(&mut self, room: RoomId, what: &Asked, Reply(reply): Reply) {
        let answer = self.perform(room, what);
        if let Some(clustered) = &mut self.cluster {
            let turn = clustered.turns.entry(room).or_default();
            turn.held.push(Held::Tell(Box::new(move |kept| {
                if kept {
                    reply(answer);
                }
            })));
        }
    }

    fn perform(&mut self, room: RoomId, what: &Asked) -> Answer {
        let now = self.clock.now();
        let answer = match what {
            Asked::Info { ticket } => Answer::Info(self.hub.handle_info(now, room, ticket)),
            Asked::Burn { creator_token } => {
                Answer::Done(self.hub.handle_burn(now, room, creator_token))
            }
            Asked::TakeDown => Answer::TakenDown(self.hub.handle_take_down(now, room)),
            Asked::Leave { seat_token } => {
                Answer::Done(self.hub.handle_leave(now, room, seat_token))
            }
        };
        self.carry_out();
        answer
    }

    /// A room has been made here, if nobody else has.
    pub(super) fn own_new(&mut self, room: RoomId, tell: Box<dyn FnOnce(bool) + Send>) {
        if let Some(clustered) = &mut self.cluster {
            let key = clustered.cluster.key().of_room(room);
            let owned = Owned {
                key,
                fence: 0,
                pending: 0,
            };
            clustered.owned.insert(room, owned);
            let turn = clustered.turns.entry(room).or_default();
            turn.held.push(Held::Tell(tell));
        }
    }

    /// An own connection asks for a room.
    pub(super) fn connect_clustered(
        &mut self,
        now: Timestamp,
        connection: ConnectionId,
        peer: PeerKey,
        room: RoomId,
    ) {
        let here = self.hub.has_room(room);
        let Some(clustered) = &mut self.cluster else {
            return;
        };
        if here {
            clustered.places.insert(connection, room);
            self.hub.handle_connect(now, connection, peer, room);
            return;
        }
        let away = Away {
            room,
            waiting: VecDeque::new(),
            bytes: 0,
        };
        clustered.away.insert(connection, away);
        let found = clustered.elsewhere(room);
        found.connections.insert(connection, peer);
        if let At::Member(at) = found.at {
            let note = Note::Connect {
                connection,
                peer,
                room,
            };
            clustered.say(at, &note);
        }
    }

    /// A frame of an own connection. Says whether its room is elsewhere.
    pub(super) fn frame_clustered(&mut self, connection: ConnectionId, frame: &Bytes) -> bool {
        let Some(clustered) = &mut self.cluster else {
            return false;
        };
        if clustered.ending.is_some() {
            return true;
        }
        let Some(away) = clustered.away.get_mut(&connection) else {
            return false;
        };
        away.bytes += frame.len();
        away.waiting.push_back(frame.clone());
        let room = away.room;
        if away.bytes > WAITING_BYTES || away.waiting.len() > WAITING_FRAMES {
            if let Some(link) = self.connections.remove(&connection) {
                self.counters.too_slow.add(1);
                link.outbox.close(CloseCode::TryAgainLater);
            }
            self.gone_clustered(connection, Disconnect::Broken);
            return true;
        }
        if let Some(found) = clustered.elsewhere.get_mut(&room)
            && let At::Member(at) = found.at
        {
            found.forwarded = true;
            let note = Note::Frame {
                connection,
                room,
                frame: frame.clone(),
            };
            clustered.say(at, &note);
        }
        true
    }

    /// A frame of an own connection has been handled by the own hub.
    pub(super) fn answered_clustered(&mut self, connection: ConnectionId) {
        if let Some(clustered) = &mut self.cluster
            && let Some(room) = clustered.places.get(&connection)
        {
            let turn = clustered.turns.entry(*room).or_default();
            turn.held.push(Held::Answered(connection));
        }
    }

    /// An own connection has ended.
    pub(super) fn gone_clustered(&mut self, connection: ConnectionId, end: Disconnect) {
        let now = self.clock.now();
        let Some(clustered) = &mut self.cluster else {
            return;
        };
        let Some(away) = clustered.away.remove(&connection) else {
            clustered.places.remove(&connection);
            self.hub.handle_disconnect(now, connection, end);
            return;
        };
        let (room, clean) = (away.room, end == Disconnect::Clean);
        let Some(found) = clustered.elsewhere.get_mut(&room) else {
            return;
        };
        found.connections.remove(&connection);
        match found.at {
            At::Member(at) => {
                if found.connections.is_empty() && found.asks.is_empty() {
                    clustered.elsewhere.remove(&room);
                }
                let note = Note::Gone {
                    connection,
                    room,
                    clean,
                };
                clustered.say(at, &note);
            }
            At::Asking | At::Waiting(_) => found.gone.push((connection, clean)),
        }
    }

    /// What the hub says goes into the turn of its room. Gives it back where it belongs to none.
    pub(super) fn hold(&mut self, output: Output) -> Option<Output> {
        let Some(clustered) = &mut self.cluster else {
            return Some(output);
        };
        match output {
            Output::Send { to, frame } => {
                let first = to.first()?;
                let Some(room) = clustered.places.get(first).copied() else {
                    return Some(Output::Send { to, frame });
                };
                let (own, others): (Vec<_>, Vec<_>) = to
                    .into_iter()
                    .partition(|connection| clustered.is_own(*connection));
                let turn = clustered.turns.entry(room).or_default();
                if !own.is_empty() {
                    turn.held.push(Held::Send(own, frame.clone()));
                }
                let mut of_member: BTreeMap<Member, Vec<ConnectionId>> = BTreeMap::new();
                for connection in others {
                    let of_one = of_member.entry(member_of(connection)).or_default();
                    of_one.push(connection);
                }
                for (member, to) in of_member {
                    let frame = Bytes::from_owner(SharedFrame(frame.clone()));
                    let items = turn.items.entry(member).or_default();
                    items.push(Item::Send { to, frame });
                }
                None
            }
            Output::Close { connection, code } => {
                let Some(room) = clustered.places.remove(&connection) else {
                    return Some(Output::Close { connection, code });
                };
                let own = clustered.is_own(connection);
                let turn = clustered.turns.entry(room).or_default();
                if own {
                    turn.held.push(Held::Close(connection, code));
                } else {
                    let items = turn.items.entry(member_of(connection)).or_default();
                    items.push(Item::Close { connection, code });
                }
                None
            }
            burned @ Output::Burned { .. } => Some(burned),
        }
    }

    /// Ends a batch of steps: what they changed goes out to be kept, with what they said.
    pub(super) fn end_turn(&mut self) {
        let Some(clustered) = &mut self.cluster else {
            return;
        };
        while let Some(change) = self.hub.poll_change() {
            clustered.put_change(change);
        }
        let now = clustered.put_words();
        clustered.flush();
        self.release(now, true);
    }

    /// Does what was held; if what it follows from was not kept, only says so to who must know.
    fn release(&mut self, held: Vec<Held>, kept: bool) {
        for one in held {
            match one {
                Held::Tell(tell) => tell(kept),
                Held::Close(connection, _) if !kept => {
                    self.close(connection, CloseCode::TryAgainLater);
                }
                _ if !kept => {}
                Held::Send(to, frame) => self.send(&to, frame.into()),
                Held::Close(connection, code) => self.close(connection, code),
                Held::Answered(connection) => self.answered(connection),
            }
        }
    }

    /// Something has happened to the membership.
    pub(super) fn handle_event(&mut self, event: Option<Event>) -> ControlFlow<()> {
        let Some(clustered) = &mut self.cluster else {
            return ControlFlow::Continue(());
        };
        match event {
            Some(Event::Joined(member)) => {
                clustered.member = Some(member);
                clustered.has_begun = true;
                // Until it is told.
                clustered.living.clear();
            }
            Some(Event::Done(outcomes)) => return self.done(outcomes),
            Some(Event::Note(sealed)) => {
                let member = clustered.member.unwrap_or(0);
                let note = clustered.cluster.key().open_note(member, &sealed);
                if let Some(note) = note.and_then(|note| Note::decode(note.as_slice())) {
                    self.take_note(note);
                }
            }
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

    fn done(&mut self, outcomes: Vec<Outcome>) -> ControlFlow<()> {
        let sent = match &mut self.cluster {
            Some(clustered) => clustered.in_flight.pop_front().unwrap_or_default(),
            None => return ControlFlow::Continue(()),
        };
        for (sent, outcome) in sent.into_iter().zip(outcomes) {
            match (sent, outcome) {
                (Sent::Turn { room, held }, outcome) => {
                    let kept = matches!(outcome, Outcome::Done);
                    if let Some(clustered) = &mut self.cluster
                        && let Some(owned) = clustered.owned.get_mut(&room)
                    {
                        owned.pending = owned.pending.saturating_sub(1);
                    }
                    self.release(held, kept);
                    if !kept {
                        self.lose_room(room);
                    }
                }
                (Sent::Claim(room), Outcome::NotThere) => self.found(room, Found::Nowhere),
                (Sent::Claim(room), Outcome::Owned(member)) => {
                    self.found(room, Found::With(member));
                }
                (Sent::Claim(room), Outcome::Taken(fence, copy)) => {
                    self.found(room, Found::Here(fence, copy));
                }
                (Sent::Left, _) => {
                    let ending = self.cluster.as_mut().and_then(|all| all.ending.take());
                    self.let_everything_go();
                    if let Some(ending) = ending {
                        let _ = ending.send(());
                    }
                    return ControlFlow::Break(());
                }
                (Sent::Note | Sent::Claim(_), _) => {}
            }
        }
        self.carry_out();
        ControlFlow::Continue(())
    }

    /// Where a room is.
    fn found(&mut self, room: RoomId, found: Found) {
        let Some(clustered) = &mut self.cluster else {
            return;
        };
        if let (Found::Here(fence, _), Some(owned)) = (&found, clustered.owned.get_mut(&room)) {
            // It was looked for twice.
            owned.fence = *fence;
            return;
        }
        let Some(place) = clustered.elsewhere.get_mut(&room) else {
            // Nobody wants it any more. What was taken is the next one's to take.
            return;
        };
        if !matches!(place.at, At::Asking) {
            return;
        }
        if place.forwarded {
            // What the owner before has said comes first, and with it what it has taken.
            place.at = At::Waiting(found);
            if let Some(member) = clustered.member {
                clustered.say(member, &Note::Sync { room });
            }
            return;
        }
        self.go_on(room, found);
    }

    fn go_on(&mut self, room: RoomId, found: Found) {
        match found {
            Found::With(member) => self.go_on_with(room, member),
            Found::Nowhere => self.go_on_here(room, None),
            Found::Here(fence, copy) => self.go_on_here(room, Some((fence, copy))),
        }
    }

    /// Another member has the room.
    fn go_on_with(&mut self, room: RoomId, at: Member) {
        let Some(clustered) = &mut self.cluster else {
            return;
        };
        let Some(mut place) = clustered.elsewhere.remove(&room) else {
            return;
        };
        for (connection, clean) in place.gone.drain(..) {
            let note = Note::Gone {
                connection,
                room,
                clean,
            };
            clustered.say(at, &note);
        }
        for (connection, peer) in &place.connections {
            let connection = *connection;
            let connect = Note::Connect {
                connection,
                peer: *peer,
                room,
            };
            clustered.say(at, &connect);
            let waiting = clustered.away.get(&connection);
            let waiting: Vec<Bytes> = waiting
                .iter()
                .flat_map(|away| &away.waiting)
                .cloned()
                .collect();
            place.forwarded |= !waiting.is_empty();
            for frame in waiting {
                let frame = Note::Frame {
                    connection,
                    room,
                    frame,
                };
                clustered.say(at, &frame);
            }
        }
        let mut senders = BTreeSet::new();
        for note in place.parked.drain(..) {
            match note {
                Note::Connect { connection, .. } | Note::Frame { connection, .. } => {
                    senders.insert(member_of(connection));
                }
                Note::Ask { from, .. } => {
                    senders.insert(from);
                }
                _ => {}
            }
        }
        for sender in senders {
            clustered.say(sender, &Note::NotMine { room });
        }
        for (what, reply) in place.asks.drain(..) {
            clustered.ask(at, room, what, reply);
        }
        if !place.connections.is_empty() {
            place.at = At::Member(at);
            clustered.elsewhere.insert(room, place);
        }
    }

    /// The room is here from now on, or there is none: then the own hub says so.
    fn go_on_here(&mut self, room: RoomId, taken: Option<(u64, Box<SealedCopy>)>) {
        let now = self.clock.now();
        if let Some((fence, copy)) = taken {
            self.adopt(now, room, fence, &copy);
        }
        let Some(clustered) = &mut self.cluster else {
            return;
        };
        let Some(place) = clustered.elsewhere.remove(&room) else {
            return;
        };
        let mut frames = Vec::new();
        for (connection, peer) in place.connections {
            let known = clustered.places.insert(connection, room).is_some();
            if !known {
                self.hub.handle_connect(now, connection, peer, room);
            }
            if let Some(away) = clustered.away.remove(&connection) {
                frames.extend(away.waiting.into_iter().map(|frame| (connection, frame)));
            }
        }
        for (connection, clean) in place.gone {
            let end = match clean {
                true => Disconnect::Clean,
                false => Disconnect::Broken,
            };
            clustered.places.remove(&connection);
            self.hub.handle_disconnect(now, connection, end);
        }
        self.carry_out();
        for (connection, frame) in frames {
            self.handle_own_frame(connection, &frame);
        }
        for note in place.parked {
            self.take_note_here(note);
        }
        for (what, reply) in place.asks {
            self.answer_here(room, &what, reply);
        }
    }

    fn handle_own_frame(&mut self, connection: ConnectionId, frame: &Bytes) {
        let now = self.clock.now();
        self.hub
            .handle_frame(now, connection, frame, &mut rng::system());
        self.carry_out();
        self.answered_clustered(connection);
    }

    fn adopt(&mut self, now: Timestamp, room: RoomId, fence: u64, sealed: &SealedCopy) {
        let Some(clustered) = &mut self.cluster else {
            return;
        };
        let key = clustered.cluster.key().of_room(room);
        let open = |place, part: &[u8]| match part.is_empty() {
            true => Some(Vec::new()),
            false => key.open(place, part).map(|part| part.into_vec()),
        };
        let opened = (
            open(Place::State, &sealed.state),
            open(Place::People, &sealed.people),
            open(Place::Seats, &sealed.seats),
        );
        let entries: Option<Vec<_>> = sealed
            .entries
            .iter()
            .map(|(seq, entry)| Some((*seq, key.open(Place::Entry(*seq), entry)?)))
            .collect();
        let (Some(state), Some(people), Some(seats)) = opened else {
            return warn!("what was kept of a room can't be opened");
        };
        let Some(entries) = entries else {
            return warn!("what was kept of a room can't be opened");
        };
        let entries: Vec<(u64, &[u8])> = entries
            .iter()
            .map(|(seq, entry)| (*seq, entry.as_slice()))
            .collect();
        let copy = RoomCopy {
            state: &state,
            people: &people,
            seats: &seats,
            entries: &entries,
        };
        let adopted = match self.hub.handle_adopt(now, room, &copy) {
            Ok(adopted) => adopted,
            Err(error) => return warn!("{error}"),
        };
        self.counters.rooms_taken_over.add(1);
        self.totals.adopt_room(adopted.owner);
        let owned = Owned {
            key,
            fence,
            pending: 0,
        };
        clustered.owned.insert(room, owned);
        let mut dead = Vec::new();
        for connection in adopted.connections {
            clustered.places.insert(connection, room);
            let lives = match clustered.is_own(connection) {
                true => self.connections.contains_key(&connection),
                false => !clustered.is_dead(member_of(connection)),
            };
            if !lives {
                dead.push(connection);
            }
        }
        self.end_all(now, dead);
    }

    /// These connections of the hub are no more.
    fn end_all(&mut self, now: Timestamp, connections: Vec<ConnectionId>) {
        for connection in connections {
            if let Some(clustered) = &mut self.cluster {
                clustered.places.remove(&connection);
            }
            self.hub
                .handle_disconnect(now, connection, Disconnect::Broken);
        }
        self.carry_out();
    }

    /// A room is another's: it is not served here from now on.
    fn lose_room(&mut self, room: RoomId) {
        let now = self.clock.now();
        let Some(clustered) = &mut self.cluster else {
            return;
        };
        clustered.owned.remove(&room);
        clustered.turns.remove(&room);
        if let Some(forgotten) = self.hub.handle_forget(room) {
            self.totals.release_room(forgotten.owner);
        }
        let connections: Vec<ConnectionId> = clustered
            .places
            .iter()
            .filter(|(_, place)| **place == room)
            .map(|(connection, _)| *connection)
            .collect();
        let mut members = HashSet::new();
        for connection in connections {
            clustered.places.remove(&connection);
            self.hub
                .handle_disconnect(now, connection, Disconnect::Broken);
            if clustered.is_own(connection) {
                if let Some(link) = self.connections.remove(&connection) {
                    link.outbox.close(CloseCode::TryAgainLater);
                }
            } else {
                members.insert(member_of(connection));
            }
        }
        for member in members {
            clustered.say(member, &Note::NotMine { room });
        }
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
        clustered.living.clear();
        clustered.owned.clear();
        clustered.elsewhere.clear();
        clustered.away.clear();
        clustered.places.clear();
        clustered.turns.clear();
        clustered.ops.clear();
        clustered.sent.clear();
        clustered.in_flight.clear();
        clustered.asked.clear();
        self.hub = Clustered::hub(&clustered.cluster, &self.config);
        for (_, link) in self.connections.drain() {
            link.outbox.close(CloseCode::TryAgainLater);
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
        let lost: Vec<RoomId> = clustered
            .elsewhere
            .iter()
            .filter(|(_, place)| match place.at {
                At::Member(member) => clustered.is_dead(member),
                At::Asking | At::Waiting(_) => false,
            })
            .map(|(room, _)| *room)
            .collect();
        for room in lost {
            clustered.lose_sight(room);
        }
        let dead: HashSet<u64> = clustered
            .asked
            .iter()
            .filter(|(_, waiting)| clustered.is_dead(waiting.at))
            .map(|(_, waiting)| waiting.at)
            .collect();
        clustered.ask_again(|waiting| dead.contains(&waiting.at));
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

    fn take_note(&mut self, note: Note) {
        let Some(clustered) = &mut self.cluster else {
            return;
        };
        match note {
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
                        clustered.say(member_of(connection), &Note::NotMine { room });
                    } else if let Note::Ask { from, .. } = note {
                        clustered.say(from, &Note::NotMine { room });
                    }
                } else if let Note::Frame { connection, .. } | Note::Gone { connection, .. } = note
                    && clustered.places.get(&connection) == Some(&room)
                {
                    // It was told that there is no such room, or will be.
                    self.take_note_here(note);
                } else {
                    clustered.elsewhere(room).parked.push(note);
                }
            }
            Note::Said(items) => self.said(items),
            Note::Answer { number, answer } => {
                if let Some(waiting) = clustered.asked.remove(&number) {
                    waiting.reply.0(answer);
                }
            }
            Note::NotMine { room } => {
                clustered.lose_sight(room);
                clustered.ask_again(|waiting| waiting.room == room);
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

    /// A note about a room that is here, or that is nowhere.
    fn take_note_here(&mut self, note: Note) {
        let now = self.clock.now();
        let Some(clustered) = &mut self.cluster else {
            return;
        };
        match note {
            Note::Connect {
                connection,
                peer,
                room,
            } => {
                if clustered.places.insert(connection, room).is_none() {
                    self.hub.handle_connect(now, connection, peer, room);
                }
                self.carry_out();
            }
            Note::Frame {
                connection,
                room,
                frame,
            } => {
                self.counters.received(frame.len());
                self.hub
                    .handle_frame(now, connection, &frame, &mut rng::system());
                let known = clustered.places.contains_key(&connection);
                self.carry_out();
                if known && let Some(clustered) = &mut self.cluster {
                    let turn = clustered.turns.entry(room).or_default();
                    let items = turn.items.entry(member_of(connection)).or_default();
                    items.push(Item::Taken {
                        connection,
                        frames: 1,
                    });
                }
            }
            Note::Gone {
                connection, clean, ..
            } => {
                clustered.places.remove(&connection);
                let end = match clean {
                    true => Disconnect::Clean,
                    false => Disconnect::Broken,
                };
                self.hub.handle_disconnect(now, connection, end);
                self.carry_out();
            }
            Note::Ask {
                from,
                number,
                room,
                what,
            } => {
                let answer = self.perform(room, &what);
                if let Some(clustered) = &mut self.cluster {
                    let turn = clustered.turns.entry(room).or_default();
                    turn.notes.push((from, Note::Answer { number, answer }));
                }
            }
            Note::Said(_) | Note::Answer { .. } | Note::NotMine { .. } | Note::Sync { .. } => {}
        }
    }

    /// What the owner of a room has to say to own connections.
    fn said(&mut self, items: Vec<Item>) {
        for item in items {
            match item {
                Item::Send { to, frame } => self.send(&to, Frame::text(&frame)),
                Item::Close { connection, code } => {
                    if let Some(clustered) = &mut self.cluster
                        && let Some(away) = clustered.away.remove(&connection)
                        && let Some(place) = clustered.elsewhere.get_mut(&away.room)
                    {
                        place.connections.remove(&connection);
                        let of_nobody = place.connections.is_empty() && place.asks.is_empty();
                        if of_nobody && matches!(place.at, At::Member(_)) {
                            clustered.elsewhere.remove(&away.room);
                        }
                    }
                    self.close(connection, code);
                }
                Item::Taken { connection, frames } => {
                    if let Some(clustered) = &mut self.cluster
                        && let Some(away) = clustered.away.get_mut(&connection)
                    {
                        for _ in 0..frames.min(away.waiting.len() as u64) {
                            let taken = away.waiting.pop_front();
                            away.bytes -= taken.map_or(0, |taken| taken.len());
                        }
                    }
                    self.answered(connection);
                }
            }
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
        clustered.ops.push(Op::Leave { member });
        clustered.sent.push(Sent::Left);
        clustered.flush();
        ControlFlow::Continue(())
    }
}
