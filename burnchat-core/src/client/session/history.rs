//! What was said before this client joined, in rooms that keep it (spec section 9).
//!
//! The kept log is replayed into a roster of its own. Envelopes wait until the client is keyed for the first time and
//! can walk back from key to key; then they are read in log order.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::mem;

use super::{Context, Session};
use crate::client::Stop;
use crate::client::epochs::Epoch;
use crate::client::event::{Event, Participant};
use crate::client::roster::{Entry, Known, Roster};
use crate::client::senders::Sender;
use crate::crypto::{
    RoomKeys, SessionKey, Signature, VerifyingKey, epoch_id, participant_id, verify_key_frame,
};
use crate::error::Code;
use crate::ids::{EpochId, ParticipantId, RoomId, RosterHash};
use crate::limits;
use crate::wire::{Back, Joined, KeyFrame, LoggedEnvelope, RelayFrame, Role};

/// The way from `joined` to having read the history.
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub(super) struct HistoryReader {
    joined_seq: u64,
    joined_version: u64,
    joined_head: EpochId,
    /// Who was there at `joined`, this client left out.
    joined_others: Vec<(ParticipantId, Role)>,
    phase: Phase,
    roster: Roster,
    head: EpochId,
    /// Versions above that of the last key frame: hash and members.
    versions: Vec<(u64, RosterHash, BTreeSet<ParticipantId>)>,
    people: BTreeMap<ParticipantId, Person>,
    frames: Vec<PastFrame>,
    /// How many of these, from the oldest on, have ended because somebody was missing from a newer one.
    ended: usize,
    items: VecDeque<Item>,
    item_bytes: usize,
    complete: bool,
    opened: Vec<(EpochId, SessionKey)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(burnchat_sim, derive(Hash))]
enum Phase {
    /// Entries from before the join are coming in.
    Replaying,
    /// They are in; the first key is awaited.
    Waiting,
    /// Read, or given up.
    Done,
}

/// Somebody who was in the room.
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub(super) struct Person {
    key: Option<VerifyingKey>,
    participant: Participant,
}

/// A key frame whose key this client was not given.
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
struct PastFrame {
    id: EpochId,
    version: u64,
    roster_hash: RosterHash,
    commit: [u8; 32],
    members: BTreeSet<ParticipantId>,
    back: Option<Back>,
}

/// What happened, in log order.
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
enum Item {
    Envelope(LoggedEnvelope),
    Left(ParticipantId),
    Ended(EpochId),
}

impl HistoryReader {
    pub(super) fn new(room_id: RoomId, joined: &Joined) -> Self {
        let others = joined.participants.len().saturating_sub(1);
        let ids = joined.participants.iter().take(others);
        Self {
            joined_seq: joined.seq,
            joined_version: joined.version,
            joined_head: joined.head,
            joined_others: ids
                .map(|entry| {
                    let id = participant_id(&entry.kem_pub.0, &entry.sig_pub.0);
                    (id, entry.role)
                })
                .collect(),
            phase: Phase::Replaying,
            roster: Roster::empty(room_id, joined.version.saturating_sub(1), Known::default()),
            head: EpochId::NONE,
            versions: Vec::new(),
            people: BTreeMap::new(),
            frames: Vec::new(),
            ended: 0,
            items: VecDeque::new(),
            item_bytes: 0,
            complete: true,
            opened: Vec::new(),
        }
    }

    /// Whether this entry is one of those before the join.
    pub(super) fn is_before_join(&self, seq: u64) -> bool {
        self.phase == Phase::Replaying && seq < self.joined_seq
    }

    /// Whether entries from before the join are still awaited.
    pub(super) fn is_replaying(&self) -> bool {
        self.phase == Phase::Replaying
    }

    /// Whether envelopes that can't be opened are kept for later.
    pub(super) fn is_waiting(&self) -> bool {
        self.phase == Phase::Waiting
    }

