//! TLS: certificates from files, or from an authority by ACME.

use std::fmt::{self, Display};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};
use rustls_acme::is_tls_alpn_challenge;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::{error, info};

use crate::acme;
use crate::options::TlsOptions;

/// What speaks TLS with those who connect.
#[derive(Clone)]
pub(crate) struct Tls {
    /// For everybody.
    config: Arc<ServerConfig>,
    /// For an authority that looks whether we are who we say.
    challenge: Option<Arc<ServerConfig>>,
    /// Where the certificate can be read again.
    files: Option<Arc<Files>>,
    within: Duration,
    handshakes: Arc<Semaphore>,
}

/// One handshake among so many.
pub(crate) struct Turn {
    _permit: OwnedSemaphorePermit,
}

impl Tls {
    /// As the options say; `None` if they say nothing of TLS. Certificates that have to be asked for are asked for from
    /// now on, on tokio's current runtime.
    ///
    /// # Errors
    /// Which file can't be used, and why.
    pub(crate) fn start(options: &TlsOptions) -> io::Result<Option<Self>> {
        let with = |config, challenge, files| Self {
            config,
            challenge,
            files,
            within: Duration::from_millis(options.tls_handshake_millis),
            handshakes: Arc::new(Semaphore::new(options.tls_handshakes as usize)),
        };
        if let (Some(chain), Some(key)) = (&options.tls_cert, &options.tls_key) {
            let files = Arc::new(Files::read(chain, key)?);
            let config = config_with(Arc::clone(&files) as Arc<dyn ResolvesServerCert>)?;
            Ok(Some(with(config, None, Some(files))))
        } else if options.acme.is_empty() {
            Ok(None)
        } else {
            let authority = acme::Authority::of(options)?;
            let challenge = authority.challenge_config();
            let config = config_with(authority.resolver())?;
            tokio::spawn(authority.run());
            Ok(Some(with(config, Some(challenge), None)))
        }
    }

    /// Waits until there is time for one more handshake.
    pub(crate) async fn turn(&self) -> Option<Turn> {
        let turn = Arc::clone(&self.handshakes).acquire_owned().await;
        Some(Turn {
            _permit: turn.ok()?,
        })
    }

    /// Shakes hands. `None` if that fails, takes too long, or was all that the client wanted.
    pub(crate) async fn accept(
        &self,
        stream: TcpStream,
        turn: Option<Turn>,
    ) -> Option<TlsStream<TcpStream>> {
        let accepted = timeout(self.within, self.shake_hands(stream)).await;
        drop(turn);
        accepted.ok()?.ok()?
    }

    /// Reads the certificate again. If that fails, the one in use stays in use.
    pub(crate) fn reload(&self) {
        let Some(files) = &self.files else {
            return info!(
                "asked to read the certificate again, but there is no file to read it from"
            );
        };
        match files.read_again() {
            Ok(()) => info!("the certificate has been read again, and is used from now on"),
            Err(error) => error!("the certificate in use stays in use: {error}"),
        }
    }

    async fn shake_hands(&self, stream: TcpStream) -> io::Result<Option<TlsStream<TcpStream>>> {
        let hello = LazyConfigAcceptor::new(Default::default(), stream).await?;
        if let Some(challenge) = &self.challenge
            && is_tls_alpn_challenge(&hello.client_hello())
        {
            hello
                .into_stream(Arc::clone(challenge))
                .await?
                .shutdown()
                .await?;
            return Ok(None);
        }
        hello.into_stream(Arc::clone(&self.config)).await.map(Some)
    }
}

/// TLS 1.2 and 1.3 with rustls's own choice of algorithms, and HTTP/1.1 in it.
fn config_with(certificate: Arc<dyn ResolvesServerCert>) -> io::Result<Arc<ServerConfig>> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_cert_resolver(certificate);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(default_provider())
}

/// The roots in a file.
///
/// # Errors
/// If they can't be read, or there are none.
pub(crate) fn roots(path: &Path) -> io::Result<RootCertStore> {
    let wrong = |why: &dyn Display| io::Error::other(format!("{}: {why}", path.display()));
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_file_iter(path).map_err(|error| wrong(&error))? {
        let added = roots.add(root.map_err(|error| wrong(&error))?);
        added.map_err(|error| wrong(&error))?;
    }
    if roots.is_empty() {
        return Err(wrong(&"no certificate in it"));
    }
    Ok(roots)
}

/// A certificate that is read from files, and can be read again.
struct Files {
    chain: PathBuf,
    key: PathBuf,
    certified: RwLock<Arc<CertifiedKey>>,
}

impl Files {
    fn read(chain: &Path, key: &Path) -> io::Result<Self> {
        Ok(Self {
            chain: chain.to_owned(),
            key: key.to_owned(),
            certified: RwLock::new(certified(chain, key)?),
        })
    }

    fn read_again(&self) -> io::Result<()> {
        let certified = certified(&self.chain, &self.key)?;
        *self
            .certified
            .write()
            .unwrap_or_else(PoisonError::into_inner) = certified;
        Ok(())
    }
}

impl ResolvesServerCert for Files {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let certified = self
            .certified
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&certified))
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Files").finish_non_exhaustive()
    }
}

/// A chain and its key, which belong together.
fn certified(chain: &Path, key: &Path) -> io::Result<Arc<CertifiedKey>> {
    let wrong =
        |path: &Path, why: &dyn Display| io::Error::other(format!("{}: {why}", path.display()));
    let certificates: Vec<_> = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect)
        .map_err(|error| wrong(chain, &error))?;
    if certificates.is_empty() {
        return Err(wrong(chain, &"no certificate in it"));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, &error))?;
    let certified = CertifiedKey::from_der(certificates, private, &provider());
    certified.map(Arc::new).map_err(|error| wrong(key, &error))
}
