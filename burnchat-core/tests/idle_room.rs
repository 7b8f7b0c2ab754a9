//! What a room costs that nobody has joined: at most 1 KiB, whoever made it (spec section 16 allows a million).

use std::alloc::System;

use burnchat_core::crypto::Secret;
use burnchat_core::ids::TicketHash;
use burnchat_core::relay::{Hub, Limits, PeerKey};
use burnchat_core::time::Timestamp;
use burnchat_core::wire::WhoMayBurn;
use burnchat_core::wire::http::CreateRoom;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const ROOMS: u32 = 10_000;
const NOW: Timestamp = Timestamp(1_800_000_000_000);
/// What an allocator adds to each allocation; glibc's adds 8 to 24 bytes.
const OVERHEAD: usize = 24;

#[test]
fn a_room_nobody_has_joined_is_small_and_sleeps() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut hub = Hub::new(Limits::default(), &mut rng);
    let before = Region::new(ALLOCATOR);
    for number in 0..ROOMS {
        // Each of another peer, which is the most there is to keep.
        let mut peer = [0; 16];
        peer[..4].copy_from_slice(&number.to_le_bytes());
        let mut id_seed = [0; 32];
        id_seed[..4].copy_from_slice(&number.to_le_bytes());
        let request = CreateRoom {
            id_seed: Secret::copy_of(&id_seed),
            ticket_hash: TicketHash([1; 32]),
            ttl_seconds: 259_200,
            not_after: u32::try_from(NOW.0 / 60_000).unwrap() + 72 * 60,
            capacity: 50,
            history: true,
            burn: WhoMayBurn::Creator,
        };
        hub.handle_create(NOW, PeerKey(peer), &request, &mut rng)
            .unwrap();
    }

    let change = before.change();
    let bytes = change
        .bytes_allocated
        .checked_sub(change.bytes_deallocated)
        .and_then(|bytes| bytes.checked_add_signed(change.bytes_reallocated))
        .unwrap();
    let allocations = change.allocations - change.deallocations;
    let each = (bytes + allocations * OVERHEAD) / ROOMS as usize;
    println!("{each} bytes for each idle room, in {allocations} allocations for {ROOMS}");
    assert!(each <= 1_024, "{each} bytes");

    // Nothing is due between the creation and the end: no output, and the next deadline stays where it is.
    let end = NOW.plus_seconds(259_200);
    assert_eq!(hub.poll_timeout(), Some(end));
    hub.handle_timeout(Timestamp(end.0 - 1));
    assert!(hub.poll_output().is_none());
    assert_eq!(hub.stats().rooms, ROOMS as usize);

    let before = Region::new(ALLOCATOR);
    hub.handle_timeout(end);
    assert_eq!(hub.stats().rooms, 0);
    assert_eq!(hub.poll_timeout(), None);
    let burned = std::iter::from_fn(|| hub.poll_output()).count();
    assert_eq!(burned, ROOMS as usize, "of each burn the driver is told");
    let change = before.change();
    assert!(change.bytes_deallocated - change.bytes_allocated >= bytes * 9 / 10);
}
