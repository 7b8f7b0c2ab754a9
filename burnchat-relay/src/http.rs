//! Requests and answers (spec section 13.4).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{ConnectInfo, FromRequestParts, RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use burnchat_core::crypto::Secret;
use burnchat_core::error::Code;
use burnchat_core::ids::RoomId;
use burnchat_core::limits::CLIENT_FRAME_BYTES;
use burnchat_core::link::room_id_of_seed;
use burnchat_core::relay::{PeerKey, Refusal};
use burnchat_core::wire::EncodedFrame;
use burnchat_core::wire::http::{CreateRoom, Problem};
use hyper::upgrade::OnUpgrade;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as ValueError, StrDeserializer};
use tokio::time::timeout;
use tungstenite::handshake::server::create_response;

use crate::relay::Shared;
use crate::shard::Gone;
use crate::websocket::frame::SharedFrame;

/// The WebSocket subprotocol (spec section 2).
const SUBPROTOCOL: &str = "burnchat.v1";
/// What shows a room's ticket.
const TICKET: HeaderName = HeaderName::from_static("burnchat-ticket");
/// What shows a room's creator token.
const CREATOR: HeaderName = HeaderName::from_static("burnchat-creator");

/// The same for every room, and whether or not there is one. It loads nothing and runs nothing.
const ROOM_PAGE: &str = include_str!("room.html");

pub(crate) fn router(relay: Arc<Shared>) -> Router {
    Router::new()
        .route("/api/rooms", post(create))
        .route("/api/rooms/{room}", get(info).delete(burn))
        .route("/api/rooms/{room}/ws", get(connect))
        .route("/r/{room}", get(room_page))
        .layer(map_response(keep_quiet))
        .with_state(relay)
}

async fn create(
    State(relay): State<Arc<Shared>>,
    Peer(peer): Peer,
    request: Request,
) -> Result<Response, Failure> {
    let patience = Duration::from_millis(relay.config.limits.handshake_millis);
    let body = timeout(patience, read_body(request.into_body()))
        .await
        .map_err(|_| Code::HandshakeTimeout)??;
    let request = CreateRoom::parse(&body)?;
    let shard = relay.shard_of(room_id_of_seed(&request.id_seed));
    let created = shard.create(peer, request).await??;
    Ok(json(StatusCode::CREATED, created.encode()))
}

async fn info(
    State(relay): State<Arc<Shared>>,
    Room(room): Room,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let ticket = secret(&headers, &TICKET)?;
    let info = relay.shard_of(room).info(room, ticket).await??;
    Ok(json(StatusCode::OK, info.encode()))
}

async fn burn(
    State(relay): State<Arc<Shared>>,
    Room(room): Room,
    headers: HeaderMap,
) -> Result<StatusCode, Failure> {
    let creator_token = secret(&headers, &CREATOR)?;
    relay.shard_of(room).burn(room, creator_token).await??;
    Ok(StatusCode::NO_CONTENT)
}

/// The upgrade to a WebSocket. It succeeds for every well-formed room id: whether there is such a room is only told to
/// `join` and `resume`.
async fn connect(
    State(relay): State<Arc<Shared>>,
    Room(room): Room,
    Peer(peer): Peer,
    request: Request,
) -> Result<Response, Failure> {
    let (mut parts, _) = request.into_parts();
    let upgrade = parts.extensions.remove::<OnUpgrade>();
    let request = Request::from_parts(parts, ());
    let answer = create_response(&request);
    let (Some(upgrade), Ok(mut answer)) = (upgrade, answer) else {
        return Err(Failure::BadUpgrade("a WebSocket upgrade is required"));
    };
    if !offers_subprotocol(request.headers()) {
        return Err(Failure::BadUpgrade(
            "the WebSocket subprotocol burnchat.v1 is required",
        ));
    }
    let subprotocol = HeaderValue::from_static(SUBPROTOCOL);
    answer
        .headers_mut()
        .insert(header::SEC_WEBSOCKET_PROTOCOL, subprotocol);
    relay.carry(room, peer, upgrade)?;
    Ok(answer.map(|()| Body::empty()))
}

