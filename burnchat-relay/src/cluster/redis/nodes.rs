//! Where the shared memory is, and what things are called there.
//!
//! One Redis has all of it, and each room has a hash tag of its own there. In a Redis Cluster, what a script reads and
//! writes must be in one slot with the channels to which it speaks. So a room shares its hash tag with others: there are
//! sixteen of them, the partitions, each with its own list of who lives. What holds in one Redis holds in each of these,
//! and nothing is asked of two of them together.

use std::future::Future;
use std::time::Duration;

use futures_util::future::try_join_all;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, RedisError,
    Value, cmd, pipe,
};

use super::{ClusterError, check, unusable};
use crate::cluster::seam::{LEASE, Member, Partition, Tag};

/// How long a step may take. It is longer than a member lives without a sign.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// By how much the clocks of two nodes may differ, ms: by that much a room may be gone too early, or too late.
const CLOCKS_APART: u64 = 1_000;

/// The partitions of a Redis Cluster: hash tags, and their slots, which are in the middle of each sixteenth of all 16,384.
/// So each of up to sixteen nodes has about as many as another.
const TAGS: [(&str, u16); 16] = [
    ("18", 511),
    ("3", 1_584),
    ("72", 2_579),
    ("223", 3_586),
    ("19", 4_574),
    ("2", 5_649),
    ("64", 6_628),
    ("222", 7_715),
    ("265", 8_704),
    ("34", 9_745),
    ("404", 10_791),
    ("49", 11_819),
    ("264", 12_833),
    ("22", 13_798),
    ("219", 14_875),
    ("48", 15_882),
];

/// What kind of Redis it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One that has everything.
    Single,
    /// A Redis Cluster.
    Cluster,
}

impl Kind {
    pub(super) fn partitions(self) -> Partition {
        match self {
            Self::Single => 1,
            Self::Cluster => Partition::try_from(TAGS.len()).unwrap_or(Partition::MAX),
        }
    }

    /// What each partition has one of.
    pub(super) fn key(self, partition: Partition, name: &str) -> String {
        match (self, TAGS.get(usize::from(partition))) {
            (Self::Cluster, Some((tag, _))) => format!("bc:{{{tag}}}:{name}"),
            _ => format!("bc:{name}"),
        }
    }

    /// What there is one of: it is in the first partition.
    pub(super) fn only_key(self, name: &str) -> String {
        self.key(0, name)
    }

    /// A room's two keys.
    pub(super) fn keys_of_room(self, room: Tag) -> [String; 2] {
        let name = data_encoding::HEXLOWER.encode(&room.0);
        let room = match self {
            Self::Single => format!("bc:{{{name}}}"),
            Self::Cluster => self.key(room.partition(self.partitions()), &name),
        };
        [format!("{room}:r"), format!("{room}:l")]
    }

    /// Where a member is spoken to.
    pub(super) fn channel(self, partition: Partition, member: Member) -> String {
        self.key(partition, &format!("m:{member}"))
    }
}

/// A Redis, or a node of a Redis Cluster.
pub(super) struct Node {
    pub(super) client: Client,
    connection: MultiplexedConnection,
    /// What it has.
    pub(super) partitions: Vec<Partition>,
}

/// All that have a part of the shared memory.
pub(super) struct Nodes {
    pub(super) kind: Kind,
    /// The first of them has the first partition.
    pub(super) nodes: Vec<Node>,
    pub(super) first: MultiplexedConnection,
    /// By how much the clock of the first is ahead of this machine's, ms.
    pub(super) ahead_millis: i64,
}

