//! `strowger check`, `config validate` and `config schema`.

use serde_json::Value;

use super::client::Endpoint;
use super::output::Output;
use super::{ConfigFile, Exit, Failure};
use crate::config;

pub(crate) fn schema(output: &Output) -> Result<(), Failure> {
    let schema = config::schema();
    output.result(&schema, || serde_json::to_string_pretty(&schema).unwrap_or_default())
}

pub(crate) fn validate(file: &ConfigFile, output: &Output) -> Result<(), Failure> {
    let valid = examine(file, output)?;
    output.result(&valid.document, || valid.text)
}

/// What is said of a valid file.
struct Valid {
    document: Value,
    text: String,
}

/// Every problem on stdout, a line each; warnings on stderr.
fn examine(file: &ConfigFile, output: &Output) -> Result<Valid, Failure> {
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
    let text = format!(
        "{} is valid: {} apps, {connections} connections, {} routes",
        file.config.display(),
        config.apps.len(),
        config.routing.table.routes().len()
    );
    Ok(Valid { document: report.document(), text })
}

pub(crate) async fn check(
    file: &ConfigFile,
    online: Option<Endpoint>,
    output: &Output,
) -> Result<(), Failure> {
    let mut valid = examine(file, output)?;
    let Some(endpoint) = online else { return output.result(&valid.document, || valid.text) };
    let ready = endpoint.client()?.get("/readyz").await.map_err(|failure| match failure.exit {
        Exit::Unreachable if failure.problem.is_some() => Failure { exit: Exit::CheckFailed, ..failure },
        Exit::Unexpected
        | Exit::Usage
        | Exit::Invalid
        | Exit::NotFound
        | Exit::NotAllowed
        | Exit::Conflict
        | Exit::CheckFailed
        | Exit::Unreachable
        | Exit::Different => failure,
    })?;
    if let Some(document) = valid.document.as_object_mut() {
        document.insert("ready".to_owned(), ready);
    }
    output.result(&valid.document, || format!("{}\nthe gateway is ready", valid.text))
}
