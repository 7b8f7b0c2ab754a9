//! Accepts connections and speaks HTTP on them.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderValue, StatusCode, header};
use burnchat_relay::{Config, OverTls, wipe_stack};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tower_service::Service;
use tracing::warn;

use crate::tls::Tls;

/// The longest head of a request, and what is taken from an answer before the client has read what came before: a client
/// that does not read costs this much, and one frame.
const BUFFER: usize = 32 << 10;
/// How long to wait where the system has no connection to give away.
const AFTER_FAILURE: Duration = Duration::from_millis(200);

/// How long clients may take.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    /// For the head of a request, and for the next one on the same connection. A connection that has been open for so
    /// long is closed with the next answer: what requests have shown lies in its buffer until then, because a later one
    /// is written over an earlier one, and a shorter one leaves the rest of it.
    head: Duration,
    /// For anything of what is sent to them. Who has a WebSocket is given up about then, too.
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "the kernel can't be asked")
    )]
    taking: Duration,
}

impl Patience {
    pub(crate) fn of(config: &Config) -> Self {
        Self {
            head: Duration::from_millis(config.limits.handshake_millis),
            taking: config.ping_every.saturating_add(config.pong_within),
        }
    }
}

/// The connections there are, and their end.
pub(crate) struct Open(watch::Sender<bool>);

impl Open {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    fn one_more(&self) -> watch::Receiver<bool> {
        self.0.subscribe()
    }

    /// Lets every connection finish the answer it is at, and no other, and returns when they have, or after so long. Those
    /// that have become WebSockets are the relay's.
    pub(crate) async fn end(&self, within: Duration) {
        self.0.send_replace(true);
        let _ = timeout(within, self.0.closed()).await;
    }
}

/// Serves `router` until it is dropped; connections that are open then go on until they are to end.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<Tls>,
    router: Router,
    patience: Patience,
    open: &Open,
) {
    loop {
        let turn = match &tls {
            Some(tls) => tls.turn().await,
            None => None,
        };
        // What is kept of a connection is padded with whatever the stack holds when it is accepted.
        let accepted = poll_fn(|cx| {
            wipe_stack();
            listener.poll_accept(cx)
        });
        match accepted.await {
            Ok((stream, address)) => {
                // Frames are small and each one is waited for.
                let _ = stream.set_nodelay(true);
                give_up_who_takes_nothing(&stream, patience);
                let (tls, router, end) = (tls.clone(), router.clone(), open.one_more());
                tokio::spawn(async move {
                    match tls {
                        None => serve_one(stream, address, None, router, patience, end).await,
                        Some(tls) => {
                            if let Some(stream) = tls.accept(stream, turn).await {
                                let over = Some(OverTls);
                                serve_one(stream, address, over, router, patience, end).await;
                            }
                        }
                    }
                });
            }
            // A client that was gone before it was its turn.
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                warn!("no connection can be accepted: {error}");
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
}

async fn serve_one<S>(
    stream: S,
    address: SocketAddr,
    tls: Option<OverTls>,
    router: Router,
    patience: Patience,
    mut end: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    #[expect(
        clippy::disallowed_methods,
        reason = "no room's time, and the one hyper counts by"
    )]
    let begun = Instant::now();
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(address));
        if let Some(tls) = tls {
            request.extensions_mut().insert(tls);
        }
        let mut router = router.clone();
        async move {
            let mut response = router.call(request).await.unwrap_or_default();
            if begun.elapsed() >= patience.head
                && response.status() != StatusCode::SWITCHING_PROTOCOLS
            {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(header::CONNECTION, close);
            }
            Ok::<_, Infallible>(response)
        }
    });
    // What goes wrong here goes wrong for this client only, and there is no telling whom.
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience.head)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = end.wait_for(|is_over| *is_over) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

/// A client that acknowledges what it is asked and never reads keeps its connection, and what waits for it, for ever: it
/// is the kernel that can tell.
#[cfg_attr(
    not(target_os = "linux"),
    expect(unused_variables, reason = "the kernel can't be asked")
)]
fn give_up_who_takes_nothing(stream: &TcpStream, patience: Patience) {
    #[cfg(target_os = "linux")]
    {
        let millis = u32::try_from(patience.taking.as_millis()).unwrap_or(u32::MAX);
        let _ = rustix::net::sockopt::set_tcp_user_timeout(stream, millis);
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}
