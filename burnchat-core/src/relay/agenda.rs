//! What is due when: one entry for each room, one for each connection that has not joined yet, and one for each peer that
//! has joined just now.

use alloc::collections::BTreeSet;

use super::kept_id::KeptId;
use super::{ConnectionId, PeerKey};
use crate::time::Timestamp;

/// Who is to be woken.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(burnchat_sim, derive(Hash))]
pub(super) enum Wake {
    /// A connection whose first frame has not come.
    Greeting(ConnectionId),
    /// A room with something due.
    Room(KeptId),
    /// A peer whose joins are forgotten.
    Joiner(PeerKey),
}

/// An ordered set, so that the next deadline costs O(log n) whatever n is.
#[derive(Default)]
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub(super) struct Agenda(BTreeSet<(Timestamp, Wake)>);

impl Agenda {
    pub(super) fn add(&mut self, at: Timestamp, wake: Wake) {
        self.0.insert((at, wake));
    }

    pub(super) fn remove(&mut self, at: Timestamp, wake: Wake) {
        self.0.remove(&(at, wake));
    }

    /// The first entry, taken off, if it is due.
    pub(super) fn pop_due(&mut self, now: Timestamp) -> Option<Wake> {
        let (at, _) = self.0.first()?;
        if *at > now {
            return None;
        }
        self.0.pop_first().map(|(_, wake)| wake)
    }

    pub(super) fn next(&self) -> Option<Timestamp> {
        self.0.first().map(|(at, _)| *at)
    }
}
