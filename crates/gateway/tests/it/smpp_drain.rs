//! SIGTERM under traffic by SMPP: whatever was accepted is answered before the line is unbound.

use std::time::Duration;

use reqwest::Method;
use smpp_wire::session::CloseReason;
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::client;
use crate::gateway::Gateway;
use crate::lab;
use crate::setup::{APP_PASSWORD, Setup};
use crate::smpp_kill::{Shared, bound, submit_for};
use crate::trial;
use crate::wire::Wire;

const ROUNDS: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_submission_that_was_accepted_is_answered_before_the_line_is_unbound() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = trial::vendor().await;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "binds = 2\nwindow = 20").door("");
    let book = Shared::default();
    for _ in 0..ROUNDS {
        let mut gateway = Gateway::start(folder.path(), &setup).await;
        let mut lines = bound(gateway.smpp_port().await, &book).await;
        let before = book.lock().acknowledged.len();
        let terminate = async {
            crate::deadline::until("messages are acknowledged", async || {
                (book.lock().acknowledged.len() > before + 100).then_some(())
            })
            .await;
            gateway.process.signal("TERM");
        };
        tokio::join!(terminate, submit_for(Duration::from_secs(2), &lines, &book));
        assert_eq!(gateway.process.end().await.code(), Some(0), "{}", gateway.process.log());
        lines.handles.clear();
        while let Some(reason) = lines.tasks.join_next().await {
            assert_eq!(reason.unwrap(), CloseReason::PeerUnbound);
        }
    }
    let gateway = Gateway::start(folder.path(), &setup).await;
    let (acknowledged, refused) = {
        let book = book.lock();
        (book.acknowledged.len(), book.refused)
    };
    let kept = kept(&gateway.client).await;
    println!("{acknowledged} acknowledged, {refused} refused, {kept} kept");
    assert_eq!(kept, acknowledged, "the gateway has messages that it did not answer for");
}

/// How many messages the gateway has accepted.
async fn kept(client: &client::Client) -> usize {
    let (mut kept, mut cursor) = (0, String::new());
    loop {
        let page = client.request(Method::GET, &format!("/v1/messages?limit=500{cursor}"));
        let page = client::answer(page).await.unwrap().body;
        let messages = page["data"].as_array().unwrap();
        kept += messages.iter().filter(|message| message["status"] != "rejected").count();
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return kept,
        }
    }
}

#[tokio::test]
async fn lines_that_are_not_bound_do_not_hold_up_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor().await;
    let lines = "proxy_protocol = [\"127.0.0.3\"]";
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "").door("").door_with(lines);
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let port = gateway.smpp_port().await;
    let _silent = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let _silent_proxy = Wire::dial_from(3, port).await;
    // Asked after them, so that they are being served when the answer is here.
    let mut good = Wire::dial(port).await;
    good.bind(APP_PASSWORD).await;
    sleep(Duration::from_millis(100)).await;
    gateway.process.signal("TERM");
    assert_eq!(good.next().await.unwrap().command_id(), smpp_wire::pdu::CommandId::UNBIND);
    drop(good);
    assert_eq!(gateway.process.end().await.code(), Some(0), "{}", gateway.process.log());
    assert!(!gateway.process.log().contains("did not end in time"), "{}", gateway.process.log());
}
