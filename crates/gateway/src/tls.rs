//! TLS: the one cryptography provider of the process, and who we are to those that come to us.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// Makes ring the process's provider. Idempotent: whoever needs TLS may call it first.
pub fn install_provider() {
    // An error only says that a provider is installed already.
    drop(rustls::crypto::ring::default_provider().install_default());
}

/// The files of a certificate and its key, PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The certificate, and after it those that lead to the root.
    pub cert: PathBuf,
    pub key: PathBuf,
}

/// Why a pair cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {what} from {}: {source}", path.display())]
    Unreadable { what: &'static str, path: PathBuf, source: rustls::pki_types::pem::Error },
    #[error("{} holds no certificate", path.display())]
    NoCertificate { path: PathBuf },
    #[error("the certificate {} with the key {} cannot be used: {source}", pair.cert.display(), pair.key.display())]
    Unusable { pair: Pair, source: rustls::Error },
}

/// Who a door says it is, which may change while it is open.
pub(crate) struct Identity {
    current: ArcSwap<ServerConfig>,
    /// What is spoken inside, by preference.
    protocols: &'static [&'static [u8]],
}

impl Identity {
    /// # Errors
    /// When the pair cannot be read, or its halves do not belong together.
    pub(crate) fn read(pair: &Pair, protocols: &'static [&'static [u8]]) -> Result<Self, Error> {
        Ok(Self { current: ArcSwap::new(config(pair, protocols)?), protocols })
    }

    /// Takes what the files hold now, for the next handshake.
    ///
    /// # Errors
    /// As `read`; then the identity of before is kept.
    pub(crate) fn read_again(&self, pair: &Pair) -> Result<(), Error> {
        self.current.store(config(pair, self.protocols)?);
        Ok(())
    }

    /// For one handshake.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.current.load_full())
    }
}

fn config(pair: &Pair, protocols: &[&[u8]]) -> Result<Arc<ServerConfig>, Error> {
    let unusable = |source| Error::Unusable { pair: pair.clone(), source };
    let key = PrivateKeyDer::from_pem_file(&pair.key).map_err(unreadable("a private key", &pair.key))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?;
    let built = builder.with_no_client_auth().with_single_cert(chain(&pair.cert)?, key);
    let mut config = built.map_err(unusable)?;
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(Arc::new(config))
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = read.map_err(unreadable("certificates", path))?;
    if chain.is_empty() { Err(Error::NoCertificate { path: path.to_owned() }) } else { Ok(chain) }
}

fn unreadable(what: &'static str, path: &Path) -> impl FnOnce(rustls::pki_types::pem::Error) -> Error {
    move |source| Error::Unreadable { what, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertifiedKey, generate_simple_self_signed};

    use super::*;

    fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn pair(folder: &Path, name: &str) -> Pair {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        Pair {
            cert: write(folder, &format!("{name}-cert.pem"), &cert.pem()),
            key: write(folder, &format!("{name}-key.pem"), &signing_key.serialize_pem()),
        }
    }

    #[test]
    fn a_pair_is_read_and_one_that_is_wrong_says_how() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (pair(folder.path(), "one"), pair(folder.path(), "other"));
        let identity = Identity::read(&one, &[b"h2"]).unwrap();
        assert_eq!(identity.current.load().alpn_protocols, [b"h2"]);
        let before = identity.current.load_full();
        let empty = write(folder.path(), "empty.pem", "");
        for (wrong, because) in [
            (Pair { key: other.key.clone(), ..one.clone() }, "cannot be used"),
            (Pair { cert: empty.clone(), ..one.clone() }, "holds no certificate"),
            (Pair { key: empty, ..one.clone() }, "cannot read a private key"),
            (Pair { cert: folder.path().join("nowhere"), ..one }, "cannot read certificates"),
        ] {
            let error = identity.read_again(&wrong).unwrap_err().to_string();
            assert!(error.contains(because), "{error}");
        }
        assert!(Arc::ptr_eq(&before, &identity.current.load_full()), "the old one is kept");
        identity.read_again(&other).unwrap();
        assert!(!Arc::ptr_eq(&before, &identity.current.load_full()));
    }
}
