//! The one room that is explored, and its time.

use burnchat_core::client::{RoomSettings, plan_room};
use burnchat_core::crypto::Secret;
use burnchat_core::ids::RoomId;
use burnchat_core::link::Link;
use burnchat_core::relay::{Hub, Limits, PeerKey};
use burnchat_core::time::Timestamp;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Most people in a room: what is explored beyond three takes too long to say anything.
pub(crate) const PEOPLE: usize = 3;
/// What they are called.
pub(crate) const NAMES: [&str; PEOPLE] = ["ana", "ben", "cas"];
/// How long the room lives at first, seconds: long enough for somebody to be gone for 30 s within it.
const TTL_SECONDS: u64 = 600;
/// By how much it is prolonged, seconds.
pub(crate) const EXTENSION_SECONDS: u64 = 60;
/// A nap: a second more than a seat is kept for who is away.
pub(crate) const NAP: Tick = Tick(31 * 4);
/// Some day in 2026, at a full minute.
const START: u64 = 1_790_000_040_000;
/// The grain of time, ms. Timers fire up to this much late, as timers do; the shortest that matters, the wait for other
/// joins, is 250 ms.
const TICK_MILLIS: u64 = 250;

/// A moment, in ticks since the room was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Tick(pub(crate) u32);

impl Tick {
    pub(crate) fn time(self) -> Timestamp {
        Timestamp(START + u64::from(self.0) * TICK_MILLIS)
    }

    /// The first tick that is not before.
    pub(crate) fn not_before(time: Timestamp) -> Self {
        let ticks = time.0.saturating_sub(START).div_ceil(TICK_MILLIS);
        Self(u32::try_from(ticks).unwrap_or(u32::MAX))
    }

    pub(crate) fn seconds(self) -> f64 {
        f64::from(self.0) * 0.25
    }
}

/// What everybody may know of the room, and the explorer besides.
pub(crate) struct Room {
    pub(crate) id: RoomId,
    pub(crate) link: String,
    pub(crate) secret: Secret<16>,
    pub(crate) creator_token: Secret<32>,
    pub(crate) end: Timestamp,
    pub(crate) not_after: Timestamp,
    pub(crate) history: bool,
}

/// A hub with one empty room in it.
pub(crate) fn open(history: bool) -> Result<(Room, Hub, ChaCha8Rng), String> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let limits = {
        let mut limits = Limits::default();
        // An hour of silence is more than is explored.
        limits.idle_millis = 0;
        limits
    };
    let mut hub = Hub::new(limits, &mut rng);
    let settings = RoomSettings {
        ttl_seconds: TTL_SECONDS,
        extension_seconds: EXTENSION_SECONDS,
        history,
        ..RoomSettings::default()
    };
    let now = Tick::default().time();
    let (request, link) = plan_room("https://relay.example", settings, now, &mut rng)
        .map_err(|error| error.to_string())?;
    let created = hub
        .handle_create(now, PeerKey([9; 16]), &request, &mut rng)
        .map_err(|refusal| refusal.to_string())?;
    let room = Room {
        id: created.room_id,
        link: link.to_url().to_string(),
        secret: Secret::copy_of(link.secret().as_bytes()),
        creator_token: created.creator_token,
        end: now.plus_seconds(TTL_SECONDS),
        not_after: link.not_after(),
        history,
    };
    Ok((room, hub, rng))
}

/// The link as it was shared at first.
pub(crate) fn first_link(room: &Room) -> Option<Link> {
    Link::parse(&room.link).ok()
}
