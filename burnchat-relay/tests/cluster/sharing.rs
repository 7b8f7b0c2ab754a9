//! A room's whole life over several relays.

use burnchat_client::{BurnKind, EndReason, RoomSettings};

use super::people::{Guest, Made, relay};
use super::redis::Redis;
use crate::harness::http::post;
use crate::harness::plan;

#[tokio::test]
async fn people_at_three_relays_talk_in_one_room_and_nothing_is_left_of_it() {
    a_room_lives_and_burns(&Redis::start().await).await;
}

#[tokio::test]
async fn neither_is_anything_in_a_redis_cluster() {
    a_room_lives_and_burns(&Redis::cluster_of(3).await).await;
}

async fn a_room_lives_and_burns(redis: &Redis) {
    let relays = [relay(redis).await, relay(redis).await, relay(redis).await];
    let [a, b, c] = [0, 1, 2].map(|at: usize| relays[at].address);
    let made = Made::at(a).await;
    let mut ana = Guest::create(&made, &[a]).await;
    let mut ben = Guest::join(&made, &[b]).await;
    let mut cleo = Guest::join(&made, &[c]).await;
    for guest in [&mut ana, &mut ben, &mut cleo] {
        guest.until_here_are(3).await;
    }
    for round in 0..10 {
        for (guest, name) in [(&ana, "ana"), (&ben, "ben"), (&cleo, "cleo")] {
            guest.say(&format!("{name} {round}"));
        }
    }
    for guest in [&mut ana, &mut ben, &mut cleo] {
        guest
            .until(|guest| guest.accepted == 10 && guest.heard.len() == 20)
            .await;
    }
    // Everybody has heard each of the others in order.
    for guest in [&ana, &ben, &cleo] {
        for name in ["ana", "ben", "cleo"] {
            let said: Vec<_> = guest
                .heard
                .iter()
                .filter(|text| text.starts_with(name))
                .collect();
            let expected: Vec<_> = (0..10).map(|round| format!("{name} {round}")).collect();
            assert!(
                said.is_empty() || said.iter().copied().eq(&expected),
                "{said:?}"
            );
        }
    }
    ana.room.lock(true).unwrap();
    ben.until(|guest| guest.room.is_locked()).await;
    cleo.room.leave();
    ben.until_here_are(2).await;
    assert_eq!(redis.keys_of_rooms().await.len(), 2);

    ana.room.burn().unwrap();
    for guest in [&mut ana, &mut ben] {
        guest.until(|guest| guest.ended.is_some()).await;
        assert_eq!(guest.ended, Some(EndReason::Burned(BurnKind::Asked)));
    }
    assert!(redis.keys_of_rooms().await.is_empty());
    let everything = redis.everything().await;
    let id = made.link_by(a).room_id();
    let written = id.to_base64();
    let traces: [&[u8]; 4] = [written.as_bytes(), id.as_bytes(), b"ana 1", b"sealed_name"];
    for trace in traces {
        let found = everything
            .windows(trace.len())
            .any(|window| window == trace);
        assert!(!found, "a trace of the room");
    }
}

#[tokio::test]
async fn of_two_relays_that_make_one_room_at_once_one_has_made_it() {
    let redis = Redis::start().await;
    let (one, two) = (relay(&redis).await, relay(&redis).await);
    for _ in 0..50 {
        let (request, _) = plan(one.address, RoomSettings::default());
        let made = tokio::join!(
            post(one.address, "/api/rooms", request.as_bytes()),
            post(two.address, "/api/rooms", request.as_bytes()),
        );
        let (first, second) = match (made.0.status, made.1.status) {
            (201, _) => made,
            _ => (made.1, made.0),
        };
        assert_eq!(first.status, 201, "{}", first.body);
        assert_eq!(second.refusal(), (409, "room_exists".to_owned()));
    }
    // Nothing of what was refused is left, at either.
    assert_eq!(redis.keys_of_rooms().await.len(), 50);
}
