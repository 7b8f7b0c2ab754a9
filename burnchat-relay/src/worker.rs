//! A worker: a hub with some of the relay's rooms, and its thread's only one. Nobody else touches them.
//!
//! It never waits for anybody: what it has to say it puts into the queues of connections, which have an end.

mod clustered;

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use burnchat_core::error::Code;
use burnchat_core::ids::RoomId;
use burnchat_core::link::room_id_of_seed;
use burnchat_core::relay::{CloseCode, ConnectionId, Disconnect, Hub, Output, PeerKey, Refusal};
use burnchat_core::time::Timestamp;
use burnchat_core::wire::http::{CreateRoom, RoomCreated};
use burnchat_core::wire::{ErrorFrame, RelayFrame};
use tokio::sync::{mpsc, oneshot, watch};
use tracing::debug;

use self::clustered::{Clustered, Reply};
use crate::Config;
use crate::clock::Clock;
use crate::cluster::{Answer, Asked, Cluster};
use crate::flow::Flow;
use crate::metrics::Counters;
use crate::outbox::{Amount, Outbox, Refused};
use crate::rng;
use crate::sessions::Sessions;
use crate::shard::Request;
use crate::stack;
use crate::totals::{ConnectionClaim, Totals};
use crate::websocket::frame::Frame;

/// How many requests are taken from the queue at once.
const BATCH: usize = 64;
/// What is to be sent goes out when nobody asks for anything more, and no later than when frames of so many bytes have
/// come together.
const SETTLE_AFTER: usize = 64 << 10;

pub(crate) struct Worker {
    hub: Hub,
    connections: HashMap<ConnectionId, Link, ByNumber>,
    /// Connections with `has_more`.
    to_settle: Vec<ConnectionId>,
    /// Bytes of frames that have been put into outboxes since.
    unsent: usize,
    totals: Arc<Totals>,
    counters: Arc<Counters>,
    /// What the totals know of.
    kept_bytes: usize,
    clock: Clock,
    failing: watch::Sender<bool>,
    config: Config,
    /// Where others can go on with its rooms.
    cluster: Option<Box<Clustered>>,
}

struct Link {
    outbox: Outbox,
    flow: Flow,
    /// Something was put in that has not been sent.
    has_more: bool,
    _claim: ConnectionClaim,
}

impl Worker {
    /// One without rooms. Should it panic, it says so.
    pub(crate) fn new(
        config: &Config,
        clock: Clock,
        totals: Arc<Totals>,
        counters: Arc<Counters>,
        failing: watch::Sender<bool>,
    ) -> Self {
        Self {
            hub: Hub::new(config.limits, &mut rng::system()),
            connections: HashMap::default(),
            to_settle: Vec::new(),
            unsent: 0,
            totals,
            counters,
            kept_bytes: 0,
            clock,
            failing,
            config: config.clone(),
            cluster: None,
        }
    }

    /// Lets others go on with its rooms. With the task that must run for that.
    pub(crate) fn join(
        &mut self,
        cluster: &Cluster,
        sessions: Arc<Sessions>,
    ) -> impl Future<Output = ()> + Send + use<> {
        let (clustered, task) = Clustered::new(cluster, self.clock.clone(), sessions);
        self.hub = Clustered::hub(cluster, &self.config);
        self.cluster = Some(Box::new(clustered));
        task
    }

    /// Runs until it is told to end, or nobody is left who could.
    pub(crate) async fn run(mut self, mut requests: mpsc::Receiver<Box<Request>>) {
        let clock = self.clock.clone();
        let mut batch = Vec::with_capacity(BATCH);
        let mut alarm_at = None;
        let mut alarm = pin!(clock.sleep_until(alarm_at));
        loop {
            // One that goes off too early does no harm, and costs less than to set it anew for every frame.
            let due = self.hub.poll_timeout();
            if due.is_some_and(|due| alarm_at.is_none_or(|alarm_at| due < alarm_at)) {
                alarm_at = due;
                alarm.set(clock.sleep_until(alarm_at));
            }
            tokio::select! {
                biased;
                () = &mut alarm => {
                    alarm_at = None;
                    alarm.set(clock.sleep_until(alarm_at));
                    stack::set_used();
                    self.hub.handle_timeout(clock.now());
                    self.carry_out();
                    self.settle();
                }
                event = next_event(&mut self.cluster) => {
                    if self.handle_event(event).is_break() {
                        return;
                    }
                    // What has come together goes on together: it is fewer steps for everybody.
                    for _ in 1..BATCH {
                        if self.unsent > SETTLE_AFTER {
                            break;
                        }
                        let more = self.cluster.as_mut().and_then(|all| all.event_there_is());
                        let Some(event) = more else { break };
                        if self.handle_event(Some(event)).is_break() {
                            return;
                        }
                    }
                    self.settle();
                }
                count = requests.recv_many(&mut batch, BATCH), if self.keeps_pace() => {
                    for request in batch.drain(..) {
                        if self.handle(*request).is_break() {
                            return;
                        }
                    }
                    if count == 0 {
                        return;
                    }
                    // Whoever has something to say says it before anybody hears: so it goes out in fewer writes.
                    if requests.is_empty() || self.unsent > SETTLE_AFTER {
                        self.settle();
                    }
                }
            }
        }
    }

