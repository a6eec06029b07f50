//! A dry-run of a configuration file over a file of messages, in this process: no gateway, no store.

use std::io::BufRead;
use std::path::Path;

use domain::Recipient;
use pipeline::Clock as _;
use routing::operator::origin;
use serde_json::{Value, json};

use super::super::super::{Exit, Failure};
use crate::clock::SystemClock;
use crate::config;
use crate::decisions::{Known, Problems};
use crate::dry_runs::{Bad, replay, report};
use crate::start;

/// What the API tells of one that is done. An operator that is not said is found out by the numbering plan alone.
pub(super) fn run(file: &Path, input: &mut dyn BufRead) -> Result<Value, Failure> {
    let (config, _) = config::load(file).map_err(|report| {
        let lines = report.problems.iter().map(ToString::to_string).collect::<Vec<_>>();
        Failure::new(Exit::Invalid, lines.join("\n"))
    })?;
    let table = &config.routing.table;
    let now = SystemClock::default().now();
    let known = Known {
        apps: config.pipeline_apps(),
        default_class: table.default_class(),
        operator: Box::new(|to: &Recipient| origin::of(to)?.operator),
        now,
    };
    let throughput = config.vendors.iter().flat_map(start::throughput).collect();
    let mut decisions = 0;
    let mut count = |lines| {
        decisions = lines;
        true
    };
    let found = match replay(input, &known, table, throughput, &mut count) {
        Ok(found) => found,
        Err(Bad::Unreadable(error)) => return Err(error.into()),
        Err(Bad::Wrong(problems)) => return Err(refused(&problems)),
    };
    let Some(found) = found else { return Err(Failure::new(Exit::Unexpected, "it ended before its time")) };
    let vendors: Vec<_> = config.vendors.iter().map(start::vendor_record).collect();
    Ok(json!({
        "version": null,
        "state": "done",
        "source": "file",
        "since": found.period.since,
        "until": found.period.until,
        "decisions": decisions,
        "report": report(&found, &vendors, None, now),
    }))
}

fn refused(problems: &Problems) -> Failure {
    let mut message = problems.to_string();
    if problems.told.len() > 1 {
        for (line, problem) in &problems.told {
            message.push_str(&format!("\n  line {line}: {problem}"));
        }
    }
    Failure::new(Exit::Invalid, message)
}
