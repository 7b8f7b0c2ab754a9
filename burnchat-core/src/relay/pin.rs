//! The creator's PIN and the budgets of those who guess it (spec section 11.4).

use alloc::vec::Vec;

use super::handover::carried;
use super::hashes::KeyedHash;
use super::{PeerKey, Refusal};
use crate::error::Code;
use crate::limits;
use crate::time::Timestamp;

/// A room's PIN, and who failed at it within the last hour. Both budgets are read off one list, which the room's
/// budget keeps short however many peers try.
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub(super) struct Pin {
    hash: KeyedHash,
    failures: Vec<(Timestamp, PeerKey)>,
}

carried!(Pin { hash, failures });

impl Pin {
    pub(super) fn new(hash: KeyedHash) -> Self {
        Self {
            hash,
            failures: Vec::new(),
        }
    }

    /// Judges one try.
    ///
    /// # Errors
    /// `pin_locked` or `wrong_pin`.
    pub(super) fn judge(
        &mut self,
        now: Timestamp,
        peer: PeerKey,
        shown: &KeyedHash,
    ) -> Result<(), Refusal> {
        self.failures
            .retain(|(at, _)| now.millis_since(*at) < limits::PIN_ROOM_WINDOW_MILLIS);
        let locked = self.of_peer(now, peer).wait.max(self.of_room(now).wait);
        if locked > 0 {
            return Err(Refusal {
                retry_after_ms: Some(locked),
                ..Code::PinLocked.into()
            });
        }
        if self.hash.matches(shown) {
            return Ok(());
        }
        self.failures.push((now, peer));
        let left = self.of_peer(now, peer).left.min(self.of_room(now).left);
        Err(Refusal {
            attempts_left: Some(left),
            ..Code::WrongPin.into()
        })
    }

    fn of_peer(&self, now: Timestamp, peer: PeerKey) -> Budget {
        Budget::of(
            now,
            self.failures.iter().filter(|(_, who)| *who == peer),
            limits::PIN_FAILURES_PER_PEER,
            limits::PIN_PEER_WINDOW_MILLIS,
        )
    }

    fn of_room(&self, now: Timestamp) -> Budget {
        Budget::of(
            now,
            self.failures.iter(),
            limits::PIN_FAILURES_PER_ROOM,
            limits::PIN_ROOM_WINDOW_MILLIS,
        )
    }
}

#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
struct Budget {
    left: u64,
    /// Until the next try, ms.
    wait: u64,
}

impl Budget {
    fn of<'a>(
        now: Timestamp,
        failures: impl Iterator<Item = &'a (Timestamp, PeerKey)>,
        allowed: usize,
        window_millis: u64,
    ) -> Self {
        let mut recent = failures
            .map(|(at, _)| now.millis_since(*at))
            .filter(|age| *age < window_millis)
            .peekable();
        let oldest = recent.peek().copied().unwrap_or(0);
        let left = allowed.saturating_sub(recent.count());
        Self {
            left: u64::try_from(left).unwrap_or(u64::MAX),
            wait: if left == 0 { window_millis - oldest } else { 0 },
        }
    }
}
