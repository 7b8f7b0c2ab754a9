//! nginx in front of a relay, set up as the operator's guide says.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use super::in_time;
use super::pebble::free_port;
use super::tls::{DOMAIN, Files, Root};

const NGINX: &str = "/usr/sbin/nginx";
const GUIDE: &str = include_str!("../../README.md");

pub(crate) struct Nginx {
    process: Child,
    address: SocketAddr,
    root: Root,
    _files: Files,
}

impl Nginx {
    /// With the guide's own configuration: only names and places are others. `None` where there is no nginx.
    pub(crate) async fn before(relay: SocketAddr) -> Option<Self> {
        if !super::installed_at(NGINX) {
            return None;
        }
        let root = Root::new();
        let files = Files::with(&root.issue(DOMAIN));
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let path = |name| files.path(name).to_str().unwrap().to_owned();
        let (_, rest) = GUIDE.split_once("```nginx\n").expect("a configuration");
        let (guides, _) = rest.split_once("```").expect("its end");
        let mut server = guides.to_owned();
        for (theirs, ours) in [
            ("listen 443 ssl", format!("listen {address} ssl")),
            ("server_name chat.example", format!("server_name {DOMAIN}")),
            (
                "/etc/letsencrypt/live/chat.example/fullchain.pem",
                path("chain.pem"),
            ),
            (
                "/etc/letsencrypt/live/chat.example/privkey.pem",
                path("key.pem"),
            ),
            ("127.0.0.1:8470", relay.to_string()),
        ] {
            assert!(server.contains(theirs), "{theirs}: {server}");
            server = server.replace(theirs, &ours);
        }
        let folder = files.folder.path().display();
        // What it writes while it runs is to lie with its configuration.
        let own: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {folder}/{kind};\n"))
            .concat();
        let pid = path("pid");
        // In one process: workers of a master that was killed would live on.
        let config = format!(
            "daemon off; master_process off; pid {pid}; error_log stderr;\nevents {{}}\nhttp {{\n{own}{server}\n}}\n"
        );
        let config = files.put("nginx.conf", &config);
        let process = Command::new(NGINX)
            .args(["-e", "stderr", "-p", &folder.to_string(), "-c"])
            .arg(config)
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut nginx = Self {
            process,
            address,
            root,
            _files: files,
        };
        in_time(nginx.until_it_listens()).await;
        Some(nginx)
    }

    /// Where a client with this address speaks to it: what comes there without TLS goes to it over TLS.
    pub(crate) async fn for_client(&self, client: impl Into<IpAddr>) -> SocketAddr {
        self.root.tunnel_from(client.into(), self.address).await
    }

    async fn until_it_listens(&mut self) {
        while TcpStream::connect(self.address).await.is_err() {
            let ended = self.process.try_wait().unwrap();
            assert!(ended.is_none(), "nginx did not start: {ended:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
