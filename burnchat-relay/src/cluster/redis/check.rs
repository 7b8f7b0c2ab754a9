//! Whether a Redis may be used.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use burnchat_core::crypto::{Secret, SecretBytes, ct_eq};
use redis::aio::MultiplexedConnection;
use redis::{ConnectionAddr, ConnectionInfo, cmd, pipe};
use tracing::warn;

use super::nodes::Kind;
use super::{ClusterError, random_key, unusable};
use crate::clock;

const KEY: &str = "key";
const CHECK: &str = "check";

fn refused(why: impl Into<String>) -> ClusterError {
    ClusterError(why.into())
}

/// Nobody on the way may read along.
pub(super) fn transport(info: &ConnectionInfo) -> Result<(), ClusterError> {
    match info.addr() {
        ConnectionAddr::Tcp(host, _) => {
            let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
            let here = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
            if here {
                Ok(())
            } else {
                Err(refused(
                    "Redis beyond this machine must be spoken to over TLS: use rediss://",
                ))
            }
        }
        ConnectionAddr::TcpTls { insecure: true, .. } => Err(refused(
            "a connection whose other end is not checked is not one to Redis: take #insecure away",
        )),
        ConnectionAddr::TcpTls { .. } | ConnectionAddr::Unix(_) => Ok(()),
        _ => Err(refused("this kind of address is not known")),
    }
}

/// One, or a node of many.
pub(super) async fn kind(connection: &mut MultiplexedConnection) -> Result<Kind, ClusterError> {
    let info = cmd("INFO").arg("cluster").to_owned();
    let info: String = info
        .query_async(connection)
        .await
        .map_err(|error| unusable(&error))?;
    Ok(match line(&info, "cluster_enabled") {
        Some("1") => Kind::Cluster,
        _ => Kind::Single,
    })
}

/// What a server's clock says.
pub(super) struct ItsClock {
    /// By how much it is ahead of this machine's, ms.
    pub(super) ahead_millis: i64,
    /// How long the answer took, ms: that may be wrong by half of it.
    pub(super) asked_for_millis: u64,
}

/// It keeps nothing on a disk, by itself or through a replica, and forgets nothing before its time.
#[expect(
    clippy::disallowed_methods,
    reason = "how long an answer took is no room's time"
)]
pub(super) async fn server(
    connection: &mut MultiplexedConnection,
    allow_persistent: bool,
) -> Result<ItsClock, ClusterError> {
    let asked = Instant::now();
    let (info, settings, time): (String, BTreeMap<String, String>, (u64, u64)) = pipe()
        .cmd("INFO")
        .cmd("CONFIG")
        .arg(&["GET", "save", "appendonly", "maxmemory-policy"])
        .cmd("TIME")
        .query_async(connection)
        .await
        .map_err(|error| unusable(&error))?;
    judge(&info, &settings, allow_persistent)?;
    let asked_for_millis = u64::try_from(asked.elapsed().as_millis()).unwrap_or(0);
    let since_then = time.1 / 1_000 + asked_for_millis / 2;
    let there = time.0.saturating_mul(1_000).saturating_add(since_then);
    Ok(ItsClock {
        ahead_millis: there
            .cast_signed()
            .saturating_sub(clock::wall_millis().cast_signed()),
        asked_for_millis,
    })
}

fn line<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = info.lines().filter_map(|line| line.trim().split_once(':'));
    lines.find(|(key, _)| *key == name).map(|(_, value)| value)
}

