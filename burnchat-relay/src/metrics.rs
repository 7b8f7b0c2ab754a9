//! What the relay counts: numbers only, of all rooms together.
//!
//! Each worker counts for itself, in atomics that nobody else writes to often; they are added up when somebody asks.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use burnchat_core::relay::CloseCode;
use burnchat_core::wire::BurnReason;

/// Upper bounds of the buckets of a burn's lateness.
const LATENESS_BOUNDS: [Duration; 10] = [
    Duration::from_millis(1),
    Duration::from_millis(2),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(20),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_secs(1),
    Duration::from_secs(10),
];

/// A relay's numbers at one moment; counts are since its start.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Metrics {
    /// Rooms alive.
    pub rooms: u64,
    /// Connections open.
    pub connections: u64,
    /// Participants on all rosters, those away included.
    pub participants: u64,
    /// Bytes of memory that all rooms and what is kept in them take.
    pub kept_bytes: u64,
    /// Rooms made.
    pub rooms_created: u64,
    /// Workers that share their rooms with others, now.
    pub members: u64,
    /// Rooms that another relay had, and that were taken over.
    pub rooms_taken_over: u64,
    /// Rooms burned, by why.
    pub burns: Burns,
    /// How late those burned whose time was up.
    pub burn_lateness: Lateness,
    /// Connections made.
    pub connections_opened: u64,
    /// Connections the relay ended, by why.
    pub drops: Drops,
    /// Frames from clients.
    pub frames_received: u64,
    /// Bytes of them.
    pub bytes_received: u64,
    /// Frames to clients, one for each that it goes to.
    pub frames_sent: u64,
    /// Bytes of them.
    pub bytes_sent: u64,
    /// Requests and frames that wait for a worker.
    pub inbound_waiting: u64,
    /// Frames that wait for their reader.
    pub outbound_frames_waiting: u64,
    /// Bytes of them.
    pub outbound_bytes_waiting: u64,
}

/// Why rooms burned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Burns {
    /// Their time was up.
    pub timed: u64,
    /// Somebody who may asked for it.
    pub asked: u64,
    /// The relay ended.
    pub shutdown: u64,
}

/// Why the relay ended connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drops {
    /// Their reader was too slow.
    pub too_slow: u64,
    /// They gave no sign of life.
    pub silent: u64,
    /// They broke a rule, or were refused.
    pub refused: u64,
    /// They sent too fast for too long, or there was no room for them.
    pub overloaded: u64,
    /// They sent no frame for too long.
    pub idle: u64,
}

/// How late things were, in classes.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Lateness {
    /// Each class's upper bound, and how many fell into it and no lower one; the last has no bound.
    pub classes: Vec<(Option<Duration>, u64)>,
    /// All of them together.
    pub sum: Duration,
}

/// Where a worker and its connections count.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) rooms_created: Count,
    pub(crate) rooms_taken_over: Count,
    /// The worker shares its rooms with others, now.
    pub(crate) is_member: AtomicBool,
    burns_timed: Count,
    burns_asked: Count,
    burns_shutdown: Count,
    pub(crate) connections_opened: Count,
    pub(crate) too_slow: Count,
    pub(crate) silent: Count,
    pub(crate) refused: Count,
    overloaded: Count,
    idle: Count,
    frames_received: Count,
    bytes_received: Count,
    frames_sent: Count,
    bytes_sent: Count,
    lateness: LatenessCounters,
}

/// A number that only grows.
#[derive(Default)]
pub(crate) struct Count(AtomicU64);

#[derive(Default)]
struct LatenessCounters {
    classes: [Count; LATENESS_BOUNDS.len() + 1],
    sum_nanos: Count,
}

impl Count {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    /// A room has burned, this long after its end if that is why.
    pub(crate) fn burned(&self, reason: BurnReason, late: Duration) {
        match reason {
            BurnReason::Expired => self.burned_late(late),
            BurnReason::Burned => self.burns_asked.add(1),
            BurnReason::Shutdown => self.burns_shutdown.add(1),
        }
    }

    /// The hub has closed a connection.
    pub(crate) fn closed(&self, code: CloseCode) {
        match code {
            CloseCode::Policy => self.refused.add(1),
            CloseCode::TryAgainLater => self.overloaded.add(1),
            CloseCode::Idle => self.idle.add(1),
            // It was told that its room burns, or went by itself.
            _ => {}
        }
    }

    /// A frame of a client has come.
    pub(crate) fn received(&self, bytes: usize) {
        self.frames_received.add(1);
        self.bytes_received.add(bytes as u64);
    }

    /// A frame of so many bytes goes to so many.
    pub(crate) fn sent(&self, to: u64, bytes: usize) {
        self.frames_sent.add(to);
        self.bytes_sent.add(to.saturating_mul(bytes as u64));
    }

    fn burned_late(&self, late: Duration) {
        self.burns_timed.add(1);
        let class = LATENESS_BOUNDS.partition_point(|bound| *bound < late);
        if let Some(class) = self.lateness.classes.get(class) {
            class.add(1);
        }
        let nanos = u64::try_from(late.as_nanos()).unwrap_or(u64::MAX);
        self.lateness.sum_nanos.add(nanos);
    }

    /// Adds these numbers to those of other workers.
    pub(crate) fn add_to(&self, all: &mut Metrics) {
        all.rooms_created += self.rooms_created.get();
        all.members += u64::from(self.is_member.load(Ordering::Relaxed));
        all.rooms_taken_over += self.rooms_taken_over.get();
        all.burns.timed += self.burns_timed.get();
        all.burns.asked += self.burns_asked.get();
        all.burns.shutdown += self.burns_shutdown.get();
        all.connections_opened += self.connections_opened.get();
        all.drops.too_slow += self.too_slow.get();
        all.drops.silent += self.silent.get();
        all.drops.refused += self.refused.get();
        all.drops.overloaded += self.overloaded.get();
        all.drops.idle += self.idle.get();
        all.frames_received += self.frames_received.get();
        all.bytes_received += self.bytes_received.get();
        all.frames_sent += self.frames_sent.get();
        all.bytes_sent += self.bytes_sent.get();
        self.lateness.add_to(&mut all.burn_lateness);
    }
}

impl LatenessCounters {
    fn add_to(&self, all: &mut Lateness) {
        if all.classes.is_empty() {
            let bounds = LATENESS_BOUNDS.iter().copied().map(Some).chain([None]);
            all.classes = bounds.map(|bound| (bound, 0)).collect();
        }
        for ((_, all), own) in all.classes.iter_mut().zip(&self.classes) {
            *all += own.get();
        }
        all.sum += Duration::from_nanos(self.sum_nanos.get());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_two_workers_are_added_up() {
        let (one, other) = (Counters::default(), Counters::default());
        let late = |counters: &Counters, millis| {
            counters.burned(BurnReason::Expired, Duration::from_millis(millis));
        };
        late(&one, 5);
        late(&one, 5);
        late(&other, 6);
        late(&other, 60_000);
        other.burned(BurnReason::Burned, Duration::ZERO);
        let mut all = Metrics::default();
        one.add_to(&mut all);
        other.add_to(&mut all);
        assert_eq!((all.burns.timed, all.burns.asked), (4, 1));
        let counts: Vec<_> = all
            .burn_lateness
            .classes
            .iter()
            .map(|(_, count)| *count)
            .collect();
        assert_eq!(counts, [0, 0, 2, 1, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(all.burn_lateness.sum, Duration::from_millis(60_016));
    }
}
