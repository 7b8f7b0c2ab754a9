//! Real programs talking to each other: a relay, people in its rooms, and a network that can be cut.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::toolchain::libraries;

/// Nothing takes longer than this, unless the test fails.
const DEADLINE: Duration = Duration::from_secs(60);

/// A program that speaks in lines.
pub(crate) struct Program {
    process: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Program {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let output = BufReader::new(process.stdout.take().unwrap());
        let (tell, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in output.lines() {
                // Whoever stops listening has what it wanted.
                if tell.send(line.unwrap()).is_err() {
                    break;
                }
            }
        });
        Self {
            input: process.stdin.take(),
            process,
            lines,
        }
    }

    pub(crate) fn say(&mut self, line: &str) {
        let input = self.input.as_mut().expect("standard input is open");
        input.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Closes the program's standard input.
    pub(crate) fn hang_up(&mut self) {
        self.input = None;
    }

    /// The rest of the next line that begins like this; others before it are skipped.
    pub(crate) fn tells(&self, beginning: &str) -> String {
        self.find(beginning, |line| {
            line.strip_prefix(beginning).map(str::to_owned)
        })
    }

    fn find<T>(&self, what: &str, mut wanted: impl FnMut(&str) -> Option<T>) -> T {
        let until = Instant::now() + DEADLINE;
        let mut skipped = Vec::new();
        while let Ok(line) = self
            .lines
            .recv_timeout(until.saturating_duration_since(Instant::now()))
        {
            if let Some(found) = wanted(&line) {
                return found;
            }
            skipped.push(line);
        }
        panic!("no \"{what}\" came, but this:\n{}", skipped.join("\n"));
    }

    /// Waits for the end, and returns the exit status. Nothing more may be told before it.
    pub(crate) fn ends(mut self) -> i32 {
        match self.lines.recv_timeout(DEADLINE) {
            Err(mpsc::RecvTimeoutError::Disconnected) => {}
            other => panic!("not the end, but {other:?}"),
        }
        // Standard output is closed by the end alone.
        self.process.wait().unwrap().code().expect("no signal")
    }

    /// Asks the process to end.
    pub(crate) fn terminate(&self) {
        let status = Command::new("kill")
            .arg(self.process.id().to_string())
            .status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended; and a test that fails leaves nothing behind.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A relay in a process of its own.
pub(crate) struct Relay {
    pub(crate) process: Program,
    pub(crate) url: String,
}

impl Relay {
    pub(crate) fn start(more: &[&Path]) -> Self {
        let process = Program::start(
            Command::new(built("burnchat-relay"))
                .args(["--listen", "127.0.0.1:0"])
                .args(more)
                .stderr(Stdio::null()),
        );
        let url = process.tells("listening on ");
        Self { process, url }
    }
}

/// Somebody with the Rust terminal client, as a script uses it (`spec/shim.md`).
pub(crate) struct Person(Program);

impl Person {
    /// Makes a room, and is in it. Returns the link too.
    pub(crate) fn create(relay: &str, name: &str) -> (Self, String) {
        let mut command = Command::new(built("burnchat"));
        command
            .args([
                "--json", "create", "--ttl", "5m", "--relay", relay, "--name", name,
            ])
            .env_remove("BURNCHAT_PIN");
        let person = Self(Program::start(&mut command));
        let link = person.event("created", |_| true)["link"]
            .as_str()
            .unwrap()
            .to_owned();
        person.event("joined", |_| true);
        (person, link)
    }

    pub(crate) fn tell(&mut self, command: &Value) {
        self.0.say(&command.to_string());
    }

    pub(crate) fn say(&mut self, text: &str) {
        self.tell(&json!({ "cmd": "send", "text": text }));
    }

    /// The next event of this name that is as wanted; others before it are skipped.
    pub(crate) fn event(&self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.0.find(name, |line| {
            let event: Value = serde_json::from_str(line).expect("a line of JSON");
            (event["event"] == name && wanted(&event)).then_some(event)
        })
    }

    /// Somebody has come, and reads what is written from now on. Returns who.
    pub(crate) fn knows(&self, name: &str) -> Value {
        let joined = self.event("participant_joined", |joined| joined["name"] == name);
        self.event("keyed", |_| true);
        joined["id"].clone()
    }

    /// The next text somebody else wrote.
    pub(crate) fn hears(&self) -> String {
        let message = self.event("message", |message| message["mine"] == false);
        message["text"].as_str().unwrap().to_owned()
    }
}

/// A network between people and a relay, which can be cut.
pub(crate) struct Network {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    is_cut: bool,
    open: Vec<TcpStream>,
}

impl Network {
    pub(crate) fn to(relay: &Relay) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let there = relay.url.strip_prefix("http://").unwrap().to_owned();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for here in listener.incoming() {
                let here = here.unwrap();
                let mut state = shared.lock().unwrap();
                if state.is_cut {
                    continue;
                }
                let Ok(there) = TcpStream::connect(&there) else {
                    continue;
                };
                carry(&here, &there);
                carry(&there, &here);
                state.open.extend([here, there]);
            }
        });
        Self { url, state }
    }

    /// Breaks every connection, and every new one.
    pub(crate) fn cut(&self) {
        let mut state = self.state.lock().unwrap();
        state.is_cut = true;
        for stream in state.open.drain(..) {
            // It may be broken already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    pub(crate) fn mend(&self) {
        self.state.lock().unwrap().is_cut = false;
    }
}

/// Copies what comes from one side to the other, until either ends.
fn carry(from: &TcpStream, to: &TcpStream) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    thread::spawn(move || {
        let mut some = [0; 16_384];
        while let Ok(len @ 1..) = from.read(&mut some) {
            if to.write_all(&some[..len]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    });
}

/// A program of another package. `cargo test --workspace` has built it already, and cargo sees that; otherwise it is built
/// here.
fn built(name: &str) -> PathBuf {
    static DONE: OnceLock<()> = OnceLock::new();
    let tests = libraries();
    let here = tests.parent().unwrap();
    DONE.get_or_init(|| build(here));
    here.join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// With the profile and the features of the workspace's tests. What cargo unites of features depends on whether tests are
/// among what it builds, so a small one is.
fn build(here: &Path) {
    let profile = match here.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "test",
        Some(profile) => profile,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--workspace", "--locked", "--quiet"])
        .args(["--features", "burnchat-core/aws-lc"])
        .args(["--bin", "burnchat-relay", "--bin", "burnchat"])
        .args(["--test", "idle_room", "--profile", profile])
        .env("CARGO_TARGET_DIR", here.parent().unwrap())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "the relay and the terminal client are not built"
    );
}