async fn room_page() -> impl IntoResponse {
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    ([(header::CONTENT_TYPE, html)], ROOM_PAGE)
}

/// Nothing of an answer is kept, guessed at, run or passed on.
async fn keep_quiet(mut response: Response) -> Response {
    const HEADERS: [(HeaderName, &str); 5] = [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
        (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
    ];
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn read_body(body: Body) -> Result<Bytes, Code> {
    let announced = body.size_hint().lower();
    if announced > CLIENT_FRAME_BYTES as u64 {
        return Err(Code::FrameTooLarge);
    }
    // Of a body that breaks off nobody is left to read the answer.
    axum::body::to_bytes(body, CLIENT_FRAME_BYTES)
        .await
        .map_err(|_| Code::FrameTooLarge)
}

/// A secret shown in a header. Who shows none, or not the text of one, is told what anyone is told.
fn secret<const N: usize>(headers: &HeaderMap, name: &HeaderName) -> Result<Secret<N>, Code> {
    let shown = headers.get(name).and_then(|shown| shown.to_str().ok());
    let text: StrDeserializer<'_, ValueError> = shown.unwrap_or_default().into_deserializer();
    Secret::deserialize(text).map_err(|_| Code::RoomNotFound)
}

fn offers_subprotocol(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|offered| offered.to_str().ok())
        .flat_map(|offered| offered.split(','))
        .any(|offered| offered.trim() == SUBPROTOCOL)
}

fn json(status: StatusCode, text: EncodedFrame) -> Response {
    let json = HeaderValue::from_static("application/json");
    let body = Bytes::from_owner(SharedFrame(text));
    (status, [(header::CONTENT_TYPE, json)], body).into_response()
}

/// The room a request is about.
struct Room(RoomId);

impl<S: Send + Sync> FromRequestParts<S> for Room {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        // By its name: an application may have mounted the relay below a path with parameters of its own.
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| Code::RoomNotFound)?;
        let text = params.iter().find(|(name, _)| *name == "room");
        text.and_then(|(_, text)| RoomId::from_base64(text))
            .map(Self)
            .ok_or(Failure::from(Code::RoomNotFound))
    }
}

/// Who asks.
struct Peer(PeerKey);

impl FromRequestParts<Arc<Shared>> for Peer {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, relay: &Arc<Shared>) -> Result<Self, Failure> {
        let connected = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let address = connected.map(|ConnectInfo(address)| address.ip());
        Ok(Self(relay.peers.of(address)))
    }
}

/// Why a request was not done.
pub(crate) enum Failure {
    /// The hub, or a rule of the wire, refuses it.
    Refused(Refusal),
    /// The request does not lead to a WebSocket; with what it lacks, for people.
    BadUpgrade(&'static str),
    /// There is no worker any more.
    Gone,
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let refusal = match self {
            Self::Refused(refusal) => refusal,
            Self::BadUpgrade(why) => {
                let json = HeaderValue::from_static("application/json");
                let body = format!(r#"{{"code":"bad_request","detail":"{why}"}}"#);
                return (
                    StatusCode::BAD_REQUEST,
                    [(header::CONTENT_TYPE, json)],
                    body,
                )
                    .into_response();
            }
            Self::Gone => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        };
        let status = refusal.code.http_status();
        let status = status.and_then(|status| StatusCode::from_u16(status).ok());
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = json(status, Problem::from(refusal).encode());
        if let Some(millis) = refusal.retry_after_ms {
            let seconds = HeaderValue::from(millis.div_ceil(1_000));
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Code> for Failure {
    fn from(code: Code) -> Self {
        Self::Refused(code.into())
    }
}

impl From<Gone> for Failure {
    fn from(Gone: Gone) -> Self {
        Self::Gone
    }
}
