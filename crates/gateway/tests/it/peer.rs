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

#[derive(Clone, Copy)]
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

fn node(script: &str) -> Command {
    let mut node = Command::new("node");
    node.arg(self::script(script)).env("NODE_PATH", home().join("node/node_modules"));
    node
}

fn python(script: &str) -> Command {
    let mut python = Command::new(home().join("venv/bin/python"));
    // The peers' own warnings are none of ours.
    python.args(["-W", "ignore"]).arg(self::script(script));
    python
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/interop").join(name)
}

/// Where `cargo xtask interop` has put what the scripts need.
fn home() -> PathBuf {
    if let Ok(missing) = env::var("STROWGER_INTEROP_MISSING") {
        panic!("the foreign peers could not be prepared: {missing}");
    }
    let home = PathBuf::from(env::var_os("STROWGER_INTEROP").expect("cargo sets it"));
    let is_there = |part: &str| home.join(part).exists();
    assert!(is_there("venv.stamp") && is_there("node.stamp"), "first run: cargo xtask interop");
    home
}
