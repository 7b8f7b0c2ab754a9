//! The server under test: a process of its own, and what it uses.

use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long a server may take to end.
const END_WITHIN: Duration = Duration::from_secs(20);

/// A running server. Dropped, it is killed.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts it, and waits for the line that says where it listens.
    pub(crate) fn start(command: &mut Command) -> io::Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        match address(&line) {
            Some(address) => Ok(Self { child, address }),
            None => {
                let _ = child.kill();
                let _ = child.wait();
                Err(io::Error::other("it did not say where it listens"))
            }
        }
    }

    /// The CPU time of all its threads, in the kernel too.
    pub(crate) fn cpu(&self) -> io::Result<Duration> {
        cpu_of(self.child.id())
    }

    /// The bytes of its heap and stacks that are in memory; not the program's file, nor what the kernel holds for its
    /// sockets.
    pub(crate) fn memory(&self) -> io::Result<u64> {
        // Unlike `smaps`, anyone may read it, of a process that lets nobody look into its memory, too.
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kib.map(|kib| kib << 10)
            .ok_or_else(|| io::Error::other("no RssAnon in its status"))
    }

    /// Ends it at once.
    pub(crate) fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// Asks it to end.
    pub(crate) fn terminate(&self) -> io::Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| io::Error::other("no process"))?;
        Ok(kill_process(pid, Signal::TERM)?)
    }

    /// Whether it has ended by itself, in time and with exit code 0.
    pub(crate) fn has_ended_well(&mut self) -> io::Result<bool> {
        let begun = Instant::now();
        while begun.elapsed() < END_WITHIN {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status.success());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(false)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The CPU time of all threads of a process, in the kernel too.
pub(crate) fn cpu_of(process: u32) -> io::Result<Duration> {
    let mut nanos = 0;
    for thread in std::fs::read_dir(format!("/proc/{process}/task"))? {
        // The first number is the time on a processor, in nanoseconds.
        let text = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        let on_cpu = text
            .split(' ')
            .next()
            .and_then(|first| first.parse::<u64>().ok());
        nanos += on_cpu.ok_or_else(|| io::Error::other("no CPU time in schedstat"))?;
    }
    Ok(Duration::from_nanos(nanos))
}

fn address(line: &str) -> Option<SocketAddr> {
    line.trim()
        .strip_prefix("listening on http://")?
        .parse()
        .ok()
}
