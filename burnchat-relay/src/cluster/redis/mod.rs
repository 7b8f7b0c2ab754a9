//! Redis (7 or newer) or Valkey as the shared memory, one or a Redis Cluster of them: scripts, which are done whole or not at
//! all, and its pub/sub.

mod check;
mod ear;
mod nodes;
mod scripts;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use burnchat_core::crypto::Secret;
use futures_util::future::try_join;
use redis::{Client, ConnectionAddr, IntoConnectionInfo, RedisError, TlsCertificates};

use self::ear::Ears;
use self::nodes::{Kind, Nodes};
use self::scripts::Scripts;
use super::seam::{Bus, Lost, Member, Op, Outcome, Partition, Session, Soon, Store};
use super::{Cluster, ClusterKey};
use crate::rng;

/// Where the shared memory is, and what it may be.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct ClusterOptions {
    /// `redis://`, `rediss://` or `redis+unix://`, with a user name where there is an ACL. Of a Redis Cluster, one of its
    /// nodes by `redis://` or `rediss://`: it knows where the others are.
    pub url: String,
    /// The password, if the URL has none.
    pub password: Option<String>,
    /// A file with 32 bytes that all relays of the cluster have and Redis has not. Without it the key is drawn by the
    /// first relay and kept in Redis: then whoever reads its memory can read what the relays can.
    pub key_file: Option<PathBuf>,
    /// A file with the certificates, in PEM, by which Redis is known over TLS. Without it these are the authorities that
    /// browsers trust.
    pub ca_file: Option<PathBuf>,
    /// Take a Redis that writes to a disk.
    pub allow_persistent: bool,
}

/// Why the shared memory can't be used.
#[derive(Debug)]
pub struct ClusterError(String);

impl fmt::Display for ClusterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ClusterError {}

impl fmt::Debug for ClusterOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterOptions").finish_non_exhaustive()
    }
}

impl Cluster {
    /// Connects to Redis, once, to find out whether it may be used: it must keep nothing on a disk and evict nothing,
    /// nobody on the way may read along, and the other relays must have the same key.
    ///
    /// An application that has rustls with more than one provider of cryptography in it installs a default one before it
    /// connects to a `rediss://` address.
    ///
    /// # Errors
    /// Why not, for people.
    pub async fn connect(options: &ClusterOptions) -> Result<Self, ClusterError> {
        let entrance = client(options)?;
        check::transport(entrance.get_connection_info())?;
        let nodes = Nodes::reach(vec![entrance.clone()], options.allow_persistent).await?;
        let (kind, mut connection) = (nodes.kind, nodes.first.clone());
        let root = match &options.key_file {
            Some(path) => check::key_of_file(path)?,
            None => check::key_of_redis(&mut connection, kind).await?,
        };
        let to_keep = match options.key_file {
            Some(_) => None,
            None => Some(Secret::copy_of(root.as_bytes())),
        };
        let check_value = ClusterKey::new(&root).check_value();
        check::same_key(&mut connection, kind, to_keep.as_ref(), &check_value).await?;
        let bus = Redis {
            entrance,
            known: Mutex::new(nodes.clients()),
            kind,
            allow_persistent: options.allow_persistent,
            to_keep,
            check_value,
        };
        Ok(Self::new(&root, Box::new(bus), nodes.ahead_millis))
    }
}

fn client(options: &ClusterOptions) -> Result<Client, ClusterError> {
    let wrong = |_| ClusterError("the address of the shared memory can't be read".to_owned());
    let info = options.url.as_str().into_connection_info().map_err(wrong)?;
    // Who asks is nothing Redis must know.
    let mut settings = info.redis_settings().clone().set_skip_set_lib_name();
    if let Some(password) = &options.password {
        settings = settings.set_password(password);
    }
    let info = info.set_redis_settings(settings);
    match (&options.ca_file, info.addr()) {
        (Some(path), ConnectionAddr::TcpTls { .. }) => {
            let read = std::fs::read(path);
            let pem = read.map_err(|error| ClusterError(format!("{}: {error}", path.display())))?;
            let certificates = TlsCertificates {
                client_tls: None,
                root_cert: Some(pem),
            };
            let no_pem = |_| ClusterError(format!("{}: no certificates in PEM", path.display()));
            Client::build_with_tls(info, certificates).map_err(no_pem)
        }
        _ => Client::open(info).map_err(wrong),
    }
}

/// Without what Redis says of it, which may name who asked.
fn unusable(error: &RedisError) -> ClusterError {
    ClusterError(format!("Redis can't be used: {}", error.kind_text()))
}

struct Redis {
    entrance: Client,
    /// Where it was found the last time, should the entrance be no more.
    known: Mutex<Vec<Client>>,
    kind: Kind,
    allow_persistent: bool,
    /// The cluster's key, where it is kept in Redis.
    to_keep: Option<Secret<32>>,
    check_value: [u8; 32],
}

