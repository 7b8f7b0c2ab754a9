//! The program, beside this process.

use std::net::SocketAddr;
use std::process::{Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

use super::in_time;

const PROGRAM: &str = env!("CARGO_BIN_EXE_burnchat-relay");

pub(crate) struct Program {
    child: Child,
    pub(crate) address: SocketAddr,
    /// Where its metrics are, if they are anywhere.
    pub(crate) metrics: Option<SocketAddr>,
    log: Lines<BufReader<ChildStderr>>,
}

impl Program {
    /// On a free port of the loopback interface.
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        Self::start_under(&[], arguments).await
    }

    /// Started by another program, which becomes it.
    pub(crate) async fn start_under(starter: &[&str], arguments: &[&str]) -> Self {
        let words = [starter, &[PROGRAM], arguments].concat();
        let mut child = Command::new(words[0])
            .args(&words[1..])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (mut address, mut metrics) = (None, None);
        while address.is_none() {
            let Some(line) = in_time(lines.next_line()).await.unwrap() else {
                let mut log = String::new();
                let stderr = child.stderr.as_mut().unwrap();
                in_time(stderr.read_to_string(&mut log)).await.unwrap();
                panic!("it did not start: {log}");
            };
            let (what, url) = line.split_once(" on ").expect(&line);
            let (_, at) = url.split_once("://").expect(&line);
            match what {
                "listening" => address = Some(at.parse().unwrap()),
                "metrics" => metrics = Some(at.parse().unwrap()),
                _ => panic!("{line}"),
            }
        }
        Self {
            address: address.expect("an address"),
            metrics,
            log: BufReader::new(child.stderr.take().unwrap()).lines(),
            child,
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.id().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// The bytes of its heap and stacks that are in memory.
    #[cfg(target_os = "linux")]
    pub(crate) fn memory(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id().expect("it runs"));
        let status = std::fs::read_to_string(path).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        kib.unwrap().parse::<u64>().unwrap() << 10
    }

    /// How many sockets it has open.
    #[cfg(target_os = "linux")]
    pub(crate) fn sockets(&self) -> usize {
        let files = std::fs::read_dir(format!("/proc/{}/fd", self.id())).unwrap();
        files
            .filter_map(|file| std::fs::read_link(file.ok()?.path()).ok())
            .filter(|to| to.to_string_lossy().starts_with("socket:"))
            .count()
    }

    /// Ends it without asking, and waits until it has.
    pub(crate) async fn kill(mut self) {
        in_time(self.child.kill()).await.unwrap();
    }

    pub(crate) async fn exit_code(&mut self) -> i32 {
        let status = in_time(self.child.wait()).await.unwrap();
        status.code().expect("it ended by itself")
    }

    pub(crate) async fn until_logged(&mut self, words: &str) {
        loop {
            let line = in_time(self.log.next_line()).await.unwrap();
            if line.expect("more of the log").contains(words) {
                return;
            }
        }
    }

    /// What it has logged and nobody has read, until it ends.
    pub(crate) async fn rest_of_log(&mut self) -> String {
        let mut log = String::new();
        let rest = self.log.get_mut().read_to_string(&mut log);
        in_time(rest).await.unwrap();
        log
    }
}

/// Runs the program until it ends by itself.
pub(crate) async fn run(arguments: &[&str]) -> Output {
    let output = Command::new(PROGRAM).args(arguments).output();
    in_time(output).await.unwrap()
}
