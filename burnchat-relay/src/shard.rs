//! The way to a worker and its hub, which have some of the relay's rooms.
//!
//! Everybody speaks to it through one bounded queue: who has something for it waits until there is room.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::Bytes;
use burnchat_core::crypto::Secret;
use burnchat_core::ids::RoomId;
use burnchat_core::relay::{ConnectionId, Disconnect, PeerKey, Refusal, Stats};
use burnchat_core::wire::http::{CreateRoom, RoomCreated, RoomInfo};
use tokio::sync::{mpsc, oneshot, watch};

use crate::Config;
use crate::clock::Clock;
use crate::cluster::{Answer, Asked, Cluster};
use crate::flow::Flow;
use crate::metrics::{Counters, Metrics};
use crate::outbox::{Amount, Outbox};
use crate::sessions::Sessions;
use crate::thread::Thread;
use crate::totals::Totals;
use crate::worker::Worker;

/// The way to a worker.
#[derive(Clone)]
pub(crate) struct Shard {
    requests: mpsc::Sender<Box<Request>>,
    counters: Arc<Counters>,
    thread: Thread,
    /// There are other relays with the same rooms.
    is_one_of_several: bool,
}

/// The worker is no more: the relay has been shut down, or the worker has panicked.
#[derive(Debug)]
pub(crate) struct Gone;

/// Boxed on its way: a queue leaves the bytes of what is taken from it where they were, and of a request that is smaller
/// than others, whatever the stack held before.
pub(crate) enum Request {
    Create {
        peer: PeerKey,
        request: CreateRoom,
        reply: oneshot::Sender<Result<RoomCreated, Refusal>>,
    },
    Info {
        room: RoomId,
        ticket: Secret<16>,
        reply: oneshot::Sender<Result<RoomInfo, Refusal>>,
    },
    Burn {
        room: RoomId,
        creator_token: Secret<32>,
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    TakeDown {
        room: RoomId,
        reply: oneshot::Sender<bool>,
    },
    Leave {
        room: RoomId,
        seat_token: Secret<32>,
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    Connect {
        connection: ConnectionId,
        peer: PeerKey,
        room: RoomId,
        outbox: Outbox,
        flow: Flow,
    },
    Frame {
        connection: ConnectionId,
        frame: Bytes,
    },
    Disconnect {
        connection: ConnectionId,
        end: Disconnect,
    },
    Stats {
        /// With what waits in all outboxes.
        reply: oneshot::Sender<(Stats, Amount)>,
    },
    /// Asks who has a seat, or whoever that is for its session (spec section 13.5), at another relay.
    AskSession {
        room: RoomId,
        what: Asked,
        reply: oneshot::Sender<Answer>,
    },
    Shutdown {
        reply: oneshot::Sender<()>,
    },
}

impl Shard {
    /// Starts a worker on a thread of its own. Should it panic, it says so.
    pub(crate) fn start(
        config: &Config,
        clock: Clock,
        totals: Arc<Totals>,
        failing: watch::Sender<bool>,
        cluster: Option<(&Cluster, &Arc<Sessions>)>,
    ) -> Self {
        let (sender, requests) = mpsc::channel(config.inbound_frames.max(1));
        let counters = Arc::<Counters>::default();
        let mut worker = Worker::new(config, clock, totals, Arc::clone(&counters), failing);
        let thread = Thread::start();
        if let Some((cluster, sessions)) = cluster {
            thread.spawn(worker.join(cluster, Arc::clone(sessions)));
        }
        thread.spawn(worker.run(requests));
        Self {
            requests: sender,
            counters,
            thread,
            is_one_of_several: cluster.is_some(),
        }
    }

    /// For a new connection.
    pub(crate) fn flow(&self) -> Flow {
        match self.is_one_of_several {
            true => Flow::to_others(),
            false => Flow::default(),
        }
    }

    pub(crate) async fn create(
        &self,
        peer: PeerKey,
        request: CreateRoom,
    ) -> Result<Result<RoomCreated, Refusal>, Gone> {
        self.ask(|reply| Request::Create {
            peer,
            request,
            reply,
        })
        .await
    }

    pub(crate) async fn info(
        &self,
        room: RoomId,
        ticket: Secret<16>,
    ) -> Result<Result<RoomInfo, Refusal>, Gone> {
        self.ask(|reply| Request::Info {
            room,
            ticket,
            reply,
        })
        .await
    }

    pub(crate) async fn burn(
        &self,
        room: RoomId,
        creator_token: Secret<32>,
    ) -> Result<Result<(), Refusal>, Gone> {
        self.ask(|reply| Request::Burn {
            room,
            creator_token,
            reply,
        })
        .await
    }

    /// Says whether there was such a room.
    pub(crate) async fn take_down(&self, room: RoomId) -> Result<bool, Gone> {
        self.ask(|reply| Request::TakeDown { room, reply }).await
    }

    /// Takes whoever was given this token out of the room.
    pub(crate) async fn leave(
        &self,
        room: RoomId,
        seat_token: Secret<32>,
    ) -> Result<Result<(), Refusal>, Gone> {
        self.ask(|reply| Request::Leave {
            room,
            seat_token,
            reply,
        })
        .await
    }

    pub(crate) async fn ask_session(&self, room: RoomId, what: Asked) -> Result<Answer, Gone> {
        self.ask(|reply| Request::AskSession { room, what, reply })
            .await
    }

    pub(crate) fn connect(
        &self,
        connection: ConnectionId,
        peer: PeerKey,
        room: &Secret<16>,
        outbox: Outbox,
        flow: Flow,
    ) -> impl Future<Output = Result<(), Gone>> + use<'_> {
        self.hand_over(Box::new(Request::Connect {
            connection,
            peer,
            room: RoomId(*room.as_bytes()),
            outbox,
            flow,
        }))
    }

    pub(crate) fn frame(
        &self,
        connection: ConnectionId,
        frame: Bytes,
    ) -> impl Future<Output = Result<(), Gone>> + use<'_> {
        self.hand_over(Box::new(Request::Frame { connection, frame }))
    }

