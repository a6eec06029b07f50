//! No core dumps: the memory of the process holds keys, passwords and texts.

use rustix::process::{Resource, Rlimit, setrlimit};

/// Asks the system to write none, whatever ends the process. On Linux that also keeps debuggers of the same user away,
/// and it covers programs that dumps are piped to, which do not look at the limit. What the system refuses is logged.
pub(crate) fn forbid() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "the size of core dumps could not be limited");
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
            tracing::warn!(%error, "core dumps could not be switched off");
        }
    }
}
