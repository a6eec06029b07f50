//! TLS over real sockets: whom we trust, and who we are.

use std::path::Path;
use std::sync::Arc;

use connectors::Connector;
use connectors::connector::HealthState;
use connectors::smpp::{Client, Running};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use smpp_wire::status::CommandStatus;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::lab::{Told, recorder, settings, start};
use crate::vendor::Vendor;

pub(crate) type Issuer = CertifiedIssuer<'static, KeyPair>;

pub(crate) fn issuer() -> Issuer {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate for localhost with its key.
struct Identity {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

fn identity(issuer: &Issuer) -> Identity {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    Identity { certificate: params.signed_by(&key, issuer).unwrap(), key }
}

fn roots(issuer: &Issuer) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(issuer.der().clone()).unwrap();
    roots
}

/// A vendor's TLS, which asks for a certificate of `clients` if there is one.
pub(crate) fn acceptor(issuer: &Issuer, clients: Option<&Issuer>) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let Identity { certificate, key } = identity(issuer);
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match clients {
        Some(clients) => builder.with_client_cert_verifier(
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots(clients)), provider).build().unwrap(),
        ),
        None => builder.with_no_client_auth(),
    };
    let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
    TlsAcceptor::from(Arc::new(config))
}

pub(crate) struct Connected {
    pub(crate) client: Arc<Client>,
    pub(crate) running: Running,
    pub(crate) told: Told,
}

/// Connects to `listener` with `tls` as in the file.
pub(crate) fn connect(listener: &TcpListener, tls: &str) -> Connected {
    let mut settings = settings(&format!("tls = {tls}"));
    settings.port = listener.local_addr().unwrap().port();
    settings.host = "localhost".to_owned();
    let (recorder, told) = recorder();
    let (client, running) = Client::start(start(settings, recorder)).unwrap();
    Connected { client, running, told }
}

async fn listener() -> TcpListener {
    TcpListener::bind(("localhost", 0)).await.unwrap()
}

pub(crate) fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

pub(crate) async fn reason_it_is_down(client: &mut Connected) -> Arc<str> {
    let health = client.told.health.recv().await.unwrap();
    let HealthState::Down { reason, .. } = health.state else { panic!("{health:?}") };
    reason
}

#[tokio::test]
async fn a_vendor_of_our_own_ca_is_bound_to_and_sent_to() {
    let (ours, folder) = (issuer(), tempfile::tempdir().unwrap());
    let ca = write(folder.path(), "ca.pem", &ours.pem());
    let listener = listener().await;
    let mut client = connect(&listener, &format!("{{ ca = \"{ca}\" }}"));
    let (socket, _) = listener.accept().await.unwrap();
    let stream = acceptor(&ours, None).accept(socket).await.unwrap();
    assert_eq!(stream.get_ref().1.server_name(), Some("localhost"));
    let mut vendor = Vendor::on(stream);
    vendor.bind(CommandStatus::ROK).await;
    assert_eq!(client.told.health.recv().await.unwrap().binds_up, 1);
    let slot = client.client.reserve().unwrap();
    client.client.submit(slot, crate::lab::submission(1, &["hello"]));
    let submit = vendor.submit().await;
    vendor.accept(&submit, "1");
    client.told.answers.recv().await.unwrap();
    client.running.shutdown().await;
}

#[tokio::test]
async fn a_vendor_of_another_ca_or_another_name_is_not_spoken_to() {
    let (ours, theirs, folder) = (issuer(), issuer(), tempfile::tempdir().unwrap());
    let ca = write(folder.path(), "ca.pem", &ours.pem());
    for (issuer, name) in [(&theirs, "localhost"), (&ours, "other.example")] {
        let listener = listener().await;
        let tls = format!("{{ ca = \"{ca}\", server_name = \"{name}\" }}");
        let mut client = connect(&listener, &tls);
        let (socket, _) = listener.accept().await.unwrap();
        assert!(acceptor(issuer, None).accept(socket).await.is_err());
        let reason = reason_it_is_down(&mut client).await;
        assert!(reason.contains("invalid peer certificate"), "{reason}");
    }
}

#[tokio::test]
async fn the_checking_can_be_switched_off() {
    let theirs = issuer();
    let listener = listener().await;
    let mut client = connect(&listener, "{ verify = false }");
    let (socket, _) = listener.accept().await.unwrap();
    let mut vendor = Vendor::on(acceptor(&theirs, None).accept(socket).await.unwrap());
    vendor.bind(CommandStatus::ROK).await;
    assert_eq!(client.told.health.recv().await.unwrap().binds_up, 1);
}

#[tokio::test]
async fn a_vendor_that_asks_who_we_are_is_shown_our_certificate() {
    let (theirs, ours, folder) = (issuer(), issuer(), tempfile::tempdir().unwrap());
    let Identity { certificate, key } = identity(&ours);
    let ca = write(folder.path(), "ca.pem", &theirs.pem());
    let cert = write(folder.path(), "cert.pem", &certificate.pem());
    let key = write(folder.path(), "key.pem", &key.serialize_pem());
    let listener = listener().await;
    let tls = format!("{{ ca = \"{ca}\", cert = \"{cert}\", key = \"{key}\" }}");
    let mut client = connect(&listener, &tls);
    let (socket, _) = listener.accept().await.unwrap();
    let mut vendor = Vendor::on(acceptor(&theirs, Some(&ours)).accept(socket).await.unwrap());
    vendor.bind(CommandStatus::ROK).await;
    assert_eq!(client.told.health.recv().await.unwrap().binds_up, 1);

    let anonymous = connect(&listener, &format!("{{ ca = \"{ca}\" }}"));
    let (socket, _) = listener.accept().await.unwrap();
    assert!(acceptor(&theirs, Some(&ours)).accept(socket).await.is_err());
    drop(anonymous);
}

#[tokio::test]
async fn a_file_that_is_not_there_is_told_at_the_start() {
    let (recorder, _told) = recorder();
    let settings = settings("tls = { ca = \"nowhere.pem\" }");
    let error = Client::start(start(settings, recorder)).err().unwrap();
    assert!(error.to_string().contains("nowhere.pem"), "{error}");
}
