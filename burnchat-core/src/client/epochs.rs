//! The epochs of the log, as one client can follow them (spec section 7).

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use super::roster::Roster;
use crate::crypto::{Chain, MessageKey, SessionKey};
use crate::error::Code;
use crate::ids::{EpochId, ParticipantId, RosterHash};
use crate::limits;
use crate::time::Timestamp;
use crate::wire::KeyOffer;

/// How many ended epochs, and epochs that could not be opened, are remembered.
const REMEMBERED_EPOCHS: usize = 256;

/// An epoch whose key this client holds.
pub(super) struct Epoch {
    pub(super) id: EpochId,
    pub(super) version: u64,
    /// Where each verified member of its roster stands, this client included: its own chain is the one it sends in.
    chains: BTreeMap<ParticipantId, Chain>,
    /// Kept in history rooms only.
    pub(super) key: Option<SessionKey>,
    pub(super) superseded_at: Option<Timestamp>,
    /// False once the relay has refused an envelope of ours here: what follows would leave a hole.
    pub(super) takes_envelopes: bool,
}

impl Epoch {
    pub(super) fn new(
        id: EpochId,
        version: u64,
        key: SessionKey,
        members: impl Iterator<Item = ParticipantId>,
        keep_key: bool,
    ) -> Self {
        let start = key.chains(&id);
        let chains = members.map(|member| (member, start.of(&member))).collect();
        Self {
            id,
            version,
            chains,
            key: keep_key.then_some(key),
            superseded_at: None,
            takes_envelopes: true,
        }
    }

    /// The next key of one's own chain, with its n.
    pub(super) fn take_key(&mut self, me: &ParticipantId) -> Option<MessageKey> {
        self.chains.get_mut(me)?.take()
    }

    /// How many envelopes `sender` has in this epoch, as far as this client knows.
    pub(super) fn next_n(&self, sender: &ParticipantId) -> Option<u64> {
        self.chains.get(sender).map(Chain::next_n)
    }

    /// The key of envelope `n` and what the chain becomes once it has proved good.
    pub(super) fn look_ahead(&self, sender: &ParticipantId, n: u64) -> Option<(MessageKey, Chain)> {
        self.chains.get(sender)?.look_ahead(n)
    }

    pub(super) fn advance(&mut self, sender: ParticipantId, chain: Chain) {
        self.chains.insert(sender, chain);
    }

    pub(super) fn members(&self) -> impl Iterator<Item = &ParticipantId> {
        self.chains.keys()
    }
}

/// An epoch this client saw begin and could not open, or only ever heard of.
struct Unopened {
    id: EpochId,
    /// Unless this client has seen no key frame of it: then it began before this client came.
    version: Option<u64>,
    next: BTreeMap<ParticipantId, u64>,
}

/// A key frame this client made and has not seen logged.
pub(super) struct OwnOffer {
    pub(super) offer: KeyOffer,
    pub(super) key: SessionKey,
}

/// Head, chain of epochs, and what is needed to follow them.
pub(super) struct Epochs {
    pub(super) head: EpochId,
    pub(super) last_keyed_version: Option<u64>,
    /// Who is on the newest keyed roster, where this client knows it.
    last_keyed: Option<BTreeSet<ParticipantId>>,
    installed: Vec<Epoch>,
    unopened: VecDeque<Unopened>,
    ended: VecDeque<EpochId>,
    /// Roster hashes of the versions since the last keyed one.
    hashes: VecDeque<(u64, RosterHash)>,
    /// (joined, left) versions of those who left since the last keyed version.
    departures: Vec<(u64, u64)>,
    /// Somebody on the newest keyed roster has left.
    pub(super) hold: bool,
    pub(super) offers: Vec<OwnOffer>,
}

impl Epochs {
    pub(super) fn new(head: EpochId) -> Self {
        Self {
            head,
            last_keyed_version: None,
            last_keyed: None,
            installed: Vec::new(),
            unopened: VecDeque::new(),
            ended: VecDeque::new(),
            hashes: VecDeque::new(),
            departures: Vec::new(),
            hold: false,
            offers: Vec::new(),
        }
    }

