//! A worker and its hub: some of the relay's rooms, and nobody else touches them.
//!
//! Everybody else talks to it through one bounded queue: who has something for it waits until there is room. It never
//! waits for anybody: what it has to say it puts into the queues of connections, which have an end too.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use burnchat_core::crypto::Secret;
use burnchat_core::ids::RoomId;
use burnchat_core::relay::{
    CloseCode, ConnectionId, Disconnect, Hub, Output, PeerKey, Refusal, Stats,
};
use burnchat_core::time::Timestamp;
use burnchat_core::wire::http::{CreateRoom, RoomCreated, RoomInfo};
use burnchat_core::wire::{EncodedFrame, ErrorFrame, RelayFrame};
use tokio::sync::{mpsc, oneshot, watch};
use tracing::debug;

use crate::Config;
use crate::clock::Clock;
use crate::metrics::{Counters, Metrics};
use crate::outbox::{Amount, Outbox, Refused};
use crate::rng;
use crate::totals::{ConnectionClaim, Totals};
use crate::websocket::frame::Frame;

/// How many requests are taken from the queue at once.
const BATCH: usize = 64;

/// The way to a worker.
#[derive(Clone)]
pub(crate) struct Shard {
    requests: mpsc::Sender<Box<Request>>,
    counters: Arc<Counters>,
}

/// The worker is no more: the relay has been shut down, or the worker has panicked.
#[derive(Debug)]
pub(crate) struct Gone;

/// Boxed on its way: a queue leaves the bytes of what is taken from it where they were, and of a request that is smaller
/// than others, whatever the stack held before.
enum Request {
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
    Shutdown {
        reply: oneshot::Sender<()>,
    },
}

impl Shard {
    /// Starts a worker on tokio's current runtime. Should it panic, it says so.
    pub(crate) fn start(
        config: &Config,
        clock: Clock,
        totals: Arc<Totals>,
        failing: watch::Sender<bool>,
    ) -> Self {
        let (sender, requests) = mpsc::channel(config.inbound_frames.max(1));
        let counters = Arc::<Counters>::default();
        let worker = Worker {
            hub: Hub::new(config.limits, &mut rng::system()),
            connections: HashMap::default(),
            to_wake: Vec::new(),
            totals,
            counters: Arc::clone(&counters),
            kept_bytes: 0,
            clock,
            failing,
        };
        tokio::spawn(worker.run(requests));
        Self {
            requests: sender,
            counters,
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

    /// The room's id is in the request before anything waits, and nowhere else.
    pub(crate) fn connect(
        &self,
        connection: ConnectionId,
        peer: PeerKey,
        room: &Secret<16>,
        outbox: Outbox,
    ) -> impl Future<Output = Result<(), Gone>> + use<'_> {
        self.hand_over(Box::new(Request::Connect {
            connection,
            peer,
            room: RoomId(*room.as_bytes()),
            outbox,
        }))
    }

    pub(crate) async fn frame(&self, connection: ConnectionId, frame: Bytes) -> Result<(), Gone> {
        self.tell(Request::Frame { connection, frame }).await
    }

    pub(crate) async fn disconnect(
        &self,
        connection: ConnectionId,
        end: Disconnect,
    ) -> Result<(), Gone> {
        self.tell(Request::Disconnect { connection, end }).await
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

    /// Where what its connections see is counted.
    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Returns when everybody's last frame is in their queue.
    pub(crate) async fn shut_down(&self) -> Result<(), Gone> {
        self.ask(|reply| Request::Shutdown { reply }).await
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.requests.is_closed()
    }

    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Result<T, Gone> {
        let (reply, answer) = oneshot::channel();
        self.tell(request(reply)).await?;
        answer.await.map_err(|_| Gone)
    }

    async fn tell(&self, request: Request) -> Result<(), Gone> {
        self.hand_over(Box::new(request)).await
    }

    async fn hand_over(&self, request: Box<Request>) -> Result<(), Gone> {
        self.requests.send(request).await.map_err(|_| Gone)
    }
}

struct Worker {
    hub: Hub,
    connections: HashMap<ConnectionId, Link, ByNumber>,
    /// Connections with `has_more`.
    to_wake: Vec<ConnectionId>,
    totals: Arc<Totals>,
    counters: Arc<Counters>,
    /// What the totals know of.
    kept_bytes: usize,
    clock: Clock,
    failing: watch::Sender<bool>,
}

struct Link {
    outbox: Outbox,
    /// Something was put in of which it has not been told.
    has_more: bool,
    _claim: ConnectionClaim,
}

impl Worker {
    /// Runs until it is told to end, or nobody is left who could.
    async fn run(mut self, mut requests: mpsc::Receiver<Box<Request>>) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let due = self.hub.poll_timeout();
            tokio::select! {
                biased;
                () = self.clock.sleep_until(due) => {
                    self.hub.handle_timeout(self.clock.now());
                    self.carry_out();
                    self.settle();
                }
                count = requests.recv_many(&mut batch, BATCH) => {
                    for request in batch.drain(..) {
                        if self.handle(*request).is_break() {
                            return;
                        }
                    }
                    if count == 0 {
                        return;
                    }
                    self.settle();
                }
            }
        }
    }

