//! `strowger demo`: its options and what it prints.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use super::Failure;
use super::output::Output;
use crate::demo::{Demo, Scenario, Settings, Summary};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Where the API listens.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// The same seed draws the same traffic and the same fates.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Simulated messages a second: 5 unless said otherwise, 40 where scenarios are played.
    #[arg(long, value_name = "MSG_PER_S")]
    rate: Option<f64>,
    /// Play what goes wrong at vendors, tell how it is noticed and left, and end: all, or some of outage, brown-out,
    /// silent-drop, fake-receipts, slow-delivery, throttle, price-rise, pumping. Takes minutes for each.
    #[arg(long, value_name = "SCENARIO,...", value_delimiter = ',')]
    play: Vec<String>,
    /// Keep the store in this folder; without it everything is thrown away at the end.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// End after this many seconds with a summary.
    #[arg(long, value_name = "SECONDS")]
    exit_after: Option<u64>,
}

pub(crate) async fn run(options: Options, output: &Output) -> Result<(), Failure> {
    crate::logs::start(output.is_json());
    crate::core_dumps::forbid();
    let scenarios = scenarios(&options.play)?;
    let plays = !scenarios.is_empty();
    let rate = options.rate.unwrap_or(if plays { 40.0 } else { 5.0 });
    let demo =
        Demo::start(Settings { listen: options.listen, seed: options.seed, rate, plays, keep: options.keep })
            .await?;
    output.note(&welcome(&demo.url(), demo.key(), demo.admin_key(), rate));
    let until = async {
        match options.exit_after {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            None => std::future::pending().await,
        }
    };
    let player = demo.player();
    let played = async {
        if !plays {
            return std::future::pending().await;
        }
        player.play(&scenarios, |line| output.note(line)).await
    };
    let mut failed = None;
    let interrupted = async {
        // Without a handler for the signal only the time ends the demo.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let summary = demo
        .run_until(
            async {
                tokio::select! {
                    () = until => {}
                    () = interrupted => {}
                    result = played => failed = result.err(),
                }
            },
            |progress| output.note(&line(progress)),
        )
        .await;
    let document = json!({
        "sent": summary.sent,
        "refused": summary.refused,
        "delivered": summary.delivered,
        "undelivered": summary.undelivered,
        "failed_over": summary.failed_over,
        "converted": summary.converted,
        "webhooks": summary.webhooks,
    });
    output.result(&document, || line(&summary))?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    if summary.delivered == 0 {
        return Err(Failure::new(super::Exit::CheckFailed, "no message was delivered"));
    }
    Ok(())
}

/// Those that are named; all of them for `all`.
fn scenarios(names: &[String]) -> Result<Vec<Scenario>, Failure> {
    if names.iter().any(|name| name == "all") {
        return Ok(Scenario::ALL.into());
    }
    let read = names.iter().map(|name| name.parse::<Scenario>());
    read.collect::<Result<_, _>>().map_err(|unknown| Failure::new(super::Exit::Usage, unknown.to_string()))
}

fn welcome(url: &str, key: &str, admin_key: &str, rate: f64) -> String {
    format!(
        r#"
Strowger demo: five simulated vendors over SMPP on this machine, {rate} messages a second. Nothing leaves it.

  API        {url}          reference {url}/docs/api
  keys       {key} sends, {admin_key} looks and steers

Send one:

  curl -s {url}/v1/messages -H 'Authorization: Bearer {key}' \
    -d '{{"to":"+12025550100","class":"otp","text":"Your code is 482913"}}'

Things to try (export STROWGER_ENDPOINT={url} STROWGER_API_KEY={key}):

  1. A vendor fails, the next delivers:   strowger send --to +12025550150 --class otp --text hello --wait
  2. A vendor never answers:              strowger send --to +12025550151 --class otp --text hello --wait
  3. Nobody can reach the handset:        strowger send --to +12025550103 --class otp --text hello --wait
  4. What happened, and why:              strowger message trace ID        (the id that send printed)
  5. Where would it go:                   strowger explain --to +447700900100 --class marketing

And as the person who steers (export STROWGER_API_KEY={admin_key}):

  6. The rules, in words:                 strowger policy show active --english
  7. Move traffic, in force at once:      strowger route flip premium regional --reason "trying it"
  8. Look at it, and undo it:             strowger route list              (then: strowger route revert ID)
  9. A version on what was just sent:     strowger policy dry-run active
 10. How messages fare on each route:     strowger route stats

The last two digits of +1 202 555 01xx and +44 7700 900xxx choose the outcome: 00 delivered, 01 slow, 02 no receipt,
03 unreachable, 04 unknown subscriber, 07 spam-filtered, 29 throttled then delivered, 50 vendor error, 51 vendor
timeout, 60 fake receipt, 90 duplicate receipt, 91 receipt before response, 99 random.
"#
    )
}

fn line(summary: &Summary) -> String {
    format!(
        "sent {} · delivered {} · undelivered {} · failed over {} · converted {} · webhooks {}",
        summary.sent,
        summary.delivered,
        summary.undelivered,
        summary.failed_over,
        summary.converted,
        summary.webhooks
    )
}
