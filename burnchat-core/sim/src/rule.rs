//! What must hold, each rule with the section of the spec that says so.

use std::fmt;

use burnchat_core::time::Timestamp;

/// One promise of the spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Who has seen the same roster version shows the same roster and codes.
    RosterAgreement,
    /// Who is keyed for the same version holds the same epoch, and one epoch is of one version.
    EpochAgreement,
    /// Who holds an epoch was on the roster of its version.
    KeyEntitled,
    /// A text is shown only to who was there when it was written, or in history rooms came later.
    TextEntitled,
    /// What is shown was written, by the one it is shown of.
    TextGenuine,
    /// A text is shown once.
    NoDouble,
    /// The texts of one author are shown in the order they were written in.
    Order,
    /// An accepted text has reached everyone who stayed.
    NoLoss,
    /// A text has one fate.
    OneFate,
    /// Everyone connected who wrote knows what became of it.
    Settled,
    /// No key encrypts two plaintexts.
    KeyOnce,
    /// Nothing is sent under a key that somebody who has left holds.
    Hold,
    /// Nothing is read that was sent under a key of an epoch that has ended.
    EndedEpoch,
    /// A client's own clock ends the room.
    BurnAtClient,
    /// A client's clock does not end the room early.
    NotEarly,
    /// The relay burns a room when its time is over, and forgets it.
    BurnAtRelay,
    /// Nothing is left in a client that has ended, and nothing comes out of it.
    Wiped,
    /// Who was kicked does not stay, and is told.
    Kicked,
    /// With a live relay and one who can make a key, everyone connected is keyed within the time of the asking.
    Progress,
    /// Frames stay within their limits, and what one input brings about within a bound.
    Bounded,
    /// An honest relay and honest participants are not blamed.
    NoFalseBlame,
    /// What stands at a place of the log is never another, whichever relay goes on with it.
    Handed,
    /// Machines do not panic.
    NoPanic,
}

impl Rule {
    /// Where the spec says so.
    #[must_use]
    pub const fn section(self) -> &'static str {
        match self {
            Self::RosterAgreement => "6.2, 10",
            Self::EpochAgreement => "7.2",
            Self::KeyEntitled => "7.2",
            Self::TextEntitled => "8.4, 17.3",
            Self::TextGenuine => "8.5",
            Self::NoDouble => "8.5",
            Self::Order => "8.4, 8.5",
            Self::NoLoss => "6.1, 6.3",
            Self::OneFate | Self::Settled => "14.1",
            Self::KeyOnce => "8.2, 8.4",
            Self::Hold => "7.5",
            Self::EndedEpoch => "7.5, 8.5",
            Self::BurnAtClient | Self::NotEarly | Self::Wiped => "12.4",
            Self::BurnAtRelay => "12.3",
            Self::Kicked => "11.5",
            Self::Progress => "7.1",
            Self::Bounded => "16",
            Self::NoFalseBlame => "7.7, 14.1",
            Self::Handed => "6.1, 13.6",
            Self::NoPanic => "17.1",
        }
    }

    /// Whether it holds whatever the relay does; the others presume that it keeps to the spec.
    #[must_use]
    pub const fn holds_with_a_hostile_relay(self) -> bool {
        match self {
            Self::EpochAgreement
            | Self::TextEntitled
            | Self::TextGenuine
            | Self::NoDouble
            | Self::OneFate
            | Self::KeyOnce
            | Self::Hold
            | Self::EndedEpoch
            | Self::BurnAtClient
            | Self::Wiped
            | Self::BurnAtRelay
            | Self::Bounded
            | Self::Handed
            | Self::NoPanic => true,
            Self::RosterAgreement
            | Self::KeyEntitled
            | Self::Order
            | Self::NoLoss
            | Self::Settled
            | Self::NotEarly
            | Self::Kicked
            | Self::Progress
            | Self::NoFalseBlame => false,
        }
    }
}

/// A rule that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub rule: Rule,
    /// When, by the world's clock.
    pub at: Timestamp,
    /// What was seen.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, what, .. } = self;
        write!(f, "{rule:?} (section {}): {what}", rule.section())
    }
}
