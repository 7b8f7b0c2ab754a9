//! A Redis of a test's own, or a Redis Cluster.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::future::Future;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixStream};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

/// What makes it keep nothing.
const KEEPS_NOTHING: [&str; 4] = ["--save", "", "--appendonly", "no"];

pub(crate) struct Redis {
    servers: Vec<Server>,
    entrance: Entrance,
}

/// How it is reached.
#[derive(Clone, Copy, PartialEq)]
enum Entrance {
    Socket,
    Port,
    Tls,
}

struct Server {
    folder: TempDir,
    child: Child,
    settings: Vec<String>,
    port: String,
    bus_port: String,
}

impl Redis {
    /// That keeps nothing.
    pub(crate) async fn start() -> Self {
        Self::with(&KEEPS_NOTHING).await
    }

    pub(crate) async fn with(settings: &[&str]) -> Self {
        Self {
            servers: vec![Server::start(settings, "").await],
            entrance: Entrance::Socket,
        }
    }

    /// That listens on a port of the loopback interface, too.
    pub(crate) async fn on_a_port() -> Self {
        let port = free_port().await;
        let settings = [&KEEPS_NOTHING[..], &["--port", &port]].concat();
        Self {
            servers: vec![Server::start(&settings, &port).await],
            entrance: Entrance::Socket,
        }
    }

    /// The same over TLS, with the files of its certificate, its key and its root.
    pub(crate) async fn over_tls(files: &[String; 3]) -> Self {
        let port = free_port().await;
        let settings = [&KEEPS_NOTHING[..], &over_tls(files, &port)].concat();
        Self {
            servers: vec![Server::start(&settings, &port).await],
            entrance: Entrance::Tls,
        }
    }

    /// A Redis Cluster whose nodes keep nothing.
    pub(crate) async fn cluster_of(nodes: usize) -> Self {
        Self::cluster_with(nodes, &[], None).await
    }

    /// The same, the last node with other settings, or all of them over TLS with these files.
    pub(crate) async fn cluster_with(
        nodes: usize,
        last: &[&str],
        tls: Option<&[String; 3]>,
    ) -> Self {
        let mut servers = Vec::new();
        for at in 1..=nodes {
            let (port, bus_port) = (free_port().await, free_port().await);
            let mut settings = KEEPS_NOTHING.to_vec();
            settings.extend(["--cluster-enabled", "yes", "--cluster-port", &bus_port]);
            settings.extend(["--cluster-node-timeout", "2000", "--bind", "127.0.0.1"]);
            match tls {
                Some(files) => {
                    settings.extend(over_tls(files, &port));
                    settings.extend(["--tls-cluster", "yes"]);
                    settings.extend(["--cluster-announce-hostname", "localhost"]);
                    settings.extend(["--cluster-preferred-endpoint-type", "hostname"]);
                }
                None => settings.extend(["--port", &port]),
            }
            if at == nodes {
                settings.extend(last);
            }
            let mut server = Server::start(&settings, &port).await;
            server.bus_port = bus_port;
            servers.push(server);
        }
        let cluster = Self {
            servers,
            entrance: match tls {
                Some(_) => Entrance::Tls,
                None => Entrance::Port,
            },
        };
        cluster.share_slots().await;
        cluster
    }

    async fn share_slots(&self) {
        let nodes = self.servers.len();
        for (at, server) in self.servers.iter().enumerate() {
            let first = (16_384 * at / nodes).to_string();
            let last = (16_384 * (at + 1) / nodes - 1).to_string();
            let given = ["CLUSTER", "ADDSLOTSRANGE", &first, &last];
            assert_eq!(server.ask(&given).await, "OK");
            let epoch = (at + 1).to_string();
            let numbered = ["CLUSTER", "SET-CONFIG-EPOCH", &epoch];
            assert_eq!(server.ask(&numbered).await, "OK");
            let to = &self.servers[0];
            let meet = ["CLUSTER", "MEET", "127.0.0.1", &to.port, &to.bus_port];
            assert_eq!(server.ask(&meet).await, "OK");
        }
        self.until_whole().await;
    }

