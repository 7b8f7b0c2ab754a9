//! A Redis of this program's own, which keeps nothing on a disk.

use std::io;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redis::{Client, Connection, FromRedisValue, cmd};
use tempfile::TempDir;

use crate::Result;
use crate::server::cpu_of;

/// What a Redis Cluster shares among its nodes.
const SLOTS: usize = 16_384;
/// How long it may take to begin.
const BEGIN_WITHIN: Duration = Duration::from_secs(10);

/// A running redis-server. Dropped, it is killed.
pub(crate) struct RedisServer {
    child: Child,
    folder: TempDir,
    connection: Connection,
    /// On the loopback interface, if that is how it is reached.
    port: Option<u16>,
    /// The other nodes of its Redis Cluster.
    others: Vec<RedisServer>,
}

/// What it and the other nodes have done since their start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meter {
    pub(crate) cpu: Duration,
    /// In and out.
    pub(crate) bytes: u64,
    pub(crate) scripts: u64,
    pub(crate) publishes: u64,
}

impl RedisServer {
    pub(crate) fn start() -> Result<Self> {
        Self::with(None, &[])
    }

    /// One that is reached by a port.
    pub(crate) fn on_a_port() -> Result<Self> {
        Self::with(Some(free_port()?), &[])
    }

    /// A Redis Cluster of so many nodes.
    pub(crate) fn cluster(nodes: usize) -> Result<Self> {
        let mut all = Vec::new();
        for at in 0..nodes {
            let (port, bus) = (free_port()?, free_port()?.to_string());
            let settings = ["--cluster-enabled", "yes", "--cluster-port", &bus];
            let mut node = Self::with(Some(port), &settings)?;
            let first = (SLOTS * at / nodes).to_string();
            let last = (SLOTS * (at + 1) / nodes - 1).to_string();
            let epoch = (at + 1).to_string();
            node.ask::<()>(&["CLUSTER", "ADDSLOTSRANGE", &first, &last])?;
            node.ask::<()>(&["CLUSTER", "SET-CONFIG-EPOCH", &epoch])?;
            all.push((node, port.to_string(), bus));
        }
        let (mut first, _, _) = all.remove(0);
        for (_, port, bus) in &all {
            first.ask::<()>(&["CLUSTER", "MEET", "127.0.0.1", port, bus])?;
        }
        first.others = all.into_iter().map(|(node, _, _)| node).collect();
        let known = format!("cluster_known_nodes:{nodes}\r");
        let begun = Instant::now();
        loop {
            let mut whole = first.is_whole(&known)?;
            for other in &mut first.others {
                whole &= other.is_whole(&known)?;
            }
            if whole {
                return Ok(first);
            }
            if begun.elapsed() > BEGIN_WITHIN {
                return Err("the nodes of the Redis Cluster do not find one another".into());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn is_whole(&mut self, known: &str) -> Result<bool> {
        let info: String = self.ask(&["CLUSTER", "INFO"])?;
        Ok(info.contains("cluster_state:ok") && info.contains(known))
    }

    fn with(port: Option<u16>, settings: &[&str]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut child = Command::new("redis-server")
            .args(["--save", "", "--appendonly", "no", "--port"])
            .arg(port.unwrap_or(0).to_string())
            .args(["--bind", "127.0.0.1", "--unixsocket"])
            .arg(socket(&folder))
            .arg("--dir")
            .arg(folder.path())
            .args(settings)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| format!("redis-server does not start: {error}"))?;
        match until_it_answers(&folder) {
            Ok(connection) => Ok(Self {
                child,
                folder,
                connection,
                port,
                others: Vec::new(),
            }),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(error)
            }
        }
    }

    pub(crate) fn url(&self) -> String {
        match self.port {
            Some(port) => format!("redis://127.0.0.1:{port}"),
            None => url(&self.folder),
        }
    }

    /// One more connection.
    pub(crate) fn connect(&self) -> Result<Connection> {
        Ok(Client::open(self.url())?.get_connection()?)
    }

    pub(crate) fn ask<T: FromRedisValue>(&mut self, words: &[&str]) -> Result<T> {
        let (first, rest) = words.split_first().ok_or("nothing to ask")?;
        Ok(cmd(first).arg(rest).query(&mut self.connection)?)
    }

    pub(crate) fn cpu(&self) -> io::Result<Duration> {
        cpu_of(self.child.id())
    }

    pub(crate) fn meter(&mut self) -> Result<Meter> {
        let cpu = self.cpu()?;
        let info: String = self.ask(&["INFO", "all"])?;
        let bytes = number(&info, "total_net_input_bytes:")
            .zip(number(&info, "total_net_output_bytes:"))
            .map(|(input, output)| input + output);
        let calls = |command: &str| {
            let name = format!("cmdstat_{command}:calls=");
            number(&info, &name).unwrap_or(0)
        };
        let mut meter = Meter {
            cpu,
            bytes: bytes.ok_or("Redis does not say how much it is told")?,
            scripts: calls("evalsha"),
            publishes: calls("publish") + calls("spublish"),
        };
        for other in &mut self.others {
            let of_other = other.meter()?;
            meter.cpu += of_other.cpu;
            meter.bytes += of_other.bytes;
            meter.scripts += of_other.scripts;
            meter.publishes += of_other.publishes;
        }
        Ok(meter)
    }

    /// The bytes it has put to use.
    pub(crate) fn memory(&mut self) -> Result<u64> {
        self.info("used_memory:")
    }

    /// The most there were since that was last forgotten.
    pub(crate) fn peak(&mut self) -> Result<u64> {
        self.info("used_memory_peak:")
    }

    pub(crate) fn forget_peak(&mut self) -> Result<()> {
        self.ask(&["CONFIG", "RESETSTAT"])
    }

    fn info(&mut self, name: &str) -> Result<u64> {
        let info: String = self.ask(&["INFO", "memory"])?;
        number(&info, name).ok_or_else(|| "Redis does not say how much memory it has".into())
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// That nobody has at the moment.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn socket(folder: &TempDir) -> PathBuf {
    folder.path().join("redis.sock")
}

fn url(folder: &TempDir) -> String {
    format!("redis+unix://{}", socket(folder).display())
}

fn until_it_answers(folder: &TempDir) -> Result<Connection> {
    let client = Client::open(url(folder))?;
    let begun = Instant::now();
    loop {
        match client.get_connection() {
            Ok(connection) => return Ok(connection),
            Err(error) if begun.elapsed() > BEGIN_WITHIN => return Err(error.into()),
            Err(_) => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}

/// The number that follows these words at the beginning of a line.
fn number(info: &str, words: &str) -> Option<u64> {
    let rest = info.lines().find_map(|line| line.strip_prefix(words))?;
    let end = rest.find(|letter: char| !letter.is_ascii_digit());
    rest.get(..end.unwrap_or(rest.len()))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_in_what_redis_says() {
        let info = "used_memory:17\r\nused_memory_peak:23\r\ncmdstat_publish:calls=4,usec=9\r\n";
        assert_eq!(number(info, "used_memory:"), Some(17));
        assert_eq!(number(info, "used_memory_peak:"), Some(23));
        assert_eq!(number(info, "cmdstat_publish:calls="), Some(4));
        assert_eq!(number(info, "cmdstat_evalsha:calls="), None);
    }
}
