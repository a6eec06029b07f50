//! `strowger audit`: who changed what, and whether the log is whole.

use std::io::BufRead as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use store::audit::Hash;

use super::client::{Client, Endpoint, further};
use super::output::{Output, cell, table};
use super::{Exit, Failure};

/// Entries that are asked for at a time.
const PAGE: usize = 1000;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List changes, the newest first.
    List {
        /// Only those by whoever has this name.
        #[arg(long)]
        actor: Option<String>,
        /// Only those of this kind, such as override.create or key.revoke.
        #[arg(long)]
        action: Option<String>,
        /// Only those of what has this id.
        #[arg(long)]
        target: Option<String>,
        /// Only those at or after this instant.
        #[arg(long, value_name = "INSTANT")]
        since: Option<String>,
        /// Only those before this instant.
        #[arg(long, value_name = "INSTANT")]
        until: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: usize,
        #[command(flatten)]
        endpoint: Endpoint,
    },
    /// Check that no entry was changed or removed: at the gateway, or in an exported file. Ends with 7 when one was.
    Verify {
        /// A file that `audit export` wrote, instead of the gateway's own log.
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// The hash of the last entry as it was noted earlier: it has to be in the log still.
        #[arg(long, value_name = "HASH")]
        expect: Option<String>,
        #[command(flatten)]
        endpoint: Endpoint,
    },
    /// Print the whole log, the oldest first: one JSON object a line, with the hash that binds it to those before.
    Export(Endpoint),
}

/// A line of an export.
#[derive(Deserialize)]
struct Line<'a> {
    number: u64,
    hash: String,
    #[serde(borrow)]
    entry: &'a RawValue,
}

pub(crate) async fn run(command: Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::List { actor, action, target, since, until, limit, endpoint } => {
            let filters = [
                ("actor", actor),
                ("action", action),
                ("target", target),
                ("since", since),
                ("until", until),
            ];
            list(&filters, limit, &endpoint, output).await
        }
        Command::Export(endpoint) => {
            let client = endpoint.client()?;
            each_line(&client, &mut |line| output.line(line)).await
        }
        Command::Verify { file, expect, endpoint } => {
            let expect = expect.map(|hash| hash.parse::<Hash>());
            let expect = expect.transpose().map_err(|bad| Failure::new(Exit::Usage, bad.to_string()))?;
            let mut chain = Chain::new(expect);
            match file {
                Some(file) => read(&file, &mut chain)?,
                None => each_line(&endpoint.client()?, &mut |line| chain.add(line)).await?,
            }
            chain.finish(output)
        }
    }
}

async fn list(
    filters: &[(&str, Option<String>)],
    limit: usize,
    endpoint: &Endpoint,
    output: &Output,
) -> Result<(), Failure> {
    let query = further(filters);
    let entries = endpoint.client()?.get(&format!("/v1/audit?limit={limit}{query}")).await?;
    output.result(&entries, || {
        let items = entries.get("data").and_then(Value::as_array).into_iter().flatten();
        let rows: Vec<Vec<String>> = items
            .map(|item| {
                let entry = item.get("entry").unwrap_or(&Value::Null);
                let actor = entry.get("actor").unwrap_or(&Value::Null);
                vec![
                    cell(item, "number"),
                    cell(entry, "at"),
                    cell(actor, "id"),
                    cell(entry, "action"),
                    cell(entry, "target"),
                    cell(entry, "reason"),
                ]
            })
            .collect();
        table(&["NUMBER", "WHEN", "WHO", "WHAT", "OF", "WHY"], &rows)
    })
}

