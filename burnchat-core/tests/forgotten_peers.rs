//! What a relay remembers of those who knocked in vain: how fast they came, and only for as long as that matters.

use std::alloc::System;

use burnchat_core::client::{Client, JoinOptions, Output, RoomSettings, plan_room};
use burnchat_core::relay::{ConnectionId, Hub, Limits, PeerKey};
use burnchat_core::time::Timestamp;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const START: Timestamp = Timestamp(1_790_000_000_000);

#[test]
fn who_knocked_in_vain_is_forgotten() {
    let rng = &mut ChaCha8Rng::seed_from_u64(1);
    let (_, link) =
        plan_room("https://relay.example", RoomSettings::default(), START, rng).unwrap();
    let room = link.room_id();
    let mut client = Client::new(link, JoinOptions::default(), rng);
    client.handle_connected(START, rng).unwrap();
    let join = std::iter::from_fn(|| client.poll_output())
        .find_map(|output| match output {
            Output::Send(frame) => Some(frame),
            _ => None,
        })
        .unwrap();

    let mut hub = Hub::new(Limits::default(), rng);
    let before = Region::new(ALLOCATOR);
    for number in 0..2_000 {
        let mut peer = [0; 16];
        peer[..8].copy_from_slice(&u64::to_le_bytes(number));
        let connection = ConnectionId(number);
        hub.handle_connect(START, connection, PeerKey(peer), room);
        hub.handle_frame(START, connection, join.as_bytes(), rng);
        while hub.poll_output().is_some() {}
    }
    assert_eq!(hub.stats().connections, 0, "no such room");
    // It is remembered how fast each of them came, for as long as that matters: a tenth of a second.
    let due = hub.poll_timeout().unwrap();
    assert_eq!(due, START.plus_millis(100));
    hub.handle_timeout(due);
    assert_eq!(hub.poll_timeout(), None);
    let change = before.change();
    let kept = change.bytes_allocated - change.bytes_deallocated;
    assert!(kept < 4_096, "{kept} bytes are left");
}
