//! The handle of a running relay, and what its parts share.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use burnchat_core::crypto::Secret;
use burnchat_core::ids::RoomId;
use burnchat_core::relay::{ConnectionId, PeerKey, Stats};
use hyper::upgrade::OnUpgrade;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{info, warn};

use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::connection::Connection;
use crate::metrics::Metrics;
use crate::peer::PeerKeys;
use crate::sessions::Sessions;
use crate::shard::{Gone, Shard};
use crate::socket::Socket;
use crate::totals::Totals;
use crate::{Config, http};

/// A running relay. Clones are handles of the same one; dropping them all stops nothing, [`shutdown`](Self::shutdown)
/// does.
#[derive(Clone)]
pub struct Relay(Arc<Shared>);

/// What requests, connections and the handle share.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) peers: PeerKeys,
    pub(crate) sessions: Arc<Sessions>,
    /// Whether there are other relays with the same rooms.
    pub(crate) is_one_of_several: bool,
    clock: Clock,
    /// Each has some of the rooms.
    shards: Box<[Shard]>,
    /// Decides which; under a key of its own, so that nobody can choose a room's worker.
    by_room: RandomState,
    /// Becomes true when a worker panics.
    failed: watch::Receiver<bool>,
    next_connection: AtomicU64,
    /// Each connection's task holds a receiver.
    connections: watch::Sender<()>,
}

impl Relay {
    /// Starts a relay without rooms, and a thread for each worker.
    ///
    /// # Panics
    /// If there is no randomness to be had from the operating system, or no thread, and no current runtime of tokio's to
    /// do without.
    #[must_use]
    pub fn start(config: Config) -> Self {
        Self::start_with(config, None)
    }

    /// Starts a relay whose rooms are shared with others: connections may be made to any of them, and when one ends,
    /// however it does, the others go on with its rooms.
    ///
    /// # Panics
    /// As [`start`](Self::start) does.
    #[must_use]
    pub fn start_in(cluster: &Cluster, config: Config) -> Self {
        Self::start_with(config, Some(cluster))
    }

    fn start_with(config: Config, cluster: Option<&Cluster>) -> Self {
        let (failing, failed) = watch::channel(false);
        let (clock, peers) = match cluster {
            None => (Clock::system(), PeerKeys::random()),
            Some(cluster) => (
                Clock::system_ahead(cluster.ahead_millis()),
                PeerKeys::shared(cluster.key().of_peers()),
            ),
        };
        let totals = Totals::new(&config);
        let sessions = Arc::new(Sessions::new());
        let shards = (0..config.workers.max(1))
            .map(|_| {
                let (clock, totals) = (clock.clone(), Arc::clone(&totals));
                Shard::start(
                    &config,
                    clock,
                    totals,
                    failing.clone(),
                    cluster.map(|cluster| (cluster, &sessions)),
                )
            })
            .collect();
        Self(Arc::new(Shared {
            config,
            clock,
            peers,
            sessions,
            is_one_of_several: cluster.is_some(),
            shards,
            by_room: RandomState::new(),
            failed,
            next_connection: AtomicU64::new(0),
            connections: watch::Sender::new(()),
        }))
    }

    /// The relay's routes: `/api/rooms…`, what describes them at `/api/openapi.json`, and the page at `/r/{room}`.
    ///
    /// Serve them with [`into_make_service_with_connect_info::<SocketAddr>`][info]: limits for each peer go by its
    /// address. Where it is not known all are taken for one peer. Frames are small and somebody waits for each:
    /// turn `TCP_NODELAY` on, with axum's `ListenerExt::tap_io` for instance.
    ///
    /// [info]: axum::Router::into_make_service_with_connect_info
    pub fn router(&self) -> Router {
        self.api_router().merge(http::page_router())
    }

    /// The same without the page, for an application that has one of its own at `/r/{room}`. It should be the same for
    /// every room too, and do nothing by itself (spec section 17.4).
    pub fn api_router(&self) -> Router {
        http::api_router(&self.0)
    }

