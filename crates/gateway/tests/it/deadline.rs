//! Waiting for what another process does: until it is so, and never for ever.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Longer than anything here takes on a busy machine, and short enough to be waited for.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

const ASK_EVERY: Duration = Duration::from_millis(25);

/// Asks again and again until there is an answer.
pub(crate) async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "not within {LIMIT:?}: {what}");
        sleep(ASK_EVERY).await;
    }
}
