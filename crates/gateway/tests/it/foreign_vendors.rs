//! Vendors and a webhook receiver built on other people's libraries understand the gateway, and it understands them.

use crate::conversation;
use crate::gateway::Gateway;
use crate::peer::{Library, Peer};
use crate::setup::Setup;

async fn holds_a_conversation(library: Library, lines: &str) {
    let folder = tempfile::tempdir().unwrap();
    let mut vendor = Peer::vendor(library, folder.path()).await;
    let mut webhook = Peer::webhook(folder.path()).await;
    let setup = Setup::default().vendor("acme", vendor.port, lines).webhook(webhook.port);
    let gateway = Gateway::start(folder.path(), &setup).await;
    conversation::hold(&gateway.client, &mut vendor, &mut webhook).await;
}

#[tokio::test]
async fn a_node_vendor_with_transceivers() {
    holds_a_conversation(Library::NodeSmpp, "binds = 2").await;
}

#[tokio::test]
async fn a_node_vendor_with_transmitters_and_receivers() {
    holds_a_conversation(Library::NodeSmpp, "bind = \"transmitter_receiver\"").await;
}

#[tokio::test]
async fn a_twisted_vendor_with_transceivers() {
    holds_a_conversation(Library::SmppTwisted, "binds = 2").await;
}

#[tokio::test]
async fn a_twisted_vendor_with_transmitters_and_receivers() {
    holds_a_conversation(Library::SmppTwisted, "bind = \"transmitter_receiver\"").await;
}
