//! A child process: what it prints is read line by line, and it ends with the test at the latest.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::deadline::{LIMIT, until};

pub(crate) struct Process {
    name: String,
    child: Child,
    lines: mpsc::Receiver<String>,
    /// Where its stderr goes: shown when the test fails.
    log: PathBuf,
}

/// More than any of them prints before the test reads it.
const LINES: usize = 10_000;

/// Of what a failed test's process wrote, at the start and at the end.
const SHOWN: usize = 30;

impl Process {
    /// Starts it with a stdin that stays open as long as this lives.
    pub(crate) fn start(name: &str, command: &mut Command, folder: &Path) -> Self {
        let log = folder.join(format!("{name}.log"));
        let errors = File::create(&log).unwrap();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel(LINES);
        // It ends with the child's stdout, so nobody needs to join it.
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.blocking_send(line).is_err() {
                    return;
                }
            }
        });
        Self { name: name.to_owned(), child, lines, log }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line of its stdout; None when it has ended.
    pub(crate) async fn line(&mut self) -> Option<String> {
        let line = timeout(LIMIT, self.lines.recv()).await;
        line.unwrap_or_else(|_| panic!("{} prints nothing", self.name))
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Waits until it ends by itself.
    pub(crate) async fn end(&mut self) -> ExitStatus {
        let name = self.name.clone();
        until(&format!("{name} ends"), async || self.ended()).await
    }

    /// The word that follows this on its stderr.
    pub(crate) async fn says(&mut self, what: &str) -> String {
        let said = self.says_unless_it_ends(what).await;
        said.unwrap_or_else(|log| panic!("{} ended before it said `{what}`: {log}", self.name))
    }

    /// The word that follows this on its stderr; all that it wrote there when it ends without saying it.
    pub(crate) async fn says_unless_it_ends(&mut self, what: &str) -> Result<String, String> {
        let name = self.name.clone();
        until(&format!("{name} says `{what}`, or ends"), async || {
            // Asked first: what it wrote before it ended is all in the log then.
            let ended = self.ended();
            let log = self.log();
            let rest = log.split_once(what).map(|(_, rest)| rest);
            if let Some((word, _)) = rest.and_then(|rest| rest.split_once([' ', '\n', ';'])) {
                return Some(Ok(word.to_owned()));
            }
            ended.map(|_| Err(log))
        })
        .await
    }

    /// Waits until it has written this to stderr: a log line may come after what it tells of is seen elsewhere.
    pub(crate) async fn logs(&self, what: &str) {
        let name = &self.name;
        until(&format!("{name} logs `{what}`"), async || self.log().contains(what).then_some(())).await;
    }

    /// What it wrote to stderr so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Asks it to end, as a supervisor does: `TERM`, or `INT` as Ctrl-C sends it.
    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(self.pid().to_string()).status();
        assert!(sent.unwrap().success(), "{} could not be signalled", self.name);
    }

    /// Tells those that watch their stdin that they are not needed any more.
    pub(crate) fn close_stdin(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Ends it at once, as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let (first, last) = lines.split_at(lines.len().min(SHOWN));
            let last = &last[last.len().saturating_sub(SHOWN)..];
            eprintln!(
                "--- {} said first:\n{}\n--- and last:\n{}",
                self.name,
                first.join("\n"),
                last.join("\n")
            );
        }
        // One that has ended already cannot be killed, and that is well.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