    /// An entry from before the join. What does not fit makes the history unavailable, and nothing worse.
    pub(super) fn take_past(&mut self, frame: RelayFrame, keys: &RoomKeys) -> Result<(), Stop> {
        let fits = match frame {
            RelayFrame::ParticipantJoined(entry) => {
                if self.people.is_empty() {
                    let before = entry.version.saturating_sub(1);
                    self.roster = Roster::empty(*keys.room_id(), before, Known::default());
                }
                let replaced = entry.replaces.is_none_or(|replaced| self.leave(&replaced));
                let joined = self.join(entry.participant, entry.version, keys);
                self.next_version(entry.version) && replaced && joined
            }
            RelayFrame::ParticipantLeft(entry) => {
                let left = self.leave(&entry.id);
                self.next_version(entry.version) && left
            }
            RelayFrame::Rekey(entry) => self.next_version(entry.version),
            RelayFrame::SessionKey(frame) => self.past_key_frame(&frame, keys),
            RelayFrame::EpochEnd(entry) => {
                self.epoch_end(entry.version);
                true
            }
            RelayFrame::Message(logged) => return self.take_envelope(logged).map_err(Stop::refuse),
            _ => true,
        };
        self.complete &= fits;
        Ok(())
    }

    /// An envelope to be read later.
    pub(super) fn take_envelope(&mut self, logged: LoggedEnvelope) -> Result<(), Code> {
        self.item_bytes = self
            .item_bytes
            .saturating_add(logged.ciphertext.0.len())
            .saturating_add(256);
        if self.item_bytes > limits::HISTORY_BYTES {
            self.complete = false;
            return Ok(());
        }
        self.items.push_back(Item::Envelope(logged));
        Ok(())
    }

    /// A key frame logged after the join. The session has checked it, unless it is for a version before the join: then
    /// it starts an epoch of the past.
    pub(super) fn take_key_frame(
        &mut self,
        id: EpochId,
        frame: &KeyFrame,
        live: &Roster,
        keys: &RoomKeys,
    ) {
        if self.phase == Phase::Done {
            return;
        }
        if frame.version < self.joined_version {
            self.complete &= self.past_key_frame(frame, keys);
        } else {
            let members = live.members_at(frame.version);
            self.push_frame(id, frame, members.map(|entry| entry.id).collect());
        }
    }

    pub(super) fn epoch_end(&mut self, version: u64) {
        if self.phase != Phase::Done
            && let Some(frame) = self.frames.iter().find(|frame| frame.version == version)
        {
            self.items.push_back(Item::Ended(frame.id));
        }
    }

    /// Somebody has left since the join: what it sends from now on is not to be read.
    pub(super) fn departed(&mut self, id: ParticipantId) {
        if self.phase == Phase::Waiting {
            // Who came after this client is not on the roster replayed.
            let _of_the_past = self.leave(&id);
        }
    }

    /// All entries from before the join are in. Whether they lead to what `joined` says.
    fn end(&mut self, complete: bool) -> bool {
        self.complete &= complete;
        self.phase = Phase::Waiting;
        // The join itself may have taken a seat over: then one of those replayed is not there any more.
        let there = |id: &ParticipantId| self.joined_others.iter().any(|(other, _)| other == id);
        let replayed = self.roster.entries().iter().map(|entry| entry.id);
        let gone: Vec<ParticipantId> = replayed.filter(|id| !there(id)).collect();
        for id in &gone {
            self.leave(id);
        }
        let entries = self.roster.entries().iter();
        let left = entries.map(|entry| (entry.id, entry.listed.role));
        let fits = gone.len() <= 1
            && left.eq(self.joined_others.iter().copied())
            && self.roster.version().saturating_add(1) == self.joined_version
            && self.head == self.joined_head;
        self.complete &= fits;
        fits
    }