    /// Notes a new version of the roster.
    ///
    /// # Errors
    /// `fork` if more versions went by without a key than a client keeps.
    pub(super) fn note_version(&mut self, roster: &Roster) -> Result<(), Code> {
        if self.hashes.len() >= limits::UNKEYED_VERSIONS {
            return Err(Code::Fork);
        }
        self.hashes.push_back((roster.version(), roster.hash()));
        Ok(())
    }

    /// Notes that somebody has left with `version`. True if that begins a hold.
    pub(super) fn note_departure(
        &mut self,
        id: &ParticipantId,
        joined_version: u64,
        version: u64,
    ) -> bool {
        self.departures.push((joined_version, version));
        let begins = self
            .last_keyed
            .as_ref()
            .is_some_and(|members| members.contains(id));
        self.hold |= begins;
        begins
    }

    /// The hash of a version since the last keyed one, if nobody of it has left since.
    pub(super) fn hash_of(&self, version: u64) -> Option<RosterHash> {
        if self
            .departures
            .iter()
            .any(|(joined, left)| (*joined..*left).contains(&version))
        {
            return None;
        }
        let place = self
            .hashes
            .binary_search_by_key(&version, |(version, _)| *version)
            .ok()?;
        self.hashes.get(place).map(|(_, hash)| *hash)
    }

    /// Head moves. `members` are those on the new epoch's roster, if this client knows it. Returns the epochs that
    /// end with this.
    pub(super) fn advance(
        &mut self,
        now: Timestamp,
        id: EpochId,
        version: u64,
        members: Option<BTreeSet<ParticipantId>>,
    ) -> Vec<EpochId> {
        self.head = id;
        self.last_keyed_version = Some(version);
        self.hold = false;
        self.hashes.retain(|(hashed, _)| *hashed > version);
        self.departures.retain(|(_, left)| *left > version);
        self.offers.retain(|own| own.offer.version > version);
        let removed = match (&self.last_keyed, &members) {
            (Some(last), Some(members)) => !last.is_subset(members),
            _ => false,
        };
        self.last_keyed = members;
        let mut ended = Vec::new();
        if removed {
            ended = self.installed.iter().map(|epoch| epoch.id).collect();
            ended.extend(self.unopened.iter().map(|epoch| epoch.id));
            for id in &ended {
                self.end(id);
            }
        } else {
            for epoch in &mut self.installed {
                epoch.superseded_at.get_or_insert(now);
            }
        }
        ended
    }

    pub(super) fn install(&mut self, epoch: Epoch) {
        let place = self
            .installed
            .partition_point(|installed| installed.version < epoch.version);
        self.installed.insert(place, epoch);
    }

    pub(super) fn note_unopened(&mut self, id: EpochId, version: Option<u64>) {
        if self.unopened.len() >= REMEMBERED_EPOCHS {
            self.unopened.pop_front();
        }
        self.unopened.push_back(Unopened {
            id,
            version,
            next: BTreeMap::new(),
        });
    }

    /// Wipes an epoch; its envelopes are refused from now on.
    pub(super) fn end(&mut self, id: &EpochId) {
        self.installed.retain(|epoch| epoch.id != *id);
        self.unopened.retain(|epoch| epoch.id != *id);
        if self.ended.len() >= REMEMBERED_EPOCHS {
            self.ended.pop_front();
        }
        self.ended.push_back(*id);
    }

    /// Gives up epochs whose own time is over. What was sent in them stays under way until the log says otherwise.
    pub(super) fn expire(&mut self, now: Timestamp) {
        let over = |epoch: &&Epoch| {
            epoch
                .superseded_at
                .is_some_and(|at| now >= at.plus_millis(limits::EPOCH_OVERLAP_CEILING_MILLIS))
        };
        let ids: Vec<EpochId> = self
            .installed
            .iter()
            .filter(over)
            .map(|epoch| epoch.id)
            .collect();
        for id in &ids {
            self.end(id);
        }
    }

    pub(super) fn next_expiry(&self) -> Option<Timestamp> {
        let superseded = self
            .installed
            .iter()
            .filter_map(|epoch| epoch.superseded_at)
            .min()?;
        Some(superseded.plus_millis(limits::EPOCH_OVERLAP_CEILING_MILLIS))
    }

    /// Wipes every installed epoch (spec section 7.8).
    pub(super) fn wipe(&mut self) {
        let all: Vec<EpochId> = self.installed.iter().map(|epoch| epoch.id).collect();
        for id in &all {
            self.end(id);
        }
    }

