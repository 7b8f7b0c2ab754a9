//! Making a room (spec section 11.1).

use std::fmt;

use burnchat_core::client::{RoomSettings, plan_room};
use burnchat_core::crypto::Secret;
use burnchat_core::error::Code;
use burnchat_core::link::Link;
use burnchat_core::time::Timestamp;
use burnchat_core::wire::http::RoomCreated;
use hyper::StatusCode;
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::relay::{self, Relay};
use crate::{Error, rng};

/// A room that was just made.
pub struct CreatedRoom {
    /// What admits people: share it, and [`connect`](crate::connect) with it.
    pub link: Link,
    /// What makes a creator of who joins with link and PIN: for the creator's other devices. It is given once.
    pub pin: Zeroizing<String>,
    /// What makes a creator of this client: for [`JoinOptions::creator_token`](crate::JoinOptions::creator_token).
    pub creator_token: Secret<32>,
    /// Until the room burns, rounded up.
    pub seconds_remaining: u64,
    /// When it burns, by this machine's clock, if it is not extended.
    pub expires_at: Timestamp,
}

impl fmt::Debug for CreatedRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreatedRoom")
            .field("seconds_remaining", &self.seconds_remaining)
            .finish_non_exhaustive()
    }
}

/// Asks the relay at `base`, such as `https://chat.example`, for a room. Nobody is in it yet.
///
/// # Errors
/// `invalid_parameter` for settings out of range, `link_not_a_link` for a `base` that is no URL, the relay's refusal
/// (`too_many_rooms`, `rate_limited`, `bad_request`), `unexpected_from_relay` if the relay made another room than it
/// was asked for, and [`Error::Unreachable`].
pub async fn create_room(base: &str, settings: RoomSettings) -> Result<CreatedRoom, Error> {
    let clock = Clock::start();
    let (request, link) = plan_room(base, settings, clock.now(), &mut rng())?;
    let relay = Relay::at(link.base())?;
    let (status, body) = relay
        .post("/api/rooms", request.encode().as_bytes())
        .await?;
    if status != StatusCode::CREATED {
        return Err(relay::refusal(&body));
    }
    let created = RoomCreated::parse(&body).map_err(|_| Code::MalformedFromRelay)?;
    if created.room_id != link.room_id() {
        return Err(Code::UnexpectedFromRelay.into());
    }
    let pin =
        std::str::from_utf8(created.pin.0.as_slice()).map_err(|_| Code::MalformedFromRelay)?;
    Ok(CreatedRoom {
        link,
        pin: Zeroizing::new(pin.to_owned()),
        creator_token: created.creator_token,
        seconds_remaining: created.seconds_remaining,
        expires_at: clock.now().plus_seconds(created.seconds_remaining),
    })
}
