//! The least that a webhook costs here: posts to the sink and its answers.

use anyhow::{Result, ensure};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::figures::Run;
use crate::gateway::own_cpu;
use crate::ledger::Ledger;
use crate::load::Client;
use crate::profile::{self, HOOK_PATH};
use crate::sink::Sink;
use crate::stand::Bench;

/// As many as an application that answers gets from the gateway, for three of them.
const CONNECTIONS: usize = 192;
/// About as long as a real one.
const BODY: &str = concat!(
    r#"{"type":"message.delivered","timestamp":"2026-01-01T00:00:00.000Z","data":{"id":"msg_0","#,
    r#""reference":"00000000","status":"delivered","to":"+4915110000000","from":"Strowger","channel":"sms","#,
    r#""class":"transactional","metadata":null,"segments":1,"encoding":"gsm7","country":"DE","operator":null,"#,
    r#""route":"route-0","created_at":"2026-01-01T00:00:00.000Z","trace_url":"http://127.0.0.1/v1/messages/x","#,
    r#""attempts":[{"number":1,"route":"route-0","connection":"vendor-0-main","status":"delivered","#,
    r#""outcome":"accepted","parts":[{"answer":"accepted","receipt":"delivered","vendor_message_id":"1"}]}]}}"#
);

pub(super) async fn run(bench: &Bench, run: &mut Run) -> Result<()> {
    let ledger = Ledger::new();
    ledger.send(None, profile::message);
    let sink = Sink::start(&ledger).await?;
    let (before, began) = (own_cpu()?, Instant::now());
    let until = began + bench.floor_for();
    let mut tasks: JoinSet<Result<()>> = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let mut client = Client::connect(sink.address()).await?;
        tasks.spawn_local(async move {
            while Instant::now() < until {
                let answer = client.post(HOOK_PATH, "none", BODY).await?;
                ensure!(answer.status() == Some(200), "the sink did not take a webhook");
            }
            Ok(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    let (cpu, took) = (own_cpu()?.saturating_sub(before), began.elapsed());
    run.add("webhook to the sink", "posts/s", sink.count() as f64 / took.as_secs_f64());
    run.add("webhook: both sides' CPU", "µs/post", cpu.as_secs_f64() * 1e6 / sink.count() as f64);
    Ok(())
}
