//! The one place where this crate asks what time it is (spec section 12.2).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use burnchat_core::time::Timestamp;

/// Wall time at the start, and from there a clock that is never stepped and goes on while the machine sleeps.
#[derive(Debug)]
pub(crate) struct Clock {
    wall: Timestamp,
    started: Steady,
}

impl Clock {
    pub(crate) fn start() -> Self {
        // A wall clock set before 1970 is as wrong as one that stands still there.
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            wall: Timestamp::default() + since_epoch,
            started: Steady::now(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.wall + self.started.elapsed()
    }
}

/// A moment of the clock that is never stepped. (`Instant` stands still on Linux while the machine sleeps, and on
/// Apple's systems too; on Windows it does not.)
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
#[derive(Clone, Copy, Debug)]
struct Steady(Duration);

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
impl Steady {
    fn now() -> Self {
        use rustix::time::{ClockId, clock_gettime};

        #[cfg(not(target_vendor = "apple"))]
        let clock = ClockId::Boottime;
        #[cfg(target_vendor = "apple")]
        let clock = ClockId::Monotonic;
        Self(Duration::try_from(clock_gettime(clock)).unwrap_or_default())
    }

    fn elapsed(self) -> Duration {
        Self::now().0.saturating_sub(self.0)
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
#[derive(Clone, Copy, Debug)]
struct Steady(std::time::Instant);

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
impl Steady {
    fn now() -> Self {
        Self(std::time::Instant::now())
    }

    fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_at_wall_time_and_goes_forward() {
        let clock = Clock::start();
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let first = clock.now();
        let apart = (Timestamp::default() + wall).0.abs_diff(first.0);
        assert!(apart < 5_000, "{apart} ms from wall time");
        std::thread::sleep(Duration::from_millis(20));
        let passed = clock.now().millis_since(first);
        assert!((15..5_000).contains(&passed), "{passed} ms");
    }
}