    pub(super) fn has_ended(&self, id: &EpochId) -> bool {
        self.ended.contains(id)
    }

    /// The epoch of this version, opened or not.
    pub(super) fn by_version(&self, version: u64) -> Option<EpochId> {
        let installed = self.installed.iter().find(|epoch| epoch.version == version);
        let unopened = || {
            self.unopened
                .iter()
                .find(|epoch| epoch.version == Some(version))
        };
        installed
            .map(|epoch| epoch.id)
            .or_else(|| unopened().map(|epoch| epoch.id))
    }

    pub(super) fn get(&self, id: &EpochId) -> Option<&Epoch> {
        self.installed.iter().find(|epoch| epoch.id == *id)
    }

    pub(super) fn get_mut(&mut self, id: &EpochId) -> Option<&mut Epoch> {
        self.installed.iter_mut().find(|epoch| epoch.id == *id)
    }

    /// The newest installed epoch.
    pub(super) fn newest(&self) -> Option<&Epoch> {
        self.installed.last()
    }

    /// The epoch to send in, if `me` has a key left in it.
    pub(super) fn sending(&self, me: &ParticipantId) -> Option<EpochId> {
        let newest = self
            .installed
            .last()
            .filter(|epoch| epoch.takes_envelopes && !self.hold)?;
        // At the end of its chain a client waits for the key that the relay ordered 4,096 envelopes before.
        newest
            .next_n(me)
            .filter(|n| *n < limits::ENVELOPES_PER_EPOCH)
            .map(|_| newest.id)
    }

    /// Takes note of envelope `n` of an epoch that can't be opened. Returns the epoch's version, if known, and how many
    /// envelopes were skipped.
    ///
    /// # Errors
    /// `replayed`.
    pub(super) fn count_unopened(
        &mut self,
        id: &EpochId,
        sender: ParticipantId,
        n: u64,
    ) -> Result<(Option<u64>, u64), Code> {
        if !self.unopened.iter().any(|epoch| epoch.id == *id) {
            self.note_unopened(*id, None);
        }
        let Some(epoch) = self.unopened.iter_mut().find(|epoch| epoch.id == *id) else {
            return Ok((None, 0));
        };
        // Of an epoch that began before this client came the first envelopes are none of its business.
        let began = epoch.version.map_or(n, |_| 0);
        let next = epoch.next.get(&sender).copied().unwrap_or(began);
        let skipped = n.checked_sub(next).ok_or(Code::Replayed)?;
        epoch.next.insert(sender, n.saturating_add(1));
        Ok((epoch.version, skipped))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Bytes;

    const ANA: ParticipantId = ParticipantId([1; 16]);
    const BEN: ParticipantId = ParticipantId([2; 16]);
    const CLEO: ParticipantId = ParticipantId([3; 16]);
    const NOW: Timestamp = Timestamp(1_000);

    fn id(number: u64) -> EpochId {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&number.to_be_bytes());
        EpochId(id)
    }

    fn hash(number: u8) -> RosterHash {
        RosterHash([number; 32])
    }

    fn key() -> SessionKey {
        SessionKey::from_secret(crate::crypto::Secret::copy_of(&[7; 32]))
    }

    /// The epoch of this number and version, with Ana and Ben in it.
    fn epoch(number: u64, version: u64) -> Epoch {
        Epoch::new(id(number), version, key(), [ANA, BEN].into_iter(), false)
    }

    fn offer(version: u64) -> OwnOffer {
        OwnOffer {
            offer: KeyOffer {
                version,
                roster_hash: hash(0),
                prev: EpochId::NONE,
                commit: Bytes([0; 32]),
                sig: Bytes([0; 64]),
                wraps: Vec::new(),
                back: None,
            },
            key: key(),
        }
    }

    fn people(ids: &[ParticipantId]) -> Option<BTreeSet<ParticipantId>> {
        Some(ids.iter().copied().collect())
    }

    fn at_first() -> Epochs {
        Epochs::new(EpochId::NONE)
    }

