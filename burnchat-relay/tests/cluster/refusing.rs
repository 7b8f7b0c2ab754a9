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

#[tokio::test]
async fn a_user_and_a_password_are_shown() {
    let redis = Redis::start().await;
    let rules = "~bc:* &bc:* +hset +hget +hmget +hdel +hgetall +hincrby +exists +del +pexpireat +set +get +incr +zadd \
                 +zrem +zscore +zrange +zremrangebyscore +evalsha +script|load +publish +subscribe +time +info +config|get \
                 +ping";
    let mut words = vec!["ACL", "SETUSER", "relay", "on", ">secret"];
    words.extend(rules.split_whitespace());
    assert_eq!(redis.ask(&words).await, "OK");
    assert_eq!(redis.ask(&["ACL", "SETUSER", "default", "off"]).await, "OK");
    refused(&["--cluster", &redis.url()], "another user or password").await;
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    fs::write(&password, "secret\n").unwrap();
    let url = format!("{}?user=relay", redis.url());
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
    let mut redis = Redis::over_tls(&files).await;
    let url = redis.tls_url();
    refused(&["--cluster", &url], "Redis can't be used").await;
    let insecure = format!("{url}/#insecure");
    refused(&["--cluster", &insecure], "whose other end is not checked").await;

    let relay = relay_at(&url, &["--cluster-ca", &files[2]]).await;
    talk_alone(relay.address).await;
    // It finds its way back, too.
    redis.restart().await;
    talk_alone(relay.address).await;
}

/// A room is made and joined, as soon as the relay can do that.
async fn talk_alone(relay: SocketAddr) {
    let made = super::people::Made::at_last(relay).await;
    let mut ana = super::people::Guest::create(&made, &[relay]).await;
    ana.until(|guest| guest.room.participants().len() == 1)
        .await;
}
