//! Epochs at the relay: which take envelopes, and who has sent how many in each (spec sections 7.3, 7.5, 7.6 and 8.4).

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use super::Refusal;
use super::handover::{Carried, Count, Reader, Writer, carried};
use super::log::Kind;
use super::room::{ALLOCATION, Moment};
use super::seats::JoinNumber;
use crate::crypto::{Signature, VerifyingKey, epoch_id, verify_key_frame};
use crate::error::Code;
use crate::ids::{EpochId, ParticipantId};
use crate::limits::{EPOCH_OVERLAP_MILLIS, REKEY_AT_N};
use crate::time::Timestamp;
use crate::wire::{
    Bytes, Envelope, EpochEnd, KeyFrame, KeyOffer, LoggedEnvelope, Rekey, RelayFrame, Wrap,
};

/// The epochs of a room that have not ended.
#[derive(Default)]
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub(super) struct Epochs {
    newest: Option<Epoch>,
    /// Those before it, the oldest first, and when they end.
    older: VecDeque<(Timestamp, Epoch)>,
    /// Somebody on the newest epoch's roster has left: nobody sends until the next.
    hold: bool,
}

#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub(super) struct Epoch {
    pub(super) version: u64,
    pub(super) id: EpochId,
    pub(super) steward: JoinNumber,
    /// Its roster, in join order.
    members: Vec<Member>,
}

#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
struct Member {
    number: JoinNumber,
    /// The next n taken from it.
    next_n: u64,
    /// Got a wrap, or made them.
    holds_key: bool,
}

impl Epochs {
    /// The newest epoch, or 32 zero bytes.
    pub(super) fn head(&self) -> EpochId {
        self.newest.as_ref().map_or(EpochId::NONE, |epoch| epoch.id)
    }

    pub(super) fn newest(&self) -> Option<&Epoch> {
        self.newest.as_ref()
    }

    /// The last keyed version, or 0.
    pub(super) fn keyed_version(&self) -> u64 {
        self.newest.as_ref().map_or(0, |epoch| epoch.version)
    }

    /// When the oldest ends.
    pub(super) fn next_end(&self) -> Option<Timestamp> {
        self.older.front().map(|(at, _)| *at)
    }

    pub(super) fn memory(&self) -> usize {
        let older = self.older.iter().map(|(_, epoch)| epoch);
        let of_one = |epoch: &Epoch| {
            size_of::<(Timestamp, Epoch)>()
                + epoch.members.capacity() * size_of::<Member>()
                + ALLOCATION
        };
        self.newest.iter().chain(older).map(of_one).sum()
    }

    pub(super) fn departed(&mut self, number: JoinNumber) {
        if let Some(newest) = &self.newest
            && newest.member(number).is_some()
        {
            self.hold = true;
        }
    }

    /// Starts an epoch. The one before goes on until `ends_at`, and those before it until their time, unless somebody
    /// has left who was in it: then all end now.
    fn start(&mut self, epoch: Epoch, ends_at: Timestamp) {
        self.hold = false;
        if let Some(before) = self.newest.replace(epoch)
            && let Some(newest) = &self.newest
        {
            let removed = |member: &Member| newest.member(member.number).is_none();
            if before.members.iter().any(removed) {
                self.older.clear();
            } else {
                self.older.push_back((ends_at, before));
            }
        }
    }

    /// Judges an envelope before anything of it is counted.
    fn judge(&self, epoch: &EpochId, n: u64, sender: JoinNumber) -> Verdict {
        let Some(member) = self.find(epoch).and_then(|epoch| epoch.member(sender)) else {
            return Verdict::Refused(Code::StaleEpoch);
        };
        if n < member.next_n {
            Verdict::TakenBefore
        } else if self.hold {
            Verdict::Refused(Code::StaleEpoch)
        } else if n > member.next_n {
            Verdict::Refused(Code::BadSequence)
        } else {
            Verdict::Next
        }
    }

    fn count(&mut self, epoch: &EpochId, sender: JoinNumber) {
        let older = self.older.iter_mut().map(|(_, epoch)| epoch);
        let epoch = self
            .newest
            .iter_mut()
            .chain(older)
            .find(|open| open.id == *epoch);
        if let Some(member) = epoch.and_then(|epoch| epoch.member_mut(sender)) {
            member.next_n += 1;
        }
    }

    fn find(&self, id: &EpochId) -> Option<&Epoch> {
        let older = self.older.iter().map(|(_, epoch)| epoch);
        self.newest.iter().chain(older).find(|open| open.id == *id)
    }
}

carried!(Epochs {
    newest,
    older,
    hold
});
carried!(Epoch {
    version,
    id,
    steward,
    members
});

