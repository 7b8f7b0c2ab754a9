//! Planning a room (spec sections 4 and 11.1).

use rand_core::CryptoRng;

use crate::crypto::Secret;
use crate::error::{Code, Error};
use crate::limits;
use crate::link::{Link, Ticket, room_id_of_seed};
use crate::time::Timestamp;
use crate::wire::WhoMayBurn;
use crate::wire::http::CreateRoom;

/// What a creator chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomSettings {
    /// How long the room lives, 30 s to 72 h.
    pub ttl_seconds: u64,
    /// How much longer it may be made to live, at most 24 h.
    pub extension_seconds: u64,
    /// Seats, 2 to 256.
    pub capacity: u16,
    /// Whether those who join later can read what was said before.
    pub history: bool,
    /// Who may burn the room before its time.
    pub burn: WhoMayBurn,
}

impl Default for RoomSettings {
    /// Ten minutes, half an hour of possible extension, 50 seats, no history.
    fn default() -> Self {
        Self {
            ttl_seconds: 600,
            extension_seconds: 1_800,
            capacity: limits::DEFAULT_CAPACITY,
            history: false,
            burn: WhoMayBurn::Creator,
        }
    }
}

/// Makes the request that asks a relay for a room, and the room's link. `base` is the relay's URL.
///
/// # Errors
/// `invalid_parameter` for settings out of range, `link_not_a_link` for a base that is no URL.
pub fn plan_room(
    base: &str,
    settings: RoomSettings,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<(CreateRoom, Link), Error> {
    let RoomSettings {
        ttl_seconds,
        extension_seconds,
        capacity,
        history,
        burn,
    } = settings;
    if !limits::TTL_SECONDS.contains(&ttl_seconds)
        || !limits::CAPACITY.contains(&capacity)
        || extension_seconds > limits::NOT_AFTER_SLACK_SECONDS
    {
        return Err(Error::new(Code::InvalidParameter));
    }
    let not_after = hard_end(now.plus_seconds(ttl_seconds), extension_seconds)
        .ok_or(Error::new(Code::InvalidParameter))?;
    let id_seed = Secret::random(rng);
    let ticket = Ticket::random(rng);
    let request = CreateRoom {
        ticket_hash: ticket.hash(),
        ttl_seconds,
        not_after,
        capacity,
        history,
        burn,
        id_seed,
    };
    let room_id = room_id_of_seed(&request.id_seed);
    let link = Link::new(
        base,
        room_id,
        history,
        not_after,
        Secret::random(rng),
        ticket,
    )?;
    Ok((request, link))
}

/// The hard end, in minutes: a minute more than asked for, for the difference between this clock and the relay's, and
/// within what a relay allows by either clock.
fn hard_end(first_end: Timestamp, extension_seconds: u64) -> Option<u32> {
    let wanted = first_end.plus_seconds(extension_seconds).0.div_ceil(60_000);
    let latest = first_end.plus_seconds(limits::NOT_AFTER_SLACK_SECONDS).0 / 60_000;
    let minutes = wanted.saturating_add(1).min(latest.saturating_sub(1));
    u32::try_from(minutes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hard_end_is_one_that_a_relay_with_another_clock_takes() {
        const MINUTE: u64 = 60_000;
        for into_the_minute in [0, 1, 30_000, 59_999] {
            let first_end = Timestamp(1_790_000_000_000 / MINUTE * MINUTE + into_the_minute);
            for extension in [0, 1, 1_800, 86_399, 86_400] {
                let not_after = u64::from(hard_end(first_end, extension).unwrap()) * MINUTE;
                let relay_allows = first_end.0 + MINUTE..=first_end.0 + 86_400_000 - MINUTE;
                assert!(relay_allows.contains(&not_after), "{extension}");
                let asked_for = first_end.0 + extension * 1_000;
                assert!(
                    not_after >= asked_for.min(first_end.0 + 86_400_000 - 2 * MINUTE),
                    "{extension}"
                );
            }
        }
    }
}
