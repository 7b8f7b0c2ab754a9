//! Accepts connections and speaks HTTP on them.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use burnchat_relay::OverTls;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tower_service::Service;
use tracing::warn;

use crate::tls::Tls;

/// How long a client may take for the head of a request, and for the next one on the same connection.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// How long to wait where the system has no connection to give away.
const AFTER_FAILURE: Duration = Duration::from_millis(200);

/// Serves `router` until it is dropped; connections that are open then go on.
pub(crate) async fn serve(listener: TcpListener, tls: Option<Tls>, router: Router) {
    loop {
        let turn = match &tls {
            Some(tls) => tls.turn().await,
            None => None,
        };
        match listener.accept().await {
            Ok((stream, address)) => {
                // Frames are small and each one is waited for.
                let _ = stream.set_nodelay(true);
                let (tls, router) = (tls.clone(), router.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve_one(stream, address, None, router).await,
                        Some(tls) => {
                            if let Some(stream) = tls.accept(stream, turn).await {
                                serve_one(stream, address, Some(OverTls), router).await;
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

async fn serve_one<S>(stream: S, address: SocketAddr, tls: Option<OverTls>, router: Router)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(address));
        if let Some(tls) = tls {
            request.extensions_mut().insert(tls);
        }
        let mut router = router.clone();
        async move { Ok::<_, Infallible>(router.call(request).await.unwrap_or_default()) }
    });
    // What goes wrong here goes wrong for this client only, and there is no telling whom.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}
