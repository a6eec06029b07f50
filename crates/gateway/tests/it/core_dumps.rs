//! The program leaves no core dump: its memory holds keys and texts.

use std::process::Command;

use crate::gateway::{Gateway, strowger};
use crate::lab;
use crate::process::Process;
use crate::setup::Setup;

/// The soft and the hard limit of a core dump.
fn limits(process: &Process) -> Vec<String> {
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", process.pid())).unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max core file size"));
    line.unwrap().split_whitespace().take(2).map(str::to_owned).collect()
}

/// Started with as large dumps as this user may have.
fn with_dumps(command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"ulimit -c "$(ulimit -H -c)"; exec "$@""#, "sh"]).arg(command.get_program());
    shell.args(command.get_args());
    shell
}

#[tokio::test]
async fn serve_leaves_no_core_dump() {
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup::default().vendor("acme", lab::closed_port(), "");
    let gateway = Gateway::start(folder.path(), &setup).await;
    assert_eq!(limits(&gateway.process), ["0", "0"]);
}

#[tokio::test]
async fn the_demo_leaves_no_core_dump() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = strowger();
    demo.args(["demo", "--listen", "127.0.0.1:0"]);
    let mut demo = Process::start("demo", &mut with_dumps(&demo), folder.path());
    demo.says("  API ").await;
    assert_eq!(limits(&demo), ["0", "0"]);
}