fn judge(
    info: &str,
    settings: &BTreeMap<String, String>,
    allow_persistent: bool,
) -> Result<(), ClusterError> {
    let setting = |name: &str| {
        let value = settings.get(name).map(String::as_str);
        value.ok_or_else(|| refused(format!("Redis does not say what `{name}` is")))
    };
    let version = line(info, "redis_version").unwrap_or_default();
    let major = version.split('.').next().and_then(|n| n.parse().ok());
    if major.unwrap_or(0) < 7 {
        return Err(refused(format!(
            "Redis 7 or newer is needed: this is {version}"
        )));
    }
    if line(info, "role") == Some("slave") {
        return Err(refused("this Redis is a replica: name the primary"));
    }

    let mut disks = Vec::new();
    if !setting("save")?.is_empty() {
        disks.push("it saves snapshots (`save` is not \"\")".to_owned());
    }
    if setting("appendonly")? != "no" {
        disks.push("it writes a log (`appendonly` is not \"no\")".to_owned());
    }
    let replicas: u32 = line(info, "connected_slaves")
        .and_then(|n| n.parse().ok())
        .unwrap_or(0);
    if replicas > 0 {
        disks.push(format!(
            "it has replicas ({replicas}), which may write to a disk"
        ));
    }
    if !disks.is_empty() {
        let disks = disks.join(", and ");
        if !allow_persistent {
            return Err(refused(format!(
                "this Redis may keep what it is told on a disk: {disks}. Rooms would outlive their burn there; \
                 --allow-persistent-redis takes it all the same"
            )));
        }
        warn!("******************************************************************************");
        warn!("This Redis may keep on a disk what must be gone: {disks}.");
        warn!("What was said is encrypted there, and yet rooms outlive their burn.");
        warn!("******************************************************************************");
    }
    let policy = setting("maxmemory-policy")?;
    if policy != "noeviction" {
        return Err(refused(format!(
            "this Redis forgets keys when its memory is full (`maxmemory-policy` is \"{policy}\"): set it to noeviction"
        )));
    }
    Ok(())
}

pub(super) fn key_of_file(path: &Path) -> Result<Secret<32>, ClusterError> {
    let read = std::fs::read(path);
    let bytes = read.map_err(|error| refused(format!("{}: {error}", path.display())))?;
    let bytes = SecretBytes::from(bytes);
    match bytes.as_slice().try_into() {
        Ok(key) => Ok(Secret::copy_of(key)),
        Err(_) => Err(refused(format!(
            "{}: 32 bytes are needed: `head -c 32 /dev/urandom` makes some",
            path.display()
        ))),
    }
}

/// The key that the first relay has drawn.
pub(super) async fn key_of_redis(
    connection: &mut MultiplexedConnection,
    kind: Kind,
) -> Result<Secret<32>, ClusterError> {
    let key = kind.only_key(KEY);
    let (bytes,): (Vec<u8>,) = pipe()
        .cmd("SET")
        .arg(&key)
        .arg(random_key().as_bytes())
        .arg("NX")
        .ignore()
        .cmd("GET")
        .arg(&key)
        .query_async(connection)
        .await
        .map_err(|error| unusable(&error))?;
    match SecretBytes::from(bytes).as_slice().try_into() {
        Ok(key) => Ok(Secret::copy_of(key)),
        Err(_) => Err(refused("the relays' key in Redis is not one")),
    }
}

/// Keeps this key there, unless there is one, and so what tells whether another relay has the same: the other relays must.
pub(super) async fn same_key(
    connection: &mut MultiplexedConnection,
    kind: Kind,
    to_keep: Option<&Secret<32>>,
    value: &[u8; 32],
) -> Result<(), ClusterError> {
    let [of_key, of_check] = [KEY, CHECK].map(|name| kind.only_key(name));
    let mut steps = pipe();
    if let Some(key) = to_keep {
        let set = steps.cmd("SET").arg(&of_key).arg(key.as_bytes());
        set.arg("NX").ignore();
    }
    let set = steps.cmd("SET").arg(&of_check).arg(value);
    set.arg("NX").ignore();
    steps.cmd("GET").arg(&of_check).cmd("EXISTS").arg(&of_key);
    let (there, in_redis): (Vec<u8>, bool) = steps
        .query_async(connection)
        .await
        .map_err(|error| unusable(&error))?;
    if !ct_eq(&there, value) || in_redis != to_keep.is_some() {
        return Err(refused(
            "the relays that use this Redis have another key: all of them need the same --cluster-key-file, or none",
        ));
    }
    Ok(())
}
