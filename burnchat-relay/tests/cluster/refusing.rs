//! What relays don't share rooms through, and with whom they don't.

use std::fs;
use std::net::SocketAddr;

use super::people::{relay_at, relay_with};
use super::redis::Redis;
use crate::harness::program::run;
use crate::harness::tls::Root;

async fn refused(arguments: &[&str], why: &str) {
    let words = [&["--listen", "127.0.0.1:0"], arguments].concat();
    let output = run(&words).await;
    let log = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{log}");
    assert!(log.contains(why), "{log}");
}

#[tokio::test]
async fn a_redis_that_keeps_things_or_forgets_others_is_refused() {
    let redis = Redis::with(&["--save", "60 1", "--appendonly", "no"]).await;
    let url = redis.url();
    refused(&["--cluster", &url], "it saves snapshots").await;
    // Unless that is what is wanted.
    relay_with(&redis, &["--allow-persistent-redis"]).await;

    let redis = Redis::with(&["--save", "", "--appendonly", "yes"]).await;
    refused(&["--cluster", &redis.url()], "it writes a log").await;

    let settings = [
        "--save",
        "",
        "--maxmemory",
        "100mb",
        "--maxmemory-policy",
        "allkeys-lru",
    ];
    let redis = Redis::with(&settings).await;
    refused(&["--cluster", &redis.url()], "set it to noeviction").await;
}

#[tokio::test]
async fn a_way_on_which_others_can_read_along_is_refused() {
    refused(&["--cluster", "redis://192.0.2.1:6379"], "over TLS").await;
    refused(&["--cluster", "redis://127.0.0.1:1"], "it can't be reached").await;
    refused(&["--cluster", "nonsense"], "can't be read").await;
}

#[tokio::test]
async fn relays_with_another_key_are_refused() {
    let redis = Redis::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, byte: u8, len: usize| {
        let path = folder.path().join(name);
        fs::write(&path, vec![byte; len]).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (one, other, short) = (
        file("one", 1, 32),
        file("other", 2, 32),
        file("short", 1, 31),
    );
    let url = redis.url();
    let with = |path: &str| ["--cluster", &url, "--cluster-key-file", path].map(str::to_owned);
    let words = |all: &[String]| all.to_vec();
    let _first = relay_with(&redis, &["--cluster-key-file", &one]).await;
    let _second = relay_with(&redis, &["--cluster-key-file", &one]).await;
    for (path, why) in [
        (&other, "have another key"),
        (&short, "32 bytes are needed"),
    ] {
        let all = words(&with(path));
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        refused(&all, why).await;
    }
    refused(&["--cluster", &url], "have another key").await;
}

/// What the guide lets a user do, and what more in a Redis Cluster.
const RULES: &str = "~bc:* &bc:* +hset +hmget +hdel +hgetall +hincrby +exists +del +pexpireat +set +get +zadd +zrem +zscore \
                     +zrange +zremrangebyscore +evalsha +script|load +publish +subscribe +time +info +config|get +ping";
const RULES_OF_CLUSTER: &str = "-publish -subscribe +spublish +ssubscribe +cluster|slots";

#[tokio::test]
async fn a_user_and_a_password_are_shown() {
    shows_a_user_and_a_password(&Redis::start().await, RULES).await;
    let rules = format!("{RULES} {RULES_OF_CLUSTER}");
    shows_a_user_and_a_password(&Redis::cluster_of(2).await, &rules).await;
}

async fn shows_a_user_and_a_password(redis: &Redis, rules: &str) {
    let mut words = vec!["ACL", "SETUSER", "relay", "on", ">secret"];
    words.extend(rules.split_whitespace());
    assert!(redis.ask(&words).await.starts_with("OK"));
    let nobody_else = redis.ask(&["ACL", "SETUSER", "default", "off"]);
    assert!(nobody_else.await.starts_with("OK"));
    refused(&["--cluster", &redis.url()], "another user or password").await;
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    fs::write(&password, "secret\n").unwrap();
    let url = match redis.url().strip_prefix("redis://") {
        Some(address) => format!("redis://relay@{address}"),
        None => format!("{}?user=relay", redis.url()),
    };
    let relay = crate::harness::program::Program::start(&[
        "--listen",
        "127.0.0.1:0",
        "--cluster",
        &url,
        "--cluster-password-file",
        password.to_str().unwrap(),
    ])
    .await;
    talk_alone(relay.address).await;
}

#[tokio::test]
async fn a_redis_with_replicas_and_a_replica_are_refused() {
    let primary = Redis::on_a_port().await;
    let of = ["--save", "", "--appendonly", "no", "--replicaof"];
    let replica = Redis::with(&[&of[..], &["127.0.0.1", primary.port()]].concat()).await;
    primary.until_info_says("connected_slaves:1").await;
    refused(&["--cluster", &primary.url()], "it has replicas (1)").await;
    refused(
        &["--cluster", &replica.url()],
        "this Redis is a replica: name the primary",
    )
    .await;
    relay_with(&primary, &["--allow-persistent-redis"]).await;
}

#[tokio::test]
async fn over_tls_redis_must_show_a_certificate_that_is_trusted() {
    let root = Root::new();
    let (certificate, key) = root.issue("localhost");
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let files = [
        file("certificate", &certificate),
        file("key", &key),
        file("root", &root.certificate.pem()),
    ];
    let redis = Redis::over_tls(&files).await;
    shows_a_certificate_that_is_trusted(redis, &files[2]).await;
    let cluster = Redis::cluster_with(2, &[], Some(&files)).await;
    shows_a_certificate_that_is_trusted(cluster, &files[2]).await;
}

async fn shows_a_certificate_that_is_trusted(mut redis: Redis, root: &str) {
    let url = redis.url();
    refused(&["--cluster", &url], "Redis can't be used").await;
    let insecure = format!("{url}/#insecure");
    refused(&["--cluster", &insecure], "whose other end is not checked").await;

    let relay = relay_at(&url, &["--cluster-ca", root]).await;
    talk_alone(relay.address).await;
    // It finds its way back, too.
    redis.restart(0).await;
    talk_alone(relay.address).await;
}

#[tokio::test]
async fn a_redis_cluster_is_refused_for_any_of_its_nodes_and_when_it_is_not_whole() {
    let keeps = ["--save", "60 1"];
    let cluster = Redis::cluster_with(3, &keeps, None).await;
    refused(&["--cluster", &cluster.url()], "it saves snapshots").await;

    let mut cluster = Redis::cluster_of(2).await;
    let socket = format!("redis+unix://{}", cluster.socket().display());
    refused(&["--cluster", &socket], "name one by redis://").await;
    cluster.stop(1).await;
    refused(&["--cluster", &cluster.url()], "it can't be reached").await;
    let lost = cluster.ask_one(0, &["CLUSTER", "DELSLOTS", "511"]).await;
    assert_eq!(lost, "OK");
    refused(&["--cluster", &cluster.url()], "slots that no node has").await;
}

/// A room is made and joined, as soon as the relay can do that.
async fn talk_alone(relay: SocketAddr) {
    let made = super::people::Made::at_last(relay).await;
    let mut ana = super::people::Guest::create(&made, &[relay]).await;
    ana.until(|guest| guest.room.participants().len() == 1)
        .await;
}
