//! Relays that are killed, stopped and restarted in the middle of it.

use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use tokio::time::sleep;

use super::balancer::Balancer;
use super::people::{Guest, Made, numbered, relay, relay_with};
use super::redis::Redis;
use crate::harness::http::get;
use crate::harness::program::Program;
use crate::harness::{in_time, now};

/// How long a conversation may stand still.
const WITHIN: Duration = Duration::from_secs(5);

#[tokio::test]
async fn the_owner_is_killed_and_what_was_said_arrives_once_and_in_order() {
    kill_the_owner(&Redis::start().await).await;
}

#[tokio::test]
async fn the_same_in_a_redis_cluster() {
    kill_the_owner(&Redis::cluster_of(3).await).await;
}

async fn kill_the_owner(redis: &Redis) {
    let (one, two, three) = (relay(redis).await, relay(redis).await, relay(redis).await);
    let [a, b, c] = [one.address, two.address, three.address];
    let made = Made::at(a).await;
    // Ana is connected to the owner, and comes back by another.
    let mut ana = Guest::create(&made, &[a, b, c]).await;
    let mut ben = Guest::join(&made, &[b]).await;
    let mut cleo = Guest::join(&made, &[c]).await;
    for guest in [&mut ana, &mut ben, &mut cleo] {
        guest.until_here_are(3).await;
    }
    ana.balancer.point_to(&[b, c]);
    for n in 0..20 {
        for (guest, name) in [(&ana, "ana"), (&ben, "ben")] {
            guest.say(&format!("{name} {n}"));
        }
        if n == 10 {
            // Some of it is on its way.
            cleo.until(|guest| guest.heard.len() > 4).await;
            one.signal(Signal::KILL);
        }
    }
    let killed = now();
    for (guest, heard) in [(&mut ana, 20), (&mut ben, 20), (&mut cleo, 40)] {
        guest.until(|guest| guest.heard.len() >= heard).await;
    }
    let took = Duration::from_millis(now().millis_since(killed));
    for guest in [&mut ana, &mut ben] {
        guest.until(|guest| guest.accepted == 20).await;
    }
    sleep(Duration::from_millis(300)).await;
    for (guest, name) in [(&ana, "ben"), (&ben, "ana")] {
        assert_eq!(guest.heard, numbered(name, 20));
    }
    for name in ["ana", "ben"] {
        let said: Vec<_> = cleo
            .heard
            .iter()
            .filter(|text| text.starts_with(name))
            .cloned()
            .collect();
        assert_eq!(said, numbered(name, 20));
    }
    println!("gone on after {took:?}");
    assert!(took < WITHIN, "{took:?}");
}

#[tokio::test]
async fn an_edge_is_killed_and_its_people_come_back_elsewhere() {
    let redis = Redis::start().await;
    let (one, two, three) = (
        relay(&redis).await,
        relay(&redis).await,
        relay(&redis).await,
    );
    let [a, b, c] = [one.address, two.address, three.address];
    let made = Made::at(a).await;
    let mut ana = Guest::create(&made, &[a]).await;
    let mut ben = Guest::join(&made, &[b]).await;
    for guest in [&mut ana, &mut ben] {
        guest.until_here_are(2).await;
    }
    ben.balancer.point_to(&[c]);
    two.kill().await;
    for n in 0..10 {
        ana.say(&format!("ana {n}"));
        ben.say(&format!("ben {n}"));
    }
    ana.until(|guest| guest.heard.len() == 10).await;
    ben.until(|guest| guest.heard.len() == 10).await;
    assert_eq!(ana.heard, numbered("ben", 10));
    assert_eq!(ben.heard, numbered("ana", 10));
    assert_eq!(ana.room.participants().len(), 2);
}