    /// Until all nodes of the Redis Cluster know one another, and serve.
    pub(crate) async fn until_whole(&self) {
        let known = format!("cluster_known_nodes:{}\r", self.servers.len());
        for server in &self.servers {
            server
                .until(&["CLUSTER", "INFO"], &["cluster_state:ok", &known])
                .await;
        }
    }

    /// A slot moves from one node to another, with what is in it.
    pub(crate) async fn move_slot(&self, slot: &str, from: usize, to: usize) {
        let (old, new) = (&self.servers[from], &self.servers[to]);
        let old_id = old.ask(&["CLUSTER", "MYID"]).await;
        let new_id = new.ask(&["CLUSTER", "MYID"]).await;
        let set = async |server: &Server, words: &[&str]| {
            let words = [&["CLUSTER", "SETSLOT", slot], words].concat();
            assert_eq!(server.ask(&words).await, "OK");
        };
        set(new, &["IMPORTING", &old_id]).await;
        set(old, &["MIGRATING", &new_id]).await;
        loop {
            let keys = old.ask(&["CLUSTER", "GETKEYSINSLOT", slot, "100"]).await;
            if keys.is_empty() {
                break;
            }
            let mut migrate = vec!["MIGRATE", "127.0.0.1", &new.port, "", "0", "5000", "KEYS"];
            migrate.extend(keys.lines());
            assert_eq!(old.ask(&migrate).await, "OK");
        }
        for server in [new, old].into_iter().chain(&self.servers) {
            set(server, &["NODE", &new_id]).await;
        }
    }

    /// The first of two nodes is no part of it any more, and its slots are the other's, with nothing in them.
    pub(crate) async fn first_leaves(&self) {
        let [old, new] = &self.servers[..] else {
            panic!("there are two");
        };
        let done = async |server: &Server, words: &[&str]| {
            assert_eq!(server.ask(words).await, "OK", "{words:?}");
        };
        let old_id = old.ask(&["CLUSTER", "MYID"]).await;
        done(old, &["FLUSHALL"]).await;
        done(old, &["CLUSTER", "RESET"]).await;
        done(new, &["CLUSTER", "FORGET", &old_id]).await;
        done(new, &["CLUSTER", "ADDSLOTSRANGE", "0", "8191"]).await;
        let whole = ["cluster_state:ok", "cluster_known_nodes:1\r"];
        new.until(&["CLUSTER", "INFO"], &whole).await;
    }

    pub(crate) fn id(&self) -> u32 {
        self.servers[0].child.id().expect("it runs")
    }

    pub(crate) fn port(&self) -> &str {
        &self.servers[0].port
    }

    pub(crate) async fn until_info_says(&self, words: &str) {
        self.servers[0].until(&["INFO"], &[words]).await;
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.servers[0].socket()
    }

    pub(crate) fn url(&self) -> String {
        self.url_by(0)
    }

    /// The same by another of its nodes.
    pub(crate) fn url_by(&self, node: usize) -> String {
        let server = &self.servers[node];
        match self.entrance {
            Entrance::Socket => format!("redis+unix://{}", server.socket().display()),
            Entrance::Port => format!("redis://127.0.0.1:{}", server.port),
            Entrance::Tls => format!("rediss://localhost:{}", server.port),
        }
    }

    /// It ends, or one of its nodes.
    pub(crate) async fn stop(&mut self, node: usize) {
        self.servers[node].child.kill().await.unwrap();
    }

    /// Another begins with nothing.
    pub(crate) async fn restart(&mut self, node: usize) {
        self.stop(node).await;
        let server = &mut self.servers[node];
        server.child = run(&server.folder, &server.settings);
        server.until_it_answers().await;
        if self.servers.len() > 1 {
            self.until_whole().await;
        }
    }

    /// What it answers to a command, as text: all of its nodes, one after the other.
    pub(crate) async fn ask(&self, words: &[&str]) -> String {
        let mut answers = Vec::new();
        for server in &self.servers {
            answers.push(server.ask(words).await);
        }
        answers.join("\n")
    }