impl Nodes {
    /// Connects to all of them, and looks whether they may be used. In a Redis Cluster, where they are is asked of these,
    /// one after the other: one that is no part of it any more knows nothing of the others.
    pub(super) async fn reach(
        entrances: Vec<Client>,
        allow_persistent: bool,
    ) -> Result<Self, ClusterError> {
        let mut failed = None;
        for entrance in entrances {
            match Self::reach_by(entrance, allow_persistent).await {
                Ok(nodes) => return Ok(nodes),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        let nowhere = || ClusterError("there is no address of the shared memory".to_owned());
        Err(failed.unwrap_or_else(nowhere))
    }

    async fn reach_by(entrance: Client, allow_persistent: bool) -> Result<Self, ClusterError> {
        let node = Node::reach(entrance).await;
        Self::beyond(node.map_err(|error| unusable(&error))?, allow_persistent).await
    }

    async fn beyond(mut entrance: Node, allow_persistent: bool) -> Result<Self, ClusterError> {
        let kind = check::kind(&mut entrance.connection).await?;
        let mut nodes = match kind {
            Kind::Single => vec![entrance],
            Kind::Cluster => {
                let mut reached = Vec::new();
                for (address, partitions) in layout(&mut entrance).await? {
                    let info = entrance.client.get_connection_info();
                    let info = info.clone().set_addr(address);
                    reached.push(Node::reach_at(info, partitions));
                }
                try_join_all(reached).await?
            }
        };
        let mut clocks = Vec::new();
        for node in &mut nodes {
            clocks.push(check::server(&mut node.connection, allow_persistent));
        }
        let clocks = try_join_all(clocks).await?;
        let (Some(first), Some(clock)) = (nodes.first(), clocks.first()) else {
            return Err(ClusterError("this Redis Cluster has no nodes".to_owned()));
        };
        for other in &clocks {
            let apart = other.ahead_millis.abs_diff(clock.ahead_millis);
            if apart > CLOCKS_APART + other.asked_for_millis + clock.asked_for_millis {
                return Err(ClusterError(format!(
                    "the clocks of this Redis Cluster's nodes are {apart} ms apart"
                )));
            }
        }
        Ok(Self {
            kind,
            first: first.connection.clone(),
            ahead_millis: clock.ahead_millis,
            nodes,
        })
    }

    /// The way to each of them.
    pub(super) fn clients(&self) -> Vec<Client> {
        self.nodes.iter().map(|node| node.client.clone()).collect()
    }

    /// All partitions.
    pub(super) fn partitions(&self) -> std::ops::Range<Partition> {
        0..self.kind.partitions()
    }

    /// Has these done, those of each node at once and in order. Gives the answers in the same order.
    pub(super) async fn run(
        &self,
        commands: Vec<(Partition, Cmd)>,
    ) -> Result<Vec<Value>, RedisError> {
        let mut commands: Vec<_> = commands.into_iter().enumerate().collect();
        let mut answers = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let of_it = commands.into_iter();
            let (of_it, rest) =
                of_it.partition(|(_, (partition, _))| node.partitions.contains(partition));
            commands = rest;
            answers.push(node.run(of_it));
        }
        let answers = try_join_all(answers).await?;
        let mut answers: Vec<(usize, Value)> = answers.into_iter().flatten().collect();
        answers.sort_unstable_by_key(|(place, _)| *place);
        Ok(answers.into_iter().map(|(_, answer)| answer).collect())
    }

    /// Has a command done in each of these partitions.
    pub(super) fn in_each(
        &self,
        partitions: impl IntoIterator<Item = Partition>,
        command: impl Fn(Partition) -> Cmd,
    ) -> impl Future<Output = Result<Vec<Value>, RedisError>> {
        let partitions = partitions.into_iter();
        self.run(partitions.map(|at| (at, command(at))).collect())
    }
}

impl Node {
    /// Of one that has everything.
    async fn reach(client: Client) -> Result<Self, RedisError> {
        Self::reach_with(client, vec![0]).await
    }

    async fn reach_at(
        info: ConnectionInfo,
        partitions: Vec<Partition>,
    ) -> Result<Self, ClusterError> {
        check::transport(&info)?;
        let client = Client::open(info).map_err(|error| unusable(&error))?;
        let node = Self::reach_with(client, partitions).await;
        node.map_err(|error| unusable(&error))
    }

    async fn reach_with(client: Client, partitions: Vec<Partition>) -> Result<Self, RedisError> {
        let config = connection_config();
        let connection = client
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        Ok(Self {
            client,
            connection,
            partitions,
        })
    }

