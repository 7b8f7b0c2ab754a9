//! Certificates of the test's own, and clients that trust them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, KeyPair};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The name that certificates are for.
pub(crate) const DOMAIN: &str = "relay.example";

/// Who is trusted.
pub(crate) struct Root {
    pub(crate) certificate: Certificate,
    pub(crate) key: KeyPair,
}

impl Root {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Not the one that certificates have by default: OpenSSL would take them for their own issuers.
        let name = &mut params.distinguished_name;
        name.push(DnType::CommonName, "root of the tests");
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate, key }
    }

    /// A certificate for a name and its key, in PEM.
    pub(crate) fn issue(&self, name: &str) -> (String, String) {
        self.issue_for(&[name])
    }

    /// The same for several names.
    pub(crate) fn issue_for(&self, names: &[&str]) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params =
            CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>())
                .unwrap();
        let certificate = params
            .signed_by(&key, &self.certificate, &self.key)
            .unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// What trusts this root and nobody else.
    fn client(&self) -> TlsConnector {
        client_trusting(&self.certificate.pem())
    }

    /// A place on this machine from which everything goes to the relay by TLS.
    pub(crate) async fn tunnel(&self, relay: SocketAddr) -> SocketAddr {
        self.tunnel_from(Ipv4Addr::LOCALHOST.into(), relay).await
    }

    /// The same for who has this address.
    pub(crate) async fn tunnel_from(&self, client: IpAddr, relay: SocketAddr) -> SocketAddr {
        let from = SocketAddr::new(client, 0);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = self.client();
        tokio::spawn(async move {
            while let Ok((mut plain, _)) = listener.accept().await {
                let client = client.clone();
                tokio::spawn(async move {
                    let socket = TcpSocket::new_v4().unwrap();
                    socket.bind(from).unwrap();
                    let stream = socket.connect(relay).await.unwrap();
                    let name = ServerName::try_from(DOMAIN).unwrap();
                    let mut stream = client.connect(name, stream).await.unwrap();
                    // How it ends is seen at the near end.
                    let _ = copy_bidirectional(&mut plain, &mut stream).await;
                });
            }
        });
        address
    }

    /// A connection, and the certificate that was shown.
    pub(crate) async fn connect(
        &self,
        relay: SocketAddr,
    ) -> io::Result<(TlsStream<TcpStream>, CertificateDer<'static>)> {
        connect(&self.client(), relay).await
    }
}

/// A connection, and the certificate that was shown.
pub(crate) async fn connect(
    client: &TlsConnector,
    relay: SocketAddr,
) -> io::Result<(TlsStream<TcpStream>, CertificateDer<'static>)> {
    let stream = TcpStream::connect(relay).await?;
    let name = ServerName::try_from(DOMAIN).unwrap();
    let stream = client.connect(name, stream).await?;
    let (_, session) = stream.get_ref();
    let shown = session.peer_certificates().unwrap()[0].clone().into_owned();
    Ok((stream, shown))
}

/// A client that trusts this root, in PEM, and nobody else.
pub(crate) fn client_trusting(root: &str) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(root.as_bytes()).unwrap())
        .unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    TlsConnector::from(Arc::new(config))
}

/// A certificate and its key in files.
pub(crate) struct Files {
    pub(crate) folder: TempDir,
}

impl Files {
    pub(crate) fn with((chain, key): &(String, String)) -> Self {
        let files = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        files.put("chain.pem", chain);
        files.put("key.pem", key);
        files
    }

    pub(crate) fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program's options that name them.
    pub(crate) fn options(&self) -> Vec<String> {
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let (chain, key) = (self.path("chain.pem"), self.path("key.pem"));
        vec![
            "--tls-cert".to_owned(),
            text(&chain),
            "--tls-key".to_owned(),
            text(&key),
        ]
    }
}
