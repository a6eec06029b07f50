//! `strowger check`, `config validate` and `config schema`.

use serde_json::json;

use super::client::Endpoint;
use super::output::Output;
use super::{ConfigFile, Exit, Failure};
use crate::config;

pub(crate) fn schema(output: &Output) -> Result<(), Failure> {
    let schema = config::schema();
    output.result(&schema, || serde_json::to_string_pretty(&schema).unwrap_or_default())
}

/// Every problem on stdout, a line each; warnings on stderr.
pub(crate) fn validate(file: &ConfigFile, output: &Output) -> Result<(), Failure> {
    let (report, valid) = match config::load(&file.config) {
        Ok((config, report)) => (report, Some(config)),
        Err(report) => (report, None),
    };
    for warning in report.warnings.iter().filter(|_| !output.is_json()) {
        output.note(&format!("{warning} (warning)"));
    }
    let Some(config) = valid else {
        let lines = report.problems.iter().map(ToString::to_string).collect::<Vec<_>>();
        output.result(&report.document(), || lines.join("\n"))?;
        let count = report.problems.len();
        let s = if count == 1 { "" } else { "s" };
        return Err(Failure::new(Exit::Invalid, format!("{count} problem{s} in {}", file.config.display())));
    };
    for what in &config.not_served {
        output.note(&format!("not served yet: {what}"));
    }
    let connections = config.connections().count();
    output.result(&report.document(), || {
        format!(
            "{} is valid: {} apps, {connections} connections, {} routes",
            file.config.display(),
            config.apps.len(),
            config.table.routes().len()
        )
    })
}

pub(crate) async fn check(
    file: &ConfigFile,
    online: Option<Endpoint>,
    output: &Output,
) -> Result<(), Failure> {
    validate(file, output)?;
    let Some(endpoint) = online else { return Ok(()) };
    let ready = endpoint.client()?.get("/readyz").await.map_err(|failure| match failure.exit {
        Exit::Unreachable if failure.problem.is_some() => Failure { exit: Exit::CheckFailed, ..failure },
        Exit::Unexpected
        | Exit::Invalid
        | Exit::NotFound
        | Exit::NotAllowed
        | Exit::Conflict
        | Exit::CheckFailed
        | Exit::Unreachable => failure,
    })?;
    output.result(&json!({ "ready": ready }), || "the gateway is ready".to_owned())
}
