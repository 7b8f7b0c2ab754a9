//! What a participant has seen of its room, and what may not happen in any room.
//!
//! Every case that reads a participant's frames goes through here: that the log has no holes, that versions, heads and
//! roster hashes fit together, and that nobody is sent what is not for it is looked at in all of them.

use std::collections::{BTreeMap, HashMap};

use burnchat_core::crypto::{
    RosterKeys, Signature, VerifyingKey, epoch_id, participant_id, roster_hash, verify_key_frame,
};
use burnchat_core::ids::{EpochId, ParticipantId, RoomId, RosterHash};
use burnchat_core::wire::{Joined, KeyFrame, KeyWanted, LoggedEnvelope, RelayFrame, RosterEntry};
use serde_json::Value;

use crate::case::{Outcome, ensure, ensure_eq, fail};

/// One participant's view.
pub(super) struct View {
    pub(super) room: RoomId,
    pub(super) own: ParticipantId,
    /// The last entry seen.
    pub(super) seq: u64,
    pub(super) version: u64,
    pub(super) head: EpochId,
    pub(super) roster: Vec<RosterEntry>,
    /// The rosters of all versions seen.
    rosters: BTreeMap<u64, Vec<RosterEntry>>,
    /// The newest keyed version seen.
    pub(super) keyed: Option<u64>,
    /// The epochs seen to begin and not to end.
    pub(super) epochs: Vec<(u64, EpochId)>,
    next_n: HashMap<(EpochId, ParticipantId), u64>,
    /// Every entry as it came, but for the wrap: the same for everybody.
    pub(super) log: Vec<(u64, Value)>,
    pub(super) last_extended: u64,
}

impl View {
    /// As `joined` says it.
    pub(super) fn of(joined: &Joined, room: RoomId, own: ParticipantId) -> Outcome<Self> {
        let last = joined.participants.last();
        ensure_eq("the last entry of `joined`", last.map(id_of), Some(own))?;
        ensure_eq(
            "the role of one's own entry",
            last.map(|entry| entry.role),
            Some(joined.role),
        )?;
        let mut ids: Vec<_> = joined.participants.iter().map(id_of).collect();
        ids.sort();
        ids.dedup();
        ensure_eq(
            "different ids on the roster",
            ids.len(),
            joined.participants.len(),
        )?;
        let numbers: Vec<_> = joined
            .participants
            .iter()
            .map(|entry| entry.number)
            .collect();
        ensure(
            numbers.is_sorted_by(|a, b| a < b) && numbers.first().is_none_or(|first| *first > 0),
            "join numbers that grow along the roster, from 1",
            format!("{numbers:?}"),
        )?;
        ensure(
            joined.seq >= joined.version && joined.version >= 1,
            "`seq` to have counted every version",
            format!("seq {}, version {}", joined.seq, joined.version),
        )?;
        Ok(Self {
            room,
            own,
            seq: joined.seq,
            version: joined.version,
            head: joined.head,
            roster: joined.participants.clone(),
            rosters: BTreeMap::from([(joined.version, joined.participants.clone())]),
            keyed: None,
            epochs: Vec::new(),
            next_n: HashMap::new(),
            log: Vec::new(),
            last_extended: joined.last_extended,
        })
    }

    /// Takes in a frame, and fails where no relay may send it.
    pub(super) fn see(&mut self, frame: &RelayFrame, text: &str) -> Outcome {
        if let Some(seq) = frame.seq() {
            ensure_eq("`seq` to grow by one", seq, self.seq + 1)?;
            self.seq = seq;
            let mut entry: Value = serde_json::from_str(text).unwrap_or_default();
            if entry["type"] == "session_key"
                && let Some(members) = entry.as_object_mut()
            {
                members.remove("wrapped");
            }
            self.log.push((seq, entry));
        }
        match frame {
            RelayFrame::ParticipantJoined(entry) => {
                let id = id_of(&entry.participant);
                if let Some(replaced) = &entry.replaces {
                    self.remove(*replaced)?;
                }
                ensure(
                    !self.is_here(id),
                    "an id that is not on the roster",
                    "one that is",
                )?;
                self.roster.push(entry.participant.clone());
                self.next_version(entry.version)?;
            }
            RelayFrame::ParticipantLeft(entry) => {
                ensure(
                    entry.id != self.own,
                    "nobody to be sent its own departure",
                    "one's own",
                )?;
                self.remove(entry.id)?;
                self.next_version(entry.version)?;
            }
            RelayFrame::Rekey(entry) => self.next_version(entry.version)?,
            RelayFrame::SessionKey(frame) => self.see_key(frame)?,
            RelayFrame::EpochEnd(entry) => {
                let ended = self
                    .epochs
                    .iter()
                    .position(|(version, _)| *version == entry.version);
                if let Some(place) = ended {
                    self.epochs.remove(place);
                }
                ensure(
                    Some(entry.version) != self.keyed,
                    "an older epoch to end",
                    "the newest",
                )?;
            }
            RelayFrame::Message(message) => self.see_message(message)?,
            RelayFrame::Extended(entry) => self.last_extended = entry.seq,
            RelayFrame::KeyWanted(wanted) => self.see_asking(wanted)?,
            RelayFrame::Joined(_) => return fail("one `joined`", "a second"),
            _ => {}
        }
        Ok(())
    }

