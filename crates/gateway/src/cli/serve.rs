//! `strowger serve`: the gateway in the foreground, until a signal ends it.

use domain::Class;
use pipeline::Resume;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::output::Output;
use super::{ConfigFile, Exit, Failure};
use crate::config::{self, Config};
use crate::start::{Gateway, Mode};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    file: ConfigFile,
    /// After a restore: what was open in the backup and is sent now, flagged as a possible duplicate. The rest becomes
    /// uncertain and is never sent again. May be repeated for several classes.
    #[arg(long, value_name = "all|none|CLASS")]
    resume: Vec<Word>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Word {
    All,
    None,
    Otp,
    Transactional,
    Marketing,
}

/// None when nothing was said.
fn resume(words: &[Word]) -> Result<Option<Resume>, Failure> {
    let mut classes = Vec::new();
    for word in words {
        match word {
            Word::All | Word::None if words.len() > 1 => {
                return Err(Failure::new(Exit::Usage, "--resume takes all, none, or classes"));
            }
            Word::All => return Ok(Some(Resume::All)),
            Word::None => return Ok(Some(Resume::None)),
            Word::Otp => classes.push(Class::Otp),
            Word::Transactional => classes.push(Class::Transactional),
            Word::Marketing => classes.push(Class::Marketing),
        }
    }
    Ok((!classes.is_empty()).then_some(Resume::Classes(classes)))
}

pub(crate) async fn run(options: &Options, output: &Output) -> Result<(), Failure> {
    let file = &options.file;
    let resume = resume(&options.resume)?;
    crate::logs::start(output.is_json());
    crate::core_dumps::forbid();
    let config = load(file, output)?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut reload = signal(SignalKind::hangup())?;
    let mut gateway = Gateway::start(&config, Mode::Live, resume).await?;
    output.note(&format!("listening on {}", gateway.url()));
    if gateway.pipeline().is_on_hold() {
        output.note("on hold: the store was restored from a backup, so nothing is accepted or sent; start with --resume");
    }
    loop {
        let wanted = tokio::select! {
            wanted = next(&mut terminate, &mut interrupt, &mut reload) => wanted,
            () = gateway.pipeline().broken() => Wanted::GiveUp,
        };
        match wanted {
            Wanted::End => break,
            Wanted::Reload => reconfigure(&mut gateway, file).await,
            Wanted::GiveUp => {
                let reason = gateway.pipeline().snapshot().failure.unwrap_or_default();
                gateway.drain().await;
                return Err(Failure::new(
                    Exit::Unexpected,
                    format!("the store is broken: {reason}; look at the disk, then start again"),
                ));
            }
        }
    }
    output.note("draining: no new messages, awaiting answers on the wire");
    gateway.drain().await;
    Ok(())
}

pub(crate) fn load(file: &ConfigFile, output: &Output) -> Result<Config, Failure> {
    match config::load(&file.config) {
        Ok((config, report)) => {
            for warning in &report.warnings {
                output.note(&format!("{warning} (warning)"));
            }
            Ok(config)
        }
        Err(report) => {
            output.note(&report.to_string());
            let count = report.problems.len();
            let s = if count == 1 { "" } else { "s" };
            Err(Failure::new(Exit::Invalid, format!("{count} problem{s} in {}", file.config.display())))
        }
    }
}

/// A bad configuration changes nothing.
async fn reconfigure(gateway: &mut Gateway, file: &ConfigFile) {
    match config::load(&file.config) {
        Ok((config, _)) => match gateway.reconfigure(&config).await {
            Ok(takes_a_restart) => {
                for what in takes_a_restart {
                    tracing::warn!("takes a restart: {what}");
                }
                gateway.note_reload(&config).await;
                tracing::info!(version = config.version, "the configuration was reloaded");
            }
            Err(error) => {
                tracing::error!("the configuration is kept, the new one cannot be put in place: {error:#}");
            }
        },
        Err(report) => {
            tracing::error!(
                problems = report.problems.len(),
                "the configuration is kept, the file is wrong:\n{report}"
            );
        }
    }
}

enum Wanted {
    End,
    Reload,
    /// Nothing can be written any more; whoever starts the program again has it read what is durable.
    GiveUp,
}

async fn next(terminate: &mut Signal, interrupt: &mut Signal, reload: &mut Signal) -> Wanted {
    // Receiving a signal is cancel-safe.
    tokio::select! {
        _ = terminate.recv() => Wanted::End,
        _ = interrupt.recv() => Wanted::End,
        _ = reload.recv() => Wanted::Reload,
    }
}