    /// Whether there is time for requests.
    fn keeps_pace(&self) -> bool {
        self.cluster.as_ref().is_none_or(|all| all.keeps_pace())
    }

    /// What a connection is called here.
    fn named(&self, connection: ConnectionId) -> ConnectionId {
        match &self.cluster {
            Some(clustered) => clustered.global(connection),
            None => connection,
        }
    }

    /// Lets the hub take one step. A reply nobody waits for any more is dropped.
    fn handle(&mut self, request: Request) -> ControlFlow<()> {
        let now = self.clock.now();
        if !matches!(request, Request::Frame { .. }) {
            stack::set_used();
        }
        match request {
            Request::Create {
                peer,
                request,
                reply,
            } => {
                self.create(now, peer, &request, reply);
            }
            Request::Info {
                room,
                ticket,
                reply,
            } => {
                if self.cluster.is_some() {
                    let tell = move |answer| {
                        if let Answer::Info(info) = answer {
                            let _ = reply.send(info);
                        }
                    };
                    self.ask_clustered(room, Asked::Info { ticket }, Reply(Box::new(tell)));
                } else {
                    let _ = reply.send(self.hub.handle_info(now, room, &ticket));
                }
            }
            Request::Burn {
                room,
                creator_token,
                reply,
            } => {
                if self.cluster.is_some() {
                    let asked = Asked::Burn { creator_token };
                    self.ask_clustered(room, asked, done(reply));
                    return ControlFlow::Continue(());
                }
                let burned = self.hub.handle_burn(now, room, &creator_token);
                // Who is told that the room has burned is told after those in it.
                self.carry_out();
                let _ = reply.send(burned);
            }
            Request::TakeDown { room, reply } => {
                if self.cluster.is_some() {
                    let tell = move |answer| {
                        if let Answer::TakenDown(there) = answer {
                            let _ = reply.send(there);
                        }
                    };
                    self.ask_clustered(room, Asked::TakeDown, Reply(Box::new(tell)));
                    return ControlFlow::Continue(());
                }
                let there = self.hub.handle_take_down(now, room);
                self.carry_out();
                let _ = reply.send(there);
            }
            Request::Leave {
                room,
                seat_token,
                reply,
            } => {
                if self.cluster.is_some() {
                    let asked = Asked::Leave { seat_token };
                    self.ask_clustered(room, asked, done(reply));
                    return ControlFlow::Continue(());
                }
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
                flow,
            } => {
                let connection = self.named(connection);
                self.connect(now, connection, peer, room, outbox, flow);
            }
            Request::Frame { connection, frame } => {
                let connection = self.named(connection);
                self.handle_frame(connection, &frame);
            }
            Request::AskSession { room, what, reply } => {
                // Without others there is nobody to ask.
                if self.cluster.is_some() {
                    let tell = move |answer| drop(reply.send(answer));
                    self.ask_holder(room, what, Reply(Box::new(tell)));
                }
            }
            Request::Disconnect { connection, end } => {
                let connection = self.named(connection);
                // Not if it was the hub that closed it.
                if self.connections.remove(&connection).is_some() {
                    self.disconnect(now, connection, end);
                }
            }
            Request::Stats { reply } => {
                let _ = reply.send((self.hub.stats(), self.waiting()));
            }
            Request::Shutdown { reply } if self.cluster.is_some() => {
                return self.leave_cluster(reply);
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

    /// A frame of a connection of this relay.
    fn handle_frame(&mut self, connection: ConnectionId, frame: &Bytes) {
        self.counters.received(frame.len());
        if self.frame_clustered(connection, frame) {
            return;
        }
        let now = self.clock.now();
        self.hub
            .handle_frame(now, connection, frame, &mut rng::system());
        self.carry_out();
        match self.cluster {
            Some(_) => self.answered_clustered(connection, frame.len()),
            None => self.answered(connection),
        }
    }

    fn create(
        &mut self,
        now: Timestamp,
        peer: PeerKey,
        request: &CreateRoom,
        reply: oneshot::Sender<Result<RoomCreated, Refusal>>,
    ) {
        if self.cluster.as_ref().is_some_and(|all| !all.is_open()) {
            return;
        }
        if let Err(code) = self.totals.claim_room(peer) {
            let _ = reply.send(Err(code.into()));
            return;
        }
        let created = self
            .hub
            .handle_create(now, peer, request, &mut rng::system());
        match created {
            Ok(created) if self.cluster.is_some() => {
                let counters = Arc::clone(&self.counters);
                let tell = move |kept| {
                    if kept {
                        counters.rooms_created.add(1);
                    }
                    let created = if kept {
                        Ok(created)
                    } else {
                        Err(Code::RoomExists.into())
                    };
                    let _ = reply.send(created);
                };
                self.own_new(room_id_of_seed(&request.id_seed), Box::new(tell));
            }
            Ok(created) => {
                self.counters.rooms_created.add(1);
                let _ = reply.send(Ok(created));
            }
            Err(refusal) => {
                self.totals.release_room(peer);
                let _ = reply.send(Err(refusal));
            }
        }
    }

    fn disconnect(&mut self, now: Timestamp, connection: ConnectionId, end: Disconnect) {
        match self.cluster {
            Some(_) => self.gone_clustered(connection, end),
            None => self.hub.handle_disconnect(now, connection, end),
        }
    }

    /// A frame of this connection has been answered.
    fn answered(&mut self, connection: ConnectionId) {
        if let Some(link) = self.connections.get_mut(&connection)
            && link.outbox.answered()
        {
            // Somebody has shown a ticket, a token or a PIN.
            stack::set_used();
        }
    }

    fn close(&mut self, connection: ConnectionId, code: CloseCode) {
        stack::set_used();
        if let Some(link) = self.connections.remove(&connection) {
            link.outbox.close(code);
            self.counters.closed(code);
        }
    }

    fn connect(
        &mut self,
        now: Timestamp,
        connection: ConnectionId,
        peer: PeerKey,
        room: RoomId,
        mut outbox: Outbox,
        flow: Flow,
    ) {
        self.counters.connections_opened.add(1);
        if self.cluster.as_ref().is_some_and(|all| !all.is_open()) {
            // Here or at another relay, a little later.
            outbox.close(CloseCode::TryAgainLater);
            return;
        }
        match self.totals.claim_connection(peer) {
            Ok(claim) => {
                let link = Link {
                    outbox,
                    flow,
                    has_more: false,
                    _claim: claim,
                };
                self.connections.insert(connection, link);
                match self.cluster {
                    Some(_) => self.connect_clustered(now, connection, peer, room),
                    None => self.hub.handle_connect(now, connection, peer, room),
                }
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
            let output = match self.cluster {
                Some(_) => match self.hold(output) {
                    Some(output) => output,
                    None => continue,
                },
                None => output,
            };
            match output {
                Output::Send { to, frame } => self.send(&to, frame.into()),
                Output::Close { connection, code } => self.close(connection, code),
                Output::Burned {
                    owner,
                    reason,
                    late_millis,
                } => {
                    stack::set_used();
                    self.totals.release_room(owner);
                    self.counters
                        .burned(reason, Duration::from_millis(late_millis));
                }
            }
        }
    }

    /// One frame for everyone it goes to: they share its bytes, and the last of them wipes it.
    fn send(&mut self, to: &[ConnectionId], frame: Frame) {
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
                self.to_settle.push(*connection);
            }
        }
        self.unsent += frame.payload().len();
        self.counters.sent(put, frame.payload().len());
    }

    /// Ends a batch of steps: what was put into outboxes goes out, of each in one write, and what is kept is counted.
    fn settle(&mut self) {
        self.end_turn();
        self.unsent = 0;
        for connection in self.to_settle.drain(..) {
            if let Some(link) = self.connections.get_mut(&connection) {
                link.has_more = false;
                link.outbox.send();
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
        self.disconnect(self.clock.now(), connection, Disconnect::Broken);
    }
}

/// Who waits to hear that something was done.
fn done(reply: oneshot::Sender<Result<(), Refusal>>) -> Reply {
    Reply(Box::new(move |answer| {
        if let Answer::Done(done) = answer {
            let _ = reply.send(done);
        }
    }))
}

/// The next that happens to a membership, if there is one. Cancel safe.
async fn next_event(clustered: &mut Option<Box<Clustered>>) -> Option<crate::cluster::Event> {
    match clustered {
        Some(clustered) => clustered.next_event().await,
        None => std::future::pending().await,
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
