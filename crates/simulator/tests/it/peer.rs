//! A vendor met by an independent client over loopback.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use simulator::Vendor;
use simulator::personality::{Conduct, Spread};
use simulator::vendor::{Account, IdFormat, Settings};
use smpp34::client::{BIND_TYPE, SMSC, SmppClient, SmppClientListener};
use smpp34::{SmppConnectionInformation, deliver_sm, deliver_sm_resp};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Real sockets run on real time; this only keeps a failing test from hanging.
const PATIENCE: Duration = Duration::from_secs(30);

struct Listener {
    bound: mpsc::Sender<SMSC>,
    delivered: mpsc::Sender<deliver_sm>,
}

#[async_trait]
impl SmppClientListener for Listener {
    async fn on_deliver_sm(
        &self,
        deliver_sm: deliver_sm,
        _connection: &SmppConnectionInformation,
        _session: &String,
    ) -> deliver_sm_resp {
        self.delivered.send(deliver_sm.clone()).await.unwrap();
        deliver_sm.accept()
    }

    async fn on_smsc_bound(&self, smsc: SMSC, _session: &String) {
        self.bound.send(smsc).await.unwrap();
    }
}

fn client(addr: SocketAddr, listener: Arc<Listener>) -> SmppClient {
    SmppClient::new(
        addr.ip().to_string(),
        addr.port(),
        false,
        BIND_TYPE::TRX,
        "gateway".to_owned(),
        "secret".to_owned(),
        String::new(),
        0,
        0,
        String::new(),
        listener,
        20,
    )
}

#[tokio::test]
async fn an_independent_client_binds_submits_and_gets_its_receipts() {
    let quick = Spread::millis(5, 5);
    let vendor = Vendor::start(Settings {
        account: Account { system_id: Some("gateway".into()), password: Some("secret".into()) },
        conduct: Conduct { latency: quick, receipt_delay: quick, arrival_delay: quick, ..Conduct::default() },
        id_format: IdFormat::Hex,
        ..Settings::default()
    })
    .await
    .unwrap();
    let (bound, mut sessions) = mpsc::channel(1);
    let (delivered, mut deliveries) = mpsc::channel(10);
    let mut client = client(vendor.addr(), Arc::new(Listener { bound, delivered }));
    client.start().await;
    let smsc = timeout(PATIENCE, sessions.recv()).await.unwrap().unwrap();

    let mut ids = Vec::new();
    for text in ["one", "two", "three"] {
        let answered = smsc
            .submit_sm()
            .source_addr("SHOP")
            .destination_addr("447700900010")
            .registered_delivery(1)
            .short_message(text.as_bytes().to_vec())
            .send()
            .await
            .unwrap();
        assert!(answered.is_success());
        ids.push(answered.message_id.unwrap());
    }
    for id in &ids {
        let receipt = timeout(PATIENCE, deliveries.recv()).await.unwrap().unwrap();
        let text = String::from_utf8(receipt.short_message).unwrap();
        assert_eq!(receipt.esm_class, 0x04);
        assert!(text.starts_with(&format!("id:{id} sub:001 dlvrd:001 submit date:260101")), "{text}");
        assert!(text.contains(" stat:DELIVRD err:000 text:"), "{text}");
    }
    let stats = timeout(PATIENCE, vendor.until(|stats| stats.receipts_acknowledged == 3)).await.unwrap();
    assert_eq!((stats.accepted, stats.receipts_sent), (3, 3));
    let texts: Vec<String> = vendor.received().into_iter().map(|received| received.text).collect();
    assert_eq!(texts, ["one", "two", "three"]);
    client.stop().await;
    timeout(PATIENCE, vendor.shutdown()).await.unwrap();
}
