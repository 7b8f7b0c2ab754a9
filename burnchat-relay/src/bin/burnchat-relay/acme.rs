//! Certificates from an authority, by ACME (RFC 8555) and TLS-ALPN-01 (RFC 8737).

use std::io;
use std::sync::Arc;

use futures_util::StreamExt;
use rustls::server::ResolvesServerCert;
use rustls::{ClientConfig, ServerConfig};
use rustls_acme::caches::DirCache;
use rustls_acme::{AcmeConfig, AcmeState, EventError, EventOk};
use tracing::{info, warn};

use crate::options::TlsOptions;
use crate::tls;

/// An authority that is asked for a certificate, and for the next one before that ends.
pub(crate) struct Authority(AcmeState<io::Error>);

impl Authority {
    pub(crate) fn of(options: &TlsOptions) -> io::Result<Self> {
        let config = match &options.acme_root {
            Some(path) => AcmeConfig::new_with_client_config(&options.acme, trusting(path)?),
            None => AcmeConfig::new_with_provider(&options.acme, tls::provider()),
        };
        let contact = options.acme_contact.iter();
        let config = config
            .directory(&options.acme_directory)
            .contact(contact.map(|address| format!("mailto:{address}")));
        // Without a folder, what it has it keeps in memory as long as it runs.
        let state = config
            .cache_option(options.acme_cache.clone().map(DirCache::new))
            .state();
        Ok(Self(state))
    }

    /// What the authority sees that looks whether the domain is ours.
    pub(crate) fn challenge_config(&self) -> Arc<ServerConfig> {
        self.0.challenge_rustls_config()
    }

    /// What everybody else sees: the newest certificate, and none before there is one.
    pub(crate) fn resolver(&self) -> Arc<dyn ResolvesServerCert> {
        self.0.resolver()
    }

    /// Asks, and asks again in time.
    pub(crate) async fn run(mut self) {
        while let Some(event) = self.0.next().await {
            match event {
                Ok(EventOk::DeployedNewCert) => {
                    info!("there is a new certificate, and it is used from now on")
                }
                Ok(EventOk::DeployedCachedCert) => info!("the certificate in the cache is used"),
                Ok(EventOk::CertCacheStore | EventOk::AccountCacheStore) => {
                    info!("the ACME cache has been written")
                }
                Err(error @ (EventError::CertCacheLoad(_) | EventError::AccountCacheLoad(_))) => {
                    warn!("the ACME cache can not be read: {error:?}");
                }
                Err(error @ (EventError::CertCacheStore(_) | EventError::AccountCacheStore(_))) => {
                    warn!("the ACME cache can not be written: {error:?}");
                }
                Err(error) => warn!(
                    "no certificate from the authority, which is asked again later: {error:?}"
                ),
            }
        }
    }
}

fn trusting(path: &std::path::Path) -> io::Result<Arc<ClientConfig>> {
    let config = ClientConfig::builder_with_provider(tls::provider())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(tls::roots(path)?)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
