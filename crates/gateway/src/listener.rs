//! A port to listen on, of both families where its address is `[::]`.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

/// Connections that may wait to be accepted; the system may allow fewer.
const BACKLOG: i32 = 1024;

/// Listens on an address. An IPv6 one is made to take IPv4 clients, too, whatever the system's default is: `[::]` is
/// everyone, and on any other address it changes nothing. To be called within a runtime.
///
/// # Errors
/// When the system does not give us the port.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // A port whose last connections are not forgotten yet can be had again, as after a crash.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    use tokio::net::TcpStream;

    use super::*;

    fn listen_on(address: &str) -> TcpListener {
        listen(address.parse().unwrap())
            .unwrap_or_else(|error| panic!("this test needs IPv6, and {address} cannot be had: {error}"))
    }

    /// Whom the listener sees when somebody connects to this address.
    async fn seen(listener: &TcpListener, to: IpAddr) -> io::Result<IpAddr> {
        let port = listener.local_addr()?.port();
        let client = TcpStream::connect((to, port)).await?;
        let (_, peer) = listener.accept().await?;
        drop(client);
        Ok(peer.ip())
    }

    #[tokio::test]
    async fn one_port_serves_both_families() {
        let listener = listen_on("[::]:0");
        let four = seen(&listener, Ipv4Addr::LOCALHOST.into()).await.unwrap();
        assert_eq!(four, IpAddr::V6(Ipv4Addr::LOCALHOST.to_ipv6_mapped()), "as the system shows it");
        let six = seen(&listener, Ipv6Addr::LOCALHOST.into()).await.unwrap();
        assert_eq!(six, IpAddr::V6(Ipv6Addr::LOCALHOST));
    }

    #[tokio::test]
    async fn an_address_of_one_family_serves_that_one() {
        let listener = listen_on("[::1]:0");
        seen(&listener, Ipv6Addr::LOCALHOST.into()).await.unwrap();
        assert!(seen(&listener, Ipv4Addr::LOCALHOST.into()).await.is_err());
        let listener = listen_on("127.0.0.1:0");
        assert_eq!(seen(&listener, Ipv4Addr::LOCALHOST.into()).await.unwrap(), Ipv4Addr::LOCALHOST);
        assert!(listen(listener.local_addr().unwrap()).is_err(), "the port is taken");
    }
}
