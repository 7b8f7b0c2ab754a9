//! What a request says of itself.

use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use burnchat_core::crypto::Secret;
use burnchat_core::error::Code;
use burnchat_core::ids::RoomId;
use burnchat_core::limits::CLIENT_FRAME_BYTES;
use burnchat_core::relay::PeerKey;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as ValueError, StrDeserializer};

use super::answer::Failure;
use crate::forwarded::Caller;
use crate::relay::Shared;

/// What shows a room's ticket.
pub(super) const TICKET: HeaderName = HeaderName::from_static("burnchat-ticket");
/// What shows a room's creator token.
pub(super) const CREATOR: HeaderName = HeaderName::from_static("burnchat-creator");

/// The room a request is about.
pub(super) struct Room(pub(super) RoomId);

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
pub(super) struct Peer(pub(super) PeerKey);

impl FromRequestParts<Arc<Shared>> for Peer {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, relay: &Arc<Shared>) -> Result<Self, Failure> {
        let caller = Caller::of(parts, &relay.config);
        Ok(Self(relay.peers.of(caller.address)))
    }
}

/// Reads a body no longer than a frame.
pub(super) async fn read_body(body: Body) -> Result<Bytes, Code> {
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
pub(super) fn secret<const N: usize>(
    headers: &HeaderMap,
    name: &HeaderName,
) -> Result<Secret<N>, Code> {
    let shown = headers.get(name).and_then(|shown| shown.to_str().ok());
    secret_of(shown.unwrap_or_default()).ok_or(Code::RoomNotFound)
}

/// The secret of this text, read by the same strict code as one in a frame.
pub(super) fn secret_of<const N: usize>(text: &str) -> Option<Secret<N>> {
    let text: StrDeserializer<'_, ValueError> = text.into_deserializer();
    Secret::deserialize(text).ok()
}
