//! What a relay may set differently.

use std::time::Duration;

use burnchat_core::relay::Limits;
use ipnet::IpNet;

use crate::{ForwardedHeader, Origin};

/// How a relay is run. The defaults are the spec's, where it says anything.
///
/// ```
/// let mut config = burnchat_relay::Config::default();
/// config.limits.rooms = 10_000;
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The limits of the rooms (spec section 16).
    pub limits: Limits,
    // How the work is divided, and what memory it may take.
    /// Workers, each with some of the rooms, and a thread of its own; at least one. By default one for every two
    /// processors.
    pub workers: usize,
    /// Bytes of memory that all rooms and what is kept in them may take together. New rooms are refused
    /// (`too_many_rooms`) from three quarters of it; when all of it is used up, rooms forget old entries for new ones.
    pub kept_bytes: usize,
    // What waits.
    /// Frames from all connections of one worker that wait to be looked at; beyond it connections are not read.
    pub inbound_frames: usize,
    /// Bytes that wait for a slow reader, besides the replay that a `join` or `resume` is answered with; beyond them it
    /// is closed with 1013.
    pub backlog_bytes: usize,
    /// The same, in frames.
    pub backlog_frames: usize,
    /// How often a connection is asked for a sign of life.
    pub ping_every: Duration,
    /// How long it may take to give one; then it is broken.
    pub pong_within: Duration,
    /// How long a connection may take for its last bytes and its closing handshake.
    pub close_within: Duration,
    /// How long [`Relay::shutdown`](crate::Relay::shutdown) waits for those who are told.
    pub shutdown_within: Duration,

    // Who asks, and through whom (spec sections 11.4 and 13.4).
    /// Networks of proxies that are believed when they say whom they forward for. None by default: then no header is
    /// read, and who connects is who asks.
    pub trusted_proxies: Vec<IpNet>,
    /// The header in which they say so.
    pub forwarded_header: ForwardedHeader,
    /// What stands in front of the paths that reach the relay, where a proxy takes it off: `/chat`, say. Cookies are kept
    /// for paths as browsers see them. A router the relay is nested in need not be named.
    pub path_prefix: String,
    /// Origins of web pages, besides the relay's own, that may speak to it.
    pub allowed_origins: Vec<Origin>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            // One is enough for many thousands of people, and two that are woken in turn for few messages cost more than
            // one. The other half has the kernel's share of each message to do, requests, and handshakes.
            workers: std::thread::available_parallelism().map_or(1, |all| all.get().div_ceil(2)),
            kept_bytes: 1 << 30,
            inbound_frames: 1_024,
            backlog_bytes: 4 << 20,
            backlog_frames: 4_096,
            ping_every: Duration::from_secs(20),
            pong_within: Duration::from_secs(10),
            close_within: Duration::from_secs(5),
            shutdown_within: Duration::from_secs(10),
            trusted_proxies: Vec::new(),
            forwarded_header: ForwardedHeader::default(),
            path_prefix: String::new(),
            allowed_origins: Vec::new(),
        }
    }
}
