//! Wireshark's dissector reads every PDU that the gateway sends, and finds none malformed.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};

use crate::conversation::{self, SUBMISSIONS};
use crate::deadline::until;
use crate::gateway::Gateway;
use crate::kannel::{self, Kannel};
use crate::lab;
use crate::peer::{self, Library, Peer};
use crate::process::Process;
use crate::setup::Setup;
use crate::smpp_clients::{self, Exchanged};

const SUBMIT_SM: &str = "smpp.command_id == 0x00000004";
const DELIVER_SM_RESP: &str = "smpp.command_id == 0x80000005";
const UNBIND_RESP: &str = "smpp.command_id == 0x80000006";
const MALFORMED: &str = "_ws.malformed";

const RESPONSE: u32 = 0x8000_0000;
const GENERIC_NACK: u32 = 0x8000_0000;
const BIND_RECEIVER: u32 = 1;
const BIND_TRANSMITTER: u32 = 2;
const QUERY_SM: u32 = 3;
const SUBMIT: u32 = 4;
const DELIVER: u32 = 5;
const UNBIND: u32 = 6;
const REPLACE_SM: u32 = 7;
const CANCEL_SM: u32 = 8;
const BIND_TRANSCEIVER: u32 = 9;
const ENQUIRE_LINK: u32 = 0x15;
const SUBMIT_MULTI: u32 = 0x21;

/// More at once than an account with 20 a second may send.
const MANY: usize = 100;

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
        let mut tshark = peer::installed("tshark");
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

    /// How many PDUs of each command there are.
    fn commands(&self) -> BTreeMap<u32, usize> {
        let mut commands = BTreeMap::new();
        for id in self.fields("smpp", "smpp.command_id").split([',', '\n']).filter(|id| !id.is_empty()) {
            let id = u32::from_str_radix(id.trim_start_matches("0x"), 16).unwrap();
            *commands.entry(id).or_default() += 1;
        }
        commands
    }

    /// How many frames the display filter lets through.
    fn count(&self, filter: &str) -> usize {
        // One line for each occurrence of the field: several PDUs may share a frame.
        let printed = self.fields(filter, "smpp.command_id");
        let wanted = filter.rsplit("0x").next().filter(|_| filter.starts_with("smpp.command_id"));
        match wanted {
            Some(id) => printed.matches(&format!("0x{id}")).count(),
            None => printed.lines().count(),
        }
    }

    /// A line for each frame that the display filter lets through, with the field as often as the frame has it.
    fn fields(&self, filter: &str, field: &str) -> String {
        let mut tshark = peer::installed("tshark");
        tshark.arg("-r").arg(&self.file).args(["-Y", filter]);
        for port in &self.ports {
            tshark.args(["-d", &format!("tcp.port=={port},smpp")]);
        }
        let output = tshark.args(["-T", "fields", "-e", field]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// Everything of which the least is known to be there is in the file then.
    async fn end(&mut self, filter: &str, least: usize) {
        self.until_captured(filter, least).await;
        self.tshark.signal("INT");
        self.tshark.end().await;
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
    capture.end(DELIVER_SM_RESP, 2 * SUBMISSIONS).await;
    assert_eq!(capture.count(SUBMIT_SM), 2 * SUBMISSIONS);
    assert_eq!(capture.count(DELIVER_SM_RESP), 2 * SUBMISSIONS);
    assert_eq!(capture.count(MALFORMED), 0);
}

/// Every request of the clients and of the gateway was answered as what it is, so many of each, and nothing is malformed.
fn check(capture: &Capture, exchanged: Exchanged, others: &[u32]) {
    let commands = capture.commands();
    let count = |id: u32| commands.get(&id).copied().unwrap_or_default();
    for id in commands.keys().filter(|id| **id < RESPONSE) {
        assert_eq!(count(*id), count(*id | RESPONSE), "{id:#x} of {commands:x?}");
    }
    for id in [ENQUIRE_LINK, UNBIND].iter().chain(others) {
        assert!(count(*id) > 0, "no {id:#x} among {commands:x?}");
    }
    assert_eq!(count(GENERIC_NACK), 0, "{commands:x?}");
    let counted = Exchanged { submissions: count(SUBMIT), receipts: count(DELIVER) };
    assert_eq!(counted, exchanged, "{commands:x?}");
    assert_eq!(capture.count(MALFORMED), 0);
}

async fn is_well_formed_at_the_door(library: Library, others: &[u32]) {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor_with(|settings| settings.obeys_demo_numbers = true).await;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "").door(r#", throughput = "20/s""#);
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let port = gateway.smpp_port().await;
    let mut capture = Capture::start(folder.path(), &[port]).await;
    let samples = smpp_clients::hold(library, folder.path(), port, &vendor).await;
    let many = smpp_clients::overrun(library, folder.path(), port, MANY).await;
    // Four binds were there one after the other, and the end of the last is the end of all.
    capture.end(UNBIND_RESP, 4).await;
    let submissions = samples.submissions + many.submissions;
    let exchanged = Exchanged { submissions, receipts: samples.receipts + many.receipts };
    check(&capture, exchanged, others);
}

#[tokio::test]
async fn the_dissector_finds_nothing_malformed_between_a_node_client_and_the_door() {
    let others =
        [BIND_RECEIVER, BIND_TRANSMITTER, BIND_TRANSCEIVER, QUERY_SM, CANCEL_SM, REPLACE_SM, SUBMIT_MULTI];
    is_well_formed_at_the_door(Library::NodeSmpp, &others).await;
}

#[tokio::test]
async fn the_dissector_finds_nothing_malformed_between_a_python_client_and_the_door() {
    let others = [BIND_RECEIVER, BIND_TRANSMITTER, BIND_TRANSCEIVER, QUERY_SM];
    is_well_formed_at_the_door(Library::Smpplib, &others).await;
}

#[tokio::test]
async fn the_dissector_finds_nothing_malformed_between_kannel_and_the_door() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor_with(|settings| settings.obeys_demo_numbers = true).await;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "").door(r#", throughput = "10/s""#);
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let port = gateway.smpp_port().await;
    let mut capture = Capture::start(folder.path(), &[port]).await;
    let kannel = Kannel::start(folder.path(), port).await;
    kannel::hold(&kannel, &vendor).await;
    let again = kannel::overrun(&kannel, kannel::MANY).await;
    kannel.leave().await;
    capture.end(UNBIND_RESP, 1).await;
    // Each of the many is told of twice: that a vendor has it, and its end.
    let submissions = kannel::SUBMISSIONS + kannel::MANY + again;
    let receipts = kannel::RECEIPTS + 2 * kannel::MANY;
    check(&capture, Exchanged { submissions, receipts }, &[BIND_TRANSCEIVER]);
}

/// Else the tests above could not fail.
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
