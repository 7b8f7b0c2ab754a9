//! What the driver does with its connections, against a relay that does what the test tells it to.

#[cfg(test)]
mod fake_relay;

use std::time::Duration;

use burnchat_client::{BurnKind, Code, EndReason, Error, Event, JoinOptions, Status, connect};
use serde_json::json;
use tokio::time::timeout;

use self::fake_relay::{FakeRelay, SEAT_TOKEN, create_with_answer, ending, in_time, until};

#[tokio::test]
async fn a_broken_connection_is_taken_up_where_it_broke() {
    let mut relay = FakeRelay::start().await;
    let (room, mut events, mut wire) = relay.joined(600).await;
    wire.send(json!({ "type": "locked", "seq": 2, "locked": true }))
        .await;
    until(&mut events, |event| matches!(event, Event::Locked { .. })).await;
    drop(wire);
    until(&mut events, |event| matches!(event, Event::Reconnecting)).await;

    let mut wire = relay.accept().await;
    let resume = wire.receive().await;
    assert_eq!(
        resume,
        json!({ "type": "resume", "seat_token": SEAT_TOKEN, "seq": 2 })
    );
    wire.send(json!({ "type": "locked", "seq": 3, "locked": false }))
        .await;
    wire.send(json!({ "type": "resumed", "seq": 3, "seconds_remaining": 500 }))
        .await;
    until(&mut events, |event| matches!(event, Event::Resumed)).await;
    assert_eq!(room.status(), Status::Joined);
    assert!(room.time_left().unwrap().as_secs() <= 500);
}

#[tokio::test]
async fn who_leaves_says_so() {
    let mut relay = FakeRelay::start().await;
    let (room, mut events, mut wire) = relay.joined(600).await;
    room.leave();
    assert_eq!(wire.close_code().await, 1000);
    assert_eq!(ending(&mut events).await, EndReason::Left);
    assert!(in_time(events.next()).await.is_none());
    assert!(room.link().is_none());
}

#[tokio::test]
async fn who_stops_listening_leaves() {
    let mut relay = FakeRelay::start().await;
    let (room, events, mut wire) = relay.joined(600).await;
    drop(events);
    assert_eq!(wire.close_code().await, 1000);
    assert_eq!(room.status(), Status::Ended(EndReason::Left));
}

#[tokio::test]
async fn a_relay_that_contradicts_itself_is_left_with_4001_and_joined_afresh() {
    let mut relay = FakeRelay::start().await;
    let (room, mut events, mut wire) = relay.joined(600).await;
    let before = room.id();
    wire.send(json!({ "type": "locked", "seq": 7, "locked": true }))
        .await;
    // It comes after the contradiction, so nobody hears of it.
    wire.send(json!({ "type": "destroyed", "reason": "burned" }))
        .await;
    assert_eq!(wire.close_code().await, 4001);

    let mut wire = relay.accept().await;
    let join = wire.let_in(600).await;
    assert_eq!(join["seat_token"], SEAT_TOKEN);
    until(&mut events, |event| {
        matches!(event, Event::Rejoining { code: Code::Fork })
    })
    .await;
    until(&mut events, |event| matches!(event, Event::Joined { .. })).await;
    assert_ne!(room.id(), before);
}

#[tokio::test]
async fn a_room_burns_on_time_with_nobody_to_say_so() {
    let mut relay = FakeRelay::start().await;
    let (_room, mut events, wire) = relay.joined(1).await;
    drop(wire);
    relay.stop();
    assert_eq!(ending(&mut events).await, EndReason::LocalBurn);
    assert!(in_time(events.next()).await.is_none());
}

