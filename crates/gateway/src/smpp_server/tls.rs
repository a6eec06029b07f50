//! TLS at the door: who we are, and whom we ask who they are.
//!
//! The files are read at the start and at every reload, so that a renewed certificate needs no restart.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use arc_swap::ArcSwap;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

/// What the configuration says of the port with TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub listen: SocketAddr,
    /// Our certificate, and those between it and its root, in PEM.
    pub cert: PathBuf,
    /// Its private key, in PEM.
    pub key: PathBuf,
    /// Then only clients that show a certificate of one of these are spoken to.
    pub client_ca: Option<PathBuf>,
}

/// What the next handshake is made with.
pub(super) struct Identity(ArcSwap<ServerConfig>);

impl Identity {
    /// Reads the files.
    ///
    /// # Errors
    /// When one cannot be read, or they do not fit each other.
    pub(super) fn read(settings: &Settings) -> anyhow::Result<Self> {
        Ok(Self(ArcSwap::from_pointee(server_config(settings)?)))
    }

    /// Reads them again. Files that cannot be used leave it as it was.
    pub(super) fn renew(&self, settings: &Settings) {
        match server_config(settings) {
            Ok(config) => self.0.store(Arc::new(config)),
            Err(error) => tracing::error!(
                error = format!("{error:#}"),
                "the SMPP server's certificate is kept, the new one cannot be used"
            ),
        }
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.0.load_full())
    }
}

fn server_config(settings: &Settings) -> anyhow::Result<ServerConfig> {
    let provider = Arc::new(ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let builder = match &settings.client_ca {
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(path)? {
                roots.add(certificate).with_context(|| unusable(path))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().with_context(|| unusable(path))?)
        }
        None => builder.with_no_client_auth(),
    };
    let key = PrivateKeyDer::from_pem_file(&settings.key)
        .with_context(|| format!("cannot read a private key from {}", settings.key.display()))?;
    let config = builder.with_single_cert(certificates(&settings.cert)?, key);
    config.with_context(|| format!("{} with {}", unusable(&settings.cert), settings.key.display()))
}

fn unusable(path: &Path) -> String {
    format!("cannot use {}", path.display())
}

fn certificates(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let unreadable = || format!("cannot read certificates from {}", path.display());
    let found = CertificateDer::pem_file_iter(path).with_context(unreadable)?;
    let found = found.collect::<Result<Vec<_>, _>>().with_context(unreadable)?;
    ensure!(!found.is_empty(), "{} holds no certificate", path.display());
    Ok(found)
}
