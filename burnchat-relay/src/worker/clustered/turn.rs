//! What steps say, held until what they changed is kept.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use axum::body::Bytes;
use burnchat_core::ids::RoomId;
use burnchat_core::relay::{Change, CloseCode, ConnectionId, KeptId, Output, RoomWrite};
use burnchat_core::wire::EncodedFrame;

use super::edge::Found;
use super::owner::Owned;
use super::{Clustered, member_of};
use crate::cluster::{Batch, Item, Member, Note, Op, Outcome, Place, RoomKey, SealedWrite, Words};
use crate::websocket::frame::SharedFrame;
use crate::worker::Worker;

/// How a countdown begins, as this relay encodes it.
const COUNTDOWN: &str = r#"{"type":"countdown","#;

#[derive(Default)]
pub(super) struct Turn {
    pub(super) held: Vec<Held>,
    pub(super) items: BTreeMap<Member, Vec<Item>>,
    pub(super) notes: Vec<(Member, Note)>,
}

/// What is done once what it follows from is kept.
pub(super) enum Held {
    Send(Vec<ConnectionId>, EncodedFrame),
    Close(ConnectionId, CloseCode),
    /// A frame of this connection, so long, has been answered.
    Answered(ConnectionId, usize),
    /// Is told whether it was kept.
    Tell(Box<dyn FnOnce(bool) + Send>),
}

pub(super) enum Sent {
    Turn { room: KeptId, held: Vec<Held> },
    Claim(KeptId),
    Note,
    Left,
}

