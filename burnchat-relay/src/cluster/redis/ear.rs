//! What is said to a member arrives on connections of its own: one to each node that has partitions.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::try_join_all;
use redis::aio::MultiplexedConnection;
use redis::{Client, ProtocolVersion, PushInfo, PushKind, RedisError, Value, cmd};
use tokio::sync::mpsc;

use super::nodes::{Kind, Nodes, connection_config};
use crate::cluster::seam::{Member, NOTES};

/// Bytes of notes that wait for a worker. Redis, too, ends a connection that has so much to take
/// (`client-output-buffer-limit pubsub`).
const MOST_WAITING: usize = 32 << 20;

/// Where a member listens.
pub(super) struct Ears(Vec<MultiplexedConnection>);

impl Ears {
    pub(super) async fn open(
        nodes: &Nodes,
        member: Member,
    ) -> Result<(Self, mpsc::Receiver<Vec<u8>>), RedisError> {
        let (say, mut said) = mpsc::unbounded_channel();
        let hearing = Arc::new(Hearing {
            said: Mutex::new(Some(say)),
            waiting: AtomicUsize::new(0),
        });
        let mut opened = Vec::new();
        for node in &nodes.nodes {
            let channels = node.partitions.iter();
            let channels = channels.map(|at| nodes.kind.channel(*at, member)).collect();
            let hearing = Arc::clone(&hearing);
            opened.push(open(&node.client, nodes.kind, channels, hearing));
        }
        let ears = Self(try_join_all(opened).await?);
        let (tell, notes) = mpsc::channel(NOTES);
        tokio::spawn(async move {
            let said = async {
                while let Some(note) = said.recv().await {
                    let len = note.len();
                    if tell.send(note).await.is_err() {
                        return;
                    }
                    hearing.waiting.fetch_sub(len, Ordering::Relaxed);
                }
            };
            tokio::select! {
                () = said => {}
                // Nobody hears any more, be there something to hear or not.
                () = tell.closed() => {}
            }
        });
        Ok((ears, notes))
    }

    /// They hear yet: one whose other end is gone without a word would hear nothing for ever.
    pub(super) async fn ping(&self) -> Result<(), RedisError> {
        let mut pings = Vec::new();
        for connection in &self.0 {
            let mut connection = connection.clone();
            pings.push(async move { cmd("PING").exec_async(&mut connection).await });
        }
        try_join_all(pings).await.map(drop)
    }
}

async fn open(
    client: &Client,
    kind: Kind,
    channels: Vec<String>,
    hearing: Arc<Hearing>,
) -> Result<MultiplexedConnection, RedisError> {
    let info = client.get_connection_info();
    let settings = info.redis_settings().clone();
    let settings = settings.set_protocol(ProtocolVersion::RESP3);
    let client = Client::open(info.clone().set_redis_settings(settings))?;
    let take = move |push| {
        hearing.take(push);
        Ok::<_, ()>(())
    };
    let mut connection = client
        .get_multiplexed_async_connection_with_config(&connection_config().set_push_sender(take))
        .await?;
    let subscribe = match kind {
        Kind::Single => "SUBSCRIBE",
        Kind::Cluster => "SSUBSCRIBE",
    };
    for channel in channels {
        // One at a time: they are in different slots.
        let mut subscribe = cmd(subscribe);
        subscribe.arg(channel).exec_async(&mut connection).await?;
    }
    Ok(connection)
}

/// What all of them have heard.
struct Hearing {
    /// Nothing more after something may have been lost.
    said: Mutex<Option<mpsc::UnboundedSender<Vec<u8>>>>,
    waiting: AtomicUsize,
}

impl Hearing {
    fn take(&self, PushInfo { kind, mut data }: PushInfo) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let hears = match kind {
            PushKind::Subscribe | PushKind::SSubscribe => true,
            PushKind::Message | PushKind::SMessage => match (data.pop(), &*said) {
                (Some(Value::BulkString(note)), Some(say)) => {
                    let waiting = self.waiting.fetch_add(note.len(), Ordering::Relaxed);
                    waiting < MOST_WAITING && say.send(note).is_ok()
                }
                _ => false,
            },
            // The connection is lost, or the channel is another node's now.
            _ => false,
        };
        if !hears {
            *said = None;
        }
    }
}
