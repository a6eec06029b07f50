//! Opens the line to a vendor: name, address, TCP, TLS.
//!
//! It is behind a trait so that tests and simulations can be the network; nothing else in the client knows of sockets.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::settings::{Settings, Tls, TlsSettings};
use super::tls;

/// A line to a vendor.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

pub type Dialing<'a> = Pin<Box<dyn Future<Output = Result<Box<dyn Stream>, DialError>> + Send + 'a>>;

/// Opens a line, or says why not. Each call has its own deadline, and may be dropped at any time.
pub trait Dial: Send + Sync {
    fn dial(&self) -> Dialing<'_>;
}

/// Why there is no line.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    #[error("the name {host} cannot be looked up: {source}")]
    Lookup { host: String, source: std::io::Error },
    #[error("the name {host} has no address")]
    NoAddress { host: String },
    #[error("cannot connect to {address}: {source}")]
    Connect { address: SocketAddr, source: std::io::Error },
    #[error("cannot connect to {address} in time")]
    TimedOut { address: SocketAddr },
    #[error(transparent)]
    Tls(#[from] tls::Error),
}

/// The network itself.
pub struct Network {
    host: String,
    port: u16,
    tls: Option<TlsSettings>,
    patience: Duration,
}

impl Network {
    /// # Errors
    /// When a file that the settings name cannot be used.
    pub fn new(settings: &Settings) -> Result<Self, tls::Error> {
        let tls = match &settings.tls {
            Tls::Off => None,
            Tls::On(tls) => {
                tls::endpoint(tls, &settings.host)?;
                Some(tls.clone())
            }
        };
        let (host, port) = (settings.host.clone(), settings.port);
        Ok(Self { host, port, tls, patience: settings.connect_timeout.0 })
    }

    /// Tries each address that the name has now, in the order of the resolver.
    async fn open(&self) -> Result<Box<dyn Stream>, DialError> {
        let lookup = tokio::net::lookup_host((self.host.as_str(), self.port));
        let looked_up = timeout(self.patience, lookup).await.unwrap_or_else(|late| Err(late.into()));
        let addresses = looked_up.map_err(|source| DialError::Lookup { host: self.host.clone(), source })?;
        let mut failed = DialError::NoAddress { host: self.host.clone() };
        for address in addresses {
            match timeout(self.patience, self.connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => failed = error,
                Err(_) => failed = DialError::TimedOut { address },
            }
        }
        Err(failed)
    }

    async fn connect(&self, address: SocketAddr) -> Result<Box<dyn Stream>, DialError> {
        let failed = |source| DialError::Connect { address, source };
        let stream = TcpStream::connect(address).await.map_err(failed)?;
        // What is written is written in batches already; waiting for more would only delay it.
        stream.set_nodelay(true).map_err(failed)?;
        let Some(settings) = &self.tls else { return Ok(Box::new(stream)) };
        let endpoint = tls::endpoint(settings, &self.host)?;
        let stream = endpoint.connector.connect(endpoint.server_name, stream).await.map_err(failed)?;
        Ok(Box::new(stream))
    }
}

impl Dial for Network {
    fn dial(&self) -> Dialing<'_> {
        Box::pin(self.open())
    }
}
