//! Rates as token buckets, in integers (spec section 16).

use super::Rate;
use super::handover::carried;
use crate::time::Timestamp;

/// A token bucket: what has been taken of it and not yet refilled. A new one is full.
///
/// For drivers, too, that count what a hub does not see.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(burnchat_sim, derive(Hash))]
pub struct Bucket {
    /// In thousandths: what a rate per second refills in a millisecond is then a whole number.
    taken_milli: u64,
    at: Timestamp,
}

impl Bucket {
    /// How long until `cost` can be taken, in ms; 0 if it can be now. A cost above the burst counts as the burst:
    /// waiting would never help.
    #[must_use]
    pub fn wait_millis(&self, now: Timestamp, rate: Rate, cost: usize) -> u64 {
        let over = self
            .taken_at(now, rate)
            .saturating_add(milli(rate, cost))
            .saturating_sub(u64::from(rate.burst).saturating_mul(1_000));
        over.div_ceil(u64::from(rate.per_second.max(1)))
    }

    /// Takes `cost`, whether or not there is enough: ask [`wait_millis`](Self::wait_millis) first.
    pub fn take(&mut self, now: Timestamp, rate: Rate, cost: usize) {
        self.taken_milli = self.taken_at(now, rate).saturating_add(milli(rate, cost));
        self.at = now;
    }

    /// How long until nothing is taken of it any more, in ms.
    pub(super) fn full_after_millis(&self, now: Timestamp, rate: Rate) -> u64 {
        let taken = self.taken_at(now, rate);
        taken.div_ceil(u64::from(rate.per_second.max(1)))
    }

    fn taken_at(&self, now: Timestamp, rate: Rate) -> u64 {
        let refilled = now
            .millis_since(self.at)
            .saturating_mul(u64::from(rate.per_second));
        self.taken_milli.saturating_sub(refilled)
    }
}

/// Two buckets for one stream: how many, and how many bytes. Nothing is taken from one if the other refuses.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(burnchat_sim, derive(Hash))]
pub(super) struct Quota {
    items: Bucket,
    bytes: Bucket,
}

carried!(Bucket { taken_milli, at });
carried!(Quota { items, bytes });

impl Quota {
    /// Takes one item of so many bytes.
    ///
    /// # Errors
    /// The ms after which it can be taken.
    pub(super) fn take(
        &mut self,
        now: Timestamp,
        (items, bytes): (Rate, Rate),
        len: usize,
    ) -> Result<(), u64> {
        let wait = self
            .items
            .wait_millis(now, items, 1)
            .max(self.bytes.wait_millis(now, bytes, len));
        if wait > 0 {
            return Err(wait);
        }
        self.items.take(now, items, 1);
        self.bytes.take(now, bytes, len);
        Ok(())
    }
}

fn milli(rate: Rate, cost: usize) -> u64 {
    u64::try_from(cost)
        .unwrap_or(u64::MAX)
        .min(rate.burst.into())
        .saturating_mul(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOW: Rate = Rate::new(50, 3);
    const WIDE: Rate = Rate::new(1_000, 1_000);

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let mut quota = Quota::default();
        let now = Timestamp(1_000_000);
        for _ in 0..3 {
            assert_eq!(quota.take(now, (SLOW, WIDE), 1), Ok(()));
        }
        assert_eq!(quota.take(now, (SLOW, WIDE), 1), Err(20));
        assert_eq!(quota.take(now.plus_millis(19), (SLOW, WIDE), 1), Err(1));
        assert_eq!(quota.take(now.plus_millis(20), (SLOW, WIDE), 1), Ok(()));
        assert_eq!(quota.take(now.plus_millis(20), (SLOW, WIDE), 1), Err(20));
    }

    #[test]
    fn what_one_bucket_refuses_the_other_does_not_lose() {
        let mut quota = Quota::default();
        let now = Timestamp(1_000_000);
        assert_eq!(quota.take(now, (SLOW, WIDE), 900), Ok(()));
        for _ in 0..10 {
            assert_eq!(quota.take(now, (SLOW, WIDE), 200), Err(100));
        }
        assert_eq!(quota.take(now, (SLOW, WIDE), 50), Ok(()));
        assert_eq!(quota.take(now, (SLOW, WIDE), 50), Ok(()));
        assert_eq!(quota.take(now, (SLOW, WIDE), 0), Err(20));
    }

    #[test]
    fn what_is_larger_than_the_bucket_passes_when_it_is_full() {
        let mut quota = Quota::default();
        assert_eq!(quota.take(Timestamp(0), (SLOW, WIDE), 5_000), Ok(()));
        assert_eq!(quota.take(Timestamp(0), (SLOW, WIDE), 5_000), Err(1_000));
        assert_eq!(quota.take(Timestamp(1_000), (SLOW, WIDE), 5_000), Ok(()));
    }
}
