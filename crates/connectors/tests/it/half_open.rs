//! A line whose other end is gone without a word is noticed in a bounded time.

use domain::record::Answer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::time::Instant;

use crate::lab::{Lab, seconds};

const BIND_TRANSCEIVER_RESP: u32 = 0x8000_0009;

/// Accepts the bind on a line, and then never reads or writes again.
async fn accept_and_vanish(mut line: DuplexStream) -> DuplexStream {
    let mut header = [0; 16];
    line.read_exact(&mut header).await.unwrap();
    let sequence_number = &header[12..];
    let body = b"vendor\0";
    let length = u32::try_from(16 + body.len()).unwrap();
    let head = [length, BIND_TRANSCEIVER_RESP, 0].map(u32::to_be_bytes).concat();
    line.write_all(&[&head, sequence_number, body].concat()).await.unwrap();
    line
}

async fn vanished(extra: &str) -> (Lab, DuplexStream) {
    let mut lab = Lab::new(extra);
    let line = accept_and_vanish(lab.raw_line().await).await;
    assert_eq!(lab.told.health.recv().await.unwrap().binds_up, 1);
    (lab, line)
}

#[tokio::test(start_paused = true)]
async fn with_a_submit_on_it_the_line_is_given_up_after_one_and_a_half_response_timeouts() {
    let (mut lab, _line) = vanished("window = 2").await;
    tokio::time::sleep(seconds(3)).await;
    let sent = Instant::now();
    lab.submit(1);
    assert_eq!(lab.answer().await, Answer::Unknown { line_lost: false });
    assert_eq!(sent.elapsed().as_secs(), 10);
    lab.submit(2);
    assert_eq!(lab.answer().await, Answer::Unknown { line_lost: true });
    assert_eq!(sent.elapsed().as_secs(), 15);
    lab.vendor().await;
    assert_eq!(sent.elapsed().as_secs(), 15);
}

#[tokio::test(start_paused = true)]
async fn an_idle_line_is_given_up_after_two_unanswered_enquire_links() {
    let (mut lab, _line) = vanished("").await;
    let begun = Instant::now();
    lab.vendor().await;
    assert_eq!(begun.elapsed().as_secs(), 50);
}