    /// Opens what can be opened from the first key on (spec section 9.3).
    pub(super) fn walk_back(&mut self, id: &EpochId, key: &SessionKey, back: Option<&Back>) {
        if self.phase != Phase::Waiting {
            return;
        }
        let mut from = *id;
        let mut back = back.cloned();
        let mut opened: Vec<(EpochId, SessionKey)> = Vec::new();
        while let Some(step) = back.take() {
            let newer = opened.last().map_or(key, |(_, key)| key);
            let Ok(older) = newer.unwrap_back(&from, &step.wrapped.0) else {
                break;
            };
            let Some(frame) = self.frames.iter().find(|frame| frame.id == step.epoch) else {
                break;
            };
            // What a frame says of the way back is signed by nobody: it may lead in a circle.
            let seen = step.epoch == *id || opened.iter().any(|(seen, _)| *seen == step.epoch);
            if seen || !older.matches(&frame.commit, &frame.roster_hash) {
                break;
            }
            from = step.epoch;
            back.clone_from(&frame.back);
            opened.push((from, older));
        }
        self.opened = opened;
    }

    fn past_key_frame(&mut self, frame: &KeyFrame, keys: &RoomKeys) -> bool {
        let id = epoch_id(&frame.prev, &frame.roster_hash, &frame.commit.0);
        let known = self
            .versions
            .iter()
            .find(|(version, ..)| *version == frame.version);
        let Some((_, hash, members)) = known else {
            return false;
        };
        let nobody_left = members.iter().all(|id| self.roster.get(id).is_some());
        let steward = self.roster.get(&frame.steward);
        let key = steward.and_then(Entry::signing_key);
        let signed = key.is_some_and(|key| {
            verify_key_frame(
                &key,
                keys.room_id(),
                &id,
                &Signature::from_bytes(frame.sig.0),
            )
            .is_ok()
        });
        if *hash != frame.roster_hash
            || !members.contains(&frame.steward)
            || !nobody_left
            || frame.prev != self.head
            || !signed
        {
            return false;
        }
        let members = members.clone();
        self.push_frame(id, frame, members);
        true
    }

    fn push_frame(&mut self, id: EpochId, frame: &KeyFrame, members: BTreeSet<ParticipantId>) {
        let removed = self
            .frames
            .last()
            .is_some_and(|last| !last.members.is_subset(&members));
        if removed {
            let ending = self.frames.iter().skip(self.ended);
            self.items.extend(ending.map(|frame| Item::Ended(frame.id)));
            self.ended = self.frames.len();
        }
        self.head = id;
        self.versions
            .retain(|(version, ..)| *version > frame.version);
        self.frames.push(PastFrame {
            id,
            version: frame.version,
            roster_hash: frame.roster_hash,
            commit: frame.commit.0,
            members,
            back: frame.back.clone(),
        });
    }

    fn join(&mut self, listed: crate::wire::RosterEntry, version: u64, keys: &RoomKeys) -> bool {
        let Ok((id, _)) = self.roster.add(listed, version, keys) else {
            return false;
        };
        let Some(entry) = self.roster.get(&id) else {
            return false;
        };
        let key = entry
            .public
            .as_ref()
            .map(|public| public.verifying().clone());
        let nobody = ParticipantId([0; 16]);
        self.people.insert(
            id,
            Person {
                key,
                participant: entry.participant(&nobody),
            },
        );
        true
    }

    fn leave(&mut self, id: &ParticipantId) -> bool {
        self.items.push_back(Item::Left(*id));
        self.roster.remove(id).is_ok()
    }

    /// What has been replayed since the last version makes the next one.
    fn next_version(&mut self, version: u64) -> bool {
        let fits = version == self.roster.version().saturating_add(1);
        self.roster.set_version(version);
        if self.versions.len() < limits::UNKEYED_VERSIONS {
            let members = self.roster.entries().iter().map(|entry| entry.id).collect();
            self.versions.push((version, self.roster.hash(), members));
        }
        fits
    }
}

