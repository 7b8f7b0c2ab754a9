//! Sessions over plain HTTP (spec section 13.5): what a WebSocket is in one piece, in several requests.
//!
//! For the hub a session is a connection like any other. Its frames come in one by one, each in a request that shows the
//! seat token; what goes out goes into an event stream, or waits for one for a while.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use burnchat_core::crypto::{Secret, hmac_sha256};
use burnchat_core::ids::RoomId;
use burnchat_core::relay::{ConnectionId, Disconnect, PeerKey};
use futures_util::FutureExt;
use tokio::sync::{oneshot, watch};
use tokio::time::sleep;

use crate::cluster::Waited;
use crate::flow::Flow;
use crate::outbox::{self, Capacity, Cut, Outgoings};
use crate::relay::Shared;
use crate::rng;
use crate::shard::{Gone, Shard};
use crate::websocket::frame::Frame;

/// The sessions that have an event stream, or wait for their first.
pub(crate) struct Sessions {
    /// Tokens are kept as hashes under this key, which is drawn with the relay and dies with it.
    key: Secret<32>,
    /// Locked for a lookup at a time, and never while anybody waits.
    seats: Mutex<HashMap<TokenHash, Seat>>,
}

/// What is kept of a seat token. It is a keyed hash: a lookup by it says nothing of the token in its time.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TokenHash([u8; 32]);

struct Seat {
    sender: FrameSender,
    /// Where the first event stream finds what waits for it.
    waiting: Option<oneshot::Sender<oneshot::Sender<Line>>>,
}

/// The way in: what requests of a session hand to the room.
#[derive(Clone)]
pub(crate) struct FrameSender {
    connection: ConnectionId,
    shard: Shard,
    flow: Flow,
    life: Life,
}

/// The signs of life of a client, counted.
#[derive(Clone, Default)]
pub(crate) struct Life(Arc<AtomicUsize>);

/// The way out: what the hub has to say on one connection. Dropped, it is a connection that broke.
pub(crate) struct Line {
    pub(crate) outgoings: Outgoings,
    pub(crate) cut: WhenCut,
    /// The last entry of the log that came before.
    pub(crate) seen: u64,
    /// Its session was begun at another relay, and its client knows nothing of a resume.
    pub(crate) is_first: bool,
    hold: Hold,
}

/// Whether what waits is not to be sent any more.
pub(crate) struct WhenCut(Option<oneshot::Receiver<Cut>>);

struct Hold {
    relay: Arc<Shared>,
    sender: FrameSender,
    session: Option<TokenHash>,
    /// A relay that ends waits for it.
    _alive: watch::Receiver<()>,
}

impl Sessions {
    pub(crate) fn new() -> Self {
        Self {
            key: Secret::random(&mut rng::system()),
            seats: Mutex::default(),
        }
    }

    pub(crate) fn token_hash(&self, room: RoomId, token: &Secret<32>) -> TokenHash {
        TokenHash(hmac_sha256(
            self.key.as_bytes(),
            &[room.as_bytes(), token.as_bytes()],
        ))
    }

    /// Where frames of the session with this token go, if it has or awaits an event stream.
    pub(crate) fn sender(&self, token: TokenHash) -> Option<FrameSender> {
        self.seats().get(&token).map(|seat| seat.sender.clone())
    }

    /// What waits for the first event stream of this session: once.
    pub(crate) async fn claim(&self, token: TokenHash) -> Option<Line> {
        let waiting = self.seats().get_mut(&token)?.waiting.take()?;
        let (to, line) = oneshot::channel();
        waiting.send(to).ok()?;
        line.await.ok()
    }

    fn put(&self, token: TokenHash, seat: Seat) {
        self.seats().insert(token, seat);
    }

    /// Forgets a session, unless another connection has taken it up.
    fn forget(&self, token: TokenHash, connection: ConnectionId) {
        let mut seats = self.seats();
        if seats
            .get(&token)
            .is_some_and(|seat| seat.sender.connection == connection)
        {
            seats.remove(&token);
        }
    }

    /// Nothing in there is left half done by a panic.
    fn seats(&self) -> MutexGuard<'_, HashMap<TokenHash, Seat>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FrameSender {
    /// Hands a frame to the room.
    pub(crate) async fn frame(&self, frame: Bytes) -> Result<(), Gone> {
        self.flow.begin(frame.len()).await;
        self.shard.frame(self.connection, frame).await
    }