impl Redis {
    /// It may be another than the last time.
    async fn reach(&self) -> Result<Nodes, ClusterError> {
        let mut entrances = vec![self.entrance.clone()];
        if self.kind == Kind::Cluster {
            entrances.extend(self.known().iter().cloned());
        }
        let nodes = Nodes::reach(entrances, self.allow_persistent).await?;
        if nodes.kind != self.kind {
            let why = "it has become a Redis Cluster, or is none any more: start the relays anew";
            return Err(ClusterError(why.to_owned()));
        }
        let (to_keep, value) = (self.to_keep.as_ref(), &self.check_value);
        check::same_key(&mut nodes.first.clone(), self.kind, to_keep, value).await?;
        *self.known() = nodes.clients();
        Ok(nodes)
    }

    fn known(&self) -> MutexGuard<'_, Vec<Client>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bus for Redis {
    fn partitions(&self) -> Partition {
        self.kind.partitions()
    }

    fn join(&self) -> Soon<'_, Result<Session, Lost>> {
        Box::pin(async {
            let nodes = self.reach().await.map_err(|error| Lost(error.0))?;
            let scripts = Scripts::load(&nodes).await.map_err(lost)?;
            // A number nobody has had. Who is to be spoken to under it listens before anybody knows of it.
            let member = scripts.draw(&nodes).await.map_err(lost)?;
            let (ears, notes) = Ears::open(&nodes, member).await.map_err(lost)?;
            scripts.enter(&nodes, member).await.map_err(lost)?;
            let store = RedisStore {
                nodes,
                scripts,
                ears,
                member,
            };
            Ok(Session {
                member,
                store: Box::new(store),
                notes,
            })
        })
    }
}

struct RedisStore {
    nodes: Nodes,
    scripts: Scripts,
    ears: Ears,
    member: Member,
}

impl Store for RedisStore {
    fn run(&self, ops: Vec<Op>) -> Soon<'_, Result<Vec<Outcome>, Lost>> {
        Box::pin(async move {
            let all = self.nodes.partitions();
            let (mut commands, mut counts) = (Vec::with_capacity(ops.len()), Vec::new());
            for op in &ops {
                let partitions = match op.partition(all.end) {
                    Some(partition) => partition..partition + 1,
                    None => all.clone(),
                };
                counts.push(partitions.len());
                commands.extend(partitions.map(|at| (at, self.scripts.command(at, op))));
            }
            let answers = self.nodes.run(commands).await.map_err(lost)?;
            let mut answers = answers.into_iter();
            let outcomes = ops.iter().zip(counts).map(|(op, count)| {
                let all = answers.by_ref().take(count);
                // Where there are several, they are alike.
                all.map(|answer| scripts::outcome(op, answer)).last()?
            });
            let outcomes: Option<Vec<_>> = outcomes.collect();
            outcomes.ok_or_else(|| Lost("Redis answers something else".to_owned()))
        })
    }

    fn beat(&self) -> Soon<'_, Result<Option<Vec<Member>>, Lost>> {
        Box::pin(async move {
            let living = self.scripts.beat(&self.nodes, self.member);
            let (living, ()) = try_join(living, self.ears.ping()).await.map_err(lost)?;
            Ok(living)
        })
    }
}

fn lost(error: RedisError) -> Lost {
    Lost(error.kind_text().to_owned())
}

/// A key for a cluster whose relays have no file.
fn random_key() -> Secret<32> {
    Secret::random(&mut rng::system())
}

/// What kind of error it is, in words that name nobody.
trait KindText {
    fn kind_text(&self) -> &'static str;
}

impl KindText for RedisError {
    fn kind_text(&self) -> &'static str {
        if self.is_timeout() {
            "it does not answer in time"
        } else if self.is_connection_refusal() {
            "it can't be reached"
        } else if self.is_connection_dropped() || self.is_io_error() {
            "the connection is lost"
        } else {
            let errors = self.clone().into_server_errors();
            // Of several steps at once, the first that failed.
            let first = errors.iter().flat_map(|errors| errors.first());
            let code = first.map(|(_, error)| error.code()).next();
            match code.or(self.code()) {
                Some("NOAUTH" | "WRONGPASS") => "it wants another user or password",
                Some("NOPERM") => "its user may not do what is needed",
                Some("READONLY") => "it is a replica",
                Some("OOM") => "its memory is full",
                Some("LOADING" | "BUSY") => "it is busy",
                Some("CLUSTERDOWN") => "not all nodes of the Redis Cluster are there",
                Some("MOVED" | "ASK" | "TRYAGAIN") => "what it has is another node's now",
                _ => "it refuses what it is asked",
            }
        }
    }
}
