//! How long to wait before the next attempt to connect.

use std::time::Duration;

use rand_core::Rng;

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(8);

/// Exponential, with full jitter: each wait is drawn evenly from nothing up to a ceiling that doubles, so that the
/// clients of a relay that comes back do not all come back with it.
#[derive(Debug)]
pub(crate) struct Backoff {
    ceiling: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { ceiling: FIRST }
    }
}

impl Backoff {
    pub(crate) fn next(&mut self, rng: &mut impl Rng) -> Duration {
        let ceiling = self.ceiling;
        self.ceiling = ceiling.saturating_mul(2).min(LONGEST);
        // The top 53 bits of a draw, as a fraction.
        let fraction = (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        ceiling.mul_f64(fraction)
    }

    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use rand_core::TryRng;

    use super::*;

    /// Always draws the same.
    struct Always(u64);

    impl TryRng for Always {
        type Error = Infallible;

        fn try_next_u32(&mut self) -> Result<u32, Infallible> {
            Ok((self.0 >> 32) as u32)
        }

        fn try_next_u64(&mut self) -> Result<u64, Infallible> {
            Ok(self.0)
        }

        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
            bytes.fill(self.0 as u8);
            Ok(())
        }
    }

    #[test]
    fn the_ceiling_doubles_from_a_quarter_of_a_second_to_eight() {
        let mut backoff = Backoff::default();
        let ceilings = [250, 500, 1_000, 2_000, 4_000, 8_000, 8_000];
        for ceiling in ceilings {
            let wait = backoff.next(&mut Always(u64::MAX)).as_millis();
            assert!(
                (ceiling - 1..=ceiling).contains(&wait),
                "{wait} of {ceiling}"
            );
        }
        backoff.reset();
        assert!(backoff.next(&mut Always(u64::MAX)) <= FIRST);
    }

    #[test]
    fn a_wait_may_be_no_wait_at_all() {
        assert_eq!(Backoff::default().next(&mut Always(0)), Duration::ZERO);
    }
}
