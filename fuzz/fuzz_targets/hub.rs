//! A relay with three people in a room, and whatever they may send: it neither panics nor falls out of step with itself.
//!
//! Each line of the input is one event: its first byte says of which connection and what, the rest is the frame.

#![no_main]

use std::sync::OnceLock;

use burnchat_core::client::{Client, JoinOptions, Output as ClientOutput, RoomSettings, plan_room};
use burnchat_core::crypto::Secret;
use burnchat_core::ids::RoomId;
use burnchat_core::link::Link;
use burnchat_core::relay::{ConnectionId, Disconnect, Hub, Limits, Output, PeerKey};
use burnchat_core::time::Timestamp;
use burnchat_core::wire::{RelayFrame, http::CreateRoom};
use libfuzzer_sys::fuzz_target;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

const START: Timestamp = Timestamp(1_800_000_000_000);

struct Scene {
    request: CreateRoom,
    room: RoomId,
    joins: Vec<Vec<u8>>,
}

/// The same room and the same three joins every time; the first joins as creator.
fn scene() -> &'static Scene {
    static SCENE: OnceLock<Scene> = OnceLock::new();
    SCENE.get_or_init(|| {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let (request, link) = plan_room(
            "https://relay.example",
            RoomSettings::default(),
            START,
            &mut rng,
        )
        .unwrap();
        let url = link.to_url();
        let created = hub_with(&request).1;
        let joins = (0..3)
            .map(|place| {
                let options = JoinOptions {
                    creator_token: (place == 0).then(|| Secret::copy_of(created.as_bytes())),
                    ..JoinOptions::default()
                };
                let mut client = Client::new(Link::parse(&url).unwrap(), options, &mut rng);
                client.handle_connected(START, &mut rng).unwrap();
                loop {
                    if let ClientOutput::Send(frame) = client.poll_output().unwrap() {
                        return frame.as_bytes().to_vec();
                    }
                }
            })
            .collect();
        Scene {
            room: link.room_id(),
            request,
            joins,
        }
    })
}

fn hub_with(request: &CreateRoom) -> (Hub, Secret<32>, ChaCha8Rng) {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let mut hub = Hub::new(Limits::default(), &mut rng);
    let created = hub
        .handle_create(START, PeerKey([0; 16]), request, &mut rng)
        .unwrap();
    (hub, created.creator_token, rng)
}

fuzz_target!(|input: &[u8]| {
    let scene = scene();
    let (mut hub, _, mut rng) = hub_with(&scene.request);
    let mut now = START;
    for (place, join) in (1..).zip(&scene.joins) {
        hub.handle_connect(now, ConnectionId(place), PeerKey([1; 16]), scene.room);
        hub.handle_frame(now, ConnectionId(place), join, &mut rng);
    }
    for line in input.split(|byte| *byte == b'\n').take(64) {
        let Some((&event, frame)) = line.split_first() else {
            continue;
        };
        let connection = ConnectionId(u64::from(event & 7));
        match event >> 3 {
            0..=20 => hub.handle_frame(now, connection, frame, &mut rng),
            21..=23 => hub.handle_connect(now, connection, PeerKey([event & 3; 16]), scene.room),
            24 => hub.handle_disconnect(now, connection, Disconnect::Clean),
            25 => hub.handle_disconnect(now, connection, Disconnect::Broken),
            26 => now = Timestamp(now.0 - 10_000),
            _ => now = now.plus_millis(u64::from(event & 7) * 700),
        }
        hub.handle_timeout(now);
        while let Some(output) = hub.poll_output() {
            let Output::Send { to, frame } = output else {
                continue;
            };
            assert!(!to.is_empty());
            assert!(
                matches!(RelayFrame::parse(frame.as_bytes()), Ok(Some(_))),
                "{}",
                frame.as_str()
            );
        }
        assert!(hub.stats().connections <= 8);
    }
    hub.handle_shutdown(now);
    assert_eq!((hub.stats().rooms, hub.stats().participants), (0, 0));
});
