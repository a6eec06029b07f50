//! `strowger sim smsc`: one simulated vendor on a port, to try things against.

use std::net::SocketAddr;
use std::time::Duration;

use pipeline::Clock as _;
use simulator::vendor::{IdFormat, Vendor};
use simulator::{Behaviour, Personality, smsc};
use tokio::time::sleep;

use super::output::Output;
use super::{Exit, Failure};
use crate::clock::SystemClock;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Where it listens for binds.
    #[arg(long, default_value = "127.0.0.1:2776", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// How it writes message ids: decimal, hex or uuid.
    #[arg(long, default_value = "decimal", value_name = "FORMAT")]
    id_format: IdFormat,
    /// premium, cheap, slow, flaky or regional; without it nothing ever goes wrong by itself.
    #[arg(long)]
    personality: Option<Personality>,
    /// How long after the submit a receipt follows.
    #[arg(long, value_name = "MILLISECONDS")]
    dlr_delay_ms: Option<u64>,
    /// The share of messages that get a receipt, 0 to 1.
    #[arg(long, value_name = "SHARE")]
    dlr_rate: Option<f64>,
    /// How long it takes to answer a submit.
    #[arg(long, value_name = "MILLISECONDS")]
    latency_ms: Option<u64>,
    /// Above this many submits a second it answers ESME_RTHROTTLED.
    #[arg(long, value_name = "PER_SECOND")]
    throttle_tps: Option<f64>,
    /// The share of submits it refuses, 0 to 1.
    #[arg(long, value_name = "SHARE")]
    error_rate: Option<f64>,
    /// With which command_status, such as 0x45.
    #[arg(long, value_name = "STATUS")]
    error_code: Option<String>,
    /// Refuse binds under any other name.
    #[arg(long)]
    system_id: Option<String>,
    /// Refuse binds with any other password.
    #[arg(long)]
    password: Option<String>,
    /// What it does wrong: mute (takes submits and never answers), stall (reads and writes nothing, then goes on),
    /// half-open (its lines are gone for good without a word), throttle, queue-full, refuse, refuse-second-part (of a long
    /// message), refuse-binds, wrong-password, flap (cuts each session after a second), cut-before-response,
    /// cut-after-response, cut-at-second-part, slow-responses (after 15 s), receipt-before-response, duplicate-receipts,
    /// stray-receipts (of ids that nobody was given), no-receipts, silent-drop (neither delivers nor reports), brown-out
    /// (so of half of the messages), fake-receipts (reports what never arrives), slow-receipts or slow-delivery (by 90 s).
    #[arg(long, value_name = "FAULT")]
    fault: Option<Behaviour>,
    /// When that begins, counted from the start.
    #[arg(long, value_name = "SECONDS", default_value_t = 0, requires = "fault")]
    fault_after: u64,
    /// How long it lasts; without it, until the end.
    #[arg(long, value_name = "SECONDS", requires = "fault")]
    fault_for: Option<u64>,
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// A fault with its beginning and its end.
struct Fault {
    behaviour: Behaviour,
    after: Duration,
    lasting: Option<Duration>,
}

pub(crate) async fn run(options: Options, output: &Output) -> Result<(), Failure> {
    let status = options.error_code.as_deref().map(smsc::parse_status).transpose();
    let error_code = status.map_err(|error| {
        Failure::new(Exit::Invalid, format!("--error-code: {error}, expected such as 0x45"))
    })?;
    let now = SystemClock::default().now();
    let settings = smsc::Options {
        id_format: options.id_format,
        dlr_delay_ms: options.dlr_delay_ms,
        dlr_rate: options.dlr_rate,
        latency_ms: options.latency_ms,
        throttle_tps: options.throttle_tps,
        error_rate: options.error_rate,
        error_code,
        system_id: options.system_id,
        password: options.password,
        personality: options.personality,
        seed: options.seed,
        ..smsc::Options::new(options.listen, now)
    }
    .settings();
    let vendor = Vendor::start(settings).await.map_err(|error| {
        Failure::new(Exit::Unexpected, format!("cannot listen on {}: {error}", options.listen))
    })?;
    output.note(&format!("a simulated vendor listens on {}; end it with Ctrl-C", vendor.addr()));
    let fault = options.fault.map(|behaviour| Fault {
        behaviour,
        after: Duration::from_secs(options.fault_after),
        lasting: options.fault_for.map(Duration::from_secs),
    });
    tokio::select! {
        // Without a handler for the signal there is nothing to wait for.
        signal = tokio::signal::ctrl_c() => drop(signal),
        () = misbehave(&vendor, fault, output) => {}
    }
    vendor.shutdown().await;
    output.note(&format!("{:?}", vendor.stats()));
    Ok(())
}

/// Puts the fault on and takes it off at their times; it never ends by itself.
async fn misbehave(vendor: &Vendor, fault: Option<Fault>, output: &Output) {
    if let Some(Fault { behaviour, after, lasting }) = fault {
        sleep(after).await;
        vendor.set(behaviour);
        if matches!(behaviour, Behaviour::RefuseBinds(_)) {
            vendor.cut();
        }
        output.note("the fault begins now");
        if let Some(lasting) = lasting {
            sleep(lasting).await;
            vendor.set(Behaviour::Usual);
            output.note("the fault is over now");
        }
    }
    std::future::pending::<()>().await;
}
