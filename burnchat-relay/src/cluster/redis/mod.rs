//! Redis (7 or newer) or Valkey as the shared memory: scripts, which are done whole or not at all, and its pub/sub.

mod check;
mod scripts;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use burnchat_core::crypto::Secret;
use futures_util::StreamExt;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, IntoConnectionInfo, RedisError, TlsCertificates,
    Value,
};
use tokio::sync::mpsc;

use self::scripts::Scripts;
use super::seam::{Bus, LEASE, Lost, Member, NOTES, Op, Outcome, Session, Soon, Store};
use super::{Cluster, ClusterKey};
use crate::rng;

/// How long a step may take. It is longer than a member lives without a sign.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Where the shared memory is, and what it may be.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct ClusterOptions {
    /// `redis://`, `rediss://` or `redis+unix://`, with a user name where there is an ACL.
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
        let client = client(options)?;
        check::transport(client.get_connection_info())?;
        let mut connection = connection(&client)
            .await
            .map_err(|error| unusable(&error))?;
        let ahead_millis = check::server(&mut connection, options.allow_persistent).await?;
        let root = match &options.key_file {
            Some(path) => check::key_of_file(path)?,
            None => check::key_of_redis(&mut connection).await?,
        };
        let to_keep = match options.key_file {
            Some(_) => None,
            None => Some(Secret::copy_of(root.as_bytes())),
        };
        let check_value = ClusterKey::new(&root).check_value();
        check::same_key(&mut connection, to_keep.as_ref(), &check_value).await?;
        let bus = Redis {
            client,
            allow_persistent: options.allow_persistent,
            to_keep,
            check_value,
        };
        Ok(Self::new(&root, Box::new(bus), ahead_millis))
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

async fn connection(client: &Client) -> Result<MultiplexedConnection, RedisError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(LEASE))
        .set_response_timeout(Some(ANSWER_WITHIN));
    client
        .get_multiplexed_async_connection_with_config(&config)
        .await
}

/// Without what Redis says of it, which may name who asked.
fn unusable(error: &RedisError) -> ClusterError {
    ClusterError(format!("Redis can't be used: {}", error.kind_text()))
}

struct Redis {
    client: Client,
    allow_persistent: bool,
    /// The cluster's key, where it is kept in Redis.
    to_keep: Option<Secret<32>>,
    check_value: [u8; 32],
}

impl Bus for Redis {
    fn join(&self) -> Soon<'_, Result<Session, Lost>> {
        Box::pin(async {
            let mut connection = connection(&self.client).await.map_err(lost)?;
            // It may be another than the last time.
            check::server(&mut connection, self.allow_persistent)
                .await
                .map_err(|error| Lost(error.0))?;
            check::same_key(&mut connection, self.to_keep.as_ref(), &self.check_value)
                .await
                .map_err(|error| Lost(error.0))?;
            // A number nobody has had. Who is to be spoken to under it listens before anybody knows of it.
            let (scripts, member) = Scripts::load(&mut connection).await.map_err(lost)?;
            let notes = subscribe(&self.client, member).await.map_err(lost)?;
            scripts.enter(&mut connection, member).await.map_err(lost)?;
            let store = RedisStore {
                connection,
                scripts,
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

async fn subscribe(client: &Client, member: Member) -> Result<mpsc::Receiver<Vec<u8>>, RedisError> {
    let mut pubsub = client.get_async_pubsub().await?;
    pubsub.subscribe(scripts::channel(member)).await?;
    let (tell, notes) = mpsc::channel(NOTES);
    tokio::spawn(async move {
        let mut messages = pubsub.into_on_message();
        loop {
            tokio::select! {
                message = messages.next() => match message {
                    Some(message) => {
                        if tell.send(message.get_payload_bytes().to_vec()).await.is_err() {
                            return;
                        }
                    }
                    None => return,
                },
                () = tell.closed() => return,
            }
        }
    });
    Ok(notes)
}

struct RedisStore {
    connection: MultiplexedConnection,
    scripts: Scripts,
    member: Member,
}

impl Store for RedisStore {
    fn run(&self, ops: Vec<Op>) -> Soon<'_, Result<Vec<Outcome>, Lost>> {
        let mut connection = self.connection.clone();
        Box::pin(async move {
            let mut pipe = redis::pipe();
            for op in &ops {
                pipe.add_command(self.scripts.command(op));
            }
            let answers: Vec<Value> = pipe.query_async(&mut connection).await.map_err(lost)?;
            let outcomes = ops.iter().zip(answers);
            let outcomes: Option<Vec<_>> = outcomes
                .map(|(op, answer)| scripts::outcome(op, answer))
                .collect();
            let outcomes = outcomes.filter(|outcomes| outcomes.len() == ops.len());
            outcomes.ok_or_else(|| Lost("Redis answers something else".to_owned()))
        })
    }

    fn beat(&self) -> Soon<'_, Result<Option<Vec<Member>>, Lost>> {
        let mut connection = self.connection.clone();
        Box::pin(async move {
            let living = self.scripts.beat(&mut connection, self.member).await;
            let living = living.map_err(lost)?;
            Ok((!living.is_empty()).then_some(living))
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
                _ => "it refuses what it is asked",
            }
        }
    }
}