    /// Whether it can do what it is asked: one that shares its rooms can't while it does not reach what they are shared
    /// through, and then refuses requests with `relay_ending` and closes connections with 1013.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.shards.iter().all(Shard::is_ready)
    }

    /// Ends the relay. One that shares its rooms hands them to the others, and closes its connections with 1013: their
    /// clients go on elsewhere. Any other burns all rooms in order (spec section 12.3): everyone is told `destroyed` with the reason
    /// `shutdown`, and closed with 1000. Returns when they have been, or when
    /// [`Config::shutdown_within`] is over. From then on every request is answered 503.
    pub async fn shutdown(&self) {
        let relay = &*self.0;
        let told_all = timeout(relay.config.shutdown_within, async {
            // All at once, and each in order: a worker that has ended before has nobody left to tell.
            let mut burning = JoinSet::new();
            for shard in &relay.shards {
                let shard = shard.clone();
                burning.spawn(async move { shard.shut_down().await });
            }
            while burning.join_next().await.is_some() {}
            relay.connections.closed().await;
        });
        match told_all.await {
            Ok(()) => info!("no room is here any more, and everybody has been told"),
            Err(_) => warn!("no room is here any more; not everybody has confirmed it in time"),
        }
    }

    /// Burns a room whatever its participants want (spec section 12.3): they are told `destroyed` with the reason
    /// `burned`. Says whether there was such a room.
    pub async fn take_down(&self, room: RoomId) -> bool {
        self.0.shard_of(room).take_down(room).await.unwrap_or(false)
    }

    /// What the relay has counted: for those who watch over it. It asks every worker to look at each of its
    /// connections, so every few seconds is often enough.
    pub async fn metrics(&self) -> Metrics {
        let mut all = Metrics::default();
        for shard in &self.0.shards {
            shard.add_to(&mut all).await;
        }
        all
    }

    /// Returns if a worker has panicked, and never if the relay is shut down in order.
    ///
    /// The rooms of that worker are wiped and their connections closed; nothing is left of them to go on with. A program
    /// should end then, and let whatever started it start it anew.
    pub async fn failed(&self) {
        let mut failed = self.0.failed.clone();
        if failed.wait_for(|failed| *failed).await.is_err() {
            std::future::pending().await
        }
    }

    /// How much there is: counts only.
    pub async fn stats(&self) -> Stats {
        let mut sum = Stats::default();
        for shard in &self.0.shards {
            let stats = shard.stats().await.unwrap_or_default();
            sum.rooms += stats.rooms;
            sum.connections += stats.connections;
            sum.participants += stats.participants;
            sum.kept_bytes += stats.kept_bytes;
        }
        sum
    }
}

/// Starts a relay and gives its [routes](Relay::router), for who needs nothing else of it: it goes on until the process
/// ends.
///
/// # Panics
/// As [`Relay::start`] does.
pub fn router(config: Config) -> Router {
    Relay::start(config).router()
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").finish_non_exhaustive()
    }
}

impl Shared {
    /// The worker a room belongs to.
    pub(crate) fn shard_of(&self, room: RoomId) -> &Shard {
        let place = self.by_room.hash_one(room) as usize % self.shards.len().max(1);
        #[expect(clippy::indexing_slicing, reason = "there is at least one")]
        &self.shards[place]
    }

    /// A number that no connection has had.
    pub(crate) fn next_connection(&self) -> ConnectionId {
        ConnectionId(self.next_connection.fetch_add(1, Ordering::Relaxed))
    }

    /// What a connection holds as long as it may have something to be told: a relay that ends waits for it.
    pub(crate) fn alive(&self) -> watch::Receiver<()> {
        self.connections.subscribe()
    }

    /// Carries a connection as soon as its upgrade is done.
    ///
    /// # Errors
    /// If there is nobody to carry it to.
    pub(crate) fn carry(
        self: &Arc<Self>,
        room: RoomId,
        peer: PeerKey,
        upgrade: OnUpgrade,
    ) -> Result<(), Gone> {
        let shard = self.shard_of(room).clone();
        if shard.is_gone() {
            return Err(Gone);
        }
        let connection = Connection {
            id: self.next_connection(),
            peer,
            room: Secret::copy_of(room.as_bytes()),
            shard,
            clock: self.clock.clone(),
        };
        let alive = self.alive();
        let relay = Arc::clone(self);
        tokio::spawn(async move {
            // An upgrade that fails has a client that is gone.
            if let Ok(upgraded) = upgrade.await
                && let Ok(socket) = Socket::take(upgraded)
            {
                let shard = connection.shard.clone();
                shard.spawn(async move {
                    connection.run(socket, &relay.config).await;
                    drop(alive);
                });
            }
        });
        Ok(())
    }
}
