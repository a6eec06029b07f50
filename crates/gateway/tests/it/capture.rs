//! Wireshark's dissector reads every PDU that the gateway sends, and finds none malformed.

use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::conversation::{self, SUBMISSIONS};
use crate::deadline::until;
use crate::gateway::Gateway;
use crate::peer::{Library, Peer};
use crate::process::Process;
use crate::setup::Setup;

const SUBMIT_SM: &str = "smpp.command_id == 0x00000004";
const DELIVER_SM_RESP: &str = "smpp.command_id == 0x80000005";
const MALFORMED: &str = "_ws.malformed";

/// A capture of the loopback interface, on some ports.
struct Capture {
    tshark: Process,
    file: PathBuf,
    ports: Vec<u16>,
}

impl Capture {
    async fn start(folder: &Path, ports: &[u16]) -> Self {
        let file = folder.join("smpp.pcap");
        let filter: Vec<String> = ports.iter().map(|port| format!("tcp port {port}")).collect();
        let mut tshark = Command::new("tshark");
        tshark.args(["-q", "-i", "lo", "-f", &filter.join(" or "), "-w"]).arg(&file);
        let tshark = Process::start("tshark", &mut tshark, folder);
        let mut capture = Self { tshark, file, ports: ports.to_vec() };
        until("tshark captures", async || {
            let ended = capture.tshark.ended();
            assert!(ended.is_none(), "tshark cannot capture: {}", capture.tshark.log());
            (capture.tshark.log().contains("Capture started") && capture.file.exists()).then_some(())
        })
        .await;
        capture
    }

    /// How many frames the display filter lets through.
    fn count(&self, filter: &str) -> usize {
        let mut tshark = Command::new("tshark");
        tshark.arg("-r").arg(&self.file).args(["-Y", filter]);
        for port in &self.ports {
            tshark.args(["-d", &format!("tcp.port=={port},smpp")]);
        }
        // One line for each occurrence of the field: several PDUs may share a frame.
        let output = tshark.args(["-T", "fields", "-e", "smpp.command_id"]).output().unwrap();
        let wanted = filter.rsplit("0x").next().filter(|_| filter.starts_with("smpp.command_id"));
        let printed = String::from_utf8(output.stdout).unwrap();
        match wanted {
            Some(id) => printed.matches(&format!("0x{id}")).count(),
            None => printed.lines().count(),
        }
    }

    async fn until_captured(&self, filter: &str, least: usize) {
        until(&format!("{least} of {filter} are captured"), async || {
            (self.count(filter) >= least).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn the_dissector_finds_nothing_malformed() {
    let folder = tempfile::tempdir().unwrap();
    let mut node = Peer::vendor(Library::NodeSmpp, folder.path()).await;
    let mut twisted = Peer::vendor(Library::SmppTwisted, folder.path()).await;
    let mut webhook = Peer::webhook(folder.path()).await;
    let mut capture = Capture::start(folder.path(), &[node.port, twisted.port]).await;
    for vendor in [&mut node, &mut twisted] {
        let folder = tempfile::tempdir().unwrap();
        let setup = Setup::default().vendor("acme", vendor.port, "").webhook(webhook.port);
        let mut gateway = Gateway::start(folder.path(), &setup).await;
        conversation::hold(&gateway.client, vendor, &mut webhook).await;
        gateway.process.signal("TERM");
        gateway.process.end().await;
    }
    capture.until_captured(DELIVER_SM_RESP, 2 * SUBMISSIONS).await;
    capture.tshark.signal("INT");
    capture.tshark.end().await;
    assert_eq!(capture.count(SUBMIT_SM), 2 * SUBMISSIONS);
    assert_eq!(capture.count(DELIVER_SM_RESP), 2 * SUBMISSIONS);
    assert_eq!(capture.count(MALFORMED), 0);
}

/// Else the test above could not fail.
#[tokio::test]
async fn the_dissector_notices_a_malformed_pdu() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let capture = Capture::start(folder.path(), &[port]).await;
    let mut line = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    // A submit_sm that ends within its destination's number.
    let body = b"\0\x05\0SHOP\0\x01\x0112025550100";
    let length = u32::try_from(16 + body.len()).unwrap();
    let mut pdu = Vec::new();
    for field in [length, 4, 0, 1] {
        pdu.extend_from_slice(&field.to_be_bytes());
    }
    pdu.extend_from_slice(body);
    line.write_all(&pdu).unwrap();
    capture.until_captured(MALFORMED, 1).await;
}
