//! A Redis of a test's own.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixStream};
use tokio::process::{Child, Command};
use tokio::time::sleep;

use crate::harness::in_time;

pub(crate) struct Redis {
    folder: TempDir,
    child: Child,
    settings: Vec<String>,
    port: String,
}

impl Redis {
    /// That keeps nothing.
    pub(crate) async fn start() -> Self {
        Self::with(&["--save", "", "--appendonly", "no"]).await
    }

    pub(crate) async fn with(settings: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings: Vec<String> = settings.iter().map(|word| (*word).to_owned()).collect();
        let child = run(&folder, &settings);
        let redis = Self {
            folder,
            child,
            settings,
            port: String::new(),
        };
        redis.until_it_answers().await;
        redis
    }

    /// That listens on a port of the loopback interface, too.
    pub(crate) async fn on_a_port() -> Self {
        let port = free_port().await;
        let mut redis = Self::with(&["--save", "", "--appendonly", "no", "--port", &port]).await;
        redis.port = port;
        redis
    }

    /// The same over TLS, with the files of its certificate, its key and its root.
    pub(crate) async fn over_tls([certificate, key, root]: &[String; 3]) -> Self {
        let port = free_port().await;
        let mut redis = Self::with(&[
            "--save",
            "",
            "--appendonly",
            "no",
            "--tls-port",
            &port,
            "--tls-cert-file",
            certificate,
            "--tls-key-file",
            key,
            "--tls-ca-cert-file",
            root,
            "--tls-auth-clients",
            "no",
        ])
        .await;
        redis.port = port;
        redis
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    pub(crate) fn port(&self) -> &str {
        &self.port
    }

    pub(crate) fn tls_url(&self) -> String {
        format!("rediss://localhost:{}", self.port)
    }

    pub(crate) async fn until_info_says(&self, words: &str) {
        in_time(async {
            while !self.ask(&["INFO"]).await.contains(words) {
                sleep(Duration::from_millis(50)).await;
            }
        })
        .await;
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    pub(crate) fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    /// It ends.
    pub(crate) async fn stop(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// Another begins with nothing.
    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        self.child = run(&self.folder, &self.settings);
        self.until_it_answers().await;
    }

    /// What it answers to a command, as text.
    pub(crate) async fn ask(&self, words: &[&str]) -> String {
        let output = Command::new("redis-cli")
            .arg("-s")
            .arg(self.socket())
            .args(words)
            .output();
        let output = in_time(output).await.unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// The names of all keys.
    pub(crate) async fn keys(&self) -> Vec<String> {
        let keys = self.ask(&["KEYS", "*"]).await;
        keys.lines().map(str::to_owned).collect()
    }

    /// The keys that are of rooms.
    pub(crate) async fn keys_of_rooms(&self) -> Vec<String> {
        let mut keys = self.keys().await;
        keys.retain(|key| key.contains('{'));
        keys
    }

    /// Everything in it.
    pub(crate) async fn everything(&self) -> Vec<u8> {
        let mut all = Vec::new();
        for key in self.keys().await {
            all.extend_from_slice(key.as_bytes());
            let dump = Command::new("redis-cli")
                .arg("-s")
                .arg(self.socket())
                .args(["--raw", "DUMP", &key])
                .output();
            all.extend(in_time(dump).await.unwrap().stdout);
        }
        all
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

/// That nobody has at the moment.
async fn free_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().port().to_string()
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