    /// Commands and their places among those of all nodes: gives the answers with these.
    async fn run(
        &self,
        commands: Vec<(usize, (Partition, Cmd))>,
    ) -> Result<Vec<(usize, Value)>, RedisError> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let (mut steps, mut places) = (pipe(), Vec::with_capacity(commands.len()));
        for (place, (_, command)) in commands {
            steps.add_command(command);
            places.push(place);
        }
        let answers: Vec<Value> = steps.query_async(&mut self.connection.clone()).await?;
        if answers.len() != places.len() {
            return Err((ErrorKind::UnexpectedReturnType, "an answer is missing").into());
        }
        Ok(places.into_iter().zip(answers).collect())
    }

    /// Makes scripts known there.
    pub(super) async fn load(&self, texts: &[String]) -> Result<(), RedisError> {
        let mut steps = pipe();
        for text in texts {
            steps.cmd("SCRIPT").arg("LOAD").arg(text).ignore();
        }
        steps.exec_async(&mut self.connection.clone()).await
    }
}

pub(super) fn connection_config() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(LEASE))
        .set_response_timeout(Some(ANSWER_WITHIN))
}

/// The nodes of a Redis Cluster that have a partition, and which they have.
async fn layout(
    entrance: &mut Node,
) -> Result<Vec<(ConnectionAddr, Vec<Partition>)>, ClusterError> {
    let slots = cmd("CLUSTER").arg("SLOTS").to_owned();
    let slots: Vec<Value> = slots
        .query_async(&mut entrance.connection)
        .await
        .map_err(|error| unusable(&error))?;
    let ranges: Vec<Range> = slots.into_iter().filter_map(range).collect();
    let mut nodes: Vec<(ConnectionAddr, Vec<Partition>)> = Vec::new();
    for (partition, (_, slot)) in (0..).zip(TAGS) {
        let mut having = ranges.iter().filter(|range| range.slots.contains(&slot));
        let range = having.next().ok_or_else(|| {
            ClusterError("this Redis Cluster has slots that no node has".to_owned())
        })?;
        let address = range.address(entrance.client.get_connection_info().addr())?;
        match nodes.iter_mut().find(|(known, _)| *known == address) {
            Some((_, partitions)) => partitions.push(partition),
            None => nodes.push((address, vec![partition])),
        }
    }
    Ok(nodes)
}

/// Slots, and who has them.
struct Range {
    slots: std::ops::RangeInclusive<u16>,
    host: Option<String>,
    port: u16,
}

fn range(value: Value) -> Option<Range> {
    let Value::Array(parts) = value else {
        return None;
    };
    let mut parts = parts.into_iter();
    let (first, last) = (number(parts.next()?)?, number(parts.next()?)?);
    let Some(Value::Array(primary)) = parts.next() else {
        return None;
    };
    let mut primary = primary.into_iter();
    let host = match primary.next()? {
        Value::BulkString(host) => Some(String::from_utf8(host).ok()?),
        _ => None,
    };
    Some(Range {
        slots: first..=last,
        // Of the node that was asked, it need not be known there.
        host: host.filter(|host| !host.is_empty()),
        port: number(primary.next()?)?,
    })
}

fn number(value: Value) -> Option<u16> {
    match value {
        Value::Int(number) => number.try_into().ok(),
        _ => None,
    }
}

impl Range {
    /// Reached as the entrance is.
    fn address(&self, entrance: &ConnectionAddr) -> Result<ConnectionAddr, ClusterError> {
        let at = |known: &String| self.host.clone().unwrap_or_else(|| known.clone());
        match entrance {
            ConnectionAddr::Tcp(host, _) => Ok(ConnectionAddr::Tcp(at(host), self.port)),
            ConnectionAddr::TcpTls {
                host,
                insecure,
                tls_params,
                ..
            } => Ok(ConnectionAddr::TcpTls {
                host: at(host),
                port: self.port,
                insecure: *insecure,
                tls_params: tls_params.clone(),
            }),
            _ => Err(ClusterError(
                "the nodes of a Redis Cluster know one another by ports: name one by redis:// or rediss://".to_owned(),
            )),
        }
    }
}