    /// Lets the hub take one step. A reply nobody waits for any more is dropped.
    fn handle(&mut self, request: Request) -> ControlFlow<()> {
        let now = self.clock.now();
        match request {
            Request::Create {
                peer,
                request,
                reply,
            } => {
                let created = self.create(now, peer, &request);
                let _ = reply.send(created);
            }
            Request::Info {
                room,
                ticket,
                reply,
            } => {
                let _ = reply.send(self.hub.handle_info(now, room, &ticket));
            }
            Request::Burn {
                room,
                creator_token,
                reply,
            } => {
                let burned = self.hub.handle_burn(now, room, &creator_token);
                // Who is told that the room has burned is told after those in it.
                self.carry_out();
                let _ = reply.send(burned);
            }
            Request::TakeDown { room, reply } => {
                let there = self.hub.handle_take_down(now, room);
                self.carry_out();
                let _ = reply.send(there);
            }
            Request::Leave {
                room,
                seat_token,
                reply,
            } => {
                let left = self.hub.handle_leave(now, room, &seat_token);
                // The others know before who has left does.
                self.carry_out();
                let _ = reply.send(left);
            }
            Request::Connect {
                connection,
                peer,
                room,
                outbox,
            } => {
                self.connect(now, connection, peer, room, outbox);
            }
            Request::Frame { connection, frame } => {
                self.counters.received(frame.len());
                self.hub
                    .handle_frame(now, connection, &frame, &mut rng::system());
                self.carry_out();
                if let Some(link) = self.connections.get_mut(&connection) {
                    link.outbox.answered();
                }
            }
            Request::Disconnect { connection, end } => {
                // Not if it was the hub that closed it.
                if self.connections.remove(&connection).is_some() {
                    self.hub.handle_disconnect(now, connection, end);
                }
            }
            Request::Stats { reply } => {
                let _ = reply.send((self.hub.stats(), self.waiting()));
            }
            Request::Shutdown { reply } => {
                self.hub.handle_shutdown(now);
                self.carry_out();
                // Those who have not joined yet are in no room, and are told nothing of one.
                for (_, link) in self.connections.drain() {
                    link.outbox.close(CloseCode::TryAgainLater);
                }
                let _ = reply.send(());
                return ControlFlow::Break(());
            }
        }
        self.carry_out();
        ControlFlow::Continue(())
    }

    fn create(
        &mut self,
        now: Timestamp,
        peer: PeerKey,
        request: &CreateRoom,
    ) -> Result<RoomCreated, Refusal> {
        self.totals.claim_room(peer)?;
        let created = self
            .hub
            .handle_create(now, peer, request, &mut rng::system());
        match created {
            Ok(_) => self.counters.rooms_created.add(1),
            Err(_) => self.totals.release_room(peer),
        }
        created
    }

