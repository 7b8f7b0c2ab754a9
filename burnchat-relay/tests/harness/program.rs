//! The program, beside this process.

use std::net::SocketAddr;
use std::process::{Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

use super::in_time;

pub(crate) struct Program {
    child: Child,
    pub(crate) address: SocketAddr,
    log: Lines<BufReader<ChildStderr>>,
}

impl Program {
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_burnchat-relay"))
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = in_time(lines.next_line()).await.unwrap().unwrap();
        let address = line.strip_prefix("listening on http://").expect(&line);
        Self {
            address: address.parse().unwrap(),
            log: BufReader::new(child.stderr.take().unwrap()).lines(),
            child,
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = self.child.id().expect("it runs");
        let pid = Pid::from_raw(id.try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
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
    let output = Command::new(env!("CARGO_BIN_EXE_burnchat-relay"))
        .args(arguments)
        .output();
    in_time(output).await.unwrap()
}
