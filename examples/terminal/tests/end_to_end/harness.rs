//! Real processes: a relay, people in its rooms, and a network between them that can be cut.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::{Command as Build, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, Lines, ReadBuf,
    copy_bidirectional,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::watch;

/// Nothing takes longer than this, unless the test fails. (A room's shortest life is 30 s.)
const DEADLINE: Duration = Duration::from_secs(60);

/// A relay in a process of its own.
pub(crate) struct Relay {
    process: Child,
    pub(crate) url: String,
}

impl Relay {
    pub(crate) async fn start() -> Self {
        let mut process = Command::new(relay_program())
            .args(["--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("the relay starts");
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let url = in_time(async {
            loop {
                let line = lines.next_line().await.unwrap().expect("a first line");
                if let Some(url) = line.strip_prefix("listening on ") {
                    return url.to_owned();
                }
            }
        })
        .await;
        Self { process, url }
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn id(&self) -> u32 {
        self.process.id().expect("it runs")
    }

    /// Asks the process to end, and waits until it has.
    #[cfg(unix)]
    pub(crate) async fn terminate(mut self) {
        use rustix::process::{Pid, Signal, kill_process};

        let pid = i32::try_from(self.process.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), Signal::TERM).unwrap();
        in_time(self.process.wait()).await.unwrap();
    }
}

/// Somebody with the program `burnchat --json`.
pub(crate) struct Person {
    process: Child,
    commands: Option<ChildStdin>,
    events: Lines<BufReader<ChildStdout>>,
}

impl Person {
    /// Makes a room that lives for so long, and is in it. Returns the link too.
    pub(crate) async fn create(relay: &str, ttl: &str, more: &[&str]) -> (Self, Value) {
        let mut args = vec!["create", "--relay", relay, "--ttl", ttl, "--name", "Ana"];
        args.extend_from_slice(more);
        let mut person = Self::run(&args);
        let created = person.event("created").await;
        person.event("joined").await;
        (person, created)
    }

    /// Is in the room of a link.
    pub(crate) async fn join(link: &str, name: &str) -> Self {
        let mut person = Self::run(&["join", link, "--name", name]);
        person.event("joined").await;
        person
    }

    /// Starts the program.
    pub(crate) fn run(args: &[&str]) -> Self {
        let mut command = burnchat();
        command.arg("--json").args(args);
        Self::of(command)
    }

    /// Starts the program by a command for it.
    pub(crate) fn of(mut command: Command) -> Self {
        let mut process = command.spawn().expect("the program starts");
        Self {
            commands: process.stdin.take(),
            events: BufReader::new(process.stdout.take().unwrap()).lines(),
            process,
        }
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn id(&self) -> u32 {
        self.process.id().expect("it runs")
    }

    pub(crate) async fn tell(&mut self, command: Value) {
        self.tell_line(&command.to_string()).await;
    }

    pub(crate) async fn tell_line(&mut self, line: &str) {
        let commands = self.commands.as_mut().expect("standard input is open");
        let line = format!("{line}\n");
        in_time(commands.write_all(line.as_bytes())).await.unwrap();
    }

    pub(crate) async fn say(&mut self, text: &str) {
        self.tell(json!({ "cmd": "send", "text": text })).await;
    }

    /// Closes the program's standard input.
    pub(crate) fn hang_up(&mut self) {
        self.commands = None;
    }

    /// The next event of this name; others before it are skipped.
    pub(crate) async fn event(&mut self, name: &str) -> Value {
        self.event_that(name, |_| true).await
    }

    /// The next event of this name that is as wanted.
    pub(crate) async fn event_that(
        &mut self,
        name: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        let mut skipped = Vec::new();
        let found = tokio::time::timeout(DEADLINE, async {
            while let Some(line) = self.events.next_line().await.unwrap() {
                let event: Value = serde_json::from_str(&line).expect("a line of JSON");
                if event["event"] == name && wanted(&event) {
                    return Some(event);
                }
                skipped.push(line);
            }
            None
        })
        .await;
        match found {
            Ok(Some(event)) => event,
            _ => panic!("no {name} came, but this:\n{}", skipped.join("\n")),
        }
    }

    /// Somebody has come, and reads what is written from now on.
    pub(crate) async fn knows(&mut self, name: &str) {
        self.event_that("participant_joined", |joined| joined["name"] == name)
            .await;
        self.event("keyed").await;
    }

    /// The next text somebody else wrote.
    pub(crate) async fn hears(&mut self) -> String {
        let message = self
            .event_that("message", |message| message["mine"] == false)
            .await;
        message["text"].as_str().unwrap().to_owned()
    }

    /// Waits for the end, and returns the exit status.
    pub(crate) async fn exit(mut self) -> i32 {
        while let Some(line) = in_time(self.events.next_line()).await.unwrap() {
            drop(line);
        }
        in_time(self.process.wait()).await.unwrap().code().unwrap()
    }
}

/// The program, with nothing of this environment that it listens to.
pub(crate) fn burnchat() -> Command {
    with_pipes(Command::new(env!("CARGO_BIN_EXE_burnchat")))
}

/// The same; when it asks the system to end it, the system waits for a minute.
#[cfg(target_os = "linux")]
pub(crate) fn held_at_its_end() -> Command {
    let mut command = Command::new("strace");
    command
        .args(["--follow-forks", "--daemonize", "--seccomp-bpf"])
        .args(["--trace=exit_group", "--output=/dev/null"])
        .arg("--inject=exit_group:delay_enter=60000000")
        .arg(env!("CARGO_BIN_EXE_burnchat"));
    with_pipes(command)
}

/// Whether a program is there that a test needs.
#[cfg(target_os = "linux")]
pub(crate) fn installed(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let there = std::env::split_paths(&folders).any(|folder| folder.join(program).exists());
    let all_of_them = std::env::var_os("BURNCHAT_TEST_EVERYTHING").is_some();
    assert!(there || !all_of_them, "{program} is not installed");
    if !there {
        eprintln!("skipped: {program} is not installed");
    }
    there
}

fn with_pipes(mut command: Command) -> Command {
    command
        .env_remove("BURNCHAT_RELAY")
        .env_remove("BURNCHAT_LINK")
        .env_remove("BURNCHAT_PIN")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// A network between people and a relay, which can be cut.
pub(crate) struct Network {
    pub(crate) url: String,
    is_up: watch::Sender<bool>,
    /// What came from the relay, connection by connection as it came.
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Network {
    pub(crate) async fn to(relay: &Relay) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let there = relay.url.strip_prefix("http://").unwrap().to_owned();
        let (is_up, state) = watch::channel(true);
        let heard = Arc::default();
        let listens = Arc::clone(&heard);
        tokio::spawn(async move {
            loop {
                let (mut here, _) = listener.accept().await.unwrap();
                let mut state = state.clone();
                if !*state.borrow() {
                    continue;
                }
                let there = TcpStream::connect(&there).await.unwrap();
                let mut there = Overheard(there, Arc::clone(&listens));
                tokio::spawn(async move {
                    tokio::select! {
                        _ = copy_bidirectional(&mut here, &mut there) => {}
                        _ = state.wait_for(|is_up| !is_up) => {}
                    }
                });
            }
        });
        Self { url, is_up, heard }
    }

    /// The tokens of all seats that were given out on it.
    #[cfg(target_os = "linux")]
    pub(crate) fn seat_tokens(&self) -> Vec<String> {
        let heard = self.heard.lock().unwrap();
        let text = String::from_utf8_lossy(&heard);
        let after = text.split("\"seat_token\":\"").skip(1);
        after
            .filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()))
            .collect()
    }

    /// Breaks every connection, and every new one.
    pub(crate) fn cut(&self) {
        self.is_up.send_replace(false);
    }

    pub(crate) fn mend(&self) {
        self.is_up.send_replace(true);
    }
}

/// A stream that keeps a copy of what is read from it.
struct Overheard(TcpStream, Arc<Mutex<Vec<u8>>>);

impl AsyncRead for Overheard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.0).poll_read(cx, buffer);
        let mut heard = self.1.lock().unwrap();
        heard.extend_from_slice(&buffer.filled()[before..]);
        read
    }
}

impl AsyncWrite for Overheard {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

pub(crate) async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, work).await.expect("in time")
}

/// The link of a `created` or `link_changed` event.
pub(crate) fn link(event: &Value) -> &str {
    event["link"].as_str().unwrap()
}

/// The relay's program. `cargo test --workspace` has built it already, and cargo sees that; otherwise it is built here.
fn relay_program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let here = Path::new(env!("CARGO_BIN_EXE_burnchat")).parent().unwrap();
        build_relay(here);
        here.join(format!("burnchat-relay{}", std::env::consts::EXE_SUFFIX))
    })
}

/// With the profile and the features of the workspace's tests. What cargo unites of features depends on whether tests are
/// among what it builds, so a small one is.
fn build_relay(here: &Path) {
    let profile = match here.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "test",
        Some(profile) => profile,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Build::new(cargo)
        .args(["build", "--workspace", "--locked", "--quiet"])
        .args(["--features", "burnchat-core/aws-lc"])
        .args(["--bin", "burnchat-relay", "--test", "idle_room"])
        .args(["--profile", profile])
        .env("CARGO_TARGET_DIR", here.parent().unwrap())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "the relay is not built"
    );
}
