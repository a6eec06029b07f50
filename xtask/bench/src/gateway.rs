//! The gateway as a process of its own: started, asked what it costs, ended.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::time::{Instant, sleep};

pub(crate) struct Gateway {
    child: Child,
    address: SocketAddr,
    /// Where applications bind; None for a program that has no such door.
    smpp: Option<SocketAddr>,
}

/// What Linux counts CPU time in, on every architecture it runs on today.
const TICKS_PER_SECOND: f64 = 100.0;
const LISTENS_WITHIN: Duration = Duration::from_secs(120);
const ENDS_WITHIN: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(2);

impl Gateway {
    /// Starts it and waits until its API listens.
    pub(crate) async fn start(program: &Path, configuration: &Path, log: &Path) -> Result<Self> {
        let child = spawn(program, configuration, log)?;
        let mut gateway = Self { child, address: SocketAddr::from(([127, 0, 0, 1], 0)), smpp: None };
        let deadline = Instant::now() + LISTENS_WITHIN;
        loop {
            let text = fs::read_to_string(log).unwrap_or_default();
            if let Some(address) = announced(&text) {
                gateway.address = address;
                gateway.smpp = announced_smpp(&text);
                return Ok(gateway);
            }
            if let Some(status) = gateway.child.try_wait()? {
                bail!("the gateway ended with {status} before it listened:\n{text}");
            }
            if Instant::now() > deadline {
                bail!("the gateway does not listen after {LISTENS_WITHIN:?}:\n{text}");
            }
            sleep(LOOK_EVERY).await;
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn smpp(&self) -> Option<SocketAddr> {
        self.smpp
    }

    /// User and system time since its start, to a hundredth of a second.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        cpu_of(&self.child.id().to_string())
    }

    /// The resident set now.
    pub(crate) fn rss(&self) -> Result<u64> {
        self.status_field("VmRSS:")
    }

    /// The largest resident set since its start.
    pub(crate) fn peak_rss(&self) -> Result<u64> {
        self.status_field("VmHWM:")
    }

    /// Waits until it has used next to no CPU for two seconds: webhooks are told, closed records are sealed.
    pub(crate) async fn until_quiet(&self, at_most: Duration) -> Result<bool> {
        let deadline = Instant::now() + at_most;
        let mut quiet = 0;
        while Instant::now() < deadline {
            let before = self.cpu()?;
            sleep(Duration::from_millis(500)).await;
            let used = self.cpu()?.saturating_sub(before);
            quiet = if used <= Duration::from_millis(10) { quiet + 1 } else { 0 };
            if quiet == 4 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// As `kill -9` does.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill().context("the gateway cannot be killed")?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to drain, as a supervisor does, and waits for its end.
    pub(crate) async fn terminate(mut self) -> Result<()> {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().context("kill cannot be run")?;
        if !sent.success() {
            bail!("the gateway could not be signalled");
        }
        let deadline = Instant::now() + ENDS_WITHIN;
        while Instant::now() < deadline {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            sleep(Duration::from_millis(20)).await;
        }
        bail!("the gateway did not end within {ENDS_WITHIN:?}")
    }

    fn status_field(&self, name: &str) -> Result<u64> {
        let path = format!("/proc/{}/status", self.child.id());
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
        Ok(kilobytes.with_context(|| format!("{path} has no {name}"))? * 1024)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, and that is well.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The CPU time of this process: load, vendors and sink together.
pub(crate) fn own_cpu() -> Result<Duration> {
    cpu_of("self")
}

fn spawn(program: &Path, configuration: &Path, log: &Path) -> Result<Child> {
    let errors = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    Command::new(program)
        .args([Path::new("serve"), Path::new("--config"), configuration])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(errors)
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))
}

fn announced(log: &str) -> Option<SocketAddr> {
    let rest = log.split_once("listening on http://")?.1;
    rest.split_once('\n')?.0.trim().parse().ok()
}

fn announced_smpp(log: &str) -> Option<SocketAddr> {
    let rest = log.split_once("serving SMPP address=")?.1;
    rest.split_once(' ')?.0.parse().ok()
}

fn cpu_of(process: &str) -> Result<Duration> {
    let path = PathBuf::from(format!("/proc/{process}/stat"));
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let ticks = ticks(&text).with_context(|| format!("{} cannot be understood", path.display()))?;
    Ok(Duration::from_secs_f64(ticks as f64 / TICKS_PER_SECOND))
}

/// The name in parentheses may hold anything, so fields are counted after its end.
fn ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let user: u64 = fields.nth(11)?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_system_time_are_added_whatever_the_name_of_the_program() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 100 0 0 0 12 30 0 0 20 0 4 0 100 200 300";
        assert_eq!(ticks(stat), Some(42));
    }

    #[test]
    fn the_address_is_read_once_its_line_is_whole() {
        assert_eq!(announced("listening on http://127.0.0.1:80"), None);
        let address = announced("INFO\nlistening on http://127.0.0.1:8080\n");
        assert_eq!(address, Some(SocketAddr::from(([127, 0, 0, 1], 8080))));
    }
}