impl Clustered {
    /// A room's parts under its key.
    pub(super) fn seal(key: &RoomKey, write: RoomWrite) -> Box<SealedWrite> {
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
    pub(super) fn words(turn: &mut Turn) -> BTreeMap<Member, Words> {
        let said = std::mem::take(&mut turn.items).into_iter();
        let said = said.map(|(member, items)| (member, Note::Said(items)));
        let mut words: BTreeMap<Member, Words> = BTreeMap::new();
        for (member, note) in said.chain(turn.notes.drain(..)) {
            words.entry(member).or_default().add(&note);
        }
        words
    }

    /// A room has changed, or is no more: that goes out with what the turn said of it.
    pub(super) fn put_change(&mut self, change: Change) {
        let Some(member) = self.member else { return };
        let (room, write) = match change {
            Change::Written(write) => (write.room, Some(write)),
            Change::Burned(room) => (room, None),
        };
        let mut turn = self.turns.remove(&room).unwrap_or_default();
        let notes = self.seal_words(Self::words(&mut turn));
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
                    self.put(create, Sent::Note);
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
        let (room, held) = (KeptId::new(room), turn.held);
        self.put(op, Sent::Turn { room, held });
    }

    /// What was said without a change of the room, and waits for nothing, can be done.
    pub(super) fn put_words(&mut self) -> Vec<Held> {
        let mut now = Vec::new();
        for (room, mut turn) in std::mem::take(&mut self.turns) {
            let words = Self::words(&mut turn);
            let mut pending = false;
            if let Some(owned) = self.owned.get_mut(&room) {
                pending = owned.pending > 0;
                owned.pending += usize::from(pending);
            }
            if pending && let Some(member) = self.member {
                let say = Op::Say {
                    partition: self.cluster.partition_of(room.get()),
                    member,
                    notes: self.seal_words(words),
                };
                let held = turn.held;
                self.put(say, Sent::Turn { room, held });
            } else {
                if !words.is_empty() {
                    let partition = self.cluster.partition_of(room.get());
                    let said = self.words.entry(partition).or_default();
                    for (member, words) in words {
                        said.entry(member).or_default().append(&words);
                    }
                }
                now.extend(turn.held);
            }
        }
        now
    }

    pub(super) fn flush(&mut self) {
        self.end_words();
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
    /// A room has been made here, if nobody else has.
    pub(in crate::worker) fn own_new(&mut self, room: RoomId, tell: Box<dyn FnOnce(bool) + Send>) {
        if let Some(clustered) = &mut self.cluster {
            let key = clustered.cluster.key().of_room(room);
            let owned = Owned {
                key: Box::new(key),
                fence: 0,
                pending: 0,
            };
            let room = KeptId::new(room);
            clustered.owned.insert(room.clone(), owned);
            let turn = clustered.turn(&room);
            turn.held.push(Held::Tell(tell));
        }
    }

    /// A frame of an own connection has been handled by the own hub.
    pub(in crate::worker) fn answered_clustered(&mut self, connection: ConnectionId, len: usize) {
        if let Some(clustered) = &mut self.cluster
            && let Some(room) = clustered.places.get(&connection).cloned()
        {
            let turn = clustered.turn(&room);
            turn.held.push(Held::Answered(connection, len));
        } else {
            self.arrived(connection, len);
        }
    }

    /// A frame of an own connection is where it belongs.
    pub(super) fn arrived(&mut self, connection: ConnectionId, len: usize) {
        if let Some(link) = self.connections.get(&connection) {
            link.flow.end(len);
        }
    }

    /// What the hub says goes into the turn of its room. Gives it back where it belongs to none.
    pub(in crate::worker) fn hold(&mut self, output: Output) -> Option<Output> {
        let Some(clustered) = &mut self.cluster else {
            return Some(output);
        };
        match output {
            Output::Send { to, frame } => {
                let first = to.first()?;
                let Some(room) = clustered.places.get(first).cloned() else {
                    return Some(Output::Send { to, frame });
                };
                let (own, others): (Vec<_>, Vec<_>) = to
                    .into_iter()
                    .partition(|connection| clustered.is_own(*connection));
                if !own.is_empty() {
                    let turn = clustered.turn(&room);
                    turn.held.push(Held::Send(own, frame.clone()));
                }
                let mut of_member: BTreeMap<Member, Vec<ConnectionId>> = BTreeMap::new();
                for connection in others {
                    let of_one = of_member.entry(member_of(connection)).or_default();
                    of_one.push(connection);
                }
                let is_countdown = frame.as_str().starts_with(COUNTDOWN);
                for (member, to) in of_member {
                    let frame = Bytes::from_owner(SharedFrame(frame.clone()));
                    if is_countdown {
                        let said = Note::Said(vec![Item::Send { to, frame }]);
                        clustered.put_countdown(room.get(), member, &said);
                        continue;
                    }
                    let turn = clustered.turn(&room);
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
                let turn = clustered.turn(&room);
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

    /// Before somebody asks for a room: one that has burned in these steps is burned in the shared memory, too, or it would
    /// be found there once more.
    pub(super) fn end_burned(&mut self, room: RoomId) {
        if let Some(clustered) = &self.cluster
            && clustered.owned.contains_key(&room)
            && !self.hub.has_room(room)
        {
            self.end_turn();
        }
    }

    /// Ends a batch of steps: what they changed goes out to be kept, with what they said.
    pub(in crate::worker) fn end_turn(&mut self) {
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
    pub(super) fn release(&mut self, held: Vec<Held>, kept: bool) {
        for one in held {
            match one {
                Held::Tell(tell) => tell(kept),
                Held::Close(connection, _) if !kept => {
                    self.close(connection, CloseCode::TryAgainLater);
                }
                _ if !kept => {}
                Held::Send(to, frame) => self.send(&to, frame.into()),
                Held::Close(connection, code) => self.close(connection, code),
                Held::Answered(connection, len) => {
                    self.arrived(connection, len);
                    self.answered(connection);
                }
            }
        }
    }

    pub(super) fn done(&mut self, outcomes: Vec<Outcome>) -> ControlFlow<()> {
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
                        self.lose_room(room.get());
                    }
                }
                (Sent::Claim(room), Outcome::NotThere) => self.found(room.get(), Found::Nowhere),
                (Sent::Claim(room), Outcome::Owned(member)) => {
                    self.found(room.get(), Found::With(member));
                }
                (Sent::Claim(room), Outcome::Taken(fence, copy)) => {
                    self.found(room.get(), Found::Here(fence, copy));
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
}
