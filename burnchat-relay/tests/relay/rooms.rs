//! People in rooms, over real sockets.

use burnchat_core::client::{Event, RoomSettings};
use burnchat_core::ids::EpochId;
use burnchat_core::wire::{BurnReason, Departure, RelayFrame};
use futures_util::future::join_all;

use crate::harness::http::delete;
use crate::harness::participant::Participant;
use crate::harness::wire::{Came, Wire};
use crate::harness::{Room, TestRelay, now, rng};

/// A creator and a guest who have a key.
async fn two_in(room: &Room) -> (Participant, Participant) {
    let mut ann = Participant::create(room, "ann").await;
    let mut bob = Participant::join(room, "bob").await;
    tokio::join!(ann.until_keyed_with(1), bob.until_keyed_with(1));
    (ann, bob)
}

async fn expect_one_to_leave(observer: &mut Participant) {
    let left = observer
        .until(|event| matches!(event, Event::ParticipantLeft { .. }))
        .await;
    let Event::ParticipantLeft { reason, .. } = left else {
        unreachable!("nothing else was waited for");
    };
    assert_eq!(reason, Some(Departure::Left));
}

#[tokio::test]
async fn two_people_talk() {
    let relay = TestRelay::start().await;
    let room = Room::create(relay.address).await;
    let (mut ann, mut bob) = two_in(&room).await;
    assert_ne!(ann.client.head(), Some(EpochId::NONE));
    assert_eq!(ann.client.head(), bob.client.head());

    let id = ann.send("hello").await;
    assert_eq!(bob.until_message().await, "hello");
    ann.until(|event| matches!(event, Event::Accepted { id: accepted } if *accepted == id))
        .await;
    bob.send("hello yourself").await;
    assert_eq!(ann.until_message().await, "hello yourself");

    let stats = relay.relay.stats().await;
    assert_eq!(
        (stats.rooms, stats.connections, stats.participants),
        (1, 2, 2)
    );
}

#[tokio::test]
async fn a_burn_is_told_to_everybody_before_the_close() {
    let relay = TestRelay::start().await;
    let room = Room::create(relay.address).await;
    let (mut ann, mut bob) = two_in(&room).await;
    ann.client.burn(now(), &mut rng()).unwrap();
    ann.carry_out().await;
    ann.wire.expect_burn(BurnReason::Burned).await;
    bob.wire.expect_burn(BurnReason::Burned).await;
    assert_eq!(relay.relay.stats().await.rooms, 0);
}

#[tokio::test]
async fn a_creator_who_is_not_there_burns_the_room_over_http() {
    let relay = TestRelay::start().await;
    let room = Room::create(relay.address).await;
    let mut bob = Participant::join(&room, "bob").await;
    let token = room.creator_token();
    let answer = delete(relay.address, &room.path(), &[("Burnchat-Creator", &token)]).await;
    assert_eq!(answer.status, 204);
    bob.wire.expect_burn(BurnReason::Burned).await;
}

#[tokio::test]
async fn whoever_runs_the_relay_takes_a_room_down_and_leaves_the_others() {
    let relay = TestRelay::start().await;
    let room = Room::create(relay.address).await;
    let other = Room::create(relay.address).await;
    let mut bob = Participant::join(&room, "bob").await;
    assert!(relay.relay.take_down(room.link.room_id()).await);
    bob.wire.expect_burn(BurnReason::Burned).await;
    assert!(!relay.relay.take_down(room.link.room_id()).await);
    assert_eq!(relay.relay.stats().await.rooms, 1);
    Participant::join(&other, "cleo").await;
}

#[tokio::test]
async fn time_passes_without_anybody_asking() {
    let relay = TestRelay::start().await;
    let settings = RoomSettings {
        ttl_seconds: 31,
        ..RoomSettings::default()
    };
    let room = Room::create_with(relay.address, settings).await;
    let mut ann = Participant::create(&room, "ann").await;
    let mut seconds = Vec::new();
    while seconds.len() < 2 {
        let event = ann
            .until(|event| matches!(event, Event::Countdown { .. }))
            .await;
        if let Event::Countdown { seconds_remaining } = event {
            seconds.push(seconds_remaining);
        }
    }
    assert_eq!(seconds[0], seconds[1] + 1, "{seconds:?}");
}

#[tokio::test]
async fn who_closes_leaves_at_once() {
    let relay = TestRelay::start().await;
    let room = Room::create(relay.address).await;
    for code in [1000, 1001] {
        let (mut ann, mut bob) = two_in(&room).await;
        bob.wire.close(code).await;
        expect_one_to_leave(&mut ann).await;
        // The relay answers in kind.
        bob.wire.expect_close_after_frames(code).await;
        ann.wire.close(1000).await;
        ann.wire.expect_close_after_frames(1000).await;
    }
}

#[tokio::test]
async fn those_who_close_at_the_same_moment_have_all_left() {
    const PEOPLE: usize = 30;
    let relay = TestRelay::start().await;
    let room = Room::create(relay.address).await;
    let mut ann = Participant::create(&room, "ann").await;
    let mut people = Vec::new();
    for _ in 0..PEOPLE {
        people.push(Participant::join(&room, "bob").await);
    }
    // All of them before the relay looks at any: what it tells one of another comes to who has gone.
    join_all(people.iter_mut().map(|bob| bob.wire.close(1000))).await;
    for _ in 0..PEOPLE {
        expect_one_to_leave(&mut ann).await;
    }
    for bob in &mut people {
        bob.wire.expect_close_after_frames(1000).await;
    }
}

#[tokio::test]
async fn whose_connection_breaks_takes_up_where_it_broke() {
    let relay = TestRelay::start().await;
    let room = Room::create(relay.address).await;
    let (mut ann, mut bob) = two_in(&room).await;
    // Not a word of goodbye; and with 4001 it is not one either (spec section 13.1).
    for goodbye in [None, Some(4001)] {
        if let Some(code) = goodbye {
            bob.wire.close(code).await;
        }
        drop(std::mem::replace(
            &mut bob.wire,
            Wire::open(relay.address, room.link.room_id()).await,
        ));
        ann.send("are you there?").await;
        bob.reconnect().await;
        bob.until(|event| matches!(event, Event::Reconnecting))
            .await;
        assert_eq!(bob.until_message().await, "are you there?");
        bob.until(|event| matches!(event, Event::Resumed)).await;
    }
    assert_eq!(ann.client.participants().len(), 2);
}

#[tokio::test]
async fn a_newcomer_is_sent_the_whole_history_however_long() {
    let relay = TestRelay::with(|config| {
        // Far less than the history: room for that comes besides.
        config.backlog_bytes = 500_000;
        config.backlog_frames = 50;
        let limits = &mut config.limits;
        limits.connection_frames.burst = 1_000;
        limits.connection_bytes.burst = 50_000_000;
        limits.room_bytes.burst = 50_000_000;
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
    let count = 200;
    for _ in 0..count {
        let id = ann.send(&long).await;
        ann.until(|event| matches!(event, Event::Accepted { id: accepted } if *accepted == id))
            .await;
    }

    let mut wire = Participant::join(&room, "bob").await.wire;
    let mut messages = 0;
    loop {
        match wire.receive().await {
            Came::Frame(RelayFrame::Message(_)) => messages += 1,
            Came::Frame(RelayFrame::HistoryEnd(end)) => {
                assert!(end.complete);
                break;
            }
            Came::Frame(_) => {}
            came => panic!("{came:?}"),
        }
    }
    assert_eq!(messages, count);
}
