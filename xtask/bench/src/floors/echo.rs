//! The least that an API on this stack costs: JSON in, 202 out, nothing kept.

use std::net::Ipv4Addr;

use anyhow::Result;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::figures::{Run, Sample};
use crate::gateway::own_cpu;
use crate::ledger::{Entry, Ledger};
use crate::stand::Bench;
use crate::{load, profile};

pub(super) async fn run(bench: &Bench, run: &mut Run) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let router = Router::new().route("/v1/messages", post(answer));
        // It ends with the task.
        drop(axum::serve(listener, router).await);
    });
    let ledger = Ledger::new();
    let (before, began) = (own_cpu()?, Instant::now());
    let until = began + bench.floor_for();
    load::closed(address, &ledger, bench.connections, until, profile::message).await?;
    let (cpu, took) = (own_cpu()?.saturating_sub(before), began.elapsed());
    let sample: Sample = ledger.read(|entries| entries.iter().filter_map(Entry::api).collect());
    run.add("HTTP echo", "requests/s", sample.count() as f64 / took.as_secs_f64());
    run.add("HTTP echo: both sides' CPU", "µs/request", cpu.as_secs_f64() * 1e6 / sample.count() as f64);
    run.add_percentiles("HTTP echo:", &sample);
    for failure in ledger.judge().refusals.keys() {
        run.fail(format!("the HTTP echo: {failure}"));
    }
    Ok(())
}

async fn answer(Json(message): Json<Value>) -> (StatusCode, Json<Value>) {
    let to = message.get("to").cloned().unwrap_or_default();
    (StatusCode::ACCEPTED, Json(json!({ "id": "msg_0", "status": "accepted", "to": to })))
}
