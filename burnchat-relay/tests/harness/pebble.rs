//! An authority that gives out certificates by ACME: Pebble, which Let's Encrypt tests clients with.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::http::get;
use super::tls::{DOMAIN, Files, Root};
use super::{in_time, installed};

pub(crate) struct Pebble {
    _dns: Child,
    pebble: Child,
    /// Its own certificate, and who trusts it.
    files: Files,
    root: Root,
    directory: String,
    management: SocketAddr,
}

impl Pebble {
    /// Starts one that looks for the relay at this port. `None` where it is not installed.
    pub(crate) async fn start(relay: u16) -> Option<Self> {
        if !installed("pebble") || !installed("pebble-challtestsrv") {
            return None;
        }
        let [dns, api, management] = [free_udp_port(), free_port(), free_port()];
        let root = Root::new();
        let files = Files::with(&root.issue_for(&["localhost", DOMAIN]));
        files.put("root.pem", &root.certificate.pem());
        let path = |name| files.path(name).to_str().unwrap().to_owned();
        let config = format!(
            r#"{{"pebble": {{"listenAddress": "127.0.0.1:{api}", "managementListenAddress": "127.0.0.1:{management}",
                "certificate": "{}", "privateKey": "{}", "httpPort": 1, "tlsPort": {relay}, "ocspResponderURL": ""}}}}"#,
            path("chain.pem"),
            path("key.pem"),
        );
        files.put("config.json", &config);
        // Every name is this machine.
        let at_dns = format!("127.0.0.1:{dns}");
        let names = [
            "-dns01",
            &at_dns,
            "-defaultIPv4",
            "127.0.0.1",
            "-defaultIPv6",
            "",
        ];
        let nothing_else = [
            "-http01",
            "",
            "-https01",
            "",
            "-tlsalpn01",
            "",
            "-management",
            "",
        ];
        let dns = spawn(
            "pebble-challtestsrv",
            &[&names[..], &nothing_else].concat(),
            "Starting challenge servers",
        )
        .await;
        let config = path("config.json");
        let pebble = spawn(
            "pebble",
            &["-config", &config, "-dnsserver", &at_dns, "-strict"],
            "ACME directory available",
        )
        .await;
        Some(Self {
            _dns: dns,
            pebble,
            directory: format!("https://localhost:{api}/dir"),
            management: SocketAddr::from((Ipv4Addr::LOCALHOST, management)),
            files,
            root,
        })
    }

    /// The relay's options that send it here.
    pub(crate) fn options(&self) -> Vec<String> {
        let root = self.files.path("root.pem").to_str().unwrap().to_owned();
        let options = [
            "--acme",
            DOMAIN,
            "--acme-directory",
            &self.directory,
            "--acme-root",
            &root,
        ];
        options.map(str::to_owned).to_vec()
    }

    /// From now on it answers nobody.
    pub(crate) async fn stop(&mut self) {
        in_time(self.pebble.kill()).await.unwrap();
    }

    /// Who trusts what it gives out.
    pub(crate) async fn issuer(&self) -> String {
        let management = self.root.tunnel(self.management).await;
        get(management, "/roots/0", &[]).await.body
    }
}

async fn spawn(program: &str, arguments: &[&str], until: &str) -> Child {
    let mut child = Command::new(program)
        .args(arguments)
        .env("PEBBLE_VA_NOSLEEP", "1")
        .env("PEBBLE_WFE_NONCEREJECT", "0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    in_time(async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains(until) {
                return;
            }
        }
        panic!("{program} did not start");
    })
    .await;
    // It is not to wait for a reader.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    child
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

fn free_udp_port() -> u16 {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.local_addr().unwrap().port()
}
