//! What a cluster asks of the memory its relays share: a few steps, each done whole or not at all, and notes.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::sync::mpsc;

/// How long a member lives that gives no sign of life. Its rooms can be taken over from then on.
pub(crate) const LEASE: Duration = Duration::from_millis(3_000);
/// How often it gives one.
pub(crate) const BEAT: Duration = Duration::from_millis(750);

/// Notes that wait for a worker.
pub(crate) const NOTES: usize = 4_096;

/// Names a worker of a relay for as long as it is a member: numbers are not used again.
pub(crate) type Member = u64;

/// A part of the shared memory: each may be kept by a server of its own. A room is in one of them, with all that is said
/// about it: there is an order within a partition, and none between two.
pub(crate) type Partition = u8;

/// What a room is called in the shared memory.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Tag(pub(crate) [u8; 16]);

impl Tag {
    /// In which of so many partitions the room is.
    pub(crate) fn partition(self, of: Partition) -> Partition {
        self.0[0] % of
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tag(..)")
    }
}

/// What brings a room up to date, sealed.
#[derive(Clone, Debug, Default)]
pub(crate) struct SealedWrite {
    /// When it must be gone, ms since the Unix epoch.
    pub(crate) end: u64,
    pub(crate) state: Vec<u8>,
    pub(crate) people: Option<Vec<u8>>,
    pub(crate) seats: Option<Vec<u8>>,
    pub(crate) entries: Vec<(u64, Vec<u8>)>,
    pub(crate) forgotten: Vec<u64>,
}

/// A room as it is kept, sealed.
#[derive(Debug, Default)]
pub(crate) struct SealedCopy {
    pub(crate) state: Vec<u8>,
    pub(crate) people: Vec<u8>,
    pub(crate) seats: Vec<u8>,
    pub(crate) entries: Vec<(u64, Vec<u8>)>,
}

/// To whom, and what, sealed.
pub(crate) type Notes = Vec<(Member, Vec<u8>)>;

/// One step. Those of one member in one partition are done in the order in which they are given.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    /// Makes a room, unless there is one.
    Create {
        room: Tag,
        member: Member,
        write: Box<SealedWrite>,
    },
    /// Writes to a room and says what follows from it, if the room is still this member's under this fence.
    Write {
        room: Tag,
        member: Member,
        fence: u64,
        write: Box<SealedWrite>,
        notes: Notes,
    },
    /// Removes a room and says so, under the same condition.
    Burn {
        room: Tag,
        member: Member,
        fence: u64,
        notes: Notes,
    },
    /// Says something about rooms of this partition, if this member still lives there: nobody else has its rooms then.
    Say {
        partition: Partition,
        member: Member,
        notes: Notes,
    },
    /// Takes a room over whose owner is no more.
    Claim { room: Tag, member: Member },
    /// Ends the membership in all partitions, after what was given before.
    Leave { member: Member },
}

impl Op {
    /// In which of so many partitions it is done, unless in all.
    pub(crate) fn partition(&self, of: Partition) -> Option<Partition> {
        match self {
            Self::Create { room, .. }
            | Self::Write { room, .. }
            | Self::Burn { room, .. }
            | Self::Claim { room, .. } => Some(room.partition(of)),
            Self::Say { partition, .. } => Some(*partition),
            Self::Leave { .. } => None,
        }
    }
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Outcome {
    Done,
    /// The room is another's, or there is one already; or the member lives no longer.
    Refused,
    /// There is no such room.
    NotThere,
    /// It is this living member's.
    Owned(Member),
    /// It is the asking member's from now on, under this fence.
    Taken(u64, Box<SealedCopy>),
}

/// The connection to the shared memory is lost, or what it says can't be understood: what was said to this member may be
/// lost with it, and whether the last steps were done is not known.
#[derive(Debug)]
pub(crate) struct Lost(pub(crate) String);

pub(crate) type Soon<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The shared memory, for who is to become a member.
pub(crate) trait Bus: Send + Sync {
    /// How many partitions there are, from 1 on; always as many, and for all members.
    fn partitions(&self) -> Partition;

    fn join(&self) -> Soon<'_, Result<Session, Lost>>;
}

/// A membership.
pub(crate) struct Session {
    pub(crate) member: Member,
    pub(crate) store: Box<dyn Store>,
    /// What others say to it, in order within a partition; ends when something may have been lost.
    pub(crate) notes: mpsc::Receiver<Vec<u8>>,
}

/// The shared memory, for a member.
pub(crate) trait Store: Send + Sync {
    /// Does these steps, those of a partition in order.
    fn run(&self, ops: Vec<Op>) -> Soon<'_, Result<Vec<Outcome>, Lost>>;

    /// A sign of life in all partitions. Gives all members that live in one; `None` if this one no longer does in all.
    fn beat(&self) -> Soon<'_, Result<Option<Vec<Member>>, Lost>>;
}
