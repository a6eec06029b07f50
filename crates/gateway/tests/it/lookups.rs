//! Providers of lookups that answer, hang, talk nonsense or are gone: what messages get of it, and how long they wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::client::{self, ADMIN_KEY, Answer, Client};
use crate::deadline::until;
use crate::gateway::Gateway;
use crate::lab;
use crate::setup::Setup;

const TO: &str = "+4915112345678";
/// Far below what the provider takes, and far above what a message may wait.
const SOON: Duration = Duration::from_secs(5);

/// How a provider behaves.
#[derive(Clone, Copy)]
enum Manner {
    Says(&'static str),
    Hangs,
    Fails,
    Redirects,
    Floods,
    Trickles,
}

struct Provider {
    port: u16,
    manner: Arc<Mutex<Manner>>,
    asked: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Provider {
    async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let manner = Arc::new(Mutex::new(manner));
        let asked = Arc::new(AtomicUsize::new(0));
        let (now, count) = (Arc::clone(&manner), Arc::clone(&asked));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut lines = JoinSet::new();
            loop {
                let (line, _) = listener.accept().await.unwrap();
                let (now, count) = (Arc::clone(&now), Arc::clone(&count));
                lines.spawn(async move { drop(serve(line, &now, &count, port).await) });
            }
        });
        Self { port, manner, asked, _tasks: tasks }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn serve(
    mut line: TcpStream,
    manner: &Mutex<Manner>,
    asked: &AtomicUsize,
    port: u16,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(line.read_u8().await?);
    }
    asked.fetch_add(1, Ordering::SeqCst);
    let manner = *manner.lock();
    let chunked = "HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    let whole = |status: &str, more: &str, body: &str| {
        let length = body.len();
        format!("HTTP/1.1 {status}\r\nconnection: close\r\n{more}content-length: {length}\r\n\r\n{body}")
    };
    match manner {
        Manner::Says(body) => line.write_all(whole("200 OK", "", body).as_bytes()).await,
        Manner::Fails => line.write_all(whole("500 Oh", "", "{}").as_bytes()).await,
        Manner::Redirects => {
            let more = format!("location: http://127.0.0.1:{port}/again\r\n");
            line.write_all(whole("302 Found", &more, "").as_bytes()).await
        }
        Manner::Hangs => std::future::pending().await,
        Manner::Floods => {
            line.write_all(chunked.as_bytes()).await?;
            let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
            loop {
                line.write_all(chunk.as_bytes()).await?;
            }
        }
        Manner::Trickles => {
            line.write_all(chunked.as_bytes()).await?;
            loop {
                line.write_all(b"1\r\n \r\n").await?;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

const ANSWER: &str = r#"{"network":{"mccmnc":"262-03"},"ported":true}"#;

fn lookup(id: &str, port: u16, timeout: &str) -> String {
    format!(
        r#"
[[operators.lookups]]
id = "{id}"
kind = "http"
url = "http://127.0.0.1:{port}/{{number}}"
response = {{ mccmnc = "/network/mccmnc", ported = "/ported" }}
timeout = "{timeout}"
costs = [{{ price = "0.0030", currency = "EUR" }}]
"#
    )
}

fn otp(to: &str) -> Value {
    json!({ "to": to, "text": "your code is 1234", "class": "otp" })
}

async fn accepted(client: &Client, body: &Value) -> Value {
    let answer = client.post("/v1/messages", body).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    answer.body
}

async fn ask(client: &Client, method: Method, path: &str, body: &'static str) -> Answer {
    let request = client.bare(method, path).bearer_auth(ADMIN_KEY).header("content-type", "text/csv");
    client::answer(request.body(body)).await.unwrap()
}

async fn started(folder: &std::path::Path, vendor: &simulator::Vendor, more: &str) -> (Gateway, Client) {
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "").route(more);
    let gateway = Gateway::start(folder, &setup).await;
    let client = Client::new(gateway.client.base());
    (gateway, client)
}

#[tokio::test]
async fn a_provider_is_asked_once_and_its_answer_survives_kill() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor().await;
    let provider = Provider::start(Manner::Says(ANSWER)).await;
    let more = format!("[operators.wait]\notp = \"5s\"\n{}", lookup("mnp", provider.port, "10s"));
    let (gateway, client) = started(folder.path(), &vendor, &more).await;
    let message = accepted(&client, &otp(TO)).await;
    assert_eq!((&message["operator"], &message["operator_source"]), (&json!("26203"), &json!("lookup")));
    assert!(message["operator_known_at"].is_string(), "{message}");
    let again = accepted(&client, &otp(TO)).await;
    assert_eq!(again["operator_known_at"], message["operator_known_at"]);
    assert_eq!(provider.asked(), 1);
    let metrics = client.bare(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains(r#"strowger_lookups_total{provider="mnp",result="found"} 1"#), "{metrics}");
    assert!(
        metrics.contains(r#"strowger_lookup_cost_total{provider="mnp",currency="EUR"} 0.0030"#),
        "{metrics}"
    );
    until("it is written", async || {
        let metrics = client.bare(Method::GET, "/metrics").send().await.ok()?.text().await.ok()?;
        metrics.contains("\nstrowger_operators_written_total 1\n").then_some(())
    })
    .await;
    gateway.kill();
    let (_gateway, client) = started(folder.path(), &vendor, &more).await;
    let after = accepted(&client, &otp(TO)).await;
    assert_eq!(after["operator_known_at"], message["operator_known_at"]);
    assert_eq!(provider.asked(), 1);
}

#[tokio::test]
async fn a_provider_that_does_not_answer_properly_delays_no_password_and_is_used_again() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor().await;
    let provider = Provider::start(Manner::Hangs).await;
    let (_gateway, client) = started(folder.path(), &vendor, &lookup("mnp", provider.port, "60s")).await;
    let began = Instant::now();
    let message = accepted(&client, &otp(TO)).await;
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert_eq!((&message["operator"], &message["operator_source"]), (&json!("26201"), &json!("prefix")));
    let manners = [
        Manner::Fails,
        Manner::Redirects,
        Manner::Floods,
        Manner::Trickles,
        Manner::Says("<html>"),
        Manner::Says("{\"network\":{\"mccmnc\":{}}}"),
    ];
    for (digit, manner) in manners.into_iter().enumerate() {
        *provider.manner.lock() = manner;
        let began = Instant::now();
        let message = accepted(&client, &otp(&format!("+49151123456{digit}0"))).await;
        assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
        assert_eq!(message["operator_source"], "prefix");
    }
    *provider.manner.lock() = Manner::Says(ANSWER);
    let number = AtomicUsize::new(0);
    until("it is used again", async || {
        // The answer may come too late for the message that asks, and then serves the next one.
        let number = number.fetch_add(1, Ordering::SeqCst) / 2;
        let message = accepted(&client, &otp(&format!("+491519876{number:04}"))).await;
        (message["operator_source"] == "lookup").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_list_goes_before_lookups_and_a_bad_one_is_refused_whole() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor().await;
    let provider = Provider::start(Manner::Says(ANSWER)).await;
    let more = lookup("mnp", provider.port, "10s");
    let (gateway, client) = started(folder.path(), &vendor, &more).await;
    let path = "/v1/operators/imports";
    let bad = ask(&client, Method::POST, path, "number,operator\n+4915112345678,26202\nx,1\n").await;
    assert_eq!(bad.status, 422, "{}", bad.body);
    assert_eq!(bad.body["errors"][0]["pointer"], "#/lines/3");
    let good = ask(&client, Method::POST, path, "number,operator\n+4915112345678,26202\n").await;
    assert_eq!(good.status, 201, "{}", good.body);
    let message = accepted(&client, &otp(TO)).await;
    assert_eq!((&message["operator"], &message["operator_source"]), (&json!("26202"), &json!("import")));
    assert_eq!(message["operator_known_at"], good.body["imported_at"]);
    gateway.kill();
    let (_gateway, client) = started(folder.path(), &vendor, &more).await;
    assert_eq!(accepted(&client, &otp(TO)).await["operator"], "26202");
    assert_eq!(provider.asked(), 0);
    let found = ask(&client, Method::GET, "/v1/operators/lookup?to=%2B4915112345678&fresh=true", "").await;
    assert_eq!(
        (&found.body["operator"], &found.body["lookup"]["operator"]),
        (&json!("26202"), &json!("26203"))
    );
    assert_eq!((&found.body["cost"]["amount"], &found.body["asked"]), (&json!("0.0030"), &json!("answered")));
    assert_eq!(provider.asked(), 1);
    *provider.manner.lock() = Manner::Fails;
    let found = ask(&client, Method::GET, "/v1/operators/lookup?to=%2B4915112345678&fresh=true", "").await;
    assert_eq!(
        (&found.body["lookup"]["operator"], &found.body["asked"]),
        (&json!("26203"), &json!("no_answer"))
    );
}
