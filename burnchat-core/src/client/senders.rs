//! What one client remembers of each sender: how many envelopes, and which texts it has shown (spec section 8.5).

use alloc::collections::{BTreeSet, VecDeque};

use crate::crypto::Header;
use crate::ids::MessageId;
use crate::limits;

/// One sender, as seen in the log.
pub(super) struct Sender {
    /// How many of its envelopes the log holds; `None` until that is known.
    tally: Option<u64>,
    /// The newest epoch it was seen to send in, and how many envelopes it has there.
    last: Option<(u64, u64)>,
    shown: BTreeSet<MessageId>,
    shown_in_order: VecDeque<MessageId>,
}

/// What counting an envelope brought to light.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
            shown: BTreeSet::new(),
            shown_in_order: VecDeque::new(),
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
            missed = missed.max(claimed.count.abs_diff(seen.unwrap_or(claimed.count)));
        }
        self.tally = Some(self.tally.unwrap_or(0).max(header.count));
        self.last = Some((version, n.saturating_add(1)));
        Counted { missed, repeated }
    }

    /// Notes a text as shown; false if it has been already.
    pub(super) fn show(&mut self, id: MessageId) -> bool {
        if !self.shown.insert(id) {
            return false;
        }
        self.shown_in_order.push_back(id);
        if self.shown_in_order.len() > limits::REMEMBERED_IDS
            && let Some(oldest) = self.shown_in_order.pop_front()
        {
            self.shown.remove(&oldest);
        }
        true
    }
}
