//! The configuration in the audit log: what of it has changed since it was read last, by whatever process.

use pipeline::Pipeline;
use serde_json::{Value as Json, json};
use store::{Change, Changed, audit::Imported};

use crate::audit::{self, Door};
use crate::config::{Config, difference};

/// Makes an entry when the configuration is another one than before. It is obeyed already: one that cannot be told of
/// now is found to have changed at the next start.
pub(crate) async fn note(pipeline: &Pipeline, config: &Config, door: Door) -> anyhow::Result<()> {
    let reader = pipeline.reader();
    let before = tokio::task::spawn_blocking(move || reader.imported()).await??;
    let now = Imported { version: config.version, document: config.document.to_string().into() };
    if before.as_ref() == Some(&now) {
        return Ok(());
    }
    let sides = sides(before.as_ref(), config);
    let entry = audit::by_host(pipeline.now(), door, "configuration.load", "configuration", sides);
    let change = Change { what: Changed::Configuration(now), entry };
    // It is in force already.
    Ok(pipeline.change(change, || ()).await?)
}

/// The first configuration is kept whole; of a later one, what differs.
fn sides(before: Option<&Imported>, config: &Config) -> (Option<Json>, Json) {
    let version = |version: u64| version.to_string();
    let Some(before) = before else {
        return (None, json!({ "version": version(config.version), "configuration": config.document }));
    };
    let document: Json = serde_json::from_str(&before.document).unwrap_or_default();
    let differing = difference(&document, &config.document);
    (
        Some(json!({ "version": version(before.version), "configuration": differing.before })),
        json!({ "version": version(config.version), "configuration": differing.after }),
    )
}
