//! Requests and answers (spec sections 13.1, 13.4 and 13.5).

mod answer;
mod events;
#[cfg(feature = "openapi")]
mod openapi;
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
#[cfg(feature = "openapi")]
pub use self::openapi::ApiDescription;
pub use self::origin::{InvalidOrigin, Origin};
use self::request::{CREATOR, Peer, Room, TICKET, read_body, secret};
use crate::relay::Shared;

/// The same for every room, and whether or not there is one. It loads nothing and runs nothing.
const ROOM_PAGE: &str = include_str!("room.html");

/// What can be asked for here, as OpenAPI 3.1. It is made of the handlers below by the generator in `spec/`, and a test
/// there says when it no longer is.
const DESCRIPTION: &str = include_str!("openapi.json");

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
        .route("/api/openapi.json", get(description))
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

/// Makes a room (spec section 11.1).
#[cfg_attr(feature = "openapi", utoipa::path(
    post, path = "/api/rooms", tag = "rooms", operation_id = "create_room",
    request_body = ref("#/components/schemas/CreateRoom"),
    responses(
        (status = 201, description = "The room is made.", body = ref("#/components/schemas/RoomCreated")),
        openapi::CreationRefused,
    ),
))]
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

/// What there is to know before joining.
#[cfg_attr(feature = "openapi", utoipa::path(
    get, path = "/api/rooms/{room_id}", tag = "rooms", operation_id = "room_info",
    params(openapi::RoomPath),
    security(("ticket" = [])),
    responses(
        (status = 200, description = "The room.", body = ref("#/components/schemas/RoomInfo")),
        openapi::InfoRefused,
    ),
))]
async fn info(
    State(relay): State<Arc<Shared>>,
    Room(room): Room,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let ticket = secret(&headers, &TICKET)?;
    let info = relay.shard_of(room).info(room, ticket).await??;
    Ok(json(StatusCode::OK, info.encode()))
}

/// Burns a room (spec section 12.3).
#[cfg_attr(feature = "openapi", utoipa::path(
    delete, path = "/api/rooms/{room_id}", tag = "rooms", operation_id = "burn_room",
    params(openapi::RoomPath),
    security(("creator_token" = [])),
    responses((status = 204, description = "The room is burned."), openapi::BurnRefused),
))]
async fn burn(
    State(relay): State<Arc<Shared>>,
    Room(room): Room,
    headers: HeaderMap,
) -> Result<StatusCode, Failure> {
    let creator_token = secret(&headers, &CREATOR)?;
    relay.shard_of(room).burn(room, creator_token).await??;
    Ok(StatusCode::NO_CONTENT)
}

/// What can be asked for here: this.
#[cfg_attr(feature = "openapi", utoipa::path(
    get, path = "/api/openapi.json", tag = "pages", operation_id = "openapi",
    responses((status = 200, description = "OpenAPI 3.1.", body = Object), openapi::PageRefused),
))]
async fn description() -> impl IntoResponse {
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], DESCRIPTION)
}

/// The page behind a room's link: the same for every room, and whether or not there is one. It asks nothing of the room.
#[cfg_attr(feature = "openapi", utoipa::path(
    get, path = "/r/{room_id}", tag = "pages", operation_id = "room_page",
    params(openapi::RoomPath),
    responses((status = 200, description = "The page.", body = String, content_type = "text/html")),
))]
async fn room_page() -> impl IntoResponse {
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    ([(header::CONTENT_TYPE, html)], ROOM_PAGE)
}
