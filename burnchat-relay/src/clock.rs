//! The one clock of this crate (spec section 12.2).
//!
//! A room's deadline is a point in time. It must not move when somebody sets the machine's clock, and not stretch when
//! the machine is suspended. So wall time is asked for once, and from there on time is what a clock says that never
//! steps and counts suspends: `CLOCK_BOOTTIME` on Linux. Elsewhere it is [`Instant`](std::time::Instant), which counts
//! suspends on some systems only.
//!
//! The patience of the driver itself (how long for a pong, for the last bytes, for a request's body) is not a deadline
//! of the protocol: it runs on tokio's timers, and that a suspend stretches it does no harm.

use std::sync::Arc;
use std::time::Duration;

use burnchat_core::time::Timestamp;

/// Tokio's timers stand still while the machine is suspended: nobody sleeps longer than this without looking again.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// What time it is; clones agree.
#[derive(Clone)]
pub(crate) struct Clock(Arc<Anchor>);

struct Anchor {
    /// Wall time when the clock was anchored.
    wall: Duration,
    /// What the source said at that moment.
    origin: Duration,
    source: Box<dyn Source>,
}

/// Wall time since the Unix epoch, ms: to compare with another clock.
pub(crate) fn wall_millis() -> u64 {
    u64::try_from(system::wall().as_millis()).unwrap_or(u64::MAX)
}

/// A clock that never steps and counts suspends, from wherever it likes.
trait Source: Send + Sync {
    fn elapsed(&self) -> Duration;
}

impl Clock {
    /// Anchors the system's clock to wall time, now.
    pub(crate) fn system() -> Self {
        Self::anchored(system::wall(), system::Steady::start())
    }

    /// The same, with a wall clock that is ahead of the system's by so much, ms: one that relays share.
    pub(crate) fn system_ahead(millis: i64) -> Self {
        let wall = wall_millis().saturating_add_signed(millis);
        Self::anchored(Duration::from_millis(wall), system::Steady::start())
    }

    fn anchored(wall: Duration, source: impl Source + 'static) -> Self {
        Self(Arc::new(Anchor {
            wall,
            origin: source.elapsed(),
            source: Box::new(source),
        }))
    }

    /// A clock that panics when it is asked for the time.
    #[cfg(test)]
    pub(crate) fn broken() -> Self {
        struct Broken(std::sync::atomic::AtomicBool);
        impl Source for Broken {
            fn elapsed(&self) -> Duration {
                let anchored = self.0.swap(true, std::sync::atomic::Ordering::Relaxed);
                assert!(!anchored, "a clock that breaks");
                Duration::ZERO
            }
        }
        Self::anchored(Duration::ZERO, Broken(false.into()))
    }

    /// A clock that goes with tokio's, which a test may have in its hands.
    #[cfg(test)]
    #[expect(clippy::disallowed_methods, reason = "that is what it goes with")]
    pub(crate) fn of_tokio(wall_millis: u64) -> Self {
        struct OfTokio(tokio::time::Instant);
        impl Source for OfTokio {
            fn elapsed(&self) -> Duration {
                self.0.elapsed()
            }
        }
        let source = OfTokio(tokio::time::Instant::now());
        Self::anchored(Duration::from_millis(wall_millis), source)
    }

    /// What time it is.
    pub(crate) fn now(&self) -> Timestamp {
        let anchor = &*self.0;
        let since = anchor.source.elapsed().saturating_sub(anchor.origin);
        Timestamp(0) + anchor.wall.saturating_add(since)
    }

    /// Waits until `deadline`, for ever if there is none. After a suspend it returns at most a second late.
    pub(crate) async fn sleep_until(&self, deadline: Option<Timestamp>) {
        let Some(deadline) = deadline else {
            return std::future::pending().await;
        };
        loop {
            let left = deadline.millis_since(self.now());
            if left == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(left).min(LONGEST_SLEEP)).await;
        }
    }
}

