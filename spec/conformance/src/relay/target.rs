//! Where the relay under test is, and how it is reached.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use hyper::Uri;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, lookup_host};
use tokio_rustls::TlsConnector;

use super::limits::Limits;
use crate::cli::CannotRun;

/// The relay under test.
pub struct Target {
    host: String,
    port: u16,
    /// Host and port as the URL has them.
    pub(super) authority: String,
    /// The part of the URL before `/api`.
    pub(super) path: String,
    tls: Option<TlsConnector>,
    address: SocketAddr,
    /// Whether the suite can be several peers: on loopback it has sixteen million addresses.
    pub(super) many_peers: bool,
    /// What the relay was asked for.
    pub limits: Limits,
}

/// A connection to it.
pub(super) type Stream = Box<dyn Io>;

/// TCP, with or without TLS on it.
pub(super) trait Io: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Io for T {}

/// From which of its addresses the suite connects; `None` where it has only one.
pub(super) type Peer = Option<Ipv4Addr>;

impl Target {
    /// The relay of this URL.
    ///
    /// # Errors
    /// It is no URL, or nobody answers there.
    pub async fn at(url: &str, authority_file: Option<&Path>) -> Result<Self, CannotRun> {
        let uri: Uri = url.trim_end_matches('/').parse()?;
        let authority = uri.authority().ok_or("a URL with a host is needed")?;
        let secure = match uri.scheme_str() {
            Some("https" | "wss") => true,
            Some("http" | "ws") => false,
            _ => return Err("a URL that begins with wss:, ws:, https: or http: is needed".into()),
        };
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let port = authority
            .port_u16()
            .unwrap_or(if secure { 443 } else { 80 });
        let address = lookup_host((host.as_str(), port))
            .await?
            .next()
            .ok_or("the relay's name has no address")?;
        let mut target = Self {
            authority: authority.to_string(),
            path: uri.path().trim_end_matches('/').to_owned(),
            tls: if secure {
                Some(connector(authority_file)?)
            } else {
                None
            },
            host,
            port,
            address,
            many_peers: address.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST),
            limits: Limits::of_environment(),
        };
        let elsewhere = Some(Ipv4Addr::new(127, 0, 0, 2));
        target.many_peers = target.many_peers && target.connect(elsewhere, None).await.is_ok();
        target.connect(None, None).await.map_err(|error| {
            format!("nobody answers at {}:{}: {error}", target.host, target.port)
        })?;
        Ok(target)
    }

    /// The URL before `/r/…`, as a link has it.
    pub(super) fn base(&self) -> String {
        let scheme = if self.is_secure() { "https" } else { "http" };
        format!("{scheme}://{}{}", self.authority, self.path)
    }

    pub(super) fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    /// Connects from this address, with a kernel buffer of this size for what comes in.
    pub(super) async fn connect(&self, from: Peer, buffer: Option<u32>) -> io::Result<Stream> {
        let socket = match self.address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        if let Some(bytes) = buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        if let Some(address) = from {
            socket.bind(SocketAddr::from((address, 0)))?;
        }
        let tcp = socket.connect(self.address).await?;
        tcp.set_nodelay(true)?;
        let Some(tls) = &self.tls else {
            return Ok(Box::new(tcp));
        };
        let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
        Ok(Box::new(tls.connect(name, tcp).await?))
    }
}

/// Trusts the public authorities, or the one in the file.
fn connector(authority_file: Option<&Path>) -> Result<TlsConnector, CannotRun> {
    let mut roots = RootCertStore::empty();
    match authority_file {
        Some(path) => {
            for certificate in CertificateDer::pem_file_iter(path)? {
                roots.add(certificate?)?;
            }
        }
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
