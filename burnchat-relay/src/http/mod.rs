//! Requests and answers (spec sections 13.1, 13.4 and 13.5).

mod answer;
mod events;
mod origin;
mod request;
mod session;
mod upgrade;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use burnchat_core::error::Code;
use burnchat_core::link::room_id_of_seed;
use burnchat_core::wire::http::CreateRoom;
use tokio::time::timeout;

pub use self::answer::unknown_path;
use self::answer::{Failure, json, keep_quiet, unknown_method};
pub use self::origin::{InvalidOrigin, Origin};
use self::request::{CREATOR, Peer, Room, TICKET, read_body, secret};
use crate::relay::Shared;

/// The same for every room, and whether or not there is one. It loads nothing and runs nothing.
const ROOM_PAGE: &str = include_str!("room.html");

/// What programs ask for.
pub(crate) fn api_router(relay: &Arc<Shared>) -> Router {
    let api = Router::new()
        .route("/api/rooms", post(create))
        .route("/api/rooms/{room}", get(info).delete(burn))
        .route("/api/rooms/{room}/ws", get(upgrade::connect))
        .route("/api/rooms/{room}/session", post(session::enter))
        .route(
            "/api/rooms/{room}/session/{participant}",
            post(session::enter_anew).delete(session::leave),
        )
        .route(
            "/api/rooms/{room}/session/{participant}/events",
            // An event stream without its body would be a seat held for nobody.
            get(session::events).head(unknown_method),
        )
        .route(
            "/api/rooms/{room}/session/{participant}/frames",
            post(session::frames),
        )
        .method_not_allowed_fallback(unknown_method)
        .layer(from_fn_with_state(Arc::clone(relay), origin::check));
    origin::welcome(api, &relay.config.allowed_origins)
        .layer(map_response(keep_quiet))
        .with_state(Arc::clone(relay))
}

/// What people see.
pub(crate) fn page_router() -> Router {
    Router::new()
        .route("/r/{room}", get(room_page))
        .method_not_allowed_fallback(unknown_method)
        .layer(map_response(keep_quiet))
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

async fn room_page() -> impl IntoResponse {
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    ([(header::CONTENT_TYPE, html)], ROOM_PAGE)
}
