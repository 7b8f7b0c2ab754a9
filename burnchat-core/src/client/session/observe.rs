//! What a simulation sees of a session besides what everybody sees: which texts are where, and how much it keeps. Not
//! part of any other build.

use alloc::vec::Vec;

use super::Session;
use crate::client::{Client, Phase, State};
use crate::ids::MessageId;
use crate::limits;

/// Something a client keeps: what, how much of it, and how much it may be.
pub type Kept = (&'static str, usize, usize);

impl Client {
    /// The texts that wait and those that are under way (spec section 14.1).
    #[must_use]
    pub fn texts_under_way(&self) -> (Vec<MessageId>, Vec<MessageId>) {
        let session = self.observed();
        session.map_or_else(Default::default, |session| {
            (session.outbox.held_ids(), session.outbox.in_flight_ids())
        })
    }

    /// What the client keeps, each with its bound (section 16).
    #[must_use]
    pub fn kept(&self) -> Option<[Kept; 9]> {
        self.observed().map(Session::kept)
    }

    fn observed(&self) -> Option<&Session> {
        match &self.state {
            State::Live(live) => match &live.phase {
                Phase::Joined(session) => Some(session),
                Phase::Offline | Phase::Joining(_) => None,
            },
            State::Ended(_) => None,
        }
    }
}

impl Session {
    fn kept(&self) -> [Kept; 9] {
        let people = self.roster.entries().len();
        let [installed, unopened, ended, hashes] = self.epochs.sizes();
        let held = self.outbox.held_ids().len();
        [
            ("texts held", held, limits::HELD_TEXTS + limits::IN_FLIGHT),
            (
                "envelopes in flight",
                self.outbox.in_flight().count(),
                limits::IN_FLIGHT,
            ),
            ("commands", self.commands.iter().count(), 32),
            ("own offers", self.epochs.offers.len(), limits::OWN_OFFERS),
            ("agreements", self.pairs.len(), people),
            ("senders", self.senders.len(), people),
            // As many as take envelopes at once at the relay, and the newest.
            ("epochs", installed, 65),
            ("epochs not opened or ended", unopened.max(ended), 256),
            ("roster hashes", hashes, limits::UNKEYED_VERSIONS + 1),
        ]
    }
}
