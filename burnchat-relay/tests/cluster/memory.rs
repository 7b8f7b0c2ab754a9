//! Of a room that several relays shared nothing is left in any of them, and nothing of it was ever in Redis.
//!
//! Only root may look there: without that right this test has nothing to say.

use burnchat_core::client::RoomSettings;

use super::balancer::Balancer;
use super::people::relay_with;
use super::redis::Redis;
use crate::harness::life::{HttpLife, Life};
use crate::harness::memory::{expect_nothing, search};

#[tokio::test]
async fn nothing_of_a_burned_room_is_left_in_any_relay_and_nothing_was_in_redis() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root may look into the memory of others");
        return;
    }
    let redis = Redis::start().await;
    // Nobody answers while the memory is searched.
    let patience = ["--ping-every-millis", "600000"];
    let relays = [
        relay_with(&redis, &patience).await,
        relay_with(&redis, &patience).await,
        relay_with(&redis, &patience).await,
    ];
    let balancer = Balancer::to(&relays.each_ref().map(|relay| relay.address)).await;
    let mut lives = Vec::new();
    let mut http_lives = Vec::new();
    for history in [false, true] {
        let settings = || RoomSettings {
            history,
            ..RoomSettings::default()
        };
        lives.push(Life::live(balancer.address, settings()).await);
        http_lives.push(HttpLife::live(balancer.address, settings()).await);
    }
    let mut markers = lives[0].markers();
    lives.iter().for_each(|life| markers.extend(life.markers()));
    let http_markers = http_lives.iter().map(HttpLife::markers);
    http_markers.for_each(|of_one| markers.extend(of_one));
    let finder = markers.finder();

    // It is known that it would be found.
    let found: usize = relays
        .iter()
        .map(|relay| search(relay.id(), &finder).len())
        .sum();
    assert!(found > 20, "{found}");
    // Redis holds all of it, and can read none.
    assert_eq!(redis.keys_of_rooms().await.len(), 8);
    expect_nothing(redis.id(), &finder).await;

    for life in lives {
        life.burn().await;
    }
    for life in http_lives {
        life.burn_over_http().await;
    }
    assert!(redis.keys_of_rooms().await.is_empty());
    for relay in &relays {
        expect_nothing(relay.id(), &finder).await;
    }
}
