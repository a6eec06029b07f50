//! TLS on the API's own port: what is spoken in it, who is kept waiting by whom, and another certificate by a reload.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use reqwest::{Certificate, Method, Version};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use crate::client::{APP_KEY, Client};
use crate::command_line::run;
use crate::deadline::until;
use crate::gateway::{Gateway, strowger};
use crate::lab;
use crate::setup::Setup;

const TO: &str = "+447700900123";
const SERVER: &str = r#"
listen = "127.0.0.1:0"
tls = { cert = "cert.pem", key = "key.pem" }
"#;

/// A CA of one's own.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Writes a certificate for the gateway and its key.
    fn write_pair(&self, folder: &Path) {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &self.0).unwrap();
        std::fs::write(folder.join("cert.pem"), certificate.pem()).unwrap();
        std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    }

    /// A client that trusts this one alone.
    fn client(&self, base: &str) -> Client {
        let pem = self.0.pem();
        let only = Certificate::from_pem(pem.as_bytes()).unwrap();
        Client::with(base, |builder| builder.tls_certs_only([only]))
    }
}

fn address(gateway: &Gateway) -> String {
    gateway.client.base().trim_start_matches("https://").to_owned()
}

async fn version_of(client: &Client) -> Version {
    client.bare(Method::GET, "/readyz").send().await.unwrap().version()
}

#[tokio::test]
async fn the_api_and_its_command_line_speak_tls() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    authority.write_pair(folder.path());
    let vendor = lab::vendor().await;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "").server(SERVER);
    let gateway = Gateway::listening(folder.path(), &setup, &[]).await;
    let base = gateway.client.base().to_owned();
    assert!(base.starts_with("https://"), "{base}");

    // Lines on which nothing is shaken hands keep nobody else waiting.
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(TcpStream::connect(address(&gateway)).await.unwrap());
    }
    let client = authority.client(&base);
    assert_eq!(version_of(&client).await, Version::HTTP_2);
    let pem = authority.0.pem();
    let old_fashioned = Client::with(&base, |builder| {
        builder.tls_certs_only([Certificate::from_pem(pem.as_bytes()).unwrap()]).http1_only()
    });
    assert_eq!(version_of(&old_fashioned).await, Version::HTTP_11);
    let id = client.send(TO, "hello").await;
    let trace_url = client.message(&id).await["trace_url"].as_str().unwrap().to_owned();
    assert!(trace_url.starts_with("https://"), "{trace_url}");

    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, authority.0.pem()).unwrap();
    let get = |ca: Option<&Path>| {
        let mut command = strowger();
        command.args(["message", "get", &id]);
        command.env("STROWGER_ENDPOINT", &base).env("STROWGER_API_KEY", APP_KEY);
        command.envs(ca.map(|ca| ("STROWGER_CA", ca)));
        command
    };
    let got = run(get(Some(&ca))).await.ended_with(0);
    assert!(got.stdout.contains(&id), "{}", got.stdout);
    let refused = run(get(None)).await.ended_with(8);
    assert!(refused.stderr.contains("certificate"), "{}", refused.stderr);
    let unusable = run(get(Some(&folder.path().join("nowhere.pem")))).await.ended_with(2);
    assert!(unusable.stderr.contains("STROWGER_CA"), "{}", unusable.stderr);

    // Whoever begins no handshake is cut in the end, and without an answer.
    let mut left = silent.pop().unwrap();
    assert_eq!(left.read(&mut [0; 16]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn a_reload_reads_the_certificate_again_and_keeps_the_old_one_when_the_new_one_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let (before, after) = (Authority::new(), Authority::new());
    before.write_pair(folder.path());
    let setup = Setup::default().vendor("acme", lab::closed_port(), "").server(SERVER);
    let mut gateway = Gateway::listening(folder.path(), &setup, &[]).await;
    let base = gateway.client.base().to_owned();
    let is_served = async |authority: &Authority| {
        let asked = authority.client(&base).bare(Method::GET, "/healthz").send().await;
        asked.is_ok().then_some(())
    };
    is_served(&before).await.unwrap();
    after.write_pair(folder.path());
    assert!(is_served(&after).await.is_none());
    gateway.process.signal("HUP");
    until("the new certificate is served", async || is_served(&after).await).await;
    assert!(is_served(&before).await.is_none());

    std::fs::write(folder.path().join("key.pem"), KeyPair::generate().unwrap().serialize_pem()).unwrap();
    gateway.process.signal("HUP");
    gateway.process.logs("the certificate of the API is kept").await;
    gateway.process.logs("the configuration was reloaded").await;
    is_served(&after).await.unwrap();

    gateway.process.signal("TERM");
    assert_eq!(gateway.process.end().await.code(), Some(0));
    let refused = Gateway::try_start(folder.path(), &setup).await.err().unwrap();
    assert!(refused.contains("server.tls") && refused.contains("key.pem"), "{refused}");
}