    pub(crate) fn disconnect(
        &self,
        connection: ConnectionId,
        end: Disconnect,
    ) -> impl Future<Output = Result<(), Gone>> + use<'_> {
        self.hand_over(Box::new(Request::Disconnect { connection, end }))
    }

    pub(crate) async fn stats(&self) -> Result<Stats, Gone> {
        let (stats, _) = self.ask(|reply| Request::Stats { reply }).await?;
        Ok(stats)
    }

    /// Adds its numbers to those of other workers; of one that is no more, those that only grow.
    pub(crate) async fn add_to(&self, all: &mut Metrics) {
        let waiting = self.requests.max_capacity() - self.requests.capacity();
        all.inbound_waiting += waiting as u64;
        if let Ok((stats, waiting)) = self.ask(|reply| Request::Stats { reply }).await {
            all.rooms += stats.rooms as u64;
            all.connections += stats.connections as u64;
            all.participants += stats.participants as u64;
            all.kept_bytes += stats.kept_bytes as u64;
            all.outbound_frames_waiting += waiting.frames as u64;
            all.outbound_bytes_waiting += waiting.bytes as u64;
        }
        self.counters.add_to(all);
    }

    /// Runs a task on the worker's thread.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.thread.spawn(task);
    }

    /// Where what its connections see is counted.
    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Returns when everybody's last frame is in their queue.
    pub(crate) async fn shut_down(&self) -> Result<(), Gone> {
        self.ask(|reply| Request::Shutdown { reply }).await
    }

    /// Whether it has reached the others, if there are to be any.
    pub(crate) fn is_ready(&self) -> bool {
        !self.is_one_of_several || self.counters.is_member.load(Ordering::Relaxed)
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.requests.is_closed()
    }

    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Result<T, Gone> {
        let (reply, answer) = oneshot::channel();
        self.hand_over(Box::new(request(reply))).await?;
        answer.await.map_err(|_| Gone)
    }

    /// A request is in its box before anything waits, and nowhere else: in a future its bytes would stay, with what they
    /// were put over, until the task ends. A connection's may wait long for its client to go.
    async fn hand_over(&self, request: Box<Request>) -> Result<(), Gone> {
        self.requests.send(request).await.map_err(|_| Gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbox::{Capacity, channel};

    #[tokio::test]
    async fn a_worker_that_panics_says_so_and_lets_every_connection_go() {
        let config = Config::default();
        let (failing, mut failed) = watch::channel(false);
        let shard = Shard::start(
            &config,
            Clock::broken(),
            Totals::new(&config),
            failing,
            None,
        );
        let (outbox, mut outgoings, cut) = channel(Capacity::of(&config));
        let (peer, room) = (PeerKey([0; 16]), Secret::copy_of(&[0; 16]));
        let _ = shard
            .connect(ConnectionId(0), peer, &room, outbox, Flow::default())
            .await;

        failed.wait_for(|failed| *failed).await.unwrap();
        assert!(outgoings.next().await.is_none());
        assert!(cut.await.is_err());
        assert!(shard.is_gone());
        assert!(shard.stats().await.is_err());
    }

    #[tokio::test]
    async fn a_worker_that_is_shut_down_has_not_failed() {
        let (failing, mut failed) = watch::channel(false);
        let config = Config::default();
        let shard = Shard::start(
            &config,
            Clock::system(),
            Totals::new(&config),
            failing,
            None,
        );
        shard.shut_down().await.unwrap();
        assert!(failed.wait_for(|failed| *failed).await.is_err());
        assert!(shard.stats().await.is_err());
    }
}
