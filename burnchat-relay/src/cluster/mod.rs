//! Several relays that share their rooms (spec section 13.6).
//!
//! Each worker of each relay is a *member*, with a number of its own. A room has one *owner*, the member whose hub runs
//! it; participants may be connected to any member, which forwards their frames to the owner and what it says back. What
//! brings a room up to date is written to the memory that the members share together with what follows from it, in one
//! step, and only if the room is still this owner's: so whatever anybody was told is known to whoever goes on with the
//! room. A member that gives no sign of life for [`LEASE`] has lost its rooms to whoever asks for them next; one that
//! loses its connection to the shared memory lets all its rooms and connections go, and becomes a new member.

#[cfg(test)]
mod contract;
mod key;
#[cfg(test)]
pub(crate) mod memory;
mod notes;
#[cfg(feature = "cluster")]
mod redis;
mod seam;

use std::sync::Arc;
use std::time::Duration;

use burnchat_core::crypto::Secret;
use burnchat_core::ids::RoomId;
use burnchat_core::relay::KeptId;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tracing::{info, warn};

pub(crate) use self::key::{ClusterKey, Place, RoomKey};
pub(crate) use self::notes::{Answer, Asked, Item, Note, Waited, Words};
#[cfg(feature = "cluster")]
pub use self::redis::{ClusterError, ClusterOptions};
pub(crate) use self::seam::{BEAT, Member, Notes, Op, Outcome, Partition, SealedCopy, SealedWrite};
use self::seam::{Bus, LEASE, Lost, Session, Soon};

/// How long after a failure the shared memory is asked again.
const AGAIN_AFTER: Duration = Duration::from_millis(250);
/// Events that wait for a worker.
const EVENTS: usize = 256;

/// The memory that relays share, ready to be used: for [`Relay::start_in`](crate::Relay::start_in).
#[derive(Clone)]
pub struct Cluster(Arc<Shared>);

struct Shared {
    key: ClusterKey,
    bus: Box<dyn Bus>,
    partitions: Partition,
    /// By how much the clock of the shared memory is ahead of this machine's, ms.
    ahead_millis: i64,
}

/// Steps of one membership, in order.
pub(crate) struct Batch {
    pub(crate) member: Member,
    pub(crate) ops: Vec<Op>,
}

/// What a worker is told of its membership.
pub(crate) enum Event {
    /// It is a member, under a number it has never had.
    Joined(Member),
    /// What came of the oldest batch.
    Done(Vec<Outcome>),
    /// Somebody says something.
    Note(Vec<u8>),
    /// These live.
    Living(Vec<Member>),
    /// Countdowns have waited for one another.
    CountdownsDue,
    /// A task of the worker has something to say about a room.
    Say(KeptId, Member, Note),
    /// It is no member any more.
    Lost,
}

/// A worker's way to the shared memory.
pub(crate) struct Way {
    pub(crate) batches: mpsc::UnboundedSender<Batch>,
    pub(crate) events: mpsc::Receiver<Event>,
}

impl Cluster {
    pub(crate) fn new(root: &Secret<32>, bus: Box<dyn Bus>, ahead_millis: i64) -> Self {
        Self(Arc::new(Shared {
            key: ClusterKey::new(root),
            partitions: bus.partitions(),
            bus,
            ahead_millis,
        }))
    }

    pub(crate) fn key(&self) -> &ClusterKey {
        &self.0.key
    }

    /// Where what is said about a room is said.
    pub(crate) fn partition_of(&self, room: RoomId) -> Partition {
        match self.0.partitions {
            1 => 0,
            of => self.key().tag(room).partition(of),
        }
    }

    /// Where a step is done, unless everywhere.
    pub(crate) fn partition_of_op(&self, op: &Op) -> Option<Partition> {
        op.partition(self.0.partitions)
    }

    pub(crate) fn ahead_millis(&self) -> i64 {
        self.0.ahead_millis
    }

    /// A worker's way there, and the task that keeps it open.
    pub(crate) fn way(&self) -> (Way, impl Future<Output = ()> + Send + use<>) {
        let (batches, to_do) = mpsc::unbounded_channel();
        let (tell, events) = mpsc::channel(EVENTS);
        let task = keep_up(self.clone(), to_do, tell);
        (Way { batches, events }, task)
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").finish_non_exhaustive()
    }
}

/// Is a member, and becomes one again, until there is no worker.
async fn keep_up(
    cluster: Cluster,
    mut batches: mpsc::UnboundedReceiver<Batch>,
    events: mpsc::Sender<Event>,
) {
    let mut said = false;
    while !events.is_closed() {
        let session = match cluster.0.bus.join().await {
            Ok(session) => session,
            Err(Lost(why)) => {
                if !said {
                    warn!("the shared memory can't be used: {why}");
                    said = true;
                }
                sleep(AGAIN_AFTER).await;
                continue;
            }
        };
        said = false;
        info!("a worker has joined the cluster");
        if events.send(Event::Joined(session.member)).await.is_err() {
            return;
        }
        match be_member(session, &mut batches, &events).await {
            None => return,
            Some(Lost(why)) => {
                warn!("a worker has left the cluster, and lets its rooms go: {why}");
                if events.send(Event::Lost).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Why it ended; `None` if there is no worker any more.
async fn be_member(
    mut session: Session,
    batches: &mut mpsc::UnboundedReceiver<Batch>,
    events: &mpsc::Sender<Event>,
) -> Option<Lost> {
    let store = session.store;
    let mut running: Option<Soon<'_, Result<Vec<Outcome>, Lost>>> = None;
    let mut lengths = Vec::new();
    let mut beating = None;
    let mut beats = interval(BEAT);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let event = tokio::select! {
            biased;
            done = of(&mut running) => {
                running = None;
                let mut outcomes = match done {
                    Ok(outcomes) => outcomes.into_iter(),
                    Err(lost) => return Some(lost),
                };
                for length in lengths.drain(..) {
                    let of_one = outcomes.by_ref().take(length).collect();
                    events.send(Event::Done(of_one)).await.ok()?;
                }
                continue;
            }
            living = of(&mut beating) => {
                beating = None;
                match living {
                    Ok(Ok(Some(living))) => Event::Living(living),
                    Ok(Ok(None)) => return Some(Lost("there was no sign of life for too long".to_owned())),
                    Ok(Err(lost)) => return Some(lost),
                    Err(_) => return Some(Lost("it does not answer".to_owned())),
                }
            }
            note = session.notes.recv() => match note {
                Some(note) => Event::Note(note),
                None => return Some(Lost("what is said to it no longer arrives".to_owned())),
            },
            _ = beats.tick(), if beating.is_none() => {
                beating = Some(Box::pin(timeout(LEASE, store.beat())));
                continue;
            }
            batch = batches.recv(), if running.is_none() => {
                let mut ops = Vec::new();
                let mut next = Some(batch?);
                while let Some(batch) = next {
                    if batch.member == session.member {
                        lengths.push(batch.ops.len());
                        ops.extend(batch.ops);
                    }
                    next = batches.try_recv().ok();
                }
                if !lengths.is_empty() {
                    running = Some(store.run(ops));
                }
                continue;
            }
        };
        events.send(event).await.ok()?;
    }
}

/// What is under way, and nothing while there is nothing.
async fn of<F: Future + Unpin>(under_way: &mut Option<F>) -> F::Output {
    match under_way {
        Some(under_way) => under_way.await,
        None => std::future::pending().await,
    }
}
