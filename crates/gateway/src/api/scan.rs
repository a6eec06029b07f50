//! Reads of much of the log that a request waits for: one at a time, and none for somebody who has gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::messages;
use super::problem::Problem;

/// Holds off the next one while one reads.
pub(super) struct Scans(Arc<Semaphore>);

impl Default for Scans {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

/// Ends the read when the request is dropped: its client hung up, or the process stops.
struct Waiting(Arc<AtomicBool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Scans {
    /// Waits until nobody reads; nobody else does until what this returns is dropped.
    pub(super) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0).acquire_owned().await.ok()
    }

    /// Waits for its turn, then reads where blocking is allowed. The work looks at the flag and ends with an error soon
    /// after it is set; the next one begins no sooner.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&AtomicBool) -> Result<T, store::Error> + Send + 'static,
    ) -> Result<T, Problem> {
        let turn = Arc::clone(&self.0).acquire_owned().await;
        let is_stopped = Arc::new(AtomicBool::new(false));
        let waiting = Waiting(Arc::clone(&is_stopped));
        let done = messages::read(move || {
            let done = work(&is_stopped);
            drop(turn);
            done
        })
        .await;
        drop(waiting);
        done
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn one_reads_at_a_time_until_it_is_done_or_nobody_waits() {
        let scans = Scans::default();
        let (begun, begins) = tokio::sync::oneshot::channel();
        let (told, tell) = sync_channel(0);
        let mut first = Box::pin(scans.run(move |is_stopped| {
            begun.send(()).unwrap();
            while !is_stopped.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(1));
            }
            tell.recv().map_err(|_| store::Error::Unavailable { reason: "stopped".to_owned() })
        }));
        tokio::select! {
            _ = &mut first => panic!("nobody let it go"),
            begins = begins => begins.unwrap(),
        }
        let mut second = Box::pin(scans.run(|_| Ok(7)));
        assert!(timeout(Duration::from_millis(50), &mut second).await.is_err());
        drop(first);
        // It has been told to end, and has not ended yet.
        assert!(timeout(Duration::from_millis(50), &mut second).await.is_err());
        told.send(()).unwrap();
        assert_eq!(second.await.map_err(|_| "refused"), Ok(7));
    }
}
