//! What goes out over a socket, and what the answers come to.

use std::net::SocketAddr;

use domain::MessageId;
use hmac::{KeyInit as _, Mac as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::api::samples::{START, Sample};

struct At(i64);

impl Clock for At {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0)
    }
}

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn webhooks(address: SocketAddr, private: address::Private) -> Webhooks {
    let endpoint = Endpoint {
        url: Some(format!("http://{address}/hook").parse().unwrap()),
        secrets: vec![SECRET.parse().unwrap()],
    };
    let endpoints = [(AppId::new("shop").unwrap(), endpoint)].into_iter().collect();
    let settings = Settings { endpoints, public_url: "https://gw.example.com".to_owned() };
    Webhooks::new(settings, private, Arc::new(At(START + 5000)))
}

fn notice(callback_url: Option<String>) -> Notice {
    Notice {
        id: 1,
        message: MessageId::from_u128((START as u128) << 80),
        app: AppId::new("shop").unwrap(),
        callback_url: callback_url.map(Into::into),
        status: Status::Submitted,
        sequence: 2,
        at: Timestamp::from_millis(START + 180),
        tries: 0,
        due_at: Timestamp::from_millis(START),
    }
}

fn record() -> Arc<Record> {
    let sample = Sample::accepted().dispatch(1, "acme-de").after(180).accept(1).after(4200);
    Arc::new(sample.receipt(1, domain::attempt::Verdict::Delivered, "DELIVRD").record)
}

/// Answers one request and returns it as it came.
async fn serve(listener: TcpListener, answer: &'static str) -> String {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut request = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let read = stream.read(&mut chunk).await.unwrap();
        request.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&request);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            if body.len() == length.parse::<usize>().unwrap() {
                break;
            }
        }
    }
    stream.write_all(answer.as_bytes()).await.unwrap();
    String::from_utf8(request).unwrap()
}

async fn told(answer: &'static str) -> (Told, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let webhooks = webhooks(listener.local_addr().unwrap(), address::Private::Allowed);
    tokio::join!(webhooks.tell(notice(None), record()), serve(listener, answer))
}

#[tokio::test]
async fn a_change_goes_out_signed_and_whole() {
    let (told, request) = told("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(told, Told::Yes);
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let header = |name: &str| {
        head.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).unwrap_or_default().to_owned()
    };
    let id = header("webhook-id");
    assert!(head.starts_with("POST /hook HTTP/1.1\r\n"));
    assert_eq!(header("content-type"), "application/json");
    assert!(id.starts_with("evt_") && id.ends_with("_2") && !id.contains('.'), "{id}");
    assert_eq!(header("webhook-timestamp"), ((START + 5000) / 1000).to_string());
    let key = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, &SECRET["whsec_".len()..]).unwrap();
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{id}.{}.{body}", header("webhook-timestamp")).as_bytes());
    let expected = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, mac.finalize().into_bytes());
    assert_eq!(header("webhook-signature"), format!("v1,{expected}"));
    insta::assert_json_snapshot!("webhook_body", serde_json::from_str::<serde_json::Value>(body).unwrap());
}

#[tokio::test]
async fn the_body_is_as_the_document_says() {
    let text = body(&notice(None), &record(), "https://gw.example.com").unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let schema = serde_json::json!({ "$ref": "#/components/schemas/WebhookBody" });
    assert_eq!(crate::api::misfits(&value, &schema), Vec::<String>::new());
    assert_eq!(value["data"]["status"], "submitted");
    assert_eq!(value["data"]["event"]["status"], "submitted");
}

#[tokio::test]
async fn answers_mean_what_the_specification_says() {
    let no = |seconds: Option<u64>| Told::No { retry_after: seconds.map(Duration::from_secs) };
    assert_eq!(told("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.0, Told::Yes);
    assert_eq!(told("HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n").await.0, Told::Gone);
    assert_eq!(told("HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n").await.0, no(None));
    let busy = "HTTP/1.1 503 Busy\r\nretry-after: 30\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(told(busy).await.0, no(Some(30)));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let inner = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let answer = format!(
        "HTTP/1.1 302 Found\r\nlocation: http://{}/\r\ncontent-length: 0\r\n\r\n",
        inner.local_addr().unwrap()
    );
    let (told, _) = told(answer.leak()).await;
    assert_eq!(told, Told::No { retry_after: None });
    // Whoever had followed it would have been here before the verdict.
    assert!(tokio::time::timeout(Duration::ZERO, inner.accept()).await.is_err());
}

#[tokio::test]
async fn an_endless_answer_is_still_an_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let webhooks = webhooks(listener.local_addr().unwrap(), address::Private::Allowed);
    let endless = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut chunk = [0; 16_384];
        assert!(stream.read(&mut chunk).await.unwrap() > 0);
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n";
        stream.write_all(head).await.unwrap();
        // Ends when the other side has had enough.
        while stream.write_all(&chunk).await.is_ok() {}
    };
    let (told, ()) = tokio::join!(webhooks.tell(notice(None), record()), endless);
    assert_eq!(told, Told::Yes);
}

#[tokio::test]
async fn private_addresses_are_not_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let webhooks = webhooks(address, address::Private::Refused);
    assert_eq!(webhooks.tell(notice(None), record()).await, Told::Nobody);
    let callback = format!("http://{address}/");
    assert_eq!(webhooks.tell(notice(Some(callback)), record()).await, Told::Nobody);
    let by_name = format!("http://localtest.invalid:{}/", address.port());
    assert_eq!(webhooks.tell(notice(Some(by_name)), record()).await, Told::No { retry_after: None });
}

#[tokio::test]
async fn an_app_without_an_endpoint_is_nobody() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let webhooks = webhooks(listener.local_addr().unwrap(), address::Private::Allowed);
    let other = Notice { app: AppId::new("other").unwrap(), ..notice(None) };
    assert_eq!(webhooks.tell(other, record()).await, Told::Nobody);
}

#[tokio::test]
async fn a_callback_takes_the_place_of_the_endpoint() {
    let (nobody, callback) =
        (TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let webhooks = webhooks(nobody.local_addr().unwrap(), address::Private::Allowed);
    let url = format!("http://{}/callback?x=1", callback.local_addr().unwrap());
    let (told, request) = tokio::join!(
        webhooks.tell(notice(Some(url)), record()),
        serve(callback, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
    );
    assert_eq!(told, Told::Yes);
    assert!(request.starts_with("POST /callback?x=1 HTTP/1.1\r\n"));
    assert!(request.contains("webhook-signature: v1,"));
}

#[test]
fn events_are_named_by_pattern() {
    let all = events(["message.*"]).unwrap();
    assert_eq!(all, StatusSet::all());
    let some = events(["message.delivered", "message.failed", "message.received"]).unwrap();
    assert!(some.contains(Status::Delivered) && some.contains(Status::Failed));
    assert!(!some.contains(Status::Accepted));
    for wrong in ["delivered", "message.gone", "message", ""] {
        assert_eq!(events([wrong]), Err(BadEvent(wrong.to_owned())));
    }
}
