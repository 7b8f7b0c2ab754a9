//! A Redis of this program's own, which keeps nothing on a disk.

use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redis::{Client, Connection, FromRedisValue, cmd};
use tempfile::TempDir;

use crate::Result;
use crate::server::cpu_of;

/// How long it may take to begin.
const BEGIN_WITHIN: Duration = Duration::from_secs(10);

/// A running redis-server. Dropped, it is killed.
pub(crate) struct RedisServer {
    child: Child,
    folder: TempDir,
    connection: Connection,
}

/// What it has done since its start.
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
        let folder = tempfile::tempdir()?;
        let mut child = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "no"])
            .arg("--unixsocket")
            .arg(socket(&folder))
            .arg("--dir")
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| format!("redis-server does not start: {error}"))?;
        match until_it_answers(&folder) {
            Ok(connection) => Ok(Self {
                child,
                folder,
                connection,
            }),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(error)
            }
        }
    }

    pub(crate) fn url(&self) -> String {
        url(&self.folder)
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
        Ok(Meter {
            cpu,
            bytes: bytes.ok_or("Redis does not say how much it is told")?,
            scripts: number(&info, "cmdstat_evalsha:calls=").unwrap_or(0),
            publishes: number(&info, "cmdstat_publish:calls=").unwrap_or(0),
        })
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
