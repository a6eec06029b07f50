//! Work that takes long: on a thread of its own, so that nobody else's answer waits for it.

use super::code::Code;
use super::problem::Problem;

/// `failed` is what somebody is told when the work panics.
pub(super) async fn aside<T: Send + 'static>(
    failed: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|panic| {
        tracing::error!(%panic, "{failed}");
        Problem::new(Code::Internal, failed)
    })
}