    #[test]
    fn when_the_head_moves_what_belongs_to_later_versions_stays() {
        let mut epochs = at_first();
        for version in 3..=5 {
            epochs.hashes.push_back((version, hash(version as u8)));
            epochs.departures.push((1, version));
            epochs.offers.push(offer(version));
        }
        epochs.advance(NOW, id(4), 4, people(&[ANA, BEN]));
        assert_eq!((epochs.head, epochs.last_keyed_version), (id(4), Some(4)));
        assert_eq!(epochs.hashes, [(5, hash(5))]);
        assert_eq!(epochs.departures, [(1, 5)]);
        let offers: Vec<_> = epochs.offers.iter().map(|own| own.offer.version).collect();
        assert_eq!(offers, [5]);
    }

    #[test]
    fn a_departure_holds_texts_back_only_if_the_newest_key_was_theirs_too() {
        let mut epochs = at_first();
        assert!(!epochs.note_departure(&ANA, 1, 2));
        assert!(!epochs.hold);
        epochs.advance(NOW, id(1), 2, people(&[ANA, BEN]));
        epochs.install(epoch(1, 2));
        assert_eq!(epochs.sending(&ANA), Some(id(1)));

        assert!(!epochs.note_departure(&CLEO, 3, 4));
        assert_eq!(epochs.sending(&ANA), Some(id(1)));
        assert!(epochs.note_departure(&BEN, 1, 5));
        assert_eq!(epochs.sending(&ANA), None);
        // Another who never had the key does not end the hold.
        assert!(!epochs.note_departure(&CLEO, 5, 6));
        assert_eq!(epochs.sending(&ANA), None);
        epochs.advance(NOW, id(2), 6, people(&[ANA]));
        epochs.install(epoch(2, 6));
        assert_eq!(epochs.sending(&ANA), Some(id(2)));
    }

    #[test]
    fn a_version_somebody_has_left_since_is_keyed_no_more() {
        let mut epochs = at_first();
        for version in 1..=5 {
            epochs.hashes.push_back((version, hash(version as u8)));
        }
        epochs.note_departure(&BEN, 2, 4);
        let known: Vec<_> = (0..=6).map(|version| epochs.hash_of(version)).collect();
        assert_eq!(
            known,
            [
                None,
                Some(hash(1)),
                None,
                None,
                Some(hash(4)),
                Some(hash(5)),
                None
            ]
        );
    }

    #[test]
    fn a_new_epoch_ends_those_before_it_if_somebody_of_the_last_is_not_in_it() {
        let mut epochs = at_first();
        epochs.advance(NOW, id(1), 1, people(&[ANA, BEN]));
        epochs.install(epoch(1, 1));
        epochs.note_unopened(id(2), Some(2));
        assert_eq!(epochs.advance(NOW, id(3), 3, people(&[ANA, BEN, CLEO])), []);
        assert!(epochs.get(&id(1)).is_some());
        assert_eq!(
            epochs.advance(NOW, id(4), 4, people(&[ANA, CLEO])),
            [id(1), id(2)]
        );
        assert!(epochs.get(&id(1)).is_none() && epochs.by_version(2).is_none());
        assert!(epochs.has_ended(&id(1)) && epochs.has_ended(&id(2)));
        assert!(!epochs.has_ended(&id(3)));
    }

    #[test]
    fn an_epoch_that_the_relay_never_ends_is_given_up_after_five_minutes() {
        let mut epochs = at_first();
        epochs.install(epoch(1, 1));
        assert_eq!(epochs.next_expiry(), None);
        epochs.advance(NOW, id(2), 2, people(&[ANA, BEN]));
        epochs.install(epoch(2, 2));
        epochs.advance(NOW.plus_millis(10), id(3), 3, people(&[ANA, BEN]));
        let over = NOW.plus_millis(300_000);
        assert_eq!(epochs.next_expiry(), Some(over));
        epochs.expire(Timestamp(over.0 - 1));
        assert!(epochs.get(&id(1)).is_some());
        epochs.expire(over);
        assert!(epochs.get(&id(1)).is_none() && epochs.has_ended(&id(1)));
        assert!(epochs.get(&id(2)).is_some());
        assert_eq!(epochs.next_expiry(), Some(over.plus_millis(10)));
    }