impl Carried for Member {
    fn put(&self, to: &mut Writer) {
        let Self {
            number,
            next_n,
            holds_key,
        } = self;
        number.put(to);
        Count(*next_n).put(to);
        holds_key.put(to);
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        let number = Carried::take(from)?;
        let Count(next_n) = Carried::take(from)?;
        Some(Self {
            number,
            next_n,
            holds_key: Carried::take(from)?,
        })
    }
}

impl Epochs {
    /// Whether they can be what a hub has come to: for those that another has written down.
    pub(super) fn are_sound(&self) -> bool {
        let sound = |epoch: &Epoch| epoch.members.is_sorted_by(|a, b| a.number < b.number);
        let older = self.older.iter().map(|(_, epoch)| epoch);
        let epochs: Vec<&Epoch> = older.chain(&self.newest).collect();
        epochs.iter().all(|epoch| sound(epoch))
            && epochs.is_sorted_by(|a, b| a.version < b.version)
            && (self.newest.is_some() || self.older.is_empty())
    }
}

enum Verdict {
    Next,
    TakenBefore,
    Refused(Code),
}

impl Epoch {
    /// Whether this participant can have its key.
    pub(super) fn is_held_by(&self, number: JoinNumber) -> bool {
        self.member(number).is_some_and(|member| member.holds_key)
    }

    fn member(&self, number: JoinNumber) -> Option<&Member> {
        self.members.get(self.place(number)?)
    }

    fn member_mut(&mut self, number: JoinNumber) -> Option<&mut Member> {
        let place = self.place(number)?;
        self.members.get_mut(place)
    }

    fn place(&self, number: JoinNumber) -> Option<usize> {
        self.members
            .binary_search_by_key(&number, |member| member.number)
            .ok()
    }
}

