//! Opens the line to a vendor: name, address, TCP, a proxy in between, TLS.
//!
//! It is behind a trait so that tests and simulations can be the network; nothing else in the client knows of sockets.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::settings::{Proxy, Settings, Tls, TlsSettings};
use super::{tls, tunnel};

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
    #[error("the proxy {proxy} cannot be used: {source}")]
    Proxy { proxy: String, source: Box<DialError> },
    #[error("the proxy {proxy} did not connect us to {target}: {source}")]
    Tunnel { proxy: String, target: String, source: tunnel::Error },
    #[error("the proxy {proxy} did not connect us to {target} in time")]
    TunnelTimedOut { proxy: String, target: String },
    #[error("no TLS with {target} through the proxy {proxy}: {source}")]
    TlsInTunnel { proxy: String, target: String, source: std::io::Error },
    #[error(transparent)]
    Tls(#[from] tls::Error),
}

/// The network itself.
pub struct Network {
    host: String,
    port: u16,
    tls: Option<TlsSettings>,
    proxy: Option<Proxy>,
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
        let (host, port, proxy) = (settings.host.clone(), settings.port, settings.proxy.clone());
        Ok(Self { host, port, tls, proxy, patience: settings.connect_timeout.0 })
    }

    async fn open(&self) -> Result<Box<dyn Stream>, DialError> {
        let Some(proxy) = &self.proxy else { return self.first_of(&self.host, self.port).await };
        let name = proxy.to_string();
        match self.first_of(&proxy.host, proxy.port).await {
            Err(
                source @ (DialError::Lookup { .. } | DialError::NoAddress { .. } | DialError::Connect { .. }),
            ) => Err(DialError::Proxy { proxy: name, source: Box::new(source) }),
            Err(DialError::TimedOut { .. }) => {
                Err(DialError::TunnelTimedOut { proxy: name, target: self.target() })
            }
            opened => opened,
        }
    }

    /// Tries each address that the name has now, in the order of the resolver.
    async fn first_of(&self, host: &str, port: u16) -> Result<Box<dyn Stream>, DialError> {
        let lookup = tokio::net::lookup_host((host, port));
        let looked_up = timeout(self.patience, lookup).await.unwrap_or_else(|late| Err(late.into()));
        let addresses = looked_up.map_err(|source| DialError::Lookup { host: host.to_owned(), source })?;
        let mut failed = DialError::NoAddress { host: host.to_owned() };
        for address in addresses {
            match timeout(self.patience, self.connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => failed = error,
                Err(_) => failed = DialError::TimedOut { address },
            }
        }
        Err(failed)
    }

    /// By an address of the vendor or, where there is one, of the proxy.
    async fn connect(&self, address: SocketAddr) -> Result<Box<dyn Stream>, DialError> {
        let failed = |source| DialError::Connect { address, source };
        let stream = TcpStream::connect(address).await.map_err(failed)?;
        // What is written is written in batches already; waiting for more would only delay it.
        stream.set_nodelay(true).map_err(failed)?;
        match &self.proxy {
            None => self.shake_hands(stream, failed).await,
            Some(proxy) => {
                let tunnel = tunnel::open(proxy, stream, (&self.host, self.port)).await;
                let (name, target) = (proxy.to_string(), self.target());
                let tunnel = tunnel.map_err(|source| DialError::Tunnel {
                    proxy: name.clone(),
                    target: target.clone(),
                    source,
                })?;
                let failed = |source| DialError::TlsInTunnel { proxy: name, target, source };
                self.shake_hands(tunnel, failed).await
            }
        }
    }

    async fn shake_hands(
        &self,
        stream: impl Stream + 'static,
        failed: impl FnOnce(std::io::Error) -> DialError,
    ) -> Result<Box<dyn Stream>, DialError> {
        let Some(settings) = &self.tls else { return Ok(Box::new(stream)) };
        let endpoint = tls::endpoint(settings, &self.host)?;
        let stream = endpoint.connector.connect(endpoint.server_name, stream).await.map_err(failed)?;
        Ok(Box::new(stream))
    }

    /// The vendor, as logs name it.
    fn target(&self) -> String {
        format!("{} port {}", self.host, self.port)
    }
}

impl Dial for Network {
    fn dial(&self) -> Dialing<'_> {
        Box::pin(self.open())
    }
}
