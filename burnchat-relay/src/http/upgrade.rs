//! The upgrade to a WebSocket (spec section 13.1).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use burnchat_core::error::Code;
use hyper::upgrade::OnUpgrade;
use tungstenite::handshake::server::create_response;

use super::answer::Failure;
#[cfg(feature = "openapi")]
use super::openapi;
use super::request::{Peer, Room};
use crate::relay::Shared;

/// The WebSocket subprotocol (spec section 2).
pub(super) const SUBPROTOCOL: &str = "burnchat.v1";

/// A WebSocket to the room (spec section 13.1).
///
/// Each text message is a `ClientFrame` one way and a `RelayFrame` the other; the first is `join` or `resume`. It succeeds
/// for every well-formed room id: whether there is such a room is only told to these two.
#[cfg_attr(feature = "openapi", utoipa::path(
    get, path = "/api/rooms/{room_id}/ws", tag = "frames", operation_id = "websocket",
    params(openapi::RoomPath, openapi::Subprotocol),
    responses(
        (status = 101, description = "The connection is a WebSocket from here on."),
        openapi::UpgradeRefused,
    ),
))]
pub(super) async fn connect(
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
        let why = "a WebSocket upgrade is required";
        return Err(Failure::because(Code::BadRequest, why));
    };
    if !offers_subprotocol(request.headers()) {
        let why = "the WebSocket subprotocol burnchat.v1 is required";
        return Err(Failure::because(Code::BadRequest, why));
    }
    let subprotocol = HeaderValue::from_static(SUBPROTOCOL);
    answer
        .headers_mut()
        .insert(header::SEC_WEBSOCKET_PROTOCOL, subprotocol);
    relay.carry(room, peer, upgrade)?;
    Ok(answer.map(|()| Body::empty()))
}

fn offers_subprotocol(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|offered| offered.to_str().ok())
        .flat_map(|offered| offered.split(','))
        .any(|offered| offered.trim() == SUBPROTOCOL)
}