    pub(crate) fn life(&self) -> &Life {
        &self.life
    }

    pub(crate) fn connection(&self) -> ConnectionId {
        self.connection
    }
}

impl Life {
    pub(crate) fn sign(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns when none has come for this long, and no later than when none has come for twice as long.
    pub(crate) async fn stopped(&self, patience: Duration) {
        loop {
            let seen = self.0.load(Ordering::Relaxed);
            sleep(patience).await;
            if self.0.load(Ordering::Relaxed) == seen {
                return;
            }
        }
    }
}

impl Line {
    /// Opens a connection to a room, whether or not there is one.
    pub(crate) async fn open(
        relay: &Arc<Shared>,
        room: RoomId,
        peer: PeerKey,
    ) -> Result<Self, Gone> {
        let (outbox, outgoings, cut) = outbox::channel(Capacity::of(&relay.config));
        let shard = relay.shard_of(room).clone();
        let sender = FrameSender {
            connection: relay.next_connection(),
            flow: shard.flow(),
            shard,
            life: Life::default(),
        };
        let line = Self {
            outgoings,
            cut: WhenCut(Some(cut)),
            seen: 0,
            is_first: false,
            hold: Hold {
                relay: Arc::clone(relay),
                sender: sender.clone(),
                session: None,
                _alive: relay.alive(),
            },
        };
        let room = Secret::copy_of(room.as_bytes());
        let connected =
            sender
                .shard
                .connect(sender.connection, peer, &room, outbox, sender.flow.clone());
        connected.await?;
        Ok(line)
    }

    /// The hub's answer to the frame that takes a seat.
    pub(crate) async fn ask(&mut self, frame: Bytes) -> Result<Bytes, Gone> {
        self.hold.sender.frame(frame).await?;
        let answer = self.outgoings.next().await;
        answer.map(Frame::into_payload).ok_or(Gone)
    }

    /// Takes frames of this session from now on; its client has seen the log up to `seen`.
    pub(crate) fn become_session(&mut self, token: TokenHash, seen: u64) {
        self.register(token, seen, None);
    }

    /// The same, and waits for an event stream. Who does not come for it in time is away.
    pub(crate) fn await_stream(mut self, token: TokenHash, seen: u64, patience: Duration) {
        let (waiting, claimed) = oneshot::channel::<oneshot::Sender<Self>>();
        self.register(token, seen, Some(waiting));
        tokio::spawn(async move {
            tokio::select! {
                claim = claimed => if let Ok(to) = claim {
                    let _ = to.send(self);
                },
                _ = self.cut.cut() => {}
                () = sleep(patience) => {}
            }
        });
    }

    /// Ends the connection, and gives what waits for its event stream: another connection goes on after that.
    pub(crate) fn into_waited(mut self) -> Waited {
        let mut frames = Vec::new();
        while let Some(Some(frame)) = self.outgoings.next().now_or_never() {
            frames.push(frame.into_payload());
        }
        Waited {
            seen: self.seen,
            frames,
        }
    }

    pub(crate) fn life(&self) -> &Life {
        self.hold.sender.life()
    }

    fn register(
        &mut self,
        token: TokenHash,
        seen: u64,
        waiting: Option<oneshot::Sender<oneshot::Sender<Self>>>,
    ) {
        self.seen = seen;
        self.hold.session = Some(token);
        let seat = Seat {
            sender: self.hold.sender.clone(),
            waiting,
        };
        self.hold.relay.sessions.put(token, seat);
    }
}

impl WhenCut {
    /// Returns when it is. Cancel safe.
    pub(crate) async fn cut(&mut self) -> Cut {
        if let Some(when) = &mut self.0 {
            let cut = when.await;
            self.0 = None;
            if let Ok(cut) = cut {
                return cut;
            }
        }
        std::future::pending().await
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // What it holds says the rest.
        self.outgoings.leave();
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let FrameSender {
            connection, shard, ..
        } = self.sender.clone();
        if let Some(token) = self.session {
            self.relay.sessions.forget(token, connection);
        }
        // There, and not where this is dropped: what serves HTTP may end before the worker does.
        shard.clone().spawn(async move {
            // Without a worker there is nobody to tell.
            let _ = shard.disconnect(connection, Disconnect::Broken).await;
        });
    }
}
