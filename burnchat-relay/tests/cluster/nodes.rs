//! What befalls the nodes of a Redis Cluster, and what becomes of the rooms.

use super::people::{Guest, Made, numbered, relay, relay_at};
use super::redis::Redis;
use crate::harness::in_time;

/// Who made a room, and another, each at a relay of their own.
struct Pair {
    ana: Guest,
    ben: Guest,
    /// In which node the room is.
    node: usize,
}

/// Rooms, until each node has some.
async fn rooms_everywhere(
    redis: &Redis,
    nodes: usize,
    relays: [std::net::SocketAddr; 2],
) -> Vec<Pair> {
    let [a, b] = relays;
    let mut pairs: Vec<Pair> = Vec::new();
    let mut counts = vec![0; nodes];
    while counts.contains(&0) {
        let made = Made::at(a).await;
        let mut ana = Guest::create(&made, &[a]).await;
        let mut ben = Guest::join(&made, &[b]).await;
        for guest in [&mut ana, &mut ben] {
            guest.until_here_are(2).await;
        }
        let mut now = Vec::new();
        for node in 0..nodes {
            now.push(redis.keys_of_rooms_in(node).await.len());
        }
        let grown = (0..nodes).filter(|node| now[*node] > counts[*node]);
        let grown: Vec<usize> = grown.collect();
        assert_eq!(grown.len(), 1, "a room is in one node");
        pairs.push(Pair {
            ana,
            ben,
            node: grown[0],
        });
        counts = now;
    }
    pairs
}

#[tokio::test]
async fn a_node_that_forgets_everything_has_its_rooms_burned_and_no_others() {
    let mut redis = Redis::cluster_of(3).await;
    // By a node that is not the one to go, and by the one.
    let one = relay_at(&redis.url_by(0), &[]).await;
    let two = relay_at(&redis.url_by(1), &[]).await;
    let mut pairs = rooms_everywhere(&redis, 3, [one.address, two.address]).await;
    redis.restart(1).await;
    for Pair { ana, ben, node } in &mut pairs {
        if *node == 1 {
            for guest in [ana, ben] {
                guest.until(|guest| guest.ended.is_some()).await;
            }
        } else {
            ana.say("ana 0");
            ben.say("ben 0");
            ana.until(|guest| guest.heard.len() == 1 && guest.accepted == 1)
                .await;
            ben.until(|guest| guest.heard.len() == 1 && guest.accepted == 1)
                .await;
        }
    }
    let burned = redis.keys_of_rooms_in(1).await;
    assert!(burned.is_empty(), "{} keys", burned.len());
}

#[tokio::test]
async fn a_slot_moves_to_another_node_in_the_middle_of_it() {
    let redis = Redis::cluster_of(2).await;
    let (one, two) = (relay(&redis).await, relay(&redis).await);
    let [a, b] = [one.address, two.address];
    let made = Made::at(a).await;
    let mut ana = Guest::create(&made, &[a, b]).await;
    let mut ben = Guest::join(&made, &[b, a]).await;
    for guest in [&mut ana, &mut ben] {
        guest.until_here_are(2).await;
    }
    let keys = redis.keys_of_rooms().await;
    let slot = redis.ask_one(0, &["CLUSTER", "KEYSLOT", &keys[0]]).await;
    let from = usize::from(redis.keys_of_rooms_in(0).await.is_empty());
    for n in 0..20 {
        ana.say(&format!("ana {n}"));
        ben.say(&format!("ben {n}"));
        if n == 10 {
            ben.until(|guest| guest.heard.len() > 4).await;
            redis.move_slot(&slot, from, 1 - from).await;
        }
    }
    for guest in [&mut ana, &mut ben] {
        guest
            .until(|guest| guest.heard.len() >= 20 && guest.accepted >= 20)
            .await;
    }
    assert_eq!(ana.heard, numbered("ben", 20));
    assert_eq!(ben.heard, numbered("ana", 20));
    assert!(redis.keys_of_rooms_in(from).await.is_empty());
    // Both relays have noticed, and are members again.
    in_time(async { Made::at_last(a).await }).await;
    in_time(async { Made::at_last(b).await }).await;
}
