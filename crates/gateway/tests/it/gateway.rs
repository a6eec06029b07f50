//! The program under test, started from a configuration file in a folder of its own.

use std::path::Path;
use std::process::Command;

use reqwest::Method;

use crate::client::Client;
use crate::deadline::until;
use crate::process::Process;
use crate::setup::Setup;

pub(crate) struct Gateway {
    pub(crate) process: Process,
    pub(crate) client: Client,
}

/// The program, without the settings of whoever runs the tests.
pub(crate) fn strowger() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_strowger"));
    for name in ["STROWGER_ENDPOINT", "STROWGER_API_KEY", "STROWGER_CA", "RUST_LOG"] {
        command.env_remove(name);
    }
    command
}

impl Gateway {
    /// Starts it over the folder, which may hold the store of one before, and waits until it is ready.
    pub(crate) async fn start(folder: &Path, setup: &Setup) -> Self {
        Self::start_with(folder, setup, &[]).await
    }

    /// As `start`, with more arguments.
    pub(crate) async fn start_with(folder: &Path, setup: &Setup, arguments: &[&str]) -> Self {
        Self::listening(folder, setup, arguments).await.until_ready().await
    }

    /// As `start`; what it wrote to stderr when it ends instead.
    pub(crate) async fn try_start(folder: &Path, setup: &Setup) -> Result<Self, String> {
        Ok(Self::try_listening(folder, setup, &[]).await?.until_ready().await)
    }

    /// One that listens and need not be ready.
    pub(crate) async fn listening(folder: &Path, setup: &Setup, arguments: &[&str]) -> Self {
        let started = Self::try_listening(folder, setup, arguments).await;
        started.unwrap_or_else(|log| panic!("the gateway did not start: {log}"))
    }

    /// As `listening`; what it wrote to stderr when it ends instead.
    pub(crate) async fn try_listening(
        folder: &Path,
        setup: &Setup,
        arguments: &[&str],
    ) -> Result<Self, String> {
        Self::try_listening_from(folder, &setup.file(), arguments).await
    }

    /// As `start`, from a file that no setup writes.
    pub(crate) async fn start_from(folder: &Path, file: &str) -> Self {
        let started = Self::try_listening_from(folder, file, &[]).await;
        started.unwrap_or_else(|log| panic!("the gateway did not start: {log}")).until_ready().await
    }

    async fn try_listening_from(folder: &Path, text: &str, arguments: &[&str]) -> Result<Self, String> {
        let file = folder.join("strowger.toml");
        std::fs::write(&file, text).unwrap();
        let mut serve = strowger();
        serve.arg("serve").arg("--config").arg(&file).args(arguments).current_dir(folder);
        let mut process = Process::start("strowger", &mut serve, folder);
        let base = process.says_unless_it_ends("listening on ").await?;
        let client = Client::new(&base);
        Ok(Self { process, client })
    }

    async fn until_ready(self) -> Self {
        until("the gateway is ready", async || {
            let answer = self.client.bare(Method::GET, "/readyz").send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
        self
    }

    /// Where applications bind.
    pub(crate) async fn smpp_port(&mut self) -> u16 {
        let address = self.process.says("serving SMPP address=").await;
        address.rsplit(':').next().unwrap().parse().unwrap()
    }

    /// Where they bind with TLS.
    pub(crate) async fn smpp_tls_port(&mut self) -> u16 {
        let address = self.process.says("serving SMPP over TLS address=").await;
        address.rsplit(':').next().unwrap().parse().unwrap()
    }

    /// Ends it as `kill -9` does.
    pub(crate) fn kill(mut self) {
        self.process.kill();
    }
}
