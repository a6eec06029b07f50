//! `strowger decisions`: the log as a file that `policy dry-run --file` reads.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use super::client::{Client, Endpoint, escaped};
use super::output::Output;
use super::{Exit, Failure};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Write what the log has of messages, for `policy dry-run --file`: one JSON object a line, with their recipients and
    /// without their texts.
    Export(Export),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Export {
    /// The last so much of the log, such as 1h, 24h or 7d.
    #[arg(long, value_name = "SPAN", default_value = "24h", conflicts_with_all = ["since", "until"])]
    last: String,
    /// From when on messages were accepted.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Until when; absent: until now.
    #[arg(long, value_name = "TIME", requires = "since")]
    until: Option<String>,
    /// The file to write, which must not be there yet; absent: stdout.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    endpoint: Endpoint,
}

pub(crate) async fn run(command: Command, output: &Output) -> Result<(), Failure> {
    let Command::Export(options) = command;
    let query = match (&options.since, &options.until) {
        (Some(since), Some(until)) => format!("since={}&until={}", escaped(since), escaped(until)),
        (Some(since), None) => format!("since={}", escaped(since)),
        (None, _) => format!("last={}", escaped(&options.last)),
    };
    let path = format!("/v1/decisions?{query}");
    let client = options.endpoint.client_for_files()?;
    let Some(out) = &options.out else {
        return client.download(&path, &mut std::io::stdout()).await;
    };
    let written = write(&client, &path, out).await;
    if written.is_ok() {
        output.note(&format!("next: strowger policy dry-run active --file {}", out.display()));
    }
    written
}

/// What is not all there is taken away again.
async fn write(client: &Client, path: &str, out: &Path) -> Result<(), Failure> {
    let file = File::create_new(out)
        .map_err(|error| Failure::new(Exit::Usage, format!("{}: {error}", out.display())))?;
    let written = client.download(path, &mut BufWriter::new(file)).await;
    if written.is_err() {
        std::fs::remove_file(out)?;
    }
    written
}
