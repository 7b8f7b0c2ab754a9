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
use super::request::{Peer, Room};
use crate::relay::Shared;

/// The WebSocket subprotocol (spec section 2).
const SUBPROTOCOL: &str = "burnchat.v1";

/// It succeeds for every well-formed room id: whether there is such a room is only told to `join` and `resume`.
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
