//! The fiftieth participant, seen by the hub, by itself and by somebody who was there before.

use std::time::Duration;

use crate::measure::{Bench, Report, timed};
use crate::primitives::Primitives;
use crate::room::{Guest, Relay};

/// After so many joins a room is made anew, so that all of them find about the same.
const JOINS_OF_A_ROOM: usize = 200;

pub(crate) fn measure(report: &mut Report) {
    let with = Primitives::new();
    let others = if report.size(100) == 100 { 49 } else { 3 };
    let name = |whose: &str| format!("join of the {}th, {whose}", others + 1);

    let mut room = Room::new(others);
    report.run(
        Bench::new(name("at the hub"), || room.join().at_the_hub).against(
            "reading its keys",
            None,
            || timed(|| with.read_keys(1)).1,
        ),
    );
    let mut room = Room::new(others);
    report.run(
        Bench::new(name("its own side"), || room.join().its_own).against(
            "its primitives",
            None,
            || with.check_entries(others + 1, others + 1),
        ),
    );
    let mut room = Room::new(others);
    report.run(
        Bench::new(name("another's side"), || room.join().another).against(
            "its primitives",
            None,
            || with.check_entries(1, others + 1),
        ),
    );
}

struct Room {
    relay: Relay,
    link: String,
    old: Guest,
    others: usize,
    joins: usize,
}

struct Took {
    at_the_hub: Duration,
    its_own: Duration,
    another: Duration,
}

impl Room {
    fn new(others: usize) -> Self {
        let mut relay = Relay::new();
        let link = relay.create();
        let mut old = relay.let_in_listening(&link);
        for _ in 1..others {
            relay.let_in(&link);
        }
        relay.settle(&mut [&mut old]);
        Self {
            relay,
            link,
            old,
            others,
            joins: 0,
        }
    }

    /// Somebody joins and leaves.
    fn join(&mut self) -> Took {
        self.joins += 1;
        if self.joins > JOINS_OF_A_ROOM {
            *self = Self::new(self.others);
        }
        let Self {
            relay, link, old, ..
        } = self;
        let (mut newcomer, join) = relay.knock(link);
        relay.listen(newcomer.connection);
        let ((), at_the_hub) = timed(|| relay.hand_in(newcomer.connection, &join));
        let joined = relay.mail_of_type(&mut newcomer, "joined");
        let ((), its_own) = timed(|| relay.read(&mut newcomer, &joined));
        let entry = relay.mail_of_type(old, "participant_joined");
        let ((), another) = timed(|| relay.read(old, &entry));
        relay.leaves(newcomer.connection);
        // Nobody has a key here, and nobody is to make one: what is asked for goes unread.
        for frame in relay.mail(old) {
            if crate::room::is(&frame, "participant_left") {
                relay.read(old, &frame);
            }
        }
        old.sent();
        Took {
            at_the_hub,
            its_own,
            another,
        }
    }
}
