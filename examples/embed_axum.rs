//! A web application with pages of its own and two relays in it, below paths of its own.
//!
//! `cargo run -p burnchat-examples --example embed_axum`

use std::future::Future;
use std::io;
use std::net::SocketAddr;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use burnchat_relay::{Config, Relay};
use tokio::net::TcpListener;

#[expect(clippy::print_stdout, reason = "an example shows where it is")]
#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:8471").await?;
    println!("http://{}/", listener.local_addr()?);
    let stopped = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    run(listener, Relays::start(), stopped).await
}

/// The application's state: relays are handles, and no two of them know of each other.
#[derive(Clone)]
pub struct Relays {
    /// For everybody, with the limits the spec has.
    pub everybody: Relay,
    /// For who works here: few rooms, and no end of patience with them.
    pub staff: Relay,
}

impl Relays {
    /// Two relays without rooms.
    pub fn start() -> Self {
        let mut few = Config::default();
        few.limits.rooms = 100;
        Self {
            everybody: Relay::start(Config::default()),
            staff: Relay::start(few),
        }
    }
}

/// Serves the application until it is told to stop. Then every room burns, and everybody is told.
pub async fn run(
    listener: TcpListener,
    relays: Relays,
    stopped: impl Future<Output = ()>,
) -> io::Result<()> {
    // Limits for each peer go by its address.
    let app = app(&relays).into_make_service_with_connect_info::<SocketAddr>();
    tokio::select! {
        ended = axum::serve(listener, app) => ended,
        // Nothing is left of the rooms of a worker that has panicked: better to end, and be started anew.
        () = relays.everybody.failed() => Err(io::Error::other("a relay has failed")),
        () = relays.staff.failed() => Err(io::Error::other("a relay has failed")),
        () = stopped => {
            tokio::join!(relays.everybody.shutdown(), relays.staff.shutdown());
            Ok(())
        }
    }
}

fn app(relays: &Relays) -> Router {
    Router::new()
        .route("/", get(front_page))
        .with_state(relays.clone())
        // A link of the first is http://127.0.0.1:8471/chat/r/…#…
        .nest("/chat", relays.everybody.router())
        .nest("/staff/chat", relays.staff.router())
}

async fn front_page(State(relays): State<Relays>) -> String {
    let (everybody, staff) = tokio::join!(relays.everybody.stats(), relays.staff.stats());
    format!("rooms: {} and {}\n", everybody.rooms, staff.rooms)
}
