//! `strowger db prune`: dropping what is too old by hand.

use std::time::Duration;

use domain::time::parse_duration;
use pipeline::Clock as _;
use serde_json::{Value, json};
use store::Retention;
use store::sqlite::{self, Dropped, Prune};

use super::{StoreFolder, failed};
use crate::cli::output::Output;
use crate::cli::{Exit, Failure};
use crate::clock::SystemClock;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    store: StoreFolder,
    /// Closed messages of days that ended so long ago, such as 90d; at least 7d, because receipts come that late.
    #[arg(long, value_name = "AGE", value_parser = parse_duration)]
    older_than: Option<Duration>,
    /// Texts of closed messages of days that ended so long ago.
    #[arg(long, value_name = "AGE", value_parser = parse_duration)]
    texts_older_than: Option<Duration>,
    /// Drop it. Without this it is only listed.
    #[arg(long)]
    yes: bool,
}

pub(super) fn run(options: &Options, output: &Output) -> Result<(), Failure> {
    let retention = Retention { messages: options.older_than, texts: options.texts_older_than };
    if retention == Retention::default() {
        return Err(Failure::new(Exit::Usage, "give --older-than, --texts-older-than or both"));
    }
    if retention.messages.is_some_and(|age| age < domain::record::RECEIPT_HORIZON) {
        let message = "receipts come up to 7 days late and have to find their messages";
        return Err(Failure::new(Exit::Invalid, message).hint("give --older-than 7d or more"));
    }
    let store = options.store.path(output)?;
    let what = if options.yes { Prune::Drop } else { Prune::List };
    let now = SystemClock::default().now();
    let listed = sqlite::prune(&store, &retention, now, Prune::List).map_err(failed)?;
    let dropped = match what {
        Prune::Drop if listed != Dropped::default() => {
            // First, so that nothing is dropped that the log does not tell of.
            super::note(&store, "store.prune", document(&listed, true), now)?;
            sqlite::prune(&store, &retention, now, what).map_err(failed)?
        }
        Prune::Drop | Prune::List => listed,
    };
    if !options.yes {
        output.note("nothing was dropped: add --yes");
    }
    output.result(&document(&dropped, options.yes), || text(&dropped))
}

fn document(dropped: &Dropped, is_done: bool) -> Value {
    let days: Vec<Value> =
        dropped.days.iter().map(|(day, messages)| json!({ "day": day, "messages": messages })).collect();
    let texts: Vec<Value> =
        dropped.texts.iter().map(|(day, texts)| json!({ "day": day, "texts": texts })).collect();
    json!({ "dropped": is_done, "days": days, "texts": texts, "damaged": dropped.damaged })
}

fn text(dropped: &Dropped) -> String {
    let mut lines = Vec::new();
    for (day, messages) in &dropped.days {
        let messages = messages
            .map_or_else(|| "a file that cannot be read".to_owned(), |count| format!("{count} messages"));
        lines.push(format!("{day}: {messages}"));
    }
    for (day, texts) in &dropped.texts {
        lines.push(format!("{day}: {texts} texts"));
    }
    if dropped.damaged > 0 {
        lines.push(format!("{} damaged records", dropped.damaged));
    }
    if lines.is_empty() {
        lines.push("nothing is so old".to_owned());
    }
    lines.join("\n")
}
