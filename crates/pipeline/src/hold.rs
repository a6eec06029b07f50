//! A store that was restored from a backup: nothing leaves before somebody has said what becomes of what was open then.
//!
//! Until then messages can be read and nothing else: no connection is opened, no deadline passes, no application is
//! told. So a restored store can be looked at beside the one that it was copied from.

use std::fmt;
use std::sync::Arc;

use domain::record::{Input, Restored};
use domain::{Class, Record};
use store::{Claim, Write, Written};
use tokio::sync::oneshot;

use crate::core::Core;
use crate::worker;
use crate::writer::{NotWritten, Urgency};

/// What becomes of the messages that were open in the backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resume {
    /// They are sent, flagged as possible duplicates.
    All,
    /// They are never sent again.
    None,
    /// Those of these classes are sent, the others never.
    Classes(Vec<Class>),
}

/// As it is said: `all`, `none`, or classes.
impl fmt::Display for Resume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::None => f.write_str("none"),
            Self::Classes(classes) => {
                let names: Vec<&str> = classes.iter().map(|class| class.as_str()).collect();
                f.write_str(&names.join(", "))
            }
        }
    }
}

impl Resume {
    fn of(&self, record: &Record) -> Restored {
        let resumes = match self {
            Self::All => true,
            Self::None => false,
            Self::Classes(classes) => classes.contains(&record.message.class),
        };
        if resumes { Restored::Resumed } else { Restored::Withheld }
    }
}

/// Records per page: each is written before the next page is claimed.
const PAGE: usize = 2000;

/// Tells every open record what becomes of it, and only then takes the mark away; a process that dies in between makes
/// it all again, which changes nothing. Must have ended before anything is sent.
pub(crate) async fn end(core: &Arc<Core>, resume: &Resume) -> Result<(), NotWritten> {
    let (mut after, mut total) = (0, 0_u64);
    loop {
        let page = worker::claim(core, Claim::Open { after }, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.message.id.key();
        total += page.len() as u64;
        let told: Vec<_> = page.iter().map(|record| tell(core, record, resume.of(record))).collect();
        for told in told {
            told.await.unwrap_or(Err(NotWritten::Stopping))?;
        }
    }
    worker::ask(core, |store| store.end_hold()).await?;
    tracing::info!(messages = total, ?resume, "the restored store is resumed");
    Ok(())
}

/// Tells when it is durable. What the record waits for is seen to when all of them are taken up.
fn tell(core: &Arc<Core>, record: &Record, restored: Restored) -> oneshot::Receiver<Result<(), NotWritten>> {
    let (done, told) = oneshot::channel();
    let message = record.message.id;
    let after = Arc::clone(core);
    let then = move |result: Result<Written, NotWritten>| {
        let written = result.as_ref().map(|_| ()).map_err(Clone::clone);
        if let Ok(Written::Applied { record, changes, notices }) = result {
            worker::tell_of(&after, &record, &changes, notices);
        }
        drop(done.send(written));
    };
    let write = Write::Apply { message, input: Input::Restored(restored) };
    core.writer.write(Urgency::News, write, Box::new(then));
    told
}
