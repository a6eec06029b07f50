//! `strowger send`: one message, and with `--wait` what became of it.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::client::{Client, Endpoint};
use super::output::{Output, cell};
use super::{Exit, Failure};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The recipient, in international form.
    #[arg(long, value_name = "NUMBER")]
    to: String,
    #[arg(long)]
    text: String,
    /// otp, transactional or marketing; the app's default when absent.
    #[arg(long)]
    class: Option<String>,
    /// Who it appears to come from; the app's default when absent.
    #[arg(long, value_name = "SENDER")]
    from: Option<String>,
    /// Your own name for the message: it comes back in every answer and webhook.
    #[arg(long)]
    reference: Option<String>,
    /// How long it may be tried, such as 10m.
    #[arg(long, value_name = "SPAN")]
    validity: Option<String>,
    /// Wait until it is final, at most this many seconds, and end with 7 when it was not delivered.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "60")]
    wait: Option<u64>,
    #[command(flatten)]
    endpoint: Endpoint,
}

const POLL_EVERY: Duration = Duration::from_millis(250);
const FINAL: [&str; 8] =
    ["delivered", "read", "undelivered", "failed", "expired", "canceled", "rejected", "uncertain"];

pub(crate) async fn run(options: Options, output: &Output) -> Result<(), Failure> {
    let client = options.endpoint.client()?;
    let mut body = json!({ "to": options.to, "text": options.text, "channel": "sms" });
    let optional = [
        ("class", &options.class),
        ("from", &options.from),
        ("reference", &options.reference),
        ("validity", &options.validity),
    ];
    for (field, value) in optional {
        if let (Some(value), Some(object)) = (value, body.as_object_mut()) {
            object.insert(field.to_owned(), json!(value));
        }
    }
    let accepted = client.post("/v1/messages", &body).await?;
    let id = cell(&accepted, "id");
    let Some(seconds) = options.wait else {
        output.result(&accepted, || format!("{id} {}", cell(&accepted, "status")))?;
        output.note(&format!("see what becomes of it: strowger message trace {id}"));
        return Ok(());
    };
    let settled = wait(&client, (&id, Duration::from_secs(seconds)), output).await?;
    let status = cell(&settled, "status");
    output.result(&settled, || format!("{id} {status}"))?;
    if matches!(status.as_str(), "delivered" | "read") {
        return Ok(());
    }
    Err(Failure::new(Exit::CheckFailed, format!("the message is {status}"))
        .hint(format!("strowger message trace {id}")))
}

async fn wait(client: &Client, (id, limit): (&str, Duration), output: &Output) -> Result<Value, Failure> {
    let until = Instant::now() + limit;
    let mut last_status = String::new();
    loop {
        let message = client.get(&format!("/v1/messages/{id}")).await?;
        let status = cell(&message, "status");
        if status != last_status {
            output.note(&status);
            last_status.clone_from(&status);
        }
        if FINAL.contains(&status.as_str()) || Instant::now() >= until {
            return Ok(message);
        }
        tokio::time::sleep(POLL_EVERY).await;
    }
}
