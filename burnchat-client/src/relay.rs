//! Connections to a relay: TCP, TLS, one HTTP request, and the WebSocket (spec section 13).

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use burnchat_core::client::Refusal;
use burnchat_core::error::Code;
use burnchat_core::ids::RoomId;
use burnchat_core::limits;
use burnchat_core::wire::http::Problem;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, http};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::Error;

/// How long name resolution, TCP, TLS and the answer to the first request may take together.
const PATIENCE: Duration = Duration::from_secs(10);

/// The subprotocol of this version of the protocol (spec section 2).
const SUBPROTOCOL: HeaderValue = HeaderValue::from_static("burnchat.v1");

/// An open WebSocket.
pub(crate) type Socket = WebSocketStream<Box<dyn Stream>>;

/// TCP, with or without TLS on it.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Where a relay is, and how it is talked to.
pub(crate) struct Relay {
    host: String,
    port: u16,
    /// Host and port as the URL has them.
    authority: String,
    /// The part of the URL before `/api`.
    path: String,
    tls: Option<TlsConnector>,
}

impl Relay {
    /// The relay of this URL, as [`Link::base`](burnchat_core::link::Link::base) gives it.
    pub(crate) fn at(base: &str) -> Result<Self, Error> {
        let uri: Uri = base.parse().map_err(|_| Code::LinkNotALink)?;
        let authority = uri.authority().ok_or(Code::LinkNotALink)?;
        let host = authority.host();
        let secure = uri.scheme_str() == Some("https");
        let tls = if secure { Some(connector()?) } else { None };
        Ok(Self {
            // The resolver and the certificate know an IPv6 address without the URL's brackets.
            host: host.trim_matches(['[', ']']).to_owned(),
            port: authority
                .port_u16()
                .unwrap_or(if secure { 443 } else { 80 }),
            authority: authority.to_string(),
            path: uri.path().trim_end_matches('/').to_owned(),
            tls,
        })
    }

    /// Sends a JSON text and returns the status and the JSON text of the answer.
    pub(crate) async fn post(&self, path: &str, body: &[u8]) -> Result<(StatusCode, Bytes), Error> {
        in_time("no answer from the relay", self.post_patiently(path, body)).await
    }

    /// Opens the WebSocket of a room.
    pub(crate) async fn open(&self, room_id: RoomId) -> Result<Socket, Error> {
        in_time("no WebSocket from the relay", self.open_patiently(room_id)).await
    }

    async fn post_patiently(&self, path: &str, body: &[u8]) -> Result<(StatusCode, Bytes), Error> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}{path}", self.path))
            .header(HOST, &self.authority)
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json, application/problem+json")
            .body(Full::new(Bytes::copy_from_slice(body)))
            .map_err(|_| Code::LinkNotALink)?;
        let stream = TokioIo::new(self.connect().await?);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream)
            .await
            .map_err(broken)?;
        let exchange = async {
            let answer = sender.send_request(request).await.map_err(broken)?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), limits::CLIENT_FRAME_BYTES)
                .collect()
                .await
                .map_err(|error| Error::Unreachable(io::Error::other(error)))?;
            Ok((status, body.to_bytes()))
        };
        tokio::pin!(exchange);
        // The connection lives no longer than the exchange.
        tokio::select! {
            answer = &mut exchange => answer,
            ended = connection => match ended {
                Ok(()) => exchange.await,
                Err(error) => Err(broken(error)),
            },
        }
    }

    async fn open_patiently(&self, room_id: RoomId) -> Result<Socket, Error> {
        let scheme = if self.tls.is_some() { "wss" } else { "ws" };
        let url = format!(
            "{scheme}://{}{}/api/rooms/{}/ws",
            self.authority,
            self.path,
            room_id.to_base64()
        );
        let mut request = url.into_client_request().map_err(|_| Code::LinkNotALink)?;
        request
            .headers_mut()
            .insert(http::header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL);
        let config = WebSocketConfig::default()
            .max_message_size(Some(limits::RELAY_FRAME_BYTES))
            .max_frame_size(Some(limits::RELAY_FRAME_BYTES));
        let stream = self.connect().await?;
        match client_async_with_config(request, stream, Some(config)).await {
            Ok((socket, _)) => Ok(socket),
            Err(error) => Err(upgrade_failed(error)),
        }
    }

    async fn connect(&self) -> Result<Box<dyn Stream>, Error> {
        let tcp = TcpStream::connect((self.host.as_str(), self.port)).await?;
        // Frames are small, and somebody waits for each.
        tcp.set_nodelay(true)?;
        let Some(tls) = &self.tls else {
            return Ok(Box::new(tcp));
        };
        let name = ServerName::try_from(self.host.clone()).map_err(|_| Code::LinkNotALink)?;
        Ok(Box::new(tls.connect(name, tcp).await?))
    }
}

/// The refusal in the body of an answer that is not the one hoped for.
pub(crate) fn refusal(body: &[u8]) -> Error {
    let problem = Problem::parse(body).ok();
    let code = problem
        .as_ref()
        .and_then(|problem| Code::from_name(&problem.code));
    match code {
        Some(code) => Error::Refused(Refusal {
            code,
            retry_after_ms: problem.as_ref().and_then(|problem| problem.retry_after_ms),
            attempts_left: problem.and_then(|problem| problem.attempts_left),
        }),
        None => Error::Unreachable(io::Error::new(
            io::ErrorKind::InvalidData,
            "what answers there is not a Burnchat relay",
        )),
    }
}

async fn in_time<T>(what: &str, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    tokio::time::timeout(PATIENCE, work)
        .await
        .unwrap_or_else(|_| Err(Error::timed_out(what)))
}

fn connector() -> Result<TlsConnector, Error> {
    let roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Unreachable(io::Error::other(error)))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn broken(error: hyper::Error) -> Error {
    Error::Unreachable(io::Error::other(error))
}

fn upgrade_failed(error: tungstenite::Error) -> Error {
    match error {
        tungstenite::Error::Io(error) => Error::Unreachable(error),
        tungstenite::Error::Http(answer) => match answer.body() {
            Some(body) => refusal(body),
            None => refusal(b""),
        },
        error => Error::Unreachable(io::Error::other(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_its_relay_is() {
        let relay = |base| {
            let relay = Relay::at(base).unwrap();
            (relay.host, relay.port, relay.path, relay.tls.is_some())
        };
        let is = |host: &str, port, path: &str, tls| (host.to_owned(), port, path.to_owned(), tls);
        assert_eq!(
            relay("https://chat.example"),
            is("chat.example", 443, "", true)
        );
        assert_eq!(
            relay("http://chat.example"),
            is("chat.example", 80, "", false)
        );
        assert_eq!(
            relay("http://[::1]:8080/below/this"),
            is("::1", 8080, "/below/this", false)
        );
    }

    #[test]
    fn a_refusal_is_read_from_the_answer() {
        let refused = refusal(
            br#"{"type":"https://a.example/#b","title":"c","status":429,"code":"too_many_rooms","d":[]}"#,
        );
        assert_eq!(refused.code(), Some(Code::TooManyRooms));
        let page = refusal(b"<html>502 Bad Gateway</html>");
        assert!(matches!(page, Error::Unreachable(_)), "{page:?}");
    }
}