impl Moment<'_> {
    /// An envelope of `len` bytes on the wire.
    pub(super) fn envelope(
        &mut self,
        sender: JoinNumber,
        envelope: Envelope,
        len: usize,
    ) -> Result<(), Refusal> {
        let (epoch, n) = (envelope.epoch, envelope.n);
        match self.live.epochs.judge(&epoch, n, sender) {
            Verdict::Next => {}
            Verdict::TakenBefore => return Ok(()),
            Verdict::Refused(code) => return Err(code.into()),
        }
        self.spend(len)?;
        let Some(id) = self.live.roster.get(sender).map(|sender| sender.id) else {
            return Ok(());
        };
        self.live.epochs.count(&epoch, sender);
        self.log(Kind::Envelope, |seq| {
            RelayFrame::Message(LoggedEnvelope::new(seq, id, envelope))
        });
        let version = self.live.roster.version;
        if n >= REKEY_AT_N
            && self.live.epochs.head() == epoch
            && self.live.epochs.keyed_version() == version
        {
            self.rekey();
        }
        Ok(())
    }

    /// A key frame from a participant. One that is not right is dropped without an answer.
    pub(super) fn key_offer(&mut self, steward: JoinNumber, offer: KeyOffer) {
        let Some(wraps) = self.check_key_offer(steward, &offer) else {
            return;
        };
        let Some(id) = self.live.roster.get(steward).map(|steward| steward.id) else {
            return;
        };
        let KeyOffer {
            version,
            roster_hash,
            prev,
            commit,
            sig,
            wraps: _,
            back,
        } = offer;
        let Some(members) = self.live.asking.keyed(version) else {
            return;
        };
        let epoch = Epoch {
            version,
            id: epoch_id(&prev, &roster_hash, &commit.0),
            steward,
            members: members
                .into_iter()
                .map(|number| Member {
                    number,
                    next_n: 0,
                    holds_key: number == steward
                        || wraps.binary_search_by_key(&number, |(to, _)| *to).is_ok(),
                })
                .collect(),
        };
        if let Some(standing) = self.live.roster.standing_mut(steward) {
            standing.unresponsive = false;
        }
        let ends_at = self.now.plus_millis(EPOCH_OVERLAP_MILLIS);
        self.live.epochs.start(epoch, ends_at);
        let history = self.terms.history;
        let frame = |seq| KeyFrame {
            seq,
            version,
            steward: id,
            roster_hash,
            prev,
            commit,
            sig,
            wrapped: None,
            back: back.filter(|_| history),
        };
        self.log_key(wraps, frame);
        while self.live.epochs.older.len() >= self.limits.open_epochs.max(1) {
            self.end_oldest_epoch();
        }
        self.ask_again_if_unkeyed();
    }

    /// A participant says it has no key for the last keyed version.
    pub(super) fn need_key(&mut self, complainer: JoinNumber, version: u64) {
        let Some(newest) = self.live.epochs.newest() else {
            return;
        };
        if newest.version != version || newest.member(complainer).is_none() {
            return;
        }
        let steward = newest.steward;
        if !self.live.asking.complain(self.now, complainer, steward) {
            return;
        }
        let complaint = self.live.asking.complaints();
        if let Some(standing) = self.live.roster.standing_mut(steward) {
            standing.complaint = complaint;
        }
        if self.live.roster.version == version {
            self.rekey();
        }
    }

    /// Ends the oldest epoch that takes envelopes beside the newest.
    pub(super) fn end_oldest_epoch(&mut self) {
        if let Some((_, epoch)) = self.live.epochs.older.pop_front() {
            let version = epoch.version;
            self.log(Kind::Control, |seq| {
                RelayFrame::EpochEnd(EpochEnd { seq, version })
            });
        }
    }

    /// A new version for the same people.
    fn rekey(&mut self) {
        self.live.roster.version += 1;
        let version = self.live.roster.version;
        self.log(Kind::Change, |seq| {
            RelayFrame::Rekey(Rekey { seq, version })
        });
        self.ask_at_once();
    }

    /// Spec section 7.3, what is cheap to check first. Returns the wraps by whom they are for.
    fn check_key_offer(
        &self,
        steward: JoinNumber,
        offer: &KeyOffer,
    ) -> Option<Vec<(JoinNumber, Bytes<40>)>> {
        let asked = self.live.asking.asked_for(offer.version, steward)?;
        if offer.prev != self.live.epochs.head() || offer.roster_hash != asked.roster_hash {
            return None;
        }
        let wraps = self.wraps_by_number(&asked.members, steward, &offer.wraps)?;
        let steward = self.live.roster.get(steward)?;
        let key = VerifyingKey::from_sec1(&steward.entry.sig_pub.0).ok()?;
        let epoch = epoch_id(&offer.prev, &offer.roster_hash, &offer.commit.0);
        let signature = Signature::from_bytes(offer.sig.0);
        verify_key_frame(&key, &self.terms.id.get(), &epoch, &signature).ok()?;
        Some(wraps)
    }

    /// `None` if a wrap is for somebody else than the version's people, for the steward, or the second for one of them.
    fn wraps_by_number(
        &self,
        members: &[JoinNumber],
        steward: JoinNumber,
        wraps: &[Wrap],
    ) -> Option<Vec<(JoinNumber, Bytes<40>)>> {
        let mut numbers: BTreeMap<ParticipantId, JoinNumber> = members
            .iter()
            .filter(|number| **number != steward)
            .filter_map(|number| Some((self.live.roster.get(*number)?.id, *number)))
            .collect();
        let mut by_number = wraps
            .iter()
            .map(|wrap| Some((numbers.remove(&wrap.id)?, wrap.wrapped)))
            .collect::<Option<Vec<_>>>()?;
        by_number.sort_unstable_by_key(|(number, _)| *number);
        Some(by_number)
    }

    /// Logs a key frame: everyone is sent its own wrap, and those without one the same frame.
    fn log_key(
        &mut self,
        wraps: Vec<(JoinNumber, Bytes<40>)>,
        frame: impl FnOnce(u64) -> KeyFrame,
    ) {
        let before = self.live.log.memory();
        let stored = self
            .live
            .log
            .append_key(self.now, self.limits, wraps, frame);
        let Some(stored) = stored else { return };
        let mut without = Vec::new();
        for (number, connection) in self.live.roster.here() {
            if stored.has_wrap(number) {
                self.links
                    .send_one(connection, stored.frame_for(Some(number)));
            } else {
                without.push(connection);
            }
        }
        self.links.send(without, stored.frame_for(None));
        self.forget_what_has_no_room(before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(members: u64) -> Epoch {
        let member = |number| Member {
            number: JoinNumber(number),
            next_n: 0,
            holds_key: true,
        };
        Epoch {
            version: 1,
            id: EpochId::NONE,
            steward: JoinNumber(1),
            members: (1..=members).map(member).collect(),
        }
    }

    #[test]
    fn every_open_epoch_counts_with_its_people() {
        let mut epochs = Epochs::default();
        assert_eq!(epochs.memory(), 0);
        epochs.start(epoch(0), Timestamp(0));
        let one = size_of::<(Timestamp, Epoch)>() + 32;
        assert_eq!(epochs.memory(), one);
        epochs.start(epoch(10), Timestamp(0));
        assert_eq!(epochs.memory(), 2 * one + 10 * size_of::<Member>());
    }
}