    /// Whether it is on the roster.
    pub(super) fn is_here(&self, id: ParticipantId) -> bool {
        self.roster.iter().any(|entry| id_of(entry) == id)
    }

    /// The hash of the roster of a version that has been seen.
    pub(super) fn hash_of(&self, version: u64) -> Option<RosterHash> {
        self.rosters
            .get(&version)
            .map(|roster| hash(&self.room, version, roster))
    }

    /// The roster of a version that has been seen.
    pub(super) fn roster_of(&self, version: u64) -> &[RosterEntry] {
        self.rosters.get(&version).map_or(&[], Vec::as_slice)
    }

    fn next_version(&mut self, version: u64) -> Outcome {
        ensure_eq("`version` to grow by one", version, self.version + 1)?;
        self.version = version;
        self.rosters.insert(version, self.roster.clone());
        Ok(())
    }

    fn remove(&mut self, id: ParticipantId) -> Outcome {
        ensure(
            self.is_here(id),
            "somebody on the roster to leave it",
            "somebody who is not",
        )?;
        self.roster.retain(|entry| id_of(entry) != id);
        Ok(())
    }

    /// Section 7.1: between log entries, and about where the log is.
    fn see_asking(&self, wanted: &KeyWanted) -> Outcome {
        ensure_eq("`version` of `key_wanted`", wanted.version, self.version)?;
        ensure_eq("`head` of `key_wanted`", wanted.head, self.head)?;
        ensure(
            self.keyed != Some(wanted.version),
            "`key_wanted` for a version that has no key",
            "for one that has been keyed",
        )
    }

    /// Section 7.3: what a relay logs has passed its checks.
    fn see_key(&mut self, frame: &KeyFrame) -> Outcome {
        ensure_eq("`prev` to be the head", frame.prev, self.head)?;
        ensure(
            self.keyed.is_none_or(|keyed| keyed < frame.version) && frame.version <= self.version,
            "a key for a version above the last keyed one, and not above the newest",
            frame.version.to_string(),
        )?;
        let epoch = epoch_id(&frame.prev, &frame.roster_hash, &frame.commit.0);
        if let Some(expected) = self.hash_of(frame.version) {
            ensure_eq("`roster_hash`", frame.roster_hash, expected)?;
            let roster = self.roster_of(frame.version);
            let steward = roster.iter().find(|entry| id_of(entry) == frame.steward);
            let verifies = steward.is_some_and(|steward| {
                VerifyingKey::from_sec1(&steward.sig_pub.0).is_ok_and(|key| {
                    let sig = Signature::from_bytes(frame.sig.0);
                    verify_key_frame(&key, &self.room, &epoch, &sig).is_ok()
                })
            });
            ensure(
                verifies,
                "a key frame signed by a steward of that roster",
                "one that is not",
            )?;
            ensure(
                roster.iter().all(|entry| self.is_here(id_of(entry))),
                "a key for a roster nobody of which has left",
                format!("version {}", frame.version),
            )?;
            self.epochs.push((frame.version, epoch));
        }
        self.head = epoch;
        self.keyed = Some(frame.version);
        Ok(())
    }

    fn see_message(&mut self, message: &LoggedEnvelope) -> Outcome {
        ensure(
            self.is_here(message.sender),
            "an envelope of somebody on the roster",
            "of somebody who is not",
        )?;
        if self.epochs.iter().any(|(_, epoch)| *epoch == message.epoch) {
            let next = self
                .next_n
                .entry((message.epoch, message.sender))
                .or_default();
            ensure_eq("the next n of a sender", message.n, *next)?;
            *next += 1;
        }
        Ok(())
    }
}

/// The id of an entry: everybody computes it (section 5.2).
pub(super) fn id_of(entry: &RosterEntry) -> ParticipantId {
    participant_id(&entry.kem_pub.0, &entry.sig_pub.0)
}

/// The hash of a roster.
pub(super) fn hash(room: &RoomId, version: u64, roster: &[RosterEntry]) -> RosterHash {
    let keys = roster.iter().map(|entry| RosterKeys {
        kem_pub: &entry.kem_pub.0,
        sig_pub: &entry.sig_pub.0,
        role: entry.role,
    });
    roster_hash(room, version, keys)
}
