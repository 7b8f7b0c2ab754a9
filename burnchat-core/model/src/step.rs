//! What can happen next, and how it is written down for replaying.

use std::fmt;
use std::str::FromStr;

use crate::relay::Wire;

/// One thing that happens. Each is one input of one machine, but for an opened connection, which is one of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Somebody, or the world, does something.
    Deed(Deed),
    /// A client that wants a connection gets one.
    Open(u8),
    /// The relay takes the next frame, or the close, from a connection.
    ToRelay(u8, u8),
    /// A client takes the next frame, or the close, from its connection.
    ToClient(u8),
    /// The relay finds out that a connection has broken.
    RelayLearns(u8, u8),
    /// A client finds out that its connection has broken.
    ClientLearns(u8),
    /// A timer of the relay fires.
    RelayTimer,
    /// A timer of a client fires.
    ClientTimer(u8),
    /// Nothing is under way: time passes until the next timer is due.
    Wait,
}

/// What takes a decision of somebody, or bad luck. All but first joins count against the number of deeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Opens the link for the first time.
    Join(u8),
    /// Writes a text.
    Write(u8),
    /// Leaves.
    Leave(u8),
    /// A creator removes who is in this place on its roster.
    Kick(u8, u8),
    /// A creator moves the end.
    Extend(u8),
    /// A creator burns the room.
    Burn(u8),
    /// Loads the page again: the client is gone, and one with its seat token comes.
    Reload(u8),
    /// Having left or been removed, opens the old link again.
    Return(u8),
    /// The connection breaks; each end finds out in its own time.
    Lose(u8),
    /// The key frame this steward has under way carries a wrap that does not open.
    Spoil(u8),
    /// The network is slow: time passes until the next timer is due, with frames under way.
    Stall,
    /// Everything sleeps for a little longer than a seat is kept for who is away.
    Nap,
    /// Everything sleeps until the end of the room.
    Sleep,
}

impl Step {
    pub(crate) fn wire(self) -> Option<Wire> {
        match self {
            Self::ToRelay(node, ordinal) | Self::RelayLearns(node, ordinal) => {
                Some(Wire { node, ordinal })
            }
            _ => None,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deed(deed) => deed.fmt(f),
            Self::Open(node) => write!(f, "o{node}"),
            Self::ToRelay(node, ordinal) => write!(f, "u{node}.{ordinal}"),
            Self::ToClient(node) => write!(f, "d{node}"),
            Self::RelayLearns(node, ordinal) => write!(f, "h{node}.{ordinal}"),
            Self::ClientLearns(node) => write!(f, "g{node}"),
            Self::RelayTimer => f.write_str("t"),
            Self::ClientTimer(node) => write!(f, "t{node}"),
            Self::Wait => f.write_str("q"),
        }
    }
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Join(node) => write!(f, "j{node}"),
            Self::Write(node) => write!(f, "w{node}"),
            Self::Leave(node) => write!(f, "l{node}"),
            Self::Kick(node, place) => write!(f, "k{node}.{place}"),
            Self::Extend(node) => write!(f, "e{node}"),
            Self::Burn(node) => write!(f, "b{node}"),
            Self::Reload(node) => write!(f, "r{node}"),
            Self::Return(node) => write!(f, "a{node}"),
            Self::Lose(node) => write!(f, "x{node}"),
            Self::Spoil(node) => write!(f, "y{node}"),
            Self::Stall => f.write_str("z"),
            Self::Nap => f.write_str("n"),
            Self::Sleep => f.write_str("s"),
        }
    }
}

/// A word that is no step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoStep(String);

impl fmt::Display for NoStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is no step", self.0)
    }
}

impl std::error::Error for NoStep {}

impl FromStr for Step {
    type Err = NoStep;

    fn from_str(word: &str) -> Result<Self, NoStep> {
        let none = || NoStep(word.to_owned());
        let mut letters = word.chars();
        let letter = letters.next().ok_or_else(none)?;
        let rest = letters.as_str();
        let (first, second) = rest.split_once('.').unwrap_or((rest, "0"));
        let second: u8 = second.parse().map_err(|_| none())?;
        let node = || first.parse::<u8>().map_err(|_| none());
        Ok(match (letter, rest) {
            ('t', "") => Self::RelayTimer,
            ('q', "") => Self::Wait,
            ('z', "") => Self::Deed(Deed::Stall),
            ('n', "") => Self::Deed(Deed::Nap),
            ('s', "") => Self::Deed(Deed::Sleep),
            ('o', _) => Self::Open(node()?),
            ('u', _) => Self::ToRelay(node()?, second),
            ('d', _) => Self::ToClient(node()?),
            ('h', _) => Self::RelayLearns(node()?, second),
            ('g', _) => Self::ClientLearns(node()?),
            ('t', _) => Self::ClientTimer(node()?),
            ('j', _) => Self::Deed(Deed::Join(node()?)),
            ('w', _) => Self::Deed(Deed::Write(node()?)),
            ('l', _) => Self::Deed(Deed::Leave(node()?)),
            ('k', _) => Self::Deed(Deed::Kick(node()?, second)),
            ('e', _) => Self::Deed(Deed::Extend(node()?)),
            ('b', _) => Self::Deed(Deed::Burn(node()?)),
            ('r', _) => Self::Deed(Deed::Reload(node()?)),
            ('a', _) => Self::Deed(Deed::Return(node()?)),
            ('x', _) => Self::Deed(Deed::Lose(node()?)),
            ('y', _) => Self::Deed(Deed::Spoil(node()?)),
            _ => return Err(none()),
        })
    }
}
