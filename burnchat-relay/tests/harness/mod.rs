//! Relays in this process or beside it, and clients that speak to them over real sockets.

#![allow(dead_code, reason = "each test file uses its own part")]

pub(crate) mod http;
pub(crate) mod life;
pub(crate) mod many;
pub(crate) mod markers;
#[cfg(target_os = "linux")]
pub(crate) mod memory;
#[cfg(feature = "cli")]
pub(crate) mod nginx;
pub(crate) mod participant;
#[cfg(feature = "cli")]
pub(crate) mod pebble;
#[cfg(unix)]
pub(crate) mod program;
pub(crate) mod session;
#[cfg(feature = "cli")]
pub(crate) mod tls;
pub(crate) mod wire;

use std::net::SocketAddr;
use std::time::Duration;

use burnchat_core::client::{RoomSettings, plan_room};
use burnchat_core::ids::{RoomId, TicketHash};
use burnchat_core::link::Link;
use burnchat_core::time::Timestamp;
use burnchat_core::wire::http::RoomCreated;
use burnchat_relay::{Config, Relay};
use rand_core::{CryptoRng, UnwrapErr};
use tokio::net::{TcpListener, TcpSocket};

/// A relay in this process.
pub(crate) struct TestRelay {
    pub(crate) relay: Relay,
    pub(crate) address: SocketAddr,
}

impl TestRelay {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// With other limits or other patience.
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::listening(change, None, "").await
    }

    /// In an application that has it at this path, too.
    pub(crate) async fn mounted(path: &str, change: impl FnOnce(&mut Config)) -> Self {
        Self::listening(change, None, path).await
    }

    /// That soon takes for broken who does not answer.
    pub(crate) async fn that_pings_often() -> Self {
        Self::with(|config| {
            config.ping_every = Duration::from_millis(300);
            config.pong_within = Duration::from_millis(300);
        })
        .await
    }

    /// With kernel buffers of about this size, so that a reader who stops reading is noticed soon.
    pub(crate) async fn with_small_buffers(bytes: u32, change: impl FnOnce(&mut Config)) -> Self {
        Self::listening(change, Some(bytes), "").await
    }

    async fn listening(change: impl FnOnce(&mut Config), buffer: Option<u32>, mount: &str) -> Self {
        let mut config = Config::default();
        change(&mut config);
        let relay = Relay::start(config);
        let listener = listen(buffer);
        let address = listener.local_addr().unwrap();
        let mut router = relay.router();
        if !mount.is_empty() {
            router = router.nest(mount, relay.router());
        }
        let service = router
            .fallback(burnchat_relay::unknown_path)
            .into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        Self { relay, address }
    }
}

fn listen(buffer: Option<u32>) -> TcpListener {
    let socket = TcpSocket::new_v4().unwrap();
    if let Some(bytes) = buffer {
        socket.set_send_buffer_size(bytes).unwrap();
    }
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    socket.listen(128).unwrap()
}

/// A room that has just been made.
pub(crate) struct Room {
    pub(crate) relay: SocketAddr,
    pub(crate) link: Link,
    pub(crate) created: RoomCreated,
    /// Request and answer.
    pub(crate) seen: [String; 2],
}

impl Room {
    pub(crate) async fn create(relay: SocketAddr) -> Self {
        Self::create_with(relay, RoomSettings::default()).await
    }

    pub(crate) async fn create_with(relay: SocketAddr, settings: RoomSettings) -> Self {
        let (request, link) = plan(relay, settings);
        let answer = http::post(relay, "/api/rooms", request.as_bytes()).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        Self {
            relay,
            link,
            created: RoomCreated::parse(answer.body.as_bytes()).unwrap(),
            seen: [request, answer.body],
        }
    }

    /// A copy of the link.
    pub(crate) fn link(&self) -> Link {
        Link::parse(&self.link.to_url()).unwrap()
    }

    /// The ticket as text.
    pub(crate) fn ticket(&self) -> String {
        // 16 bytes are written in one way, whatever they are.
        RoomId(*self.link.ticket().as_secret().as_bytes()).to_base64()
    }

    /// The creator token as text.
    pub(crate) fn creator_token(&self) -> String {
        TicketHash(*self.created.creator_token.as_bytes()).to_base64()
    }

    pub(crate) fn path(&self) -> String {
        format!("/api/rooms/{}", self.link.room_id().to_base64())
    }
}

/// The body of a request for a room, and the room's link.
pub(crate) fn plan(relay: SocketAddr, settings: RoomSettings) -> (String, Link) {
    let base = format!("http://{relay}");
    let (request, link) = plan_room(&base, settings, now(), &mut rng()).unwrap();
    (request.encode().as_str().to_owned(), link)
}

/// What should happen soon and not by chance.
pub(crate) async fn in_time<T>(happens: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), happens)
        .await
        .expect("it should have happened by now")
}

/// Whether a program that a test needs is there. `./test.sh` installs them all, and then a test that lacks one fails.
pub(crate) fn installed(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let there = std::env::split_paths(&folders).any(|folder| folder.join(program).exists());
    is_installed(program, there)
}

/// The same of one that is where people's `PATH` does not look.
pub(crate) fn installed_at(program: &str) -> bool {
    is_installed(program, std::path::Path::new(program).exists())
}

fn is_installed(program: &str, there: bool) -> bool {
    let all_of_them = std::env::var_os("BURNCHAT_TEST_EVERYTHING").is_some();
    assert!(there || !all_of_them, "{program} is not installed");
    if !there {
        eprintln!("skipped: {program} is not installed");
    }
    there
}

/// The client's clock.
#[expect(
    clippy::disallowed_methods,
    reason = "the clients of a test are not part of the relay"
)]
pub(crate) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp(0) + since.unwrap()
}

/// The client's randomness.
pub(crate) fn rng() -> impl CryptoRng + Send {
    #[expect(
        clippy::disallowed_types,
        reason = "the clients of a test are not part of the relay"
    )]
    use getrandom::SysRng;
    UnwrapErr(SysRng)
}
