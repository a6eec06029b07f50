//! The server over real sockets.

use axum::Extension;
use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

/// A server that answers each request with the address it takes it to come from. It ends with the test.
struct Server {
    address: SocketAddr,
    settings: Arc<Settings>,
    _stop: watch::Sender<bool>,
    _task: JoinSet<()>,
}

fn server(listener: TcpListener) -> Server {
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/", get(async |Extension(Client(client))| format!("client {client}")));
    let settings = Arc::new(Settings::default());
    let (stop, stopped) = watch::channel(false);
    let mut task = JoinSet::new();
    task.spawn(serve(listener, router, Arc::clone(&settings), stopped));
    Server { address, settings, _stop: stop, _task: task }
}

/// The answer to a request with this header.
async fn ask(address: impl tokio::net::ToSocketAddrs, header: &str) -> String {
    let mut line = TcpStream::connect(address).await.unwrap();
    let request = format!("GET / HTTP/1.1\r\n{header}\r\nhost: x\r\nconnection: close\r\n\r\n");
    line.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    line.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn every_request_carries_its_client_and_a_reload_may_trust_another_proxy() {
    let server = server(TcpListener::bind("127.0.0.1:0").await.unwrap());
    let says = "x-forwarded-for: 203.0.113.9";
    let answer = ask(server.address, says).await;
    assert!(answer.ends_with("client 127.0.0.1"), "{answer}");
    let trusted = ["127.0.0.0/8".parse().unwrap()].into_iter().collect();
    server.settings.trusted_proxies.store(Arc::new(trusted));
    let answer = ask(server.address, says).await;
    assert!(answer.ends_with("client 203.0.113.9"), "{answer}");
}

#[tokio::test]
async fn an_ipv4_client_of_a_port_of_both_families_is_one() {
    let listener = crate::listener::listen("[::]:0".parse().unwrap());
    let server = server(listener.expect("this test needs IPv6, and the machine has none"));
    for (to, client) in [("127.0.0.1", "client 127.0.0.1"), ("::1", "client ::1")] {
        let answer = ask((to, server.address.port()), "accept: */*").await;
        assert!(answer.ends_with(client), "{answer}");
    }
}