    #[test]
    fn an_epoch_is_found_by_its_version_opened_or_not() {
        let mut epochs = at_first();
        epochs.install(epoch(1, 1));
        epochs.note_unopened(id(2), Some(2));
        epochs.note_unopened(id(3), Some(3));
        epochs.note_unopened(id(4), None);
        let found: Vec<_> = (0..=4).map(|version| epochs.by_version(version)).collect();
        assert_eq!(found, [None, Some(id(1)), Some(id(2)), Some(id(3)), None]);
    }

    #[test]
    fn only_so_many_epochs_are_remembered_that_cannot_be_read() {
        let mut epochs = at_first();
        for number in 0..=256 {
            epochs.note_unopened(id(number), Some(number));
        }
        assert_eq!(epochs.unopened.len(), 256);
        assert_eq!(epochs.by_version(0), None);
        assert_eq!(epochs.by_version(1), Some(id(1)));
        for number in 0..=256 {
            epochs.end(&id(number));
        }
        assert_eq!(epochs.ended.len(), 256);
        assert!(!epochs.has_ended(&id(0)) && epochs.has_ended(&id(1)));
        assert_eq!(epochs.unopened.len(), 0);
    }

    #[test]
    fn ending_one_epoch_leaves_the_others() {
        let mut epochs = at_first();
        for number in 1..=2 {
            epochs.install(epoch(number, number));
            epochs.note_unopened(id(number + 2), Some(number + 2));
        }
        epochs.end(&id(1));
        epochs.end(&id(3));
        assert!(epochs.get(&id(1)).is_none() && epochs.get(&id(2)).is_some());
        assert_eq!(
            (epochs.by_version(3), epochs.by_version(4)),
            (None, Some(id(4)))
        );
        epochs.wipe();
        assert!(epochs.newest().is_none() && epochs.has_ended(&id(2)));
    }

    #[test]
    fn one_sends_in_the_newest_epoch_until_ones_chain_has_ended() {
        let mut epochs = at_first();
        epochs.install(epoch(2, 2));
        epochs.install(epoch(1, 1));
        assert_eq!(epochs.newest().map(|epoch| epoch.id), Some(id(2)));
        assert_eq!(epochs.sending(&CLEO), None);
        for _ in 0..limits::ENVELOPES_PER_EPOCH {
            assert_eq!(epochs.sending(&ANA), Some(id(2)));
            epochs.get_mut(&id(2)).unwrap().take_key(&ANA).unwrap();
        }
        assert_eq!(epochs.sending(&ANA), None);
        assert!(epochs.get_mut(&id(2)).unwrap().take_key(&ANA).is_none());
        assert_eq!(epochs.sending(&BEN), Some(id(2)));
        epochs.get_mut(&id(2)).unwrap().takes_envelopes = false;
        assert_eq!(epochs.sending(&BEN), None);
    }

    #[test]
    fn envelopes_that_cannot_be_read_are_counted_each_sender_by_itself() {
        let mut epochs = at_first();
        epochs.note_unopened(id(1), Some(9));
        epochs.note_unopened(id(2), Some(10));
        // From the epoch's beginning, which this client has seen.
        assert_eq!(epochs.count_unopened(&id(2), ANA, 3), Ok((Some(10), 3)));
        assert_eq!(epochs.count_unopened(&id(2), ANA, 4), Ok((Some(10), 0)));
        assert_eq!(epochs.count_unopened(&id(2), ANA, 4), Err(Code::Replayed));
        assert_eq!(epochs.count_unopened(&id(2), BEN, 0), Ok((Some(10), 0)));
        assert_eq!(epochs.count_unopened(&id(1), ANA, 0), Ok((Some(9), 0)));
        // From the first that is heard, where it began before.
        assert_eq!(epochs.count_unopened(&id(5), ANA, 7), Ok((None, 0)));
        assert_eq!(epochs.count_unopened(&id(5), ANA, 9), Ok((None, 1)));
        assert_eq!(epochs.count_unopened(&id(5), ANA, 8), Err(Code::Replayed));
    }

    #[test]
    fn so_many_versions_without_a_key_are_a_fork() {
        let mut epochs = at_first();
        let room = crate::ids::RoomId([0; 16]);
        let roster = Roster::empty(room, 1, crate::client::roster::Known::default());
        for _ in 0..limits::UNKEYED_VERSIONS {
            assert_eq!(epochs.note_version(&roster), Ok(()));
        }
        assert_eq!(epochs.note_version(&roster), Err(Code::Fork));
    }
}
