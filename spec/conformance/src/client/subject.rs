//! The client under test, behind the shim of `spec/shim.md`.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;

use crate::case::{Outcome, Stop};

/// The exit status of a program that lacks what its arguments ask for.
const NOT_IMPLEMENTED: i32 = 89;

/// What it tells.
#[derive(Debug)]
pub(crate) enum Told {
    /// A line on standard output.
    Line(String),
    /// Standard output is closed and the process has ended, with this status unless a signal ended it.
    Exited(Option<i32>),
}

/// A process that speaks the shim.
#[derive(Debug)]
pub(crate) struct Subject {
    stdin: Option<ChildStdin>,
    /// Everything it has printed.
    pub(crate) lines: Vec<Value>,
    /// Up to where waiting has come.
    pub(crate) read: usize,
    /// Its exit status, once it has ended; within it, none for one that a signal ended.
    pub(crate) exited: Option<Option<i32>>,
    pub(crate) process: Option<u32>,
}

/// The shim's command, its words separated by spaces, as of a process that is to be started with these arguments.
pub(crate) fn command(shim: &str, arguments: &[&str]) -> Command {
    let mut words = shim.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).args(arguments).kill_on_drop(true);
    command
}

impl Subject {
    /// Starts it.
    pub(crate) fn start(
        shim: &str,
        arguments: &[&str],
        told: mpsc::UnboundedSender<Told>,
    ) -> std::io::Result<Self> {
        let mut child = command(shim, arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (stdin, process) = (child.stdin.take(), child.id());
        tokio::spawn(listen(child, told));
        Ok(Self {
            stdin,
            lines: Vec::new(),
            read: 0,
            exited: None,
            process,
        })
    }

    /// Writes to its standard input.
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        if let Some(stdin) = &mut self.stdin {
            let _ = stdin.write_all(bytes).await;
            let _ = stdin.flush().await;
        }
    }

    /// Ends its standard input.
    pub(crate) fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// The last line of a kind.
    pub(crate) fn last(&self, event: &str) -> Option<&Value> {
        self.lines.iter().rev().find(|line| line["event"] == event)
    }

    /// Whether it has not said that it lacks what its arguments asked for (section 6 of the shim).
    pub(crate) fn is_implemented(&self) -> Outcome {
        let only_hello = self.lines.iter().all(|line| line["event"] == "hello");
        if self.exited == Some(Some(NOT_IMPLEMENTED)) && only_hello {
            return Err(Stop::NotImplemented("what this room asks for".to_owned()));
        }
        Ok(())
    }

    /// How many lines of a kind there are.
    pub(crate) fn count(&self, event: &str) -> usize {
        self.lines
            .iter()
            .filter(|line| line["event"] == event)
            .count()
    }
}

async fn listen(mut child: Child, told: mpsc::UnboundedSender<Told>) {
    if let Some(stdout) = child.stdout.take() {
        let mut lines = BufReader::new(stdout).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if told.send(Told::Line(line)).is_err() {
                return;
            }
        }
    }
    tokio::select! {
        status = child.wait() => {
            let _ = told.send(Told::Exited(status.ok().and_then(|status| status.code())));
        }
        // Nobody waits for it any more: it is killed as it is dropped.
        () = told.closed() => {}
    }
}

impl Subject {
    /// None yet.
    pub(crate) fn none() -> Self {
        Self {
            stdin: None,
            lines: Vec::new(),
            read: 0,
            exited: None,
            process: None,
        }
    }
}
