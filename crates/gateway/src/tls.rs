//! The one cryptography provider of the process.

/// Makes ring the process's provider. Idempotent: whoever needs TLS may call it first.
pub fn install_provider() {
    // An error only says that a provider is installed already.
    drop(rustls::crypto::ring::default_provider().install_default());
}