#[tokio::test]
async fn a_slow_application_holds_up_the_relay_but_not_the_burn() {
    let mut relay = FakeRelay::start().await;
    let (room, mut events, mut wire) = relay.joined(8).await;
    let countdown =
        |pad| json!({ "type": "countdown", "seconds_remaining": 8, "pad": "-".repeat(pad) });
    for _ in 0..1_024 {
        wire.send(countdown(0)).await;
    }
    // From here on only the kernel takes anything, and not for long.
    while timeout(Duration::from_secs(1), wire.send(countdown(60_000)))
        .await
        .is_ok()
    {}
    assert_eq!(room.status(), Status::Joined);
    in_time(async {
        while room.status() == Status::Joined {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    // Of all that came nothing is left but the end.
    let first = in_time(events.next()).await;
    assert!(
        matches!(first, Some(Event::Ended(EndReason::LocalBurn))),
        "{first:?}"
    );
}

#[tokio::test]
async fn what_was_not_read_before_the_burn_is_gone() {
    let mut relay = FakeRelay::start().await;
    let (_room, mut events, mut wire) = relay.joined(600).await;
    wire.send(json!({ "type": "countdown", "seconds_remaining": 590 }))
        .await;
    wire.send(json!({ "type": "destroyed", "reason": "shutdown" }))
        .await;
    assert_eq!(wire.close_code().await, 1000);
    let first = in_time(events.next()).await;
    assert!(
        matches!(
            first,
            Some(Event::Ended(EndReason::Burned(BurnKind::Shutdown)))
        ),
        "{first:?}"
    );
}

#[tokio::test]
async fn a_frame_that_does_not_parse_is_reported_and_survived() {
    let mut relay = FakeRelay::start().await;
    let (room, mut events, mut wire) = relay.joined(600).await;
    wire.send(json!({ "type": "countdown" })).await;
    until(&mut events, |event| {
        matches!(event, Event::Fault { error, .. } if error.code() == Code::MalformedFromRelay)
    })
    .await;
    assert_eq!(room.status(), Status::Joined);
}

#[tokio::test]
async fn a_refused_join_is_the_error_of_connect() {
    let mut relay = FakeRelay::start().await;
    let joining = tokio::spawn(connect(relay.link(), JoinOptions::default()));
    let mut wire = relay.accept().await;
    wire.receive().await;
    wire.send(json!({ "type": "error", "code": "wrong_pin", "attempts_left": 2 }))
        .await;
    let error = in_time(joining).await.unwrap().unwrap_err();
    let Error::Refused(refusal) = error else {
        panic!("{error:?}");
    };
    assert_eq!(refusal.code, Code::WrongPin);
    assert_eq!(refusal.attempts_left, Some(2));
}

#[tokio::test]
async fn a_relay_that_is_not_there_is_said_so_at_once() {
    let mut relay = FakeRelay::start().await;
    let link = relay.link();
    relay.stop();
    let error = in_time(connect(link, JoinOptions::default()))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Unreachable(_)), "{error:?}");
    assert_eq!(error.code(), None);
}

#[tokio::test]
async fn a_relay_that_made_another_room_is_not_believed() {
    let error = create_with_answer(
        "201 Created",
        r#"{"room_id":"AAAAAAAAAAAAAAAAAAAAAA","creator_token":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "pin":"ABCDEF","seconds_remaining":600}"#,
    )
    .await;
    assert_eq!(error.code(), Some(Code::UnexpectedFromRelay));
}

#[tokio::test]
async fn a_relay_may_refuse_a_room() {
    let error = create_with_answer(
        "429 Too Many Requests",
        r#"{"code":"too_many_rooms","retry_after_ms":5000}"#,
    )
    .await;
    let Error::Refused(refusal) = error else {
        panic!("{error:?}");
    };
    assert_eq!(refusal.code, Code::TooManyRooms);
    assert_eq!(refusal.retry_after_ms, Some(5_000));
}

#[tokio::test]
async fn what_is_not_a_relay_is_said_so() {
    let error = create_with_answer("404 Not Found", "<html></html>").await;
    assert!(matches!(error, Error::Unreachable(_)), "{error:?}");
}