mod system {
    #![expect(
        clippy::disallowed_methods,
        reason = "what the others must not ask is asked here, once"
    )]

    use std::time::{Duration, SystemTime};

    /// Wall time since the Unix epoch; a machine whose clock says it is before that is taken to be at its start.
    pub(super) fn wall() -> Duration {
        SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
    }

    #[cfg(target_os = "linux")]
    pub(super) struct Steady;

    #[cfg(target_os = "linux")]
    impl Steady {
        pub(super) fn start() -> Self {
            Self
        }
    }

    #[cfg(target_os = "linux")]
    impl super::Source for Steady {
        fn elapsed(&self) -> Duration {
            let since_boot = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
            Duration::try_from(since_boot).unwrap_or_default()
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) struct Steady(std::time::Instant);

    #[cfg(not(target_os = "linux"))]
    impl Steady {
        pub(super) fn start() -> Self {
            Self(std::time::Instant::now())
        }
    }

    #[cfg(not(target_os = "linux"))]
    impl super::Source for Steady {
        fn elapsed(&self) -> Duration {
            self.0.elapsed()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    /// A machine whose clocks the test sets.
    #[derive(Clone)]
    struct Machine(Arc<Mutex<Clocks>>);

    struct Clocks {
        wall: Duration,
        boottime: Duration,
    }

    impl Machine {
        fn new() -> Self {
            Self(Arc::new(Mutex::new(Clocks {
                wall: 500_000 * HOUR,
                boottime: 3 * HOUR,
            })))
        }

        fn set(&self, change: impl FnOnce(&mut Clocks)) {
            change(&mut self.0.lock().unwrap());
        }

        fn clock(&self) -> Clock {
            let wall = self.0.lock().unwrap().wall;
            Clock::anchored(wall, self.clone())
        }
    }

    impl Source for Machine {
        fn elapsed(&self) -> Duration {
            self.0.lock().unwrap().boottime
        }
    }

    #[test]
    fn it_starts_at_wall_time_and_goes_on_in_its_own_steps() {
        let machine = Machine::new();
        let clock = machine.clock();
        let start = Timestamp(0) + 500_000 * HOUR;
        assert_eq!(clock.now(), start);
        machine.set(|clocks| clocks.boottime += Duration::from_millis(1_234));
        assert_eq!(clock.now(), start.plus_millis(1_234));
    }

    #[test]
    fn setting_the_wall_clock_moves_nothing() {
        let machine = Machine::new();
        let clock = machine.clock();
        let start = clock.now();
        machine.set(|clocks| clocks.wall += HOUR);
        assert_eq!(clock.now(), start);
        machine.set(|clocks| clocks.wall -= 2 * HOUR);
        assert_eq!(clock.now(), start);
    }

    #[test]
    fn a_suspend_counts() {
        let machine = Machine::new();
        let clock = machine.clock();
        let start = clock.now();
        machine.set(|clocks| clocks.boottime += HOUR);
        assert_eq!(clock.now(), start + HOUR);
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_passed_during_a_suspend_is_noticed_within_a_second() {
        let machine = Machine::new();
        let clock = machine.clock();
        let deadline = clock.now() + HOUR;
        let waiting = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep_until(Some(deadline)).await }
        });
        tokio::task::yield_now().await;
        machine.set(|clocks| clocks.boottime += HOUR);
        // Tokio's own time has not moved: only the next look can find out.
        tokio::time::timeout(LONGEST_SLEEP * 2, waiting)
            .await
            .expect("woken by the next look")
            .unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn no_deadline_is_waited_for_for_ever() {
        let clock = Machine::new().clock();
        let waited = tokio::time::timeout(24 * HOUR, clock.sleep_until(None)).await;
        assert!(waited.is_err());
    }

    #[test]
    fn the_systems_clock_goes_forward() {
        let clock = Clock::system();
        let first = clock.now();
        assert!(
            first >= Timestamp::from_unix_minutes(29_000_000),
            "{first:?}"
        );
        assert!(clock.now() >= first);
    }
}
