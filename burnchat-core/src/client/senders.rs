//! What one client remembers of each sender: how many envelopes, and which texts it has had (spec section 8.5).

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::crypto::Header;
use crate::ids::{MessageId, ParticipantId};
use crate::limits;

/// One sender, as seen in the log.
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub(super) struct Sender {
    /// How many of its envelopes the log holds; `None` until that is known.
    tally: Option<u64>,
    /// The newest epoch it was seen to send in, and how many envelopes it has there.
    last: Option<(u64, u64)>,
}

/// The texts that were shown, so that none is shown twice: outlasts a fresh join.
#[derive(Default)]
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub(super) struct Shown {
    senders: BTreeMap<ParticipantId, Ids>,
    /// Since when.
    in_order: VecDeque<ParticipantId>,
}

/// The newest of one sender.
#[derive(Default)]
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
struct Ids {
    ids: BTreeSet<MessageId>,
    in_order: VecDeque<MessageId>,
}

/// What counting an envelope brought to light.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(burnchat_sim, derive(Hash))]
pub(super) struct Counted {
    pub(super) missed: u64,
    pub(super) repeated: bool,
}

impl Sender {
    /// One that was there before this client.
    pub(super) fn found() -> Self {
        Self {
            tally: None,
            last: None,
        }
    }

    /// One this client saw join.
    pub(super) fn seen_joining() -> Self {
        Self {
            tally: Some(0),
            ..Self::found()
        }
    }

    /// Counts an envelope that can't be read. `skipped` is how far its n was ahead; `version` is that of its epoch,
    /// where it is known.
    pub(super) fn count_unread(&mut self, version: Option<u64>, n: u64, skipped: u64) -> Counted {
        self.tally = self
            .tally
            .map(|tally| tally.saturating_add(skipped).saturating_add(1));
        if let Some(version) = version {
            self.last = Some((version, n.saturating_add(1)));
        }
        Counted {
            missed: skipped,
            repeated: false,
        }
    }

    /// Counts an envelope that was read. `since` is the version from which on this client has seen every epoch whole.
    pub(super) fn count_read(
        &mut self,
        header: &Header,
        version: u64,
        n: u64,
        skipped: u64,
        since: u64,
    ) -> Counted {
        let mut missed = skipped;
        let mut repeated = false;
        if let Some(tally) = self.tally {
            let expected = tally.saturating_add(1);
            missed = missed.max(header.count.saturating_sub(expected));
            repeated = header.count < expected;
        }
        if let Some(claimed) = header.last {
            let seen = match self.last {
                Some((version, seen)) if version == claimed.version => Some(seen),
                _ if claimed.version >= since => Some(0),
                _ => None,
            };
            if let Some(seen) = seen {
                missed = missed.max(claimed.count.abs_diff(seen));
            }
        }
        self.tally = Some(self.tally.unwrap_or(0).max(header.count));
        self.last = Some((version, n.saturating_add(1)));
        Counted { missed, repeated }
    }
}

impl Shown {
    /// Notes a text as shown; false if it has been already.
    pub(super) fn note(&mut self, sender: ParticipantId, id: MessageId) -> bool {
        let of_sender = self.senders.entry(sender).or_insert_with(|| {
            self.in_order.push_back(sender);
            Ids::default()
        });
        if !of_sender.ids.insert(id) {
            return false;
        }
        of_sender.in_order.push_back(id);
        if of_sender.in_order.len() > limits::REMEMBERED_IDS
            && let Some(oldest) = of_sender.in_order.pop_front()
        {
            of_sender.ids.remove(&oldest);
        }
        if self.senders.len() > limits::REMEMBERED_SENDERS
            && let Some(oldest) = self.in_order.pop_front()
        {
            self.senders.remove(&oldest);
        }
        true
    }

    /// Forgets a sender whose texts cannot come again.
    pub(super) fn forget(&mut self, sender: &ParticipantId) {
        if self.senders.remove(sender).is_some() {
            self.in_order.retain(|one| one != sender);
        }
    }
}
