//! When clients end by their own clock (spec sections 12.2 and 12.4).

use burnchat_core::client::{EndReason, Status};
use burnchat_core::time::Timestamp;

use crate::rule::Rule;
use crate::world::World;

/// Time as a machine must see it: where its driver steps back it goes on from where it was (section 12.2).
#[derive(Clone, Copy, Default)]
pub(crate) struct OwnClock {
    newest: u64,
    ahead: u64,
}

impl OwnClock {
    /// The machine is told this time.
    pub(crate) fn advance(&mut self, driver: Timestamp) -> Timestamp {
        let steady = driver.0.saturating_add(self.ahead);
        if steady < self.newest {
            self.ahead = self.newest.saturating_sub(driver.0);
        }
        self.newest = self.newest.max(steady);
        Timestamp(self.newest)
    }

    /// What the machine would see if it were told this time.
    fn at(self, driver: Timestamp) -> Timestamp {
        Timestamp(driver.0.saturating_add(self.ahead).max(self.newest))
    }
}

/// Nobody's own time is past its end, whatever the relay has said since.
pub(super) fn burned_in_time(world: &mut World) {
    let now = world.now;
    let late = world.nodes.iter().find(|node| {
        let over = |by: Timestamp| node.told.clock.at(node.clock(now)) >= by;
        !node.crashed && node.told.ended.is_none() && node.told.burn_by.is_some_and(over)
    });
    if let Some(node) = late {
        let what = format!("{} lives on after its time", node.name);
        world.broken(Rule::BurnAtClient, what);
        return;
    }
    // Ended by its own clock although the relay, last heard, gave it longer. (A resume that found no room ends so, too.)
    let early = world.nodes.iter().enumerate().find(|(index, node)| {
        let early = |by: Timestamp| node.told.clock.at(node.clock(now)) < by;
        node.told.ended == Some(EndReason::LocalBurn)
            && !world.ledger.burned
            && !world.is_apart(*index)
            && node.client.status() == Status::Ended(EndReason::LocalBurn)
            && node.told.burn_by.is_some_and(early)
    });
    if let Some((_, node)) = early {
        let what = format!("{} ended before its time, and the room lives", node.name);
        world.broken(Rule::NotEarly, what);
    }
}
