//! Sessions over plain HTTP (spec section 13.5), each request of which comes to another relay.

use burnchat_core::client::{Event, RoomSettings};
use burnchat_core::error::Code;

use super::balancer::Balancer;
use super::people::relay;
use super::redis::Redis;
use crate::harness::Room;
use crate::harness::participant::{Participant, Person};
use crate::harness::session::Session;

type HttpParticipant = Person<Session>;

#[tokio::test]
async fn a_session_needs_no_relay_of_its_own() {
    take_a_session_anywhere(&Redis::start().await).await;
    take_a_session_anywhere(&Redis::cluster_of(3).await).await;
}

async fn take_a_session_anywhere(redis: &Redis) {
    let relays = [relay(redis).await, relay(redis).await, relay(redis).await];
    let balancer = Balancer::to(&relays.each_ref().map(|relay| relay.address)).await;
    let room = Room::create(balancer.address).await;
    let mut ann = Participant::create(&room, "ann").await;
    let mut bob = HttpParticipant::join(&room, "bob").await;
    tokio::join!(ann.until_keyed_with(1), bob.until_keyed_with(1));
    assert_eq!(ann.client.head(), bob.client.head());
    for n in 0..6 {
        bob.send(&format!("bob {n}")).await;
        assert_eq!(ann.until_message().await, format!("bob {n}"));
        ann.send(&format!("ann {n}")).await;
        assert_eq!(bob.until_message().await, format!("ann {n}"));
    }
    // Its stream breaks, and it goes on from another relay.
    drop(bob.wire.events.take());
    ann.send("are you there?").await;
    ann.until(|event| matches!(event, Event::Accepted { .. }))
        .await;
    bob.reconnect().await;
    bob.until(|event| matches!(event, Event::Reconnecting))
        .await;
    assert_eq!(bob.until_message().await, "are you there?");
    bob.until(|event| matches!(event, Event::Resumed)).await;
    bob.send("I am").await;
    assert_eq!(ann.until_message().await, "I am");

    // A first stream is there once, wherever it is asked for.
    for _ in 0..3 {
        let again = bob.wire.open_events(&[bob.wire.credential()], None).await;
        let again = again.err().expect("a refusal");
        assert_eq!(again.refusal(), (410, "gap".to_owned()));
    }
    assert_eq!(bob.wire.leave().await.status, 204);
    bob.wire.expect_refusal(Code::Displaced).await;
    ann.until(|event| matches!(event, Event::ParticipantLeft { .. }))
        .await;
    for _ in 0..3 {
        let late = bob.wire.hand_in(r#"{"type":"burn"}"#).await;
        assert_eq!(late.refusal(), (409, "unexpected_frame".to_owned()));
    }
}

#[tokio::test]
async fn what_waited_at_one_relay_comes_in_the_stream_of_another() {
    hear_at_another_relay(&Redis::start().await).await;
    hear_at_another_relay(&Redis::cluster_of(3).await).await;
}

async fn hear_at_another_relay(redis: &Redis) {
    let (one, two) = (relay(redis).await, relay(redis).await);
    let settings = RoomSettings {
        history: true,
        ..RoomSettings::default()
    };
    let room = Room::create_with(one.address, settings).await;
    let mut ann = Participant::create(&room, "ann").await;
    ann.until_keyed_with(0).await;
    for n in 0..5 {
        ann.send(&format!("long ago {n}")).await;
        ann.until(|event| matches!(event, Event::Accepted { .. }))
            .await;
    }
    // Bob joins at one relay; the stream, and with it the history, comes from the other.
    let balancer = Balancer::to(&[one.address, two.address]).await;
    let mut bob = HttpParticipant::join(
        &Room {
            relay: balancer.address,
            ..room
        },
        "bob",
    )
    .await;
    tokio::join!(ann.until_keyed_with(1), bob.until_keyed_with(1));
    for n in 0..5 {
        assert_eq!(bob.until_message().await, format!("long ago {n}"));
    }
    bob.send("I have read it all").await;
    assert_eq!(ann.until_message().await, "I have read it all");
}
