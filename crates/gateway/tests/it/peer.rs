//! The foreign peers of `tests/interop`: vendors, a webhook receiver and a proxy built on libraries that are not
//! ours.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::process::Process;
use crate::setup::WEBHOOK_SECRET;

/// A peer prints one JSON document a line, each an object with one key that says what it is.
pub(crate) struct Peer {
    process: Process,
    pub(crate) port: u16,
    /// Heard while something else was waited for.
    aside: Vec<Value>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Library {
    /// npm's `smpp`.
    NodeSmpp,
    /// PyPI's `smpp.twisted3`.
    SmppTwisted,
    /// PyPI's `smpplib`.
    Smpplib,
}

pub(crate) struct Bind<'a> {
    pub(crate) port: u16,
    /// `transmitter`, `receiver` or `transceiver`.
    pub(crate) kind: &'a str,
    pub(crate) password: &'a str,
}

impl Peer {
    pub(crate) async fn vendor(library: Library, folder: &Path) -> Self {
        match library {
            Library::NodeSmpp => Self::start("vendor.js", &mut node("vendor.js"), folder).await,
            Library::SmppTwisted => Self::start("vendor.py", &mut python("vendor.py"), folder).await,
            Library::Smpplib => panic!("it has no vendor"),
        }
    }

    /// An application's webhook, which verifies by the library `standardwebhooks`.
    pub(crate) async fn webhook(folder: &Path) -> Self {
        Self::start("webhook.py", python("webhook.py").arg(WEBHOOK_SECRET), folder).await
    }

    /// A proxy for SOCKS 5 and HTTP CONNECT, which asks for this user and password if there are any.
    pub(crate) async fn proxy(folder: &Path, login: &[&str]) -> Self {
        Self::start("proxy.py", python("proxy.py").args(login), folder).await
    }

    /// An application at the SMPP door, bound by this bind. It submits all the messages at once.
    pub(crate) fn application(library: Library, folder: &Path, bind: &Bind<'_>, messages: &Value) -> Self {
        let mut command = match library {
            Library::NodeSmpp => node("application.js"),
            Library::Smpplib => python("application.py"),
            Library::SmppTwisted => panic!("it has no application"),
        };
        let port = bind.port.to_string();
        command.args([port.as_str(), bind.kind, bind.password]).arg(messages.to_string());
        Self {
            process: Process::start("application", &mut command, folder),
            port: bind.port,
            aside: Vec::new(),
        }
    }

    /// Has an application unbind, and end once that is answered.
    pub(crate) async fn leave(mut self) {
        self.process.close_stdin();
        let status = self.process.end().await;
        assert_eq!(status.code(), Some(0), "{}", self.process.log());
    }

    async fn start(name: &str, command: &mut Command, folder: &Path) -> Self {
        let process = Process::start(name, command, folder);
        let mut peer = Self { process, port: 0, aside: Vec::new() };
        let port = peer.hear("port").await;
        peer.port = u16::try_from(port.as_u64().unwrap()).unwrap();
        peer
    }

    /// The next document under this key, whatever came before it.
    pub(crate) async fn hear(&mut self, key: &str) -> Value {
        if let Some(place) = self.aside.iter().position(|document| document.get(key).is_some()) {
            return self.aside.remove(place)[key].take();
        }
        loop {
            let line = self.process.line().await.expect("the peer goes on until it is not needed any more");
            let mut document: Value = serde_json::from_str(&line).unwrap();
            assert!(document.get("problem").is_none(), "the vendor complains: {document}");
            assert!(document.get("refused").is_none(), "the webhook's signature is not right: {document}");
            if document.get(key).is_some() {
                return document[key].take();
            }
            self.aside.push(document);
        }
    }
}

/// One of Kannel's programs.
pub(crate) fn kannel(program: &str) -> Command {
    let folder = interop().join("kannel");
    if !folder.exists() {
        return installed(program);
    }
    let mut command = Command::new(folder.join("usr/sbin").join(program));
    // Debian keeps libraries in a folder for each architecture.
    let libraries =
        ["lib", "usr/lib"].into_iter().filter_map(|lib| folder.join(lib).read_dir().ok()).flatten();
    let libraries = libraries.map(|library| library.unwrap().path());
    command.env("LD_LIBRARY_PATH", env::join_paths(libraries).unwrap());
    command
}

/// A program of the system's.
pub(crate) fn installed(program: &str) -> Command {
    let path = env::var_os("PATH").unwrap_or_default();
    let is_there = env::split_paths(&path).any(|folder| folder.join(program).is_file());
    assert!(is_there, "{program} is not there: {}", why_missing());
    Command::new(program)
}

fn node(script: &str) -> Command {
    let mut node = installed("node");
    node.arg(self::script(script)).env("NODE_PATH", filled("node").join("node_modules"));
    node
}

fn python(script: &str) -> Command {
    let mut python = Command::new(filled("venv").join("bin/python"));
    // The peers' own warnings are none of ours.
    python.args(["-W", "ignore"]).arg(self::script(script));
    python
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/interop").join(name)
}

/// Where `cargo xtask interop` has put what the scripts need.
fn filled(folder: &str) -> PathBuf {
    let stamp = interop().join(format!("{folder}.stamp"));
    assert!(stamp.exists(), "the foreign peers are not there: {}", why_missing());
    interop().join(folder)
}

fn interop() -> PathBuf {
    PathBuf::from(env::var_os("STROWGER_INTEROP").expect("cargo sets it"))
}

fn why_missing() -> String {
    env::var("STROWGER_INTEROP_MISSING").unwrap_or_else(|_| "first run: cargo xtask interop".to_owned())
}