    /// What one of its nodes answers.
    pub(crate) async fn ask_one(&self, node: usize, words: &[&str]) -> String {
        self.servers[node].ask(words).await
    }

    /// The keys that are of rooms.
    pub(crate) async fn keys_of_rooms(&self) -> Vec<String> {
        let mut all = Vec::new();
        for node in 0..self.servers.len() {
            all.extend(self.keys_of_rooms_in(node).await);
        }
        all
    }

    pub(crate) async fn keys_of_rooms_in(&self, node: usize) -> Vec<String> {
        let mut keys = self.servers[node].keys().await;
        keys.retain(|key| key.ends_with(":r") || key.ends_with(":l"));
        keys
    }

    /// Everything in it.
    pub(crate) async fn everything(&self) -> Vec<u8> {
        let mut all = Vec::new();
        for server in &self.servers {
            for key in server.keys().await {
                all.extend_from_slice(key.as_bytes());
                let dump = Command::new("redis-cli")
                    .arg("-s")
                    .arg(server.socket())
                    .args(["--raw", "DUMP", &key])
                    .output();
                all.extend(in_time(dump).await.unwrap().stdout);
            }
        }
        all
    }
}

impl Server {
    async fn start(settings: &[&str], port: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings: Vec<String> = settings.iter().map(|word| (*word).to_owned()).collect();
        let child = run(&folder, &settings);
        let server = Self {
            folder,
            child,
            settings,
            port: port.to_owned(),
            bus_port: String::new(),
        };
        server.until_it_answers().await;
        server
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    async fn ask(&self, words: &[&str]) -> String {
        let output = Command::new("redis-cli")
            .arg("-s")
            .arg(self.socket())
            .args(words)
            .output();
        let output = in_time(output).await.unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// The names of all keys.
    async fn keys(&self) -> Vec<String> {
        let keys = self.ask(&["KEYS", "*"]).await;
        keys.lines().map(str::to_owned).collect()
    }

    /// Until its answer says all of this.
    async fn until(&self, question: &[&str], words: &[&str]) {
        in_time(async {
            loop {
                let answer = self.ask(question).await + "\r";
                if words.iter().all(|words| answer.contains(words)) {
                    return;
                }
                sleep(Duration::from_millis(50)).await;
            }
        })
        .await;
    }

    async fn until_it_answers(&self) {
        in_time(async {
            loop {
                if let Ok(mut stream) = UnixStream::connect(self.socket()).await {
                    stream.write_all(b"PING\r\n").await.unwrap();
                    let mut answer = [0; 7];
                    if stream.read_exact(&mut answer).await.is_ok() && answer == *b"+PONG\r\n" {
                        return;
                    }
                }
                sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
    }
}

/// Whether there is one on this machine. `./test.sh` installs it, and then a test that lacks it fails.
pub(crate) fn is_installed() -> bool {
    let version = std::process::Command::new("redis-server")
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    let all_of_them = std::env::var_os("BURNCHAT_TEST_EVERYTHING").is_some();
    assert!(
        version.is_ok() || !all_of_them,
        "redis-server is not installed"
    );
    version.is_ok()
}

async fn in_time<T>(future: impl Future<Output = T>) -> T {
    let done = timeout(Duration::from_secs(60), future).await;
    done.expect("Redis does it in time")
}

/// That nobody has at the moment.
async fn free_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().port().to_string()
}

fn over_tls<'a>([certificate, key, root]: &'a [String; 3], port: &'a str) -> [&'a str; 10] {
    [
        "--tls-port",
        port,
        "--tls-cert-file",
        certificate,
        "--tls-key-file",
        key,
        "--tls-ca-cert-file",
        root,
        "--tls-auth-clients",
        "no",
    ]
}

fn run(folder: &TempDir, settings: &[String]) -> Child {
    Command::new("redis-server")
        .args(["--port", "0", "--unixsocket"])
        .arg(folder.path().join("redis.sock"))
        .arg("--dir")
        .arg(folder.path())
        .args(settings)
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("redis-server is installed: ./test.sh does that")
}