impl Session {
    pub(super) fn history_end(&mut self, complete: bool, cx: &mut Context<'_>) -> Result<(), Stop> {
        let reader = self
            .history
            .as_mut()
            .filter(|reader| reader.phase == Phase::Replaying);
        let Some(reader) = reader else {
            return Err(Stop::refuse(Code::UnexpectedFromRelay));
        };
        let fits = reader.end(complete);
        if !fits {
            cx.fault(Code::HistoryUnavailable, None);
        }
        // With others there, one of them may write before this client is first keyed, in an epoch begun before it came.
        if reader.items.is_empty() && reader.joined_others.is_empty() && fits {
            reader.phase = Phase::Done;
            cx.event(Event::HistoryRead { complete });
        }
        // A key that came before this, with what a broken connection had missed, is the first; there may be no other.
        if self.epochs.newest().is_some() {
            self.read_history(cx);
        }
        Ok(())
    }

    /// Reads what waits, once the history is in and the first epoch installed.
    pub(super) fn read_history(&mut self, cx: &mut Context<'_>) {
        let Some(reader) = self
            .history
            .as_mut()
            .filter(|reader| reader.phase == Phase::Waiting)
        else {
            return;
        };
        reader.phase = Phase::Done;
        let items = mem::take(&mut reader.items);
        let mut people = mem::take(&mut reader.people);
        let frames = mem::take(&mut reader.frames);
        let opened = mem::take(&mut reader.opened);
        let mut complete = reader.complete;
        reader.versions.clear();

        for (id, key) in opened {
            let Some(frame) = frames.iter().find(|frame| frame.id == id) else {
                continue;
            };
            let members = frame.members.iter().filter(|member| {
                let key = people.get(member).and_then(|person| person.key.as_ref());
                key.is_some()
                    || self
                        .roster
                        .get(member)
                        .is_some_and(|entry| entry.is_verified())
            });
            let mut epoch = Epoch::new(
                id,
                frame.version,
                key,
                members.copied().collect::<Vec<_>>().into_iter(),
                false,
            );
            epoch.superseded_at = Some(cx.now);
            self.epochs.install(epoch);
        }
        for entry in self.roster.verified() {
            people.entry(entry.id).or_insert_with(|| Person {
                key: entry
                    .public
                    .as_ref()
                    .map(|public| public.verifying().clone()),
                participant: entry.participant(&self.me.id()),
            });
        }
        for id in people.keys() {
            self.senders.entry(*id).or_insert_with(Sender::found);
        }
        let mut gone: BTreeSet<ParticipantId> = BTreeSet::new();
        self.past_people = people;
        for item in items {
            match item {
                Item::Left(id) => {
                    gone.insert(id);
                }
                Item::Ended(id) => self.epochs.end(&id),
                Item::Envelope(logged) => complete &= self.read_past_envelope(logged, &gone, cx),
            }
        }
        self.past_people = BTreeMap::new();
        let roster = &self.roster;
        self.senders.retain(|id, _| roster.get(id).is_some());
        if !complete {
            cx.fault(Code::HistoryUnavailable, None);
        }
        cx.event(Event::HistoryRead { complete });
    }

    /// Who wrote a message: somebody on the roster, or in the history being read.
    pub(super) fn author(&self, id: &ParticipantId) -> Option<Participant> {
        let present = self
            .roster
            .get(id)
            .map(|entry| entry.participant(&self.me.id()));
        present.or_else(|| {
            self.past_people
                .get(id)
                .map(|person| person.participant.clone())
        })
    }

    fn read_past_envelope(
        &mut self,
        logged: LoggedEnvelope,
        gone: &BTreeSet<ParticipantId>,
        cx: &mut Context<'_>,
    ) -> bool {
        let sender = logged.sender;
        let key = self
            .past_people
            .get(&sender)
            .and_then(|person| person.key.clone());
        let Some(key) = key.filter(|_| !gone.contains(&sender)) else {
            return false;
        };
        let envelope = logged.into_envelope();
        if self.epochs.get(&envelope.epoch).is_none() {
            return false;
        }
        match self.open(sender, &key, &envelope, true, cx) {
            Ok(()) => true,
            Err(code) => {
                cx.fault(code, Some(sender));
                false
            }
        }
    }
}

/// People of the history while it is being read.
pub(super) type PastPeople = BTreeMap<ParticipantId, Person>;