/// Every entry of the gateway's log as a line of an export, the oldest first.
async fn each_line(
    client: &Client,
    take: &mut dyn FnMut(&str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut after = "0".to_owned();
    loop {
        // As texts: what is hashed is the entry as it is written.
        let page = client.get_text(&format!("/v1/audit?order=oldest&limit={PAGE}&cursor={after}")).await?;
        let unreadable = |error: serde_json::Error| Failure::new(Exit::Unexpected, error.to_string());
        let page: Page<'_> = serde_json::from_str(&page).map_err(unreadable)?;
        for line in &page.data {
            take(line.get())?;
        }
        match page.next_cursor {
            Some(next) => after = next,
            None => return Ok(()),
        }
    }
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
    next_cursor: Option<String>,
}

fn read(file: &Path, chain: &mut Chain) -> Result<(), Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::new(Exit::NotFound, format!("{} cannot be read: {error}", file.display()))
    };
    let lines = std::io::BufReader::new(std::fs::File::open(file).map_err(unreadable)?).lines();
    for line in lines {
        let line = line.map_err(unreadable)?;
        if !line.trim().is_empty() {
            chain.add(&line)?;
        }
    }
    Ok(())
}

/// Follows the log from its beginning.
struct Chain {
    number: u64,
    hash: Hash,
    expected: Option<Hash>,
}

impl Chain {
    fn new(expected: Option<Hash>) -> Self {
        Self { number: 0, hash: Hash::START, expected }
    }

    fn add(&mut self, line: &str) -> Result<(), Failure> {
        let broken = |why: &str| {
            let number = self.number + 1;
            Failure::new(Exit::CheckFailed, format!("the audit log is broken at entry {number}: {why}"))
        };
        let line: Line<'_> = serde_json::from_str(line).map_err(|error| broken(&error.to_string()))?;
        if line.number != self.number + 1 {
            return Err(broken(&format!("{} comes next", line.number)));
        }
        let next = self.hash.next(line.number, line.entry.get());
        if line.hash != next.to_string() {
            return Err(broken("it was changed, or one before it was"));
        }
        (self.number, self.hash) = (line.number, next);
        self.expected = self.expected.filter(|expected| *expected != next);
        Ok(())
    }

    fn finish(self, output: &Output) -> Result<(), Failure> {
        if let Some(missing) = self.expected {
            let message =
                format!("the audit log has no entry of the hash {missing}: it was cut or made anew");
            return Err(Failure::new(Exit::CheckFailed, message));
        }
        let hash = self.hash.to_string();
        let document = json!({ "is_whole": true, "entries": self.number, "last_hash": hash });
        output
            .result(&document, || format!("{} entries, whole; the last has the hash {hash}", self.number))?;
        output.note("note the hash elsewhere: --expect then shows later that nothing was cut off");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> Vec<String> {
        let mut hash = Hash::START;
        let line = |number: u64| {
            let entry = format!(r#"{{"action":"key.create","target":"key_{number}"}}"#);
            hash = hash.next(number, &entry);
            format!(r#"{{"number":{number},"hash":"{hash}","entry":{entry}}}"#)
        };
        (1..=3).map(line).collect()
    }

    fn follow(lines: &[String]) -> Result<Chain, Failure> {
        let mut chain = Chain::new(None);
        lines.iter().try_for_each(|line| chain.add(line))?;
        Ok(chain)
    }

    #[test]
    fn every_change_of_the_log_is_seen() {
        assert_eq!(follow(&lines()).unwrap().number, 3);
        let changed = |change: &dyn Fn(&mut Vec<String>)| {
            let mut lines = lines();
            change(&mut lines);
            follow(&lines).err().map(|failure| failure.message)
        };
        let told = changed(&|lines| lines[1] = lines[1].replace("key_2", "key_9")).unwrap();
        assert!(told.contains("entry 2"), "{told}");
        for change in [
            &(|lines: &mut Vec<String>| drop(lines.remove(0))) as &dyn Fn(&mut Vec<String>),
            &|lines| drop(lines.remove(1)),
            &|lines| lines.swap(1, 2),
            &|lines| lines[2] = lines[1].clone(),
            &|lines| lines[1] = "{}".to_owned(),
        ] {
            assert!(changed(change).is_some());
        }
    }

    #[test]
    fn a_log_that_was_cut_lacks_the_hash_that_was_noted() {
        let all = lines();
        let noted = follow(&all).unwrap().hash;
        let mut cut = Chain::new(Some(noted));
        all[..2].iter().for_each(|line| cut.add(line).unwrap());
        assert_eq!(cut.expected, Some(noted));
    }
}