#[tokio::test]
async fn an_owner_that_slept_too_long_serves_nothing_of_what_is_anothers_now() {
    let redis = Redis::start().await;
    let (one, two) = (relay(&redis).await, relay(&redis).await);
    let [a, b] = [one.address, two.address];
    let made = Made::at(a).await;
    let mut ana = Guest::create(&made, &[a, b]).await;
    let mut ben = Guest::join(&made, &[b]).await;
    for guest in [&mut ana, &mut ben] {
        guest.until_here_are(2).await;
    }
    one.signal(Signal::STOP);
    ben.say("ben 0");
    // It is accepted by the next owner.
    ben.until(|guest| guest.accepted == 1).await;
    one.signal(Signal::CONT);
    ana.say("ana 0");
    ana.until(|guest| guest.accepted == 1 && guest.heard.len() == 1)
        .await;
    ben.until(|guest| guest.heard.len() == 1).await;
    assert_eq!(ana.heard, ["ben 0"]);
    assert_eq!(ben.heard, ["ana 0"]);
}

#[tokio::test]
async fn redis_forgets_everything_and_so_do_the_relays() {
    let mut redis = Redis::start().await;
    let watched = relay_with(&redis, &["--metrics-listen", "127.0.0.1:0"]);
    let (one, two) = (watched.await, relay(&redis).await);
    let [a, b] = [one.address, two.address];
    let made = Made::at(a).await;
    let mut ana = Guest::create(&made, &[a]).await;
    let mut ben = Guest::join(&made, &[b]).await;
    for guest in [&mut ana, &mut ben] {
        guest.until_here_are(2).await;
    }
    let metrics = one.metrics.unwrap();
    assert_eq!(get(metrics, "/readyz", &[]).await.status, 200);
    redis.stop(0).await;
    in_time(async { while get(metrics, "/readyz", &[]).await.status != 503 {} }).await;
    redis.restart(0).await;
    for guest in [&mut ana, &mut ben] {
        guest.until(|guest| guest.ended.is_some()).await;
    }
    // They go on by themselves.
    in_time(async { while get(metrics, "/readyz", &[]).await.status != 200 {} }).await;
    let made = Made::at_last(a).await;
    let mut ana = Guest::create(&made, &[a]).await;
    let mut ben = Guest::join(&made, &[b]).await;
    for guest in [&mut ana, &mut ben] {
        guest.until_here_are(2).await;
    }
    ana.say("again");
    ben.until(|guest| guest.heard.len() == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn relays_are_restarted_one_after_the_other_and_nothing_is_lost() {
    restart_relays(&Redis::start().await, 1_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_is_it_in_a_redis_cluster() {
    restart_relays(&Redis::cluster_of(3).await, 200).await;
}

async fn restart_relays(redis: &Redis, count: usize) {
    let unlimited = [
        "--rooms-of-peer",
        "100000",
        "--connections-of-peer",
        "100000",
        "--joins-of-peer",
        "10000:100000",
    ];
    let mut relays = Vec::new();
    for _ in 0..3 {
        relays.push(relay_with(redis, &unlimited).await);
    }
    let addresses =
        |relays: &[Program]| -> Vec<_> { relays.iter().map(|relay| relay.address).collect() };
    let balancer = Arc::new(Balancer::to(&addresses(&relays)).await);
    let mut rooms = Vec::new();
    for n in 0..count {
        let made = Made::at(relays[n % 3].address).await;
        let ana = Guest::join_by(&made, &balancer).await;
        let ben = Guest::join_by(&made, &balancer).await;
        rooms.push((ana, ben));
    }
    for (ana, ben) in &mut rooms {
        ana.until_here_are(2).await;
        ben.until_here_are(2).await;
    }
    let mut said = 0;
    for _ in 0..3 {
        let newcomer = relay_with(redis, &unlimited).await;
        let mut leaver = relays.remove(0);
        relays.push(newcomer);
        balancer.point_to(&addresses(&relays));
        for n in said..said + 2 {
            for (ana, ben) in &rooms {
                ana.say(&format!("ana {n}"));
                ben.say(&format!("ben {n}"));
            }
            if n == said {
                // In the middle of it.
                leaver.signal(Signal::TERM);
            }
        }
        said += 2;
        assert_eq!(leaver.exit_code().await, 0);
        for (ana, ben) in &mut rooms {
            for guest in [ana, ben] {
                guest
                    .until(|guest| guest.heard.len() >= said && guest.accepted >= said)
                    .await;
            }
        }
    }
    for (ana, ben) in &rooms {
        assert_eq!(ana.heard, numbered("ben", said));
        assert_eq!(ben.heard, numbered("ana", said));
    }
}
