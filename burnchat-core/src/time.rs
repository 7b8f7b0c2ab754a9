//! Time as the machines see it: given, never taken (spec section 12.2).

use core::ops::Add;
use core::time::Duration;

/// Milliseconds since the Unix epoch.
///
/// Drivers anchor it once to wall time and then drive it from a clock that never steps and counts suspends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The time of this many minutes since the Unix epoch, as a link's `not_after` counts them.
    #[must_use]
    pub const fn from_unix_minutes(minutes: u32) -> Self {
        Self(minutes as u64 * 60_000)
    }

    /// The time of this many milliseconds later.
    #[must_use]
    pub const fn plus_millis(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// The time of this many seconds later.
    #[must_use]
    pub const fn plus_seconds(self, seconds: u64) -> Self {
        self.plus_millis(seconds.saturating_mul(1_000))
    }

    /// The milliseconds from `earlier` to here, 0 if it is later.
    #[must_use]
    pub const fn millis_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The seconds from here to `end`, rounded up, 0 if it is past: what a countdown shows.
    #[must_use]
    pub const fn seconds_until(self, end: Self) -> u64 {
        end.millis_since(self).div_ceil(1_000)
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        self.plus_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }
}

/// Keeps a machine's time from going back when its driver's does.
///
/// After a step back of some amount the machine's time goes on from where it was, ahead of the driver's by that
/// amount. So a step can shorten a room's life, never lengthen it.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(burnchat_sim, derive(Hash))]
pub(crate) struct SteadyClock {
    newest: Timestamp,
    ahead_millis: u64,
}

impl SteadyClock {
    /// The machine's time for the driver's `now`.
    pub(crate) fn advance(&mut self, now: Timestamp) -> Timestamp {
        let steady = now.plus_millis(self.ahead_millis);
        if steady < self.newest {
            self.ahead_millis = self.newest.millis_since(now);
        } else {
            self.newest = steady;
        }
        self.newest
    }

    /// The driver's time for a deadline of the machine.
    pub(crate) fn to_driver(self, deadline: Timestamp) -> Timestamp {
        Timestamp(deadline.0.saturating_sub(self.ahead_millis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_back_never_turns_the_machine_back_and_time_goes_on_from_there() {
        let mut clock = SteadyClock::default();
        assert_eq!(clock.advance(Timestamp(10_000)), Timestamp(10_000));
        assert_eq!(clock.advance(Timestamp(4_000)), Timestamp(10_000));
        assert_eq!(clock.advance(Timestamp(5_000)), Timestamp(11_000));
        assert_eq!(clock.to_driver(Timestamp(12_000)), Timestamp(6_000));
    }

    #[test]
    fn a_duration_is_added_in_milliseconds_and_never_past_the_end_of_time() {
        assert_eq!(Timestamp(5) + Duration::from_micros(7_999), Timestamp(12));
        assert_eq!(Timestamp(5) + Duration::MAX, Timestamp(u64::MAX));
    }

    #[test]
    fn a_countdown_is_rounded_up() {
        assert_eq!(Timestamp(0).seconds_until(Timestamp(1)), 1);
        assert_eq!(Timestamp(0).seconds_until(Timestamp(2_000)), 2);
        assert_eq!(Timestamp(5).seconds_until(Timestamp(5)), 0);
        assert_eq!(Timestamp(6).seconds_until(Timestamp(5)), 0);
    }
}