    fn connect(
        &mut self,
        now: Timestamp,
        connection: ConnectionId,
        peer: PeerKey,
        room: RoomId,
        mut outbox: Outbox,
    ) {
        self.counters.connections_opened.add(1);
        match self.totals.claim_connection(peer) {
            Ok(claim) => {
                let link = Link {
                    outbox,
                    has_more: false,
                    _claim: claim,
                };
                self.connections.insert(connection, link);
                self.hub.handle_connect(now, connection, peer, room);
            }
            Err(code) => {
                let error = RelayFrame::Error(ErrorFrame::new(code)).encode();
                // Who has gone already need not be told.
                let _ = outbox.push(error.into());
                outbox.close(CloseCode::Policy);
                self.counters.refused.add(1);
            }
        }
    }

    /// Does what the hub wants done.
    fn carry_out(&mut self) {
        while let Some(output) = self.hub.poll_output() {
            match output {
                Output::Send { to, frame } => self.send(&to, frame),
                Output::Close { connection, code } => {
                    if let Some(link) = self.connections.remove(&connection) {
                        link.outbox.close(code);
                        self.counters.closed(code);
                    }
                }
                Output::Burned {
                    owner,
                    reason,
                    late_millis,
                } => {
                    self.totals.release_room(owner);
                    self.counters
                        .burned(reason, Duration::from_millis(late_millis));
                }
            }
        }
    }

    /// One frame for everyone it goes to: they share its bytes, and the last of them wipes it.
    fn send(&mut self, to: &[ConnectionId], frame: EncodedFrame) {
        let frame = Frame::from(frame);
        let mut put = 0;
        for connection in to {
            let Some(link) = self.connections.get_mut(connection) else {
                continue;
            };
            if let Err(refused) = link.outbox.push(frame.clone()) {
                self.give_up(*connection, refused);
                continue;
            }
            put += 1;
            if !link.has_more {
                link.has_more = true;
                self.to_wake.push(*connection);
            }
        }
        self.counters.sent(put, frame.payload().len());
    }

    /// Ends a batch of steps: those who have been sent something are woken, each once, and what is kept is counted.
    fn settle(&mut self) {
        for connection in self.to_wake.drain(..) {
            if let Some(link) = self.connections.get_mut(&connection) {
                link.has_more = false;
                link.outbox.wake();
            }
        }
        let kept = self.hub.stats().kept_bytes;
        let full = self.totals.keep(self.kept_bytes, kept);
        self.kept_bytes = kept;
        self.hub.set_memory_full(full);
    }

    /// What waits in all outboxes.
    fn waiting(&self) -> Amount {
        let mut all = Amount::default();
        for link in self.connections.values() {
            let waiting = link.outbox.waiting();
            all.frames += waiting.frames;
            all.bytes += waiting.bytes;
        }
        all
    }

    fn give_up(&mut self, connection: ConnectionId, refused: Refused) {
        if let Some(link) = self.connections.remove(&connection)
            && refused == Refused::TooSlow
        {
            debug!("a reader was too slow");
            self.counters.too_slow.add(1);
            link.outbox.cut_off();
        }
        self.hub
            .handle_disconnect(self.clock.now(), connection, Disconnect::Broken);
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.totals.keep(self.kept_bytes, 0);
        if std::thread::panicking() {
            self.failing.send_replace(true);
        }
    }
}

/// Hashes connections: their numbers are the relay's own, given one after the other, and nobody can choose them to
/// collide.
#[derive(Clone, Copy, Default)]
struct ByNumber;

struct NumberHasher(u64);

impl BuildHasher for ByNumber {
    type Hasher = NumberHasher;

    fn build_hasher(&self) -> NumberHasher {
        NumberHasher(0)
    }
}

impl Hasher for NumberHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64((*byte).into());
        }
    }

    fn write_u64(&mut self, number: u64) {
        // An odd number near 2^64 divided by the golden ratio spreads neighbours over all bits.
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0
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
        let shard = Shard::start(&config, Clock::broken(), Totals::new(&config), failing);
        let (outbox, mut outgoings, cut) = channel(Capacity::of(&config));
        let (peer, room) = (PeerKey([0; 16]), Secret::copy_of(&[0; 16]));
        let _ = shard.connect(ConnectionId(0), peer, &room, outbox).await;

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
        let shard = Shard::start(&config, Clock::system(), Totals::new(&config), failing);
        shard.shut_down().await.unwrap();
        assert!(failed.wait_for(|failed| *failed).await.is_err());
        assert!(shard.stats().await.is_err());
    }
}
