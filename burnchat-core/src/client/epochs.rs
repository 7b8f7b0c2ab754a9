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
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
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
}

/// An epoch this client saw begin and could not open, or only ever heard of.
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
struct Unopened {
    id: EpochId,
    /// Unless this client has seen no key frame of it: then it began before this client came.
    version: Option<u64>,
    next: BTreeMap<ParticipantId, u64>,
}

/// A key frame this client made and has not seen logged.
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub(super) struct OwnOffer {
    pub(super) offer: KeyOffer,
    pub(super) key: SessionKey,
}

/// Head, chain of epochs, and what is needed to follow them.
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
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
    /// How many are installed, unopened and ended, and how many hashes are kept.
    #[cfg(burnchat_sim)]
    pub(super) fn sizes(&self) -> [usize; 4] {
        let lists = [self.unopened.len(), self.ended.len(), self.hashes.len()];
        let [unopened, ended, hashes] = lists;
        [self.installed.len(), unopened, ended, hashes]
    }

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
mod tests;
