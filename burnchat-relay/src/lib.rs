//! The reference Burnchat relay, as a library to mount in an axum application.
//!
//! A relay numbers and forwards the frames of rooms it cannot read, counts down, and burns. All of its rules are in
//! [`burnchat_core::relay::Hub`]; this crate brings sockets, timers and randomness to it, and holds everything in
//! memory:
//!
//! ```no_run
//! use std::net::SocketAddr;
//!
//! use burnchat_relay::{Config, Relay};
//!
//! # async fn run() -> std::io::Result<()> {
//! let relay = Relay::start(Config::default());
//! let app = axum::Router::new().merge(relay.router());
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8470").await?;
//! let service = app.into_make_service_with_connect_info::<SocketAddr>();
//! tokio::select! {
//!     ended = axum::serve(listener, service) => ended?,
//!     () = relay.failed() => std::process::abort(),
//!     _ = tokio::signal::ctrl_c() => relay.shutdown().await,
//! }
//! # Ok(())
//! # }
//! ```
//!
//! There is no global state: several relays run side by side in one process.
//!
//! # Who does what
//!
//! A worker task owns a hub and with it some of the rooms; there are [`Config::workers`] of them, a room's id decides on
//! its worker, and there is no lock round a room. What a peer or the relay may have is counted over all workers. Each
//! connection has a task of its own that only moves bytes: into the worker's queue, which has an end (then the connection
//! waits), and out of its own queue, which has an end too (then the reader is too slow, is closed with 1013, and can
//! resume). So nobody ever waits for a slow reader. For the replay that a `join` or `resume` is answered with there is
//! room besides.
//!
//! Each worker has a thread with a runtime of its own, and its connections run there with it: an upgraded TCP connection
//! moves to the thread of its room, and a frame wakes nobody on another one. What a socket takes at once the worker writes
//! to it without its connection's task. What was upgraded from anything else than a [`TcpStream`], TLS for instance, runs
//! there too but is woken by the runtime that accepted it: that is slower, and otherwise the same.
//!
//! [`TcpStream`]: tokio::net::TcpStream
//!
//! # Panics
//!
//! A worker that panics takes its rooms with it: they are wiped as the panic unwinds, their connections close, requests
//! are answered 503, and [`Relay::failed`] returns. A room is never half there. The program `burnchat-relay` ends at
//! that moment, and an application should, too.

#[cfg(burnchat_sim)]
compile_error!(
    "burnchat_sim takes the cryptography out of the core: nobody may serve with such a build"
);

mod clock;
#[cfg_attr(
    not(feature = "cluster"),
    allow(dead_code, reason = "there is nothing to share rooms through")
)]
mod cluster;
mod config;
mod connection;
mod flow;
mod forwarded;
mod http;
mod metrics;
mod outbox;
mod peer;
mod pulse;
mod relay;
mod rng;
mod sessions;
mod shard;
mod socket;
mod stack;
mod thread;
mod totals;
mod websocket;
mod worker;

pub use burnchat_core::relay::{Limits, Rate, Stats};

/// Wipes the stack below the caller: where a thread is about to sleep, it then keeps nothing there of what it did before.
///
/// A worker does it by itself. The runtime on which a relay's requests are answered may see secrets in them, too: give
/// this to its [`on_thread_park`](tokio::runtime::Builder::on_thread_park), as the program `burnchat-relay` does.
pub use burnchat_core::crypto::wipe_stack;
pub use cluster::Cluster;
#[cfg(feature = "cluster")]
pub use cluster::{ClusterError, ClusterOptions};
pub use config::Config;
pub use forwarded::{ForwardedHeader, OverTls};
#[cfg(feature = "openapi")]
pub use http::ApiDescription;
pub use http::{InvalidOrigin, Origin, unknown_path};
pub use ipnet::IpNet;
pub use metrics::{Burns, Drops, Lateness, Metrics};
pub use relay::{Relay, router};
