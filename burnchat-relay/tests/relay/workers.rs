//! A relay with several workers is one relay.

use burnchat_core::client::{Event, RoomSettings, plan_room};
use burnchat_core::error::Code;
use burnchat_core::ids::RoomId;
use burnchat_core::wire::BurnReason;
use burnchat_relay::Rate;

use crate::harness::http::{delete, post};
use crate::harness::participant::Participant;
use crate::harness::wire::Wire;
use crate::harness::{Room, TestRelay, in_time, now, rng};

async fn relay_of_many() -> TestRelay {
    TestRelay::with(|config| {
        config.workers = 8;
        config.limits.rooms_of_peer = 12;
        config.limits.connections_of_peer = 12;
    })
    .await
}

/// Asks for a room, and says why there is none.
async fn refusal_of_a_room(relay: &TestRelay) -> (u16, String) {
    let base = format!("http://{}", relay.address);
    let Ok((request, _)) = plan_room(&base, RoomSettings::default(), now(), &mut rng()) else {
        unreachable!("the settings are the default ones");
    };
    let answer = post(relay.address, "/api/rooms", request.encode().as_bytes()).await;
    answer.refusal()
}

/// Each worker hears of its connections by itself, and none of them waits for another.
async fn until_connected(relay: &TestRelay, count: usize) {
    in_time(async {
        while relay.relay.stats().await.connections != count {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

async fn burn(room: &Room) {
    let token = room.creator_token();
    let headers = [("Burnchat-Creator", token.as_str())];
    let answer = delete(room.relay, &room.path(), &headers).await;
    assert_eq!(answer.status, 204);
}

#[tokio::test]
async fn people_find_each_other_whichever_worker_has_their_room() {
    let relay = relay_of_many().await;
    for _ in 0..6 {
        let room = Room::create(relay.address).await;
        let mut ann = Participant::create(&room, "ann").await;
        let mut bob = Participant::join(&room, "bob").await;
        tokio::join!(ann.until_keyed_with(1), bob.until_keyed_with(1));
        ann.send("hello").await;
        assert_eq!(bob.until_message().await, "hello");
        burn(&room).await;
        ann.wire.expect_burn(BurnReason::Burned).await;
        bob.wire.expect_burn(BurnReason::Burned).await;
    }
    let stats = relay.relay.stats().await;
    assert_eq!((stats.rooms, stats.kept_bytes), (0, 0));
}

#[tokio::test]
async fn a_peer_does_not_have_more_rooms_for_there_being_more_workers() {
    let relay = relay_of_many().await;
    let mut rooms = Vec::new();
    for _ in 0..12 {
        rooms.push(Room::create(relay.address).await);
    }
    let too_many = (429, "too_many_rooms".to_owned());
    assert_eq!(refusal_of_a_room(&relay).await, too_many);
    assert_eq!(relay.relay.stats().await.rooms, 12);

    burn(&rooms[5]).await;
    Room::create(relay.address).await;
    assert_eq!(refusal_of_a_room(&relay).await, too_many);
}

#[tokio::test]
async fn a_peer_does_not_have_more_connections_for_there_being_more_workers() {
    let relay = relay_of_many().await;
    let mut wires = Vec::new();
    for number in 0..12 {
        wires.push(Wire::open(relay.address, RoomId([number; 16])).await);
    }
    until_connected(&relay, 12).await;
    let mut another = Wire::open(relay.address, RoomId([12; 16])).await;
    another.expect_refusal(Code::TooManyConnections).await;

    let mut gone = wires.pop().unwrap();
    gone.close(1000).await;
    gone.expect_close(1000).await;
    until_connected(&relay, 11).await;
    let mut again = Wire::open(relay.address, RoomId([12; 16])).await;
    again.send(r#"{"type":"dance"}"#).await;
    again.expect_refusal(Code::UnknownType).await;
}

#[tokio::test]
async fn a_shutdown_burns_the_rooms_of_all_workers() {
    let relay = relay_of_many().await;
    let mut creators = Vec::new();
    for _ in 0..6 {
        let room = Room::create(relay.address).await;
        creators.push(Participant::create(&room, "ann").await);
    }
    tokio::join!(relay.relay.shutdown(), async {
        for ann in &mut creators {
            ann.wire.expect_burn(BurnReason::Shutdown).await;
        }
    });
}

#[tokio::test]
async fn when_memory_runs_out_new_rooms_are_refused_and_the_old_ones_go_on() {
    const BUDGET: usize = 400_000;
    let relay = TestRelay::with(|config| {
        config.kept_bytes = BUDGET;
        config.limits.connection_bytes = Rate::new(100_000_000, 100_000_000);
        config.limits.room_bytes = Rate::new(100_000_000, 100_000_000);
    })
    .await;
    let settings = RoomSettings {
        history: true,
        ..RoomSettings::default()
    };
    let room = Room::create_with(relay.address, settings).await;
    let mut ann = Participant::create(&room, "ann").await;
    ann.until_keyed_with(0).await;
    let long = "-".repeat(30_000);
    for _ in 0..30 {
        ann.send(&long).await;
        ann.until(|event| matches!(event, Event::Accepted { .. }))
            .await;
    }
    let kept = relay.relay.stats().await.kept_bytes;
    assert!((BUDGET * 3 / 4..BUDGET + 60_000).contains(&kept), "{kept}");
    let too_many = (429, "too_many_rooms".to_owned());
    assert_eq!(refusal_of_a_room(&relay).await, too_many);

    burn(&room).await;
    ann.wire.expect_burn(BurnReason::Burned).await;
    Room::create(relay.address).await;
}
