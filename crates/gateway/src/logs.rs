//! Logs on stderr: lines for people, or JSON.

use tracing_subscriber::EnvFilter;

/// Starts logging; a second call changes nothing. `RUST_LOG` sets the level, `info` without it.
pub fn start(json: bool) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    // An error only says that logging was started already.
    if json {
        drop(builder.json().try_init());
    } else {
        drop(builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init());
    }
}
