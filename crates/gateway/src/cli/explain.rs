//! `strowger explain`: what the routing would do now, and why.

use serde_json::{Value, json};

use super::Failure;
use super::client::Endpoint;
use super::output::{Output, cell, table};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The recipient, in international form.
    #[arg(long, value_name = "NUMBER")]
    to: String,
    /// otp, transactional or marketing; the app's default when absent.
    #[arg(long)]
    class: Option<String>,
    #[arg(long, value_name = "SENDER")]
    from: Option<String>,
    #[arg(long, default_value = "Your code is 123456")]
    text: String,
    #[command(flatten)]
    endpoint: Endpoint,
}

pub(crate) async fn run(options: Options, output: &Output) -> Result<(), Failure> {
    let mut body = json!({ "to": options.to, "text": options.text, "channel": "sms" });
    for (field, value) in [("class", options.class), ("from", options.from)] {
        if let (Some(value), Some(object)) = (value, body.as_object_mut()) {
            object.insert(field.to_owned(), json!(value));
        }
    }
    let explanation = options.endpoint.client()?.post("/v1/routing/explain", &body).await?;
    output.result(&explanation, || {
        let rows: Vec<Vec<String>> = items(&explanation, "plan", &["route", "reason", "explanation"]);
        format!("{}\n\n{}", cell(&explanation, "summary"), table(&["ROUTE", "REASON", ""], &rows))
    })
}

fn items(document: &Value, field: &str, columns: &[&str]) -> Vec<Vec<String>> {
    let items = document.get(field).and_then(Value::as_array).into_iter().flatten();
    items.map(|item| columns.iter().map(|column| cell(item, column)).collect()).collect()
}
